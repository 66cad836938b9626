"""The map from Fiddle to Hydra, row by row: what each graph is written as, and that the text is read as the graph."""

from __future__ import annotations

import collections
import datetime
import decimal
import fractions
import functools
import io
import math
import os
import pathlib
import subprocess
import sys
import textwrap
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import fiddle as fdl
import hydra.utils
import numpy as np
import pytest
from omegaconf import OmegaConf

import fiddle_hydra_bridge as fhb
from tests import components as c
from tests import nemo_stand_ins as nemo
from tests.convert import value_types as vt

pytestmark = pytest.mark.filterwarnings("ignore")

HAS_TUPLES = hasattr(OmegaConf, "is_tuple")
NODE = "_target_: tests.components.Node\n"
ENCODER = "_target_: tests.components.Encoder\n"


def text(block: str) -> str:
    return textwrap.dedent(block).lstrip("\n")


def tagged(node: Any, name: str, *tags: Any) -> Any:
    for tag in tags:
        fdl.add_tag(node, name, tag)
    return node


def untagged(node: Any, name: str) -> Any:
    fdl.clear_tags(node, name)
    return node


def in_order(cls: Any, target: Any, **arguments: Any) -> Any:
    """A Buildable whose arguments are set one after the other."""
    node = cls(target)
    for name, value in arguments.items():
        setattr(node, name, value)
    return node


def twice(cls: Any, target: Any, value: Any, first: str, second: str) -> Any:
    return cls(target, **{first: value, second: value})


