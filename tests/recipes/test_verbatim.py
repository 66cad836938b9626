"""``fhb.node`` and ``verbatim`` recipes: a recipe is served as a YAML file with the same words."""

from __future__ import annotations

import copy
import functools
import genericpath
import importlib
import math
import os
import pickle
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import fiddle as fdl
import pytest
from hydra import compose, initialize_config_dir
from hydra.errors import InstantiationException
from hydra.utils import get_class, get_object
from omegaconf import DictConfig, ListConfig, OmegaConf

import fiddle_hydra_bridge as fhb
from fiddle_hydra_bridge.convert.buildables import mode_of
from fiddle_hydra_bridge.recipes.registry import Registry
from fiddle_hydra_bridge.recipes.spelling import spell_as_it_stands
from tests.components import Encoder, Node, annotated
from tests.migration.trees import write

LAZY = fhb.LazyTarget("not.installed.Model")

#: What a recipe says, and the YAML with the same words.
ROWS: dict[str, tuple[Any, str]] = {
    "order of the entries": (
        fhb.node(Node, b=1, a=2),
        "_target_: tests.components.Node\nb: 1\na: 2",
    ),
    "a key that the signature does not know": (
        fhb.node(Node, **{"a-b": 1, "class": 2}),
        "_target_: tests.components.Node\na-b: 1\nclass: 2",
    ),
    "control keys where they stand": (
        fhb.node(a=1, _partial_=True, _target_=Node, b=2, _convert_="all"),
        "a: 1\n_partial_: true\n_target_: tests.components.Node\nb: 2\n_convert_: all",
    ),
    "positional arguments": (
        fhb.node(Node, a=1, _args_=[1, {"b": 2}]),
        "_target_: tests.components.Node\na: 1\n_args_: [1, {b: 2}]",
    ),
    "children that stay config": (
        fhb.node(Node, _recursive_=False, a={"_target_": "x.Y", "b": "${c}", "d": "???"}),
        "_target_: tests.components.Node\n_recursive_: false\na: {_target_: x.Y, b: '${c}', d: '???'}",
    ),
    "control keys that are interpolations": (
        fhb.node("${a.target}", _partial_="${p}", _convert_="${c}", _args_="${l}"),
        "_target_: ${a.target}\n_partial_: ${p}\n_convert_: ${c}\n_args_: ${l}",
    ),
    "a placeholder": (fhb.node(LAZY, a=1), "_target_: not.installed.Model\na: 1"),
    "a path": (fhb.node("not.installed.Model", a=1), "_target_: not.installed.Model\na: 1"),
    "a target without a signature": (fhb.node(max, _args_=[1, 2]), "_target_: builtins.max\n_args_: [1, 2]"),
    "a target that a graph may not call": (fhb.node(getattr, a=1), "_target_: builtins.getattr\na: 1"),
    "links and missing values": (
        fhb.node(Node, a=fhb.link("${b}/${c}"), d="???", e=["???"]),
        "_target_: tests.components.Node\na: ${b}/${c}\nd: ???\ne: ['???']",
    ),
    "mappings": ({"a": {"b": {"c": [1, {"d": None}]}}}, "a: {b: {c: [1, {d: null}]}}"),
    "a mapping with control keys": ({"a": {"_partial_": True, "_args_": [1]}}, "a: {_partial_: true, _args_: [1]}"),
    "keys of any type": ({2: "a", 2.5: "b", True: "c"}, "{2: a, 2.5: b, true: c}"),
    "a node in data": ({"a": [fhb.node(Node, b=1)]}, "a: [{_target_: tests.components.Node, b: 1}]"),
    "the words to Hydra": (
        fhb.node(Node, defaults=["_self_"], hydra={"job": {"name": "x"}}, a=1),
        "_target_: tests.components.Node\ndefaults: [_self_]\nhydra: {job: {name: x}}\na: 1",
    ),
    "Fiddle's own Buildables get nothing added": (
        fdl.Config(Encoder, name=["x"]),
        "_target_: tests.components.Encoder\nname: [x]",
    ),
    "Fiddle's partials": (
        fdl.Partial(Encoder, 3),
        "_target_: tests.components.Encoder\n_partial_: true\ndim: 3",
    ),
    "sections": (fdl.Config(fhb.section, b=1, a=fdl.Config(fhb.section, c=2)), "b: 1\na: {c: 2}"),
}


