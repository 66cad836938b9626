"""Typed recipes: what Hydra checks of them, that they build what the recipe builds, and how their classes travel."""

from __future__ import annotations

import enum
import inspect
import pickle
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, Optional, Union

import fiddle as fdl
import hydra.utils
import pytest
from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.errors import ConfigCompositionException
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ValidationError

import fiddle_hydra_bridge as fhb
from fiddle_hydra_bridge.convert.compare import first_difference, first_graph_difference
from fiddle_hydra_bridge.convert.nodes import HAS_TUPLES
from fiddle_hydra_bridge.recipes import config_types
from fiddle_hydra_bridge.recipes.config_source import RecipeSource
from fiddle_hydra_bridge.recipes.config_types import config_type
from fiddle_hydra_bridge.recipes.registry import REGISTRY, not_registering
from fiddle_hydra_bridge.recipes.spelling import spell
from fiddle_hydra_bridge.recipes.structured import write
from tests import components
from tests.recipes import typed_elsewhere as elsewhere
from tests.recipes import typed_targets as t
from tests.recipes.test_app import results, run_app
from tests.strategies import graphs, values

APPS = Path(__file__).with_name("apps")
PROJECT = Path(__file__).resolve().parents[2]

# What can be checked ---------------------------------------------------------------------------------------------


def typed(graph: Any) -> DictConfig:
    own, data, _ = spell(graph)
    return write(data, own)


local_enum = enum.Enum("LocalEnum", "A")
#: What OmegaConf 2.4 checks and 2.3 does not.
only_24: Callable[[Any], Any] = lambda found: found if HAS_TUPLES else Any  # noqa: E731

HINTS = {
    "int": (int, int),
    "float": (float, float),
    "bool": (bool, bool),
    "str": (str, str),
    "bytes": (bytes, bytes),
    "a path": (Path, Path),
    "an enum": (t.Colour, t.Colour),
    "an enum of ints": (t.Level, t.Level),
    "an enum of strings": (t.Shade, t.Shade),
    "an enum that cannot be imported": (local_enum, Any),
    "Optional": (Optional[int], Optional[int]),  # noqa: UP045
    "| None": (int | None, Optional[int]),  # noqa: UP045
    "Optional of anything": (Sequence[int] | None, Any),
    "Optional of a list": (list[int] | None, Optional[list[int]]),  # noqa: UP045
    "None": (type(None), Any),
    "a union": (Union[int, str], Union[int, str]),  # noqa: UP007
    "| of three": (t.Colour | int | None, Union[t.Colour, int, None]),  # noqa: UP007
    "a union with a container": (int | list[int], Any),
    "a union with a class": (int | range, Any),
    "list": (list, list[Any]),
    "a list": (list[int], list[int]),
    "a list of classes": (list[range], list[Any]),
    "a list of lists": (list[list[float]], list[list[float]]),
    "a list of optional values": (list[int | None], list[Optional[int]]),  # noqa: UP045
    "dict": (dict, dict[str, Any]),
    "a dict": (dict[str, bool], dict[str, bool]),
    "a dict with other keys": (dict[int, bool], Any),
    "tuple": (tuple, only_24(tuple[Any, ...])),
    "a tuple": (tuple[int, str], only_24(tuple[int, str])),
    "a tuple of any length": (tuple[int, ...], only_24(tuple[int, ...])),
    "an empty tuple": (tuple[()], only_24(tuple[()])),
    "a list of tuples": (list[tuple[int, int]], list[only_24(tuple[int, int])]),
    "Literal": (Literal["a", "b"], only_24(Literal["a", "b"])),
    "Literal of several types": (Literal[1, True, "a", None], only_24(Literal[1, True, "a", None])),
    "Literal of bytes": (Literal[b"a"], Any),
    "a class": (range, Any),
    "an abstract container": (Sequence[int], Any),
    "a function": (Callable[[int], int], Any),
    "a named tuple": (t.Point, Any),
    "a dataclass": (t.Base, Any),
    "a new type": (t.Metres, Any),
    "a type variable": (t.T, Any),
    "Any": (Any, Any),
    "nothing that is a type": (3, Any),
}


