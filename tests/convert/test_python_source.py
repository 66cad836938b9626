"""Graphs as Python source: law 6, how the source looks, and what is refused."""

from __future__ import annotations

import ast
import collections
import contextlib
import datetime
import decimal
import fractions
import functools
import math
import pathlib
import re
import subprocess
import sys
import types
import uuid
from collections.abc import Callable
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import fiddle as fdl
import numpy as np
import pytest
from fiddle.tagging import TaggedValue
from hypothesis import given, settings
from hypothesis import strategies as st

import fiddle_hydra_bridge as fhb
from fiddle_hydra_bridge.convert.buildables import mode_class
from fiddle_hydra_bridge.convert.compare import first_graph_difference
from fiddle_hydra_bridge.convert.printing import for_python
from fiddle_hydra_bridge.convert.python_layout import Comment, Group, walk
from fiddle_hydra_bridge.convert.python_module import Module
from fiddle_hydra_bridge.convert.python_source import Printer
from fiddle_hydra_bridge.convert.python_styles import STYLES, Making
from fiddle_hydra_bridge.convert.tree import Call
from tests import components as c
from tests.python_tools import graph_of, imported, ruff_complaints
from tests.strategies import graphs, sections

ROOT = Path(__file__).resolve().parents[2]
#: The styles whose modules can be imported here; `tests/nemo` has the third.
HERE = ["fiddle", "auto_config"]
EVERY = [*HERE, "nemo_run"]


def returned(text: str) -> str:
    """What the function of a module returns, as written."""
    return text.partition("    return ")[2].rstrip()


# ---------------------------------------------------------------------------------------------------------- law 6


@pytest.mark.parametrize("style", HERE)
@given(graph=st.one_of(graphs(), sections()))
def test_law_6_the_printed_function_returns_the_graph(graph: Any, style: str) -> None:
    assert first_graph_difference(graph_of(fhb.to_python(graph, style=style)), graph) is None


@pytest.mark.parametrize("style", EVERY)
@given(graph=st.one_of(graphs(), sections()))
def test_ruff_has_nothing_against_the_text(graph: Any, style: str) -> None:
    assert ruff_complaints(fhb.to_python(graph, style=style)) == ""


#: Words of all lengths, so that every way of breaking a line comes up.
words = st.text("ab'\"\\\n\u6f22", max_size=8) | st.integers(1, 70).map("x".__mul__)
named = st.sampled_from([None, c.Colour.RED, c.Encoder, pathlib.Path("x"), decimal.Decimal("1.5")])
leaves = st.one_of(words, st.integers(-(10**40), 10**40), st.floats(), named)
keys = st.one_of(words, st.integers(0, 10**30), st.tuples(words, words), st.frozensets(words, max_size=2))
layouts = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(keys, inner, max_size=3),
        st.sets(words, max_size=3),
        st.builds(c.Point, inner, inner),
        st.dictionaries(st.sampled_from(["a", "b", "c"]), inner).map(lambda kwargs: fdl.Config(c.Node, **kwargs)),
        st.dictionaries(words, inner, max_size=3).map(lambda kwargs: fdl.Partial(c.combine, **kwargs)),
    ),
    max_leaves=12,
)


@pytest.mark.parametrize("style", HERE)
@settings(max_examples=10)
@given(values=st.lists(layouts, min_size=20, max_size=40))
def test_ruff_breaks_lines_at_the_same_places(values: list[Any], style: str) -> None:
    assert ruff_complaints(fhb.to_python(values, style=style)) == ""


#: Where a line breaks when the names alone are too long for it.
LONG_NAMES: dict[str, Callable[[], Any]] = {
    "a keyword": lambda: fdl.Config(c.combine, **{"x" * 75: fdl.Config(c.Node, a=1, b=2)}),
    "a keyword before an exempted call": lambda: fdl.Config(c.combine, **{"x" * 70: pathlib.Path("x" * 20)}),
    "a key that is a tuple": lambda: {("x" * 30, "y" * 30): [], ("x" * 33, "y" * 33): fdl.Config(c.Node), 1: 2},
    "a key that is a set": lambda: {frozenset({"x" * 30, 1}): math.nan, frozenset({"y" * 30}): "x" * 50},
    "the name of a part": lambda: fdl.Config(c.combine, **{"x" * 90: wide_tree(30, 1), "y" * 90: wide_tree(30, 1)}),
}


