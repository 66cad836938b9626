"""Hypothesis strategies: Fiddle graphs, and Hydra configs, of every shape that the bridge supports."""

from __future__ import annotations

import copy
import datetime
import decimal
import fractions
import math
import pathlib
import uuid
from collections.abc import Callable
from typing import Any

import fiddle as fdl
import numpy as np
from hypothesis import strategies as st

import fiddle_hydra_bridge as fhb
from tests import components as c

HOSTILE_TEXT = [
    "",
    "???",
    "${a.b}",
    "${oc.env:HOME}",
    "\\${a}",
    "$",
    "a${",
    "1e-3",
    "true",
    "null",
    "~",
    "[1,2]",
    "{a: b}",
    " padded ",
    "two\nlines\n",
    "tab\there",
    "# no comment",
    "a: b",
    "- item",
    "0x1f",
    "1:30",
    "yes",
    "_target_",
    "é",
    "'",
    '"',
    "\\",
    "a\\b",
    "\u2028",
    "<<",
    "=",
    "!tag",
    "&a",
    "*a",
    "%",
    "@",
    "`",
    "subprocess.getoutput('x')",
]

texts = st.one_of(st.sampled_from(HOSTILE_TEXT), st.text(st.characters(exclude_categories=["Cs"]), max_size=8))
floats = st.one_of(st.floats(), st.sampled_from([0.0, -0.0, 1e-5, 1e16, math.inf, -math.inf, math.nan, 0.1]))
scalars = st.one_of(st.none(), st.booleans(), st.integers(), floats, texts)

hashables = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), floats.filter(lambda x: not math.isnan(x)), texts),
    lambda inner: st.one_of(st.tuples(inner, inner), st.frozensets(inner, max_size=2)),
    max_leaves=3,
)

coded = st.one_of(
    st.tuples(),
    st.sets(hashables, max_size=3),
    st.frozensets(hashables, max_size=3),
    st.binary(max_size=6),
    st.sampled_from([c.Colour.RED, c.Colour.BLUE, c.Level.HIGH]),
    st.sampled_from([c.Encoder, c.identity, len, int, c.Model.from_dim, np.float32, math.sqrt]),
    st.sampled_from([pathlib.Path("a b/c"), pathlib.PurePosixPath("/x"), pathlib.PureWindowsPath("c:/x")]),
    st.complex_numbers(),
    st.builds(range, st.integers(-9, 9), st.integers(-9, 9), st.integers(1, 4)),
    st.builds(slice, st.none() | st.integers(-3, 3), st.none() | st.integers(-3, 3)),
    st.datetimes().map(lambda d: d.replace(fold=0)),
    st.dates(),
    st.times().map(lambda t: t.replace(fold=0)),
    st.timedeltas(),
    st.just(datetime.datetime(2020, 1, 2, tzinfo=datetime.UTC)),
    st.decimals().map(decimal.Decimal).filter(lambda d: not d.is_snan()),
    st.fractions().map(fractions.Fraction),
    st.uuids().map(lambda u: uuid.UUID(str(u))),
    st.builds(c.Settings, st.integers(), texts),
    st.sampled_from([np.float32(0.1), np.int64(3), np.float64(-0.0), np.bool_(True), np.dtype("float32")]),
    st.dictionaries(hashables, scalars, max_size=3),
)

values = st.one_of(scalars, coded)

extra_names = st.one_of(
    st.sampled_from(["x-y", "a.b", "class", "with space", "0", "é", "encoder2", "args", "kwargs", "value", "tags"]),
    st.text(st.characters(codec="ascii", categories=["L"]), min_size=1, max_size=4),
).filter(lambda name: name not in {"encoder", "decoder", "layers", "self"})
dict_keys = st.one_of(texts, st.just("_target_"), st.integers(0, 3))


