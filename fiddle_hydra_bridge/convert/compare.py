"""Comparison: whether two graphs, or two built values, are the same, and where they part.

In come any two Python values, out comes the path and the reason of their first difference. ``paths`` stands
above; the round trips of ``bridge``, ``migrate`` and the tests are checked with it.

Two values are compared pair by pair along an explicit stack. A table of rules, by type, says for each pair what
its parts are and how its identity counts: mutable values stand in a bijection (what is one object here is one
object there), immutable ones are known by their content alone. Every object is expanded once, so the work is
linear in the size of the graph, however many paths lead through it.

Libraries are never imported here. A value of Fiddle, OmegaConf or an array library can only turn up once its
library has been imported, so their types are looked up among the loaded modules.
"""

from __future__ import annotations

import copyreg
import datetime
import decimal
import enum
import fractions
import functools
import inspect
import pathlib
import re
import reprlib
import sys
import types
import typing
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from fiddle_hydra_bridge.convert.paths import format_path

__all__ = ["equivalent", "first_difference", "first_graph_difference", "same_graph"]

#: A path as a linked list, so that a step costs the same at every depth: ``(parent, step)``.
_Link: TypeAlias = tuple[Any, object] | None
#: The step to a part (``None``: no step), and the part on either side.
_Part: TypeAlias = tuple[object, Any, Any]


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


class _PartedError(Exception):
    """The two values at hand differ, and why."""


@dataclass(frozen=True, slots=True)
class _Rule:
    """How the values of a type are compared.

    Attributes:
        parts: the parts of two values of the type, to be compared in turn; raises ``_PartedError``. The third
            argument says whether the order of dicts counts.
        sharing: whether the identity of a value counts, only its content, or (atoms) nothing need be recorded.
        leaf: whether the value is no container of a graph, so that the order of the dicts in it does not count.
        subclasses: whether a subclass counts as the type itself.
    """

    parts: Callable[[Any, Any, bool], Iterable[_Part]]
    sharing: Literal["atom", "content", "identity"]
    leaf: bool = False
    subclasses: bool = False


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
        self.rules: dict[type, _Rule] = {}

    def difference(self, a: Any, b: Any, path: _Link, ordered: bool) -> str | None:
        """Returns the first difference below ``path``, as text."""
        pending: deque[tuple[_Link, Any, Any, bool]] = deque([(path, a, b, ordered)])
        while pending:
            path, a, b, ordered = pending.pop()
            try:
                if type(a) is _Bag:
                    self.match(a, b, path, ordered)
                    continue
                rule = self.common_rule(a, b)
                if self.is_known(rule, a, b, path):
                    continue
                ordered = ordered and not rule.leaf
                parts = list(rule.parts(a, b, ordered))
            except _PartedError as reason:
                return f"{_place(path)}: {reason}"
            for step, x, y in reversed(parts):
                entry = (path if step is None else (path, step), x, y, ordered)
                # What a bag holds is found by trial, which succeeds at once when all else has been paired.
                (pending.appendleft if type(x) is _Bag else pending.append)(entry)
        return None

    def common_rule(self, a: Any, b: Any) -> _Rule:
        """Returns the rule for two values, which must be of one type."""
        cls = type(a)
        rule = self.rules.get(cls)
        if rule is None:
            rule = self.rules[cls] = _rule(cls)
        if type(b) is not cls and not (rule.subclasses and _rule(type(b)) is rule):
            raise _PartedError(f"{_show(a)} is not {_show(b)}")
        return rule

    def is_known(self, rule: _Rule, a: Any, b: Any, path: _Link) -> bool:
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
        raise _PartedError(f"the same object as {_place(met[2])} in the {side}, another object in the {other}")

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

    def match(self, a: _Bag, b: _Bag, path: _Link, ordered: bool) -> None:
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
                raise _PartedError(f"{_show(element)} has no counterpart in the second")

    def copy(self) -> _Comparison:
        copy = _Comparison()
        copy.here, copy.there, copy.parents = dict(self.here), dict(self.there), dict(self.parents)
        copy.alive = list(self.alive)
        return copy


