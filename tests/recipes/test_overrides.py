"""Hydra's overrides on graphs: what each does, what is refused, and that composing the same overrides agrees."""

from __future__ import annotations

import copy
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

import fiddle as fdl
import pytest
from fiddle import history
from hydra import compose, initialize_config_dir
from hydra.core.override_parser.types import OverrideType
from hydra.errors import HydraException
from hypothesis import assume, given
from hypothesis import strategies as st
from omegaconf import OmegaConf

import fiddle_hydra_bridge as fhb
from fiddle_hydra_bridge.convert.buildables import mode_of
from fiddle_hydra_bridge.convert.compare import first_graph_difference
from fiddle_hydra_bridge.recipes.overrides import override
from tests import components as c

#: What only Hydra 1.4 has: brackets and escapes in keys, `extend_list`.
IS_14 = hasattr(OverrideType, "EXTEND_LIST")
only_14 = pytest.mark.skipif(not IS_14, reason="the grammar of Hydra 1.4")

Graph = Callable[[], Any]
E = c.Encoder
ENCODER = "_target_: tests.components.Encoder"


def config(target: Any, /, *args: Any, **kwargs: Any) -> Graph:
    return lambda: fdl.Config(target, *args, **kwargs)


def section(**entries: Any) -> Any:
    return fdl.Config(fhb.section, **entries)


def tagged(node: Any, name: str, tag: Any) -> Any:
    fdl.add_tag(node, name, tag)
    return node