# The name of a row, the graph, the text.
CALLS: dict[str, tuple[Callable[[], Any], str]] = {
    "a config": (lambda: fdl.Config(c.Encoder, dim=1), ENCODER + "dim: 1\n"),
    "a config without arguments": (lambda: fdl.Config(c.Node), NODE),
    "arguments stand in signature order": (
        lambda: in_order(fdl.Config, c.Encoder, name="deep", dim=1),
        ENCODER + "dim: 1\nname: deep\n",
    ),
    "extra keywords stand last, in the order they were set": (
        lambda: in_order(fdl.Config, c.Model, z=1, decoder=2, a=3, encoder=4),
        "_target_: tests.components.Model\nencoder: 4\ndecoder: 2\nz: 1\na: 3\n",
    ),
    "extra keywords that are no identifiers": (
        lambda: fdl.Config(c.combine, **{"x-y": 1, "a.b": 2, "class": 3, "two words": 4}),
        "_target_: tests.components.combine\nx-y: 1\na.b: 2\nclass: 3\ntwo words: 4\n",
    ),
    "a class method": (
        lambda: fdl.Config(c.Model.from_dim, dim=3),
        "_target_: tests.components.Model.from_dim\ndim: 3\n",
    ),
    "a partial": (lambda: fdl.Partial(c.Encoder, dim=1), ENCODER + "_partial_: true\ndim: 1\n"),
    "a partial without arguments": (
        lambda: fdl.Partial(c.fresh),
        "_target_: tests.components.fresh\n_partial_: true\n",
    ),
    "a partial lacks what is not set": (
        lambda: fdl.Partial(c.Encoder, name="deep"),
        ENCODER + "_partial_: true\nname: deep\n",
    ),
    "positional-only and variadic arguments": (
        lambda: fdl.Config(c.positional, 1, 2, 3, 4, d=5),
        "_target_: tests.components.positional\n_args_:\n- 1\n- 2\n- 3\n- 4\nd: 5\n",
    ),
    "positional-only arguments next to named ones": (
        lambda: fdl.Config(c.positional, 1, c=5),
        "_target_: tests.components.positional\n_args_:\n- 1\nc: 5\n",
    ),
    "positional arguments of a partial": (
        lambda: fdl.Partial(c.positional, 1, 2),
        "_target_: tests.components.positional\n_partial_: true\n_args_:\n- 1\n- 2\n",
    ),
    "a config of a dataclass": (
        lambda: fdl.Config(c.Settings, dim=3),
        "_target_: tests.components.Settings\ndim: 3\n",
    ),
    "a config of a class that is also a value": (
        lambda: fdl.Config(pathlib.Path, "a"),
        "_target_: pathlib.Path\n_partial_: false\n_args_:\n- a\n",
    ),
    "a call that makes no value of a class that has values": (
        lambda: fdl.Config(fractions.Fraction, numerator=1),
        "_target_: fractions.Fraction\nnumerator: 1\n",
    ),
    "a config of dict at the root": (
        lambda: fdl.Config(dict, x=1),
        "_target_: builtins.dict\nx: 1\n",
    ),
    "calls of scalars carry no mode": (
        lambda: fdl.Config(c.Node, a=fdl.Config(c.Node, a=fdl.Config(c.Encoder, dim=1))),
        NODE + "a:\n  _target_: tests.components.Node\n  a:\n    _target_: tests.components.Encoder\n    dim: 1\n",
    ),
    "the topmost call above a list says how to convert": (
        lambda: fdl.Config(c.Node, a=fdl.Config(c.Node, a=[1])),
        NODE + "_convert_: all\na:\n  _target_: tests.components.Node\n  a:\n  - 1\n",
    ),
    "the topmost call above a dict says how to convert": (
        lambda: fdl.Config(c.Node, a={"k": 1}),
        NODE + "_convert_: all\na:\n  k: 1\n",
    ),
    "the topmost call above a tuple says how to convert": (
        lambda: fdl.Config(c.Node, a=()),
        NODE + "_convert_: all\na:\n  _target_: builtins.tuple\n  _args_:\n  - []\n",
    ),
    "empty containers": (
        lambda: fdl.Config(c.Node, a=[], b={}),
        NODE + "_convert_: all\na: []\nb: {}\n",
    ),
    "calls in containers": (
        lambda: fdl.Config(c.Node, a=[fdl.Config(c.Encoder, dim=1), {"k": fdl.Partial(c.fresh)}]),
        text("""
            _target_: tests.components.Node
            _convert_: all
            a:
            - _target_: tests.components.Encoder
              dim: 1
            - k:
                _target_: tests.components.fresh
                _partial_: true
            """),
    ),
    "an argument factory": (
        lambda: fdl.Partial(c.Node, a=fdl.ArgFactory(c.fresh, start=1), b=2),
        text("""
            _target_: fiddle_hydra_bridge.partial
            _deferred_target_:
              _target_: tests.components.Node
              _partial_: true
            a:
              _target_: fiddle_hydra_bridge.arg_factory
              _deferred_target_:
                _target_: tests.components.fresh
                _partial_: true
              start: 1
            b: 2
            """),
    ),
    "argument factories in containers and positional": (
        lambda: fdl.Partial(c.combine, fdl.ArgFactory(c.fresh), [{"k": fdl.ArgFactory(c.fresh)}]),
        text("""
            _target_: fiddle_hydra_bridge.partial
            _deferred_target_:
              _target_: tests.components.combine
              _partial_: true
            _convert_: all
            _args_:
            - _target_: fiddle_hydra_bridge.arg_factory
              _deferred_target_:
                _target_: tests.components.fresh
                _partial_: true
            - - k:
                  _target_: fiddle_hydra_bridge.arg_factory
                  _deferred_target_:
                    _target_: tests.components.fresh
                    _partial_: true
            """),
    ),
    "an argument factory of an argument factory": (
        lambda: fdl.Partial(c.Node, a=fdl.ArgFactory(c.Node, a=fdl.ArgFactory(c.fresh))),
        text("""
            _target_: fiddle_hydra_bridge.partial
            _deferred_target_:
              _target_: tests.components.Node
              _partial_: true
            a:
              _target_: fiddle_hydra_bridge.arg_factory
              _deferred_target_:
                _target_: tests.components.Node
                _partial_: true
              a:
                _target_: fiddle_hydra_bridge.arg_factory
                _deferred_target_:
                  _target_: tests.components.fresh
                  _partial_: true
            """),
    ),
    "a tag": (
        lambda: tagged(fdl.Config(c.Encoder, dim=1), "dim", c.Width),
        text("""
            _target_: tests.components.Encoder
            dim:
              _target_: fiddle_hydra_bridge.tagged
              value: 1
              tags:
              - tests.components.Width
            """),
    ),
    "tags stand in the order of their names": (
        lambda: tagged(fdl.Partial(c.Encoder, dim=1), "dim", c.Width, c.Rate),
        text("""
            _target_: tests.components.Encoder
            _partial_: true
            dim:
              _target_: fiddle_hydra_bridge.tagged
              value: 1
              tags:
              - tests.components.Rate
              - tests.components.Width
            """),
    ),
    "a tag on an unset parameter": (
        lambda: tagged(fdl.Config(c.Encoder, dim=1), "name", c.Width),
        text("""
            _target_: tests.components.Encoder
            dim: 1
            name:
              _target_: fiddle_hydra_bridge.tagged
              value: encoder
              tags:
              - tests.components.Width
              unset: true
            """),
    ),
    "implied tags need no spelling": (
        lambda: fdl.Config(c.annotated, dim=1),
        "_target_: tests.components.annotated\ndim: 1\n",
    ),
    "fewer tags than implied": (
        lambda: untagged(fdl.Config(c.annotated, dim=1), "dim"),
        text("""
            _target_: tests.components.annotated
            dim:
              _target_: fiddle_hydra_bridge.tagged
              value: 1
              tags: []
            """),
    ),
    "fewer tags than implied on an unset parameter": (
        lambda: untagged(fdl.Config(c.annotated), "dim"),
        text("""
            _target_: tests.components.annotated
            dim:
              _target_: fiddle_hydra_bridge.tagged
              value: 8
              tags: []
              unset: true
            """),
    ),
    "more tags than implied": (
        lambda: tagged(fdl.Config(c.annotated, dim=1), "dim", c.Rate),
        text("""
            _target_: tests.components.annotated
            dim:
              _target_: fiddle_hydra_bridge.tagged
              value: 1
              tags:
              - tests.components.Rate
              - tests.components.Width
            """),
    ),
    "a tagged value in a list": (
        lambda: fdl.Config(c.Node, a=[c.Width.new(3)]),
        text("""
            _target_: tests.components.Node
            _convert_: all
            a:
            - _target_: fiddle_hydra_bridge.tagged
              value: 3
              tags:
              - tests.components.Width
            """),
    ),
    "an instance that two arguments share": (
        lambda: twice(fdl.Config, c.Model, fdl.Config(c.Encoder, dim=16), "encoder", "decoder"),
        text("""
            _target_: fiddle_hydra_bridge.share
            _shared_target_:
              _target_: tests.components.Model
              _partial_: true
            encoder:
              _target_: tests.components.Encoder
              _partial_: true
              dim: 16
            decoder:
              _target_: fiddle_hydra_bridge.ref
              _ref_: encoder
            """),
    ),
    "a mutable value that two arguments share": (
        lambda: twice(fdl.Config, c.Model, [1], "encoder", "decoder"),
        text("""
            _target_: fiddle_hydra_bridge.share
            _shared_target_:
              _target_: tests.components.Model
              _partial_: true
            _convert_: all
            encoder:
            - 1
            decoder:
              _target_: fiddle_hydra_bridge.ref
              _ref_: encoder
            """),
    ),
    "a partial whose arguments share an instance": (
        lambda: twice(fdl.Partial, c.Model, fdl.Partial(c.Encoder, dim=16), "encoder", "decoder"),
        text("""
            _target_: fiddle_hydra_bridge.share
            _shared_target_:
              _target_: tests.components.Model
              _partial_: true
            _shared_partial_: true
            encoder:
              _target_: fiddle_hydra_bridge.partial
              _partial_: true
              _deferred_target_:
                _target_: tests.components.Encoder
                _partial_: true
              dim: 16
            decoder:
              _target_: fiddle_hydra_bridge.ref
              _ref_: encoder
            """),
    ),
}

