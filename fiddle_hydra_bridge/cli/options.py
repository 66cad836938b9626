"""The options that commands share, and how the words of a command line are read.

In come words, out come config arguments and overrides; ``finding`` stands below and loads them. Nothing here imports
Fiddle or Hydra: help and completion come from these declarations.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from cyclopts import Parameter

from fiddle_hydra_bridge.cli.failures import UsageError

__all__ = ["ConversionOptions", "Dialect", "Options", "Output", "Words", "split"]

#: Whose words a config can speak, if not Hydra's.
Dialect: TypeAlias = Literal["torchtune", "lightning", "nemo_run"]

#: The words of a command: config arguments, then overrides. They are strings; that they may be paths makes shells
#: complete the names of files.
Words = Annotated[
    str | Path,
    Parameter(
        name="CONFIG",
        # "-" is one; what else starts with a hyphen is judged in `split`.
        allow_leading_hyphen=True,
        help="A YAML or JSON file, '-' for standard input, a recipe 'package.module:function', or nothing where "
        "--config-name is given. Behind it Hydra's overrides: a.b=1 +c=2 ~d",
    ),
]


@Parameter(name="*")
@dataclass(frozen=True)
class Options:
    """What every command that reads a config takes."""

    config_dir: Path | None = None
    """The folder of a config that Hydra composes."""

    config_name: str | None = None
    """The name of a config that Hydra composes, as in a Hydra app."""

    allow: list[str] | None = None
    """Targets that the config may name, such as my_app.* (repeatable). Nothing else is imported."""

    convert: Literal["all", "none", "partial", "object"] = "all"
    """What targets get for lists and dicts unless _convert_ says it: Python's own, or as in Hydra."""

    share: bool = False
    """Make ${node} the same instance as the node, not a copy."""

    debug: bool = False
    """Show the tracebacks of errors."""


@Parameter(name="*")
@dataclass(frozen=True)
class ConversionOptions(Options):
    """What commands take besides, that show a config and do not build it."""

    links: Literal["auto", "keep"] = "auto"
    """What becomes of interpolations: resolved where they stand, or kept."""

    missing: Literal["error", "lazy"] = "error"
    """What becomes of targets that cannot be imported: an error, or placeholders."""

    dialect: Dialect | None = None
    """Whose words the config speaks, if not Hydra's: _component_, class_path and init_args, or _call_."""


@Parameter(name="*")
@dataclass(frozen=True)
class Output:
    """Where a command writes text."""

    output: Annotated[Path | None, Parameter(alias="-o")] = None
    """Write to this file, not to standard output."""

    force: bool = False
    """Replace the file if it exists."""


def split(words: Sequence[str | Path], options: Options, most: int = 1) -> tuple[list[str], list[str]]:
    """Splits the words of a command into config arguments and overrides.

    Args:
        words: what was typed.
        options: ``--config-name`` stands for one config argument, behind the others.
        most: how many config arguments the command takes.

    Raises:
        UsageError: if there is no config argument, or ``--config-dir`` and ``--config-name`` are not given together.
    """
    if (options.config_dir is None) != (options.config_name is None):
        raise UsageError("--config-dir and --config-name go together: the folder, and the config in it")
    texts = [str(word) for word in words]
    most -= options.config_name is not None
    configs = list(itertools.takewhile(_is_config, texts[:most]))
    if not configs and options.config_name is None:
        if texts:
            raise UsageError(f"a config is missing: it stands before {texts[0]!r}")
        raise UsageError("a config is missing: give a file, a recipe 'package.module:function', or --config-name")
    return configs, texts[len(configs) :]


def as_word(name: str) -> str:
    """Returns a name as one word, as Hydra wants names of configs and jobs.

    >>> as_word("my run.v2")
    'my_run_v2'
    """
    return re.sub(r"[^\w-]", "_", name)


def _is_config(word: str) -> bool:
    is_override = "=" in word or word.startswith(("~", "+"))
    is_flag = word.startswith("-") and word != "-"
    return os.path.exists(word) or not (is_override or is_flag)