@pytest.mark.parametrize("hint, expected", HINTS.values(), ids=HINTS)
def test_a_hint_is_the_type_of_a_field_if_omegaconf_can_check_it(hint: Any, expected: Any) -> None:
    assert config_type(hint) == expected


def types_of(config: DictConfig) -> dict[str, Any]:
    """The types of the fields of a node, without Hydra's own."""
    fields = OmegaConf.get_type(config).__dataclass_fields__
    return {name: field.type for name, field in fields.items() if not name.startswith("_")}


FIELDS: dict[str, tuple[Any, dict[str, Any]]] = {
    "scalars": (t.scalars, {"i": int, "f": float, "b": bool, "s": str, "raw": bytes, "path": Path}),
    "enums": (t.enums, {"colour": t.Colour, "level": t.Level, "shade": t.Shade}),
    "defaults that say more than their annotation": (
        t.loose,
        {
            **dict.fromkeys("adfghikmnopq", Any),
            "b": Optional[int],  # noqa: UP045
            "c": Union[float, int],  # noqa: UP007
            "j": int,
        },
    ),
    "no annotations": (t.unannotated, {"a": Any, "b": Any, "c": Any}),
    "parameters by position": (t.positional, {"c": int, "d": int}),
    "a class": (
        t.Layer,
        {"width": int, "activation": str, "inner": Any, "rate": Union[float, int]},  # noqa: UP007
    ),
    "an inherited constructor": (
        t.Deep,
        {"width": int, "activation": str, "inner": Any, "rate": Union[float, int]},  # noqa: UP007
    ),
    "a constructor called __new__": (t.Made, {"item": Any, "size": int}),
    "a class method": (t.Layer.wide, {"width": int}),
    "a dataclass": (t.Base, {"colour": t.Colour, "names": list[str], "table": dict[str, int]}),
    "a dataclass of two modules": (
        elsewhere.Derived,
        {"colour": t.Colour, "names": list[str], "table": dict[str, int], "width": int},
    ),
    "an attrs class of two modules": (
        elsewhere.Defined,
        {"colour": t.Colour, "names": list[str], "width": int, "private": int},
    ),
    "a wrapped function": (t.wrapped, {"size": int}),
}


@pytest.mark.parametrize("target, expected", FIELDS.values(), ids=FIELDS)
def test_a_node_has_the_parameters_of_its_target(target: Any, expected: dict[str, Any]) -> None:
    assert types_of(typed(fdl.Config(target))) == expected


def test_defaults_are_shown_where_they_can_be_and_what_must_be_given_is_missing() -> None:
    config = typed(fdl.Config(t.scalars))
    assert OmegaConf.to_container(config) == {
        "_target_": "tests.recipes.typed_targets.scalars",
        "_convert_": "all",
        "i": "???",
        "f": 0.5,
        "b": False,
        "s": "text",
        "raw": b"raw",
        "path": Path("a/b"),
    }


LEFT_OUT = {
    "no spelling": (t.loose, "e"),
    "a list that all calls share": (t.containers, "g"),
    "a factory that may make anything": (t.Base, "odd"),
}


@pytest.mark.parametrize("target, name", LEFT_OUT.values(), ids=LEFT_OUT)
def test_a_default_that_a_config_cannot_hold_stays_in_the_signature(target: Any, name: str) -> None:
    config = typed(fdl.Config(target))
    assert name not in config
    OmegaConf.update(config, name, [3], force_add=True)
    assert OmegaConf.select(config, name) == [3]


def test_no_text_is_taken_for_bytes() -> None:
    config = typed(fdl.Config(t.scalars))
    with pytest.raises(ValidationError, match="is not of type 'bytes'"):
        config.raw = "text"


