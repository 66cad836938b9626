"""Comparison: what `equivalent` and `same_graph` tell apart, and what they do not."""

from __future__ import annotations

import collections
import copy
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import io
import math
import pathlib
import re
import subprocess
import sys
import threading
import types
import typing
import uuid
from collections.abc import Callable
from typing import Any

import fiddle as fdl
import numpy as np
import pytest
from fiddle import arg_factory
from hydra.utils import instantiate
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import DictConfig, ListConfig, OmegaConf

from fiddle_hydra_bridge.convert.compare import equivalent, first_difference, first_graph_difference, same_graph

NAN = float("nan")
HERE = __name__


class Box:
    """A mutable object, known by identity."""

    def __init__(self, value: Any = None, **others: Any) -> None:
        self.value = value
        vars(self).update(others)

    def method(self) -> Any:
        return self.value

    def other(self) -> Any:
        return self.value


class SubBox(Box):
    pass


class Slots:
    __slots__ = ("x", "y")

    def __init__(self, x: Any) -> None:
        self.x = x


class Text(str):
    pass


class Items(list[Any]):
    pass


class Dot(typing.NamedTuple):
    x: Any
    y: Any = 0


@dataclasses.dataclass(frozen=True)
class Frozen:
    x: Any


class Color(enum.Enum):
    RED = 1
    BLUE = 2