class GraphBuilder:
    """Draws a graph bottom-up, reusing nodes and mutable values that were drawn before."""

    def __init__(self, draw: Callable[[Any], Any], allow_factories: bool) -> None:
        self.draw = draw
        self.pool: list[Any] = []
        self.allow_factories = allow_factories

    def item(self, depth: int, in_partial: bool = False) -> Any:
        kinds = ["value", "value", "node", "list", "dict", "tuple", "point", "again", "again", "partial"]
        if in_partial and self.allow_factories:
            kinds += ["factory", "factory"]
        kind = self.draw(st.sampled_from(kinds)) if depth > 0 else self.draw(st.sampled_from(["value", "again"]))
        if kind == "again" and self.pool:
            candidate = self.draw(st.sampled_from(self.pool))
            if in_partial or not _holds_factory(candidate):
                return candidate
        make = getattr(self, f"draw_{kind}", self.draw_value)
        made = make(depth, in_partial) if kind in {"list", "dict", "tuple", "point"} else make(depth)
        if isinstance(made, fdl.Buildable | list | dict | set):
            self.pool.append(made)
        return made

    def draw_value(self, depth: int) -> Any:
        return copy.deepcopy(self.draw(values))

    def draw_list(self, depth: int, in_partial: bool) -> Any:
        return [self.item(depth - 1, in_partial) for _ in range(self.draw(st.integers(0, 3)))]

    def draw_dict(self, depth: int, in_partial: bool) -> Any:
        keys = self.draw(st.lists(dict_keys, max_size=3, unique=True))
        return {key: self.item(depth - 1, in_partial) for key in keys}

    def draw_tuple(self, depth: int, in_partial: bool) -> Any:
        return tuple(self.item(depth - 1, in_partial) for _ in range(self.draw(st.integers(0, 2))))

    def draw_point(self, depth: int, in_partial: bool) -> Any:
        return c.Point(self.item(depth - 1, in_partial), self.item(depth - 1, in_partial))

    def draw_node(self, depth: int) -> Any:
        return self.buildable(fdl.Config, depth)

    def draw_partial(self, depth: int) -> Any:
        return self.buildable(fdl.Partial, depth)

    def draw_factory(self, depth: int) -> Any:
        return self.buildable(fdl.ArgFactory, depth)

    def buildable(self, cls: Any, depth: int) -> Any:
        target = self.draw(st.sampled_from([c.Node, c.Model, c.combine, c.positional, c.annotated, c.Settings]))
        inner = cls is not fdl.Config
        node = getattr(self, f"fill_{target.__name__}")(cls, depth, inner)
        if self.draw(st.integers(0, 7)) == 0:
            self.tag(node)
        return node

    def some(self, names: list[str], depth: int, inner: bool) -> dict[str, Any]:
        return {name: self.item(depth - 1, inner) for name in names if self.draw(st.booleans())}

    def fill_Node(self, cls: Any, depth: int, inner: bool) -> Any:
        return cls(c.Node, **self.some(["a", "b", "c"], depth, inner))

    def fill_Settings(self, cls: Any, depth: int, inner: bool) -> Any:
        return cls(c.Settings, **self.some(["dim", "name"], depth, inner))

    def fill_annotated(self, cls: Any, depth: int, inner: bool) -> Any:
        return cls(c.annotated, **self.some(["dim", "rate"], depth, inner))

    def fill_Model(self, cls: Any, depth: int, inner: bool) -> Any:
        node = cls(c.Model, **self.some(["encoder", "decoder", "layers"], depth, inner))
        for name in self.draw(st.lists(extra_names, max_size=2, unique=True)):
            if name != "extra":
                setattr(node, name, self.item(depth - 1, inner))
        return node

    def fill_combine(self, cls: Any, depth: int, inner: bool) -> Any:
        args = [self.item(depth - 1, inner) for _ in range(self.draw(st.integers(0, 2)))]
        names = [n for n in self.draw(st.lists(extra_names, max_size=2, unique=True)) if n not in {"args", "kwargs"}]
        return cls(c.combine, *args, **{name: self.item(depth - 1, inner) for name in names})

    def fill_positional(self, cls: Any, depth: int, inner: bool) -> Any:
        count = self.draw(st.sampled_from([1, 2, 3, 5]))
        args = [self.item(depth - 1, inner) for _ in range(count)]
        return cls(c.positional, *args, **self.some(["d"], depth, inner))

    def tag(self, node: Any) -> None:
        names = [
            name for name in node.__arguments__ if isinstance(name, str) and name in node.__signature_info__.parameters
        ]
        if not names:
            return
        name = self.draw(st.sampled_from(names))
        fdl.add_tag(node, name, self.draw(st.sampled_from([c.Width, c.Rate])))


def _holds_factory(value: Any) -> bool:
    """Whether a value holds an argument factory, which has a meaning only below a Partial."""
    if isinstance(value, fdl.ArgFactory):
        return True
    if isinstance(value, list | tuple):
        return any(map(_holds_factory, value))
    if isinstance(value, dict):
        return any(map(_holds_factory, value.values()))
    return False


@st.composite
def graphs(draw: Any, depth: int = 3, factories: bool = True) -> Any:
    """Graphs with a Buildable root that is a call."""
    builder = GraphBuilder(draw, factories)
    return builder.buildable(draw(st.sampled_from([fdl.Config, fdl.Config, fdl.Partial])), depth)


@st.composite
def sections(draw: Any) -> Any:
    """Graphs whose root is a section."""
    builder = GraphBuilder(draw, True)
    names = draw(st.lists(extra_names, min_size=1, max_size=3, unique=True))
    root = fdl.Config(fhb.section)
    for name in names:
        inner = draw(st.booleans())
        setattr(root, name, fdl.Config(fhb.section, a=builder.item(2)) if inner else builder.item(2))
    return root