WIDENED: dict[str, tuple[Any, dict[str, Any], Any]] = {
    "None where none is annotated": (t.scalars, {"s": None}, Optional[str]),  # noqa: UP045
    "an int for a float": (t.scalars, {"f": 2}, Union[float, int]),  # noqa: UP007
    "an int for an optional float": (t.unions, {"g": 2}, Union[float, None, int]),  # noqa: UP007
    "a bool for an int": (t.scalars, {"i": True}, Any),
    "a number for a str": (t.scalars, {"s": 1.5}, Any),
    "an int for a dict of floats": (t.containers, {"b": 1}, Any),
    "a node for an int": (t.scalars, {"i": fdl.Config(t.wrapped)}, Any),
    "a tuple for a list": (t.containers, {"a": (1,)}, Any),
    "one wrong item": (t.containers, {"a": [1, "x"]}, Any),
    "a text like a link": (t.scalars, {"s": "${x}"}, Any),
    "a link": (t.scalars, {"i": fhb.link("${x}")}, int),
    "a link in a list": (t.containers, {"a": [1, fhb.link("${x}")]}, list[int]),
    "a function for an enum": (t.enums, {"colour": len}, Any),
    "a member of another enum": (t.enums, {"colour": t.Level.LOW}, Any),
    "a value outside of a Literal": (t.literals, {"mode": "other"}, Any),
}


@pytest.mark.parametrize("target, arguments, expected", WIDENED.values(), ids=WIDENED)
def test_a_value_that_contradicts_its_annotation_widens_the_field(
    target: Any, arguments: dict[str, Any], expected: Any
) -> None:
    [name] = arguments
    config = typed(fdl.Config(target, **arguments))
    assert types_of(config)[name] == expected


# What is built ---------------------------------------------------------------------------------------------------

TARGETS = [
    t.scalars,
    t.enums,
    t.unions,
    t.literals,
    t.containers,
    t.loose,
    t.unannotated,
    t.positional,
    t.Layer,
    t.Layer.wide,
    t.Deep,
    t.Made,
    t.Base,
    elsewhere.Derived,
    elsewhere.Defined,
    t.wrapped,
]
fitting = st.one_of(
    st.sampled_from([*t.Colour, *t.Level, *t.Shade, "fast", 1, True, None, 0.0, 3, -0.0, b"x", Path("c"), (), (1, 2)]),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.sampled_from("xy"), st.integers() | st.floats(allow_nan=False), max_size=2),
    st.lists(st.tuples(st.integers(), st.integers()), max_size=2).map(tuple),
    st.tuples(st.floats(), st.floats()),
    st.lists(st.lists(st.sampled_from("ab"), max_size=2), max_size=2),
)


@st.composite
def typed_graphs(draw: Callable[[Any], Any], depth: int = 2) -> Any:
    """Draws graphs of targets with annotations, with values that fit them and values that do not."""
    pool: list[Any] = []

    def node(depth: int) -> Any:
        target = draw(st.sampled_from(TARGETS))
        kind = draw(st.sampled_from([fdl.Config, fdl.Config, fdl.Config, fdl.Partial]))
        made = kind(target)
        parameters = made.__signature_info__.parameters
        required = {name for name, each in parameters.items() if each.default is each.empty}
        for index, (name, parameter) in enumerate(parameters.items()):
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                continue
            if name in required or draw(st.integers(0, 2)) == 0:
                value = argument(depth)
                if parameter.kind is parameter.POSITIONAL_ONLY:
                    made[index] = value
                else:
                    setattr(made, name, value)
        if target is t.unannotated and draw(st.booleans()):
            setattr(made, draw(st.sampled_from(["extra", "x-y", "class"])), argument(depth))
        pool.append(made)
        return made

    def argument(depth: int) -> Any:
        kinds = ["fitting", "fitting", "fitting", "any", *(["node", "list", "again"] if depth else [])]
        kind = draw(st.sampled_from(kinds))
        if kind == "node":
            return node(depth - 1)
        if kind == "list":
            return [argument(depth - 1) for _ in range(draw(st.integers(0, 2)))]
        if kind == "again" and pool:
            return draw(st.sampled_from(pool))
        return draw(fitting if kind == "fitting" else values)

    return node(depth)


