"""``fhb.migrate``: a tree of YAML configs becomes a package of recipes that runs in its place.

In come two folders, out go the package and a report. ``scan``, ``plan`` and ``write`` make the package, ``client``
has it compared with the YAML; here they are put together, so that the package appears as a whole or not at all.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import hydra

from fiddle_hydra_bridge.convert.bridge import check_choice
from fiddle_hydra_bridge.convert.dialects import DIALECTS
from fiddle_hydra_bridge.convert.python_names import is_name
from fiddle_hydra_bridge.errors import ParameterError, Place
from fiddle_hydra_bridge.migration.client import Progress, compare, survey
from fiddle_hydra_bridge.migration.constants import Constants
from fiddle_hydra_bridge.migration.plan import PlannedModule, plan
from fiddle_hydra_bridge.migration.report import Report, Row
from fiddle_hydra_bridge.migration.scan import scan
from fiddle_hydra_bridge.migration.stand_ins import imported_modules
from fiddle_hydra_bridge.migration.variables import MODULE, SharedConstants
from fiddle_hydra_bridge.migration.write import write_module
from fiddle_hydra_bridge.recipes.listing import Listing
from fiddle_hydra_bridge.recipes.marked_configs import shown

__all__ = ["migrate", "write_package"]


def migrate(
    conf_dir: str | os.PathLike[str],
    out_package: str | os.PathLike[str],
    *,
    force: bool = False,
    lazy: bool = False,
    inline: bool = False,
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
        inline: whether interpolations that mean the same in every config of the tree become Python variables: for
            those who leave Hydra's command line behind, since an override of a value then does not reach what was
            made of it. All others stay links, as do those that call a resolver.
        dialect: whose words the configs speak, if not Hydra's, as for ``from_hydra``; the recipes speak Hydra's.
        version_base: as the app gives it to ``hydra.main``.
        progress: is called with what is done, and how far it is.

    Returns:
        what became of each file.

    Raises:
        ParameterError: if there are no configs, there is no such dialect or ``version_base``, the package has no
            name that could be imported, or its folder is not empty.
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
        planned = plan(configs)
        refused = write_package(planned, package, lazy=lazy, dialect=dialect, progress=progress)
        rows += refused
        imported = sorted({name.partition(".")[0] for name in imported_modules(package)})
        if target.name in imported:
            raise ParameterError(
                f"{target}: the configs name targets in a package {target.name!r}: choose another name"
            )
        gone = {row.config for row in refused}
        kept = [config for config in configs if config.path not in gone]
        constants = Constants()
        if inline:
            constants = survey(source, package, kept, version_base=version_base, progress=progress)
            write_package(planned, package, lazy=lazy, dialect=dialect, shared=SharedConstants(constants))
        compared, stand_ins, _ = compare(
            source, package, kept, dialect=dialect, version_base=version_base, inline=inline, progress=progress
        )
        _replace(package, target, Path(temporary, "before"))
    rows += compared
    return Report(
        package=str(target),
        rows=tuple(sorted(rows, key=lambda row: row.config)),
        stand_ins=tuple(stand_ins),
        missing=tuple(name for name in imported if not Listing(name).available()),
        hydra=hydra.__version__,
        inlined=len(constants.interpolations),
        links=tuple(f"{Place(shown(spot[0]), *spot[1:])}: {reason}" for spot, reason in sorted(constants.kept.items())),
    )


def _folder(out_package: str | os.PathLike[str]) -> Path:
    text = os.fspath(out_package)
    is_dotted = "." in text and all(part.isidentifier() for part in text.split("."))
    return Path(*text.split(".")) if is_dotted else Path(text)


def _check(source: Path, target: Path, force: bool) -> None:
    if not source.is_dir():
        raise ParameterError(f"{source}: there is no such folder")
    if not is_name(target.name):
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


def write_package(
    planned: PlannedModule,
    package: Path,
    *,
    lazy: bool = False,
    dialect: str | None = None,
    shared: SharedConstants | None = None,
    progress: Progress | None = None,
) -> list[Row]:
    """Writes the modules of a package.

    Args:
        planned: the module that is the package itself.
        package: its folder.
        lazy: as for :func:`migrate`.
        dialect: as for :func:`migrate`.
        shared: the constants that become variables; without them all interpolations are links.
        progress: as for :func:`migrate`.

    Returns:
        rows for the configs that have no place in them.
    """
    rows = []
    modules = list(planned.tree())
    for done, module in enumerate(modules, 1):
        file = package / module.file
        file.parent.mkdir(parents=True, exist_ok=True)
        text, refused = write_module(module, lazy=lazy, dialect=dialect, shared=shared)
        file.write_text(text, encoding="utf-8")
        for config, error in refused:
            problem = error.problems[0]
            rows.append(Row(config.path, str(problem.place or config.file), "skipped", problem.message))
        if progress is not None:
            progress("writing modules", done, len(modules))
    if shared is not None and shared.names:
        (package / f"{MODULE}.py").write_text(shared.text(), encoding="utf-8")
    return rows


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