@pytest.mark.parametrize("make", LONG_NAMES.values(), ids=LONG_NAMES)
@pytest.mark.parametrize("style", EVERY)
@pytest.mark.parametrize("name", ["config", "x" * 70, "x" * 85])
def test_ruff_has_nothing_against_long_names(make: Callable[[], Any], style: str, name: str) -> None:
    assert ruff_complaints(fhb.to_python(make(), style=style, name=name)) == ""


class Flag(c.enum.Flag):
    READ = 1
    WRITE = 2


class Outer:
    class Inner:
        pass


VALUES: list[tuple[Any, str]] = [
    (None, "None"),
    (True, "True"),
    (10**30, "1" + "0" * 30),
    (-(16**5000), f"-0x1{'0' * 5000}"),
    (1e16, "1e16"),
    (1e-5, "1e-05"),
    (-0.0, "-0.0"),
    (math.nan, 'float("nan")'),
    (math.inf, "math.inf"),
    (-math.inf, "-math.inf"),
    ("text", '"text"'),
    ('say "hi"', "'say \"hi\"'"),
    ("it's", '"it\'s"'),
    ("'\"", '"\'\\""'),
    ("two\nlines\t\\ \r\0", '"two\\nlines\\t\\\\ \\r\\x00"'),
    ("${a.b}", '"${a.b}"'),
    ("???", '"???"'),
    ("é\u6f22\U0001f600", '"é\u6f22\U0001f600"'),
    ("\ud800\u202e\u200b", '"\\ud800\\u202e\\u200b"'),
    (b"a'\"\xff", 'b"a\'\\"\\xff"'),
    (bytearray(b"${x}"), 'bytearray(b"${x}")'),
    (bytearray(), "bytearray()"),
    ((), "()"),
    ((1,), "(1,)"),
    ((1, (2, [3])), "(1, (2, [3]))"),
    ({2, 1, 3}, "{1, 2, 3}"),
    ({"b", 1, "a", (2,)}, '{1, "a", "b", (2,)}'),
    (set(), "set()"),
    (frozenset(), "frozenset()"),
    (frozenset({1}), "frozenset({1})"),
    ({1: "a", "b": {(1, 2): None}}, '{1: "a", "b": {(1, 2): None}}'),
    ({"_target_": 1, "a-b": 2}, '{"_target_": 1, "a-b": 2}'),
    (complex(1, -0.0), "complex(1.0, -0.0)"),
    (range(3), "range(3)"),
    (range(1, 3), "range(1, 3)"),
    (range(0, 9, 2), "range(0, 9, 2)"),
    (slice(1, None), "slice(1, None, None)"),
    (collections.OrderedDict(b=1, a=2), 'collections.OrderedDict({"b": 1, "a": 2})'),
    (collections.OrderedDict(), "collections.OrderedDict()"),
    (collections.Counter("aab"), 'collections.Counter({"a": 2, "b": 1})'),
    (collections.deque([1], 3), "collections.deque([1], 3)"),
    (collections.defaultdict(list, a=[1]), 'collections.defaultdict(list, {"a": [1]})'),
    (collections.defaultdict(None), "collections.defaultdict(None)"),
    (functools.partial(c.combine, 1, a=(2,)), "functools.partial(combine, 1, a=(2,))"),
    (decimal.Decimal("1.20"), 'Decimal("1.20")'),
    (decimal.Decimal("-12"), "Decimal(-12)"),
    (decimal.Decimal("-0"), 'Decimal("-0")'),
    (fractions.Fraction(1, 3), "Fraction(1, 3)"),
    (uuid.UUID(int=3), 'UUID("00000000-0000-0000-0000-000000000003")'),
    (datetime.date(2020, 1, 2), 'datetime.date.fromisoformat("2020-01-02")'),
    (datetime.timedelta(1, 2), "datetime.timedelta(1, 2, 0)"),
    (pathlib.Path("a b/c"), 'Path("a b/c")'),
    (pathlib.PureWindowsPath("c:/x"), 'PureWindowsPath("c:\\\\x")'),
    (re.compile("a.b"), 're.compile("a.b", 32)'),
    (np.float32(0.5), "np.float32(0.5)"),
    (np.dtype("int8"), 'np.dtype("int8")'),
    (np.float32, "np.float32"),
    (len, "len"),
    (int, "int"),
    (math.sqrt, "math.sqrt"),
    (str.join, "str.join"),
    (c.Colour.RED, "Colour.RED"),
    (Flag.READ | Flag.WRITE, "Flag(3)"),
    (c.Model.from_dim, "Model.from_dim"),
    (Outer.Inner, "Outer.Inner"),
    (c.Point(1, [2]), "Point(x=1, y=[2])"),
    (c.Settings(3), 'Settings(dim=3, name="settings")'),
]