hints = st.recursive(
    st.sampled_from([int, float, bool, str, bytes, Path, t.Colour, t.Level, t.Shade, Any, range, None]),
    lambda inner: st.one_of(
        inner.map(lambda hint: list[hint]),
        inner.map(lambda hint: dict[str, hint]),
        inner.map(lambda hint: tuple[hint, ...]),
        st.tuples(inner, inner).map(lambda pair: tuple[pair]),
        st.lists(inner, min_size=1, max_size=3).map(lambda some: Union[tuple(some)]),  # noqa: UP007
        st.lists(st.sampled_from(["fast", 1, True, None]), min_size=1).map(lambda some: Literal[tuple(some)]),
    ),
    max_leaves=4,
)


@st.composite
def graphs_of_new_targets(draw: Callable[[Any], Any]) -> Any:
    """Draws a function of any signature, and a config of it with any arguments."""
    names = draw(st.lists(st.sampled_from(["a", "b", "items", "keys", "copy", "_hidden"]), unique=True))
    values_of_all = fitting | values
    parameters = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            annotation=draw(hints),
            default=draw(st.just(inspect.Parameter.empty) | values_of_all),
        )
        for name in names
    ]
    signature = inspect.Signature(parameters)

    def generated(**arguments: Any) -> Any:
        bound = signature.bind(**arguments)
        bound.apply_defaults()
        return dict(bound.arguments)

    generated.__signature__ = signature  # type: ignore[attr-defined]
    generated.__module__, generated.__qualname__ = t.__name__, "generated"
    t.generated = generated  # type: ignore[attr-defined]
    given_ones = [each.name for each in parameters if each.default is each.empty or draw(st.booleans())]
    return fdl.Config(generated, **{name: draw(values_of_all) for name in given_ones})


def check_that_it_builds_the_same(graph: Any) -> None:
    config = typed(graph)
    built = fdl.build(graph)
    assert first_difference(hydra.utils.instantiate(config), built) is None
    assert first_difference(fhb.instantiate(config), built) is None
    assert first_difference(fdl.build(fhb.from_hydra(config)), built) is None


@given(graphs())
def test_instantiating_a_typed_recipe_builds_its_graph(graph: Any) -> None:
    check_that_it_builds_the_same(graph)


@given(typed_graphs())
def test_instantiating_a_typed_recipe_builds_its_graph_whatever_the_annotations_say(graph: Any) -> None:
    check_that_it_builds_the_same(graph)


@given(graphs_of_new_targets())
def test_instantiating_a_typed_recipe_builds_its_graph_for_any_signature(graph: Any) -> None:
    check_that_it_builds_the_same(graph)


ARGUMENTS: dict[str, dict[str, Any]] = {
    "containers": {"a": [1], "b": {"x": 1.0}, "c": [["a"]], "j": [{"y": [1]}]},
    "Base": {"names": ["a"]},
    "literals": {},
    "loose": {"g": [1]},
}


@pytest.mark.parametrize("mode", ["none", "partial", "object", "all"])
@pytest.mark.parametrize("target, arguments", ARGUMENTS.items(), ids=ARGUMENTS)
def test_a_node_keeps_its_way_to_take_containers(target: str, arguments: dict[str, Any], mode: str) -> None:
    node = {"_target_": f"tests.recipes.typed_targets.{target}", "_convert_": mode, **arguments}
    graph = fhb.from_hydra({"_target_": "tests.components.Node", "_convert_": mode, "a": node, "b": [node]})
    config = typed(graph)
    assert first_difference(hydra.utils.instantiate(config), fdl.build(graph)) is None


def test_a_partial_shows_no_defaults_since_they_would_become_its_arguments() -> None:
    config = typed(fdl.Partial(t.scalars, f=1.5))
    assert types_of(config) == {"f": float}
    assert first_graph_difference(fhb.from_hydra(config), fdl.Partial(t.scalars, f=1.5)) is None


