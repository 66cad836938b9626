"""What a graph may not call, because ``fdl.build`` checks neither arguments nor results.

In come paths and the callables that Hydra has authorised for them, out comes the reason of a refusal or ``None``. The
rules judge by the identity of the callable, not by its name. ``callables`` stands above, ``targets`` asks.
"""

from __future__ import annotations

import builtins
import functools
import operator
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

from fiddle_hydra_bridge.convert.callables import (
    descriptor_owner,
    identity_of,
    is_within,
    makes_classes,
    receiver_of,
    unwrapped,
)

__all__ = [
    "graph_refusal",
]


_RUNTIME = "fiddle_hydra_bridge.convert.runtime"


_UNWATCHED_MODULES = {
    **dict.fromkeys(("functools", "_functools"), "it wraps, binds or dispatches callables that the arguments name"),
    **dict.fromkeys(("operator", "_operator"), "it selects attributes, items or methods that the arguments name"),
    **dict.fromkeys(
        ("importlib", "_frozen_importlib", "_frozen_importlib_external", "_imp", "pkgutil", "runpy", "zipimport"),
        "it imports what the arguments name",
    ),
    **dict.fromkeys(("types", "abc", "_abc"), "it builds or changes functions, classes or modules"),
    **dict.fromkeys(("inspect", "gc", "sys", "traceback"), "it reaches into the state of the interpreter"),
    **dict.fromkeys(("ctypes", "_ctypes", "cffi", "_cffi_backend"), "it calls machine code that the arguments name"),
    **dict.fromkeys(
        ("pickle", "_pickle", "marshal", "copyreg", "shelve", "dill", "cloudpickle"),
        "it makes objects from bytes that may name any callable",
    ),
    **dict.fromkeys(
        ("timeit", "cProfile", "profile", "pdb", "bdb", "code", "codeop", "doctest", "pydoc", "trace"),
        "it runs source text",
    ),
    **dict.fromkeys(("contextlib", "contextvars", "_contextvars"), "it runs or wraps callables in another context"),
    **dict.fromkeys(("atexit", "signal", "sched"), "it calls back later"),
    **dict.fromkeys(("subprocess", "_posixsubprocess", "pty", "webbrowser"), "it starts programs"),
    **dict.fromkeys(("unittest", "_pytest"), "its objects replace code or pretend to be any object"),
    "xmlrpc": "it selects attributes that the arguments name",
    "hydra": "it finds or instantiates what the arguments name",
    "fiddle": "it builds or changes configurations by itself",
    "fiddle_hydra_bridge": "only the run-time helpers of the bridge may be named by configuration",
}


_PLAIN_NAMES = frozenset({"types.SimpleNamespace", "contextlib.nullcontext", "fiddle_hydra_bridge.Script"})


_REFUSED_NAMES = dict.fromkeys(
    (
        *("threading.Thread", "threading.Timer", "threading.settrace", "threading.setprofile"),
        *("_thread.start_new_thread", "multiprocessing.context.Process", "multiprocessing.process.BaseProcess"),
        *("multiprocessing.pool.mapstar", "multiprocessing.pool.starmapstar"),
        *("weakref.finalize", "os.register_at_fork", "_codecs.register", "_codecs.register_error"),
    ),
    "it calls what the arguments name",
)


# Everything else of builtins turns names into objects or arguments into behaviour.
_PLAIN_BUILTINS = frozenset(
    map(
        id,
        (
            *(abs, all, any, ascii, bin, bool, bytearray, bytes, callable, chr, complex, dict, divmod, enumerate),
            *(format, frozenset, hash, hex, id, int, isinstance, issubclass, len, list, max, memoryview, min, next),
            *(object, oct, open, ord, pow, print, range, repr, reversed, round, set, slice, sorted, str, sum, tuple),
            *(float, zip, types.MappingProxyType),
        ),
    )
)


_VALUE_TYPES = (str, bytes, int, float, complex, bool)


_SLOT_TYPES = (types.WrapperDescriptorType, types.MethodWrapperType, types.ClassMethodDescriptorType)


_WRAPPER_CLASSES = (
    *(functools.partial, functools.partialmethod, functools.cached_property, functools.singledispatchmethod),
    *(operator.attrgetter, operator.itemgetter, operator.methodcaller, property, classmethod, staticmethod),
    *(map, filter, super, types.ModuleType),
)


_PLAIN_KINDS = (types.FunctionType, types.BuiltinFunctionType, types.MethodType, types.MethodDescriptorType)