@pytest.mark.parametrize(("value", "text"), VALUES, ids=[text[:40] for _, text in VALUES])
def test_a_value_is_written_as_python(value: Any, text: str) -> None:
    graph = fdl.Config(c.Node, a=value)
    # Long ones stand on lines of their own, with a comma behind them.
    written, expected = returned(fhb.to_python(graph)), f"fdl.Config(Node, a={text})"
    assert "".join(written.split()).replace(",)", ")") == "".join(expected.split()).replace(",)", ")")
    for style in HERE:
        assert first_graph_difference(graph_of(fhb.to_python(graph, style=style)), graph) is None


@pytest.mark.parametrize("style", EVERY)
def test_ruff_has_nothing_against_values(style: str) -> None:
    values = [value for value, _ in VALUES]
    for graph in (fdl.Config(c.combine, *values), values, {"a": {"b": values}}):
        assert ruff_complaints(fhb.to_python(graph, style=style)) == ""


def test_two_keys_that_are_not_a_number_stay_two() -> None:
    graph = fdl.Config(c.Node, {math.nan: 1, float("nan"): 2}, {math.nan, float("nan")})
    assert first_graph_difference(graph_of(fhb.to_python(graph)), graph) is None


def test_a_codec_of_the_users_own_is_its_call() -> None:
    codec = fhb.Codec(IPv4Address, "ipaddress.IPv4Address", lambda address: ((str(address),), {}))
    source = fhb.to_python(fdl.Config(c.Node, IPv4Address("10.0.0.1")), codecs=[codec])
    assert returned(source) == 'fdl.Config(Node, a=IPv4Address("10.0.0.1"))'
    assert graph_of(source).a == IPv4Address("10.0.0.1")


# ---------------------------------------------------------------------------------------------------------- nodes


def tagged(node: Any, **tags: Any) -> Any:
    for name, tag in tags.items():
        fdl.set_tags(node, name, tag)
    return node


def positional_tags() -> Any:
    node = fdl.Config(c.positional, 1, 2, 3, 4)
    fdl.add_tag(node, 0, c.Width)
    fdl.add_tag(node, 3, c.Rate)
    return node


