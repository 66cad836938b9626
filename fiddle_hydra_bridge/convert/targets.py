"""Target paths and callables: ``"my_app.Model"`` <-> ``my_app.Model``, and which of them configuration may choose.

In come dotted paths from configs, out come :class:`Target` rows; in come callables from graphs, out come their
paths. This is the only module that imports user code, and the target policy stands here: every path goes through
Hydra's own policy, by name and by the identity of what the name resolves to, before anything of it runs.
:func:`resolve` serves callers that see every call (``objects``, :class:`LazyTarget`) and check arguments and
results as Hydra does; :func:`resolve_for_graph` serves ``fiddle_graph``, whose graphs ``fdl.build`` calls with
nobody watching. ``tree`` stands on the one side, ``values`` and the spokes on the other.

Hydra is imported when the first path is resolved.
"""

from __future__ import annotations

import builtins
import enum
import functools
import operator
import os
import pkgutil
import sys
import types
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextvars import Context, ContextVar
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from fiddle_hydra_bridge.errors import Problem, RefusedTargetError, TargetError, suggestion

__all__ = [
    "LazyTarget",
    "Target",
    "check_unwatched",
    "get_object",
    "normalise_allow",
    "path_of",
    "resolve",
    "resolve_for_graph",
]

_RUNTIME = "fiddle_hydra_bridge.convert.runtime"
_GET_OBJECT = "hydra.utils.get_object"