def test_a_shared_instance_is_typed_and_stays_shared() -> None:
    layer = fdl.Config(t.Layer, width=3)
    config = typed(fdl.Config(components.Node, a=layer, b=[layer]))
    assert types_of(config.a)["width"] is int
    config.a.width = 4
    built = hydra.utils.instantiate(config)
    assert built.b[0] is built.a
    assert (built.a.width, built.a.activation) == (4, "relu")


def test_a_call_that_spells_a_value_stays_the_value() -> None:
    graph = fdl.Config(components.Node, a=t.loose.__defaults__[5], b=len, c=frozenset({1}))
    assert first_graph_difference(fhb.from_hydra(typed(graph)).a, graph.a) is None


# What Hydra does with it -----------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def own_store(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(ConfigStore.instance(), "repo", dict(ConfigStore.instance().repo))
    monkeypatch.syspath_prepend(str(APPS))
    yield


@pytest.fixture
def composed() -> Iterator[Callable[..., DictConfig]]:
    """Composes the config of the typed sample app, or another one, with overrides."""
    with initialize_config_dir(str(APPS / "typed_conf"), version_base="1.3"):
        yield lambda *overrides, name="config": compose(name, overrides=list(overrides))


def said(error: BaseException) -> str:
    """What an error of Hydra's says in all, as its apps print it."""
    return f"{error}\n{error.__cause__ or ''}"


REFUSED = {
    "a wrong type": ("model.dim=abc", "Value 'abc' of type 'str' could not be converted to Integer"),
    "an unknown parameter": ("model.dmi=3", "Key 'dmi' not in 'Model'"),
    "a wrong type deep down": ("model.layers.0.width=x", "could not be converted to Integer"),
    "an unknown parameter deep down": ("model.head.widht=3", "Key 'widht' not in 'Layer'"),
    "no member of the enum": ("model.norm=NO", r"Invalid value 'NO', expected one of \[LAYER, BATCH\]"),
    "nothing where something is needed": ("model.dim=null", "field 'model.dim' is not Optional"),
    "a float for an int": ("model.depth=1.5", "could not be converted to Integer"),
    "a wrong type for int or float": (
        "model.head.rate=x",
        r"incompatible with type hint 'Union\[(float, int|int, float)",
    ),
    "a scalar for a list": ("model.layers=3", "Invalid value assigned|ListConfig"),
    "an extra keyword without +": ("optim.betas=1", "Key 'betas' not in 'Adam'"),
    "deleting a parameter": ("~model.dim", "does not support deletion"),
    "deleting a parameter that is None": ("~model.depth", "does not support deletion|does not exist"),
    "a parameter of a partial that is not set": ("optim=later,optim.lr=0.3", "Key 'lr' not in 'SGD'"),
    "a YAML file with an unknown parameter": ("model=typo", "Key 'dmi' not in 'Model'"),
    "two recipes in one place": ("optim=[adam, sgd]", "SGD is not a subclass of Adam"),
}


@pytest.mark.parametrize("overrides, message", REFUSED.values(), ids=REFUSED)
def test_hydra_refuses_what_does_not_fit(composed: Callable[..., DictConfig], overrides: str, message: str) -> None:
    split = [overrides] if "[" in overrides else overrides.split(",")
    with pytest.raises(ConfigCompositionException) as caught:
        composed(*split)
    assert re.search(message, said(caught.value))