NODES: dict[str, Callable[[], Any]] = {
    "nothing set": lambda: fdl.Config(c.Node),
    "a default that is set": lambda: fdl.Config(c.annotated, dim=8),
    "positional arguments": lambda: fdl.Config(c.positional, 1, 2, 3, 4, d=5),
    "tags": lambda: tagged(fdl.Config(c.Encoder, 3), dim={c.Width, c.Rate}),
    "fewer tags": lambda: tagged(fdl.Config(c.annotated), dim=set()),
    "tags of positional arguments": positional_tags,
    "a tagged value in a list": lambda: fdl.Config(c.Node, [c.Width.new(1), c.Rate.new(), TaggedValue({c.Width}, 2)]),
    "a value with two tags in a list": lambda: fdl.Config(c.Node, [TaggedValue({c.Width, c.Rate}, [])]),
    "argument factories": lambda: fdl.Partial(c.Node, a=fdl.ArgFactory(c.fresh), b=[fdl.ArgFactory(c.fresh, 1)]),
    "odd names": lambda: fdl.Config(
        c.combine, **{"a-b": 1, "x": 2, "class": 3, "": 4, "\n": 5, "__debug__": 6, "\ufb01": 7, "self": 8, "a": 9}
    ),
    "a section": lambda: fdl.Config(fhb.section, a=1, **{"b.c": fdl.Config(fhb.section, args=[1])}),
    "a class method": lambda: fdl.Config(c.Model.from_dim, 3),
    "a builtin": lambda: fdl.Config(dict, a=1),
    "what auto_config calls": lambda: fdl.Config(c.Node, fdl.Config(c.Model.from_dim, 2), fdl.Config(complex, 1)),
    "a link": lambda: fdl.Config(fhb.section, a=1, b=fhb.link("${a}")),
    "links that do not resolve": lambda: fhb.from_yaml("a: ${b.c}\nd: ???\ne: ${nothing:'x'}\n"),
    "a link as a target": lambda: fhb.from_yaml("t: x\na: {_target_: '${t}', b: 1}\n", links="keep"),
    "a missing argument": lambda: fhb.from_yaml("_target_: tests.components.Node\na: ???\n"),
    "a required one": lambda: fhb.from_yaml("_target_: tests.components.Encoder\ndim: ???\n"),
    "conversion modes": lambda: fhb.from_yaml(
        "_target_: tests.components.Node\n_convert_: none\na: {_target_: tests.components.fresh, _partial_: true}\n"
        "b: {_target_: tests.components.Node, _convert_: object, a: [1]}\n"
    ),
    "a partial of that mode": lambda: mode_class(fdl.Partial, "all")(c.combine, 1),
    "no signature": lambda: fhb.from_yaml("_target_: builtins.max\n_args_: [1, 2]\n"),
    "no signature, another mode": lambda: fhb.from_yaml("_target_: builtins.max\n_convert_: none\n_args_: [1, 2]\n"),
    "a lazy target": lambda: fhb.from_yaml("_target_: not.here.Model\n_args_: [1]\na: 2\n", missing="lazy"),
    "a lazy partial": lambda: fhb.from_yaml("{_target_: not.here.f, _partial_: true, self: 1}", missing="lazy"),
    "a value that is lazy": lambda: fhb.from_yaml("a: {_target_: hydra.utils.get_class, path: no.C}", missing="lazy"),
    "a list": lambda: [fdl.Config(c.Node), [1]],
    "a dict": lambda: {"a": fdl.Config(c.Node), "b": {"c": 1}},
    "nothing to build": lambda: {"a": [1, (2,)]},
    "empty": lambda: [],
}


@pytest.mark.parametrize("make", NODES.values(), ids=NODES)
@pytest.mark.parametrize("style", HERE)
def test_every_kind_of_node_comes_back(make: Callable[[], Any], style: str) -> None:
    graph = make()
    assert first_graph_difference(graph_of(fhb.to_python(graph, style=style)), graph) is None


@pytest.mark.parametrize("make", NODES.values(), ids=NODES)
@pytest.mark.parametrize("style", EVERY)
def test_ruff_has_nothing_against_nodes(make: Callable[[], Any], style: str) -> None:
    assert ruff_complaints(fhb.to_python(make(), style=style)) == ""


def test_the_styles_side_by_side() -> None:
    graph = fdl.Config(c.Model, encoder=fdl.Config(c.Encoder, 3), decoder=fdl.Partial(c.Encoder, name="x"))
    written = {style: returned(fhb.to_python(graph, style=style)) for style in EVERY}
    assert written == {
        "fiddle": "fdl.Config(\n        Model,\n        encoder=fdl.Config(Encoder, dim=3),\n"
        '        decoder=fdl.Partial(Encoder, name="x"),\n    )',
        "auto_config": 'Model(encoder=Encoder(dim=3), decoder=functools.partial(Encoder, name="x"))',
        "nemo_run": "run.Config(\n        Model,\n        encoder=run.Config(Encoder, dim=3),\n"
        '        decoder=run.Partial(Encoder, name="x"),\n    )',
    }


def test_what_auto_config_cannot_rewrite_is_made_as_usual() -> None:
    graph = fdl.Config(c.Node, fdl.Config(dict, a=pathlib.Path("x")), fdl.Config(c.Model.from_dim, dim=1))
    assert returned(fhb.to_python(graph, style="auto_config")) == (
        'Node(a=fdl.Config(dict, a=exempt(Path)("x")), b=Model.from_dim(dim=1))'
    )


def test_a_plain_call_of_an_auto_config_function_builds() -> None:
    graph = fdl.Config(c.Model, encoder=fdl.Config(c.Encoder, 3), decoder=pathlib.Path("x"), layers=(c.Colour.RED,))
    with imported(fhb.to_python(graph, style="auto_config")) as module:
        assert fhb.equivalent(module.config(), fdl.build(graph))


# ---------------------------------------------------------------------------------------------- sharing and length