class LazyTarget:
    """A placeholder for a callable that is imported when it is called, and not before.

    The call goes through Hydra's target policy, with its checks of arguments and results.

    Args:
        path: the dotted path of the callable.

    >>> LazyTarget("math.hypot")(3, 4)
    5.0
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.__module__, _, self.__name__ = path.rpartition(".")
        self.__qualname__ = self.__name__

    def __call__(self, /, *_args_: Any, **_kwargs_: Any) -> Any:
        return resolve(self.path).call(_args_, _kwargs_)

    def __eq__(self, other: object) -> bool:
        return type(other) is LazyTarget and other.path == self.path

    def __hash__(self) -> int:
        return hash((LazyTarget, self.path))

    def __repr__(self) -> str:
        return f"LazyTarget({self.path!r})"

    def __copy__(self) -> LazyTarget:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> LazyTarget:
        return self

    def __reduce__(self) -> tuple[type[LazyTarget], tuple[str]]:
        return LazyTarget, (self.path,)


@dataclass(frozen=True, slots=True, eq=False)
class Target:
    """A callable that Hydra's policy lets configuration choose.

    Attributes:
        path: the path it was chosen by.
        function: what the path resolves to.
        authorised: Hydra's own deferred handle; calling it makes Hydra check arguments and result.
        harmless: no argument can make Hydra refuse a call of this callable.
        graph_refusal: why ``fdl.build`` may not call it with nobody watching, ``None`` if it may.
        allow: the whitelist that it was chosen under.
    """

    path: str
    function: Callable[..., Any]
    authorised: functools.partial[Any]
    harmless: bool
    graph_refusal: str | None
    allow: tuple[str, ...] | None = None
    _seen: set[type] = field(default_factory=set, repr=False)

    def call(self, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """Calls the target as Hydra does, with Hydra's checks of the arguments and of the result.

        Raises:
            InstantiationException: if Hydra refuses the arguments or the result.
            RefusedTargetError: if ``allow`` refuses the result.
            Exception: whatever the target raises, as it is.
        """
        if self.harmless:
            result = self.function(*args, **kwargs)
            return result if type(result) in _harmless_types else self._checked_result(result, args)
        found = self._discovered_path(args, kwargs)
        # Arguments are bound first, so that a keyword "self" cannot clash with the handle's own.
        handle = self._bound(self.function, *args, **kwargs) if _hydra().known else self._around(*args, **kwargs)
        return self._allowed_result(_hydra().run(handle), found)

    def deferred(self, args: Sequence[Any], kwargs: dict[str, Any]) -> functools.partial[Any]:
        """Returns what Hydra makes of ``_partial_: true`` with these arguments, its checks of them included.

        Raises:
            InstantiationException: if Hydra refuses the arguments.
            RefusedTargetError: if ``allow`` could not hold for the later call.
        """
        if self.harmless:
            return self._bound(self.function, *args, **kwargs)
        if self._is_discovery_that_hydra_leaves_to_us():
            raise RefusedTargetError(f"{self.path!r} cannot be deferred under allow= with Hydra 1.3")
        hydra = _hydra()
        if hydra.call_target is None:
            return self._around(*args, **kwargs)
        state = vars(self.authorised)
        policy = (state["_hydra_execution_whitelist"], None) if hydra.execution_whitelist else ()
        made: functools.partial[Any] = hydra.call_target(self.function, True, tuple(args), dict(kwargs), "", *policy)
        vars(made).update({key: value for key, value in state.items() if vars(made).get(key) is None})
        return made

    def _bound(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> functools.partial[Any]:
        """Hydra's handle for a call of ``function`` in the place of the target, under the target's authorisation."""
        return _with_state(type(self.authorised)(function, *args, **kwargs), self.authorised)

    def _around(self, /, *args: Any, **kwargs: Any) -> functools.partial[Any]:
        """The same by public API alone, so that Hydra checks the arguments only when it is called."""
        return functools.partial(self.authorised, *args, **kwargs)

    def _checked_result(self, result: Any, args: Sequence[Any]) -> Any:
        if _is_harmless_value(result):
            _remember_type(type(result), _harmless_types)
            return result
        if _is_harmless_container(result) or (self.function is tuple and all(arg is not result for arg in args)):
            return result
        is_plain = _is_plain_instance(result)
        # Hydra's verdict on a plain callable instance is one on its class, and holds as long as this target does.
        if is_plain and type(result) in self._seen:
            return result
        checked = self._allowed_result(_hydra().run(self._bound(_give, result)))
        if is_plain:
            _remember_type(type(result), self._seen)
        return checked

    # Hydra 1.4 checks callable results, and what discovery helpers look for, against its whitelist. 1.3 has none.

    def _allowed_result(self, result: Any, found: str | None = None) -> Any:
        if self.allow is not None and not _hydra().execution_whitelist:
            if found is not None:
                _check_identity(found, result, self.allow)
            elif callable(result):
                _check_name(_identity(result), self.allow)
        return result

    def _discovered_path(self, args: Sequence[Any], kwargs: dict[str, Any]) -> str | None:
        if self.allow is None or not self._is_discovery_that_hydra_leaves_to_us():
            return None
        path = args[0] if args else kwargs.get("path")
        if isinstance(path, str):
            _check_name(path, self.allow)
            return path
        return None

    def _is_discovery_that_hydra_leaves_to_us(self) -> bool:
        home = getattr(_unwrapped(self.function), "__module__", None)
        return self.allow is not None and not _hydra().execution_whitelist and home == "hydra.utils"


def _give(value: Any) -> Any:
    return value


# --------------------------------------------------------------------------------------------------------------
# Hydra


class _Hydra(NamedTuple):
    """What the bridge uses of the installed Hydra.

    ``execution_whitelist`` and ``active_whitelist`` are Hydra 1.4's; ``call_target`` is internal and only set for
    the versions whose policy was read (``known``). ``run`` calls a handle that has all its arguments.
    """

    instantiate: Callable[..., Any]
    execution_whitelist: Callable[..., Any] | None
    active_whitelist: Callable[[], Any] | None
    call_target: Callable[..., Any] | None
    run: Callable[[functools.partial[Any]], Any]
    refusal: type[Exception]

    @property
    def known(self) -> bool:
        return self.call_target is not None


# The derivations of _is_harmless and _is_harmless_value hold for these. Any other version makes every call go
# through Hydra's own checks, by public API.
_KNOWN_VERSIONS = frozenset({"1.3.8", "1.4.0rc3"})


@functools.cache
def _hydra() -> _Hydra:
    import hydra.errors
    import hydra.utils

    active_whitelist: Callable[[], Any] | None = None
    call_target: Callable[..., Any] | None = None
    execution_whitelist = getattr(hydra.utils, "execution_whitelist", None)
    if execution_whitelist is not None:
        # Internal, because there is no public way to ask; without it nothing is cached.
        policy = sys.modules.get("hydra._internal.execution_policy")
        active_whitelist = getattr(policy, "_get_active_execution_whitelist", None)
    if hydra.__version__ in _KNOWN_VERSIONS:
        call_target = sys.modules["hydra._internal.instantiate._instantiate2"]._call_target
    return _Hydra(
        hydra.utils.instantiate,
        execution_whitelist,
        active_whitelist,
        call_target,
        _run_without_digest() if hydra.__version__ == "1.3.8" else _run,
        hydra.errors.InstantiationException,
    )


def _run(handle: functools.partial[Any]) -> Any:
    return handle()


def _run_without_digest() -> Callable[[functools.partial[Any]], Any]:
    """Hydra 1.3.8 checks the digest of its policy tables at every call of a handle; here once for all calls."""
    policy: Any = sys.modules["hydra._internal.target_policy"]
    snapshot = policy._validated_target_policy(policy._EXPECTED_TARGET_POLICY_DIGEST)

    def run(handle: Any) -> Any:
        with policy._target_policy_context(snapshot):
            return handle._call_with_target_policy()

    return run


def _authorise(path: str, allow: tuple[str, ...] | None) -> functools.partial[Any]:
    hydra = _hydra()
    if "${" in path or path == "???":
        # OmegaConf would evaluate it, but a path is a name and never an expression.
        raise hydra.refusal(f"Error locating target '{path}'") from ValueError("not a dotted path")
    config: dict[str, Any] = {"_target_": path, "_partial_": True}
    options: dict[str, Any] = {}
    if allow is not None and hydra.execution_whitelist is not None:
        # reset: what the caller allows is all that is allowed, whatever whitelist is active around it.
        options["_execution_whitelist_"] = hydra.execution_whitelist(list(allow), reset=True)
    handle: functools.partial[Any]
    try:
        handle = hydra.instantiate(config, **options)
    except IndexError:
        # Hydra looks at the first argument of setattr and delattr even if there is none yet.
        if not hydra.known:
            raise
        handle = hydra.instantiate({**config, "_args_": [None]}, **options)
        handle = _with_state(type(handle)(handle.func), handle)
    return handle


def _with_state(made: functools.partial[Any], authorised: functools.partial[Any]) -> functools.partial[Any]:
    """Gives a handle that was made by hand what Hydra keeps of the authorisation."""
    vars(made).update(vars(authorised))
    return made


def _policy_state() -> object | None:
    """What the verdict on a path depends on besides the path, ``None`` if that cannot be told."""
    hydra = _hydra()
    override = os.environ.get("HYDRA_INSTANTIATE_ALLOWLIST_OVERRIDE")
    if hydra.execution_whitelist is None:
        return (override,)
    return None if hydra.active_whitelist is None else (override, hydra.active_whitelist())


# --------------------------------------------------------------------------------------------------------------
# Paths to callables

_cache: dict[tuple[str, tuple[str, ...] | None, object], Target] = {}


def resolve(path: str, allow: tuple[str, ...] | None = None) -> Target:
    """Resolves a target path through the policy of the installed Hydra.

    Args:
        path: the dotted path of a callable.
        allow: patterns from :func:`normalise_allow`; a path that none of them matches is not even imported.

    Raises:
        InstantiationException: as Hydra, if it refuses the path, cannot import it or finds no callable.
        RefusedTargetError: if ``allow`` refuses the path or the identity of what it resolves to.
    """
    key = (path, allow, _policy_state())
    known = _cache.get(key)
    # Code is patched and reloaded; Hydra looks anew each time.
    if known is not None and _is_current(known):
        return known
    if allow is not None:
        _check_name(path, allow)
    authorised = _authorise(path, allow)
    function = _resolved_function(path, authorised)
    if allow is not None:
        _check_identity(path, function, allow)
    target = Target(path, function, authorised, _is_harmless(function), _graph_refusal(path, function), allow)
    if key[2] is not None:
        _cache[key] = target
    return target


def resolve_for_graph(path: str, allow: tuple[str, ...] | None = None) -> Target:
    """Resolves a target path for ``fdl.build``, which nobody watches: stricter than :func:`resolve`.

    Args:
        path: the dotted path of a callable.
        allow: patterns from :func:`normalise_allow`.

    Raises:
        TargetError: if the path cannot be imported or is not callable.
        RefusedTargetError: if Hydra, ``allow`` or the rules for graphs refuse it.
    """
    try:
        target = resolve(path, allow)
    except TargetError:
        raise
    except Exception as error:  # importing runs user code, which may raise anything; it stays as the cause
        raise _explained(path, error) from error
    if target.graph_refusal is not None:
        raise _refused_unwatched(path, target.graph_refusal)
    return target


def check_unwatched(function: Callable[..., Any]) -> None:
    """Refuses a callable that Hydra has authorised but that may not be called with nobody watching.

    Raises:
        RefusedTargetError: if the rules for graphs refuse it.
    """
    refusal = _graph_refusal("", function)
    if refusal is not None:
        raise _refused_unwatched(_identity(function), refusal)


def _refused_unwatched(path: str, reason: str) -> RefusedTargetError:
    hint = "use fiddle_hydra_bridge.instantiate, which checks every call as Hydra does"
    message = f"{path!r} is refused in a graph, because {reason}"
    return RefusedTargetError(Problem(message, hint=hint, kind=RefusedTargetError))


def get_object(path: str, allow: tuple[str, ...] | None = None) -> Any:
    """Returns the value that a ``hydra.utils.get_object`` node stands for, as Hydra's policy lets it.

    Args:
        path: the dotted path of any object.
        allow: patterns from :func:`normalise_allow`.

    Raises:
        TargetError: if the path cannot be imported.
        RefusedTargetError: if Hydra or ``allow`` refuses it.
    """
    if allow is not None:
        _check_name(path, allow)
        allow = (*allow, _GET_OBJECT)
    try:
        value = resolve(_GET_OBJECT, allow).call((path,), {})
    except TargetError:
        raise
    except Exception as error:  # importing runs user code, which may raise anything; it stays as the cause
        raise _explained(path, error) from error
    if allow is not None:
        _check_identity(path, value, allow)
    return value


def _look_up(path: str) -> Any:
    """What the path stands for now; imports nothing.

    Raises:
        LookupError, AttributeError: if it stands for nothing.
    """
    root, *names = path.split(".")
    return functools.reduce(getattr, names, sys.modules[root])


def _resolved_function(path: str, authorised: functools.partial[Any]) -> Callable[..., Any]:
    function: Callable[..., Any] = authorised.func
    # A partial of a partial is made flat, so the handle of a module-level partial holds the function inside it.
    try:
        found = _look_up(path)
    except (LookupError, AttributeError):
        return function
    return found if type(found) is functools.partial and found.func is function else function


def _is_current(target: Target) -> bool:
    try:
        found = _look_up(target.path)
    except (LookupError, AttributeError):
        return False
    return _is_same(found, target.function)


def _is_same(found: object, expected: object) -> bool:
    if found is expected:
        return True
    # Every look-up binds methods anew.
    return type(found) is type(expected) and type(found) in _BOUND_TYPES and found == expected


_BOUND_TYPES = (types.MethodType, types.BuiltinMethodType)


# --------------------------------------------------------------------------------------------------------------
# allow=


def normalise_allow(allow: str | Iterable[str] | None) -> tuple[str, ...] | None:
    """Returns the patterns of ``allow=`` as a tuple.

    Args:
        allow: exact target paths, or packages with a trailing ``.*``; ``None`` leaves the choice to Hydra's policy.

    Raises:
        TargetError: if a pattern is neither.
    """
    if allow is None:
        return None
    patterns = (allow,) if isinstance(allow, str) else tuple(allow)
    for pattern in patterns:
        name = pattern.removesuffix(".*") if isinstance(pattern, str) else ""
        if not all(name.split(".")) or "*" in name:
            raise TargetError(
                Problem(
                    f"{pattern!r} is not a pattern for allow=",
                    hint="write a target path such as 'my_app.Model' or a package such as 'my_app.*'",
                    kind=TargetError,
                )
            )
    return patterns


def _is_allowed(name: str, allow: tuple[str, ...]) -> bool:
    return any(name.startswith(pattern[:-1]) if pattern.endswith(".*") else name == pattern for pattern in allow)


def _check_name(path: str, allow: tuple[str, ...]) -> None:
    if not _is_allowed(path, allow):
        raise RefusedTargetError(f"{path!r} is not in allow={list(allow)}")


def _check_identity(path: str, value: object, allow: tuple[str, ...]) -> None:
    """Refuses what a wildcard reaches through a name that only leads out of the package.

    An exact entry is authoritative: it may name a re-export. Values that are neither callable nor modules have no
    identity of their own, so that only the modules on the way to them count.
    """
    if path in allow:
        return
    if (callable(value) or isinstance(value, types.ModuleType)) and not _is_allowed(_identity(value), allow):
        raise RefusedTargetError(f"{path!r} stands for {_identity(value)!r}, which is not in allow={list(allow)}")
    for prefix, owner in _modules_along(path):
        name = _identity(owner)
        if name != prefix and not _is_allowed(f"{name}.*", allow):
            raise RefusedTargetError(f"{path!r} leads through {name!r}, which is not in allow={list(allow)}")


def _modules_along(path: str) -> Iterator[tuple[str, types.ModuleType]]:
    names = path.split(".")
    value: Any = sys.modules.get(names[0])
    for index, name in enumerate(names[1:], 1):
        if isinstance(value, types.ModuleType):
            yield ".".join(names[:index]), value
        value = getattr(value, name, None)


def _identity(value: Any) -> str:
    """The canonical name of an object, whatever name it was reached by."""
    if isinstance(value, types.ModuleType):
        return _PUBLIC_MODULES.get(value.__name__, value.__name__)
    value = _unwrapped(value)
    owner = _descriptor_owner(value)
    if owner is not None:
        return f"{owner.__module__}.{owner.__qualname__}.{value.__name__}"
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if module is None or name is None:
        module, name = type(value).__module__, type(value).__qualname__
    return f"{_PUBLIC_MODULES.get(module, module)}.{name}"


def _descriptor_owner(value: Any) -> type | None:
    owner = getattr(value, "__objclass__", None)
    return owner if isinstance(owner, type) else None


_PUBLIC_MODULES = {"posix": "os", "nt": "os", "posixpath": "os.path", "ntpath": "os.path"}


def _unwrapped(function: Any) -> Any:
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


_CACHE_TYPE = type(functools.cache(_give))


def _is_within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


# --------------------------------------------------------------------------------------------------------------
# What Hydra's checks of arguments and results can never refuse
#
# Read from hydra._internal.target_policy (1.3.8) and hydra._internal.execution_policy (1.4.0rc3), which agree here.
# _authorize_target_invocation looks at the arguments only
# - behind a functools.partial or a __call__: neither is a class, a plain function or a method of a class;
# - if the callable is a method descriptor or slot wrapper (their first argument is the receiver): not these either;
# - if it is bound: the receiver is looked at, which is a class or a module here and does not change;
# - if it is called getattr, iter, __getattribute__ or __getstate__, or is a mutator of attributes, mappings or the
#   environment: all are decided by the name of the callable, its last component, or its module;
# - if it is a mock, or a discovery helper of Hydra: decided by the module;
# - if it is a metaclass, or its __new__ or __call__.
# Makers of classes are left out too: they mark what they make with the module of their caller, and Hydra refuses its
# own mark.

_WATCHED_NAMES = frozenset(
    {
        *("__call__", "__new__", "__init__", "__get__", "__set__", "__delete__", "__getattribute__", "__getstate__"),
        *("__setattr__", "__delattr__", "__setitem__", "__delitem__", "__ior__", "getattr", "setattr", "delattr"),
        *("iter", "clear", "pop", "popitem", "setdefault", "update", "putenv", "unsetenv", "setitem", "delitem", "ior"),
    }
)
_WATCHED_PACKAGES = ("hydra", "unittest", "operator", "_operator")


def _is_harmless(function: Any) -> bool:
    """Whether no argument can make Hydra refuse a call; then it need not be asked."""
    if not _hydra().known:
        return False
    kind = type(function)
    if isinstance(function, type):
        # A metaclass with an attribute access of its own could change its mind about the names below.
        plain = _looks_up_plainly(kind, type)
    elif kind is types.BuiltinFunctionType:
        plain = isinstance(function.__self__, (type, types.ModuleType, types.NoneType))
    elif kind is types.MethodType:
        plain = isinstance(function.__self__, type) and type(function.__func__) is types.FunctionType
    else:
        plain = kind is types.FunctionType and function.__module__ != "builtins"
    module = getattr(function, "__module__", None) or ""
    names = (function.__name__, function.__qualname__.rpartition(".")[2]) if plain else ()
    return (
        plain
        and not _WATCHED_NAMES.intersection(names)
        and not any(_is_within(module, package) for package in _WATCHED_PACKAGES)
        and getattr(function, "__objclass__", None) is None
        and not _makes_classes(function)
    )


def _looks_up_plainly(kind: type, base: Any) -> bool:
    """Whether instances of ``kind`` look attributes up as those of ``base`` do, so that they cannot pretend."""
    return getattr(kind, "__getattribute__", None) is base.__getattribute__


# _mediate_target_result looks closer at a result only if it is callable, a Context, a module, code, a frame or a
# traceback, an instance of a class of hydra._internal, or (by identity) sys.modules, the namespace of a module or
# one of the policy's own tables, whose types are these. All but the identities are decided by the type, unless the
# type hides what it is.
_STATE_TYPES = (
    *(dict, tuple, frozenset, types.MappingProxyType, ContextVar, types.CodeType, types.FrameType),
    types.TracebackType,
)
_MAX_REMEMBERED_TYPES = 1_000
_harmless_types: set[type] = set()


def _is_harmless_value(value: Any) -> bool:
    kind = type(value)
    module = kind.__module__
    return (
        _hydra().known
        and not callable(value)
        and kind not in _STATE_TYPES
        and kind.__name__ != "FrameLocalsProxy"
        and not isinstance(value, (types.ModuleType, Context))
        and type(module) is str
        and not _is_within(module, "hydra")
        and _looks_up_plainly(kind, object)
        and not any("__class__" in vars(base) for base in kind.__mro__ if base is not object)
    )


def _is_harmless_container(value: Any) -> bool:
    """Whether a plain container is none of those that Hydra knows by identity, to judge by what it holds."""
    kind = type(value)
    if not _hydra().known:
        return False
    if kind is dict:
        return value is not sys.modules and "__name__" not in value
    # The tables of the policy hold names.
    return kind in (tuple, frozenset) and type(next(iter(value), None)) is not str


# Of a callable instance Hydra judges what it says its name is, which is the name of its class if it says nothing.
_INSTANCE_NAMES = ("__name__", "__qualname__", "__objclass__")


def _is_plain_instance(value: Any) -> bool:
    kind = type(value)
    return (
        _hydra().known
        and kind.__module__ != "builtins"
        and _looks_up_plainly(kind, object)
        and not any("__class__" in vars(base) for base in kind.__mro__ if base is not object)
        and not issubclass(kind, (functools.partial, types.ModuleType, Context))
        and getattr(value, "__module__", None) == kind.__module__
        and all(getattr(value, name, None) is None for name in _INSTANCE_NAMES)
    )


def _remember_type(kind: type, types_: set[type]) -> None:
    # Classes made on the fly must not live for ever here.
    if len(types_) >= _MAX_REMEMBERED_TYPES:
        types_.clear()
    types_.add(kind)


# --------------------------------------------------------------------------------------------------------------
# What a graph may not call, because there nobody checks arguments and results

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
    "hydra": "it finds or instantiates what the arguments name",
    "fiddle": "it builds or changes configurations by itself",
    "fiddle_hydra_bridge": "only the run-time helpers of the bridge may be named by configuration",
}
_PLAIN_NAMES = frozenset({"types.SimpleNamespace", "contextlib.nullcontext"})
_REFUSED_NAMES = dict.fromkeys(
    (
        *("threading.Thread", "threading.Timer", "threading.settrace", "threading.setprofile"),
        *("_thread.start_new_thread", "multiprocessing.context.Process", "multiprocessing.process.BaseProcess"),
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
_CLASS_MAKERS = frozenset(
    {
        *("collections.namedtuple", "typing.NamedTuple", "typing.TypedDict", "typing.NewType"),
        *("dataclasses.dataclass", "attr._make.make_class"),
    }
)
_WRAPPER_CLASSES = (
    *(functools.partial, functools.partialmethod, functools.cached_property, functools.singledispatchmethod),
    *(operator.attrgetter, operator.itemgetter, operator.methodcaller, property, classmethod, staticmethod),
    *(map, filter, super, types.ModuleType),
)
_PLAIN_KINDS = (types.FunctionType, types.BuiltinFunctionType, types.MethodType, types.MethodDescriptorType)


def _graph_refusal(path: str, function: Any) -> str | None:
    if any(_is_dunder(name) for name in path.split(".") if name not in ("__main__", "__mp_main__")):
        return "a name with double underscores leads into the implementation of an object"
    function = _unwrapped(function)
    for applies, reason in _GRAPH_RULES:
        if applies(function):
            return reason
    identity = _identity(function)
    if identity in _PLAIN_NAMES or _is_runtime_helper(function):
        return None
    if identity in _REFUSED_NAMES:
        return _REFUSED_NAMES[identity]
    homes = list(_homes(function))
    for package, reason in _UNWATCHED_MODULES.items():
        if any(_is_within(home, package) for home in homes):
            return reason
    return None


def _is_runtime_helper(function: Any) -> bool:
    """Whether it is one of the helpers that the bridge itself writes into configs."""
    runtime = sys.modules.get(_RUNTIME)
    return runtime is not None and any(getattr(runtime, name) is function for name in runtime.__all__)


def _is_dunder(name: str) -> bool:
    return name.startswith("__") and name.endswith("__") and len(name) > 4


def _receiver(function: Any) -> Any:
    return function.__self__ if type(function) in _BOUND_TYPES else None


def _homes(function: Any) -> Iterator[str]:
    """The modules that a callable comes from: its own, its receiver's, its class's and its ``__call__``'s."""
    receiver, kind = _receiver(function), type(function)
    owners: list[Any] = [function, _descriptor_owner(function)]
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