@dataclass(frozen=True, slots=True)
class _Bag:
    """Elements of a set that are not found by ``==`` on the other side: NaN, and objects known by identity."""

    elements: list[Any]


@dataclass(frozen=True, slots=True)
class _Factory:
    """An argument of a partial that is made anew by each call: ``fiddle.ArgFactory``, as it was built."""

    make: Any


# --- Messages ---------------------------------------------------------------------------------------------------


def _place(path: _Link) -> str:
    steps = []
    while path is not None:
        path, step = path
        named = isinstance(step, str) or (type(step) is int and step.bit_length() < 64)
        steps.append(step if named else _show(step))
    return format_path(reversed(steps)) or "<root>"


def _show(value: Any) -> str:
    """Names a value without running code of its own: the ``repr`` of a graph may be exponential in its depth."""
    cls = type(value)
    # Python refuses to write integers of thousands of digits.
    if cls in _PLAIN and not (cls is int and value.bit_length() > 256):
        return f"{reprlib.repr(value)} ({cls.__name__})"
    if issubclass(cls, type) or cls is types.FunctionType:
        return f"{value.__module__}.{value.__qualname__}"
    if issubclass(cls, enum.Enum):
        return f"{cls.__qualname__}.{value.name}"
    return f"<{cls.__module__}.{cls.__qualname__}>".replace("<builtins.", "<")


# --- Parts: atoms -----------------------------------------------------------------------------------------------


def _equal(a: Any, b: Any, ordered: bool) -> tuple[()]:
    if a != b:
        raise _PartedError(f"{_show(a)} is not {_show(b)}")
    return ()


def _equal_floats(a: float, b: float, ordered: bool) -> tuple[()]:
    # The repr is exact, knows the sign of zero, and is the same for every NaN.
    if repr(a) != repr(b):
        raise _PartedError(f"{_show(a)} is not {_show(b)}")
    return ()


def _identical(a: Any, b: Any, ordered: bool) -> tuple[()]:
    if a is not b:
        raise _PartedError(f"{_show(a)} is not {_show(b)}")
    return ()


# --- Parts: containers ------------------------------------------------------------------------------------------


def _items(a: Sequence[Any], b: Sequence[Any], ordered: bool) -> list[_Part]:
    if len(a) != len(b):
        raise _PartedError(f"{len(a)} items are not {len(b)}")
    return [(index, x, y) for index, (x, y) in enumerate(zip(a, b, strict=True))]


def _dict_entries(a: Any, b: Any, ordered: bool) -> list[_Part]:
    return _entries(list(a.items()), list(b.items()), ordered)


def _entries(a: list[tuple[Any, Any]], b: list[tuple[Any, Any]], ordered: bool) -> list[_Part]:
    pairs, rest_a, rest_b = _paired(a, b)
    # Keys that are known by identity have no name in common, only their order.
    pairs += zip(rest_a, rest_b, strict=True)
    if ordered:
        mates = {id(entry): mate for entry, mate in pairs}
        if any(mates[id(entry)] is not mate for entry, mate in zip(a, b, strict=True)):
            raise _PartedError("the keys stand in another order")
    parts: list[_Part] = []
    for (key_a, value_a), (key_b, value_b) in pairs:
        parts += [(key_a, key_a, key_b), (key_a, value_a, value_b)]
    return parts


def _elements(a: Any, b: Any, ordered: bool) -> list[_Part]:
    pairs, rest_a, rest_b = _paired([(element, None) for element in a], [(element, None) for element in b])
    parts: list[_Part] = [(key, key, mate) for (key, _), (mate, _) in pairs]
    if rest_a:
        parts.append((None, _Bag([key for key, _ in rest_a]), _Bag([key for key, _ in rest_b])))
    return parts + _attributes(a, b)