# Roots that are no call.
SECTIONS: dict[str, tuple[Callable[[], Any], str]] = {
    "a section": (
        lambda: fdl.Config(fhb.section, dim=1, inner=fdl.Config(fhb.section, x=fdl.Config(c.Encoder, dim=2))),
        "dim: 1\ninner:\n  x:\n    _target_: tests.components.Encoder\n    dim: 2\n",
    ),
    "an empty section": (lambda: fdl.Config(fhb.section), "{}\n"),
    "the calls of a section say themselves how to convert": (
        lambda: fdl.Config(fhb.section, a=fdl.Config(c.Node, a=[1]), b=fdl.Config(c.Encoder, dim=1), c=[2]),
        text("""
            a:
              _target_: tests.components.Node
              _convert_: all
              a:
              - 1
            b:
              _target_: tests.components.Encoder
              dim: 1
            c:
            - 2
            """),
    ),
    "a config of dict in a section": (
        lambda: fdl.Config(fhb.section, a=fdl.Config(dict, x=1)),
        "a:\n  _target_: builtins.dict\n  x: 1\n",
    ),
    "a dict in a section": (
        lambda: fdl.Config(fhb.section, a={"x": 1}),
        "a:\n  _target_: builtins.dict\n  _convert_: all\n  _args_:\n  - - - x\n      - 1\n",
    ),
    "a list": (
        lambda: [1, fdl.Config(c.Encoder, dim=2)],
        "- 1\n- _target_: tests.components.Encoder\n  dim: 2\n",
    ),
    "an instance that two sections share": (
        lambda: twice(fdl.Config, fhb.section, fdl.Config(c.Encoder, dim=1), "one", "two"),
        text("""
            _target_: fiddle_hydra_bridge.share
            _shared_target_:
              _target_: fiddle_hydra_bridge.section
              _partial_: true
            one:
              _target_: tests.components.Encoder
              _partial_: true
              dim: 1
            two:
              _target_: fiddle_hydra_bridge.ref
              _ref_: one
            """),
    ),
}

# Graphs that cannot be built yet.
UNFINISHED: dict[str, tuple[Callable[[], Any], str]] = {
    "a required parameter that is not set": (
        lambda: fdl.Config(c.Encoder, name="deep"),
        ENCODER + "dim: ???\nname: deep\n",
    ),
    "a required positional-only parameter that is not set": (
        lambda: fdl.Config(c.positional),
        "_target_: tests.components.positional\n_args_:\n- ???\n",
    ),
    "a tag on a required parameter that is not set": (
        lambda: tagged(fdl.Config(c.Encoder), "dim", c.Width),
        text("""
            _target_: tests.components.Encoder
            dim:
              _target_: fiddle_hydra_bridge.tagged
              value: ???
              tags:
              - tests.components.Width
              unset: true
            """),
    ),
    "a tagged value without a value": (
        lambda: fdl.Config(c.Node, a=[c.Width.new()]),
        text("""
            _target_: tests.components.Node
            _convert_: all
            a:
            - _target_: fiddle_hydra_bridge.tagged
              value: ???
              tags:
              - tests.components.Width
            """),
    ),
    "a link": (
        lambda: fdl.Config(fhb.section, dim=1, model=fdl.Config(c.Encoder, dim=fhb.link("${dim}"))),
        "dim: 1\nmodel:\n  _target_: tests.components.Encoder\n  _convert_: all\n  dim: ${dim}\n",
    ),
}


def coded(node: str, containers: bool = True) -> str:
    """The text of a Node whose argument is a value with a call of its own."""
    mode = "_convert_: all\n" if containers else ""
    return NODE + mode + "a:\n" + textwrap.indent(text(node), "  ")


def named(path: str) -> str:
    return coded(f"_target_: hydra.utils.get_object\npath: {path}\n", containers=False)