def _makes_classes(function: Any) -> bool:
    for maker in (function, _receiver(function)):
        if isinstance(maker, type) and issubclass(maker, type):
            return True
        if isinstance(maker, enum.EnumMeta) and not maker.__members__:
            return True
    return _identity(function) in _CLASS_MAKERS


def _is_wrapper_class(function: Any) -> bool:
    return isinstance(function, type) and any(
        base in _WRAPPER_CLASSES or _is_within(str(base.__module__), "unittest.mock") for base in function.__mro__
    )


def _is_slot(function: Any) -> bool:
    return type(function) in _SLOT_TYPES


def _is_special_method(function: Any) -> bool:
    return _is_dunder(str(getattr(function, "__name__", "")))


def _is_class_introspection(function: Any) -> bool:
    return isinstance(_receiver(function), type) and function.__name__ == "mro"


def _is_unlisted_builtin(function: Any) -> bool:
    if isinstance(function, type):
        exempt = id(function) in _PLAIN_BUILTINS or issubclass(function, BaseException)
        return function.__module__ == "builtins" and not exempt
    return type(function) is types.BuiltinFunctionType and (
        function.__self__ is builtins and id(function) not in _PLAIN_BUILTINS
    )


def _is_container_method(function: Any) -> bool:
    owner = _descriptor_owner(function)
    if owner is None:
        receiver = _receiver(function)
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
    return "resolver" in str(name) and _is_within(str(getattr(function, "__module__", "")), "omegaconf")


