"""Target paths and callables: ``"my_app.Model"`` <-> ``my_app.Model``, and which of them configuration may choose.

In come dotted paths from configs, out come :class:`Target` rows; in come callables from graphs, out come their
paths. This is the only module that imports user code, and the target policy stands here: every path goes through
Hydra's own policy, by name and by the identity of what the name resolves to, before anything of it runs.
:func:`resolve` serves callers that see every call (``objects``, :class:`LazyTarget`) and check arguments and
results as Hydra does; :func:`resolve_for_graph` serves ``graph_writer``, whose graphs ``fdl.build`` calls with
nobody watching. ``tree`` stands on the one side, ``values`` and the spokes on the other.

Hydra is imported when the first path is resolved.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from fiddle_hydra_bridge.convert.allow import check_identity, check_name, normalise_allow
from fiddle_hydra_bridge.convert.callables import (
    identity_of,
    is_same,
    is_within,
    look_up,
    missing_part,
    unwrapped,
)
from fiddle_hydra_bridge.convert.graph_policy import graph_refusal
from fiddle_hydra_bridge.convert.hydra_policy import (
    authorise,
    authorise_given,
    harmless_types,
    installed_hydra,
    is_harmless,
    is_harmless_container,
    is_harmless_value,
    is_plain_instance,
    policy_state,
    remember_type,
    with_state,
)
from fiddle_hydra_bridge.convert.names import path_of
from fiddle_hydra_bridge.errors import Problem, RefusedTargetError, TargetError

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


_GET_OBJECT = "hydra.utils.get_object"


class LazyTarget:
    """A placeholder for a callable that is imported when it is called, and not before.

    The call goes through Hydra's target policy, with its checks of arguments and results.

    Args:
        path: the dotted path of the callable.
        allow: patterns from :func:`normalise_allow` that it is held to when it is called.

    >>> LazyTarget("math.hypot")(3, 4)
    5.0
    """

    #: What ``path_of`` asks for.
    __target_path__: str

    def __init__(self, path: str, allow: tuple[str, ...] | None = None) -> None:
        self.path = self.__target_path__ = path
        self.allow = allow
        self.__module__, _, self.__name__ = path.rpartition(".")
        self.__qualname__ = self.__name__

    def __call__(self, /, *_args_: Any, **_kwargs_: Any) -> Any:
        return resolve(self.path, self.allow).call(_args_, _kwargs_)

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

    def __reduce__(self) -> tuple[type[LazyTarget], tuple[str, tuple[str, ...] | None]]:
        return LazyTarget, (self.path, self.allow)


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
            return self.checked(result, args)
        found = self._discovered_path(args, kwargs)
        # Arguments are bound first, so that a keyword "self" cannot clash with the handle's own.
        hydra = installed_hydra()
        handle = self._bound(self.function, *args, **kwargs) if hydra.known else self._around(*args, **kwargs)
        return self._allowed_result(hydra.run(handle), found)

    def watched(self, args: Sequence[Any], kwargs: dict[str, Any], key: str, guard: Any) -> Any:
        """Calls a target that is not harmless for the node at ``key``: every error is the one that Hydra raises."""
        hydra = installed_hydra()
        if not hydra.known:
            return self.call(args, kwargs)
        found = self._discovered_path(args, kwargs)
        made = hydra.call_as_node(self.authorised, self.function, False, args, kwargs, key, guard)
        return self._allowed_result(made, found)

    def checked(self, result: Any, args: Sequence[Any], key: Callable[[], str] = str, guard: Any = None) -> Any:
        """Returns the result of a call of a harmless target, with Hydra's checks of it."""
        return result if type(result) in harmless_types else self._checked_result(result, args, key, guard)

    def deferred(
        self, args: Sequence[Any], kwargs: dict[str, Any], key: str = "", guard: Any = None
    ) -> functools.partial[Any]:
        """Returns what Hydra makes of ``_partial_: true`` with these arguments, its checks of them included.

        Args:
            args: positional arguments to bind.
            kwargs: keyword arguments to bind.
            key: where the node stands, for the errors of later calls.
            guard: Hydra 1.4's guard of the config while the target runs.

        Raises:
            InstantiationException: if Hydra refuses the arguments.
            RefusedTargetError: if ``allow`` could not hold for the later call.
        """
        if self.harmless:
            return self._placed(self._bound(self.function, *args, **kwargs), key, guard)
        if self._is_discovery_that_hydra_leaves_to_us():
            raise RefusedTargetError(f"{self.path!r} cannot be deferred under allow= with Hydra 1.3")
        hydra = installed_hydra()
        if hydra.call_target is None:
            return self._around(*args, **kwargs)
        made: functools.partial[Any] = hydra.call_as_node(
            self.authorised, self.function, True, args, kwargs, key, guard
        )
        return made

    def _placed(self, made: functools.partial[Any], key: str, guard: Any) -> functools.partial[Any]:
        vars(made)["_hydra_full_key"] = key
        if installed_hydra().execution_whitelist is not None:
            vars(made)["_hydra_call_context"] = guard
        return made

    def _bound(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> functools.partial[Any]:
        """Hydra's handle for a call of ``function`` in the place of the target, under the target's authorisation."""
        return with_state(type(self.authorised)(function, *args, **kwargs), self.authorised)

    def _around(self, /, *args: Any, **kwargs: Any) -> functools.partial[Any]:
        """The same by public API alone, so that Hydra checks the arguments only when it is called."""
        return functools.partial(self.authorised, *args, **kwargs)

    def _checked_result(self, result: Any, args: Sequence[Any], key: Callable[[], str], guard: Any) -> Any:
        if is_harmless_value(result):
            remember_type(type(result), harmless_types)
            return result
        if is_harmless_container(result) or (self.function is tuple and all(arg is not result for arg in args)):
            return result
        is_plain = is_plain_instance(result)
        # Hydra's verdict on a plain callable instance is one on its class, and holds as long as this target does.
        if is_plain and type(result) in self._seen:
            return result
        handle = self._placed(self._bound(_give, result), key(), None)
        checked = self._allowed_result(installed_hydra().run(handle))
        if guard is not None and isinstance(checked, type(handle)):
            vars(checked)["_hydra_call_context"] = guard
        if is_plain:
            remember_type(type(result), self._seen)
        return checked

    # Hydra 1.4 checks callable results, and what discovery helpers look for, against its whitelist. 1.3 has none.

    def _allowed_result(self, result: Any, found: str | None = None) -> Any:
        if self.allow is not None and not installed_hydra().execution_whitelist:
            if found is not None:
                check_identity(found, result, self.allow)
            elif callable(result):
                check_name(identity_of(result), self.allow)
        return result

    def _discovered_path(self, args: Sequence[Any], kwargs: dict[str, Any]) -> str | None:
        if self.allow is None or not self._is_discovery_that_hydra_leaves_to_us():
            return None
        path = args[0] if args else kwargs.get("path")
        if isinstance(path, str):
            check_name(path, self.allow)
            return path
        return None

    def _is_discovery_that_hydra_leaves_to_us(self) -> bool:
        home = getattr(unwrapped(self.function), "__module__", None)
        return self.allow is not None and not installed_hydra().execution_whitelist and home == "hydra.utils"


def _give(value: Any) -> Any:
    return value


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
    key = (path, allow, policy_state())
    known = _cache.get(key)
    # Code is patched and reloaded; Hydra looks anew each time.
    if known is not None and _is_current(known):
        return known
    if allow is not None:
        check_name(path, allow)
    authorised = authorise(path, allow)
    function = _resolved_function(path, authorised)
    if allow is not None:
        check_identity(path, function, allow)
    target = Target(path, function, authorised, is_harmless(function), graph_refusal(path, function), allow)
    if key[2] is not None:
        _cache[key] = target
    return target


def resolve_given(function: Callable[..., Any], allow: tuple[str, ...] | None, key: str) -> Target:
    """Authorises a callable that a config holds itself, as Hydra does.

    Raises:
        InstantiationException: as Hydra, if it refuses the callable.
        RefusedTargetError: if ``allow`` refuses its identity.
    """
    if allow is not None:
        check_name(identity_of(function), allow)
    authorised = authorise_given(function, allow, key)
    return Target(identity_of(function), function, authorised, is_harmless(function), None, allow)


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
    except (TargetError, RecursionError):
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
    refusal = graph_refusal("", function)
    if refusal is not None:
        raise _refused_unwatched(identity_of(function), refusal)


def check_for_graph(function: Callable[..., Any]) -> None:
    """Refuses a callable that a graph holds itself, as :func:`resolve_for_graph` refuses its path.

    Raises:
        RefusedTargetError: if Hydra or the rules for graphs refuse it.
    """
    path = identity_of(function)
    if not _is_authorised(path, function):
        try:
            resolve_given(function, None, "")
        except Exception as error:  # Hydra refuses by exceptions of several types; it stays as the cause
            raise _explained(path, error) from error
    check_unwatched(function)


def _is_authorised(path: str, function: Callable[..., Any]) -> bool:
    """Whether a path leads to a function, and Hydra lets it; asking by path is fast the second time."""
    try:
        return is_same(resolve(path).function, function)
    except Exception:  # then Hydra is asked about the function itself
        return False


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
        check_name(path, allow)
        allow = (*allow, _GET_OBJECT)
    try:
        value = resolve(_GET_OBJECT, allow).call((path,), {})
    except (TargetError, RecursionError):
        raise
    except Exception as error:  # importing runs user code, which may raise anything; it stays as the cause
        raise _explained(path, error) from error
    if allow is not None:
        check_identity(path, value, allow)
    return value


def _resolved_function(path: str, authorised: functools.partial[Any]) -> Callable[..., Any]:
    function: Callable[..., Any] = authorised.func
    # A partial of a partial is made flat, so the handle of a module-level partial holds the function inside it.
    try:
        found = look_up(path)
    except (LookupError, AttributeError):
        return function
    return found if type(found) is functools.partial and found.func is function else function


def _is_current(target: Target) -> bool:
    try:
        found = look_up(target.path)
    except (LookupError, AttributeError):
        return False
    return is_same(found, target.function)


def _explained(path: str, error: Exception) -> TargetError:
    """Says what is wrong with a path that Hydra would not resolve."""
    causes = [error]
    while isinstance(causes[-1].__cause__, Exception):
        causes.append(causes[-1].__cause__)
    if isinstance(error, installed_hydra().refusal) and len(causes) == 1:
        text = " ".join(str(error).split())
        if text.startswith("Expected a callable"):
            return TargetError(Problem(f"{path!r} is not callable", hint=text, kind=TargetError))
        return RefusedTargetError(
            Problem(f"{path!r} is refused by Hydra's target policy", hint=text, kind=RefusedTargetError)
        )
    origin = causes[-1]
    missing = missing_part(path)
    is_absent = isinstance(origin, AttributeError) or (
        isinstance(origin, ModuleNotFoundError) and is_within(path, origin.name or " ")
    )
    if missing is not None and is_absent:
        return TargetError(Problem(missing, kind=TargetError))
    if not all(path.split(".")) or isinstance(origin, ValueError):
        return TargetError(Problem(f"{path!r} is not a dotted path", kind=TargetError))
    hint = None
    if isinstance(origin, ModuleNotFoundError) and is_within(origin.name or "", "leptonai"):
        hint = "NeMo-Run needs an older leptonai: pip install 'leptonai>=0.26.6,<0.47'"
    return TargetError(
        Problem(f"importing {path!r} fails: {type(origin).__name__}: {origin}", hint=hint, kind=TargetError)
    )