# The name of a row, the graph, the overrides, what the graph becomes.
ROWS: dict[str, tuple[Graph, list[str], Graph]] = {
    "nothing": (config(E, dim=1), [], config(E, dim=1)),
    "an argument that is set": (config(E, dim=1), ["dim=2"], config(E, dim=2)),
    "an argument that is not set needs no +": (config(E, dim=1), ["name=deep"], config(E, dim=1, name="deep")),
    "a required argument that is not set": (config(E), ["dim=2"], config(E, dim=2)),
    "an argument that is not set with +": (config(E, dim=1), ["+name=deep"], config(E, dim=1, name="deep")),
    "an argument that is None with +": (config(c.Node, a=None), ["+a=1"], config(c.Node, a=1)),
    "an argument that is set with ++": (config(E, dim=1), ["++dim=2"], config(E, dim=2)),
    "an extra keyword that is set": (config(c.Model, x=1), ["x=2"], config(c.Model, x=2)),
    "a new extra keyword": (config(c.Model, x=1), ["+y=2"], config(c.Model, x=1, y=2)),
    "a new extra keyword with ++": (config(c.Model), ["++y=2"], config(c.Model, y=2)),
    "an extra keyword that is set anew stands last": (
        config(c.Model, x=1, y=2),
        ["~x", "+x=3"],
        config(c.Model, y=2, x=3),
    ),
    "later overrides win": (config(E, dim=1), ["dim=2", "dim=3"], config(E, dim=3)),
    "an argument deleted": (config(c.Node, a=1, b=2), ["~a"], config(c.Node, b=2)),
    "an argument deleted by its value": (config(c.Node, a=1, b=2), ["~a=1"], config(c.Node, b=2)),
    "None deleted": (config(c.Node, a=None), ["~a"], config(c.Node)),
    "a node deleted by its value": (
        lambda: fdl.Config(c.Node, a=fdl.Config(E, dim=1)),
        ["~a={" + ENCODER + ", dim: 1}"],
        config(c.Node),
    ),
    "numbers": (config(c.combine), ["+a=1", "+b=-2.5", "+c=1e-3"], config(c.combine, a=1, b=-2.5, c=1e-3)),
    "words": (config(c.combine), ["+a=true", "+b=null", "+c=x y"], config(c.combine, a=True, b=None, c="x y")),
    "quoted strings": (
        config(c.combine),
        ["+a='1'", '+b="a,b"', "+c='null'", "+d="],
        config(c.combine, a="1", b="a,b", c="null", d=""),
    ),
    "lists and dicts": (
        config(c.combine),
        ["+a=[1,[x]]", "+b={k: {l: 1}}", "+c=[]", "+d={}"],
        config(c.combine, a=[1, ["x"]], b={"k": {"l": 1}}, c=[], d={}),
    ),
    "keys of dicts that are not strings": (config(c.Node), ["a={1: x}"], config(c.Node, a={1: "x"})),
    "functions of the grammar": (
        config(c.combine),
        ["+a=str(1)", "+b=sort([2,1])"],
        config(c.combine, a="1", b=[1, 2]),
    ),
    "an item of a list": (config(c.Node, a=[1, 2]), ["a.1=3"], config(c.Node, a=[1, 3])),
    "an entry of a node in a list": (
        lambda: fdl.Config(c.Node, a=[fdl.Config(E, dim=1)]),
        ["a.0.dim=3"],
        lambda: fdl.Config(c.Node, a=[fdl.Config(E, dim=3)]),
    ),
    "an item of a list deleted": (config(c.Node, a=[1, 2, 3]), ["~a.1"], config(c.Node, a=[1, 3])),
    "an entry of a dict": (config(c.Node, a={"k": {"l": 1}}), ["a.k.l=2"], config(c.Node, a={"k": {"l": 2}})),
    "an entry of a dict by a number": (config(c.Node, a={3: 1}), ["a.3=2"], config(c.Node, a={3: 2})),
    "a new entry of a dict": (config(c.Node, a={"k": 1}), ["+a.l=2"], config(c.Node, a={"k": 1, "l": 2})),
    "an entry of a dict deleted": (config(c.Node, a={"k": 1, "l": 2}), ["~a.k"], config(c.Node, a={"l": 2})),
    "an item of a tuple": (config(c.Node, a=(1, (2, 3))), ["a.1.0=4"], config(c.Node, a=(1, (4, 3)))),
    "an item of a tuple deleted": (config(c.Node, a=(1, 2)), ["~a.0"], config(c.Node, a=(2,))),
    "a field of a namedtuple": (config(c.Node, a=c.Point(1, 2)), ["a.y=3", "a.0=4"], config(c.Node, a=c.Point(4, 3))),
    "a node in a tuple": (
        lambda: fdl.Config(c.Node, a=(fdl.Config(E, dim=1),)),
        ["a.0.dim=3"],
        lambda: fdl.Config(c.Node, a=(fdl.Config(E, dim=3),)),
    ),
    "a dict on the way": (config(c.Node), ["+a.b.c=1"], config(c.Node, a={"b": {"c": 1}})),
    "a dict on the way instead of a number": (config(c.Node, a=3), ["+a.b=1"], config(c.Node, a={"b": 1})),
    "a section on the way": (
        lambda: section(x=1),
        ["+data.train.dim=1"],
        lambda: section(x=1, data=section(train=section(dim=1))),
    ),
    "an entry of a section": (
        lambda: section(data=section(dim=1)),
        ["data.dim=2"],
        lambda: section(data=section(dim=2)),
    ),
    "a new section": (lambda: section(), ["+data={dim: 1}"], lambda: section(data=section(dim=1))),
    "a section merged": (
        lambda: section(data=section(dim=1, x=1)),
        ["data={dim: 2}"],
        lambda: section(data=section(dim=2, x=1)),
    ),
    "a plain dict at the root": (lambda: {"a": 1}, ["a=2", "+b.c=1"], lambda: {"a": 2, "b": section(c=1)}),
    "a new node": (
        config(c.Node),
        ["a={" + ENCODER + ", dim: 1}", "a.name=x"],
        lambda: fdl.Config(c.Node, a=fdl.Config(E, dim=1, name="x")),
    ),
    "new nodes in a list": (
        config(c.Node),
        ["a=[{" + ENCODER + ", _partial_: true}]"],
        lambda: fdl.Config(c.Node, a=[fdl.Partial(E)]),
    ),
    "a dict merged into a node": (
        lambda: fdl.Config(c.Node, a=fdl.Config(E, dim=1, name="x")),
        ["a={dim: 2}"],
        lambda: fdl.Config(c.Node, a=fdl.Config(E, dim=2, name="x")),
    ),
    "a dict merged into a dict": (
        config(c.Node, a={"k": 1, "l": {"m": 2, "n": 3}}),
        ["a={l: {m: 4}}"],
        config(c.Node, a={"k": 1, "l": {"m": 4, "n": 3}}),
    ),
    "a dict with new keys merged with +": (
        config(c.Node, a={"k": {"l": 1}}),
        ["+a={k: {m: 2}, n: 3}"],
        config(c.Node, a={"k": {"l": 1, "m": 2}, "n": 3}),
    ),
    "a list takes the place of the items of a list": (config(c.Node, a=[1, 2]), ["a=[3]"], config(c.Node, a=[3])),
    "a list takes the place of a tuple": (config(c.Node, a=(1, 2)), ["a=[3]"], config(c.Node, a=[3])),
    "a merged ??? changes nothing": (config(c.Node, a={"k": 1}), ["a={k: ???}"], config(c.Node, a={"k": 1})),
    "??? for a required argument unsets it": (config(E, dim=1), ["dim=???"], config(E)),
    "??? for an argument of a partial unsets it": (
        lambda: fdl.Partial(E, name="x"),
        ["name=???"],
        lambda: fdl.Partial(E),
    ),
    "a scalar takes the place of a node": (
        lambda: section(model=fdl.Config(E, dim=1)),
        ["model=llama"],
        lambda: section(model="llama"),
    ),
    "another target": (
        lambda: fdl.Config(c.Node, a=fdl.Config(E, dim=1)),
        ["a._target_=tests.components.Settings"],
        lambda: fdl.Config(c.Node, a=fdl.Config(c.Settings, dim=1)),
    ),
    "another target with arguments of its own": (
        lambda: fdl.Config(c.Node, a=fdl.Config(E, dim=1)),
        ["a={_target_: tests.components.Model.from_dim, dim: 3}"],
        lambda: fdl.Config(c.Node, a=fdl.Config(c.Model.from_dim, dim=3)),
    ),
    "another target without an old argument": (
        config(E, dim=1),
        ["_target_=tests.components.Node", "~dim", "a=2"],
        config(c.Node, a=2),
    ),
    "arguments before their target": (
        config(E, dim=1),
        ["~dim", "+a=2", "_target_=tests.components.Node"],
        config(c.Node, a=2),
    ),
    "a whole node with arguments that only its target takes": (
        lambda: fdl.Config(c.Node, a=fdl.Config(c.Node)),
        ["a={_target_: tests.components.combine, x: {y: 1}, _args_: [1]}"],
        lambda: fdl.Config(c.Node, a=fdl.Config(c.combine, 1, x={"y": 1})),
    ),
    "a node becomes a value that it spells": (
        lambda: fdl.Config(c.Node, a=fdl.Config(c.Node)),
        ["a={_target_: builtins.tuple, _args_: [[1, 2]]}"],
        config(c.Node, a=(1, 2)),
    ),
    "a node becomes a function": (
        lambda: fdl.Config(c.Node, a=fdl.Config(c.Node)),
        ["a={_target_: hydra.utils.get_object, path: tests.components.identity}"],
        config(c.Node, a=c.identity),
    ),
    "a node of a codec's target stays a node": (
        lambda: fdl.Config(c.Node, a=fdl.Config(pathlib.Path, "a")),
        ["a={_target_: pathlib.Path, _args_: [b]}"],
        lambda: fdl.Config(c.Node, a=fdl.Config(pathlib.Path, "b")),
    ),
    "a dict becomes a node": (
        config(c.Node, a={"dim": 1}),
        ["a={" + ENCODER + "}", "a.name=x"],
        lambda: fdl.Config(c.Node, a=fdl.Config(E, dim=1, name="x")),
    ),
    "a section becomes a node": (
        lambda: section(model=section(dim=1)),
        ["+model={" + ENCODER + "}"],
        lambda: section(model=fdl.Config(E, dim=1)),
    ),
    "sections below a section that becomes a node": (
        lambda: section(model=section(a=section(b=section(x=1)), c=[section(x=2)])),
        ["model={_target_: tests.components.Node}", "model.a.b.x=3"],
        lambda: section(model=fdl.Config(c.Node, a={"b": {"x": 3}}, c=[{"x": 2}])),
    ),
    "values by codecs": (
        config(c.combine),
        ["+a={_target_: builtins.tuple, _args_: [[1,2]]}", "+b={_target_: pathlib.PurePosixPath, _args_: [x]}"],
        config(c.combine, a=(1, 2), b=pathlib.PurePosixPath("x")),
    ),
    "a partial of a config": (config(E, dim=1), ["+_partial_=true"], lambda: fdl.Partial(E, dim=1)),
    "a config of a partial": (lambda: fdl.Partial(E, dim=1), ["_partial_=false"], config(E, dim=1)),
    "no longer a partial": (lambda: fdl.Partial(E, dim=1), ["~_partial_"], config(E, dim=1)),
    "a partial and back": (config(E, dim=1), ["_partial_=true", "_partial_=false", "~_partial_"], config(E, dim=1)),
    "a positional argument": (
        config(c.positional, 1, 2, 3, 4),
        ["_args_.0=5", "_args_.3=6"],
        config(c.positional, 5, 2, 3, 6),
    ),
    "all positional arguments": (config(c.positional, 1, 2, d=5), ["_args_=[7]"], config(c.positional, 7, d=5)),
    "positional arguments where there were none": (config(c.combine), ["_args_=[7]"], config(c.combine, 7)),
    "no positional arguments": (config(c.combine, 1, x=2), ["~_args_"], config(c.combine, x=2)),
    "the last positional argument deleted": (config(c.combine, 1, 2), ["~_args_.1"], config(c.combine, 1)),
    "a named parameter that is given by position": (
        config(c.positional, 1, 2, 3, 4),
        ["c=5"],
        config(c.positional, 1, 2, 5, 4),
    ),
    "an interpolation": (config(c.Node), ["a=${b.c}"], lambda: fdl.Config(c.Node, a=fhb.link("${b.c}"))),
    "interpolations in containers": (
        config(c.Node),
        ["a=[x,'pre ${b} post']", "b={k: ${.l}}"],
        lambda: fdl.Config(c.Node, a=["x", fhb.link("pre ${b} post")], b={"k": fhb.link("${.l}")}),
    ),
    "an interpolation in the place of a node": (
        lambda: fdl.Config(c.Node, a=fdl.Config(E)),
        ["a=${b}"],
        lambda: fdl.Config(c.Node, a=fhb.link("${b}")),
    ),
    "a value in the place of a link": (
        lambda: fdl.Config(c.Node, a=fhb.link("${b}")),
        ["a={k: 1}"],
        config(c.Node, a={"k": 1}),
    ),
    "tags of an argument stay": (
        lambda: tagged(fdl.Config(c.Node, a=1), "a", c.Rate),
        ["a=2"],
        lambda: tagged(fdl.Config(c.Node, a=2), "a", c.Rate),
    ),
    "tags of annotations come with the target": (
        config(E, dim=1),
        ["_target_=tests.components.annotated"],
        config(c.annotated, dim=1),
    ),
    "tags of annotations go with the target": (
        config(c.annotated, dim=1),
        ["_target_=tests.components.Settings"],
        config(c.Settings, dim=1),
    ),
    "tags that were given by hand stay when the target changes": (
        lambda: tagged(fdl.Config(E, dim=1), "name", c.Rate),
        ["_target_=tests.components.Settings"],
        lambda: tagged(fdl.Config(c.Settings, dim=1), "name", c.Rate),
    ),
    "an argument factory": (
        lambda: fdl.Partial(c.Node, a=fdl.ArgFactory(c.fresh)),
        ["a.start=1"],
        lambda: fdl.Partial(c.Node, a=fdl.ArgFactory(c.fresh, start=1)),
    ),
    "a target without a spelling": (
        lambda: fdl.Config(c.Node, a=fdl.Config(_local(), x=1)),
        ["a.x=2"],
        lambda: fdl.Config(c.Node, a=fdl.Config(_local(), x=2)),
    ),
    "a target without a spelling replaced": (
        lambda: fdl.Config(c.Node, a=fdl.Config(_local(), x=1)),
        ["~a.x", "a._target_=tests.components.Node"],
        lambda: fdl.Config(c.Node, a=fdl.Config(c.Node)),
    ),
    "a lazy target": (
        lambda: fdl.Config(fhb.LazyTarget("no.such.thing"), x=1),
        ["x=2", "+y=3"],
        lambda: fdl.Config(fhb.LazyTarget("no.such.thing"), x=2, y=3),
    ),
}


