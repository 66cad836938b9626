"""What a tree shares, and where a ``share`` node must stand for it.

In comes a tree, out goes what ``hydra_writer`` needs to write it: the nodes that are met more than once, the calls
that become ``share`` nodes, and a few facts about what stands below a node. Everything is found in one walk, in
time linear in the size of the tree.
"""

from __future__ import annotations

from fiddle_hydra_bridge.convert.tree import SECTION, VALUE, Call, Tree, children
from fiddle_hydra_bridge.errors import Problem, UnsupportedValueError

__all__ = ["Sharing", "find_sharing"]


class Sharing:
    """The sharing of one tree.

    Attributes:
        shared: ids of the nodes that are met more than once.
        roots: ids of the calls that become ``share`` nodes: the lowest call above all occurrences.
    """

    def __init__(self) -> None:
        self.shared: set[int] = set()
        self.roots: set[int] = set()
        self._below: dict[int, _Below] = {}

    def has_containers(self, node: Tree) -> bool:
        """Whether a list, dict or tuple, or a call as positional argument, stands anywhere below a node."""
        return self._facts(node).containers

    def is_deep(self, node: Tree) -> bool:
        """Whether a call that is made (no value), or a shared value, stands anywhere below a node."""
        return self._facts(node).calls or any(
            id(child) in self.shared or self.is_deep(child) for _, child in children(node) if _is_node(child)
        )

    def makes(self, node: Tree) -> bool:
        """Whether an argument factory is an argument of a call, directly or in containers."""
        return self._facts(node).factories

    def _facts(self, node: Tree) -> _Below:
        facts = self._below.get(id(node))
        if facts is None:
            # A node that the writer made on its way, around nodes that are known.
            facts = _facts_of(node, {id(child): self._facts(child) for _, child in children(node) if _is_node(child)})
        return facts


class _Below:
    __slots__ = ("calls", "containers", "factories")

    def __init__(self) -> None:
        self.containers = False
        self.calls = False
        self.factories = False

    def add(self, child: Tree, facts: _Below, made: bool) -> None:
        """Takes the facts of a child into account. ``made``: whether it is a call that makes something."""
        is_call = type(child) is Call
        self.containers |= facts.containers or not is_call
        self.calls |= facts.calls or made
        # Factories are seen through containers and values, not through calls, which take them as arguments.
        self.factories |= (is_call and child.kind == "factory") or (not made and facts.factories)


class _Step:
    """A node on the way from the root: the tree of first visits."""

    __slots__ = ("children", "depth", "node", "parent")

    def __init__(self, node: Tree, parent: _Step | None) -> None:
        self.node = node
        self.parent = parent
        self.depth: int = 0 if parent is None else parent.depth + 1
        self.children = iter([child for _, child in children(node) if _is_node(child)])


def find_sharing(tree: Tree) -> Sharing:
    """Finds the sharing of a tree.

    Raises:
        UnsupportedValueError: if the tree contains itself, or items of a list at the root share something.
    """
    sharing = Sharing()
    first: dict[int, _Step] = {}
    again: list[tuple[_Step, _Step]] = []
    if not _is_node(tree):
        return sharing
    step: _Step | None = _Step(tree, None)
    first[id(tree)] = step  # type: ignore[assignment]
    while step is not None:
        child = next(step.children, None)
        if child is None:
            sharing._below[id(step.node)] = _facts_of(step.node, sharing._below)
            step = step.parent
        elif id(child) not in first:
            step = _Step(child, step)
            first[id(child)] = step
        else:
            if id(child) not in sharing._below:
                raise UnsupportedValueError(
                    Problem("a config that contains itself cannot be spelled", kind=UnsupportedValueError)
                )
            sharing.shared.add(id(child))
            again.append((first[id(child)], step))
    for defined, met in again:
        sharing.roots.add(id(_share_root(defined, met).node))
    return sharing


def _facts_of(node: Tree, below: dict[int, _Below]) -> _Below:
    facts = _Below()
    # The call inside a `value` node is the spelling of the value, and is made with it.
    spells = type(node) is Call and node.kind == "value" and node.target == VALUE
    for step, child in children(node):
        if _is_node(child):
            # Positional arguments stand in a list, which would wrap what a call returns.
            facts.containers |= step[0] == "_args_" and type(node) is Call
            facts.add(child, below[id(child)], made=type(child) is Call and child.kind != "value" and not spells)
    return facts


def _is_node(tree: Tree) -> bool:
    return type(tree) in (Call, dict, list)


def _share_root(defined: _Step, met: _Step) -> _Step:
    """Returns the lowest call above the definition of a node and the place where it is met again."""
    above: _Step | None = defined.parent
    while above is not met and above is not None:
        if above.depth > met.depth:
            above = above.parent
        elif met.depth > above.depth and met.parent is not None:
            met = met.parent
        else:
            above, met = above.parent, met.parent or met
    while above is not None and not (type(above.node) is Call and above.node.kind in ("config", "partial")):
        above = above.parent
    if above is None:
        raise UnsupportedValueError(
            Problem(
                "items of a list or dict at the root share an instance, and there is no call above them to keep it",
                hint=f"put them below one call, e.g. fdl.Config({SECTION}, items=...)",
                kind=UnsupportedValueError,
            )
        )
    return above