def called(target: str, *args: str) -> str:
    return coded(f"_target_: {target}\n_args_:\n" + "".join(f"- {arg}\n" for arg in args), containers=False)


# Values that YAML cannot hold.
VALUES: dict[str, tuple[Any, str]] = {
    "tuple": ((1, 2), coded("_target_: builtins.tuple\n_args_:\n- - 1\n  - 2\n")),
    "namedtuple": (
        c.Point(1, 2),
        coded("_target_: fiddle_hydra_bridge.value\n_args_:\n- _target_: tests.components.Point\n  x: 1\n  'y': 2\n"),
    ),
    "set": ({2, 1}, coded("_target_: builtins.set\n_args_:\n- - 1\n  - 2\n")),
    "frozenset": (frozenset({1}), coded("_target_: builtins.frozenset\n_args_:\n- - 1\n")),
    "enum member": (c.Colour.RED, named("tests.components.Colour.RED")),
    "class": (c.Encoder, named("tests.components.Encoder")),
    "function": (c.identity, named("tests.components.identity")),
    "built-in function": (math.sqrt, named("math.sqrt")),
    "class method": (c.Model.from_dim, named("tests.components.Model.from_dim")),
    "bytes": (b"\xffa", called("builtins.bytes", "ÿa", "latin-1")),
    "path": (pathlib.Path("a b/c"), called("pathlib.Path", "a b/c")),
    "pure path": (pathlib.PureWindowsPath("c:/x"), called("pathlib.PureWindowsPath", "c:\\x")),
    "complex": (1 + 2j, called("builtins.complex", "1.0", "2.0")),
    "range": (range(1, 5, 2), called("builtins.range", "1", "5", "2")),
    "slice": (slice(1, None), called("builtins.slice", "1", "null", "null")),
    "datetime": (
        datetime.datetime(2020, 1, 2, 3, 4, 5),
        called("datetime.datetime.fromisoformat", "2020-01-02T03:04:05"),
    ),
    "date": (datetime.date(2020, 1, 2), called("datetime.date.fromisoformat", "2020-01-02")),
    "time": (datetime.time(3, 4), called("datetime.time.fromisoformat", "03:04:00")),
    "timedelta": (datetime.timedelta(1, 2, 3), called("datetime.timedelta", "1", "2", "3")),
    "Decimal": (decimal.Decimal("1.10"), called("decimal.Decimal", "'1.10'")),
    "Fraction": (fractions.Fraction(1, 3), called("fractions.Fraction", "1", "3")),
    "UUID": (uuid.UUID(int=5), called("uuid.UUID", "00000000-0000-0000-0000-000000000005")),
    "functools.partial": (
        functools.partial(c.identity, 3),
        coded(
            "_target_: fiddle_hydra_bridge.value\n_args_:\n"
            "- _target_: tests.components.identity\n  _partial_: true\n  _args_:\n  - 3\n"
        ),
    ),
    "dataclass instance": (
        c.Settings(2, "deep"),
        coded(
            "_target_: fiddle_hydra_bridge.value\n_args_:\n- _target_: tests.components.Settings\n"
            "  dim: 2\n  name: deep\n"
        ),
    ),
    "attrs instance": (
        vt.Attrs(2, label="deep"),
        coded(
            "_target_: fiddle_hydra_bridge.value\n_args_:\n- _target_: tests.convert.value_types.Attrs\n"
            "  size: 2\n  private: null\n  label: deep\n"
        ),
    ),
    "numpy scalar": (np.float32(0.5), called("numpy.float32", "0.5")),
    "numpy dtype": (np.dtype("float32"), called("numpy.dtype", "float32")),
    "OrderedDict": (
        collections.OrderedDict(a=1),
        coded("_target_: collections.OrderedDict\n_args_:\n- - - a\n    - 1\n"),
    ),
    "dict with keys that are not str": (
        {1: "x", "a": [2]},
        coded("_target_: builtins.dict\n_args_:\n- - - 1\n    - x\n  - - a\n    - - 2\n"),
    ),
    "dict with a reserved word": (
        {"_target_": "x"},
        coded("_target_: builtins.dict\n_args_:\n- - - _target_\n    - x\n"),
    ),
    "text that would be an interpolation": (
        "a ${b.c}",
        coded("_target_: builtins.str.join\n_args_:\n- ''\n- - a $\n  - '{b.c}'\n"),
    ),
    "text that would be missing": (
        "???",
        coded("_target_: builtins.str.join\n_args_:\n- ''\n- - '?'\n  - ??\n"),
    ),
}

# Scalars, and how they are written.
SCALARS: dict[str, tuple[Any, str]] = {
    "None": (None, "null"),
    "True": (True, "true"),
    "int": (-3, "-3"),
    "huge int": (10**30, "1" + "0" * 30),
    "float": (0.001, "0.001"),
    "small float": (1e-5, "1e-05"),
    "large float": (1e16, "1e+16"),
    "negative zero": (-0.0, "-0.0"),
    "inf": (math.inf, ".inf"),
    "-inf": (-math.inf, "-.inf"),
    "nan": (math.nan, ".nan"),
    "text": ("two words", "two words"),
    "text like a float": ("1e-3", "'1e-3'"),
    "text like a bool": ("true", "'true'"),
    "text like null": ("null", "'null'"),
    "text like a list": ("[1,2]", "'[1,2]'"),
    "empty text": ("", "''"),
    "padded text": (" a ", "' a '"),
    "lines": ("a\nb\n", "|\n  a\n  b"),
    "text with a dollar sign": ("$a", "$a"),
    "text like a missing value and more": ("????", "????"),
}

