"""Argument factories at run time: what ``runtime.partial`` and ``runtime.arg_factory`` make of Hydra's deferred calls.

In come partials as Hydra makes them for ``_partial_: true``, out go what ``fiddle.build`` makes of a Partial with
ArgFactory arguments. ``targets`` stands above: Fiddle's partials call the bare function, past Hydra's checks.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any

from fiddle_hydra_bridge.convert import targets
from fiddle_hydra_bridge.errors import Problem, UnsupportedValueError

__all__ = ["Deferred", "build_with", "contains_factory", "refuse_hidden_factories"]

#: What Hydra makes of ``_partial_: true``.
Deferred = functools.partial


def build_with(kind: Any, target: Deferred[Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Does what ``fiddle.build`` does for a Partial or ArgFactory of the target with built arguments."""
    # Fiddle's partial calls the bare function, past Hydra's checks: the same rule as for graphs applies.
    targets.check_unwatched(target.func)
    node = object.__new__(kind)
    object.__setattr__(node, "__fn_or_cls__", target.func)
    return node.__build__(*target.args, *args, **{**target.keywords, **kwargs})


def contains_factory(node: Any) -> bool:
    if isinstance(node, dict):
        return any(map(contains_factory, node.values()))
    if isinstance(node, list | tuple):
        return any(map(contains_factory, node))
    return type(node) is _factory_type()


def refuse_hidden_factories(args: Iterable[Any]) -> None:
    """Refuses factories in OmegaConf's containers, which Fiddle does not look into: they would never be called."""
    for arg in args:
        if _holds_hidden_factory(arg):
            raise UnsupportedValueError(
                Problem(
                    "an arg_factory in a DictConfig or ListConfig would never be called",
                    hint="write '_convert_: all' on the partial, so that it gets plain containers",
                    kind=UnsupportedValueError,
                )
            )


def _holds_hidden_factory(node: Any) -> bool:
    from omegaconf import DictConfig, ListConfig

    if not isinstance(node, DictConfig | ListConfig):
        return False
    # OmegaConf 2.3 takes the factory itself, a dataclass instance, for a structured config.
    keys: Iterable[Any] = node if isinstance(node, DictConfig) else range(len(node))
    children: list[Any] = [node._get_node(key) for key in keys]
    return node._metadata.object_type is _factory_type() or any(
        _holds_hidden_factory(child) or type(child._value()) is _factory_type() for child in children
    )


@functools.cache
def _factory_type() -> type:
    """Fiddle's wrapper for a built ArgFactory, by its public API (and not by ``build``, which does not nest)."""
    import fiddle as fdl

    return type(fdl.ArgFactory(dict).__build__())
