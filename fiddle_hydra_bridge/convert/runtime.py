"""The run-time helpers that YAML may name: what plain ``hydra.utils.instantiate`` calls in a config of the bridge.

In come the arguments that Hydra has instantiated, out go the objects that ``fiddle.build`` would have made.
``targets`` stands above (the policy that these helpers must not widen); the spokes and user YAML name the
helpers as ``fiddle_hydra_bridge.<helper>``. They are written for Hydra's ``_partial_: true``, which defers a
call: Hydra resolves and authorises every target itself, and a helper only decides when the calls are made.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from typing import Any, NoReturn

from fiddle_hydra_bridge.convert import targets
from fiddle_hydra_bridge.convert.factories import Deferred, build_with, contains_factory, refuse_hidden_factories
from fiddle_hydra_bridge.convert.hydra_policy import with_state
from fiddle_hydra_bridge.convert.paths import format_path, parse_path
from fiddle_hydra_bridge.errors import LinkError, Problem, ShareError

__all__ = [
    "arg_factory",
    "missing",
    "partial",
    "ref",
    "section",
    "share",
    "structured",
    "tagged",
    "unresolved",
    "value",
]


def section(**entries: Any) -> dict[str, Any]:
    """Returns its entries: the target of a mapping without ``_target_`` outside call nodes.

    >>> section(dim=3)
    {'dim': 3}
    """
    return entries


def value(value: Any) -> Any:
    """Returns its argument: marks a call node as the spelling of a value, e.g. of a dataclass instance."""
    return value


def tagged(value: Any, tags: Any = (), unset: bool = False) -> Any:
    """Returns ``value``; ``tags`` are the Fiddle tags of the argument it is given for.

    Args:
        value: the argument, or its default if ``unset``.
        tags: dotted paths of the tags.
        unset: whether the argument is not set in the Fiddle graph.
    """
    return value


def structured(of_type: Any, mode: str, entries: dict[str, Any]) -> Any:
    """Returns what Hydra makes of a structured config that is no call node, with instantiated entries.

    Args:
        of_type: its dataclass or attrs class.
        mode: the conversion mode: "object" gives an instance of the class, "none" and "partial" a DictConfig.
        entries: the instantiated entries.
    """
    from omegaconf import OmegaConf

    from fiddle_hydra_bridge.convert.containers import hydra_dict

    targets.check_unwatched(of_type)
    made = hydra_dict(entries, of_type)
    return OmegaConf.to_object(made) if mode == "object" else made


def partial(*args: Any, _deferred_target_: Deferred[Any], **kwargs: Any) -> Callable[..., Any]:
    """Returns a partial of the deferred target whose ``arg_factory`` arguments are made anew on every call.

    The counterpart of ``fiddle.Partial`` with ``fiddle.ArgFactory`` arguments, in containers and positional too.

    Args:
        *args: positional arguments to bind.
        _deferred_target_: the function, as a call node with ``_partial_: true`` and nothing else.
        **kwargs: keyword arguments to bind.
    """
    target = _deferred(_deferred_target_, "partial")
    refuse_hidden_factories((*args, *kwargs.values()))
    if not contains_factory(args) and not contains_factory(kwargs):
        return _rebound(target, (*target.args, *args), kwargs)
    import fiddle as fdl

    made: Callable[..., Any] = build_with(fdl.Partial, target, args, kwargs)
    return made


def arg_factory(*args: Any, _deferred_target_: Deferred[Any], **kwargs: Any) -> Any:
    """Returns an argument factory for :func:`partial`: the counterpart of ``fiddle.ArgFactory``.

    Args:
        *args: positional arguments of the factory.
        _deferred_target_: the factory function, as a call node with ``_partial_: true`` and nothing else.
        **kwargs: keyword arguments of the factory.
    """
    import fiddle as fdl

    return build_with(fdl.ArgFactory, _deferred(_deferred_target_, "arg_factory"), args, kwargs)


def unresolved(expression: str, reason: str | None = None) -> NoReturn:
    """Raises: the target of a link, an interpolation that is kept as such.

    Raises:
        LinkError: always. Resolve the links first, with ``fiddle_hydra_bridge.build``.
    """
    message = f"the interpolation {expression!r} was not resolved" + (f": {reason}" if reason else "")
    # A reason says that resolving it was tried.
    hint = None if reason else "build with fiddle_hydra_bridge.build, which resolves links"
    raise LinkError(Problem(message, hint=hint, kind=LinkError))


def missing() -> NoReturn:
    """Raises: the target of a value that is still ``???``.

    Raises:
        LinkError: always. The value must be given first.
    """
    raise LinkError(Problem("a mandatory value ('???') was not given", kind=LinkError))


def ref(_ref_: str) -> Reference:
    """Stands for a value that another part of the surrounding ``share`` defines.

    Args:
        _ref_: the config path of the definition, relative to the ``share`` node.

    Raises:
        ShareError: if the path is no config path.
    """
    try:
        return Reference(parse_path(_ref_))
    except (TypeError, ValueError) as error:
        raise ShareError(f"_ref_: {_ref_!r} is not a config path") from error


def share(
    *args: Any,
    _shared_target_: Deferred[Any],
    _shared_partial_: bool = False,
    _shared_slots_: Mapping[str, bool] | None = None,
    _shared_refs_: object = None,
    **kwargs: Any,
) -> Any:
    """Calls a target whose arguments share instances.

    Below a ``share`` node every call node carries ``_partial_: true``. Hydra resolves and authorises it and hands
    it over uncalled; ``share`` makes the calls in order, each once, and gives the one result to every ``ref`` that
    names it. Nodes that other configs give (slots) are Hydra's to make, as anywhere, unless a ``ref`` stands in them or
    reaches into them: those calls are deferred, too.

    Args:
        *args: positional arguments, with deferred calls and refs.
        _shared_target_: the target, as a call node with ``_partial_: true``.
        _shared_partial_: whether to return a partial of the target instead of calling it.
        _shared_slots_: the config paths of slots and of the deferred calls in them: whether ``share`` makes the call.
        _shared_refs_: the refs that interpolations in slots reach.
        **kwargs: keyword arguments, with deferred calls and refs.

    Raises:
        ShareError: if a ``ref`` names nothing, or a value contains itself.
    """
    target = _deferred(_shared_target_, "share")
    scope = _Scope(target, args, kwargs, _SCOPE.get(), _shared_slots_ or {})
    token = _SCOPE.set(scope)
    try:
        new_args = tuple(scope.evaluate(arg) for arg in (*target.args, *args))
        new_kwargs = {key: scope.evaluate(arg) for key, arg in kwargs.items()}
        if _shared_partial_:
            return partial(*new_args, _deferred_target_=_rebound(target, (), {}, scope), **new_kwargs)
        return _rebound(target, new_args, new_kwargs, scope)()
    finally:
        _SCOPE.reset(token)


# YAML names the helpers by the package, so that is where they say they live: their paths and Hydra's
# whitelists then speak of one name.
for _helper in (arg_factory, partial, ref, section, share, structured, tagged, value):
    _helper.__module__ = "fiddle_hydra_bridge"


class Reference:
    """What ``ref`` returns to the ``share`` around it."""

    __slots__ = ("path",)

    def __init__(self, path: tuple[object, ...]) -> None:
        self.path = path

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise ShareError(
            f"the ref {format_path(self.path)!r} stands outside of its share node, so nothing is known behind it"
        )

    def __repr__(self) -> str:
        return f"ref({format_path(self.path)!r})"


class _Scope:
    """The values below one ``share`` call, made on demand and once."""

    def __init__(
        self,
        handle: Deferred[Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        outer: _Scope | None,
        slots: Mapping[str, bool],
    ) -> None:
        self.handle = handle
        self.args = args
        self.kwargs = kwargs
        self.outer = outer
        self.made: dict[int, Any] = {}
        self.open: set[int] = set()
        self.calls = {parse_path(name): deferred for name, deferred in slots.items()}
        #: What Hydra has made for good: a partial among these is meant to be one.
        self.final: set[int] = set()
        for path in self.calls:
            try:
                self._leave(functools.reduce(_child, path, _Root(args, kwargs)), path)
            except (AttributeError, IndexError, KeyError, TypeError):
                continue  # an override has taken the slot away

    def _leave(self, node: Any, path: tuple[object, ...]) -> None:
        """Notes which parts of a node in a slot are final."""
        deferred = self.calls.get(path)
        opened = is_deferred(node) if deferred else deferred is None and type(node) in _makers()
        if opened:
            for steps, part in _parts(node):
                self._leave(part, (*path, *steps))
        elif type(node) is not Reference:
            self.final.add(id(node))

    def evaluate(self, node: Any) -> Any:
        """Returns ``node`` with its deferred calls made and its refs replaced."""
        make = _makers().get(type(node), _make_call if is_deferred(node) else None)
        if make is None or id(node) in self.final:
            return node
        key = id(node)
        if key in self.made:
            return self.made[key]
        if key in self.open:
            raise ShareError(f"a shared value contains itself: {node!r}")
        self.open.add(key)
        try:
            made = make(self, node)
        finally:
            self.open.discard(key)
        self.made[key] = made
        return made

    def lookup(self, path: tuple[object, ...]) -> Any:
        """Returns the value that a ref names, here or in a ``share`` further out."""
        node: Any = _Root(self.args, self.kwargs)
        for depth, step in enumerate(path):
            try:
                node = _child(node, step)
            except (AttributeError, IndexError, KeyError, TypeError):
                if self.outer is not None:
                    return self.outer.lookup(path)
                raise ShareError(
                    Problem(
                        f"the ref {format_path(path)!r} names nothing: there is no "
                        f"{format_path(path[: depth + 1])!r} below the share",
                        hint="give the value itself instead of the ref, or restore the definition",
                        kind=ShareError,
                    )
                ) from None
        if callable(node) and not isinstance(node, functools.partial):
            # An item of a result: Hydra lets no target select one, and would look at it if one did.
            with_state(type(self.handle)(value), self.handle)(node)
        return self.evaluate(node)


_SCOPE: ContextVar[_Scope | None] = ContextVar("fiddle_hydra_bridge_share", default=None)


class _Root:
    """The arguments of a ``share`` call, to be walked like those of a deferred call."""

    def __init__(self, args: tuple[Any, ...], keywords: dict[str, Any]) -> None:
        self.args = args
        self.keywords = keywords


def is_deferred(node: object) -> bool:
    """Whether Hydra made ``node`` from a call node with ``_partial_: true``, which it notes on its partials."""
    return isinstance(node, functools.partial) and "_hydra_full_key" in vars(node)


def _child(node: Any, step: Any) -> Any:
    if isinstance(node, _Root | functools.partial):
        return node.args if step == "_args_" else node.keywords[step]
    return node[step]


def _parts(node: Any) -> Iterator[tuple[tuple[object, ...], Any]]:
    """Yields the arguments of a deferred call, or the items of a container, with the steps to them."""
    if isinstance(node, functools.partial):
        yield from (((key,), value) for key, value in node.keywords.items())
        yield from ((("_args_", index), value) for index, value in enumerate(node.args))
    elif isinstance(node, Mapping):
        yield from (((key,), value) for key, value in node.items())
    elif isinstance(node, Sequence):
        yield from (((index,), value) for index, value in enumerate(node))


def _make_call(scope: _Scope, node: Deferred[Any]) -> Any:
    # An inner share resolves its own refs first and asks further out for the rest.
    if node.func is share:
        return node()
    return _rebound(node, tuple(scope.evaluate(arg) for arg in node.args), {}, scope)()


def _rebound(
    node: Deferred[Any], args: tuple[Any, ...], kwargs: dict[str, Any], scope: _Scope | None = None
) -> Deferred[Any]:
    """Returns Hydra's deferred call with other arguments; its checks of arguments and results stay."""
    keywords = {
        # The helpers' own targets are functions to them, not calls to be made.
        key: scope.evaluate(arg) if scope is not None and key not in _TARGET_KEYS else arg
        for key, arg in node.keywords.items()
    }
    keywords.update(kwargs)
    return with_state(type(node)(node.func, *args, **keywords), node)