_LOCAL: list[Any] = []


def _local() -> Any:
    """A function that has no importable name, always the same."""
    if not _LOCAL:
        _LOCAL.append(lambda x=0: x)
    return _LOCAL[0]


def assert_same(found: Any, expected: Any) -> None:
    assert first_graph_difference(found, expected) is None


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ROWS)
def test_a_graph_becomes_what_the_overrides_say_and_the_original_stays(name: str) -> None:
    make, overrides, expected = ROWS[name]
    graph = make()
    assert_same(override(graph, overrides), expected())
    assert_same(graph, make())


# Keys and values that only Hydra 1.4 parses.
ROWS_14: dict[str, tuple[Graph, list[str], Graph]] = {
    "an item in brackets": (config(c.Node, a=[1, [2]]), ["a[1][0]=3"], config(c.Node, a=[1, [3]])),
    "an entry in brackets": (config(c.Node, a={"k": 1}), ["a[k]=3"], config(c.Node, a={"k": 3})),
    "a key with a dot": (config(c.Node, a={"k.l": 1}), [r"a.k\.l=3"], config(c.Node, a={"k.l": 3})),
    "a key with brackets": (config(c.Node, a={"k[0]": 1}), [r"a.k\[0\]=3"], config(c.Node, a={"k[0]": 3})),
    "an extended list": (config(c.Node, a=[1]), ["a=extend_list(2,{x: 3})"], config(c.Node, a=[1, 2, {"x": 3}])),
}


