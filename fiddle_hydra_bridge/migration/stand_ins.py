"""Stand-ins for what is not to be imported or not to be had, while a package is compared with its YAML.

In come import statements and the names of configs; out go modules in ``sys.modules`` whose attributes are empty
classes, and empty configs in Hydra's ConfigStore. Only the process that compares is changed: ``worker`` ends after it.
A stand-in is enough, since a served config only tells the names of its targets.
"""

from __future__ import annotations

import ast
import functools
import pkgutil
import sys
import sysconfig
import types
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.config_store import ConfigStore

from fiddle_hydra_bridge.recipes.listing import spec_of

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec

__all__ = ["imported_modules", "is_there", "stand_in_config", "stand_in_modules"]

#: What is imported for real: it is there already, and the package is served with it.
_REAL = frozenset({*sys.stdlib_module_names, "fiddle", "fiddle_hydra_bridge", "hydra", "omegaconf"})


def imported_modules(package: Path) -> set[str]:
    """Returns the modules that the modules of a package import at their top."""
    found = set()
    for file in package.rglob("*.py"):
        for statement in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(statement, ast.ImportFrom) and statement.module and not statement.level:
                found.add(statement.module)
            elif isinstance(statement, ast.Import):
                found.update(alias.name for alias in statement.names)
    return {module for module in found if module.partition(".")[0] not in _REAL}


@functools.cache
def is_there(path: str) -> bool:
    """Whether a target can be imported while the package is compared.

    A project may have a package of its own that is called like a module of Python, such as ``code`` or ``test``.
    Neither that nor a stand-in can take the module's place, since Python itself may need it.
    """
    top = path.partition(".")[0]
    if top not in _REAL:
        return True
    if top in sys.stdlib_module_names and not _is_pythons(spec_of(top)):
        return False
    try:
        pkgutil.resolve_name(path)
    except Exception:  # a module is imported here, which may raise anything: the target is not to be had then
        return False
    return True


def _is_pythons(spec: ModuleSpec | None) -> bool:
    """Whether a module comes with Python."""
    origin = Path(spec.origin) if spec is not None and spec.has_location and spec.origin else None
    if origin is None:
        return spec is not None and spec.origin in ("built-in", "frozen")
    folders = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib")]
    return "site-packages" not in origin.parts and any(origin.is_relative_to(folder) for folder in folders)


def stand_in_modules(modules: Iterable[str]) -> None:
    """Puts stand-ins for modules, and for the packages they are in, into ``sys.modules``."""
    for module in modules:
        for name in _with_parents(module):
            if not isinstance(sys.modules.get(name), _StandInModule):
                sys.modules[name] = _StandInModule(name)


def _with_parents(module: str) -> Iterator[str]:
    steps = module.split(".")
    for count in range(1, len(steps) + 1):
        yield ".".join(steps[:count])


class _StandInClass(type):
    """The type of stand-ins: their attributes are stand-ins, too."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        made = _stand_in(f"{cls.__qualname__}.{name}", cls.__module__)
        setattr(cls, name, made)
        return made


class _StandInModule(types.ModuleType):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        # What lies beside the targets, such as the configs of a ``pkg://`` search path, is found as ever.
        self.__spec__ = spec_of(name)
        self.__path__ = list(getattr(self.__spec__, "submodule_search_locations", None) or ())

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        made = _stand_in(name, self.__name__)
        setattr(self, name, made)
        return made


def _stand_in(qualname: str, module: str) -> Any:
    return _StandInClass(qualname.rpartition(".")[2], (), {"__module__": module, "__qualname__": qualname})


def stand_in_config(path: str) -> None:
    """Stores an empty config where a tree names one that it does not hold."""
    group, _, name = path.rpartition("/")
    ConfigStore.instance().store(name=name, group=group or None, node={})
