"""OmegaConf containers of live objects, as Hydra makes them for ``_convert_: none``.

In come instantiated items and entries, out go the ListConfig and DictConfig that the installed Hydra would hand to a
target; ``objects`` and the Buildables of other conversion modes (``buildables``) need them. OmegaConf takes some 50 µs
for each item, mostly for validation that untyped containers do not need, so plain leaves are made directly, by the
model of one that OmegaConf has made; what a type becomes is learned from OmegaConf itself, once for each type.
"""

from __future__ import annotations

import collections
import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from omegaconf import AnyNode, DictConfig, OmegaConf, ValueNode

from fiddle_hydra_bridge.convert.nodes import HAS_TUPLES, is_structured

__all__ = ["hydra_dict", "hydra_list"]

_FLAGS = {"allow_objects": True}


def hydra_list(items: Iterable[Any], parent: Any = None, *, is_tuple: bool = False) -> Any:
    """Makes the ListConfig that the installed Hydra makes of instantiated items.

    Hydra 1.3 lets OmegaConf wrap the items, which turns dataclass instances into DictConfigs; 1.4 keeps them.

    Args:
        items: instantiated items.
        parent: the node that the items came from, if the result is to know it.
        is_tuple: whether to make a TupleConfig.
    """
    items = list(items)
    if is_tuple:
        made = OmegaConf.create(tuple(map(_kept, items)), flags=_FLAGS)
    elif all(map(_is_plain, items)):
        made = _bare([])
        made.__dict__["_content"] = [_leaf(item, index, made) for index, item in enumerate(items)]
    else:
        made = _list_by_omegaconf(items)
    if parent is not None:
        made._set_parent(parent)
    return made


def hydra_dict(entries: Mapping[Any, Any], of_type: Any = dict, parent: Any = None) -> DictConfig:
    """Makes the DictConfig that the installed Hydra makes of instantiated entries.

    Args:
        entries: instantiated values by key.
        of_type: the class of the structured config that the entries came from; ``dict`` if it is none.
        parent: the node that the entries came from, if the result is to know it.
    """
    made: DictConfig = _bare({})
    for key, value in entries.items():
        if type(key) is str and _is_plain(value):
            made.__dict__["_content"][key] = _leaf(value, key, made)
        else:
            made[key] = _kept(value) if HAS_TUPLES else value
    if parent is not None:
        made._set_parent(parent)
    made._metadata.object_type = of_type
    return made


def _list_by_omegaconf(items: Sequence[Any]) -> Any:
    if not HAS_TUPLES:
        return OmegaConf.create(list(items), flags=_FLAGS)
    made = OmegaConf.create([], flags=_FLAGS)
    for item in items:
        made.append(_kept(item))
    return made


def _kept(value: Any) -> Any:
    """Wraps dataclass and attrs instances so that OmegaConf keeps them as objects, as Hydra 1.4 does."""
    if OmegaConf.is_config(value) or isinstance(value, ValueNode):
        return value
    if is_structured(value):
        return AnyNode(value, flags=_FLAGS)
    if isinstance(value, dict):
        return {key: _kept(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_kept(item) for item in value]
    if type(value) is tuple:
        return tuple(_kept(item) for item in value)
    return value


# The quick way.


def _is_plain(value: Any) -> bool:
    """Whether OmegaConf makes nothing but a leaf of a value."""
    kind = type(value)
    if kind is str:
        return "${" not in value and value != "???"
    try:
        return _PLAIN_TYPES[kind]
    except KeyError:
        return _learn(kind, value)


_PLAIN_TYPES: dict[type, bool] = {}


def _learn(kind: type, value: Any) -> bool:
    """Asks OmegaConf what it makes of a value; it judges untyped values by their type."""
    node = _list_by_omegaconf([value]).__dict__["_content"][0]
    model = _model_leaf()
    _PLAIN_TYPES[kind] = (
        type(node) is AnyNode
        and node.__dict__["_val"] is value
        and node.__dict__.keys() == model.__dict__.keys()
        and vars(node._metadata) == vars(model._metadata)
    )
    return _PLAIN_TYPES[kind]


@functools.cache
def _model_leaf() -> AnyNode:
    """A leaf at index 0, as OmegaConf makes it."""
    leaf: AnyNode = _list_by_omegaconf([0]).__dict__["_content"][0]
    return leaf


def _leaf(value: Any, key: int | str, parent: Any) -> AnyNode:
    model = _model_leaf()
    metadata = object.__new__(type(model._metadata))
    metadata.__dict__.update(model._metadata.__dict__, key=key, flags={}, resolver_cache=collections.defaultdict(dict))
    leaf = object.__new__(AnyNode)
    leaf.__dict__.update(model.__dict__, _metadata=metadata, _parent=parent, _val=value)
    return leaf


@functools.cache
def _model(kind: type) -> Any:
    """An empty container, as OmegaConf makes it."""
    return OmegaConf.create(kind(), flags=_FLAGS)


def _bare(content: list[Any] | dict[Any, Any]) -> Any:
    """Returns an empty container that takes the given content for its own."""
    model = _model(type(content))
    metadata = object.__new__(type(model._metadata))
    metadata.__dict__.update(model._metadata.__dict__, flags=dict(_FLAGS), resolver_cache=collections.defaultdict(dict))
    made = object.__new__(type(model))
    made.__dict__.update(model.__dict__, _metadata=metadata, _content=content)
    return made
