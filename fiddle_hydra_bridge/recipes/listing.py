"""What a module or package of recipes offers, by config group: read from source texts, never by importing.

In comes a module's name, out come :class:`Option` rows. Modules below the given one are groups, and the recipes in
them are options; a recipe that names a group is an option of that group. ``outline`` reads single modules;
``config_source`` answers Hydra's questions from here.
"""

from __future__ import annotations

import functools
import pkgutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fiddle_hydra_bridge.recipes.outline import Head, Outline
from fiddle_hydra_bridge.recipes.registry import config_path, names_in

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec

__all__ = ["Listing", "Option", "imports_of", "module_of", "spec_of"]


@dataclass(frozen=True)
class Option:
    """A recipe on offer.

    Attributes:
        path: its config path, e.g. ``"model/llama"``.
        target: the dotted path of the function.
        package: where Hydra places it, ``None`` for its group.
        problem: why it cannot be used, if so.
        typed: whether it is served as a structured config.
        verbatim: whether it is served as it stands.
    """

    path: str
    target: str
    package: str | None
    problem: str | None = None
    typed: bool = False
    verbatim: bool = False


class Listing:
    """The recipes of a module or package, below a group.

    Args:
        module: the dotted name of the module.
        group: the group that everything is offered below, empty for none.
    """

    def __init__(self, module: str, group: str = "") -> None:
        self.module = module
        self.group = group

    def available(self) -> bool:
        """Whether the module is there."""
        return self._root is not None

    def find(self, path: str) -> Option | None:
        """Returns the option with a config path."""
        inner = self._inside(path)
        if inner is None or self._root is None:
            return None
        group, _, name = inner.rpartition("/")
        place = self._root.below(group)
        if place is not None:
            for head in place.outline.named(name):
                if head.group is None or head.group == group:
                    return self._option(place, head)
        for module in self._grouping:
            for head in module.outline.named(name):
                if head.group == group:
                    return self._option(module, head)
        return None

    def path_of(self, module: str, function: str) -> str | None:
        """Returns the config path of a function, if it is on offer here."""
        if self._root is None or not f"{module}.".startswith(f"{self.module}."):
            return None
        place = self._root.below(module[len(self.module) + 1 :].replace(".", "/"))
        for head in place.outline.all() if place is not None else ():
            if place is not None and head.function == function and not head.verbatim:
                return self._option(place, head).path
        return None

    def is_group(self, path: str) -> bool:
        """Whether there are options in a group or below it."""
        if path == self.group or self.group.startswith(f"{path}/") or path == "":
            return self.available()
        inner = self._inside(path)
        if inner is None or self._root is None:
            return False
        place = self._root.below(inner)
        if place is not None and any(place.own_heads()):
            return True
        return any(_is_below(head.group, inner) for module in self._grouping for head in module.heads_naming(inner))

    def names(self, path: str) -> tuple[set[str], set[str]]:
        """Returns the names of the groups and of the options that stand directly in a group."""
        return names_in(path, self._all)

    @functools.cached_property
    def _all(self) -> list[str]:
        if self._root is None:
            return []
        return [self._option(module, head).path for module in self._root.tree() for head in module.outline.all()]

    @functools.cached_property
    def _root(self) -> _Module | None:
        return _root(self.module)

    @functools.cached_property
    def _grouping(self) -> list[_Module]:
        """The modules that might put recipes into other groups than their own."""
        return [module for module in self._root.tree() if module.outline.names_groups] if self._root else []

    def _inside(self, path: str) -> str | None:
        """Returns a config path as seen from the module."""
        if not self.group:
            return path
        return path[len(self.group) + 1 :] if path.startswith(f"{self.group}/") else None

    def _option(self, module: _Module, head: Head) -> Option:
        place = "/".join(module.place) if head.group is None else head.group
        path = config_path(self.group, config_path(place, head.name))
        return Option(path, f"{module.name}.{head.function}", head.package, head.problem, head.typed, head.verbatim)


