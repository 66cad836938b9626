"""OmegaConf nodes at close quarters: what ``omegaconf_nodes`` and ``objects`` both need of them.

Reading a child through ``DictConfig.__getitem__`` costs some 20 µs, mostly for flags and validation that a plain
value does not need. The functions here look at a node's content directly where that is certainly the same, and
go through OmegaConf's public API for everything else: interpolations, missing values, unions, typed containers
without content.
"""

from __future__ import annotations

import copy
from typing import Any

import omegaconf
from omegaconf import AnyNode, DictConfig, ListConfig, SCMode

__all__ = [
    "CONTAINER_MODES",
    "HAS_TUPLES",
    "SPECIAL",
    "TUPLE_TYPES",
    "content",
    "counterpart",
    "has_own_flags",
    "is_config",
    "is_structured",
    "is_typed",
    "object_type",
    "plain",
]

#: OmegaConf 2.4 knows tuples; before, a tuple in a config is a list.
HAS_TUPLES = hasattr(omegaconf, "TupleConfig")
TUPLE_TYPES: tuple[type, ...] = (vars(omegaconf)["TupleConfig"],) if HAS_TUPLES else ()
#: The conversion modes that hand over plain containers, and what becomes of structured configs in them.
CONTAINER_MODES = {"all": SCMode.DICT, "partial": SCMode.DICT_CONFIG, "object": SCMode.INSTANTIATE}
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


def has_own_flags(root: Any, flag: str) -> bool:
    """Whether a node below the root has a flag of its own, or inherits none."""
    pending = [root]
    while pending:
        children = content(pending.pop())
        if children is SPECIAL:
            continue
        for child in children.values() if type(children) is dict else children:
            # A leaf has nothing that could be changed but in its container.
            if type(child) is AnyNode:
                continue
            metadata = child.__dict__["_metadata"]
            if metadata.flags_root or (metadata.flags and flag in metadata.flags):
                return True
            if "_content" in child.__dict__:
                pending.append(child)
    return False


def counterpart(node: Any) -> Any:
    """Returns a node's counterpart in a copy of its whole config.

    A copy of the node alone keeps its parent for interpolations, and resolving it changes what lies outside.
    """
    parent = node._get_parent()
    if parent is None:
        return copy.deepcopy(node)
    above = counterpart(parent)
    if _owns(parent, node):
        return above._get_node(node._key())
    # A node that has a parent only for its interpolations, as Hydra's results do.
    copied = copy.deepcopy(node)
    copied._set_parent(above)
    return copied


def _owns(parent: Any, node: Any) -> bool:
    children, key = content(parent), node._key()
    if type(children) is dict:
        return children.get(key) is node
    return children is not SPECIAL and type(key) is int and key < len(children) and children[key] is node


def is_structured(value: Any) -> bool:
    """Whether a value is a dataclass or attrs class or instance, which OmegaConf reads as a structured config."""
    cls = value if isinstance(value, type) else type(value)
    return hasattr(cls, "__dataclass_fields__") or hasattr(cls, "__attrs_attrs__")


def is_config(value: object) -> bool:
    """Whether a value is one of OmegaConf's containers."""
    return isinstance(value, _CONFIGS)


_CONFIGS = (DictConfig, ListConfig, *TUPLE_TYPES)
