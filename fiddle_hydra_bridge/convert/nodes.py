"""OmegaConf nodes at close quarters: what ``omegaconf_nodes`` and ``objects`` both need of them.

Reading a child through ``DictConfig.__getitem__`` costs some 20 µs, mostly for flags and validation that a plain
value does not need. The functions here look at a node's content directly where that is certainly the same, and
go through OmegaConf's public API for everything else: interpolations, missing values, unions, typed containers
without content.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

import omegaconf
from omegaconf import AnyNode, DictConfig, ListConfig, OmegaConf, ValueNode

__all__ = [
    "HAS_TUPLES",
    "SPECIAL",
    "TUPLE_TYPES",
    "content",
    "counterpart",
    "hydra_dict",
    "hydra_list",
    "is_config",
    "is_structured",
    "is_typed",
    "object_type",
    "plain",
]

#: OmegaConf 2.4 knows tuples; before, a tuple in a config is a list.
HAS_TUPLES = hasattr(omegaconf, "TupleConfig")
TUPLE_TYPES: tuple[type, ...] = (vars(omegaconf)["TupleConfig"],) if HAS_TUPLES else ()
_TYPED_BY_NOTHING = (None, dict)


class _Special:
    """The type of ``SPECIAL``."""

    def __repr__(self) -> str:
        return "SPECIAL"


#: The content of a node that must be read through OmegaConf's public API.
SPECIAL: Any = _Special()


def content(node: Any) -> Any:
    """Returns the ``dict`` or ``list`` of child nodes of a container, or ``SPECIAL`` if it has none.

    A container without children is ``None``, ``???`` or an interpolation.
    """
    children = node.__dict__["_content"]
    kind = type(children)
    return children if kind is dict or kind is list or kind is tuple else SPECIAL


def plain(node: Any) -> Any:
    """Returns the value of a leaf node, or ``SPECIAL`` for interpolations, ``???`` and unions."""
    try:
        value = node.__dict__["_val"]
    except KeyError:
        return SPECIAL
    if type(value) is str and ("${" in value or value == "???"):
        return SPECIAL
    return value


def object_type(node: Any) -> Any:
    """Returns the dataclass or attrs class of a structured config, ``dict`` or ``None`` for other mappings."""
    return node._metadata.object_type


def is_typed(node: Any) -> bool:
    """Whether a mapping is a structured config."""
    return node._metadata.object_type not in _TYPED_BY_NOTHING


def hydra_list(items: Iterable[Any], parent: Any = None, *, is_tuple: bool = False) -> Any:
    """Makes the ListConfig that the installed Hydra makes of instantiated items (``_convert_: none``).

    Hydra 1.3 lets OmegaConf wrap the items, which turns dataclass instances into DictConfigs; 1.4 keeps them.

    Args:
        items: instantiated items.
        parent: the node that the items came from, if the result is to know it.
        is_tuple: whether to make a TupleConfig.
    """
    if not HAS_TUPLES:
        made = OmegaConf.create(list(items), flags={"allow_objects": True})
    elif is_tuple:
        made = OmegaConf.create(tuple(map(_kept, items)), flags={"allow_objects": True})
    else:
        made = OmegaConf.create([], flags={"allow_objects": True})
        for item in items:
            made.append(_kept(item))
    if parent is not None:
        made._set_parent(parent)
    return made


def hydra_dict(entries: Mapping[Any, Any], of_type: Any = dict, parent: Any = None) -> DictConfig:
    """Makes the DictConfig that the installed Hydra makes of instantiated entries (``_convert_: none``).

    Args:
        entries: instantiated values by key.
        of_type: the class of the structured config that the entries came from; ``dict`` if it is none.
        parent: the node that the entries came from, if the result is to know it.
    """
    made: DictConfig = OmegaConf.create({}, flags={"allow_objects": True})
    for key, value in entries.items():
        made[key] = _kept(value) if HAS_TUPLES else value
    if parent is not None:
        made._set_parent(parent)
    made._metadata.object_type = of_type
    return made


def counterpart(node: Any) -> Any:
    """Returns a node's counterpart in a copy of its whole config.

    A copy of the node alone keeps its parent for interpolations, and resolving it changes what lies outside.
    """
    steps = []
    root = node
    while root._get_parent() is not None:
        steps.append(root._key())
        root = root._get_parent()
    copied = copy.deepcopy(root)
    for step in reversed(steps):
        copied = copied._get_node(step)
    return copied


def _kept(value: Any) -> Any:
    """Wraps dataclass and attrs instances so that OmegaConf keeps them as objects, as Hydra 1.4 does."""
    if OmegaConf.is_config(value) or isinstance(value, ValueNode):
        return value
    if is_structured(value):
        return AnyNode(value, flags={"allow_objects": True})
    if isinstance(value, dict):
        return {key: _kept(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_kept(item) for item in value]
    if type(value) is tuple:
        return tuple(_kept(item) for item in value)
    return value


def is_structured(value: Any) -> bool:
    """Whether a value is a dataclass or attrs class or instance, which OmegaConf reads as a structured config."""
    cls = value if isinstance(value, type) else type(value)
    return hasattr(cls, "__dataclass_fields__") or hasattr(cls, "__attrs_attrs__")


def is_config(value: object) -> bool:
    """Whether a value is one of OmegaConf's containers."""
    return isinstance(value, _CONFIGS)


_CONFIGS = (DictConfig, ListConfig, *TUPLE_TYPES)