def test_what_is_shared_becomes_a_variable() -> None:
    shared, betas = fdl.Config(c.Encoder, 3), [0.9, 0.99]
    graph = fdl.Config(c.Model, encoder=shared, decoder=shared, layers=betas, more=fdl.Config(c.Node, a=betas))
    assert fhb.to_python(graph).partition("-> fdl.Config:\n")[2] == (
        "    encoder = fdl.Config(Encoder, dim=3)\n"
        "    items = [0.9, 0.99]\n"
        "    return fdl.Config(\n"
        "        Model,\n"
        "        encoder=encoder,\n"
        "        decoder=encoder,\n"
        "        layers=items,\n"
        "        more=fdl.Config(Node, a=items),\n"
        "    )\n"
    )


def test_a_variable_is_called_as_the_arguments_that_it_is_given_for() -> None:
    betas = [0.9]
    graph = fdl.Config(c.Node, fdl.Config(c.combine, betas=betas), fdl.Config(c.combine, betas=betas))
    assert "    betas = [0.9]\n" in fhb.to_python(graph)


def callable_named(name: str, module: str) -> Any:
    def function(x: Any = None, **kwargs: Any) -> Any:
        return x

    function.__name__ = function.__qualname__ = name
    function.__module__ = module
    setattr(sys.modules.setdefault(module, types.ModuleType(module)), name, function)
    return function


@pytest.mark.parametrize("style", HERE)
def test_names_never_clash(style: str) -> None:
    named = [("Adam", "lib_a"), ("Adam", "lib_b"), *((name, "lib_a") for name in ["print", "config", "dict", "fdl"])]
    functions = [callable_named(*each) for each in [*named, ("encoder", "lib_a"), ("l", "lib_a"), ("math", "lib_a")]]
    shared: dict[str, Any] = {name: [name] for name in ["dict", "fdl", "l", "class", "config", "encoder", "math", "O"]}
    graph = fdl.Config(c.combine, [fdl.Config(f, math.inf) for f in functions], {1: 2}, *[shared] * 2, **shared)
    source = fhb.to_python(graph, style=style)
    assert first_graph_difference(graph_of(source), graph) is None
    assert ruff_complaints(source) == ""


@pytest.mark.parametrize("name", ["fdl", "Encoder", "set", "encoder", "frozenset"])
def test_any_python_name_may_be_that_of_the_function(name: str) -> None:
    shared = fdl.Config(c.Encoder, dim=frozenset({1}))
    graph = fdl.Config(c.Node, shared, shared, set())
    source = fhb.to_python(graph, name=name)
    assert first_graph_difference(graph_of(source, name), graph) is None


@pytest.mark.parametrize("style", HERE)
@pytest.mark.parametrize("depth", [9, 100, 300], ids="{} levels".format)
def test_depth_has_no_limit_of_pythons_parser(depth: int, style: str) -> None:
    graph: Any = fdl.Config(c.Node, a=[0])
    for level in range(depth):
        graph = fdl.Config(c.Node, a=graph, b=level)
    source = fhb.to_python(graph, style=style)
    assert fhb.same_graph(graph_of(source), graph)
    assert max(len(line) - len(line.lstrip()) for line in source.splitlines()) < 60


def wide_tree(nodes: int, shared: Any) -> Any:
    if nodes <= 1:
        return fdl.Config(c.Node, a=nodes, b=shared, c="text")
    left = (nodes - 1) // 2
    return fdl.Config(c.Node, a=wide_tree(left, shared), b=wide_tree(nodes - 1 - left, shared), c={"x": nodes})


@pytest.mark.parametrize("style", HERE)
def test_a_function_reads_in_one_screen(style: str) -> None:
    shared = fdl.Config(c.Encoder, 3, name="shared")
    graph = fdl.Config(c.Node, wide_tree(200, shared), wide_tree(50, [shared]))
    source = fhb.to_python(graph, style=style)
    assert fhb.same_graph(graph_of(source), graph)
    assert ruff_complaints(source) == ""
    functions = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    assert len(functions) > 5
    assert max((node.end_lineno or 0) - node.lineno for node in functions) < 60