def ordered(config: Any) -> Any:
    """A config as data whose equality tells the order of the keys."""
    data = OmegaConf.to_container(config, resolve=False) if isinstance(config, DictConfig | ListConfig) else config
    if isinstance(data, dict):
        return [(type(key), key, ordered(item)) for key, item in data.items()]
    return [ordered(item) for item in data] if isinstance(data, list) else (type(data), data)


@pytest.mark.parametrize(("graph", "text"), ROWS.values(), ids=ROWS)
def test_a_verbatim_recipe_is_served_as_yaml_with_the_same_words(graph: Any, text: str) -> None:
    assert ordered(spell_as_it_stands(graph, {})) == ordered(OmegaConf.create(text))


@pytest.mark.parametrize(("graph", "text"), ROWS.values(), ids=ROWS)
@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda graph: pickle.loads(pickle.dumps(graph))])
def test_copies_say_the_same(copied: Any, graph: Any, text: str) -> None:
    again = copied(copied(graph))
    assert ordered(spell_as_it_stands(again, {})) == ordered(OmegaConf.create(text))


def test_a_changed_node_says_the_change() -> None:
    node = fhb.node(Node, b=1, _partial_=True, a=2)
    node.b = 5
    node.more = 6
    del node.a
    said = spell_as_it_stands(node, {})
    assert list(said.items()) == [
        ("_target_", "tests.components.Node"),
        ("b", 5),
        ("_partial_", True),
        ("more", 6),
    ]


def test_an_instance_that_is_met_twice_is_refused_since_it_would_be_built_twice() -> None:
    shared = fhb.node(Node)
    with pytest.raises(fhb.UnsupportedValueError, match=r"stands at a, too(.|\n)*at b\[0\](.|\n)*verbatim=True"):
        spell_as_it_stands({"a": shared, "b": [shared]}, {})


def test_tags_have_no_words_in_yaml() -> None:
    with pytest.raises(fhb.UnsupportedValueError, match="tags"):
        spell_as_it_stands(fdl.Config(annotated), {})


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        pytest.param({"_convert_": "some"}, "_convert_ must be one of", id="mode"),
        pytest.param({"_partial_": 1.5}, "_partial_ must be one of", id="partial"),
        pytest.param({"_recursive_": "no"}, "_recursive_ must be one of", id="recursive"),
        pytest.param({"_args_": {"a": 1}}, "_args_ must be a list", id="positional"),
        pytest.param({"_target_": Node}, "one target", id="two targets"),
    ],
)
def test_what_hydra_does_not_know_is_refused(entries: dict[str, Any], message: str) -> None:
    with pytest.raises(fhb.ParameterError, match=message):
        fhb.node(Node, **entries)


def test_a_node_is_built_as_hydra_builds_it() -> None:
    built = fdl.build(fhb.node(Node, a=[1], b=fhb.node(dict, a={"b": 1})))
    assert type(built.a) is ListConfig
    assert type(built.b["a"]) is DictConfig


def test_nodes_of_locators_are_what_they_find() -> None:
    assert fdl.build(fhb.node(get_class, path="fractions.Fraction")) is Fraction
    assert fdl.build(fhb.node(get_object, _args_=["math.pi"])) is math.pi


#: What is not called though it is written as Python: the target, its arguments, and the refusal.
REFUSED = {
    "a function": (os.system, {"command": "false"}, "'os.system' is refused by Hydra's target policy"),
    "a builtin": (eval, {"_args_": ["1"]}, "'builtins.eval' is refused by Hydra's target policy"),
    "a partial": (eval, {"_args_": ["1"], "_partial_": True}, "'builtins.eval' is refused by Hydra's target policy"),
    "under another name": (genericpath.os.system, {"command": "false"}, "'os.system' is refused"),
    "what arguments choose": (functools.partial, {"_args_": [print]}, "'functools.partial' is refused in a graph"),
    "a locator of it": (get_object, {"path": "os.system"}, "os.system"),
    "a wrong locator": (get_class, {"path": "math.sqrt"}, "hydra.utils.get_class does not accept 'math.sqrt'"),
    "a locator for later": (get_object, {"_partial_": True}, "'hydra.utils.get_object' is refused in a graph"),
    "a path": ("os.system", {"command": "false"}, "Target 'os.system' is"),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("target", "entries", "message"), REFUSED.values(), ids=REFUSED)
def test_what_hydra_refuses_is_not_called(target: Any, entries: dict[str, Any], message: str) -> None:
    with pytest.raises((fhb.TargetError, InstantiationException), match=message):
        fdl.build(fhb.node(Node, _convert_="all", a=fhb.node(target, **entries)))


def test_functions_without_a_path_can_be_built() -> None:
    assert fdl.build(fhb.node(lambda a: a + 1, a=1)) == 2