ROWS = {
    **CALLS,
    **SECTIONS,
    **UNFINISHED,
    **{name: (lambda value=value: fdl.Config(c.Node, a=value), spelled) for name, (value, spelled) in VALUES.items()},
    **{
        name: (lambda value=value: fdl.Config(c.Node, a=value), f"{NODE}a: {spelled}\n")
        for name, (value, spelled) in SCALARS.items()
    },
}
BUILT = {name: row for name, row in ROWS.items() if name not in UNFINISHED}

every_row = pytest.mark.parametrize(("make", "spelled"), ROWS.values(), ids=ROWS.keys())
every_built_row = pytest.mark.parametrize(("make", "spelled"), BUILT.values(), ids=BUILT.keys())


@every_row
def test_a_graph_is_written_as_by_hand(make: Callable[[], Any], spelled: str) -> None:
    assert fhb.to_yaml(make()) == spelled


@every_row
def test_the_text_is_read_as_the_graph(make: Callable[[], Any], spelled: str) -> None:
    assert fhb.same_graph(fhb.from_yaml(spelled, links="keep"), make())


@every_row
def test_a_graph_comes_back_from_its_dict_config(make: Callable[[], Any], spelled: str) -> None:
    assert fhb.same_graph(fhb.from_hydra(fhb.to_hydra(make()), links="keep"), make())


@every_built_row
def test_plain_hydra_makes_what_fiddle_builds(make: Callable[[], Any], spelled: str) -> None:
    graph = make()
    built = fdl.build(graph)
    for config in (fhb.to_hydra(graph), OmegaConf.create(spelled)):
        assert fhb.equivalent(hydra.utils.instantiate(config, _convert_="all"), built)
        assert fhb.equivalent(fhb.instantiate(config, _convert_="all"), built)


@every_built_row
def test_a_graph_with_a_call_at_the_root_says_itself_how_to_convert(make: Callable[[], Any], spelled: str) -> None:
    graph = make()
    if not spelled.startswith("_target_"):
        pytest.skip("a section is converted as the caller says")
    assert fhb.equivalent(hydra.utils.instantiate(fhb.to_hydra(graph)), fdl.build(graph))


def test_a_dict_at_the_root_is_written_and_comes_back_as_a_section() -> None:
    graph = {"dim": 1, "model": fdl.Config(c.Encoder, dim=2)}
    section = fdl.Config(fhb.section, dim=1, model=fdl.Config(c.Encoder, dim=2))
    spelled = "dim: 1\nmodel:\n  _target_: tests.components.Encoder\n  dim: 2\n"
    assert fhb.to_yaml(graph) == spelled
    assert fhb.same_graph(fhb.from_yaml(spelled), section)
    assert fhb.same_graph(fhb.from_hydra(fhb.to_hydra(graph)), section)


def test_a_tag_on_an_unset_parameter_of_a_partial_binds_the_default_under_plain_hydra() -> None:
    graph = tagged(fdl.Partial(c.Encoder, dim=1), "name", c.Width)
    assert fhb.same_graph(fhb.from_yaml(fhb.to_yaml(graph)), graph)
    by_hydra = hydra.utils.instantiate(fhb.to_hydra(graph))
    assert by_hydra.keywords == {"dim": 1, "name": "encoder"}
    assert fhb.equivalent(by_hydra(), fdl.build(graph)())


class SpecialConfig(fdl.Config):
    """A subclass, as NeMo-Run has one."""


class SpecialPartial(fdl.Partial):
    """A subclass, as NeMo-Run has one."""


def test_subclasses_are_written_as_their_base_classes() -> None:
    special = SpecialConfig(c.Node, a=SpecialPartial(c.Encoder, dim=1))
    plain = fdl.Config(c.Node, a=fdl.Partial(c.Encoder, dim=1))
    assert fhb.to_yaml(special) == fhb.to_yaml(plain)
    read = fhb.from_yaml(fhb.to_yaml(special), config_cls=SpecialConfig, partial_cls=SpecialPartial)
    assert fhb.same_graph(read, special)
    assert not fhb.same_graph(read, plain)


# What OmegaConf has a type for stays itself in a DictConfig.
NATIVE = {
    "enum member": c.Colour.RED,
    "path": pathlib.Path("a b/c"),
    "bytes": b"\xff",
    **({"tuple": (1, 2)} if HAS_TUPLES else {}),
}


@pytest.mark.parametrize("value", NATIVE.values(), ids=NATIVE.keys())
def test_a_dict_config_keeps_what_omegaconf_has_a_type_for(value: Any) -> None:
    config = fhb.to_hydra(fdl.Config(c.Node, a=value))
    kept = config.a if not isinstance(value, tuple) else tuple(config.a)
    assert type(kept) is type(value)
    assert kept == value


# The texts of NeMo-Run's guide ---------------------------------------------------------------------------------------


@pytest.fixture
def llama() -> Iterator[None]:
    with nemo.importable():
        yield