@only_14
@pytest.mark.filterwarnings("ignore:extend_list")
@pytest.mark.parametrize("name", ROWS_14)
def test_the_grammar_of_the_installed_hydra_is_spoken(name: str) -> None:
    make, overrides, expected = ROWS_14[name]
    assert_same(override(make(), overrides), expected())


def nested() -> Any:
    return section(
        model=fdl.Config(c.Node, a=fdl.Config(E, dim=1), b=[1, 2], c=c.Settings()),
        extra=fdl.Config(c.Model, encoder=1, x=2),
        data=section(dim=3, to=fhb.link("${data.dim}"), d={"key": 1}, t=(1, 2), p=c.Point(1)),
    )


# The name of a row, the overrides of `nested()`, the error, what it says.
REFUSALS: dict[str, tuple[list[str], type[fhb.BridgeError], list[str]]] = {
    "an unknown parameter": (
        ["model.a.nam=x"],
        fhb.ParameterError,
        ["Could not override 'model.a.nam': Encoder has no parameter 'nam' (did you mean 'name'?)\n  at model.a.nam"],
    ),
    "an unknown parameter with +": (
        ["+model.a.nam=x"],
        fhb.ParameterError,
        ["Encoder has no parameter 'nam' (did you mean 'name'?)\n  at model.a.nam"],
    ),
    "an unknown parameter in a dict": (
        ["model={a: {dimm: 3}}"],
        fhb.ParameterError,
        ["Could not override 'model': Encoder has no parameter 'dimm' (did you mean 'dim'?)\n  at model.a.dimm"],
    ),
    "a new extra keyword without +": (
        ["extra.encodr=3"],
        fhb.ParameterError,
        ["Model has no parameter 'encodr' (did you mean 'encoder'?)", "hint: write + in front to append it"],
    ),
    "a new entry of a section without +": (
        ["data.din=3"],
        fhb.ParameterError,
        ["there is no 'din' (did you mean 'dim'?)\n  at data.din", "hint: write + in front to append it"],
    ),
    "a new key of a dict without +": (
        ["data.d.keys=3"],
        fhb.ParameterError,
        ["there is no key 'keys' (did you mean 'key'?)\n  at data.d.keys"],
    ),
    "a new entry inside a merged dict without +": (["data={x: 1}"], fhb.ParameterError, ["there is no 'x'"]),
    "a group that is not there": (["optim=adam"], fhb.ParameterError, ["Could not override 'optim'"]),
    "a step that is not there": (["modl.a.dim=1"], fhb.ParameterError, ["did you mean 'model'?)\n  at modl"]),
    "a step that is not set": (["extra.decoder.dim=1"], fhb.ParameterError, ["'extra.decoder' is not set"]),
    "a step into a number": (["data.dim.x=1"], fhb.ParameterError, ["'data.dim' is 3", "hint: write + in front"]),
    "a step into an object": (["model.c.dim=1"], fhb.ParameterError, ["'model.c' is a Settings", "as a whole"]),
    "a step into an object with +": (["+model.c.dim=1"], fhb.ParameterError, ["'model.c' is a Settings"]),
    "a step into a link": (
        ["data.to.x=1"],
        fhb.ParameterError,
        ["'data.to' is the interpolation '${data.dim}'\n  at data.to", "override what it reaches"],
    ),
    "an item that is set with +": (
        ["+data.dim=4"],
        fhb.ParameterError,
        ["Could not append 'data.dim': an item is already there", "write data.dim=4 or ++data.dim=4"],
    ),
    "an item behind the end of a list": (
        ["model.b.2=4"],
        fhb.ParameterError,
        ["there is no item 2 in a list of 2\n  at model.b"],
    ),
    "an item behind the end of a list with +": (["+model.b.2=4"], fhb.ParameterError, ["no item 2 in a list of 2"]),
    "an item behind the end of a tuple": (["data.t.2=4"], fhb.ParameterError, ["there is no item 2 in a tuple of 2"]),
    "a name for an item of a list": (["model.b.x=4"], fhb.ParameterError, ["there is no item x in a list of 2"]),
    "a dict onto a list": (["model.b={x: 1}"], fhb.ParameterError, ["a dict cannot be merged into a list", "~model.b"]),
    "a list onto a dict": (["data.d=[1]"], fhb.ParameterError, ["a list cannot be merged into a dict"]),
    "a list onto a node": (["model=[1]"], fhb.ParameterError, ["a list cannot be merged into a call node"]),
    "a list onto a section": (["data=[1]"], fhb.ParameterError, ["a list cannot be merged into a section"]),
    "a number for the name of an argument": (["model={1: x}"], fhb.ParameterError, ["must be a string, got 1"]),
    "a number for the name of an extra keyword": (["+extra={1: x}"], fhb.ParameterError, ["must be a string, got 1"]),
    "a number for the name of an argument of a new node": (
        ["+extra.new={_target_: tests.components.combine, 1: x}"],
        fhb.ParameterError,
        ["must be a string, got 1"],
    ),
    "nothing to delete": (["~model.x"], fhb.ParameterError, ["Could not delete 'model.x': Node has no parameter 'x'"]),
    "nothing set to delete": (
        ["~model.a.name"],
        fhb.ParameterError,
        ["Could not delete 'model.a.name': it is not set"],
    ),
    "another value to delete": (["~data.dim=4"], fhb.ParameterError, ["its value is 3 and not 4"]),
    "another node to delete": (["~model.a={dim: 1}"], fhb.ParameterError, ["its value is <Config[Encoder(dim=1)]>"]),
    "null is a value to delete": (["~data.dim=null"], fhb.ParameterError, ["its value is 3 and not None"]),
    "a field of a namedtuple to delete": (["~data.p.x"], fhb.ParameterError, ["a field of a namedtuple"]),
    "a target to delete": (["~model._target_"], fhb.UnsupportedValueError, ["_target_ of a node"]),
    "an old argument of another target": (
        ["model.a._target_=tests.components.Node"],
        fhb.ParameterError,
        ["Node has no parameter 'dim'\n  at model.a.dim", "arguments stay when _target_ changes"],
    ),
    "an old argument of another whole node": (
        ["model.a={_target_: tests.components.Node, a: 1}"],
        fhb.ParameterError,
        ["Node has no parameter 'dim'\n  at model.a.dim"],
    ),
    "too many positional arguments": (
        ["model.a._args_=[1,2,3]", "~model.a.dim"],
        fhb.ParameterError,
        ["Encoder takes 2 positional arguments, got 3\n  at model.a._args_"],
    ),
    "an argument by name and by position": (
        ["model.a._args_=[1]"],
        fhb.ParameterError,
        ["Encoder got two values for parameter 'dim'\n  at model.a.dim"],
    ),
    "an unknown parameter of a new node": (
        ["model.a.name={" + ENCODER + ", x: 1}"],
        fhb.ParameterError,
        ["Encoder has no parameter 'x'\n  at model.a.name.x"],
    ),
    "a control that a graph does not have": (
        ["model._recursive_=false"],
        fhb.ParameterError,
        ["_recursive_ of a node of the graph cannot be changed by itself", "give it as a whole"],
    ),
    "a partial that is no truth value": (["model._partial_=x"], fhb.UnsupportedValueError, ["at model._partial_"]),
    "an unknown conversion mode": (["model._convert_=x"], fhb.UnsupportedValueError, ["at model._convert_"]),
    "a run-time helper for an old target": (
        ["model._target_=fiddle_hydra_bridge.share"],
        fhb.UnsupportedValueError,
        ["at model._target_"],
    ),
    "a target for a dict": (
        ["+data.d._target_=x"],
        fhb.ParameterError,
        ["a dict is no call node\n  at data.d._target_"],
    ),
    "a ref": (
        [
            "model.b={_target_: fiddle_hydra_bridge.ref, _ref_: a}",
            "model.a={_target_: fiddle_hydra_bridge.ref, _ref_: b}",
        ],
        fhb.BridgeError,
        ["model.b"],
    ),
    "a sweep": (["data.dim=1,2"], fhb.ParameterError, ["is a sweep", "--multirun", "key=[a,b]"]),
    "a choice": (["data.dim=choice(1,2)"], fhb.ParameterError, ["--multirun"]),
    "a range": (["data.dim=range(3)"], fhb.ParameterError, ["--multirun"]),
    "an interval": (["data.dim=interval(0,1)"], fhb.ParameterError, ["--multirun"]),
    "a glob": (["data.dim=glob(*)"], fhb.ParameterError, ["--multirun"]),
    "a package": (["model@other=x"], fhb.ParameterError, ["config group, and a graph has none"]),
    "no override": (["data.dim"], fhb.SyntaxProblemError, ["data.dim"]),
    "broken text": (["data.dim=[1"], fhb.SyntaxProblemError, ["data.dim=[1"]),
    "a key that OmegaConf refuses": (["model.a.name={null: 1}"], fhb.BridgeError, ["model.a.name"]),
    "a target that Hydra refuses": (
        ["model.a._target_=os.system", "~model.a.dim"],
        fhb.RefusedTargetError,
        ["'os.system' is refused", "at model.a._target_"],
    ),
    "a new node of a refused target": (
        ["model.a.name={_target_: os.system, command: x}"],
        fhb.RefusedTargetError,
        ["'os.system' is refused", "at model.a.name._target_"],
    ),
    "a value of a refused target": (
        ["model.a.name={_target_: hydra.utils.get_object, path: os.system}"],
        fhb.RefusedTargetError,
        ["os.system", "at model.a.name.path"],
    ),
    "a target that is not there": (
        ["model.a._target_=no.such"],
        fhb.TargetError,
        ["no module 'no'", "at model.a._target_"],
    ),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", REFUSALS)
def test_an_override_that_does_not_fit_is_refused(name: str) -> None:
    overrides, error_class, fragments = REFUSALS[name]
    graph = nested()
    with pytest.raises(error_class) as raised:
        override(graph, overrides)
    for fragment in fragments:
        assert fragment in str(raised.value)
    assert_same(graph, nested())


def test_problems_are_reported_together() -> None:
    with pytest.raises(fhb.BridgeError) as raised:
        override(nested(), ["model.x=1", "data.dim=5", "data.dim=1,2", "data={y: 1, z: 2}"])
    assert [problem.path for problem in raised.value.problems] == ["model.x", None, "data.y", "data.z"]


def test_arguments_that_do_not_fit_are_reported_together() -> None:
    with pytest.raises(fhb.ParameterError) as raised:
        override(nested(), ["+model.x=1", "+model.a.y=2"])
    assert {problem.path for problem in raised.value.problems} == {"model.x", "model.a.y"}


def test_tags_of_a_parameter_that_the_new_target_lacks_are_not_dropped() -> None:
    graph = tagged(fdl.Config(c.annotated, dim=1), "rate", c.Rate)
    with pytest.raises(fhb.ParameterError, match="Settings has no parameter 'rate', which has tags"):
        override(graph, ["_target_=tests.components.Settings"])


@pytest.mark.parametrize("overrides", ["dim=1", [3]], ids=["one string", "a number"])
def test_overrides_are_a_list_of_strings(overrides: Any) -> None:
    with pytest.raises(fhb.ParameterError, match="a list of strings"):
        override(fdl.Config(E), overrides)


@pytest.mark.parametrize("graph", [3, None, "text"])
def test_what_has_no_parts_has_nothing_to_override(graph: Any) -> None:
    with pytest.raises(fhb.ParameterError, match="nothing to override"):
        override(graph, ["a=1"])


def test_positional_only_parameters_are_named_by_position() -> None:
    with pytest.raises(fhb.ParameterError, match=r"takes 'b' by position only(.|\n)*_args_\.1"):
        override(fdl.Config(c.positional, 1, 2), ["b=3"])


# Sharing.


def shared(make: Callable[[Any], Any], value: Any) -> Any:
    return fdl.Config(c.Node, a=make(value), b=make(value), c=value)


SHARED: dict[str, tuple[Any, str, Any]] = {
    "an argument": (fdl.Config(E, dim=1), "dim=2", fdl.Config(E, dim=2)),
    "a merged dict": (fdl.Config(E, dim=1), "={dim: 2}", fdl.Config(E, dim=2)),
    "another target": (fdl.Config(E, dim=1), "_target_=tests.components.Settings", fdl.Config(c.Settings, dim=1)),
    "another class": (fdl.Config(E, dim=1), "_partial_=true", fdl.Partial(E, dim=1)),
    "another conversion mode": (
        fdl.Config(E, dim=1),
        "_convert_=none",
        fhb.from_hydra({"_target_": "tests.components.Encoder", "dim": 1}, convert="none"),
    ),
    "the spelling of a value": (fdl.Config(c.Node), "={_target_: builtins.set, _args_: [[1]]}", {1}),
    "an item of a list": ([1, 2], "0=3", [3, 2]),
    "a list": ([1, 2], "=[3]", [3]),
    "an entry of a dict": ({"dim": 1}, "dim=3", {"dim": 3}),
    "a dict that becomes a node": ({"dim": 1}, "={" + ENCODER + "}", fdl.Config(E, dim=1)),
}


@pytest.mark.parametrize("through", ["a", "b", "c", "a.0", "b.0"])
@pytest.mark.parametrize("name", SHARED)
def test_an_override_through_any_occurrence_reaches_the_shared_value(name: str, through: str) -> None:
    value, rest, expected = SHARED[name]
    wrap = (lambda each: [each, each]) if through.endswith("0") else (lambda each: each)
    key = through + (rest if rest.startswith("=") else f".{rest}")
    assert_same(override(shared(wrap, value), [key]), shared(wrap, expected))


def test_a_replaced_occurrence_leaves_the_others_alone() -> None:
    found = override(shared(lambda each: each, fdl.Config(E, dim=1)), ["a=3"])
    assert found.a == 3
    assert found.b is found.c
    assert found.b.dim == 1


# What is kept.


class OwnConfig(fdl.Config[Any]):
    """A subclass, such as NeMo-Run's."""


class OwnPartial(fdl.Partial[Any]):
    """Another."""


def test_subclasses_are_kept() -> None:
    graph = OwnConfig(c.Node, a=OwnPartial(E, dim=1), b=[OwnConfig(E, dim=2)])
    found = override(graph, ["a.dim=3", "b.0._target_=tests.components.Settings"])
    assert (type(found), type(found.a), type(found.b[0])) == (OwnConfig, OwnPartial, OwnConfig)
    assert found.b[0].__fn_or_cls__ is c.Settings


def test_a_subclass_has_no_known_partial() -> None:
    with pytest.raises(fhb.UnsupportedValueError, match=r"cast the node in Python"):
        override(OwnConfig(E, dim=1), ["_partial_=true"])


MODES = {"_target_": "tests.components.Node", "a": {"_target_": "tests.components.Encoder", "dim": 1}, "b": {"k": 1}}


def test_conversion_modes_are_kept_and_inherited_by_new_nodes() -> None:
    graph = fhb.from_hydra(MODES, convert="none")
    found = override(graph, ["a.dim=2", "c={" + ENCODER + ", dim: 3}"])
    assert [mode_of(node) for node in (found, found.a, found.c)] == ["none", "none", "none"]


def test_a_changed_conversion_mode_is_inherited_where_nothing_else_was_said() -> None:
    inner = {**MODES, "b": {"_target_": "tests.components.Node", "_convert_": "partial", "a": MODES}}
    found = override(fhb.from_hydra(inner, convert="none"), ["_convert_=all"])
    assert [mode_of(node) for node in (found, found.a, found.b, found.b.a)] == ["all", "all", "partial", "partial"]
    expected = fhb.from_hydra({**inner, "_convert_": "all"}, convert="none")
    assert_same(found, expected)


def test_history_is_kept_and_says_who_overrode() -> None:
    graph = fdl.Config(c.Node, a=fdl.Config(E, dim=1), b=2)
    before = copy.deepcopy(graph.a.__argument_history__["dim"])
    found = override(graph, ["a.dim=2", "~b"])
    entries = found.a.__argument_history__["dim"]
    assert entries[:-1] == before
    assert (entries[-1].new_value, entries[-1].location.filename) == (2, __file__)
    assert found.__argument_history__["b"][-1].new_value is history.DELETED
    assert found.__argument_history__["b"][-1].sequence_id > found.__argument_history__["b"][0].sequence_id
    assert len(graph.a.__argument_history__["dim"]) == len(before)


def test_history_is_not_written_while_tracking_is_suspended() -> None:
    graph = fdl.Config(E, dim=1)
    with history.suspend_tracking():
        found = override(graph, ["dim=2"])
    assert len(found.__argument_history__["dim"]) == 1


def test_only_allowed_targets_are_named_by_overrides() -> None:
    graph = fdl.Config(c.Node)
    assert override(graph, ["a={" + ENCODER + "}"], allow="tests.components.Encoder").a.__fn_or_cls__ is E
    for text in [
        "a={_target_: tests.components.Node}",
        "a=[{_target_: tests.components.Node}]",
        "_target_=tests.value_types.X",
    ]:
        with pytest.raises(fhb.RefusedTargetError):
            override(graph, [text], allow="tests.components.Encoder")


def test_links_that_overrides_make_are_resolved_when_the_graph_is_built() -> None:
    graph = section(data=section(dim=3), model=fdl.Config(E, dim=1))
    assert fhb.build(override(graph, ["model.dim=${data.dim}", "data.dim=7"]))["model"].dim == 7


# The same overrides on the config, composed by Hydra itself.


@pytest.fixture(scope="module")
def composed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Any, list[str]], Any]]:
    folder = tmp_path_factory.mktemp("conf")

    def apply(graph: Any, overrides: list[str]) -> Any:
        (folder / "config.yaml").write_text(fhb.to_yaml(graph), encoding="utf-8")
        return compose("config", overrides=overrides)

    with initialize_config_dir(str(folder), version_base=None):
        yield apply