_TARGET_KEYS = frozenset({"_deferred_target_", "_shared_target_"})


def _deferred(target: Any, helper: str) -> Deferred[Any]:
    if isinstance(target, functools.partial):
        return target
    key = "_shared_target_" if helper == "share" else "_deferred_target_"
    raise ShareError(
        Problem(
            f"{key} of {helper} must be a call node with '_partial_: true', got {type(target).__name__}",
            kind=ShareError,
        )
    )


def _make_reference(scope: _Scope, node: Reference) -> Any:
    return scope.lookup(node.path)


def _make_list(scope: _Scope, node: list[Any]) -> list[Any]:
    return [scope.evaluate(item) for item in node]


def _make_dict(scope: _Scope, node: dict[Any, Any]) -> dict[Any, Any]:
    return {key: scope.evaluate(item) for key, item in node.items()}


def _make_tuple(scope: _Scope, node: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(scope.evaluate(item) for item in node)


def _make_list_config(scope: _Scope, node: Any) -> Any:
    from fiddle_hydra_bridge.convert.containers import hydra_list

    return hydra_list([scope.evaluate(item) for item in node])


def _make_dict_config(scope: _Scope, node: Any) -> Any:
    from fiddle_hydra_bridge.convert.containers import hydra_dict

    return hydra_dict({key: scope.evaluate(node[key]) for key in node}, node._metadata.object_type)


@functools.cache
def _makers() -> dict[type, Callable[[_Scope, Any], Any]]:
    """How each container that Hydra hands over is made, by exact type."""
    from omegaconf import DictConfig, ListConfig

    return {
        Reference: _make_reference,
        list: _make_list,
        dict: _make_dict,
        tuple: _make_tuple,
        ListConfig: _make_list_config,
        DictConfig: _make_dict_config,
    }