LLAMA = text("""
    _target_: nemo.collections.llm.gpt.model.llama.LlamaModel
    config:
      _target_: nemo.collections.llm.gpt.model.llama.Llama3Config8B
      seq_length: 16384
    """)
LLAMA_PARTIAL = text("""
    _target_: nemo.collections.llm.gpt.model.llama.LlamaModel
    _partial_: true
    config:
      _target_: nemo.collections.llm.gpt.model.llama.Llama3Config8B
      seq_length: 16384
    """)


@pytest.mark.parametrize(
    ("cls", "spelled"), [(fdl.Config, LLAMA), (fdl.Partial, LLAMA_PARTIAL)], ids=["Config", "Partial"]
)
def test_the_model_of_nemo_runs_guide_is_written_as_there(llama: None, cls: Any, spelled: str) -> None:
    graph = cls(nemo.LlamaModel, config=fdl.Config(nemo.Llama3Config8B, seq_length=16384))
    assert fhb.to_yaml(graph) == spelled
    assert fhb.same_graph(fhb.from_yaml(spelled), graph)
    assert fhb.equivalent(hydra.utils.instantiate(OmegaConf.create(spelled)), fdl.build(graph))
    graph.config.seq_length *= 2
    assert fhb.to_yaml(graph) == spelled.replace("16384", "32768")


# defaults="all", comments=True ---------------------------------------------------------------------------------------


class Documented:
    """A target with a docstring.

    Args:
        width: how wide it is.
        rates: one rate
            a layer.
        other: with a # sign, a colon: and "quotes".
    """

    def __init__(self, width: int, rates: list[float] | None = None, other: str = "a", bare=3) -> None:  # type: ignore[no-untyped-def]
        self.width = width
        self.rates = rates


def sphinx(x: float, y: int = 1) -> None:
    """Does something.

    :param x: the first.
    :param int y: the second.
    """


def numpy_style(x: float, y: int = 1) -> None:
    """Does something.

    Parameters
    ----------
    x : float
        the first.
    y
        the second.
    """


def unspellable_default(x: int = 1, stream: Any = io.StringIO(), function: Any = lambda: 1) -> None:  # noqa: B008
    """Has defaults that YAML cannot hold."""


@attrs.define
class WithFactories:
    size: int = 1
    names: list[str] = attrs.field(factory=list)


DEFAULTS: dict[str, tuple[Callable[[], Any], str]] = {
    "unset parameters are written with their defaults": (
        lambda: fdl.Config(c.Encoder, dim=1),
        ENCODER + "dim: 1\nname: encoder\n",
    ),
    "a required parameter stays mandatory": (lambda: fdl.Config(c.Encoder), ENCODER + "dim: ???\nname: encoder\n"),
    "a partial shows its defaults and lacks required parameters": (
        lambda: fdl.Partial(c.Encoder),
        ENCODER + "_partial_: true\nname: encoder\n",
    ),
    "keyword-only defaults, no positional-only ones": (
        lambda: fdl.Config(c.positional, 1),
        "_target_: tests.components.positional\n_args_:\n- 1\nc: 3\nd: 4\n",
    ),
    "every level shows its defaults": (
        lambda: fdl.Config(c.Node, b=fdl.Config(c.Settings)),
        NODE + "a: null\nb:\n  _target_: tests.components.Settings\n  dim: 1\n  name: settings\nc: null\n",
    ),
    "a fresh list is the default of a dataclass field": (
        lambda: fdl.Config(c.Defaulted),
        "_target_: tests.components.Defaulted\n_convert_: all\ndim: 1\nnames: []\n",
    ),
    "defaults that cannot be spelled stay out": (
        lambda: fdl.Config(unspellable_default),
        "_target_: tests.convert.test_map.unspellable_default\nx: 1\n",
    ),
    "tags of unset parameters keep saying that they are unset": (
        lambda: tagged(fdl.Config(c.Encoder, dim=1), "name", c.Width),
        text("""
            _target_: tests.components.Encoder
            dim: 1
            name:
              _target_: fiddle_hydra_bridge.tagged
              value: encoder
              tags:
              - tests.components.Width
              unset: true
            """),
    ),
}


@pytest.mark.parametrize(("make", "spelled"), DEFAULTS.values(), ids=DEFAULTS.keys())
def test_all_defaults_are_written_on_demand(make: Callable[[], Any], spelled: str) -> None:
    assert fhb.to_yaml(make(), defaults="all") == spelled
    assert fhb.to_hydra(make(), defaults="all") == OmegaConf.create(spelled)


BUILT_DEFAULTS = {name: row for name, row in DEFAULTS.items() if name != "a required parameter stays mandatory"}


@pytest.mark.parametrize(("make", "spelled"), BUILT_DEFAULTS.values(), ids=BUILT_DEFAULTS.keys())
def test_written_defaults_change_nothing_that_is_built(make: Callable[[], Any], spelled: str) -> None:
    built, with_defaults = fdl.build(make()), hydra.utils.instantiate(OmegaConf.create(spelled))
    if isinstance(built, functools.partial):
        built, with_defaults = built(dim=1), with_defaults(dim=1)
    assert fhb.equivalent(with_defaults, built)