ACCEPTED: dict[str, tuple[list[str], dict[str, Any]]] = {
    "parameters that the recipe does not set": (["model.depth=3", "model.head.rate=0.5"], {"model.depth": 3}),
    "an int for a float, which becomes one": (["optim.lr=1"], {"optim.lr": 1.0}),
    "an int beside float, which stays one": (["model.head.rate=1"], {"model.head.rate": 1}),
    "a path": (["model.weights=/x/y"], {"model.weights": Path("/x/y")}),
    "an extra keyword": (["+optim.betas=[1,2]", "optim.eps=2"], {"optim.betas": [1, 2], "optim.eps": 2}),
    "a keyword that the target does not take": (["+model.dmi=3"], {"model.dmi": 3}),
    "another target": (["model._target_=a.B"], {"model._target_": "a.B"}),
    "another option": (["optim=sgd"], {"optim.momentum": 0}),
    "a whole option deleted": (["~optim"], {"optim": None}),
    "a node set to null": (["model.head=null"], {"model.head": None}),
    "a list": (["model.layers=[]"], {"model.layers": []}),
    "a partial with +": (["optim=later", "+optim.lr=0.3"], {"optim.lr": 0.3}),
    "a YAML file over a recipe": (["model=mine"], {"model.dim": 16, "model.head.width": 7}),
    "a YAML file that changes the target": (["model=retargeted"], {"model._target_": "typed_parts.Run"}),
    "an experiment": (["+experiment=swap"], {"model.depth": 3, "optim.momentum": 0.5}),
    "a link": (["model=linked"], {"model.dim": 5}),
    "a link to a str that is a number": (["model=linked", "width='7'"], {"model.dim": 7}),
    "an option that is not typed": (["model=plain", "model.dim=abc"], {"model.dim": "abc"}),
    "a typed option in another place": (["+model@other=mine"], {"other.dim": 16}),
}


@pytest.mark.parametrize("overrides, expected", ACCEPTED.values(), ids=ACCEPTED)
def test_hydra_accepts_what_fits(
    composed: Callable[..., DictConfig], overrides: list[str], expected: dict[str, Any]
) -> None:
    config = composed(*overrides)
    assert repr({key: OmegaConf.select(config, key) for key in expected}) == repr(expected)


def test_a_tuple_is_replaced_by_a_list_where_omegaconf_has_tuples(composed: Callable[..., DictConfig]) -> None:
    if HAS_TUPLES:
        config = composed("model.betas=[0.5, 0.6]")
    else:
        with pytest.raises(ConfigCompositionException) as caught:
            composed("model.betas=[0.5, 0.6]")
        assert "Cannot merge DictConfig with ListConfig" in said(caught.value)
        config = composed("model.betas._args_=[[0.5, 0.6]]")
    assert hydra.utils.instantiate(config.model).betas == (0.5, 0.6)


def test_a_wrong_type_that_an_interpolation_reaches_is_refused_when_it_is_read(
    composed: Callable[..., DictConfig],
) -> None:
    config = composed("model=linked", "width=abc")
    with pytest.raises(Exception, match=r"interpolation '\$\{width\}': Value 'abc' of type 'str' could not"):
        hydra.utils.instantiate(config.model)


@pytest.mark.parametrize("slot", [{}, {"model": "???"}], ids=["left out", "missing"])
@pytest.mark.parametrize("order", [["_self_"], ["_self_", 0], [0, "_self_"]], ids=["none", "before", "behind"])
@pytest.mark.parametrize("option", ["mine", "plain", "tied"])
def test_what_is_missing_takes_whatever_another_config_puts_there(
    composed: Callable[..., DictConfig], order: list[Any], option: str, slot: dict[str, Any]
) -> None:
    data = {
        "_target_": "typed_parts.Run",
        "_convert_": "all",
        **slot,
        "optim": None,
        "steps": 3,
    }
    defaults = [{"/model@model": option} if each == 0 else each for each in order]
    ConfigStore.instance().store("slots", write(data, {"defaults": defaults}))
    config = composed("hydra.searchpath=[fiddle://typed_zoo]", "steps=4", name="slots")
    assert "defaults" not in config
    assert OmegaConf.is_missing(config, "model") is (0 not in order)
    with pytest.raises(ConfigCompositionException):
        composed("hydra.searchpath=[fiddle://typed_zoo]", "steps=abc", name="slots")
    if 0 in order:
        assert type(hydra.utils.instantiate(config.model)).__name__ == "Model"


