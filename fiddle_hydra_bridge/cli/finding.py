"""Which config a word of the command line means.

In come the words of a command, out come the configs of ``configs`` and the overrides; ``options`` stands above and
splits the words. This module loads Fiddle and Hydra: commands import it when they run.
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fiddle_hydra_bridge.cli.configs import HYDRAS_SUFFIX, STDIN, Composed, Config, File, Recipe
from fiddle_hydra_bridge.cli.failures import UsageError, origin_of
from fiddle_hydra_bridge.cli.options import Options, split
from fiddle_hydra_bridge.convert import targets, yaml_text
from fiddle_hydra_bridge.convert.files import decoded, read_text
from fiddle_hydra_bridge.errors import RefusedTargetError, TargetError, suggestion
from fiddle_hydra_bridge.recipes.registry import is_function

__all__ = ["find_configs"]


def find_configs(
    words: Sequence[str | Path], options: Options, most: int = 1, flags: bool = False
) -> tuple[list[Config], list[str]]:
    """Finds the configs that the words of a command name, and the overrides behind them.

    Args:
        words: what was typed.
        options: the options of the command.
        most: how many configs the command takes.
        flags: whether there may be flags among the overrides.

    Raises:
        UsageError: if there is no config, or one that is not there, or an unknown option.
        BridgeError: if a YAML file cannot be parsed.
    """
    unknown = [text for text in map(str, words) if text.startswith("-") and text != "-"]
    if unknown and not flags:
        raise UsageError(f"there is no option {unknown[0]!r}")
    names, overrides = split(words, options, most)
    _make_importable(Path.cwd())  # as for `python -m`
    configs = [_find(name) for name in names]
    if options.config_dir is not None and options.config_name is not None:
        if not options.config_dir.is_dir():
            raise UsageError(f"there is no folder {str(options.config_dir)!r}")
        configs.append(Composed(options.config_dir.resolve(), options.config_name))
    return configs, overrides


def _find(name: str) -> Config:
    module, colon, function = name.rpartition(":")
    if colon and function.isidentifier() and not os.path.exists(name):
        return _recipe(module, function)
    return _file(name)


def _file(name: str) -> Config:
    """Returns a file; one that speaks to Hydra, by a defaults list or a section ``hydra``, is for Hydra to compose.

    Raises:
        UsageError: if there is no such file.
        BridgeError: if it cannot be parsed.
    """
    if name == "-":
        return File(None, decoded(sys.stdin.buffer.read(), STDIN))
    path = Path(name)
    if path.is_dir():
        raise UsageError(f"{name!r} is a folder: --config-dir {name} --config-name NAME composes a config in it")
    if not path.exists():
        what = "file" if path.suffix else "file, and a recipe is written 'package.module:function'"
        raise UsageError(f"there is no {what}: {name!r}{suggestion(path.name, _names_beside(path), cutoff=0.8)}")
    if path.suffix == HYDRAS_SUFFIX:
        data, _ = yaml_text.parse(read_text(path, name), source=name)
        if isinstance(data, dict) and (type(data.get("defaults")) is list or type(data.get("hydra")) is dict):
            return Composed(path.parent.resolve(), path.stem, is_file=True)
    return File(path)


def _names_beside(path: Path) -> list[str]:
    return [each.name for each in path.parent.iterdir()] if path.parent.is_dir() else []


def _recipe(module: str, function: str) -> Recipe:
    """Returns a recipe of an importable module, or of a file.

    Raises:
        UsageError: if there is no such recipe, or it cannot be called without arguments.
    """
    name = _module_of_file(module) if module.endswith(".py") else module
    target = f"{name}.{function}"
    try:
        found = targets.resolve_for_graph(target, (target,)).function
    except TargetError as error:
        if origin_of(error) is not None:
            raise
        close = "" if isinstance(error, RefusedTargetError) else suggestion(function, _functions_in(name))
        raise UsageError(f"{error}{close}") from error
    required = _required(found)
    if required:
        needs = ", ".join(map(repr, required))
        raise UsageError(f"{target!r} cannot be called without {needs}, so it is no recipe by itself")
    return Recipe(found, function)


def _module_of_file(name: str) -> str:
    """Makes the module of a file importable, under the name that it has in its package.

    Raises:
        UsageError: if the file is not there or has no such name.
    """
    path = Path(name).resolve()
    if not path.is_file():
        raise UsageError(f"there is no file: {name!r}")
    root, steps = path.parent, [] if path.stem == "__init__" else [path.stem]
    while (root / "__init__.py").exists():
        root, steps = root.parent, [root.name, *steps]
    if not all(step.isidentifier() for step in steps):
        raise UsageError(f"{name!r} cannot be imported: {'.'.join(steps)!r} is no name of a module")
    _make_importable(root)
    return ".".join(steps)


def _make_importable(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


def _functions_in(module: str) -> list[str]:
    names = vars(sys.modules[module]) if module in sys.modules else {}
    return [name for name, value in names.items() if is_function(value)]


def _required(function: Any) -> list[str]:
    optional = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:  # some callables that are not written in Python have none
        return []
    return [each.name for each in parameters if each.default is each.empty and each.kind not in optional]