COMMENTS: dict[str, tuple[Callable[[], Any], dict[str, Any], str]] = {
    "types and descriptions": (
        lambda: fdl.Config(c.Encoder, dim=1, name="deep"),
        {},
        ENCODER + "dim: 1  # int: width of the layers.\nname: deep  # str: what it is called.\n",
    ),
    "of every unset parameter": (
        lambda: fdl.Config(Documented, width=1),
        {"defaults": "all"},
        "_target_: tests.convert.test_map.Documented\n"
        "width: 1  # int: how wide it is.\n"
        "rates: null  # list[float] | None: one rate\n"
        'other: a  # str: with a # sign, a colon: and "quotes".\n'
        "bare: 3\n",
    ),
    "at every level": (
        lambda: fdl.Config(c.Node, a=fdl.Partial(c.Encoder, dim=1), b=[2]),
        {},
        "_target_: tests.components.Node\n_convert_: all\na:  # Any\n  _target_: tests.components.Encoder\n"
        "  _partial_: true\n  dim: 1  # int: width of the layers.\nb:  # Any\n- 2\n",
    ),
    "a Sphinx docstring": (
        lambda: fdl.Config(sphinx, x=1.0),
        {"defaults": "all"},
        "_target_: tests.convert.test_map.sphinx\nx: 1.0  # float: the first.\n'y': 1  # int: the second.\n",
    ),
    "a NumPy docstring": (
        lambda: fdl.Config(numpy_style, x=1.0),
        {"defaults": "all"},
        "_target_: tests.convert.test_map.numpy_style\nx: 1.0  # float: the first.\n'y': 1  # int: the second.\n",
    ),
    "through the helpers": (
        lambda: twice(fdl.Config, c.Model, fdl.Config(c.Encoder, dim=1), "encoder", "decoder"),
        {},
        text("""
            _target_: fiddle_hydra_bridge.share
            _shared_target_:
              _target_: tests.components.Model
              _partial_: true
            encoder:  # Any
              _target_: tests.components.Encoder
              _partial_: true
              dim: 1  # int: width of the layers.
            decoder:  # Any
              _target_: fiddle_hydra_bridge.ref
              _ref_: encoder
            """),
    ),
}


@pytest.mark.parametrize(("make", "options", "spelled"), COMMENTS.values(), ids=COMMENTS.keys())
def test_comments_say_type_and_meaning_of_each_parameter(
    make: Callable[[], Any], options: dict[str, Any], spelled: str
) -> None:
    assert fhb.to_yaml(make(), comments=True, **options) == spelled


@every_row
def test_comments_change_nothing(make: Callable[[], Any], spelled: str) -> None:
    assert fhb.same_graph(fhb.from_yaml(fhb.to_yaml(make(), comments=True), links="keep"), make())


# Refusals ------------------------------------------------------------------------------------------------------------


def hole() -> Any:
    node = fdl.Config(c.positional, 1, 2, 3, 4)
    del node[0]
    return fdl.Config(c.Node, a=node)


def loop(container: Any) -> Any:
    if isinstance(container, list):
        container.append(container)
    else:
        container["again"] = container
    return fdl.Config(c.Node, b={"k": container})


def loop_of_nodes() -> Any:
    node = fdl.Config(c.Node)
    node.a = node
    return fdl.Config(c.Node, b=node)


def shared_items() -> Any:
    encoder = fdl.Config(c.Encoder, dim=1)
    return [1, encoder, [encoder]]


def reserved(name: str) -> Any:
    return fdl.Config(c.Node, a=fdl.Config(c.combine, **{name: 1}))