class Unshared:
    """Draws graphs without sharing, whose every mapping and list is Hydra's own."""

    def __init__(self, draw: Callable[[Any], Any]) -> None:
        self.draw = draw

    def value(self, depth: int, inside: bool) -> Any:
        kinds = ["scalar", "scalar", "list"] + ["node", "node", "partial", "mapping"] * (depth > 0)
        kind = self.draw(st.sampled_from(kinds))
        if kind == "scalar":
            return self.draw(SCALARS)
        if kind == "list":
            return [self.value(depth - 1, inside) for _ in range(self.draw(st.integers(0, 2)))]
        if kind == "mapping":
            entries = {name: self.value(depth - 1, inside) for name in self.names(["k", "dim", "a"])}
            return entries if inside else section(**entries)
        return self.node(depth, fdl.Partial if kind == "partial" else fdl.Config)

    def names(self, names: list[str]) -> list[str]:
        return [name for name in names if self.draw(st.booleans())]

    def node(self, depth: int, cls: Any) -> Any:
        target, names = self.draw(
            st.sampled_from(
                [
                    (c.Node, ["a", "b", "c"]),
                    (E, ["dim", "name"]),
                    (c.Model, ["encoder", "k"]),
                    (c.combine, ["a", "dim"]),
                ]
            )
        )
        args = [self.value(depth - 1, True)] if target is c.combine and self.draw(st.booleans()) else []
        arguments = {name: self.value(depth - 1, True) for name in self.names(names)}
        if target is E:
            # What is required and not set would be `???` in the config, and stay there under another target.
            arguments.setdefault("dim", 0)
        return cls(target, *args, **arguments)

    def override(self, config: Any) -> str:
        """Draws an override that has a chance: a path that is there, or one step more."""
        steps: list[str] = []
        here = config
        while isinstance(here, dict | list) and len(here) and self.draw(st.integers(0, 3)):
            step = self.draw(st.sampled_from(list(here) if isinstance(here, dict) else list(range(len(here)))))
            steps.append(str(step))
            here = here[step]
        if not steps or (steps[-1] not in CONTROLS and self.draw(st.integers(0, 2)) == 0):
            steps.append(self.draw(st.sampled_from(["a", "b", "k", "dim", "name", "0", "new", "_partial_", "encoder"])))
        prefix = self.draw(st.sampled_from(["", "", "", "+", "++", "~"]))
        if steps[-1] in ("_target_", "_convert_") and prefix == "~":
            # Hydra makes a mapping of the node, or one that inherits its mode; in a graph that is refused.
            steps[-1] = "new"
        value = "" if prefix == "~" else "=" + self.draw(CONTROLS.get(steps[-1], VALUES))
        return prefix + ".".join(steps) + value


