"""What is asked of the processes that compose: to compare a package with its YAML, and to look for constants.

In come a tree and a package, out come rows of the report or what is constant. ``worker`` is such a process and answers;
``migrate`` stands below.
"""

from __future__ import annotations

import itertools
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Any, TypeAlias

from fiddle_hydra_bridge.errors import BridgeError, ParameterError
from fiddle_hydra_bridge.migration.constants import Constants
from fiddle_hydra_bridge.migration.report import Row
from fiddle_hydra_bridge.migration.scan import ConfigFile

__all__ = ["Progress", "compare", "survey"]

#: Called with what is being done, how much of it is done, and how much there is.
Progress: TypeAlias = Callable[[str, int, int], None]

#: What processes answer, an error if one fails, None for each that has ended.
_Answers: TypeAlias = queue.SimpleQueue[dict[str, Any] | BridgeError | None]
#: How many configs take longer to compare than a process to start.
_WORTH_A_PROCESS = 20


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
    """Compares a tree of YAML with a package, in processes of its own.

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
        BridgeError: if a process ends early.
    """
    asked: dict[str, Any] = {
        "dialect": dialect,
        "version_base": version_base,
        "inline": inline,
        "cases": [],
        # An option is composed with a primary config, in whichever part of the tree that is.
        "primaries": _primaries(configs),
    }
    requests = [_request(source, package, part, asked) for part in _parts(configs)]
    requests[0]["cases"] = [(name, list(overrides)) for name, overrides in cases]
    rows: list[Row] = []
    stand_ins: set[str] = set()
    results: list[dict[str, Any]] = []
    for message in _answers(requests):
        if "stand_ins" in message:
            stand_ins.update(message["stand_ins"])
            continue
        if "case" in message:
            results.append(message)
        else:
            rows.append(Row(**message))
        if progress is not None:
            progress("comparing configs", len(rows) + len(results), len(configs) + len(cases))
    return rows, sorted(stand_ins), results


def _primaries(configs: Sequence[ConfigFile]) -> list[str]:
    return [config.path for config in configs if not config.group]


def _parts(configs: Sequence[ConfigFile]) -> list[Sequence[ConfigFile]]:
    """Splits the configs for several processes; those of a group stay together, as far as that goes."""
    count = max(1, min(_processors(), len(configs) // _WORTH_A_PROCESS))
    ends = [len(configs) * number // count for number in range(count + 1)]
    return [configs[start:end] for start, end in itertools.pairwise(ends)]


def _processors() -> int:
    """How many processors this process may use; not every system tells."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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
    asked = {"survey": True, "version_base": version_base, "primaries": _primaries(configs)}
    for done, message in enumerate(_answers([_request(source, package, configs, asked)]), 1):
        if "constants" in message:
            return Constants.from_rows(message["constants"])
        if progress is not None:
            # An option may have several places, so that there can be more to do than there are configs.
            progress("looking for constants", min(done, len(configs)), len(configs))
    raise AssertionError("the last answer is about the whole")


def _request(source: Path, package: Path, configs: Sequence[ConfigFile], asked: dict[str, Any]) -> dict[str, Any]:
    return {
        "folder": os.path.abspath(source),
        "package": os.path.abspath(package),
        "configs": [(str(each.file), each.group, each.name) for each in configs],
        "survey": False,
        "inline": False,
        "dialect": None,
        **asked,
    }


def _answers(requests: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yields what processes answer, one for each request, as the answers come."""
    answers: _Answers = queue.SimpleQueue()
    with ExitStack() as stack:
        for request in requests:
            stack.enter_context(_worker(request, answers))
        ended = 0
        while ended < len(requests):
            answer = answers.get()
            if isinstance(answer, BridgeError):
                raise answer
            if answer is None:
                ended += 1
            elif "refused" in answer:
                raise ParameterError(answer["refused"])
            else:
                yield answer


@contextmanager
def _worker(request: dict[str, Any], answers: _Answers) -> Iterator[None]:
    """Runs a process that answers a request; it ends with the block at the latest."""
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "fiddle_hydra_bridge.migration.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            encoding="utf-8",
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        reader = threading.Thread(target=_ask, args=(process, errors, request, answers))
        reader.start()
        try:
            yield
        finally:
            process.kill()
            process.wait()
            reader.join()


def _ask(process: subprocess.Popen[str], errors: IO[str], request: dict[str, Any], answers: _Answers) -> None:
    """Hands a request to a process, and its answers on; None is the last."""
    assert process.stdin is not None and process.stdout is not None
    # A process that has ended takes no request; the errors it has left say more than that.
    with suppress(OSError), process.stdin:
        json.dump(request, process.stdin)
    with process.stdout:
        for line in process.stdout:
            # A process that is killed may leave half a line.
            if line.endswith("\n"):
                answers.put(json.loads(line))
    if process.wait() != 0:
        errors.seek(0)
        answers.put(BridgeError(f"the comparison has failed:\n{errors.read()[-2000:].strip()}"))
    answers.put(None)
