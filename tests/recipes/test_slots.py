"""Slots: what a recipe takes as parameters is a choice of Hydra's, and gives the same as in Python."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fiddle as fdl
import hydra.utils
import pytest
from fiddle import daglish
from hydra import compose, initialize_config_dir
from hydra.errors import ConfigCompositionException, InstantiationException
from hypothesis import assume, given, reject
from hypothesis import strategies as st
from omegaconf import DictConfig, OmegaConf

import fiddle_hydra_bridge as fhb
from fiddle_hydra_bridge.convert import omegaconf_nodes
from fiddle_hydra_bridge.convert.compare import first_difference, first_graph_difference
from fiddle_hydra_bridge.recipes.config_source import RecipeSource
from fiddle_hydra_bridge.recipes.merging import NotPlainError, merged, overlay
from fiddle_hydra_bridge.recipes.serving import recipe_of
from fiddle_hydra_bridge.recipes.slots import Offering, Served
from fiddle_hydra_bridge.recipes.spelling import spell
from tests.recipes.test_app import APPS, results, run_app
from tests.strategies import graphs

Composer = Callable[..., DictConfig]


SAMPLES = ("slotted", "unslotted", "parts", "typed_zoo", "typed_parts", "adding_recipes", "of_itself")


def forget() -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] in SAMPLES]:
        del sys.modules[name]


@pytest.fixture(autouse=True)
def apps(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    forget()
    monkeypatch.syspath_prepend(str(APPS))
    yield
    forget()


@pytest.fixture
def composed() -> Iterator[Composer]:
    """Composes a recipe of the sample package; YAML files are on the search path, too."""
    path = f"hydra.searchpath=[file://{APPS / 'slot_conf'}]"
    with initialize_config_dir(os.path.abspath("fiddle://slotted"), version_base="1.3"):
        yield lambda name, *overrides: compose(name, overrides=[path, *overrides])


def recipe(name: str, module: str = "slotted") -> Any:
    found = RecipeSource("test", f"fiddle://{module}").find(name)
    assert found is not None
    return recipe_of(found)


def served(name: str, module: str = "slotted") -> Served:
    return Offering(RecipeSource("test", f"fiddle://{module}")).serve(recipe(name, module))


# --------------------------------------------------------------------------------- composing is calling with options

CHOICES = [
    pytest.param("plain", [], {}, id="defaults"),
    pytest.param("plain", ["optim=sgd"], {"optim": "optim/sgd"}, id="the group is the key"),
    pytest.param("plain", ["model=mamba", "optim=sgd"], {"model": "model/mamba", "optim": "optim/sgd"}, id="two"),
    pytest.param("pretrain", [], {}, id="renamed, deeper, edited and shared"),
    pytest.param("pretrain", ["model@net=mamba"], {"model": "model/mamba"}, id="another class"),
    pytest.param("pretrain", ["model@net=twins"], {"model": "model/twins"}, id="an option that shares inside"),
    pytest.param("pretrain", ["optim@training.optim=sgd"], {"optim": "optim/sgd"}, id="met in two places"),
    pytest.param("pretrain", ["data=images"], {"data": "data/images"}, id="shared across slots"),
    pytest.param("root", [], {}, id="the whole"),
    pytest.param("root", ["model@_global_=mamba"], {"model": "model/mamba"}, id="the whole, another class"),
    pytest.param("inner", ["tok@data.tokenizer=words"], {"tok": "tok/words"}, id="a slot in a slot"),
    pytest.param("inner", ["data=images"], {"source": "data/images"}, id="a slot around a slot"),
    pytest.param("partial", ["model=mamba"], {"model": "model/mamba"}, id="in a partial"),
    pytest.param("two", ["model@second=mamba"], {"second": "model/mamba"}, id="two slots of a group"),
]


@pytest.mark.parametrize(("name", "overrides", "chosen"), CHOICES)
def test_a_choice_on_the_command_line_is_an_argument_in_python(
    composed: Composer, name: str, overrides: list[str], chosen: dict[str, str]
) -> None:
    config = composed(name, *overrides)
    graph = recipe(name)(**{key: recipe(path) for key, path in chosen.items()})
    assert not served(name).refusals
    assert first_difference(spell(fhb.from_hydra(config)).data, spell(graph).data) is None
    for build in (hydra.utils.instantiate, fhb.instantiate):
        assert first_difference(build(config), fdl.build(graph)) is None


def test_sections_keep_their_links(composed: Composer) -> None:
    config = composed("sections", "model@net.model=mamba", "optim=sgd", "rate=4")
    assert config.optim == {"_target_": "parts.SGD", "_convert_": "all", "lr": 4}
    assert config.net.model._target_ == "parts.Mamba"


def test_a_slot_of_a_slot_is_a_choice(composed: Composer) -> None:
    config = composed("pretrain", "tok@net.tokenizer=words")
    run = hydra.utils.instantiate(config)
    assert run.net.tokenizer.size == 50
    assert run.data.tokenizer is run.net.tokenizer
    nested = recipe("pretrain")(model=lambda: recipe("model/llama")(tok=recipe("tok/words")))
    assert first_difference(run, fdl.build(nested)) is None


def test_an_override_comes_after_the_recipe_and_its_options(composed: Composer) -> None:
    run = hydra.utils.instantiate(composed("pretrain", "net.seed=1", "training.optim.lr=2.0", "net.dim=3"))
    assert (run.net.seed, run.training.optim.lr, run.net.dim) == (1, 2.0, 3)


def test_yaml_options_and_experiments_go_into_slots(composed: Composer) -> None:
    run = hydra.utils.instantiate(composed("pretrain", "+experiment=quick"))
    assert (type(run.net).__name__, run.net.seed, run.steps) == ("Mamba", 11, 1)
    # What the recipe says of its part holds for an option in YAML, too.
    assert (type(run.training.optim).__name__, run.training.optim.lr) == ("SGD", 0.05)
    assert run.training.again is run.training.optim


def test_a_shared_part_that_is_overridden_away_is_missed(composed: Composer) -> None:
    # Hydra 1.4 lets the exception of the target through.
    with pytest.raises((InstantiationException, TypeError), match=r"missing 1 required positional argument"):
        hydra.utils.instantiate(composed("pretrain", "~net.tokenizer"))
    with pytest.raises((InstantiationException, fhb.ShareError), match=r"the ref 'net\.tokenizer' names nothing"):
        hydra.utils.instantiate(composed("pretrain", "~net.tokenizer", "net._target_=parts.Run"))


def test_slots_stand_before_a_defaults_list_of_the_recipe(composed: Composer) -> None:
    config = composed("own", "model=mamba")
    assert (config.model._target_, config.optim._target_, config.seed) == ("parts.Mamba", "parts.SGD", 1)
    assert served("own").config({})["defaults"] == [{"/model@model": "llama"}, {"optim": "sgd"}, "_self_"]


def test_a_recipe_with_slots_reads_like_a_hydra_config() -> None:
    assert served("plain").config({}) == {
        "defaults": [{"/model@model": "llama"}, {"/optim@optim": "adam"}, "_self_"],
        "_target_": "parts.train",
        "_convert_": "all",
        "data": None,
    }


# ------------------------------------------------------------------------------------------------------- no slots

REFUSALS = [
    ("in_a_list", "no defaults list can name its place"),
    ("in_a_tuple", "no defaults list can name its place"),
    ("below_an_odd_key", "no defaults list can name its place"),
    ("copied", "its graph is no part of the result"),
    ("looked_at", "its graph is no part of the result"),
    ("computed", "with 'big': composing gives another config than the recipe: width"),
    ("behind_a_branch", "with 'big': composing gives another config than the recipe: model"),
    ("placed_by_a_branch", "with 'big': the recipe puts it elsewhere"),
    ("called_twice", "the recipe calls it more than once"),
    ("not_called", "the recipe does not call it"),
    ("compared", "the recipe looks at the function itself"),
    ("with_a_new_node", "model.tokenizer.size is taken away again"),
    ("with_less", "model.dim is taken away again"),
    ("unset", "model.tokenizer is unset again"),
    ("without_a_group", "'alone' is in no group"),
    ("sharing_on_both_sides", "what is shared inside of a slot is shared with its outside"),
    ("of_a_speaking_option", "an option says something to Hydra itself: defaults"),
    ("with_a_slot_on_a_slot", "its own slot 'tok' sits where another parameter is put: tok@model.tokenizer"),
    ("against_the_slot_of_a_slot", "with 'tok=words': composing gives another config than the recipe: model.seed"),
    ("raising", "with 'big': too big"),
    ("edited/all_of_its_group", "it is all of an option of 'edited', its own group"),
]


@pytest.mark.parametrize(("name", "reason"), REFUSALS, ids=[name for name, _ in REFUSALS])
def test_what_does_not_compose_is_no_slot_and_stays_as_it_is(name: str, reason: str) -> None:
    result = served(name, "unslotted")
    assert list(result.refusals) == ["model"]
    assert reason in result.refusals["model"]
    assert not any(slot.parameter == "model" for slot in result.places)
    assert result.data == spell(recipe(name, "unslotted")()).data


def test_other_slots_stay_when_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    module = __import__("unslotted")
    monkeypatch.setattr(module.computed, "__defaults__", (module.small, module.other))
    monkeypatch.setattr(
        module,
        "computed",
        lambda model=module.small, tiny=module.other: fdl.Config(dict, width=model().dim, tiny=tiny()),
    )
    offering = Offering(RecipeSource("test", "fiddle://unslotted"))
    result = offering.serve(module.computed)
    assert list(result.refusals) == ["model"]
    assert result.config({})["defaults"] == [{"/tiny@tiny": "other"}, "_self_"]


# ------------------------------------------------------------------------------------------------------ the proof


def test_check_recipes_passes_what_is_right() -> None:
    fhb.check_recipes("slotted")
    fhb.check_recipes(__import__("slotted"))


def test_check_recipes_names_all_that_is_wrong() -> None:
    with pytest.raises(fhb.BridgeError) as caught:
        fhb.check_recipes("unslotted")
    found = {problem.path: problem.message for problem in caught.value.problems}
    assert set(found) == {name for name, _ in REFUSALS}
    assert all(reason in found[name] and "its parameter 'model' is no slot" in found[name] for name, reason in REFUSALS)


def test_check_recipes_finds_broken_recipes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "faulty_recipes.py").write_text(
        "import fiddle_hydra_bridge as fhb\n\n\n@fhb.recipe\ndef raises():\n    raise ValueError('no')\n\n\n"
        "@fhb.recipe\ndef unspellable():\n    return {'f': lambda: 0}\n"
    )
    with pytest.raises(fhb.BridgeError) as caught:
        fhb.check_recipes("faulty_recipes")
    raises, unspellable = caught.value.problems
    assert (raises.path, unspellable.path) == ("raises", "unspellable")
    assert "faulty_recipes.py:6: ValueError: no" in raises.message
    assert "cannot be spelled" in unspellable.message


@pytest.mark.parametrize("name", ["parts", "no_such_module"])
def test_check_recipes_does_not_pass_a_module_without_recipes(name: str) -> None:
    with pytest.raises(fhb.ParameterError, match="there are no recipes"):
        fhb.check_recipes(name)


# ---------------------------------------------------------------------------------------------------------- an app


def test_an_app_swaps_slots_on_its_command_line(tmp_path: Path) -> None:
    plain, swept, experiment, helped, unknown = run_app(
        APPS / "slot_app.py",
        [],
        ["-m", "model@net=llama,mamba", "optim@training.optim=adam,sgd", "hydra.sweep.dir=sweep"],
        [f"hydra.searchpath=[file://{APPS / 'slot_conf'}]", "+experiment=quick"],
        ["--help"],
        ["optim=sgd"],
        folder=tmp_path,
    )
    assert results(plain[1]) == ["Model 5 7 Adam 0.05 3 True True"]
    assert results(swept[1]) == [
        "Model 5 7 Adam 0.05 3 True True",
        "Model 5 7 SGD 0.05 3 True True",
        "Mamba 5 7 Adam 0.05 3 True True",
        "Mamba 5 7 SGD 0.05 3 True True",
    ]
    assert results(experiment[1]) == ["Mamba 5 11 SGD 0.05 1 True True"]
    head = helped[1].partition("== Configuration groups ==")[0]
    assert head.splitlines()[0] == "slot_app is powered by Hydra."
    assert [line.split("  ")[0].strip() for line in head.splitlines()[5:-1]] == [
        "model@net=llama",
        "tok@net.tokenizer=chars",
        "data=text",
        "optim@training.optim=adam",
    ]
    assert unknown[0] == 1
    assert "Did you mean to override optim@training.optim?" in unknown[2]


# ------------------------------------------------------------------------------------------------- typed recipes

TYPED = [
    pytest.param("slots", [], {}, id="typed parts"),
    pytest.param("slots", ["model=tied", "optim=later"], {"model": "tied", "optim": "later"}, id="other typed parts"),
    pytest.param("slots", ["model=plain"], {"model": "plain"}, id="an untyped part"),
    pytest.param("of_untyped", ["model=tied"], {"model": "tied"}, id="a typed part for an untyped one"),
    pytest.param("untyped", ["optim=sgd"], {"optim": "sgd"}, id="typed parts of an untyped recipe"),
]


@pytest.mark.parametrize(("name", "overrides", "chosen"), TYPED)
def test_typed_recipes_have_slots(name: str, overrides: list[str], chosen: dict[str, str]) -> None:
    with initialize_config_dir(os.path.abspath("fiddle://typed_zoo"), version_base="1.3"):
        run = hydra.utils.instantiate(compose(name, overrides=overrides))
    arguments = {key: recipe(f"{key}/{option}", "typed_zoo") for key, option in chosen.items()}
    assert not served(name, "typed_zoo").refusals
    assert first_difference(run, fdl.build(recipe(name, "typed_zoo")(**arguments))) is None


@pytest.mark.parametrize(
    "override", ["model.dim=abc", "model.dmi=3", "steps=x", "optim.momentum=x", "model.layers=3", "stpes=1"]
)
def test_hydra_checks_what_is_set_in_a_typed_slot(override: str) -> None:
    with (
        initialize_config_dir(os.path.abspath("fiddle://typed_zoo"), version_base="1.3"),
        pytest.raises(ConfigCompositionException),
    ):
        compose("slots", overrides=[override])


def test_a_typed_recipe_shows_the_unset_parameters_of_its_slots() -> None:
    with initialize_config_dir(os.path.abspath("fiddle://typed_zoo"), version_base="1.3"):
        config = compose("slots")
    assert (config.model.dim, config.model.depth, config.optim.momentum, config.steps) == (16, None, 0, 2)


def test_check_recipes_passes_typed_recipes() -> None:
    fhb.check_recipes("typed_zoo")


def test_what_a_typed_config_does_not_take_is_no_slot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "adding_recipes.py").write_text(
        "import fiddle as fdl\nimport typed_parts as parts\n\nimport fiddle_hydra_bridge as fhb\n\n\n"
        "@fhb.recipe(group='optim', typed=True)\ndef adam():\n    return fdl.Config(parts.Adam, lr=0.5)\n\n\n"
        "@fhb.recipe\ndef adding(optim=adam):\n    descent = optim()\n    descent.nesterov = True\n"
        "    return fdl.Config(parts.Run, model=None, optim=descent)\n"
    )
    result = served("adding", "adding_recipes")
    assert "a typed config does not take what the recipe sets" in result.refusals["optim"]
    assert "nesterov" in result.refusals["optim"]


# ------------------------------------------------------------------------------- options of the recipe's own group


def test_a_recipe_may_take_options_of_its_own_group() -> None:
    module = __import__("of_itself")
    offering = Offering(RecipeSource("test", "fiddle://of_itself"))
    for name, place in {"wrapped": ("tokenizer",), "run": ("model",)}.items():
        result = offering.serve(getattr(module, name))
        assert (list(result.places.values()), result.refusals) == ([place], {})
    fhb.check_recipes("of_itself")


# --------------------------------------------------------------------------------------------------- the mechanism


@st.composite
def slotted(draw: Any) -> tuple[Any, list[Any]]:
    """A graph and some of its nodes."""
    graph = draw(graphs())
    nodes = [
        node
        for node, path in daglish.iterate(graph, memoized=True)
        if isinstance(node, fdl.Config | fdl.Partial) and not isinstance(node, fdl.ArgFactory) and path
    ]
    assume(nodes)
    return graph, draw(st.lists(st.sampled_from(nodes), min_size=1, max_size=3, unique_by=id))


@given(slotted())
def test_what_other_configs_give_keeps_the_graph_as_it_is(case: tuple[Any, list[Any]]) -> None:
    graph, parts = case
    try:
        config = omegaconf_nodes.write(spell(graph, parts).data)
    except fhb.UnsupportedValueError as error:
        assume("shared inside of a slot" not in str(error))
        raise
    assert first_graph_difference(fhb.from_hydra(config), graph) is None
    built = fdl.build(graph)
    assert first_difference(hydra.utils.instantiate(config), built) is None
    assert first_difference(fhb.instantiate(config), built) is None


data = st.recursive(
    st.one_of(st.integers(0, 2), st.none(), st.just("a"), st.lists(st.integers(0, 2), max_size=2)),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
mappings = st.dictionaries(st.sampled_from("abc"), data, max_size=3)


@given(mappings, mappings)
def test_plain_data_merge_as_in_omegaconf(old: dict[str, Any], new: dict[str, Any]) -> None:
    try:
        expected = OmegaConf.to_container(OmegaConf.merge(old, new))
    except TypeError:
        reject()
    assert merged(old, new) == expected


@given(mappings, mappings)
def test_an_overlay_gives_the_new_config_or_is_refused(old: dict[str, Any], new: dict[str, Any]) -> None:
    try:
        over = overlay(old, new)
    except NotPlainError as refused:
        assert "in the place of a mapping" in str(refused) or first_difference(merged(old, new), new) is not None
    else:
        assert first_difference(OmegaConf.to_container(OmegaConf.merge(old, over)), new) is None