# The graph, the path of the value, a part of the message.
REFUSED: dict[str, tuple[Callable[[], Any], str, str]] = {
    "lambda": (lambda: fdl.Config(c.Node, a=[lambda: 1]), "a[0]", "lambda"),
    "lambda as target": (lambda: fdl.Config(c.Node, a={"k": fdl.Config(lambda: 1)}), "a.k", "lambda"),
    "local class": (lambda: fdl.Config(c.Node, b=vt.make_local()[0]), "b", "defined inside a function"),
    "local class as target": (lambda: fdl.Config(c.Node, b=fdl.Config(vt.make_local()[0])), "b", "inside a function"),
    "local function in a tuple": (lambda: fdl.Config(c.Node, b=(vt.make_local()[1],)), "b[0]", "inside a function"),
    "open file": (lambda: fdl.Config(c.Node, a={"f": io.StringIO()}), "a.f", "_io.StringIO has no spelling"),
    "generator": (lambda: fdl.Config(c.combine, (x for x in "ab")), "_args_[0]", "generator has no spelling"),
    "module": (lambda: fdl.Config(c.Node, a=os), "a", "module has no spelling"),
    "dataclass instance with a field that is not init": (
        lambda: fdl.Config(c.Node, a=fdl.Config(c.Node, c=vt.Counted(1))),
        "a.c",
        "its arguments are not its fields",
    ),
    "object of an unknown class": (lambda: fdl.Config(fhb.section, a=[vt.Plain("x")]), "a[0]", "Plain has no spelling"),
    "object without content": (lambda: [object()], "[0]", "object has no spelling"),
    "subclass of str": (lambda: fdl.Config(c.Node, a=vt.Text("x")), "a", "Text has no spelling"),
    "subclass of list": (lambda: fdl.Config(c.Node, a=vt.Items()), "a", "Items has no spelling"),
    "bound method": (lambda: fdl.Config(c.Node, a=vt.Plain("x").method), "a", "bound to an object"),
    "Buildable in a dataclass instance": (
        lambda: fdl.Config(c.Node, a=c.Settings(fdl.Config(c.fresh))),  # type: ignore[arg-type]
        "a",
        "Fiddle does not look for them there",
    ),
    **{
        f"keyword {name}": (lambda name=name: reserved(name), f"a.{name}", repr(name))
        for name in ("_target_", "_partial_", "_args_", "_convert_", "_recursive_", "_shared_target_", "_ref_")
    },
    "section entry with a reserved name": (
        lambda: fdl.Config(fhb.section, a=fdl.Config(fhb.section, _target_=1)),
        "a._target_",
        "'_target_'",
    ),
    "list that contains itself": (lambda: loop([1]), "b.k[1]", "contains itself"),
    "dict that contains itself": (lambda: loop({}), "b.k.again", "contains itself"),
    "config that contains itself": (loop_of_nodes, "b.a", "contains itself"),
    "items of a root list that share an instance": (shared_items, "[2][0]", "share an instance"),
    "hole before variadic arguments": (hole, "a", "positional parameter 0 of positional is not set"),
    "refused target": (lambda: fdl.Config(c.Node, a=fdl.Config(os.system, "true")), "a", "refused by Hydra"),
    "tags of an unset required parameter of a partial": (
        lambda: tagged(fdl.Partial(c.Encoder), "dim", c.Width),
        "dim",
        "tags of an unset parameter of a Partial",
    ),
}
every_refusal = pytest.mark.parametrize(("make", "path", "message"), REFUSED.values(), ids=REFUSED.keys())


@every_refusal
def test_what_cannot_be_spelled_is_refused_with_its_path_and_a_hint(
    make: Callable[[], Any], path: str, message: str
) -> None:
    for write in (fhb.to_yaml, fhb.to_hydra):
        with pytest.raises(fhb.BridgeError) as caught:
            write(make())
        (problem,) = caught.value.problems
        assert problem.path == path
        assert message in problem.message
        assert problem.hint
        assert f"at {path}" in str(caught.value)


@every_refusal
def test_nothing_is_written_of_what_is_refused(
    make: Callable[[], Any], path: str, message: str, tmp_path: pathlib.Path
) -> None:
    with pytest.raises(fhb.BridgeError):
        fhb.save(make(), tmp_path / "config.yaml")
    assert list(tmp_path.iterdir()) == []


def test_all_that_cannot_be_spelled_is_reported_together() -> None:
    graph = fdl.Config(c.Node, a=lambda: 1, b=[object()], c=fdl.Config(vt.make_local()[0]))
    with pytest.raises(fhb.BridgeError) as caught:
        fhb.to_yaml(graph)
    assert [problem.path for problem in caught.value.problems] == ["a", "b[0]", "c"]


@pytest.mark.parametrize("root", [3, None, "text", 1.5], ids=repr)
def test_a_scalar_is_no_config(root: Any) -> None:
    for write in (fhb.to_yaml, fhb.to_hydra):
        with pytest.raises(fhb.UnsupportedValueError, match="a config is a mapping or a list"):
            write(root)


@pytest.mark.parametrize("write", [fhb.to_yaml, fhb.to_hydra], ids=["to_yaml", "to_hydra"])
def test_an_unknown_choice_of_defaults_is_refused(write: Any) -> None:
    with pytest.raises(fhb.ParameterError, match="defaults must be one of 'set', 'all', got 'some'"):
        write(fdl.Config(c.Node), defaults="some")


# Targets of the program itself ---------------------------------------------------------------------------------------

SCRIPT = """
import sys
import fiddle as fdl
import fiddle_hydra_bridge as fhb

def double(x):
    return 2 * x

if __name__ == "__main__":
    graph = fdl.Config(double, x=1)
    config = fhb.to_hydra(graph)
    print(config._target_)
    print(fhb.same_graph(fhb.from_hydra(config), graph) or fdl.build(fhb.from_hydra(config)))
    try:
        fhb.save(graph, sys.argv[1])
    except fhb.BridgeError as error:
        print(error.problems[0].path, error.problems[0].hint)
"""


def run_script(folder: pathlib.Path, *how: str) -> list[str]:
    (folder / "my_program.py").write_text(SCRIPT)
    project = pathlib.Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": f"{project}{os.pathsep}{folder}"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", *how, "out.yaml"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def test_a_target_of_the_program_is_allowed_in_its_process_and_refused_in_files(tmp_path: pathlib.Path) -> None:
    target, comes_back, refusal = run_script(tmp_path, "my_program.py")
    assert (target, comes_back) == ("__main__.double", "True")
    assert "module" in refusal
    assert not (tmp_path / "out.yaml").exists()


def test_a_target_of_a_program_that_runs_as_a_module_is_spelled_under_its_name(tmp_path: pathlib.Path) -> None:
    target, comes_back = run_script(tmp_path, "-m", "my_program")
    assert (target, comes_back) == ("my_program.double", "2")
    assert (tmp_path / "out.yaml").read_text() == "_target_: my_program.double\nx: 1\n"
