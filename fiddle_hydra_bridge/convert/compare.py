"""Comparison: whether two graphs, or two built values, are the same, and where they part.

In come any two Python values, out comes the path and the reason of their first difference. ``compare_rules``
stands above and says, by type, what to compare; the round trips of ``bridge``, ``migrate`` and the tests are
checked with it.

Two values are compared pair by pair along an explicit stack. Mutable values stand in a bijection (what is one
object here is one object there), immutable ones are known by their content alone. Every object is expanded once,
so the work is linear in the size of the graph, however many paths lead through it.
"""

from __future__ import annotations

from collections import deque
from typing import Any, TypeAlias

from fiddle_hydra_bridge.convert.compare_rules import Bag, PartedError, Rule, rule_of, shown
from fiddle_hydra_bridge.convert.paths import format_path

__all__ = ["equivalent", "first_difference", "first_graph_difference", "same_graph"]

#: A path as a linked list, so that a step costs the same at every depth: ``(parent, step)``.
_Link: TypeAlias = tuple[Any, object] | None


def same_graph(a: Any, b: Any) -> bool:
    """Whether two graphs of Fiddle Buildables and containers are the same.

    Buildable classes, targets, set arguments and tags must be equal; leaves equal in type and value; dicts in the
    order of their keys. An object that occurs twice on one side must be one object on the other too, except for
    immutable values, which are known by their content. Unlike Fiddle's ``==`` it is linear in the size of the graph.

    Args:
        a: a Buildable, a container of Buildables, or a leaf.
        b: the same.

    >>> import fiddle as fdl
    >>> shared = fdl.Config(complex, real=1.0)
    >>> same_graph([shared, shared], [fdl.Config(complex, real=1.0), fdl.Config(complex, real=1.0)])
    False
    >>> same_graph(fdl.Config(complex, real=1.0), fdl.Config(complex, real=1))
    False
    """
    return first_graph_difference(a, b) is None


def equivalent(a: Any, b: Any) -> bool:
    """Whether two values are the same in type, content and sharing.

    Any subclass of ``functools.partial`` counts as a partial, and nested ones are flattened. NaN equals NaN, 0.0 is
    not -0.0. Functions, classes, modules and enum members are compared by identity, other immutable values by
    content, everything else by a bijection of identities and by what ``copy`` and ``pickle`` would take along.
    Values that have no such state (locks, open files) need equal types only. The order of a dict does not matter.

    Args:
        a: any value.
        b: any value.

    >>> equivalent({"x": [1, float("nan")], "y": (2,)}, {"y": (2,), "x": [1, float("nan")]})
    True
    >>> shared = []
    >>> equivalent([shared, shared], [[], []])
    False
    """
    return first_difference(a, b) is None


def first_graph_difference(a: Any, b: Any) -> str | None:
    """Returns where and why two graphs part by the rules of :func:`same_graph`; ``None`` if they do not.

    >>> import fiddle as fdl
    >>> first_graph_difference(fdl.Config(complex, real=1.0), fdl.Config(complex, real=2.0))
    'real: 1.0 (float) is not 2.0 (float)'
    """
    return _Comparison().difference(a, b, None, ordered=True)


def first_difference(a: Any, b: Any) -> str | None:
    """Returns where and why two values part by the rules of :func:`equivalent`; ``None`` if they do not.

    >>> first_difference({"layers": [1, 2]}, {"layers": [1, True]})
    'layers[1]: 2 (int) is not True (bool)'
    """
    return _Comparison().difference(a, b, None, ordered=False)