def test_an_app_over_typed_recipes_runs_sweeps_and_shows_them(tmp_path: Path) -> None:
    [run, sweep, wrong, unknown, cfg, help_text, tree] = run_app(
        APPS / "typed_app.py",
        ["model.depth=2", "model=tied", "optim=sgd"],
        ["-m", "model=small,tied", "model.dim=1,2", "+optim.eps2=1"],
        ["model.dim=abc"],
        ["model.dmi=3"],
        ["--cfg", "job", "--package", "optim"],
        ["--help"],
        ["--info", "defaults-tree"],
        folder=tmp_path,
    )
    layer = "Layer(width=3, rate=0)"
    assert results(run[1]) == [
        f"8 LAYER 2 (0.9, 0.99) weights.pt {layer} [{layer}, {layer}] True SGD(lr=0.2, momentum=0)"
    ]
    assert [line.split()[0] for line in results(sweep[1])] == ["1", "2", "1", "2"]
    assert all("'eps2': 1" in line for line in results(sweep[1]))
    assert (wrong[0], unknown[0]) == (1, 1)
    assert "Value 'abc' of type 'str' could not be converted to Integer" in wrong[2]
    assert "Key 'dmi' not in 'Model'" in unknown[2]
    assert cfg[1] == "# @package optim\n_target_: typed_parts.Adam\n_convert_: all\nlr: 0.5\neps: 1.0e-08\n"
    assert "  depth: null\n" in help_text[1]
    assert "model: small" in tree[1] or "model/small" in tree[1]


def test_what_a_recipe_says_to_hydra_is_not_typed() -> None:
    said_to_hydra = {"sweeper": {"_target_": "tests.recipes.typed_targets.wrapped", "params": {"x": "1,2"}}}
    config = typed({"defaults": ["_self_"], "hydra": said_to_hydra, "made": fdl.Config(t.wrapped)})
    assert (config.defaults, config.hydra) == (["_self_"], said_to_hydra)
    assert OmegaConf.get_type(config.hydra.sweeper) is dict
    assert types_of(config.made) == {"size": int}


def test_one_recipe_may_be_on_offer_typed_and_untyped() -> None:
    fhb.register(three, name="loose")
    fhb.register(three, name="strict", typed=True)
    source = RecipeSource("test", "fiddle://")
    found = {name: OmegaConf.get_type(source.load_config(name).config) for name in ("loose", "strict")}
    assert (found["loose"], found["strict"].__name__) == (dict, "wrapped")


def test_typed_is_a_word_of_the_registry_too() -> None:
    fhb.register(fdl.Config(t.wrapped), name="small", typed=True)
    assert REGISTRY.entries["small"].typed
    with pytest.raises(fhb.ParameterError, match="no name=, package=, typed= or verbatim="):
        fhb.register(components, typed=True)


# Classes ---------------------------------------------------------------------------------------------------------


def test_equal_signatures_are_one_class() -> None:
    one, two = (OmegaConf.get_type(typed(fdl.Config(t.Layer, width=width))) for width in (1, 2))
    other = OmegaConf.get_type(typed(fdl.Config(t.Layer, width="x")))
    assert one is two is not other
    assert (one.__name__, other.__name__) == ("Layer", "Layer")


def every_config() -> list[DictConfig]:
    nodes: list[Any] = [fdl.Config(target) for target in TARGETS]
    nodes.append(fdl.Partial(t.unannotated, 1, **{"x-y": 2, "b": 3}))
    return [typed(fdl.Config(components.Node, a=node)) for node in nodes]


def test_configs_are_pickled_and_come_back_with_their_classes() -> None:
    for config in every_config():
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
            received = pickle.loads(pickle.dumps(config, protocol))
            assert received == config
            assert OmegaConf.get_type(received.a) is OmegaConf.get_type(config.a)