SCALARS = st.sampled_from([1, 0, -2.5, True, None, "text", "1e-3", "null", "a b"])
VALUES = st.sampled_from(
    [
        *("1", "2.5", "true", "text", "'1'", "null", "[]", "[1,{k: 2}]", "{k: 1}", "{a: {k: 3}}", "{dim: [1]}"),
        *("{" + ENCODER + ", dim: 3}", "{_target_: tests.components.Node, a: [1]}", "[{" + ENCODER + ", dim: 1}]"),
        *("{_target_: tests.components.combine, x: 1, _args_: [1]}", "{_partial_: true}", "{k: ???}"),
        *("${a.b}", "'x ${k}'", "{dim: ${.k}}", "tests.components.Node"),
    ]
)
#: What a graph refuses at once, where Hydra would only refuse to instantiate it, is not drawn.
CONTROLS = {
    "_target_": st.sampled_from([f"tests.components.{name}" for name in ("Node", "Encoder", "Settings", "combine")]),
    "_partial_": st.sampled_from(["true", "false"]),
    "_convert_": st.sampled_from(["none", "partial", "all"]),
    "_args_": st.sampled_from(["[1]", "[]", "[{k: 2},x]"]),
}


@st.composite
def cases(draw: Any) -> tuple[Any, list[str]]:
    drawn = Unshared(draw)
    graph = section(**{name: drawn.value(3, False) for name in ["a", "k", "dim"]})
    config = OmegaConf.to_container(fhb.to_hydra(graph))
    return graph, [drawn.override(config) for _ in range(draw(st.integers(1, 3)))]


def attempt(make: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    try:
        return make(*args, **kwargs)
    except (fhb.BridgeError, HydraException, TypeError, ValueError) as error:
        return error


@pytest.mark.filterwarnings("ignore")
@given(case=cases())
def test_overriding_a_graph_and_composing_its_config_agree(composed: Any, case: tuple[Any, list[str]]) -> None:
    graph, overrides = case
    config = attempt(composed, graph, overrides)
    if isinstance(config, Exception):
        return
    # Hydra takes control keys away from a mapping at the root; an override leaves an entry that cannot be written.
    assume("_target_" in config or not {"_partial_", "_convert_", "_recursive_"} & set(config))
    expected = attempt(fhb.from_hydra, config, links="keep")
    found = attempt(override, graph, overrides)
    if isinstance(expected, Exception):
        assert isinstance(found, fhb.BridgeError)
    elif "is the interpolation" in str(found):
        # Hydra changes what a link reaches, or replaces the link, depending on the line: here neither is done.
        assert isinstance(found, fhb.ParameterError)
    else:
        assert not isinstance(found, Exception), found
        assert_same(found, expected)
