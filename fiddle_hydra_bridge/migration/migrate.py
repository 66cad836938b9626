"""``fhb.migrate``: a tree of YAML configs becomes a package of recipes that runs in its place.

In come two folders, out go the package and a report. ``scan``, ``plan`` and ``write`` make the package, ``worker``
compares it with the YAML; here they are put together, so that the package appears as a whole or not at all.
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
from typing import Any

import hydra

from fiddle_hydra_bridge.convert.bridge import check_choice
from fiddle_hydra_bridge.convert.dialects import DIALECTS
from fiddle_hydra_bridge.errors import BridgeError, ParameterError
from fiddle_hydra_bridge.migration.plan import PlannedModule, plan
from fiddle_hydra_bridge.migration.report import Report, Row
from fiddle_hydra_bridge.migration.scan import ConfigFile, read, scan
from fiddle_hydra_bridge.migration.stand_ins import imported_modules
from fiddle_hydra_bridge.migration.write import write_module
from fiddle_hydra_bridge.recipes.listing import Listing

__all__ = ["compare", "migrate"]

#: Called with what is being done, how much of it is done, and how much there is.
Progress = Callable[[str, int, int], None]


def migrate(
    conf_dir: str | os.PathLike[str],
    out_package: str | os.PathLike[str],
    *,
    force: bool = False,
    lazy: bool = False,
    dialect: str | None = None,
    version_base: str | None = None,
    progress: Progress | None = None,
) -> Report:
    """Writes a package of recipes that runs in place of a tree of YAML configs, and proves it.

    A group becomes a module, an option a function; ``hydra.searchpath=[fiddle://out_package]`` then offers what the
    folder offered. Nothing of the tree is evaluated: no target is imported, no interpolation resolved. For the proof,
    every config is composed from YAML and from the package, in a process of its own in which stand-ins take the place
    of the targets, and compared.

    Args:
        conf_dir: the root of the tree, what an app names as its ``config_path``.
        out_package: the folder of the package, or its dotted name below the working directory.
        force: whether a folder that is not empty is replaced, with all that is in it.
        lazy: whether targets are ``LazyTarget`` placeholders, so that the package can be used where they are not
            installed; otherwise the modules import them at their top.
        dialect: whose words the configs speak, if not Hydra's, as for ``from_hydra``; the recipes speak Hydra's.
        version_base: as the app gives it to ``hydra.main``.
        progress: is called with what is done, and how far it is.

    Returns:
        what became of each file.

    Raises:
        ParameterError: if there are no configs, there is no such dialect, the package has no importable name, or its
            folder is not empty.
        BridgeError: if the comparison cannot be made. The folder is then as it was before.

    Example:
        >>> report = migrate("conf", "my_app/recipes")  # doctest: +SKIP
        >>> print(report)  # doctest: +SKIP
        my_app/recipes: 2 configs: 2 equal (Hydra 1.3.8)
    """
    source, target = Path(conf_dir), _folder(out_package)
    _check(source, target, force)
    if dialect is not None:
        check_choice("dialect", dialect, DIALECTS)
    configs, skipped = scan(source)
    if not configs:
        raise ParameterError(f"{source}: there are no configs in it: files that end in .yaml")
    rows = [Row(_relative(each.file, source), str(each.file), "skipped", each.reason) for each in skipped]
    made = next(folder for folder in (target.parent, *target.parents) if folder.exists())
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=made) as temporary:
        package = Path(temporary, target.name)
        refused = _write(plan(configs), package, lazy, dialect, progress)
        rows += refused
        imported = sorted({name.partition(".")[0] for name in imported_modules(package)})
        if target.name in imported:
            raise ParameterError(
                f"{target}: the configs name targets in a package {target.name!r}: choose another name"
            )
        gone = {row.config for row in refused}
        kept = [config for config in configs if config.path not in gone]
        compared, stand_ins, _ = compare(
            source, package, kept, dialect=dialect, version_base=version_base, progress=progress
        )
        _replace(package, target, Path(temporary, "before"))
    rows += compared
    return Report(
        package=str(target),
        rows=tuple(sorted(rows, key=lambda row: row.config)),
        stand_ins=tuple(stand_ins),
        missing=tuple(name for name in imported if not Listing(name).available()),
        hydra=hydra.__version__,
    )


def _folder(out_package: str | os.PathLike[str]) -> Path:
    text = os.fspath(out_package)
    is_dotted = "." in text and all(part.isidentifier() for part in text.split("."))
    return Path(*text.split(".")) if is_dotted else Path(text)


def _check(source: Path, target: Path, force: bool) -> None:
    if not source.is_dir():
        raise ParameterError(f"{source}: there is no such folder")
    if not target.name.isidentifier():
        raise ParameterError(f"{target}: {target.name!r} cannot be the name of a package")
    inside = os.path.realpath(source)
    if os.path.commonpath([os.path.realpath(target), inside]) in (os.path.realpath(target), inside):
        raise ParameterError(f"{target}: the package and the configs must be folders beside each other")
    if target.exists() and not target.is_dir():
        raise ParameterError(f"{target}: there is a file of this name")
    if not force and target.is_dir() and any(target.iterdir()):
        raise ParameterError(f"{target}: the folder is not empty; force=True replaces it")


def _relative(file: Path, source: Path) -> str:
    return file.relative_to(source).as_posix()


def _write(
    planned: PlannedModule, package: Path, lazy: bool, dialect: str | None, progress: Progress | None
) -> list[Row]:
    """Writes the modules, and returns rows for the configs that have no place in them."""
    rows = []
    modules = list(planned.tree())
    for done, module in enumerate(modules, 1):
        file = package / module.file
        file.parent.mkdir(parents=True, exist_ok=True)
        text, refused = write_module(module, lazy=lazy, dialect=dialect)
        file.write_text(text, encoding="utf-8")
        for config, error in refused:
            problem = error.problems[0]
            rows.append(Row(config.path, str(problem.place or config.file), "skipped", problem.message))
        if progress is not None:
            progress("writing modules", done, len(modules))
    return rows


def compare(
    source: Path,
    package: Path,
    configs: Sequence[ConfigFile],
    *,
    cases: Sequence[tuple[str, Sequence[str]]] = (),
    dialect: str | None = None,
    version_base: str | None = None,
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
        progress: is called with what is done, and how far it is.

    Returns:
        a row for each config, the configs that were taken for empty, and for each case a dict with what
        ``verify.Outcome`` tells.

    Raises:
        BridgeError: if the process ends early.
    """
    request = {
        "folder": os.path.abspath(source),
        "package": os.path.abspath(package),
        "dialect": dialect,
        "version_base": version_base,
        "configs": [(str(each.file), each.group, each.name, read(each).package) for each in configs],
        "cases": [(name, list(overrides)) for name, overrides in cases],
    }
    rows: list[Row] = []
    results: list[dict[str, Any]] = []
    total = len(configs) + len(cases)
    for message in _answers(request):
        if "stand_ins" in message:
            return rows, message["stand_ins"], results
        if "case" in message:
            results.append(message)
        else:
            rows.append(Row(**message))
        if progress is not None:
            progress("comparing configs", len(rows) + len(results), total)
    raise AssertionError("the last answer is about the whole")


def _answers(request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    with tempfile.TemporaryFile("w+", encoding="utf-8") as errors, _worker(errors) as process:
        assert process.stdin is not None and process.stdout is not None
        json.dump(request, process.stdin)
        process.stdin.close()
        for line in process.stdout:
            yield json.loads(line)
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


def _replace(package: Path, target: Path, before: Path) -> None:
    """Puts the package in its place; what was there goes away with the temporary folder."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        os.rename(target, before)
    try:
        os.rename(package, target)
    except BaseException:
        if before.exists():
            os.rename(before, target)
        raise