_GRAPH_RULES: tuple[tuple[Callable[[Any], bool], str], ...] = (
    (_makes_classes, "it makes classes"),
    (_is_wrapper_class, "its instances wrap or select what the arguments name"),
    (_is_slot, "it is a slot of a built-in type, which any object may be given to"),
    (_is_special_method, "it is a special method of a class"),
    (_is_class_introspection, "it leads from a class to the classes around it"),
    (_is_unlisted_builtin, "it turns names into objects or arguments into behaviour"),
    (_is_container_method, "it reads or changes the object that it is given or bound to"),
    (_is_method_of_code, "it is bound to a module or a function"),
    (_changes_resolvers, "it changes what interpolations run"),
)


# --------------------------------------------------------------------------------------------------------------
# Callables to paths


def path_of(target: object) -> str:
    """Returns the dotted path of a callable: looking it up gives that very object.

    Args:
        target: a class, function, built-in, class method, or a :class:`LazyTarget`.

    Raises:
        TargetError: if it has no path, with the reason.

    >>> import collections
    >>> path_of(collections.OrderedDict.fromkeys)
    'collections.OrderedDict.fromkeys'
    """
    if isinstance(target, LazyTarget):
        return target.path
    names = list(_candidate_names(target))
    for module, name in names:
        path = _importable_path(target, module, name)
        if path is not None:
            return path
    raise _unnameable(target, names)


