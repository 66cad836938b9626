"""``fiddle://`` on Hydra's search path: recipes compose as YAML files do, and only what is chosen is imported."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fiddle as fdl
import hydra.utils
import pytest
from hydra import compose, initialize_config_dir
from hydra.errors import ConfigCompositionException
from hypothesis import given
from omegaconf import DictConfig, OmegaConf

import fiddle_hydra_bridge as fhb
from fiddle_hydra_bridge.convert import omegaconf_nodes
from fiddle_hydra_bridge.convert.compare import first_difference, first_graph_difference
from fiddle_hydra_bridge.recipes import config_source
from fiddle_hydra_bridge.recipes.entry_points import entry_points
from fiddle_hydra_bridge.recipes.spelling import spell
from tests.components import Encoder, Node
from tests.strategies import graphs, sections

APPS = Path(__file__).with_name("apps")

Composer = Callable[..., DictConfig]


def spelled(graph: Any) -> DictConfig:
    own, data, _ = spell(graph)
    config: DictConfig = omegaconf_nodes.write({**own, **data})
    return config


def forget(*packages: str) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] in packages]:
        del sys.modules[name]


@pytest.fixture(autouse=True)
def fresh_modules() -> Iterator[None]:
    """Other tests may have modules of the same names."""
    forget("zoo", "parts", "broken")
    yield
    forget("zoo", "parts", "broken")


@pytest.fixture
def composed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Composer]:
    """Composes a config of the sample app with overrides."""
    monkeypatch.syspath_prepend(str(APPS))
    with initialize_config_dir(str(APPS / "conf"), version_base="1.3"):
        yield lambda *overrides, name="config": compose(name, overrides=list(overrides))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Composer]:
    """A folder on Python's path, that is also the folder of the configs."""
    monkeypatch.syspath_prepend(str(tmp_path))
    with initialize_config_dir(str(tmp_path), version_base="1.3"):
        yield lambda *overrides, name="config": compose(name, overrides=list(overrides))


