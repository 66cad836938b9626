"""Hydra's own target policy: the only reader of Hydra's resolution, and what its checks can never refuse.

In come paths, callables and results, out come Hydra's deferred handles and the proof that Hydra need not be asked.
``callables`` stands above, ``targets`` makes its :class:`Target` rows of it. Hydra is imported on first use.

The proofs were read from ``hydra._internal.target_policy`` (1.3.8) and ``hydra._internal.execution_policy``
(1.4.0rc3), which agree here. ``_authorize_target_invocation`` looks at the arguments of a call only

- behind a ``functools.partial`` or a ``__call__``: neither is a class, a plain function or a method of a class;
- if the callable is a method descriptor or slot wrapper, whose first argument is the receiver: not these either;
- if it is bound: the receiver is looked at, which is a class or a module here and does not change;
- if it is called ``getattr``, ``iter``, ``__getattribute__`` or ``__getstate__``, or is a mutator of attributes,
  mappings or the environment: decided by the name of the callable, its last component, or its module;
- if it is a mock, or a discovery helper of Hydra: decided by the module;
- if it is a metaclass, or its ``__new__`` or ``__call__``.

Makers of classes are left out too: they mark what they make with the module of their caller, and Hydra refuses its
own mark. ``_mediate_target_result`` looks closer at a result only if it is callable, a ``Context``, a module, code, a
frame or a traceback, an instance of a class of ``hydra._internal``, or (by identity) ``sys.modules``, the namespace
of a module or one of the policy's own tables. All but the identities are decided by the type, unless the type hides
what it is.
"""

from __future__ import annotations

import functools
import os
import sys
import types
from collections.abc import Callable
from contextvars import Context, ContextVar
from typing import Any, NamedTuple

from fiddle_hydra_bridge.convert.callables import is_within, makes_classes

__all__ = [
    "authorise",
    "authorise_given",
    "harmless_types",
    "installed_hydra",
    "is_harmless",
    "is_harmless_container",
    "is_harmless_value",
    "is_plain_instance",
    "policy_state",
    "remember_type",
    "with_state",
]


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

    def whitelist(self, allow: tuple[str, ...] | None) -> dict[str, Any]:
        """Returns ``allow`` as an option of Hydra 1.4's ``instantiate``; 1.3 has none."""
        if allow is None or self.execution_whitelist is None:
            return {}
        # reset: what the caller allows is all that is allowed, whatever whitelist is active around it.
        return {"_execution_whitelist_": self.execution_whitelist(list(allow), reset=True)}

    def call_as_node(
        self, authorised: Any, function: Any, partial: bool, args: Any, kwargs: dict[str, Any], key: str, guard: Any
    ) -> Any:
        """Calls or defers a target as Hydra does for the node at ``key``, its errors included; only if ``known``."""
        state = vars(authorised)
        call_target: Any = self.call_target
        if self.execution_whitelist is None:
            policy: Any = sys.modules["hydra._internal.target_policy"]
            snapshot = policy._validated_target_policy(policy._EXPECTED_TARGET_POLICY_DIGEST)
            with policy._target_policy_context(snapshot):
                return call_target(function, partial, tuple(args), dict(kwargs), key)
        policy = sys.modules["hydra._internal.execution_policy"]
        with policy._execution_policy_context(state.get("_hydra_execution_policy")):
            whitelist = state["_hydra_execution_whitelist"]
            return call_target(function, partial, tuple(args), dict(kwargs), key, whitelist, guard)


# The derivations of is_harmless and is_harmless_value hold for these. Any other version makes every call go
# through Hydra's own checks, by public API.
_KNOWN_VERSIONS = frozenset({"1.3.8", "1.4.0rc3"})


@functools.cache
def installed_hydra() -> _Hydra:
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


def authorise(path: str, allow: tuple[str, ...] | None) -> functools.partial[Any]:
    hydra = installed_hydra()
    if "${" in path or path == "???":
        # OmegaConf would evaluate it, but a path is a name and never an expression.
        raise hydra.refusal(f"Error locating target '{path}'") from ValueError("not a dotted path")
    config: dict[str, Any] = {"_target_": path, "_partial_": True}
    options = hydra.whitelist(allow)
    handle: functools.partial[Any]
    try:
        handle = hydra.instantiate(config, **options)
    except IndexError:
        # Hydra looks at the first argument of setattr and delattr even if there is none yet.
        if not hydra.known:
            raise
        handle = hydra.instantiate({**config, "_args_": [None]}, **options)
        handle = with_state(type(handle)(handle.func), handle)
    return handle


