"""Registered recipes: what may be registered, under which names, and how they travel to other processes."""

from __future__ import annotations

import pickle
import types
from typing import Any

import fiddle as fdl
import pytest
from omegaconf import OmegaConf

import fiddle_hydra_bridge as fhb
from fiddle_hydra_bridge.recipes import registry
from fiddle_hydra_bridge.recipes.config_source import RecipeSource
from fiddle_hydra_bridge.recipes.registry import Registry, not_registering
from tests import components
from tests.components import Encoder


def source() -> RecipeSource:
    return RecipeSource("test", "fiddle://")


def encoder() -> fdl.Config[Encoder]:
    return fdl.Config(Encoder, dim=3)


def test_a_recipe_stays_the_function_that_it_is_and_is_not_called() -> None:
    def fails() -> fdl.Config[Any]:
        raise AssertionError

    assert fhb.recipe(fails) is fails
    assert fhb.recipe(group="model", name="other")(fails) is fails
    assert source().list("", None) == ["fails", "model"]
    assert source().list("model", None) == ["other"]


def test_a_registered_recipe_is_served_when_it_is_chosen() -> None:
    fhb.register(encoder, group="model", package="elsewhere")
    result = source().load_config("model/encoder")
    assert result.config == {"_target_": "tests.components.Encoder", "_convert_": "all", "dim": 3}
    assert result.header == {"package": "elsewhere"}


def test_a_graph_is_registered_by_name() -> None:
    fhb.register(encoder(), name="small")
    assert source().load_config("small").config.dim == 3


def test_a_module_is_registered_below_its_group() -> None:
    module = types.ModuleType("examples.pretrain.recipes")
    fhb.register(module, group="zoo")
    assert "pretrain" in source().list("zoo", None)
    assert source().is_group("zoo")
    assert not source().is_config("pretrain")


@pytest.mark.parametrize(
    "what, words",
    [
        (fdl.Config(Encoder, dim=1), {}),
        ({"a": 1}, {}),
        (components, {"name": "x"}),
        (components, {"package": "x"}),
    ],
    ids=["a graph without name", "a dict without name", "a module with name", "a module with package"],
)
def test_what_cannot_be_registered_is_refused(what: Any, words: dict[str, str]) -> None:
    with pytest.raises(fhb.ParameterError, match="name="):
        fhb.register(what, **words)


@pytest.mark.parametrize("group", ["a.b", "/a", "a/", "a b", "a@b", "a=b"])
def test_groups_that_no_command_line_could_name_are_refused(group: str) -> None:
    for what, name in ((encoder, "fine"), (components, None)):
        with pytest.raises(fhb.ParameterError, match="words with slashes"):
            fhb.register(what, group=group, name=name)


@pytest.mark.parametrize("name", ["a/b", "a b", "a.yaml", ".a", "a,b", "a=b"])
def test_names_that_no_command_line_could_name_are_refused(name: str) -> None:
    with pytest.raises(fhb.ParameterError, match="must be one word"):
        fhb.register(encoder, group="fine", name=name)


@pytest.mark.parametrize("group, name", [("a-b/c_d", "llama-3.1"), (None, "7b"), ("", "é")])
def test_other_words_are_fine(group: str | None, name: str) -> None:
    fhb.register(encoder, group=group, name=name)
    assert source().is_config(f"{group}/{name}" if group else name)


def test_two_functions_of_one_name_are_refused() -> None:
    fhb.register(encoder, group="model")
    with pytest.raises(fhb.ParameterError, match=r"two recipes are called 'model/encoder': .*encoder and .*combine"):
        fhb.register(components.combine, group="model", name="encoder")


def test_the_same_function_defined_anew_replaces_the_old_one() -> None:
    def define(dim: int) -> Any:
        def again() -> fdl.Config[Encoder]:
            return fdl.Config(Encoder, dim=dim)

        return again

    fhb.register(define(1))
    fhb.register(define(2))
    assert source().load_config("again").config.dim == 2


def test_nothing_is_registered_while_a_search_path_imports_a_module() -> None:
    with not_registering():
        fhb.recipe(encoder)
    assert source().list("", None) == []


def test_a_config_source_takes_the_registry_to_another_process(empty_registry: Registry) -> None:
    fhb.register(encoder, group="model")
    fhb.register(fdl.Config(Encoder, dim=1), name="graph")
    fhb.register(types.ModuleType("examples.pretrain.recipes"), group="zoo")
    sent = pickle.dumps(source())
    empty_registry.entries, empty_registry.modules = {}, []
    received = pickle.loads(sent)
    assert received.list("", None) == ["graph", "model", "zoo"]
    assert OmegaConf.is_dict(received.load_config("model/encoder").config)


def test_a_source_of_a_module_takes_nothing_along(empty_registry: Registry) -> None:
    fhb.register(encoder)
    sent = pickle.dumps(RecipeSource("test", "fiddle://examples.pretrain.recipes@zoo"))
    empty_registry.entries = {}
    received = pickle.loads(sent)
    assert received.full_path() == "fiddle://examples.pretrain.recipes@zoo"
    assert received.is_group("zoo")
    assert not empty_registry.entries


def test_the_registry_is_light() -> None:
    assert {"fiddle", "hydra", "omegaconf"}.isdisjoint(vars(registry))
