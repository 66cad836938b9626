"""What a callable is, whatever name it was reached by: its canonical name, its receiver, what runs when it is called.

In come live objects and dotted paths, out come names and the objects that paths stand for now. Nothing is imported.
``errors`` and ``tree`` stand above; ``hydra_policy`` and ``graph_policy`` judge by these names.
"""

from __future__ import annotations

import enum
import functools
import pkgutil
import sys
import types
from typing import Any

from fiddle_hydra_bridge.errors import suggestion

__all__ = [
    "PUBLIC_MODULES",
    "descriptor_owner",
    "identity_of",
    "is_same",
    "is_within",
    "look_up",
    "makes_classes",
    "missing_part",
    "receiver_of",
    "unwrapped",
]


PUBLIC_MODULES = {
    "posix": "os",
    "nt": "os",
    "posixpath": "os.path",
    "ntpath": "os.path",
    # Python 3.13 keeps the classes of pathlib there.
    "pathlib._local": "pathlib",
}


_BOUND_TYPES = (types.MethodType, types.BuiltinMethodType)


def is_within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def identity_of(value: Any) -> str:
    """The canonical name of an object, whatever name it was reached by."""
    if isinstance(value, types.ModuleType):
        return PUBLIC_MODULES.get(value.__name__, value.__name__)
    value = unwrapped(value)
    owner = descriptor_owner(value)
    if owner is not None:
        return f"{owner.__module__}.{owner.__qualname__}.{value.__name__}"
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if module is None or name is None:
        module, name = type(value).__module__, type(value).__qualname__
    return f"{PUBLIC_MODULES.get(module, module)}.{name}"


def descriptor_owner(value: Any) -> type | None:
    owner = getattr(value, "__objclass__", None)
    return owner if isinstance(owner, type) else None


def receiver_of(function: Any) -> Any:
    return function.__self__ if type(function) in _BOUND_TYPES else None


def unwrapped(function: Any) -> Any:
    """The callable that runs when ``function`` is called: inside partials and caches, behind ``__call__``."""
    while True:
        if isinstance(function, functools.partial):
            function = function.func
        elif type(function) is _CACHE_TYPE:
            function = function.__wrapped__
        elif getattr(function, "__name__", None) == "__call__" and callable(getattr(function, "__self__", None)):
            function = function.__self__
        else:
            return function


_CACHE_TYPE = type(functools.cache(len))


def look_up(path: str) -> Any:
    """What the path stands for now; imports nothing.

    Raises:
        LookupError, AttributeError: if it stands for nothing.
    """
    root, *names = path.split(".")
    return functools.reduce(getattr, names, sys.modules[root])


def is_same(found: object, expected: object) -> bool:
    if found is expected:
        return True
    # Every look-up binds methods anew.
    return type(found) is type(expected) and type(found) in _BOUND_TYPES and found == expected


def makes_classes(function: Any) -> bool:
    for maker in (function, receiver_of(function)):
        if isinstance(maker, type) and issubclass(maker, type):
            return True
        if isinstance(maker, enum.EnumMeta) and not maker.__members__:
            return True
    return identity_of(function) in _CLASS_MAKERS


_CLASS_MAKERS = frozenset(
    {
        *("collections.namedtuple", "typing.NamedTuple", "typing.TypedDict", "typing.NewType"),
        *("dataclasses.dataclass", "attr._make.make_class"),
    }
)


def missing_part(path: str) -> str | None:
    """Names the first part of a path that is not there; imports nothing."""
    root, *names = path.split(".")
    if root not in sys.modules:
        # A name with a module behind it that is not loaded failed while it was imported.
        loaded = {name.partition(".")[0] for name in sys.modules}
        return f"no module {root!r}{suggestion(root, loaded, cutoff=0.8)}"
    value: Any = sys.modules[root]
    for index, name in enumerate(names, 1):
        if not hasattr(value, name):
            owner = ".".join([root, *names[: index - 1]])
            return f"no {_kind_of_part(value)} {name!r} in {owner!r}{suggestion(name, _names_in(value) - {name})}"
        value = getattr(value, name)
    return None


def _kind_of_part(owner: object) -> str:
    return "module or attribute" if hasattr(owner, "__path__") else "attribute"


def _names_in(owner: object) -> set[str]:
    submodules = pkgutil.iter_modules(getattr(owner, "__path__", ()))
    return {*dir(owner), *(module.name for module in submodules)}
