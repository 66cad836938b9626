"""OmegaConf's merges, replayed on data that knows its places.

In come layers, one after the other, as ``layers`` lists them; out goes a tree of nodes, each with everything that was
ever written there. ``provenance`` stands below: it compares every leaf with what Hydra has composed, and trusts
none that differs. So a rule that is missing here costs a place, and never gives a wrong one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from fiddle_hydra_bridge.convert.nodes import HAS_TUPLES
from fiddle_hydra_bridge.convert.paths import Path
from fiddle_hydra_bridge.convert.tree import Data, Mark
from fiddle_hydra_bridge.recipes.layers import Layer
from fiddle_hydra_bridge.recipes.overrides import steps

__all__ = ["DELETED", "INTERPOLATION", "Node", "Replay", "Written", "referenced"]

#: An interpolation that names a value, and holds no other.
INTERPOLATION = re.compile(r"\$\{\s*(\.*[^\s${}:,]+)\s*\}")
#: Interpolations may lead to interpolations; longer chains than this are not followed.
_LONGEST_CHAIN = 64


class _Deleted:
    """The type of ``DELETED``: what ``~key`` writes."""

    def __repr__(self) -> str:
        return "<deleted>"


DELETED = _Deleted()


class Written(NamedTuple):
    """One value that a layer writes at one key: the value, its place, and the layer."""

    value: Data
    mark: Mark
    layer: Layer


class Node:
    """What stands at one key.

    Attributes:
        data: a dict or list of nodes, or a leaf.
        written: what was written here, in order.
        won: which of it stands.
    """

    __slots__ = ("data", "won", "written")

    def __init__(self, data: Any, won: Written) -> None:
        self.data = data
        self.written = [won]
        self.won = won

    @property
    def is_container(self) -> bool:
        return type(self.data) in (dict, list)

    @property
    def is_missing(self) -> bool:
        return type(self.data) is str and self.data == "???"

    def children(self) -> Iterator[tuple[Any, Node]]:
        """Yields keys and nodes; none for a leaf."""
        if type(self.data) is dict:
            yield from self.data.items()
        elif type(self.data) is list:
            yield from enumerate(self.data)

    def follows(self, before: Node) -> Node:
        """Takes over what was written here before this node replaced what stood here."""
        self.written[:0] = before.written
        if type(self.data) is type(before.data) is list:
            for new, old in zip(self.data, before.data, strict=False):
                new.follows(old)
        elif type(self.data) is type(before.data) is dict:
            for key, new in self.data.items():
                if key in before.data:
                    new.follows(before.data[key])
        return self

    def copied(self) -> Node:
        """A copy, for an interpolation that is merged into: OmegaConf then copies what it reaches."""
        made = Node(self.data, self.won)
        made.written = list(self.written)
        if type(self.data) is dict:
            made.data = {key: child.copied() for key, child in self.data.items()}
        elif type(self.data) is list:
            made.data = [child.copied() for child in self.data]
        return made


def _made(data: Data, shadow: Data, layer: Layer, mark: Mark) -> Node:
    """Makes nodes of a layer's data. ``shadow``: the data that the layer's marks speak of, at the same place."""
    node = Node(data, Written(data, mark, layer))
    if type(data) not in (dict, list, tuple):
        return node
    lines = layer.lines.get(id(shadow), {})

    def child(key: Any, item: Data) -> Node:
        try:
            below = shadow[key]
        except (KeyError, IndexError, TypeError):
            below = None
        return _made(item, below, layer, lines.get(key, mark))

    if type(data) is dict:
        node.data = {key: child(key, item) for key, item in data.items()}
    else:
        node.data = [child(index, item) for index, item in enumerate(data)]
    return node


class Replay:
    """The config as the layers so far make it.

    Attributes:
        root: the node of the whole config.
        deleted: by path, what was written at keys that the command line has deleted.
    """

    def __init__(self, layers: list[Layer]) -> None:
        self.deleted: dict[Path, list[Written]] = {}
        self.root = Node({}, Written({}, layers[0].mark, layers[0]))
        for layer in layers:
            if layer.override is None:
                self._merge_layer(layer)
            else:
                self._override(layer)

    def _merge_layer(self, layer: Layer) -> None:
        made = _made(layer.data, layer.shadow, layer, layer.mark)
        for step in reversed(layer.package):
            made = Node({step: made}, Written({}, layer.mark, layer))
        if type(made.data) is dict:
            self._merge(self.root, made, ())

    def _merge(self, dest: Node, source: Node, path: Path) -> None:
        """Merges a mapping into a mapping, as ``BaseContainer._map_merge`` does."""
        for key, new in source.data.items():
            old = dest.data.get(key)
            if old is None:
                dest.data[key] = new
                continue
            below = (*path, key)
            reached = self._reached(old, below)
            if reached is not None and reached.is_container:
                old = dest.data[key] = reached.copied().follows(old)
            self._merge_child(dest, key, old, new, below)

    def _merge_child(self, dest: Node, key: Any, old: Node, new: Node, path: Path) -> None:
        if new.is_missing and not old.is_missing:
            old.written += new.written
        elif type(old.data) is type(new.data) is dict:
            old.written += new.written
            old.won = new.won
            self._merge(old, new, path)
        else:
            dest.data[key] = new.follows(old)

    # Overrides.

    def _override(self, layer: Layer) -> None:
        override = layer.override
        assert override is not None
        names = steps(override.key_or_group)
        parent = self._parent(names[:-1], layer)
        if parent is None:
            return
        node, path = parent
        key = _key(node, names[-1])
        if override.is_delete():
            self._delete(node, key, path, layer)
            return
        value = override.value()
        old = _child(node, key)
        new = _made(value, None, layer, layer.mark)
        if override.type.name == "EXTEND_LIST":
            if old is not None and type(old.data) is list and type(new.data) is list:
                old.written.append(new.won)
                old.data += new.data
        elif old is not None and type(old.data) is type(new.data) is dict:
            old.written.append(new.won)
            old.won = new.won
            self._merge(old, new, (*path, key))
        elif type(node.data) is dict:
            node.data[key] = new if old is None else new.follows(old)
        elif type(node.data) is list and old is not None:
            node.data[key] = new.follows(old)

    def _parent(self, names: list[str], layer: Layer) -> tuple[Node, Path] | None:
        """Walks to the container that an override changes, and makes what is missing on the way."""
        node: Node = self.root
        path: Path = ()
        for name in names:
            if not node.is_container:
                return None
            key = _key(node, name)
            child = _child(node, key)
            path = (*path, key)
            if child is not None and HAS_TUPLES:
                # OmegaConf 2.3 puts an empty mapping in the place of an interpolation.
                found = self._followed(child, path)
                if found is not None and found[0].is_container:
                    child, path = found
            if child is None or not child.is_container:
                made = Node({}, Written({}, layer.mark, layer))
                if child is not None:
                    made.follows(child)
                if type(node.data) is not dict and child is None:
                    return None
                node.data[key] = child = made
            node = child
        return (node, path) if node.is_container else None

    def _delete(self, node: Node, key: Any, path: Path, layer: Layer) -> None:
        old = _child(node, key)
        if old is not None:
            del node.data[key]
            self.deleted[*path, key] = [*old.written, Written(DELETED, layer.mark, layer)]

    # Interpolations.

    def at(self, path: Path) -> Node | None:
        """Returns the node at a path, if there is one."""
        node: Node | None = self.root
        for step in path:
            node = None if node is None else _child(node, step)
        return node

    def _reached(self, node: Node, path: Path) -> Node | None:
        found = self._followed(node, path) if type(node.data) is str else None
        return found[0] if found is not None else None

    def _followed(self, node: Node, path: Path) -> tuple[Node, Path] | None:
        """Follows a node that is an interpolation of other nodes, as far as they lead to one that is none."""
        for _ in range(_LONGEST_CHAIN):
            if type(node.data) is not str or "${" not in node.data:
                return node, path
            target = self._target(node.data, path)
            found = self.at(target) if target is not None else None
            if found is None or target is None:
                return None
            node, path = found, target
        return None

    def _target(self, text: str, path: Path) -> Path | None:
        """The path that an interpolation names, where it does so by keys and by interpolations of leaves."""
        for _ in range(_LONGEST_CHAIN):
            found = INTERPOLATION.search(text)
            if found is None:
                return None
            target = referenced(found[1], path)
            if found.span() == (0, len(text)) or target is None:
                return target
            node = self.at(target)
            if node is None or node.is_container:
                return None
            text = text[: found.start()] + str(node.data) + text[found.end() :]
        return None


def referenced(name: str, path: Path) -> Path | None:
    """The path that the name in an interpolation means: ``a.b[0]``, or ``..a`` seen from the value at ``path``."""
    found: list[object] = []
    dots = len(name) - len(name.lstrip("."))
    if dots:
        # Each leading dot but the first leads one container up.
        if dots > len(path):
            return None
        found += path[: len(path) - dots]
    return (*found, *steps(name[dots:]))


def _key(node: Node, step: Any) -> Any:
    """The key that a step means here: overrides and interpolations know only text."""
    if type(node.data) is list:
        try:
            return int(step)
        except ValueError:
            return step
    if step not in node.data and isinstance(step, str) and step.lstrip("-").isdigit() and int(step) in node.data:
        return int(step)
    return step


def _child(node: Node, step: Any) -> Node | None:
    if not node.is_container:
        return None
    key = _key(node, step)
    if type(node.data) is dict:
        return node.data.get(key)
    if type(key) is int and -len(node.data) <= key < len(node.data):
        found: Node = node.data[key]
        return found
    return None
