"""What is asked of the process that composes: to compare a package with its YAML, and to look for constants.

In come a tree and a package, out come rows of the report or what is constant. ``worker`` is the process and answers;
``migrate`` stands below.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from fiddle_hydra_bridge.errors import BridgeError, ParameterError
from fiddle_hydra_bridge.migration.constants import Constants
from fiddle_hydra_bridge.migration.report import Row
from fiddle_hydra_bridge.migration.scan import ConfigFile, read

__all__ = ["Progress", "compare", "survey"]

#: Called with what is being done, how much of it is done, and how much there is.
Progress: TypeAlias = Callable[[str, int, int], None]


def compare(
    source: Path,
    package: Path,
    configs: Sequence[ConfigFile],
    *,
    cases: Sequence[tuple[str, Sequence[str]]] = (),
    dialect: str | None = None,
    version_base: str | None = None,
    inline: bool = False,
    progress: Progress | None = None,
) -> tuple[list[Row], list[str], list[dict[str, Any]]]:
    """Compares a tree of YAML with a package, in a process of its own.

    Args:
        source: the root of the tree.
        package: the folder of the package.
        configs: the configs to compare.
        cases: command lines to compare besides: the name of a config, and overrides.
        dialect: whose words the configs speak.
        version_base: as the app gives it to ``hydra.main``.
        inline: whether the package may have what an interpolation leads to in place of it.
        progress: is called with what is done, and how far it is.

    Returns:
        a row for each config, the configs that were taken for empty, and for each case a dict with what
        ``verify.Outcome`` tells.

    Raises:
        ParameterError: if nothing can be composed: Hydra knows no such ``version_base``, or the name of the package is
            that of a module that is needed.
        BridgeError: if the process ends early.
    """
    asked = {
        "dialect": dialect,
        "version_base": version_base,
        "inline": inline,
        "cases": [(name, list(overrides)) for name, overrides in cases],
    }
    rows: list[Row] = []
    results: list[dict[str, Any]] = []
    total = len(configs) + len(cases)
    for message in _answers(_request(source, package, configs, asked)):
        if "stand_ins" in message:
            return rows, message["stand_ins"], results
        if "case" in message:
            results.append(message)
        else:
            rows.append(Row(**message))
        if progress is not None:
            progress("comparing configs", len(rows) + len(results), total)
    raise AssertionError("the last answer is about the whole")


def survey(
    source: Path,
    package: Path,
    configs: Sequence[ConfigFile],
    *,
    version_base: str | None = None,
    progress: Progress | None = None,
) -> Constants:
    """Finds out what of a tree is constant, in a process of its own.

    Args:
        source: the root of the tree.
        package: the folder of the package, whose imports tell what must not be imported.
        configs: the configs to compose.
        version_base: as the app gives it to ``hydra.main``.
        progress: is called with what is done, and how far it is.

    Raises:
        ParameterError: if nothing can be composed: Hydra knows no such ``version_base``, or the name of the package is
            that of a module that is needed.
        BridgeError: if the process ends early.
    """
    asked = {"survey": True, "version_base": version_base}
    for done, message in enumerate(_answers(_request(source, package, configs, asked)), 1):
        if "constants" in message:
            return Constants.from_rows(message["constants"])
        if progress is not None:
            progress("looking for constants", done, len(configs))
    raise AssertionError("the last answer is about the whole")


def _request(source: Path, package: Path, configs: Sequence[ConfigFile], asked: dict[str, Any]) -> dict[str, Any]:
    return {
        "folder": os.path.abspath(source),
        "package": os.path.abspath(package),
        "configs": [(str(each.file), each.group, each.name, read(each).package) for each in configs],
        "survey": False,
        "inline": False,
        "dialect": None,
        **asked,
    }


def _answers(request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    with tempfile.TemporaryFile("w+", encoding="utf-8") as errors, _worker(errors) as process:
        assert process.stdin is not None and process.stdout is not None
        json.dump(request, process.stdin)
        process.stdin.close()
        for line in process.stdout:
            message = json.loads(line)
            if "refused" in message:
                raise ParameterError(message["refused"])
            yield message
        if process.wait() != 0:
            errors.seek(0)
            raise BridgeError(f"the comparison has failed:\n{errors.read()[-2000:].strip()}")


@contextmanager
def _worker(errors: Any) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "fiddle_hydra_bridge.migration.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=errors,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