def _paired(a: list[tuple[Any, Any]], b: list[tuple[Any, Any]]) -> tuple[list[tuple[Any, Any]], list[Any], list[Any]]:
    """Pairs the entries with equal keys, in the order of ``a``; returns the pairs and what is left on either side.

    As many are left here as there, and only such as are not found by ``==``: NaN, and objects known by identity.
    """
    there = {entry[0]: entry for entry in b}
    pairs, rest = [], []
    for entry in a:
        mate = there.pop(entry[0], None)
        if mate is None:
            rest.append(entry)
        else:
            pairs.append((entry, mate))
    uneven = len(rest) != len(there)
    for side, keys in (("first", [entry[0] for entry in rest]), ("second", list(there))):
        for key in keys:
            if uneven or (type(key) in _PLAIN and key == key):
                raise _PartedError(f"{_show(key)} is only in the {side}")
    return pairs, rest, list(there.values())


def _tuple_items(a: Any, b: Any, ordered: bool) -> list[_Part]:
    return _items(a, b, ordered) + _attributes(a, b)


def _attributes(a: Any, b: Any) -> list[_Part]:
    """The ``__dict__`` of instances of a container's subclass."""
    return [(None, dict(vars(a)), dict(vars(b)))] if hasattr(a, "__dict__") else []


# --- Parts: objects ---------------------------------------------------------------------------------------------


def _state(a: Any, b: Any, ordered: bool) -> list[_Part]:
    here, there = _reduced(a), _reduced(b)
    if isinstance(here, str) or isinstance(there, str):
        # The name of a global: the object is the only one of its kind.
        _identical(a, b, ordered)
        return []
    if here is None or there is None:
        if here is not there:
            raise _PartedError("only one of the two can be copied")
        return []
    function, arguments, state, items, entries, setter = (list(side) for side in zip(here, there, strict=True))
    return [
        ("__reduce__", *function),
        ("__reduce__", *arguments),
        (None, *state),
        *_items(list(items[0] or ()), list(items[1] or ()), ordered),
        *_entries(list(entries[0] or ()), list(entries[1] or ()), ordered),
        ("__setstate__", *setter),
    ]


def _reduced(value: Any) -> tuple[Any, ...] | str | None:
    """Returns what ``copy`` and ``pickle`` would take along; ``None`` if the value cannot be copied."""
    reducer = copyreg.dispatch_table.get(type(value))
    try:
        reduced = reducer(value) if reducer else value.__reduce_ex__(4)
        return reduced if isinstance(reduced, str) else (*reduced, None, None, None, None)[:6]
    except Exception:  # the class's own code: a lock raises TypeError, others what they please
        return None


def _members(*names: str) -> Callable[[Any, Any, bool], list[_Part]]:
    return lambda a, b, ordered: [(name, getattr(a, name), getattr(b, name)) for name in names]


def _partial_parts(a: Any, b: Any, ordered: bool) -> list[_Part]:
    function_a, args_a, keywords_a = _flattened(a)
    function_b, args_b, keywords_b = _flattened(b)
    return [
        ("func", function_a, function_b),
        *_items(args_a, args_b, ordered),
        *_dict_entries(keywords_a, keywords_b, ordered),
    ]


def _flattened(partial: Any) -> tuple[Any, list[Any], dict[str, Any]]:
    """Returns function, positional and keyword arguments of nested partials, Fiddle's argument factories included."""
    function, seen = partial, set()
    layers: list[Any] = []
    args: list[Any] = []
    keywords: dict[str, Any] = {}
    # A partial can be made to contain itself.
    while isinstance(function, functools.partial) and id(function) not in seen:
        seen.add(id(function))
        layers.append(function)
        inner: Any = function.func
        function = inner.func if _calls_factories(function) else inner
    invoked = False
    for layer in reversed(layers):
        # Once a layer calls the factories it is given, those that the layers around it pass on are called too.
        invoked = invoked or _calls_factories(layer)
        args += [_argument(value) if invoked else value for value in layer.args]
        keywords |= {key: _argument(value) if invoked else value for key, value in layer.keywords.items()}
    return function, args, keywords


def _calls_factories(partial: Any) -> bool:
    if "fiddle" not in sys.modules:
        return False
    from fiddle import arg_factory

    return bool(arg_factory.is_arg_factory_partial(partial))


def _argument(value: Any) -> Any:
    """An argument of a partial that calls its factories."""
    from fiddle import arg_factory

    return _Factory(value.factory) if type(value) is arg_factory.ArgFactory else value