def graph_refusal(path: str, function: Any) -> str | None:
    if any(_is_dunder(name) for name in path.split(".") if name not in ("__main__", "__mp_main__")):
        return "a name with double underscores leads into the implementation of an object"
    function = unwrapped(function)
    for applies, reason in _GRAPH_RULES:
        if applies(function):
            return reason
    identity = identity_of(function)
    if identity in _PLAIN_NAMES or _is_runtime_helper(function):
        return None
    if identity in _REFUSED_NAMES:
        return _REFUSED_NAMES[identity]
    homes = list(_homes(function))
    for package, reason in _UNWATCHED_MODULES.items():
        if any(is_within(home, package) for home in homes):
            return reason
    return None


def _is_runtime_helper(function: Any) -> bool:
    """Whether it is one of the helpers that stand in graphs; the others are read into what they stand for."""
    runtime = sys.modules.get(_RUNTIME)
    return runtime is not None and any(
        getattr(runtime, name) is function for name in runtime.__all__ if name not in _READ_HELPERS
    )


_READ_HELPERS = frozenset({"arg_factory", "partial", "ref", "share"})


def _is_dunder(name: str) -> bool:
    return name.startswith("__") and name.endswith("__") and len(name) > 4


def _homes(function: Any) -> Iterator[str]:
    """The modules that a callable comes from: its own, its receiver's, its class's and its ``__call__``'s."""
    receiver, kind = receiver_of(function), type(function)
    owners: list[Any] = [function, descriptor_owner(function)]
    if receiver is not None:
        owners.append(receiver if isinstance(receiver, type) else type(receiver))
    if not isinstance(function, type) and kind not in _PLAIN_KINDS:
        owners += [kind, kind.__call__]
    for owner in owners:
        module = getattr(owner, "__module__", None)
        if isinstance(module, str):
            yield module
    if isinstance(receiver, types.ModuleType):
        yield receiver.__name__


def _is_wrapper_class(function: Any) -> bool:
    return isinstance(function, type) and any(
        base in _WRAPPER_CLASSES or is_within(str(base.__module__), "unittest.mock") for base in function.__mro__
    )


def _is_slot(function: Any) -> bool:
    return type(function) in _SLOT_TYPES


def _is_special_method(function: Any) -> bool:
    return _is_dunder(str(getattr(function, "__name__", "")))


def _is_class_introspection(function: Any) -> bool:
    return isinstance(receiver_of(function), type) and function.__name__ == "mro"


def _is_unlisted_builtin(function: Any) -> bool:
    if isinstance(function, type):
        exempt = id(function) in _PLAIN_BUILTINS or issubclass(function, BaseException)
        return function.__module__ == "builtins" and not exempt
    return type(function) is types.BuiltinFunctionType and (
        function.__self__ is builtins and id(function) not in _PLAIN_BUILTINS
    )


def _is_container_method(function: Any) -> bool:
    owner = descriptor_owner(function)
    if owner is None:
        receiver = receiver_of(function)
        if receiver is None or isinstance(receiver, types.ModuleType):
            return False
        owner = receiver if isinstance(receiver, type) else type(receiver)
        if owner is dict and function.__name__ == "fromkeys" and receiver is dict:
            return False
    return getattr(owner, "__module__", None) == "builtins" and owner not in _VALUE_TYPES


def _is_method_of_code(function: Any) -> bool:
    code = (types.FunctionType, types.MethodType, functools.partial)
    return type(function) is types.MethodType and isinstance(function.__self__, (types.ModuleType, *code))


def _changes_resolvers(function: Any) -> bool:
    name = getattr(function, "__name__", "")
    return "resolver" in str(name) and is_within(str(getattr(function, "__module__", "")), "omegaconf")


def _is_private_in_the_library(function: Any) -> bool:
    names = str(getattr(function, "__qualname__", "")).split(".")
    roots = {home.partition(".")[0] for home in _homes(function)}
    return bool(roots) and roots <= sys.stdlib_module_names and any(name.startswith("_") for name in names)


_GRAPH_RULES: tuple[tuple[Callable[[Any], bool], str], ...] = (
    (makes_classes, "it makes classes"),
    (_is_wrapper_class, "its instances wrap or select what the arguments name"),
    (_is_slot, "it is a slot of a built-in type, which any object may be given to"),
    (_is_special_method, "it is a special method of a class"),
    (_is_class_introspection, "it leads from a class to the classes around it"),
    (_is_unlisted_builtin, "it turns names into objects or arguments into behaviour"),
    (_is_container_method, "it reads or changes the object that it is given or bound to"),
    (_is_method_of_code, "it is bound to a module or a function"),
    (_is_private_in_the_library, "it is a private part of the standard library"),
    (_changes_resolvers, "it changes what interpolations run"),
)