class Named:
    """A callable that is equal by name, as a lazy target is."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return args, kwargs

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Named) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)


class TagA(fdl.Tag):
    """One tag."""


class TagB(fdl.Tag):
    """Another tag."""


@dataclasses.dataclass
class Schema:
    x: Any = 1


BOX = Box(1)


def f(x: Any = None, y: Any = None, **extra: Any) -> Any:
    return x, y, extra


def g(x: Any = None, y: Any = None, **extra: Any) -> Any:
    return x, y, extra


def positional(a: Any, b: Any = 0, /, *rest: Any) -> Any:
    return a, b, rest


def twice(value: Any) -> list[Any]:
    return [value, value]


def both(value: Any) -> dict[str, Any]:
    return {"x": value, "y": value}


def cycle(value: Any = 1) -> list[Any]:
    items: list[Any] = [value]
    items.append(items)
    return items


def nested(depth: int, leaf: Any = 0) -> Any:
    value = leaf
    for _ in range(depth):
        value = [value]
    return value


def tagged(*tags: Any) -> fdl.Config[Any]:
    config = fdl.Config(f, x=1)
    for tag in tags:
        fdl.add_tag(config, "x", tag)
    return config


def with_subclass_attribute(value: Any) -> Items:
    items = Items([1])
    items.note = value  # type: ignore[attr-defined]
    return items


def masked(mask: bool) -> Any:
    return np.ma.masked_array([1, 2], mask=[mask, False])


def self_partial() -> functools.partial[Any]:
    made = functools.partial(f)
    made.__setstate__((made, (1,), {}, {}))  # type: ignore[attr-defined]
    return made


Make = Callable[[], Any]


def rows(table: dict[str, tuple[Make, Make]]) -> Any:
    return pytest.mark.parametrize(("a", "b"), [pytest.param(*row, id=name) for name, row in table.items()])


def same(make: Make) -> tuple[Make, Make]:
    return make, make


EQUIVALENT: dict[str, tuple[Make, Make]] = {
    "scalars": same(lambda: [1, 1.5, True, None, "text", b"bytes", ..., NotImplemented, 2**100, 10**5000]),
    "nan": (lambda: float("nan"), lambda: -float("nan")),
    "complex nan": same(lambda: complex(NAN, 1)),
    "dict order": (lambda: {"a": 1, "b": 2}, lambda: {"b": 2, "a": 1}),
    "nan key": (lambda: {float("nan"): 1}, lambda: {float("nan"): 1}),
    "object key": same(lambda: {Box(1): 1, Box(2): 2}),
    "set": (lambda: {1, "a", (2, 3)}, lambda: {(2, 3), "a", 1}),
    "set of objects": same(lambda: {Box(1), Box(2), Box(3)}),
    "set of frozen dataclasses": same(lambda: {Frozen(1), Frozen(2)}),
    "frozenset of nan": same(lambda: frozenset({float("nan"), float("nan")})),
    "tuples are known by content": (lambda: twice((1, 2)), lambda: [(1, 2), tuple(range(1, 3))]),
    "namedtuple": same(lambda: Dot(1, [2])),
    "a list in a tuple": (lambda: twice(([],)), lambda: (lambda x: [(x,), (x,)])([])),
    "sharing": same(lambda: twice([])),
    "cycle": same(cycle),
    "cycle through an object": same(lambda: (lambda box: setattr(box, "value", [box]) or box)(Box())),
    "object": same(lambda: Box([1], name="x")),
    "slots": same(lambda: Slots([1])),
    "slots left unset and set": same(lambda: (lambda s: setattr(s, "y", 2) or s)(Slots(1))),
    "frozen dataclass": same(lambda: Frozen([1])),
    "subclass of list": same(lambda: with_subclass_attribute(1)),
    "subclass of str": (lambda: twice(Text("a")), lambda: [Text("a"), Text("a")]),
    "collections": same(
        lambda: [
            collections.OrderedDict(a=1),
            collections.defaultdict(list, a=[]),
            collections.deque([1], 3),
            collections.Counter("aab"),
        ]
    ),
    "immutables are known by content": (
        lambda: twice(decimal.Decimal("1.0")),
        lambda: [decimal.Decimal("1.0"), decimal.Decimal("1.0")],
    ),
    "codec values": same(
        lambda: [
            pathlib.PurePosixPath("a/b"),
            fractions.Fraction(1, 2),
            uuid.UUID(int=1),
            range(3),
            slice(1, None),
            1 + 2j,
            bytearray(b"a"),
            datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=1))),
            datetime.timedelta(1),
            re.compile("a+", re.I),
            list[int],
            typing.Optional[int],  # noqa: UP045
            int | None,
        ]
    ),
    "functions, classes, modules, members": same(
        lambda: [f, Box, math, Color.RED, len, str.upper, np.add, dict.fromkeys]
    ),
    "bound methods": same(lambda: [Box(1).method, [].append, "a".join, Box.method]),
    "bound methods share their self": same(lambda: (lambda box: [box, box.method, box.other])(Box(1))),
    "exceptions": same(lambda: [ValueError("a", 1), KeyError("x")]),
    "locks have no state": same(threading.Lock),
    "open files and generators have no state": same(lambda: [io.TextIOWrapper(io.BytesIO()), (x for x in ())]),
    "iterators": same(lambda: iter([1, 2])),
    "mapping proxy": same(lambda: types.MappingProxyType({"a": [1]})),
    "arrays": same(lambda: [np.array([1, 2]), np.zeros((2, 0)), np.array("text"), np.datetime64("NaT")]),
    "arrays with nan": same(lambda: np.array([1.0, NAN])),
    "array layout": (lambda: np.ones((2, 3)), lambda: np.ones((3, 2)).T),
    "arrays of objects": same(lambda: np.array([[1], None, NAN], dtype=object)),
    "structured arrays": same(lambda: np.array([(1, NAN)], dtype=[("a", "i4"), ("b", "f8")])),
    "array scalars and dtypes": same(lambda: [np.float32(NAN), np.int8(3), np.str_("a"), np.dtype("f4")]),
    "structured dtypes are known by content": (
        lambda: twice(np.dtype([("a", "i4")])),
        lambda: [np.dtype([("a", "i4")]), np.dtype([("a", "i4")])],
    ),
    "masked arrays": same(lambda: masked(True)),
    "random generators": same(lambda: np.random.default_rng(1)),
    "partial": same(lambda: functools.partial(f, 1, y=[2])),
    "partial without arguments": same(lambda: functools.partial(f)),
    "partial that contains itself": same(self_partial),
    "nested partials are flattened": (
        lambda: functools.partial(type("P", (functools.partial,), {})(f, 1, y=2), 2, y=3, z=4),
        lambda: functools.partial(f, 1, 2, z=4, y=3),
    ),
    "partial with attributes": (
        lambda: (lambda p: setattr(p, "note", 1) or p)(functools.partial(f, 1)),
        lambda: functools.partial(f, 1),
    ),
    "argument factories": same(lambda: functools.partial(arg_factory.partial(f, x=list), y=1)),
    "argument factories in nested partials": (
        lambda: arg_factory.partial(arg_factory.partial(f, x=list), y=dict),
        lambda: arg_factory.partial(f, x=list, y=dict),
    ),
    "OmegaConf": same(lambda: OmegaConf.create({"a": [1, {"b": "${a}"}], "c": "???", "d": None})),
    "OmegaConf order": (lambda: OmegaConf.create({"a": 1, "b": 2}), lambda: OmegaConf.create({"b": 2, "a": 1})),
    "OmegaConf parents do not count": (
        lambda: OmegaConf.create({"a": {"b": 1}}).a,
        lambda: OmegaConf.create({"b": 1}),
    ),
    "structured config": same(lambda: OmegaConf.structured(Schema(x=2))),
    "OmegaConf without content": same(
        lambda: [DictConfig(None), ListConfig(None), DictConfig("${x}"), ListConfig("???")]
    ),
    "OmegaConf with objects": same(lambda: OmegaConf.create({"a": Box([1])}, flags={"allow_objects": True})),
    "Buildables": same(lambda: [fdl.Config(f, x=[1]), fdl.Partial(f, x=fdl.ArgFactory(list))]),
}

UNEQUAL: dict[str, tuple[Make, Make]] = {
    "int and bool": (lambda: [1], lambda: [True]),
    "int and float": (lambda: [1], lambda: [1.0]),
    "int": (lambda: 1, lambda: 2),
    "huge int": (lambda: 10**5000, lambda: 10**5001),
    "sign of zero": (lambda: 0.0, lambda: -0.0),
    "sign of complex zero": (lambda: 0j, lambda: complex(-0.0, 0.0)),
    "None and False": (lambda: None, lambda: False),
    "str and bytes": (lambda: "a", lambda: b"a"),
    "str and its subclass": (lambda: "a", lambda: Text("a")),
    "list and tuple": (lambda: [1], lambda: (1,)),
    "list and its subclass": (lambda: [1], lambda: Items([1])),
    "attribute of a list's subclass": (lambda: with_subclass_attribute(1), lambda: with_subclass_attribute(2)),
    "tuple and namedtuple": (lambda: (1, 0), lambda: Dot(1)),
    "length": (lambda: [1], lambda: [1, 1]),
    "order of a list": (lambda: [1, 2], lambda: [2, 1]),
    "key": (lambda: {"a": 1}, lambda: {"b": 1}),
    "key more": (lambda: {"a": 1}, lambda: {"a": 1, "b": 1}),
    "type of a key": (lambda: {1: 1}, lambda: {True: 1}),
    "type in a key": (lambda: {(1,): 1}, lambda: {(1.0,): 1}),
    "sign of a key": (lambda: {0.0: 1}, lambda: {-0.0: 1}),
    "object as key": (lambda: {Box(1): 1}, lambda: {Box(2): 1}),
    "dict value": (lambda: {"a": 1}, lambda: {"a": 2}),
    "set element": (lambda: {1, 2}, lambda: {1, 3}),
    "type of a set element": (lambda: {1}, lambda: {True}),
    "set and frozenset": (lambda: {1}, lambda: frozenset({1})),
    "object in a set": (lambda: {Box(1), Box(2)}, lambda: {Box(1), Box(3)}),
    "frozen dataclass in a set": (lambda: {Frozen(1)}, lambda: {Frozen(True)}),
    "nan in a set": (lambda: {NAN, 1}, lambda: {2, 1}),
    "sharing of lists": (lambda: twice([]), lambda: [[], []]),
    "sharing of objects": (lambda: twice(Box(1)), lambda: [Box(1), Box(1)]),
    "sharing of sets": (lambda: twice({1}), lambda: [{1}, {1}]),
    "sharing of arrays": (lambda: twice(np.ones(1)), lambda: [np.ones(1), np.ones(1)]),
    "sharing of partials": (lambda: twice(functools.partial(f)), lambda: [functools.partial(f), functools.partial(f)]),
    "sharing of a list in tuples": (lambda: twice(([],)), lambda: [([],), ([],)]),
    "sharing of self": (lambda: (lambda x: [x, x.method])(Box(1)), lambda: [Box(1), Box(1).method]),
    "sharing of frozen dataclasses": (lambda: twice(Frozen(1)), lambda: [Frozen(1), Frozen(1)]),
    "cycle and its unrolling": (cycle, lambda: [1, cycle()]),
    "leaf in a cycle": (lambda: cycle(1), lambda: cycle(2)),
    "class": (lambda: Box(1), lambda: SubBox(1)),
    "attribute": (lambda: Box(1), lambda: Box(2)),
    "attribute more": (lambda: Box(1), lambda: Box(1, more=1)),
    "slot": (lambda: Slots(1), lambda: Slots(2)),
    "slot unset": (lambda: Slots(1), lambda: (lambda s: setattr(s, "y", 1) or s)(Slots(1))),
    "default factory": (lambda: collections.defaultdict(list), lambda: collections.defaultdict(dict)),
    "deque length": (lambda: collections.deque([1], 2), lambda: collections.deque([1], 3)),
    "digits of a decimal": (lambda: decimal.Decimal("1.0"), lambda: decimal.Decimal("1.00")),
    "path": (lambda: pathlib.PurePosixPath("a"), lambda: pathlib.PurePosixPath("b")),
    "kind of path": (lambda: pathlib.PurePosixPath("a"), lambda: pathlib.PureWindowsPath("a")),
    "range": (lambda: range(3), lambda: range(4)),
    "slice": (lambda: slice(1), lambda: slice(True)),
    "time zone": (
        lambda: datetime.datetime(2020, 1, 1, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=1))),
        lambda: datetime.datetime(2020, 1, 1, 0, tzinfo=datetime.UTC),
    ),
    "fold": (lambda: datetime.time(1), lambda: datetime.time(1, fold=1)),
    "pattern flags": (lambda: re.compile("a"), lambda: re.compile("a", re.I)),
    "generic alias": (lambda: list[int], lambda: list[str]),
    "literal type": (lambda: typing.Literal[1], lambda: typing.Literal[True]),
    "function": (lambda: f, lambda: g),
    "builtin function": (lambda: len, lambda: max),
    "class object": (lambda: Box, lambda: SubBox),
    "module": (lambda: math, lambda: re),
    "enum member": (lambda: Color.RED, lambda: Color.BLUE),
    "method": (lambda: Box(1).method, lambda: Box(1).other),
    "self of a method": (lambda: Box(1).method, lambda: Box(2).method),
    "method and function": (lambda: Box(1).method, lambda: Box.method),
    "builtin method": (lambda: [].append, lambda: [].extend),
    "self of a builtin method": (lambda: "a".join, lambda: "b".join),
    "exception": (lambda: ValueError(1), lambda: ValueError(2)),
    "exception type": (lambda: ValueError(1), lambda: TypeError(1)),
    "lock and recursive lock": (threading.Lock, threading.RLock),
    "position of an iterator": (lambda: iter([1]), lambda: (lambda i: [next(i), i][1])(iter([1]))),
    "mapping proxy value": (lambda: types.MappingProxyType({"a": 1}), lambda: types.MappingProxyType({"a": 2})),
    "dtype": (lambda: np.zeros(1, "f4"), lambda: np.zeros(1, "f8")),
    "shape": (lambda: np.zeros((1, 2)), lambda: np.zeros((2, 1))),
    "array values": (lambda: np.array([1, 2]), lambda: np.array([1, 3])),
    "sign of a zero in an array": (lambda: np.array([0.0]), lambda: np.array([-0.0])),
    "sign of a complex zero in an array": (lambda: np.array([0j]), lambda: np.array([complex(0.0, -0.0)])),
    "field of a structured array": (
        lambda: np.array([(1, 2)], dtype=[("a", "i4"), ("b", "i4")]),
        lambda: np.array([(1, 3)], dtype=[("a", "i4"), ("b", "i4")]),
    ),
    "object in an array": (lambda: np.array([1], dtype=object), lambda: np.array([True], dtype=object)),
    "array scalar": (lambda: np.float32(1), lambda: np.float32(2)),
    "array scalar and float": (lambda: np.float64(1), lambda: 1.0),
    "array and array scalar": (lambda: np.array(1), lambda: np.int64(1)),
    "dtype object": (lambda: np.dtype("S1"), lambda: np.dtype("S2")),
    "mask": (lambda: masked(True), lambda: masked(False)),
    "random state": (lambda: np.random.default_rng(1), lambda: np.random.default_rng(2)),
    "function of a partial": (lambda: functools.partial(f), lambda: functools.partial(g)),
    "partial and its function": (lambda: functools.partial(f), lambda: f),
    "argument of a partial": (lambda: functools.partial(f, 1), lambda: functools.partial(f, 2)),
    "keyword of a partial": (lambda: functools.partial(f, x=1), lambda: functools.partial(f, x=2)),
    "keyword and position": (lambda: functools.partial(f, x=1), lambda: functools.partial(f, 1)),
    "argument factory": (lambda: arg_factory.partial(f, x=list), lambda: arg_factory.partial(f, x=dict)),
    "argument factory and argument": (lambda: arg_factory.partial(f, x=list), lambda: functools.partial(f, x=list)),
    "factory called and passed on": (
        lambda: arg_factory.partial(f, x=list),
        lambda: functools.partial(f, x=arg_factory.ArgFactory(list)),
    ),
    "factory given to a partial of a partial with factories": (
        lambda: functools.partial(arg_factory.partial(f, y=dict), x=arg_factory.ArgFactory(list)),
        lambda: functools.partial(arg_factory.partial(f, y=dict), x=list),
    ),
    "OmegaConf value": (lambda: OmegaConf.create({"a": 1}), lambda: OmegaConf.create({"a": True})),
    "OmegaConf key": (lambda: OmegaConf.create({"a": 1}), lambda: OmegaConf.create({"b": 1})),
    "OmegaConf item": (lambda: OmegaConf.create([1, [2]]), lambda: OmegaConf.create([1, [3]])),
    "OmegaConf interpolation": (lambda: OmegaConf.create({"a": "${b}"}), lambda: OmegaConf.create({"a": "${c}"})),
    "OmegaConf and dict": (lambda: OmegaConf.create({"a": 1}), lambda: {"a": 1}),
    "OmegaConf None and empty": (lambda: DictConfig(None), lambda: DictConfig({})),
    "structured and plain config": (lambda: OmegaConf.structured(Schema), lambda: OmegaConf.create({"x": 1})),
    "Buildable argument": (lambda: fdl.Config(f, x=1), lambda: fdl.Config(f, x=2)),
}

SAME_GRAPH: dict[str, tuple[Make, Make]] = {
    "leaf": same(lambda: NAN),
    "arguments in another order": (lambda: fdl.Config(f, x=1, y=2), lambda: fdl.Config(f, y=2, x=1)),
    "shared Buildable": same(lambda: twice(fdl.Config(f, x=1))),
    "positional arguments": same(lambda: fdl.Config(positional, 1, 2, 3)),
    "partials and factories": same(lambda: fdl.Partial(f, x=fdl.ArgFactory(f, y=[1]))),
    "containers": same(lambda: fdl.Config(f, x={"a": [(fdl.Config(g), Dot(1))], 2: {1, 2}})),
    "lazy targets that are equal": same(lambda: fdl.Config(Named("a"), 1, x=2)),
    "lazy targets are shared or not": (
        lambda: (lambda target: [fdl.Config(target), fdl.Config(target)])(Named("a")),
        lambda: [fdl.Config(Named("a")), fdl.Config(Named("a"))],
    ),
    "bound methods as targets": same(lambda: fdl.Config(BOX.method)),
    "partials as targets": same(lambda: fdl.Config(functools.partial(f, 1))),
    "tags": (lambda: tagged(TagA, TagB), lambda: tagged(TagB, TagA)),
    "empty tags and none": (lambda: (lambda c: fdl.clear_tags(c, "x") or c)(tagged(TagA)), tagged),
    "attribute order of a leaf": (lambda: Box(1, a={"x": 1, "y": 2}), lambda: Box(1, a={"y": 2, "x": 1})),
    "config leaf": same(lambda: fdl.Config(f, x=OmegaConf.create({"a": [1]}))),
    "tuples are known by content": (
        lambda: fdl.Config(f, **both((1, 2))),
        lambda: fdl.Config(f, x=(1, 2), y=tuple(range(1, 3))),
    ),
    "a node that contains itself": same(lambda: (lambda c: setattr(c, "x", [c]) or c)(fdl.Config(f))),
}

OTHER_GRAPH: dict[str, tuple[Make, Make]] = {
    "Config and Partial": (lambda: fdl.Config(f), lambda: fdl.Partial(f)),
    "target": (lambda: fdl.Config(f, x=1), lambda: fdl.Config(g, x=1)),
    "lazy target": (lambda: fdl.Config(Named("a")), lambda: fdl.Config(Named("b"))),
    "argument": (lambda: fdl.Config(f, x=1), lambda: fdl.Config(f, x=True)),
    "a default that is set": (lambda: fdl.Config(f, x=None), lambda: fdl.Config(f)),
    "positional argument": (lambda: fdl.Config(positional, 1, 2), lambda: fdl.Config(positional, 1, 3)),
    "number of positional arguments": (lambda: fdl.Config(positional, 1, 2, 3), lambda: fdl.Config(positional, 1, 2)),
    "order of extra keywords": (lambda: fdl.Config(f, p=1, q=2), lambda: fdl.Config(f, q=2, p=1)),
    "tag": (lambda: tagged(TagA), lambda: tagged(TagB)),
    "tag more": (lambda: tagged(TagA, TagB), lambda: tagged(TagA)),
    "sharing of Buildables": (
        lambda: fdl.Config(f, **both(fdl.Config(g))),
        lambda: fdl.Config(f, x=fdl.Config(g), y=fdl.Config(g)),
    ),
    "sharing of lists": (
        lambda: fdl.Config(f, **both([1])),
        lambda: fdl.Config(f, x=[1], y=[1]),
    ),
    "sharing of a Buildable in tuples": (
        lambda: fdl.Config(f, x=twice((fdl.Config(g),))),
        lambda: fdl.Config(f, x=[(fdl.Config(g),), (fdl.Config(g),)]),
    ),
    "key order": (lambda: fdl.Config(f, x={"a": 1, "b": 2}), lambda: fdl.Config(f, x={"b": 2, "a": 1})),
    "key order of a dict's subclass": (
        lambda: fdl.Config(f, x=collections.OrderedDict(a=1, b=2)),
        lambda: fdl.Config(f, x=collections.OrderedDict(b=2, a=1)),
    ),
    "key order of an OmegaConf leaf": (
        lambda: OmegaConf.create({"a": 1, "b": 2}),
        lambda: OmegaConf.create({"b": 2, "a": 1}),
    ),
    "type of a key": (lambda: fdl.Config(f, x={1: 1}), lambda: fdl.Config(f, x={1.0: 1})),
    "set element": (lambda: fdl.Config(f, x={1}), lambda: fdl.Config(f, x={True})),
    "str subclass": (lambda: fdl.Config(f, x="a"), lambda: fdl.Config(f, x=Text("a"))),
    "leaf object": (lambda: fdl.Config(f, x=Box(1)), lambda: fdl.Config(f, x=Box(2))),
}

MESSAGES: dict[str, tuple[Any, Any, str]] = {
    "leaf": ({"a": [1, 2]}, {"a": [1, True]}, "a[1]: 2 (int) is not True (bool)"),
    "root": (1, 2, "<root>: 1 (int) is not 2 (int)"),
    "type": ({"a": []}, {"a": Box()}, f"a: <list> is not <{HERE}.Box>"),
    "length": ({"a": [1]}, {"a": [1, 2]}, "a: 1 items are not 2"),
    "key": ({"a": {"b": 1}}, {"a": {"c": 1}}, "a: 'b' (str) is only in the first"),
    "function": ([f], [g], f"[0]: {HERE}.f is not {HERE}.g"),
    "attribute": ([Box(1)], [Box(2)], "[0].value: 1 (int) is not 2 (int)"),
    "sharing": (twice([]), [[], []], "[1]: the same object as [0] in the first, another object in the second"),
    "sharing of the other": (
        [[], []],
        twice([]),
        "[1]: the same object as [0] in the second, another object in the first",
    ),
    "huge int as key": ({10**5000: 1}, {10**5000: 2}, "<int>: 1 (int) is not 2 (int)"),
    "element of a set": ({NAN}, {1.5}, "<root>: 1.5 (float) is only in the second"),
    "object in a set": ({Box(1)}, {Box(2)}, f"<root>: <{HERE}.Box> has no counterpart in the second"),
    "structured type": (
        OmegaConf.structured(Schema),
        OmegaConf.create({"x": 1}),
        f"<root>: the structured types {HERE}.Schema and builtins.dict differ",
    ),
    "tags": ([tagged(TagA)], [tagged()], "[0]: the tags of 'x' differ"),
    "argument": (fdl.Config(f, x=1), fdl.Config(f), "<root>: 'x' is set only in the first"),
    "argument value": (fdl.Config(f, x=[1]), fdl.Config(f, x=[2]), "x[0]: 1 (int) is not 2 (int)"),
    "first of several": ({"a": [1], "b": 1}, {"a": [2], "b": 2}, "a[0]: 1 (int) is not 2 (int)"),
}


@rows(EQUIVALENT)
def test_equivalent(a: Make, b: Make) -> None:
    assert first_difference(a(), b()) is None
    assert first_difference(b(), a()) is None


@rows(UNEQUAL)
def test_not_equivalent(a: Make, b: Make) -> None:
    assert not equivalent(a(), b())
    assert not equivalent(b(), a())


@rows(SAME_GRAPH)
def test_same_graph(a: Make, b: Make) -> None:
    assert first_graph_difference(a(), b()) is None
    assert first_graph_difference(b(), a()) is None


@rows(OTHER_GRAPH)
def test_another_graph(a: Make, b: Make) -> None:
    assert not same_graph(a(), b())
    assert not same_graph(b(), a())


@pytest.mark.parametrize(("a", "b", "message"), [pytest.param(*row, id=name) for name, row in MESSAGES.items()])
def test_the_first_difference_has_a_path_and_a_reason(a: Any, b: Any, message: str) -> None:
    assert first_difference(a, b) == message


# --- Generated values -------------------------------------------------------------------------------------------


class Node(typing.NamedTuple):
    """A child that is a node, by its number; every other child is a leaf."""

    number: int


#: Nodes by number, each a kind with children. All nodes are items of the root, so none is out of reach.
Spec = list[tuple[str, list[Any]]]

LEAVES = st.one_of(
    st.integers(-2, 2), st.booleans(), st.none(), st.floats(width=16), st.text("ab", max_size=2), st.binary(max_size=1)
)
EMPTY: dict[str, Callable[[], Any]] = {
    "list": list,
    "dict": dict,
    "object": Box,
    "set": set,
    "config": lambda: fdl.Config(f),
    "partial": lambda: fdl.Partial(f),
    "tuple": tuple,
}


def fill(kind: str, node: Any, children: list[Any]) -> None:
    if kind == "list":
        node.extend(children)
    elif kind == "dict":
        node.update(enumerate(children))
    elif kind == "set":
        node.update(children)
    elif kind != "tuple":
        for index, child in enumerate(children):
            setattr(node, f"k{index}", child)


def build(spec: Spec) -> list[Any]:
    """Makes all mutable nodes empty, then the tuples, then fills the others, so that there can be cycles."""
    nodes = [EMPTY[kind]() for kind, _ in spec]

    def resolved(children: list[Any]) -> list[Any]:
        return [nodes[child.number] if type(child) is Node else child for child in children]

    for number, (kind, children) in enumerate(spec):
        if kind == "tuple":
            nodes[number] = tuple(resolved(children))
    for node, (kind, children) in zip(nodes, spec, strict=True):
        fill(kind, node, resolved(children))
    return nodes


@st.composite
def specs(draw: Any, kinds: list[str], cyclic: bool) -> Spec:
    drawn = draw(st.lists(st.sampled_from(kinds), min_size=2, max_size=8))
    spec: Spec = []
    for number, kind in enumerate(drawn):
        allowed = [
            other for other in range(len(drawn)) if other < number or (cyclic and "tuple" not in (kind, drawn[other]))
        ]
        nodes = st.sampled_from(allowed).map(Node) if allowed and kind != "set" else LEAVES
        spec.append((kind, draw(st.lists(LEAVES | nodes, max_size=4))))
    return spec


def replaced(spec: Spec, number: int, index: int, child: Any) -> Spec:
    kind, children = spec[number]
    return [*spec[:number], (kind, [*children[:index], child, *children[index + 1 :]]), *spec[number + 1 :]]


def places(spec: Spec, accept: Callable[[Any], bool]) -> list[tuple[int, int]]:
    return [
        (number, index)
        for number, (_, children) in enumerate(spec)
        for index, child in enumerate(children)
        if accept(child)
    ]


WORLDS = pytest.mark.parametrize(
    ("compare", "kinds", "cyclic"),
    [
        pytest.param(equivalent, ["list", "dict", "object", "set", "tuple"], True, id="equivalent"),
        pytest.param(same_graph, ["config", "partial", "list", "dict", "tuple"], False, id="same_graph"),
    ],
)


@WORLDS
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_copy_is_the_same(compare: Any, kinds: list[str], cyclic: bool, data: Any) -> None:
    value = build(data.draw(specs(kinds, cyclic)))
    assert compare(value, copy.deepcopy(value))
    assert compare(value, value)


@WORLDS
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_changed_leaf_is_seen(compare: Any, kinds: list[str], cyclic: bool, data: Any) -> None:
    spec = data.draw(specs(kinds, cyclic).filter(lambda spec: places(spec, lambda child: type(child) is not Node)))
    place = data.draw(st.sampled_from(places(spec, lambda child: type(child) is not Node)))
    value, other = build(spec), build(replaced(spec, *place, Text("changed")))
    assert not compare(value, other)
    assert not compare(other, value)


@WORLDS
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_broken_sharing_edge_is_seen(compare: Any, kinds: list[str], cyclic: bool, data: Any) -> None:
    def is_shared(spec: Spec, child: Any) -> bool:
        return type(child) is Node and spec[child.number][0] != "tuple"

    spec = data.draw(specs(kinds, cyclic).filter(lambda spec: places(spec, lambda child: is_shared(spec, child))))
    number, index = data.draw(st.sampled_from(places(spec, lambda child: is_shared(spec, child))))
    # Both sides have the node and its double; the edge leads to the node here, to the double there.
    doubled = [*spec, spec[spec[number][1][index].number]]
    value, other = build(doubled), build(replaced(doubled, number, index, Node(len(spec))))
    assert not compare(value, other)
    assert not compare(other, value)


@WORLDS
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_comparison_is_symmetric(compare: Any, kinds: list[str], cyclic: bool, data: Any) -> None:
    a, b = build(data.draw(specs(kinds, cyclic))), build(data.draw(specs(kinds, cyclic)))
    assert compare(a, b) == compare(b, a)


# --- Size -------------------------------------------------------------------------------------------------------


def diamonds(depth: int, kind: Any) -> Any:
    """A chain in which every node has the next one twice: 2**depth paths."""
    value = kind(1, 1)
    for _ in range(depth):
        value = kind(value, value)
    return value


def double_diamonds(depth: int, kind: Any) -> Any:
    """The same content, with two objects at every depth."""
    left, right = kind(1, 1), kind(1, 1)
    for _ in range(depth):
        left, right = kind(left, right), kind(left, right)
    return left


@pytest.mark.parametrize(
    ("compare", "kind"),
    [
        pytest.param(same_graph, lambda x, y: fdl.Config(f, x=x, y=y), id="Buildables"),
        pytest.param(equivalent, lambda x, y: [x, y], id="lists"),
        pytest.param(equivalent, lambda x, y: Box(x, y=y), id="objects"),
        pytest.param(equivalent, lambda x, y: (x, y), id="tuples"),
        pytest.param(equivalent, functools.partial(functools.partial, f), id="partials"),
    ],
)
def test_a_graph_with_exponentially_many_paths_is_compared(compare: Any, kind: Any) -> None:
    assert compare(diamonds(1000, kind), diamonds(1000, kind))


def test_tuples_may_be_shared_differently_in_a_graph_with_exponentially_many_paths() -> None:
    assert equivalent(diamonds(1000, lambda *x: x), double_diamonds(1000, lambda *x: x))


def test_lists_may_not_be_shared_differently_in_a_graph_with_exponentially_many_paths() -> None:
    assert not equivalent(diamonds(1000, lambda *x: list(x)), double_diamonds(1000, lambda *x: list(x)))


@pytest.mark.parametrize(
    ("compare", "wrap"),
    [
        pytest.param(same_graph, lambda x: fdl.Config(f, x=x), id="Buildables"),
        pytest.param(equivalent, lambda x: [x], id="lists"),
        pytest.param(equivalent, lambda x: {"a": x}, id="dicts"),
        pytest.param(equivalent, Box, id="objects"),
    ],
)
def test_a_deep_value_is_compared(compare: Any, wrap: Any) -> None:
    def deep(leaf: Any) -> Any:
        return functools.reduce(lambda value, _: wrap(value), range(10_000), leaf)

    value = deep(1)
    assert compare(value, deep(1))
    assert not compare(value, deep(2))


def test_each_object_is_expanded_once() -> None:
    class Counted(Box):
        expanded = 0

        def __reduce_ex__(self, protocol: Any) -> Any:
            Counted.expanded += 1
            return super().__reduce_ex__(protocol)

    def pair(x: Any, y: Any) -> Any:
        return Counted(x, y=y)

    assert equivalent(diamonds(100, pair), diamonds(100, pair))
    assert Counted.expanded == 2 * 101


# --- What Hydra makes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "made"),
    [
        pytest.param(
            {"_target_": f"{HERE}.f", "_partial_": True, "x": 1}, lambda: functools.partial(f, x=1), id="partial"
        ),
        pytest.param({"_target_": f"{HERE}.f", "_partial_": True}, lambda: functools.partial(f), id="bare partial"),
        pytest.param(
            {"_target_": f"{HERE}.Box", "value": [1, {"a": 2}]},
            lambda: Box(OmegaConf.create([1, {"a": 2}])),
            id="OmegaConf containers",
        ),
        pytest.param(
            {"_target_": f"{HERE}.Box", "_convert_": "all", "value": [1, {"a": 2}]},
            lambda: Box([1, {"a": 2}]),
            id="plain containers",
        ),
        pytest.param(
            {"_target_": f"{HERE}.Box", "value": [{"_target_": f"{HERE}.Box", "value": 1}]},
            lambda: Box(OmegaConf.create([Box(1)], flags={"allow_objects": True})),
            id="objects in OmegaConf containers",
        ),
    ],
)
def test_what_hydra_instantiates_is_compared_with_what_python_makes(config: Any, made: Make) -> None:
    assert first_difference(instantiate(config), made()) is None
    assert not equivalent(instantiate(config), instantiate(config | {"x" if "value" not in config else "value": 3}))


def test_what_hydra_and_fiddle_build_is_the_same() -> None:
    config = {"_target_": f"{HERE}.Box", "value": {"_target_": f"{HERE}.f", "_partial_": True, "x": None}}
    graph = fdl.Config(Box, value=fdl.Partial(f, x=None))
    assert first_difference(instantiate(config), fdl.build(graph)) is None


def test_what_fiddle_builds_for_argument_factories_is_the_same_twice() -> None:
    graph = fdl.Partial(f, 1, y=[fdl.ArgFactory(Box, value=fdl.ArgFactory(list))], z=fdl.ArgFactory(dict))
    other = fdl.Partial(f, 1, y=[fdl.ArgFactory(Box, value=fdl.ArgFactory(set))], z=fdl.ArgFactory(dict))
    assert first_difference(fdl.build(graph), fdl.build(graph)) is None
    assert not equivalent(fdl.build(graph), fdl.build(other))


def test_comparing_plain_values_imports_no_library() -> None:
    code = (
        "import sys; from fiddle_hydra_bridge.convert.compare import equivalent;"
        "import functools; assert equivalent([{1: functools.partial(int)}], [{1: functools.partial(int)}]);"
        "print([name for name in ('fiddle', 'omegaconf', 'hydra', 'numpy', 'torch') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