class _Comparison:
    """One comparison: what is known about the objects met so far.

    Attributes:
        here: by ``id`` of a mutable object of the first side: the object, its counterpart, and where they were met.
        there: the same by ``id`` of the counterpart.
        parents: a union-find forest over the ids of immutable objects, of both sides, with equal content.
        alive: the objects in the forest. ``here`` and ``there`` keep theirs too: many of them are made on the fly,
            and the id of one that died could come back as another's.
        rules: the rules of the types met so far.
    """

    def __init__(self) -> None:
        self.here: dict[int, tuple[Any, Any, _Link]] = {}
        self.there: dict[int, tuple[Any, Any, _Link]] = {}
        self.parents: dict[int, int] = {}
        self.alive: list[Any] = []
        self.rules: dict[type, Rule] = {}

    def difference(self, a: Any, b: Any, path: _Link, ordered: bool) -> str | None:
        """Returns the first difference below ``path``, as text."""
        pending: deque[tuple[_Link, Any, Any, bool]] = deque([(path, a, b, ordered)])
        while pending:
            path, a, b, ordered = pending.pop()
            try:
                if type(a) is Bag:
                    self.match(a, b, path, ordered)
                    continue
                rule = self.common_rule(a, b)
                if self.is_known(rule, a, b, path):
                    continue
                ordered = ordered and not rule.leaf
                parts = list(rule.parts(a, b, ordered))
            except PartedError as reason:
                return f"{_place(path)}: {reason}"
            for step, x, y in reversed(parts):
                entry = (path if step is None else (path, step), x, y, ordered)
                # What a bag holds is found by trial, which succeeds at once when all else has been paired.
                (pending.appendleft if type(x) is Bag else pending.append)(entry)
        return None

    def common_rule(self, a: Any, b: Any) -> Rule:
        """Returns the rule for two values, which must be of one type."""
        cls = type(a)
        rule = self.rules.get(cls)
        if rule is None:
            rule = self.rules[cls] = rule_of(cls)
        if type(b) is not cls and not (rule.subclasses and rule_of(type(b)) is rule):
            raise PartedError(f"{shown(a)} is not {shown(b)}")
        return rule

    def is_known(self, rule: Rule, a: Any, b: Any, path: _Link) -> bool:
        """Whether the two were paired before; if not, they are from now on, before their parts are looked at."""
        if rule.sharing == "identity":
            return self.is_counterpart(a, b, path)
        return rule.sharing == "content" and self.is_same_content(a, b)

    def is_counterpart(self, a: Any, b: Any, path: _Link) -> bool:
        here, there = self.here.get(id(a)), self.there.get(id(b))
        if here is None and there is None:
            self.here[id(a)] = self.there[id(b)] = (a, b, path)
            return False
        if here is not None and here[1] is b:
            return True
        met, side, other = (here, "first", "second") if here is not None else (there, "second", "first")
        assert met is not None
        raise PartedError(f"the same object as {_place(met[2])} in the {side}, another object in the {other}")

    def is_same_content(self, a: Any, b: Any) -> bool:
        # Equality of contents is transitive, so classes of equal objects serve instead of pairs of objects, whose
        # number is not linear when the two sides share their immutable parts differently.
        root_a, root_b = self.root(id(a)), self.root(id(b))
        known = root_a == root_b and root_a in self.parents
        if not known:
            self.parents[root_a] = self.parents[root_b] = root_b
            self.alive += (a, b)
        return known

    def root(self, key: int) -> int:
        parents = self.parents
        while (parent := parents.get(key, key)) != key:
            parents[key] = parents[parent]
            key = parent
        return key

    def match(self, a: Bag, b: Bag, path: _Link, ordered: bool) -> None:
        """Finds a counterpart for each element of a set that has no key to look it up by."""
        left = list(b.elements)
        for element in a.elements:
            # Where the hash comes from the content, the counterpart is among the first.
            for candidate in sorted(left, key=lambda other: hash(other) != hash(element)):
                trial = self.copy()
                if trial.difference(element, candidate, path, ordered) is None:
                    self.here, self.there, self.parents = trial.here, trial.there, trial.parents
                    self.alive = trial.alive
                    left = [other for other in left if other is not candidate]
                    break
            else:
                raise PartedError(f"{shown(element)} has no counterpart in the second")

    def copy(self) -> _Comparison:
        copy = _Comparison()
        copy.here, copy.there, copy.parents = dict(self.here), dict(self.there), dict(self.parents)
        copy.alive = list(self.alive)
        return copy


def _place(path: _Link) -> str:
    steps = []
    while path is not None:
        path, step = path
        named = isinstance(step, str) or (type(step) is int and step.bit_length() < 64)
        steps.append(step if named else shown(step))
    return format_path(reversed(steps)) or "<root>"