# --- Parts: Fiddle, OmegaConf, arrays ---------------------------------------------------------------------------


def _buildable_parts(a: Any, b: Any, ordered: bool) -> list[_Part]:
    target_a, target_b = a.__fn_or_cls__, b.__fn_or_cls__
    # Bound methods and lazy targets are made anew, and say themselves when they are equal.
    equal = type(target_a) is type(target_b) and (target_a == target_b) is True
    parts: list[_Part] = [] if equal else [("__fn_or_cls__", target_a, target_b)]
    tags_a, tags_b = ({key: set(tags) for key, tags in x.__argument_tags__.items() if tags} for x in (a, b))
    for key in [*tags_a, *tags_b]:
        if tags_a.get(key) != tags_b.get(key):
            raise _PartedError(f"the tags of {key!r} differ")
    arguments_a, arguments_b = a.__arguments__, b.__arguments__
    for side, mine, other in (("first", arguments_a, arguments_b), ("second", arguments_b, arguments_a)):
        for key in mine:
            if key not in other:
                raise _PartedError(f"{key!r} is set only in the {side}")
    if _extra_keywords(a) != _extra_keywords(b):
        raise _PartedError("the keyword arguments that are not in the signature stand in another order")
    return parts + [(key, value, arguments_b[key]) for key, value in arguments_a.items()]


def _extra_keywords(buildable: Any) -> list[str]:
    """Returns the set keyword arguments that go into ``**kwargs``, in their order."""
    parameters = buildable.__signature_info__.parameters
    named = {name for name, parameter in parameters.items() if parameter.kind in _NAMED}
    return [key for key in buildable.__arguments__ if isinstance(key, str) and key not in named]


def _config_parts(a: Any, b: Any, ordered: bool) -> list[_Part]:
    """The raw items of OmegaConf's containers: interpolations as they are written, whatever they reach."""
    types_ab = [x._metadata.object_type for x in (a, b)]
    if types_ab[0] != types_ab[1]:
        raise _PartedError("the structured types {} and {} differ".format(*map(_show, types_ab)))
    here, there = a._value(), b._value()
    if isinstance(here, dict) and isinstance(there, dict):
        return _entries([(k, _raw(v)) for k, v in here.items()], [(k, _raw(v)) for k, v in there.items()], ordered)
    if isinstance(here, list) and isinstance(there, list):
        return _items([_raw(node) for node in here], [_raw(node) for node in there], ordered)
    return [(None, here, there)]


def _raw(node: Any) -> Any:
    from omegaconf import Container, Node

    while isinstance(node, Node) and not isinstance(node, Container):
        node = node._value()
    return node


def _ndarray_parts(a: Any, b: Any, ordered: bool) -> list[_Part]:
    # Subclasses (masked arrays, records) are more than their values, and say themselves what.
    plain = type(a) is sys.modules["numpy"].ndarray
    return _array_parts(a, b, ordered) if plain else _state(a, b, ordered)


def _array_parts(a: Any, b: Any, ordered: bool, values: Callable[[Any], Any] | None = None) -> list[_Part]:
    for name in ("dtype", "shape"):
        if getattr(a, name) != getattr(b, name):
            raise _PartedError(f"the {name} {getattr(a, name)} is not {getattr(b, name)}")
    to_numpy = values or sys.modules["numpy"].asarray
    here, there = to_numpy(a), to_numpy(b)
    if here.dtype.hasobject:
        return _items(here.ravel().tolist(), there.ravel().tolist(), ordered)
    if not _equal_values(here, there):
        raise _PartedError("the values of the arrays differ")
    return []


def _tensor_parts(a: Any, b: Any, ordered: bool) -> list[_Part]:
    return _array_parts(a, b, ordered, _tensor_values)


def _tensor_values(tensor: Any) -> Any:
    # NumPy has not all of PyTorch's floats, but the widest holds them all exactly.
    wide = tensor.to_dense().double() if tensor.is_floating_point() else tensor.to_dense()
    return wide.numpy(force=True)


