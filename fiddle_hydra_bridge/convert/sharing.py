"""What a tree shares, and where a ``share`` node must stand for it.

In comes a tree, out goes what ``hydra_writer`` needs to write it: the nodes that are met more than once, the calls
that become ``share`` nodes, and a few facts about what stands below a node. Everything is found in one walk, in
time linear in the size of the tree.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from fiddle_hydra_bridge.convert.paths import Path, format_path
from fiddle_hydra_bridge.convert.tree import SECTION, VALUE, Call, Link, Tree, children
from fiddle_hydra_bridge.errors import Problem, UnsupportedValueError

__all__ = ["Sharing", "find_sharing"]


class Sharing:
    """The sharing of one tree.

    Attributes:
        shared: ids of the nodes that are met more than once.
        roots: ids of the calls that become ``share`` nodes: the lowest call above all occurrences.
        slots: ids of the calls that other configs give.
        crossed: ids of the calls in slots that stand above what they share with the outside.
    """

    def __init__(self, slots: Collection[int]) -> None:
        self.shared: set[int] = set()
        self.roots: set[int] = set()
        self.slots = slots
        self.crossed: set[int] = set()
        self._below: dict[int, _Below] = {}

    def has_containers(self, node: Tree) -> bool:
        """Whether a list, dict or tuple stands anywhere below a node, or what may become one."""
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

    __slots__ = ("children", "depth", "name", "node", "parent")

    def __init__(self, node: Tree, parent: _Step | None = None, name: Path = ()) -> None:
        self.node = node
        self.parent = parent
        self.name = name
        self.depth: int = 0 if parent is None else parent.depth + 1
        self.children = iter([(step, child) for step, child in children(node) if _is_node(child)])

    def path_to(self, name: Path) -> str:
        """Returns the config path of a child."""
        names, step = [name], self
        while step.parent is not None:
            names.append(step.name)
            step = step.parent
        return format_path(part for name in reversed(names) for part in name)


def find_sharing(tree: Tree, slots: Collection[int] = ()) -> Sharing:
    """Finds the sharing of a tree.

    Args:
        tree: the tree.
        slots: ids of the calls that other configs give.

    Raises:
        UnsupportedValueError: if the tree contains itself, or items of a list at the root share something.
    """
    sharing = Sharing(slots)
    first: dict[int, _Step] = {}
    again: list[tuple[_Step, _Step, Path]] = []
    if not _is_node(tree):
        return sharing
    root_step = _Step(tree)
    step: _Step | None = root_step
    first[id(tree)] = root_step
    while step is not None:
        name, child = next(step.children, (None, None))
        if name is None:
            sharing._below[id(step.node)] = _facts_of(step.node, sharing._below)
            step = step.parent
        elif id(child) not in first:
            step = _Step(child, step, name)
            first[id(child)] = step
        elif id(child) in sharing._below:
            sharing.shared.add(id(child))
            again.append((first[id(child)], step, name))
        else:
            raise _refused("a config that contains itself cannot be spelled", step.path_to(name), "break the cycle")
    for defined, met, name in again:
        root = _share_root(defined, met)
        if root is None:
            message = "items of a list or dict at the root share an instance, and there is no call above to keep it"
            hint = f"put them below one call, e.g. fdl.Config({SECTION}, items=...)"
            raise _refused(message, met.path_to(name), hint)
        sharing.roots.add(id(root.node))
        for step in (defined.parent, met) if slots else ():
            sharing.crossed.update(_in_slots(step, root, slots))
    return sharing


def _in_slots(step: _Step | None, root: _Step, slots: Collection[int]) -> Iterator[int]:
    """Yields the ids of the calls on the way up to a share root that stand in slots below it."""
    passed: list[int] = []
    while step is not None and step is not root:
        if type(step.node) is Call:
            passed.append(id(step.node))
        if id(step.node) in slots:
            yield from passed
            passed.clear()
        step = step.parent


def _refused(message: str, path: str, hint: str) -> UnsupportedValueError:
    return UnsupportedValueError(Problem(message, path, None, hint, UnsupportedValueError))


def _facts_of(node: Tree, below: dict[int, _Below]) -> _Below:
    facts = _Below()
    # The call inside a `value` node is the spelling of the value, and is made with it.
    spells = type(node) is Call and node.kind == "value" and node.target == VALUE
    for step, child in children(node):
        if type(child) is Link:
            # It may reach a container.
            facts.containers = True
        elif _is_node(child):
            # Positional arguments stand in a list, which would wrap what a call returns.
            facts.containers |= step[0] == "_args_" and type(node) is Call
            facts.add(child, below[id(child)], made=type(child) is Call and child.kind != "value" and not spells)
    return facts


def _is_node(tree: Tree) -> bool:
    return type(tree) in (Call, dict, list)


def _share_root(defined: _Step, met: _Step) -> _Step | None:
    """Returns the lowest call above the definition of a node and the place where it is met again, if there is one."""
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
    return above