class _Module:
    """A module on disk, found without importing it or its parents."""

    def __init__(self, name: str, spec: ModuleSpec, place: tuple[str, ...]) -> None:
        self.name = name
        self.spec = spec
        self.place = place

    @functools.cached_property
    def outline(self) -> Outline:
        return _outline(self.name, self.spec)

    def below(self, group: str) -> _Module | None:
        """Returns the module that stands for a group."""
        module: _Module | None = self
        for step in group.split("/") if group else ():
            module = module.child(step) if module is not None else None
        return module

    def child(self, step: str) -> _Module | None:
        locations = self.spec.submodule_search_locations
        if locations is None or not step.isidentifier() or step.startswith("_"):
            return None
        spec = _find(f"{self.name}.{step}", locations)
        return None if spec is None else _Module(f"{self.name}.{step}", spec, (*self.place, step))

    def tree(self) -> Iterator[_Module]:
        """Yields the module and all modules below it."""
        yield self
        for info in pkgutil.iter_modules(self.spec.submodule_search_locations or ()):
            child = self.child(info.name)
            if child is not None:
                yield from child.tree()

    def own_heads(self) -> Iterator[Head]:
        """Yields the recipes whose group is the place of this module or one below it."""
        for module in self.tree():
            yield from (head for head in module.outline.all() if head.group is None)

    def heads_naming(self, group: str) -> Iterator[Head]:
        """Yields the recipes that might name a group."""
        return self.outline.all() if group in self.outline.text else iter(())


def _is_below(group: str | None, parent: str) -> bool:
    return group is not None and (group == parent or group.startswith(f"{parent}/"))


def _root(name: str) -> _Module | None:
    spec = spec_of(name)
    return None if spec is None else _Module(name, spec, ())


def spec_of(name: str) -> ModuleSpec | None:
    """Returns where a module is, without importing it or its parents; None if it is nowhere."""
    parts = name.split(".")
    if not all(part.isidentifier() for part in parts):
        return None
    locations: Sequence[str] | None = None
    spec = None
    for index in range(len(parts)):
        spec = _find(".".join(parts[: index + 1]), locations)
        if spec is None:
            return None
        locations = spec.submodule_search_locations or []
    return spec


def module_of(path: str) -> str | None:
    """Returns the module that a dotted path starts with: what stands on disk, nothing is imported.

    >>> module_of("concurrent.futures.thread.ThreadPoolExecutor.submit"), module_of("not_there.Model")
    ('concurrent.futures.thread', None)
    """
    steps = path.split(".")
    found: str | None = None
    locations: Sequence[str] | None = None
    for count in range(1, len(steps)):
        name = ".".join(steps[:count])
        spec = _find(name, locations) if steps[count - 1].isidentifier() else None
        if spec is None:
            break
        # A folder without an __init__.py has nothing but modules: which one is meant, if it is not there, nobody knows.
        found, locations = None if spec.loader is None else name, spec.submodule_search_locations or []
    return found


def imports_of(recipe: Any) -> dict[str, Any]:
    """Returns what the module of a recipe has imported: by the dotted path that its text names.

    One object may be imported under two paths: what the recipe itself uses comes first.
    """
    name = getattr(recipe, "__module__", "")
    module = sys.modules.get(name)
    spec = getattr(module, "__spec__", None)
    if module is None or spec is None:
        return {}
    used = getattr(getattr(recipe, "__code__", None), "co_names", ())
    imported = sorted(_outline(name, spec).imported.items(), key=lambda entry: entry[0] not in used)
    return {path: vars(module)[local] for local, path in imported if local in vars(module)}


def _find(name: str, locations: Sequence[str] | None) -> ModuleSpec | None:
    """Finds a module as Python's import does, but without importing its parents."""
    for finder in sys.meta_path:
        find_spec: Any = getattr(finder, "find_spec", None)
        try:
            spec: ModuleSpec | None = None if find_spec is None else find_spec(name, locations)
        except KeyError:
            # A folder without __init__.py inside a package: Python asks the package, which is not imported.
            spec = None
        if spec is not None:
            return spec
    return None


#: Outlines by file, with the time and size of the file they were read from.
_outlines: dict[tuple[str, str], tuple[tuple[int, int], Outline]] = {}


def _outline(name: str, spec: ModuleSpec) -> Outline:
    is_package = spec.submodule_search_locations is not None
    file = Path(spec.origin) if spec.has_location and spec.origin is not None else None
    if file is None or file.suffix != ".py" or not file.is_file():
        # In a zip archive, or a namespace package, or not written in Python.
        get_source = getattr(spec.loader, "get_source", None)
        return Outline((get_source(name) if get_source is not None else None) or "", name, is_package)
    try:
        stat = file.stat()
        state = (stat.st_mtime_ns, stat.st_size)
        known = _outlines.get((name, str(file)))
        if known is None or known[0] != state:
            # Names are ASCII mostly, and a text in another encoding only has to be cut at its functions.
            known = (state, Outline(file.read_text(encoding="utf-8", errors="replace"), name, is_package))
            _outlines[name, str(file)] = known
        return known[1]
    except OSError:
        # Who may not read a module has no recipes from it.
        return Outline("", name, is_package)