def write(folder: Path, **texts: str) -> None:
    for name, text in texts.items():
        path = folder / name.replace("__", "/")
        path = path.with_suffix(".yaml" if name == "config" else ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def imported() -> set[str]:
    return {name for name in sys.modules if name.partition(".")[0] == "zoo"}


def test_an_option_is_a_recipe_and_only_its_module_is_imported(composed: Composer) -> None:
    config = composed()
    assert config.model == {
        "_target_": "parts.Model",
        "_convert_": "all",
        "tokenizer": {"_target_": "parts.Tokenizer", "_convert_": "all"},
        "dim": 8,
        "layers": [1, {"a": 2}],
    }
    assert imported() == {"zoo", "zoo.model", "zoo.optim"}


def test_what_is_served_is_plain_config_that_overrides_may_change_at_will(composed: Composer) -> None:
    config = composed(
        "model._target_=parts.Data", "~model.dim", "+model.extra=1", "model.layers=[3]", "+model.tokenizer.size=5"
    )
    assert config.model == {
        "_target_": "parts.Data",
        "_convert_": "all",
        "tokenizer": {"_target_": "parts.Tokenizer", "_convert_": "all", "size": 5},
        "layers": [3],
        "extra": 1,
    }


def test_a_yaml_file_lists_a_recipe_of_its_group_and_changes_it(composed: Composer) -> None:
    config = composed("model=tiny")
    assert (config.model.dim, config.model.layers) == (1, [1, {"a": 2}])


def test_a_recipe_lists_yaml_files_and_recipes_in_its_section_of_defaults(composed: Composer) -> None:
    config = composed("hydra.searchpath=[fiddle://zoo]", name="over")
    assert (config.model.layers, config.model.seed, config.model.dim, config.optim.lr) == ([1, {"a": 2}], 7, 5, 0.5)
    config = composed("hydra.searchpath=[fiddle://zoo]", "model=plain", "optim=plain/sgd", name="over")
    assert (config.model.tokenizer, config.model.seed, config.model.dim, config.optim.lr) == (None, 7, 5, 0.25)


CHOICES: dict[str, tuple[list[str], dict[str, Any]]] = {
    "another option": (["model=big"], {"model.dim": 70}),
    "a YAML file": (["model=plain"], {"model.dim": 2}),
    "another package": (["+data@test.data=corpus"], {"test.data.size": 1}),
    "the recipe's own package": (["+data=corpus"], {"elsewhere.data.size": 1}),
    "several options": (["optim=[adam,plain/sgd]"], {"optim._target_": "parts.Adam", "optim.plain.lr": 0.25}),
    "an experiment": (["+experiment=quick"], {"model.dim": 3, "sgd.lr": 0.25, "steps": 1}),
    "a group deleted": (["~optim"], {"optim": None}),
    "a nested group": (["+optim/plain=sgd"], {"optim.plain.lr": 0.25}),
    "a name with extension": (["model=big.yaml"], {"model.dim": 70}),
    "auto_config": (["model=automatic"], {"model.tokenizer.size": 5}),
}


@pytest.mark.parametrize("overrides, expected", CHOICES.values(), ids=CHOICES)
def test_recipes_are_chosen_as_yaml_files_are(
    composed: Composer, overrides: list[str], expected: dict[str, Any]
) -> None:
    config = composed(*overrides)
    assert {key: OmegaConf.select(config, key) for key in expected} == expected


def test_the_command_line_replaces_the_search_path(composed: Composer) -> None:
    with pytest.raises(ConfigCompositionException, match="Could not find 'optim/adam'"):
        composed("hydra.searchpath=[]", "model=plain")
    assert composed("hydra.searchpath=[fiddle://zoo]", "model=big").model.dim == 70
    config = composed("hydra.searchpath=[fiddle://zoo@z]", "+z/model=big", name="bare")
    assert config.z.model.dim == 70


def test_shared_instances_stay_shared_after_overrides(composed: Composer) -> None:
    config = composed("model=twins", "model.tokenizer.size=9")
    model = hydra.utils.instantiate(config.model)
    assert model.tokenizer.size == 9
    assert model.layers[0] is model.tokenizer is model.layers[1].tokenizer


def test_an_unknown_option_is_answered_with_the_options(composed: Composer) -> None:
    with pytest.raises(ConfigCompositionException, match=r"(?s)'model/llama'.*automatic.*big.*llama3_8b.*plain.*tiny"):
        composed("model=llama")


def test_a_search_path_that_is_not_there_is_warned_of_as_usual(composed: Composer) -> None:
    with (
        pytest.warns(UserWarning, match="path=no_such_recipes is not available"),
        pytest.raises(ConfigCompositionException),
    ):
        composed("hydra.searchpath=[fiddle://no_such_recipes]")


BROKEN = {
    "syntax": ("import fiddle as fdl\n\n\ndef f() -> fdl.Config:\n    return (\n", r"model\.py:5: SyntaxError"),
    "import": ("import fiddle as fdl\nimport nothing_of_this_name\ndef f() -> fdl.Config: ...\n", r"model\.py:2: Mod"),
    "call": (
        "import fiddle as fdl\ndef f() -> fdl.Config:\n    return fdl.Config(no_name)\n",
        r"model\.py:3: NameError",
    ),
    "lambda": ("import fiddle as fdl\ndef f() -> fdl.Config:\n    return fdl.Config(dict, a=lambda: 1)\n", "at a"),
    "no graph": (
        "import fiddle as fdl\ndef f() -> fdl.Config:\n    return [1]\n",
        "a recipe returns a graph, not a list",
    ),
    "decorator": (
        "import fiddle_hydra_bridge as fhb\n@fhb.recipe(group=g())\ndef f(): ...\n",
        "must be a string literal",
    ),
    "parameters": ("import fiddle_hydra_bridge as fhb\n@fhb.recipe\ndef f(a): ...\n", "missing 1 required positional"),
}


@pytest.mark.parametrize("text, message", BROKEN.values(), ids=BROKEN)
def test_a_broken_recipe_names_its_module_and_breaks_only_who_uses_it(
    folder: Composer, tmp_path: Path, text: str, message: str
) -> None:
    write(
        tmp_path,
        broken____init__="",
        broken__model=text,
        broken__optim="import fiddle as fdl\ndef ok() -> fdl.Config:\n    return fdl.Config(dict, a=1)\n",
        config="defaults:\n- optim: ok\n\nhydra:\n  searchpath: ['fiddle://broken']\n",
    )
    assert folder().optim.a == 1
    with pytest.raises(ConfigCompositionException, match=r"(?s)The recipe 'model/f' \(broken\.model\.f\) .*" + message):
        folder("+model=f")


def test_a_module_that_a_search_path_imports_registers_nothing(folder: Composer, tmp_path: Path) -> None:
    text = (
        "import fiddle as fdl, fiddle_hydra_bridge as fhb\n@fhb.recipe\ndef once():\n    return fdl.Config(dict, a=1)\n"
    )
    write(tmp_path, once_recipes__model=text, config="hydra:\n  searchpath: ['fiddle://once_recipes']\n")
    assert folder("+model=once").model.a == 1
    assert not config_source.RecipeSource("test", "fiddle://").is_config("once")


def test_a_link_in_a_recipe_is_an_interpolation_of_the_app() -> None:
    config = spelled(fdl.Config(Encoder, dim=fhb.link("${width}")))
    assert OmegaConf.create({"width": 5, "encoder": config}).encoder.dim == 5


@pytest.mark.parametrize("make", [dict, lambda **entries: fdl.Config(fhb.section, **entries)], ids=["dict", "section"])
def test_the_outermost_section_speaks_to_hydra_as_a_yaml_file_does(make: Callable[..., Any]) -> None:
    graph = make(defaults=[{"optional a": "b"}, "_self_"], hydra={"run": {"dir": "x"}}, data={"dir": "y"})
    assert spelled(graph) == {
        "defaults": [{"optional a": "b"}, "_self_"],
        "hydra": {"run": {"dir": "x"}},
        "data": {"_target_": "builtins.dict", "_convert_": "all", "_args_": [[["dir", "y"]]]},
    }
    assert (graph["defaults"] if make is dict else graph.defaults) == [{"optional a": "b"}, "_self_"]


@pytest.mark.parametrize("mode", ["none", "partial", "object", "all"])
def test_a_node_keeps_its_own_way_to_take_containers(mode: str) -> None:
    node = {"_target_": "tests.components.Node", "a": {"b": [1]}, "c": {"_target_": "tests.components.Node", "b": [2]}}
    graph = fhb.from_hydra({**node, "_convert_": mode})
    config = spelled(graph)
    assert (config._convert_, config.c._convert_) == (mode, mode)
    assert fhb.same_graph(fhb.from_hydra(config), graph)


def test_every_call_node_says_how_it_takes_containers() -> None:
    config = spelled({"node": fdl.Config(Node, a=fdl.Config(Node, b={"c": [fdl.Config(Encoder, dim=1)]}))})
    config.node.a.a = [1, 2]
    made = hydra.utils.instantiate(config.node.a)
    assert (type(made.a), type(made.b)) == (list, dict)
    assert OmegaConf.select(config, "node.a.b.c")[0]._convert_ == "all"
    assert "_convert_" not in config


@given(graphs())
def test_what_is_served_is_the_graph(graph: Any) -> None:
    config = spelled(graph)
    assert first_graph_difference(fhb.from_hydra(config), graph) is None
    assert first_difference(hydra.utils.instantiate(config), fdl.build(graph)) is None


@given(sections())
def test_a_section_that_is_served_is_the_section(graph: Any) -> None:
    assert first_graph_difference(fhb.from_hydra(spelled(graph)), graph) is None


def install(folder: Path, distribution: str, text: str) -> None:
    metadata = folder / f"{distribution}-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "entry_points.txt").write_text(text)


def test_entry_points_are_read_from_the_metadata_of_installed_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(
        tmp_path / "a",
        "one",
        "[console_scripts]\nx = y:z\n\n[fiddle_hydra_bridge.recipes]\n# none\nmine = one.recipes\n",
    )
    install(tmp_path / "a", "two", "[other]\nmine = fiddle_hydra_bridge.recipes\n")
    install(tmp_path / "b", "one", "[fiddle_hydra_bridge.recipes]\nolder = one\n")
    install(tmp_path / "b", "three", "[fiddle_hydra_bridge.recipes]\na=three.a\nb = three.b\n[other]\nc = d\n")
    (tmp_path / "b" / "four-1.0.dist-info").mkdir()
    monkeypatch.setattr(
        sys, "path", [str(tmp_path / "a"), str(tmp_path / "no"), str(tmp_path / "b"), str(tmp_path / "a")]
    )
    assert entry_points() == [
        ("one", "mine", "one.recipes"),
        ("three", "a", "three.a"),
        ("three", "b", "three.b"),
    ]


def test_installed_packages_offer_their_recipes_below_their_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, "zoo_recipes", "[fiddle_hydra_bridge.recipes]\nwild = zoo\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.syspath_prepend(str(APPS))
    write(tmp_path, config="defaults:\n- wild/model@model: big\n- wild/optim/plain: sgd\n")
    with initialize_config_dir(str(tmp_path), version_base="1.3"):
        config = compose("config", overrides=["wild/model@model=llama3_8b"])
        assert (config.model.dim, config.wild.optim.plain.lr) == (8, 0.25)
        assert compose("wild/whole").wild.model.dim == 4
        with pytest.raises(ConfigCompositionException):
            compose("config", overrides=["+model=big"])


WRITTEN = {
    "/app/fiddle:/my.recipes": "fiddle://my.recipes",
    "pkg://my.app/fiddle://my.recipes": "fiddle://my.recipes",
    "C:\\app\\fiddle:\\my.recipes": "fiddle://my.recipes",
    "/app/conf": "/app/conf",
    "pkg://my.app/conf": "pkg://my.app/conf",
    "/app/unfiddle:/conf": "/app/unfiddle:/conf",
}


@pytest.mark.parametrize("written, meant", WRITTEN.items(), ids=WRITTEN)
def test_a_config_path_of_recipes_is_no_folder_beside_the_app(written: str, meant: str) -> None:
    from hydra._internal.config_search_path_impl import ConfigSearchPathImpl

    search_path = ConfigSearchPathImpl()
    search_path.append("main", written)
    search_path.append("other", written)
    config_source.RecipeSearchPath().manipulate_search_path(search_path)
    assert [element.path for element in search_path.get_path()][:2] == [meant, written]