RECEIVER = """
import pickle, sys
from omegaconf import OmegaConf
from omegaconf.errors import ValidationError
configs = pickle.loads(sys.stdin.buffer.read())
assert "fiddle" not in sys.modules
sent = [OmegaConf.get_type(config.a) for config in configs]
layer = next(config for config in configs if config.a._target_.endswith(".Layer"))
layer.a.width = 3
try:
    layer.a.width = "x"
except ValidationError as error:
    print(str(error).splitlines()[0])
from tests.recipes.test_structured import every_config
print([OmegaConf.get_type(config.a) for config in every_config()] == sent)
print(pickle.loads(pickle.dumps(configs)) == configs)
"""


def test_a_process_that_knows_no_recipe_receives_the_classes_and_makes_the_same(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", RECEIVER],
        input=pickle.dumps(every_config()),
        cwd=PROJECT,
        capture_output=True,
        check=False,
    )
    assert result.stdout.decode().split("\n") == [
        "Value 'x' of type 'str' could not be converted to Integer",
        "True",
        "True",
        "",
    ], result.stderr.decode()


NO_CLASSES = {
    "a word": "nothing",
    "no target": "[]",
    "no text": "[1, [[2, 3]]]",
    "no type": '["a", [["x", "no type"]]]',
    "an enum that is not there": '["a", [["x", ["enum", "no.such"]]]]',
    "a function for an enum": '["a", [["x", ["enum", "math.sqrt"]]]]',
    "an enum that Hydra refuses": '["a", [["x", ["enum", "os.system"]]]]',
}


@pytest.mark.parametrize("name", NO_CLASSES.values(), ids=NO_CLASSES)
def test_a_name_that_is_no_class_is_no_attribute(name: str) -> None:
    with pytest.raises(AttributeError, match="has no attribute"):
        getattr(config_types, name)


# Hydra's ConfigStore ---------------------------------------------------------------------------------------------


def test_a_stored_recipe_is_the_schema_of_a_yaml_file(tmp_path: Path) -> None:
    import typed_parts as parts

    fhb.store_recipe(fdl.Config(parts.Model), group="model", name="schema")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "good.yaml").write_text("defaults: [schema, _self_]\ndim: 3\nnorm: BATCH\n")
    (tmp_path / "model" / "bad.yaml").write_text("defaults: [schema, _self_]\ndim: three\n")
    (tmp_path / "config.yaml").write_text("defaults: [model: good, _self_]\n")
    with initialize_config_dir(str(tmp_path), version_base="1.3"):
        model = hydra.utils.instantiate(compose("config").model)
        assert (model.dim, model.norm, model.depth) == (3, parts.Norm.BATCH, None)
        with pytest.raises(ConfigCompositionException, match="Value 'three' of type 'str' could not be converted"):
            compose("config", overrides=["model=bad"])


def three() -> fdl.Config[Any]:
    return fdl.Config(t.wrapped)


def test_a_stored_recipe_may_be_the_primary_config_and_is_not_registered() -> None:
    fhb.store_recipe(fdl.Config(t.wrapped), group="sizes", name="three")
    fhb.store_recipe({"defaults": [{"sizes": "three"}, "_self_"], "seed": 1}, name="settings")
    fhb.store_recipe(three, package="elsewhere")
    assert not REGISTRY.entries
    assert ConfigStore.instance().load("three.yaml").package == "elsewhere"
    with hydra.initialize(None, version_base="1.3"):
        assert compose("settings").sizes.size == 3
        with pytest.raises(ConfigCompositionException):
            compose("settings", overrides=["sizes.size=x"])


def test_what_cannot_be_stored_is_refused() -> None:
    with pytest.raises(fhb.ParameterError, match="name="):
        fhb.store_recipe(fdl.Config(t.wrapped))
    with pytest.raises(fhb.ParameterError, match="words with slashes"):
        fhb.store_recipe(t.wrapped, group="a.b")
    with pytest.raises(fhb.BridgeError):
        fhb.store_recipe(fdl.Config(components.Node, a=lambda: 1), name="node")


def test_nothing_is_stored_while_a_search_path_imports_a_module() -> None:
    with not_registering():
        fhb.store_recipe(fdl.Config(t.wrapped), name="not_stored")
    assert "not_stored.yaml" not in ConfigStore.instance().repo