def authorise_given(function: Any, allow: tuple[str, ...] | None, key: str) -> functools.partial[Any]:
    """The same for a callable that a config holds itself. ``key``: where it stands."""
    from omegaconf import OmegaConf

    hydra = installed_hydra()
    config = OmegaConf.create({"_partial_": True}, flags={"allow_objects": True})
    config["_target_"] = function
    if key:
        config._set_key(key)
    made: functools.partial[Any] = hydra.instantiate(config, **hydra.whitelist(allow))
    return made


def with_state(made: functools.partial[Any], authorised: functools.partial[Any]) -> functools.partial[Any]:
    """Gives a handle that was made by hand what Hydra keeps of the authorisation."""
    vars(made).update(vars(authorised))
    return made


def policy_state() -> object | None:
    """What the verdict on a path depends on besides the path, ``None`` if that cannot be told."""
    hydra = installed_hydra()
    override = os.environ.get("HYDRA_INSTANTIATE_ALLOWLIST_OVERRIDE")
    if hydra.execution_whitelist is None:
        return (override,)
    return None if hydra.active_whitelist is None else (override, hydra.active_whitelist())


_WATCHED_NAMES = frozenset(
    {
        *("__call__", "__new__", "__init__", "__get__", "__set__", "__delete__", "__getattribute__", "__getstate__"),
        *("__setattr__", "__delattr__", "__setitem__", "__delitem__", "__ior__", "getattr", "setattr", "delattr"),
        *("iter", "clear", "pop", "popitem", "setdefault", "update", "putenv", "unsetenv", "setitem", "delitem", "ior"),
    }
)


_WATCHED_PACKAGES = ("hydra", "unittest", "operator", "_operator")


def is_harmless(function: Any) -> bool:
    """Whether no argument can make Hydra refuse a call; then it need not be asked."""
    if not installed_hydra().known:
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
        and not any(is_within(module, package) for package in _WATCHED_PACKAGES)
        and getattr(function, "__objclass__", None) is None
        and not makes_classes(function)
    )


def _looks_up_plainly(kind: type, base: Any) -> bool:
    """Whether instances of ``kind`` look attributes up as those of ``base`` do, so that they cannot pretend."""
    return getattr(kind, "__getattribute__", None) is base.__getattribute__


def _shows_what_it_is(kind: type) -> bool:
    """Whether instances of ``kind`` can neither pretend to be of another class nor hide their attributes."""
    return _looks_up_plainly(kind, object) and not any(
        "__class__" in vars(base) for base in kind.__mro__ if base is not object
    )


# The types of what Hydra looks closer at if it is no instance of another class: see the docstring of the module.
_STATE_TYPES = (
    *(dict, tuple, frozenset, types.MappingProxyType, ContextVar, types.CodeType, types.FrameType),
    types.TracebackType,
)


_MAX_REMEMBERED_TYPES = 1_000


harmless_types: set[type] = set()


def is_harmless_value(value: Any) -> bool:
    kind = type(value)
    module = kind.__module__
    return (
        installed_hydra().known
        and not callable(value)
        and kind not in _STATE_TYPES
        and kind.__name__ != "FrameLocalsProxy"
        and not isinstance(value, (types.ModuleType, Context))
        and type(module) is str
        and not is_within(module, "hydra")
        and _shows_what_it_is(kind)
    )


def is_harmless_container(value: Any) -> bool:
    """Whether a plain container is none of those that Hydra knows by identity, to judge by what it holds."""
    kind = type(value)
    if not installed_hydra().known:
        return False
    if kind is dict:
        return value is not sys.modules and "__name__" not in value
    # The tables of the policy hold names.
    return kind in (tuple, frozenset) and type(next(iter(value), None)) is not str


# Of a callable instance Hydra judges what it says its name is, which is the name of its class if it says nothing.
_INSTANCE_NAMES = ("__name__", "__qualname__", "__objclass__")


def is_plain_instance(value: Any) -> bool:
    kind = type(value)
    return (
        installed_hydra().known
        and kind.__module__ != "builtins"
        and _shows_what_it_is(kind)
        and not issubclass(kind, (functools.partial, types.ModuleType, Context))
        and getattr(value, "__module__", None) == kind.__module__
        and all(getattr(value, name, None) is None for name in _INSTANCE_NAMES)
    )


def remember_type(kind: type, types_: set[type]) -> None:
    # Classes made on the fly must not live for ever here.
    if len(types_) >= _MAX_REMEMBERED_TYPES:
        types_.clear()
    types_.add(kind)