def _candidate_names(target: Any) -> Iterator[tuple[str, str]]:
    """The names, as module and qualified name, that an object may be found under."""
    receiver, owner = _receiver(target), _descriptor_owner(target)
    if isinstance(receiver, type):
        owner = receiver
    name = getattr(target, "__name__", None)
    if owner is not None:
        yield owner.__module__, f"{owner.__qualname__}.{name}"
    elif receiver is None or isinstance(receiver, types.ModuleType):
        module, qualname = getattr(target, "__module__", None), getattr(target, "__qualname__", None)
        if isinstance(module, str) and isinstance(qualname, str):
            yield _PUBLIC_MODULES.get(module, module), qualname
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
        return _is_same(_look_up(path), target)
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
    elif _receiver(target) is not None:
        message = f"{target!r} is bound to an object, which has no importable name"
        hint = "use a function, or a class method"
    elif not names:
        message, hint = f"{target!r} has no importable name", "wrap it in a function at the top of a module"
    else:
        message = f"{target!r} cannot be found as {name!r}: that name is missing or stands for something else"
        hint = "was it decorated, renamed or defined anew? it must be found in its module under its own name"
    return TargetError(Problem(message, hint=hint, kind=TargetError))


# --------------------------------------------------------------------------------------------------------------
# Why a path could not be resolved