def _equal_values(a: Any, b: Any) -> bool:
    if a.dtype.names:
        return all(_equal_values(a[name], b[name]) for name in a.dtype.names)
    if a.dtype.kind == "c":
        return _equal_values(a.real, b.real) and _equal_values(a.imag, b.imag)
    if a.dtype.kind == "V":
        return bool(a.tobytes() == b.tobytes())
    equal = a == b
    if a.dtype.kind == "f":
        equal &= sys.modules["numpy"].signbit(a) == sys.modules["numpy"].signbit(b)
    return bool((equal | ((a != a) & (b != b))).all())


# --- The rules --------------------------------------------------------------------------------------------------

_PLAIN: frozenset[type] = frozenset({bool, int, float, str, bytes, type(None)})
_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)

_VALUE = _Rule(_equal, "atom")
_GLOBAL = _Rule(_identical, "atom")
_CONTENT = _Rule(_state, "content", leaf=True)
_OBJECT = _Rule(_state, "identity", leaf=True)

#: By exact type: their subclasses may add to them.
_EXACT: dict[type, _Rule] = {
    **dict.fromkeys((*_PLAIN, type(...), type(NotImplemented), types.CodeType), _VALUE),
    float: _Rule(_equal_floats, "atom"),
    list: _Rule(_items, "identity"),
    dict: _Rule(_dict_entries, "identity"),
    _Factory: _Rule(_members("make"), "atom"),
}

#: By module and class, where the module has been imported. ``numpy.float64`` is a float: these come before the bases.
_FOREIGN: tuple[tuple[str, str, _Rule], ...] = (
    ("fiddle", "Buildable", _Rule(_buildable_parts, "identity")),
    ("omegaconf", "TupleConfig", _Rule(_config_parts, "content")),
    ("omegaconf", "Container", _Rule(_config_parts, "identity")),
    ("numpy", "generic", _Rule(_array_parts, "content", leaf=True)),
    ("numpy", "ndarray", _Rule(_ndarray_parts, "identity", leaf=True)),
    ("numpy", "dtype", _VALUE),
    ("torch", "Tensor", _Rule(_tensor_parts, "identity", leaf=True)),
    ("torch", "device", _CONTENT),
    ("jax", "Array", _Rule(_array_parts, "identity", leaf=True)),
)

#: By base type; the first that fits.
_BASES: tuple[tuple[type, _Rule], ...] = (
    *((cls, _GLOBAL) for cls in (type, enum.Enum, types.FunctionType, types.ModuleType)),
    *((cls, _GLOBAL) for cls in (types.MethodDescriptorType, types.WrapperDescriptorType, types.GetSetDescriptorType)),
    (functools.partial, _Rule(_partial_parts, "identity", leaf=True, subclasses=True)),
    (types.MethodType, _Rule(_members("__func__", "__self__"), "content", leaf=True)),
    (types.MappingProxyType, _Rule(_dict_entries, "content", leaf=True)),
    (BaseException, _Rule(_members("args"), "identity", leaf=True)),
    (tuple, _Rule(_tuple_items, "content")),
    (frozenset, _Rule(_elements, "content")),
    (set, _Rule(_elements, "identity")),
    *((cls, _Rule(_state, "identity")) for cls in (list, dict)),
    *((cls, _CONTENT) for cls in (str, bytes, int, float, complex, range, slice)),
    *((cls, _CONTENT) for cls in (decimal.Decimal, fractions.Fraction, uuid.UUID, pathlib.PurePath, re.Pattern)),
    *((cls, _CONTENT) for cls in (datetime.date, datetime.time, datetime.timedelta, datetime.tzinfo)),
    *((cls, _CONTENT) for cls in (types.GenericAlias, types.UnionType, type(typing.List[int]))),  # noqa: UP006
    *((cls, _CONTENT) for cls in (types.BuiltinFunctionType, types.MethodWrapperType)),
)


def _rule(cls: type) -> _Rule:
    if cls in _EXACT:
        return _EXACT[cls]
    foreign = ((getattr(sys.modules.get(module), name, None), rule) for module, name, rule in _FOREIGN)
    for base, rule in (*foreign, *_BASES):
        if base is not None and issubclass(cls, base):
            return rule
    return _OBJECT
