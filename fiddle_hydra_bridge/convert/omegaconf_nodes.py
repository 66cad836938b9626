"""DictConfig and ListConfig, read into plain data and written from it.

In come OmegaConf's containers with everything they hold: interpolations, missing values, structured configs, enums,
paths, objects. Out goes the data that ``hydra_reader`` reads, with interpolations resolved where they stand. ``nodes``
stands above (quick looks at single nodes); ``bridge`` prepares configs and puts this spoke before ``hydra_reader``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum
from pathlib import Path as FilePath
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from fiddle_hydra_bridge.convert.nodes import (
    CONTAINER_MODES,
    HAS_TUPLES,
    SPECIAL,
    TUPLE_TYPES,
    content,
    counterpart,
    is_config,
    is_typed,
    object_type,
    plain,
)
from fiddle_hydra_bridge.convert.paths import Path
from fiddle_hydra_bridge.convert.tree import MISSING, Data, Link, Mark, Marks, Typed, Unbuilt
from fiddle_hydra_bridge.convert.values import is_leaf
from fiddle_hydra_bridge.errors import Problem, SyntaxProblemError, first_line

__all__ = ["is_native", "read", "read_at", "write"]

#: Interpolations copy what they reach, and copies may hold interpolations: more nodes than this is a bomb.
MAX_COPIED_NODES = 100_000
#: Likewise for text: a string that takes more interpolations than this to resolve is a bomb.
MAX_NESTED_INTERPOLATIONS = 10_000
_NODE_INTERPOLATION = re.compile(r"\$\{\s*([.\w-]+)\s*\}")


def read(
    config: Any, *, links: str = "auto", share: bool = False, marks: Marks | None = None, parsed: Data = None
) -> tuple[Data, frozenset[int], Marks]:
    """Reads a config.

    Args:
        config: a DictConfig or ListConfig; it is not changed.
        links: "auto" resolves interpolations and keeps those that do not resolve as ``Link``; "keep" keeps all.
        share: whether a container that an interpolation reaches is one value with the container itself.
        marks: line marks of the text the config was created from.
        parsed: the data the config was created from, which ``marks`` speaks of.

    Returns:
        the data; the ids of containers that are one value wherever they are met; line marks of the data (none
        without ``marks``).

    Raises:
        BridgeError: if interpolations copy each other without end or measure.
    """
    reader = _Reader(links == "keep", share)
    if marks is not None:
        reader.remember_lines(config, parsed, marks)
    data = reader.value(config, True)
    new_marks = Marks(marks.source, marks.root) if marks is not None else Marks("")
    new_marks.lines = reader.new_lines
    return data, frozenset(reader.shared), new_marks


def read_at(config: Any, path: Path) -> Data:
    """Reads what stands at a path of a config, interpolations resolved."""
    node = config
    for step in path:
        node = node._get_node(step)
    reader = _Reader(False, False)
    return reader.value(node, True) if is_config(node) else reader._child(node, True)


class _Reader:
    def __init__(self, keep_links: bool, share: bool) -> None:
        self.keep_links = keep_links
        self.share = share
        self.shared: set[int] = set()
        self.read: dict[int, Data] = {}
        self.open: set[int] = set()
        self.copied = 0
        self.weights: dict[int, int] = {}
        self.copying = 0
        self.lines: dict[int, dict[Any, Mark]] = {}
        self.new_lines: dict[int, dict[Any, Mark]] = {}

    def remember_lines(self, config: Any, parsed: Data, marks: Marks) -> None:
        """Notes for every container of the config the lines of the data it was created from."""
        pending = [(config, parsed)]
        while pending:
            node, data = pending.pop()
            children = content(node) if is_config(node) else SPECIAL
            if children is SPECIAL or type(data) not in (dict, list):
                continue
            self.lines[id(node)] = marks.lines.get(id(data), {})
            for key, child in children.items() if type(children) is dict else enumerate(children):
                pending.append((child, data[key]))

    def value(self, node: Any, recursive: bool) -> Data:
        """Reads a container node."""
        children = content(node)
        if children is SPECIAL:
            return self._special(node, recursive)
        if self.share and id(node) in self.read:
            self.shared.add(id(self.read[id(node)]))
            return self.read[id(node)]
        if self.copying:
            self._count(node, len(children))
        self.open.add(id(node))
        try:
            data = (
                self._mapping(node, children, recursive)
                if type(children) is dict
                else self._list(node, children, recursive)
            )
        finally:
            self.open.discard(id(node))
        if id(node) in self.lines:
            self.new_lines[id(data)] = self.lines[id(node)]
        if self.share:
            self.read[id(node)] = data
        return data

    def _mapping(self, node: Any, children: dict[Any, Any], recursive: bool) -> Data:
        data: dict[Any, Data] = Typed(object_type(node)) if is_typed(node) and "_target_" not in children else {}
        if "_recursive_" in children:
            flag = plain(children["_recursive_"])
            recursive = node["_recursive_"] if flag is SPECIAL else flag
        unbuilt = recursive is False and "_target_" in children
        for key, child in children.items():
            value = plain(child)
            if value is SPECIAL:
                value = self._kept(child, key) if unbuilt else self._child(child, recursive)
            data[key] = value
        return data

    def _list(self, node: Any, children: list[Any] | tuple[Any, ...], recursive: bool) -> Data:
        items = []
        for child in children:
            value = plain(child)
            items.append(self._child(child, recursive) if value is SPECIAL else value)
        return tuple(items) if isinstance(node, TUPLE_TYPES) else items

    def _kept(self, child: Any, key: Any = None) -> Data:
        """Reads a child of a call node that is not recursive: a container stays config, whole and unread."""
        if key == "_args_" and is_config(child) and content(child) is not SPECIAL:
            # The list of positional arguments is Hydra's; its items stay config.
            return [self._kept(item) if plain(item) is SPECIAL else plain(item) for item in content(child)]
        if is_config(child) and content(child) is not SPECIAL:
            return _unbuilt(child)
        value = self._special(child, False)
        return _unbuilt(child) if type(value) in (dict, list, tuple, Typed) else value

    def _child(self, child: Any, recursive: bool) -> Data:
        return self.value(child, recursive) if is_config(child) else self._special(child, recursive)

    def _special(self, node: Any, recursive: bool) -> Data:
        """Reads a node without content of its own: None, ``???``, an interpolation, a union."""
        if node._is_missing():
            return MISSING
        if not node._is_interpolation():
            value = node._value()
            # The value of a union is a node itself.
            return value if value is None or not hasattr(value, "_value") else value._value()
        expression = str(node._value())
        if self.keep_links:
            return Link(expression)
        if self._weight(node) > MAX_NESTED_INTERPOLATIONS:
            raise _bomb(node, f"it takes more than {MAX_NESTED_INTERPOLATIONS:,} interpolations to resolve")
        try:
            reached = node._dereference_node()
        except (OmegaConfBaseException, RecursionError) as error:
            return Link(expression, first_line(error))
        if not is_config(reached):
            value = reached._value()
            return value._value() if hasattr(value, "_value") else value
        if reached._is_missing():
            return Link(expression, "it reaches a missing value")
        if id(reached) in self.open:
            return Link(expression, "it contains itself")
        self.copying += 1
        try:
            return self.value(reached, recursive)
        finally:
            self.copying -= 1

    def _count(self, node: Any, children: int) -> None:
        self.copied += children + 1
        if self.copied > MAX_COPIED_NODES:
            hint = "share=True makes one value of a container and its interpolations"
            raise _bomb(node, f"interpolations copy more than {MAX_COPIED_NODES:,} nodes", hint)

    def _weight(self, node: Any) -> int:
        """How many interpolations it takes to resolve a leaf, as far as they name other leaves."""
        known = self.weights.get(id(node))
        if known is not None:
            return known
        weight = self.weights[id(node)] = 1  # also where a leaf reaches itself, which OmegaConf refuses
        for name in _NODE_INTERPOLATION.findall(str(node._value())):
            reached = _named(node, name)
            nested = reached is not None and not is_config(reached) and reached._is_interpolation()
            weight += self._weight(reached) if nested else 1
        self.weights[id(node)] = weight
        return weight


def _named(node: Any, name: str) -> Any:
    """Returns the node that an interpolation names, if plain steps lead to it."""
    steps = name.split(".")
    found = node._get_root()
    if not steps[0]:
        # Each leading dot but the first leads one container up.
        found = node
        while steps and not steps[0]:
            found, steps = found._get_parent(), steps[1:]
            if found is None:
                return None
    for step in steps:
        children = content(found) if is_config(found) else SPECIAL
        if type(children) is not dict or step not in children:
            return None
        found = children[step]
    return found


def _bomb(node: Any, message: str, hint: str | None = None) -> SyntaxProblemError:
    path = str(node._get_full_key(None))
    return SyntaxProblemError(Problem(message, path, None, hint, SyntaxProblemError))


def _unbuilt(node: Any) -> Unbuilt:
    """Returns a leaf for a container below ``_recursive_: false``, which Hydra hands over as config."""

    def make(mode: str) -> Any:
        reached = node._dereference_node()
        if mode == "none":
            config = counterpart(reached)
            if not HAS_TUPLES:
                # Hydra 1.3 has resolved the config before it hands a part of it over.
                OmegaConf.resolve(config)
                config._set_parent(None)
            return config
        try:
            return OmegaConf.to_container(reached, resolve=True, structured_config_mode=CONTAINER_MODES[mode])
        except OmegaConfBaseException:
            # Something in it does not resolve, and may never be asked for: a link in its place.
            return _without_types(_Reader(False, False).value(reached, True))

    return Unbuilt(make)


def _without_types(data: Data) -> Any:
    """Returns data as plain containers that stay data: ``???`` is text in them."""
    if isinstance(data, dict):
        return {key: _without_types(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return type(data)(_without_types(item) for item in data)
    return "???" if data is MISSING else data


def write(data: Data) -> Any:
    """Writes data as a DictConfig or ListConfig.

    Args:
        data: dicts, lists, scalars, ``Link`` and ``MISSING`` leaves, values for which :func:`is_native` holds.
    """
    return OmegaConf.create(_spelled(data))


def _spelled(data: Data) -> Any:
    """Replaces the leaves of data by OmegaConf's spelling."""
    kind = type(data)
    if kind is dict:
        return {key: _spelled(value) for key, value in data.items()}
    if kind is list:
        return [_spelled(value) for value in data]
    spell = _SPELLINGS.get(kind)
    return data if spell is None else spell(data)


_SPELLINGS: dict[type, Callable[[Any], Any]] = {
    Link: lambda link: link.expression,
    type(MISSING): lambda missing: "???",
}


def is_native(value: Any) -> bool:
    """Whether OmegaConf has a type for a value that YAML has none for, so that a DictConfig can hold it."""
    if HAS_TUPLES and type(value) is tuple:
        return all(map(is_leaf, value))
    if isinstance(value, str | int) and isinstance(value, Enum):
        return False  # OmegaConf would keep it, but as the str or int that it also is in comparisons
    return type(value) is bytes or isinstance(value, Enum | FilePath)