def _explained(path: str, error: Exception) -> TargetError:
    """Says what is wrong with a path that Hydra would not resolve."""
    causes = [error]
    while isinstance(causes[-1].__cause__, Exception):
        causes.append(causes[-1].__cause__)
    if isinstance(error, _hydra().refusal) and len(causes) == 1:
        text = " ".join(str(error).split())
        if text.startswith("Expected a callable"):
            return TargetError(Problem(f"{path!r} is not callable", hint=text, kind=TargetError))
        return RefusedTargetError(
            Problem(f"{path!r} is refused by Hydra's target policy", hint=text, kind=RefusedTargetError)
        )
    origin = causes[-1]
    missing = _missing_part(path)
    is_absent = isinstance(origin, AttributeError) or (
        isinstance(origin, ModuleNotFoundError) and _is_within(path, origin.name or " ")
    )
    if missing is not None and is_absent:
        return TargetError(Problem(missing, kind=TargetError))
    if not all(path.split(".")) or isinstance(origin, ValueError):
        return TargetError(Problem(f"{path!r} is not a dotted path", kind=TargetError))
    return TargetError(Problem(f"importing {path!r} fails: {type(origin).__name__}: {origin}", kind=TargetError))


def _missing_part(path: str) -> str | None:
    """Names the first part of a path that is not there; imports nothing."""
    root, *names = path.split(".")
    if root not in sys.modules:
        # A name with a module behind it that is not loaded failed while it was imported.
        loaded = {name.partition(".")[0] for name in sys.modules}
        return f"no module {root!r}{suggestion(root, loaded)}"
    value: Any = sys.modules[root]
    for index, name in enumerate(names, 1):
        if not hasattr(value, name):
            owner = ".".join([root, *names[: index - 1]])
            return f"no {_kind_of_part(value)} {name!r} in {owner!r}{suggestion(name, _names_in(value))}"
        value = getattr(value, name)
    return None


def _kind_of_part(owner: object) -> str:
    return "module or attribute" if hasattr(owner, "__path__") else "attribute"


def _names_in(owner: object) -> set[str]:
    submodules = pkgutil.iter_modules(getattr(owner, "__path__", ()))
    return {*dir(owner), *(module.name for module in submodules)}