def test_a_variable_stands_in_the_lowest_function_that_needs_it() -> None:
    everywhere, inside = fdl.Config(c.Encoder, 1), fdl.Config(c.Encoder, 2)
    branch = wide_tree(30, everywhere)
    branch.b.b.c = [inside, inside]
    source = fhb.to_python(fdl.Config(c.Model, left=branch, right=wide_tree(30, everywhere), again=everywhere))
    functions = {node.name: node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)}
    assigned = {
        name: [ast.unparse(line) for line in node.body if isinstance(line, ast.Assign)]
        for name, node in functions.items()
    }
    assert assigned.pop("config") == ["encoder = fdl.Config(Encoder, dim=1)"]
    (name,) = (name for name, lines in assigned.items() if lines)
    assert assigned[name] == ["encoder_2 = fdl.Config(Encoder, dim=2)"]
    assert [argument.arg for argument in functions[name].args.args] == ["encoder"]


def test_the_text_is_the_same_in_every_process() -> None:
    code = """
import fiddle as fdl
import fiddle_hydra_bridge as fhb
from tests import components as c
node = fdl.Config(c.Encoder, {"a", "b", "c", (1, "x"), frozenset({"p", "q"})})
fdl.set_tags(node, "dim", {c.Width, c.Rate})
print(fhb.to_python(node))
"""
    runs = {
        subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code],
            cwd=ROOT,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(runs) == 1


# -------------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize("name", ["", "a-b", "class", "None", "__debug__", "x\ny", "f()", "\ufb01", "1a", "a.b", "a "])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(fhb.ParameterError, match="Python name"):
        fhb.to_python(fdl.Config(c.Node), name=name)


def test_an_unknown_style_is_refused_with_a_suggestion() -> None:
    with pytest.raises(fhb.ParameterError, match=r"did you mean 'auto_config'"):
        fhb.to_python(fdl.Config(c.Node), style="autoconfig")


class Hidden:
    """An instance that nothing spells."""


def test_all_that_cannot_be_written_is_reported_together() -> None:
    odd = callable_named("function", "no-module")
    graph = fdl.Config(c.Node, a=[lambda: None, Hidden()], b=fdl.Config(c.Node, a=type("Local", (), {})))
    with pytest.raises(fhb.BridgeError) as caught:
        fhb.to_python(graph)
    assert [problem.path for problem in caught.value.problems] == ["a[0]", "a[1]", "b.a"]
    assert all(problem.hint for problem in caught.value.problems)
    with pytest.raises(fhb.BridgeError) as caught:
        fhb.to_python(fdl.Config(c.Node, a=fdl.Config(odd), b=[fdl.Config(odd)]))
    assert [problem.path for problem in caught.value.problems] == ["a", "b[0]"]
    assert all(problem.hint for problem in caught.value.problems)


def test_a_graph_that_contains_itself_is_refused_with_its_path() -> None:
    graph = fdl.Config(c.Node)
    graph.a = [fdl.Config(c.Node, b=graph)]
    with pytest.raises(fhb.SyntaxProblemError, match=r"contains itself[^\n]*\n  at a\[0\]\.b"):
        fhb.to_python(graph)


@pytest.mark.parametrize("target", ["os.system", "builtins.eval", "subprocess.run", "importlib.import_module"])
def test_a_target_that_configuration_may_not_choose_is_not_written(target: str) -> None:
    module, _, name = target.rpartition(".")
    with pytest.raises(fhb.RefusedTargetError):
        fhb.to_python(fdl.Config(getattr(sys.modules.get(module) or __import__(module), name)))


HOSTILE = [
    'x"); import os; os.system("touch hit"); ("',
    "x'''\"\"\"",
    "\n    import os\n",
    "\\",
    "{}",
    "#",
    "\r",
    "\x00",
    "${oc.env:HOME}",
    "__import__('os')",
]


@pytest.mark.parametrize("word", HOSTILE, ids=ascii)
@pytest.mark.parametrize("style", HERE)
def test_strings_and_keys_inject_nothing(word: str, style: str) -> None:
    graph = fdl.Config(c.combine, [word], {word: {word}}, (word,), **{word: fhb.link(f"${{a}}{word}")})
    source = fhb.to_python(graph, style=style)
    assert first_graph_difference(graph_of(source, "config"), graph) is None
    assert {node.names[0].name for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import)} <= {
        "fiddle",
        "fiddle_hydra_bridge",
    }


