"""The dotted paths of callables: what a graph's targets are called in a config.

In come callables, out come paths, by which ``targets`` finds the same callables again. ``callables`` stands above
(what a callable is bound to and wrapped in); nothing is imported here.
"""

from __future__ import annotations

import functools
import sys
import types
from collections.abc import Iterator
from typing import Any

from fiddle_hydra_bridge.convert.callables import PUBLIC_MODULES, descriptor_owner, is_same, look_up, receiver_of
from fiddle_hydra_bridge.errors import Problem, TargetError

__all__ = ["path_of"]


def path_of(target: object) -> str:
    """Returns the dotted path of a callable: looking it up gives that very object.

    Args:
        target: a class, function, built-in, class method, or a ``LazyTarget``.

    Raises:
        TargetError: if it has no path, with the reason.

    >>> import collections
    >>> path_of(collections.OrderedDict.fromkeys)
    'collections.OrderedDict.fromkeys'
    """
    if "__target_path__" in getattr(type(target), "__annotations__", ()):
        # A placeholder says itself what it stands for.
        return str(vars(target)["__target_path__"])
    names = list(_candidate_names(target))
    for module, name in names:
        path = _importable_path(target, module, name)
        if path is not None:
            return path
    raise _unnameable(target, names)


def _candidate_names(target: Any) -> Iterator[tuple[str, str]]:
    """The names, as module and qualified name, that an object may be found under."""
    receiver, owner = receiver_of(target), descriptor_owner(target)
    if isinstance(receiver, type):
        owner = receiver
    name = getattr(target, "__name__", None)
    if owner is not None:
        yield owner.__module__, f"{owner.__qualname__}.{name}"
    elif receiver is None or isinstance(receiver, types.ModuleType):
        module, qualname = getattr(target, "__module__", None), getattr(target, "__qualname__", None)
        if isinstance(module, str) and isinstance(qualname, str):
            yield PUBLIC_MODULES.get(module, module), qualname
            yield module, qualname
        # Callables made by a library, such as numpy's ufuncs, know their name but not their module.
        elif isinstance(name, str):
            yield type(target).__module__, name


def _importable_path(target: object, module: str, name: str) -> str | None:
    if module == "__main__":
        spec = getattr(sys.modules["__main__"], "__spec__", None)
        is_there = _stands_for(f"__main__.{name}", target)
        return f"{'__main__' if spec is None else spec.name}.{name}" if is_there else None
    if "<" in name:
        return None
    # A package may hide a module of its own behind an object of the same name, and then mostly shows the object.
    packages = [module]
    while "." in packages[-1]:
        packages.append(packages[-1].rpartition(".")[0])
    return next((path for package in packages if _stands_for(path := f"{package}.{name}", target)), None)


def _stands_for(path: str, target: object) -> bool:
    try:
        return is_same(look_up(path), target)
    except (LookupError, AttributeError):
        return False


def _unnameable(target: Any, names: list[tuple[str, str]]) -> TargetError:
    name = ".".join(names[0]) if names else ""
    if not callable(target):
        message, hint = f"{target!r} is not callable", "a target is a class or a function"
    elif isinstance(target, functools.partial):
        message, hint = f"{target!r} has no importable name", "use fdl.Partial, or give it a function of its own"
    elif "<lambda>" in name:
        message, hint = f"the lambda {name!r} has no importable name", "define a function at the top of a module"
    elif "<locals>" in name:
        message, hint = f"{name!r} is defined inside a function", "move it to the top level of its module"
    elif receiver_of(target) is not None:
        message = f"{target!r} is bound to an object, which has no importable name"
        hint = "use a function, or a class method"
    elif not names:
        message, hint = f"{target!r} has no importable name", "wrap it in a function at the top of a module"
    else:
        message = f"{target!r} cannot be found as {name!r}: that name is missing or stands for something else"
        hint = "was it decorated, renamed or defined anew? it must be found in its module under its own name"
    return TargetError(Problem(message, hint=hint, kind=TargetError))