def test_nodes_inherit_the_conversion_mode() -> None:
    outer = fhb.node(Node, _convert_="all", a=[fhb.node(dict, a=[1])], b=fhb.node(dict, _convert_="none"))
    assert [mode_of(outer), mode_of(outer.a[0]), mode_of(outer.b)] == ["all", "all", "none"]
    assert type(fdl.build(outer).a[0]["a"]) is list


def test_a_node_knows_the_line_that_made_it() -> None:
    history = fhb.node(Node, a=1).__argument_history__["a"]
    assert history[-1].location.filename == __file__


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for modules that apps can name, on Python's path."""
    known = set(sys.modules)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in set(sys.modules) - known:
        del sys.modules[name]


def test_a_target_is_spelled_by_the_name_that_the_module_of_the_recipe_uses(package: Path) -> None:
    (package / "deep.py").write_text("class Model:\n    @classmethod\n    def small(cls): ...\n    class Part: ...\n")
    (package / "front.py").write_text("from deep import Model\n")
    (package / "named.py").write_text(
        "import front\nimport os.path as paths\nfrom deep import Model as Deep\nfrom front import Model\n"
        "import fiddle_hydra_bridge as fhb\n"
        "@fhb.recipe(verbatim=True)\n"
        "def one():\n    return {'a': fhb.node(Model), 'b': fhb.node(Model.small), 'c': fhb.node(Model.Part)}\n"
        "@fhb.recipe(verbatim=True)\n"
        "def two():\n    return {'a': fhb.node(Deep), 'b': fhb.node(paths.join)}\n"
    )
    with initialize_config_dir("/fiddle:/named", version_base="1.3"):
        one, two = compose("one"), compose("two")
    assert [one[key]._target_ for key in "abc"] == ["front.Model", "front.Model.small", "front.Model.Part"]
    assert [two[key]._target_ for key in "ab"] == ["deep.Model", "os.path.join"]


def test_a_verbatim_recipe_can_be_called_what_a_file_can_be_called(package: Path) -> None:
    (package / "odd.py").write_text(
        "import fiddle_hydra_bridge as fhb\n"
        "@fhb.recipe(group='v1.2/my group', name='a b', verbatim=True)\n"
        "def f():\n    return {'x': 1}\n"
    )
    with initialize_config_dir("/fiddle:/odd", version_base="1.3"):
        assert compose("v1.2/my group/a b")["v1"]["2"]["my group"].x == 1


def test_registered_functions_can_be_verbatim(empty_registry: Registry) -> None:
    fhb.register(lambda: {"a": {"b": 1}}, group="verbatim_test", name="registered", verbatim=True)
    assert empty_registry.entries["verbatim_test/registered"].verbatim


def test_modules_of_a_package_can_have_functions_of_one_name(package: Path, empty_registry: Registry) -> None:
    text = "import fiddle_hydra_bridge as fhb\n@fhb.recipe(verbatim=True)\ndef default():\n    return {'a': 1}\n"
    write(package / "same_names", {"__init__.py": text, "model.py": text, "data.py": text})
    for name in ("same_names", "same_names.model", "same_names.data"):
        assert importlib.import_module(name).default() == {"a": 1}
    assert empty_registry.entries == {}
    fhb.register(importlib.import_module("same_names"))
    with initialize_config_dir(str(package), version_base="1.3"):
        assert compose(overrides=["+model=default", "+data=default"]) == {"model": {"a": 1}, "data": {"a": 1}}


def test_a_recipe_is_typed_or_verbatim() -> None:
    with pytest.raises(fhb.ParameterError, match="typed or verbatim"):
        fhb.recipe(typed=True, verbatim=True)(dict)


def test_composing_tells_the_line_of_a_node(package: Path) -> None:
    (package / "lined.py").write_text(
        "import fiddle_hydra_bridge as fhb\n"
        "@fhb.recipe(verbatim=True)\n"
        "def one():\n"
        "    return {'a': fhb.node(getattr, b=1), 'c': {'d': fhb.node('x.Y',\n e=2)}}\n"
    )
    places = [fhb.explain("one", [], key, config_module="fiddle://lined") for key in ("a.b", "c.d.e")]
    assert ["lined.py:4" in str(place) for place in places] == [True, True]


def test_a_list_is_a_config_and_a_number_is_none() -> None:
    assert spell_as_it_stands([1, {"a": 2}], {}) == [1, {"a": 2}]
    with pytest.raises(fhb.BridgeError, match="not a int"):
        spell_as_it_stands(1, {})