@pytest.mark.parametrize("path", ["os.system('x')", "a.b\nimport os", 'a."b', "a.class", "a..b", "1.x", "x y.z"])
def test_lazy_targets_are_text(path: str) -> None:
    graph = fdl.Config(fhb.LazyTarget(path), a=1)
    assert first_graph_difference(graph_of(fhb.to_python(graph)), graph) is None


# -------------------------------------------------------------------------------------- several functions, comments


def test_several_functions_share_the_imports_of_a_module() -> None:
    module = Module(doc="Recipes.")
    for name, graph in {"encoder": fdl.Config(c.Encoder, 3), "model": fdl.Config(c.Model, fdl.Config(c.Node))}.items():
        tree, making = for_python(graph)
        Printer(module, STYLES["fiddle"], making).function(name, tree).doc = f"Returns the {name}."
    assert module.text() == (
        '"""Recipes."""\n\nimport fiddle as fdl\n\nfrom tests.components import Encoder, Model, Node\n\n\n'
        'def encoder() -> fdl.Config:\n    """Returns the encoder."""\n    return fdl.Config(Encoder, dim=3)\n\n\n'
        'def model() -> fdl.Config:\n    """Returns the model."""\n'
        "    return fdl.Config(Model, encoder=fdl.Config(Node))\n"
    )
    assert ruff_complaints(module.text()) == ""


def test_a_function_that_is_refused_leaves_nothing_behind() -> None:
    module = Module()
    odd, shared = callable_named("function", "no-module"), fdl.Config(c.Encoder, 3)
    for graph in (fdl.Config(c.Model, shared, shared, fdl.Config(odd)), fdl.Config(c.Node)):
        tree, making = for_python(graph)
        with contextlib.suppress(fhb.TargetError):
            Printer(module, STYLES["fiddle"], making).function("config", tree)
    assert module.text() == fhb.to_python(fdl.Config(c.Node))


COMMENTS = {
    "beside": Comment(beside="half of it"),
    "above": Comment(above=("first", "second")),
    "below": Comment(below=("below",)),
    "all": Comment(above=("above",), beside="beside", below=("below",)),
    "no room": Comment(beside="x" * 80),
    "hostile": Comment(above=("a\nimport os", "\x00\r\u2028\ud800"), beside="b\nraise SystemExit"),
}


@pytest.mark.parametrize("comment", COMMENTS.values(), ids=COMMENTS)
def test_comments_stand_at_their_entries(comment: Comment) -> None:
    graph = fdl.Config(c.combine, 1, [2, {"x": 3}], a={"b": [4]}, **{"c-d": fdl.Config(c.Encoder, 3)})
    tree, making = for_python(graph)
    module = Module()
    expression = Printer(module, STYLES["fiddle"], making).node(tree)
    items = [item for part in walk(expression) if isinstance(part, Group) for item in part.items]
    for item in items:
        item.comment = comment
    module.function("config", expression)
    source = module.text()
    assert ruff_complaints(source) == ""
    assert source.count("#") == len(items) * len([*comment.above, *comment.below, *filter(None, [comment.beside])])
    assert first_graph_difference(graph_of(source), graph) is None


DOCS = [
    "Plain.",
    '"Quoted"',
    'Ends with "',
    '"""',
    "back\\slash\\",
    "Two\n\nparts.",
    "x\x00y",
    'a\\"',
    '"a\n\nb"',
]


@pytest.mark.parametrize("doc", DOCS, ids=ascii)
def test_docstrings_hold_any_text(doc: str) -> None:
    module = Module(doc=doc)
    Printer(module, STYLES["fiddle"], lambda call: Making()).function("config", Call("tests.components.Node")).doc = doc
    source = module.text()
    assert ruff_complaints(source) == ""
    assert graph_of(source) == fdl.Config(c.Node)
    assert (ast.get_docstring(ast.parse(source)) or "").strip() == doc.replace("\x00", " ")


def test_targets_that_are_not_here_are_imported_as_usual() -> None:
    module = Module(first_party=["my_app"])
    data = {"a": Call("my_app.models.Model.small"), "b": Call("torch_like.optim.adam"), "c": Call("my_app.run")}
    Printer(module, STYLES["fiddle"], lambda call: Making()).function("config", data)
    assert module.text().partition("\n\n\n")[0] == (
        "import fiddle as fdl\nfrom torch_like.optim import adam\n\n"
        "from my_app import run\nfrom my_app.models import Model"
    )
