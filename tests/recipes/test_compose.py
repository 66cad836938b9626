"""``fhb.compose`` and ``fhb.explain``: what comes back, what is left as it was, and what is said of what is wrong."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import fiddle as fdl
import hydra
import pytest
from fiddle import printing
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobRuntime
from hydra.errors import ConfigCompositionException, HydraException, MissingConfigException
from hydra.version import VersionBase
from omegaconf import OmegaConf, open_dict

import fiddle_hydra_bridge as fhb
from fiddle_hydra_bridge.recipes import compose
from fiddle_hydra_bridge.recipes.hydra_loader import IS_HYDRA_13, Repository
from fiddle_hydra_bridge.recipes.provenance import Provenance
from fiddle_hydra_bridge.recipes.registry import REGISTRY
from fiddle_hydra_bridge.recipes.replay import DELETED
from tests.recipes.test_app import run_app

VERSION: dict[str, Any] = {"version_base": None} if IS_HYDRA_13 else {}

FILES = {
    "config.yaml": """\
defaults:
- model: small
- _self_
lr: ${model.rate}
job: ${hydra:job.config_name}
out: ${hydra:runtime.output_dir}
items: [1, 2]
""",
    "model/small.yaml": """\
_target_: tests.recipes.test_compose.Model
rate: 0.5
dim: 1
""",
    "model/big.yaml": """\
defaults: [small]
dim: 8
""",
    "experiment/fast.yaml": """\
# @package _global_
defaults:
- override /model: big
model: {rate: 2.0}
items: [3]
""",
}


class Model:
    def __init__(self, rate: float, dim: int, seed: int = 0) -> None:
        if dim < 0:
            raise ValueError("a negative dim")
        self.rate, self.dim = rate, dim


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / "conf" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "conf" / name).write_text(text, encoding="utf-8")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, FILES)
    return tmp_path


def state() -> list[Any]:
    """What a composition may not change."""
    return [
        GlobalHydra.instance().hydra,
        HydraConfig.instance().cfg,
        VersionBase.instance().version_base,
        JobRuntime.instance().get("name"),
    ]


@pytest.mark.filterwarnings("ignore")
def test_the_graph_is_the_one_that_from_hydra_makes_of_what_hydra_composes(folder: Path) -> None:
    overrides = ["+experiment=fast", "model.dim=3", "out=0"]
    with hydra.initialize_config_dir(str(folder / "conf"), **VERSION):
        config = hydra.compose("config", overrides, return_hydra_config=True)
        HydraConfig.instance().set_config(config)
        part = OmegaConf.masked_copy(config, [key for key in config if key != "hydra"])
        expected = fhb.from_hydra(part)
        HydraConfig.instance().cfg = None
    assert fhb.same_graph(fhb.compose("config", overrides, config_dir="conf"), expected)


def test_the_options_of_from_hydra_are_taken() -> None:
    graph = fhb.compose("config", config_dir="conf", links="keep")
    assert graph.lr.expression == "${model.rate}"
    with pytest.raises(fhb.RefusedTargetError, match=r"conf/model/small.yaml:1:1: .* is not in allow="):
        fhb.compose("config", config_dir=Path("conf"), allow=["elsewhere.*"])
    with pytest.raises(TypeError, match="did you mean 'allow'"):
        fhb.compose("config", config_dir="conf", alow=[])


def test_what_hydra_itself_knows_resolves() -> None:
    graph = fhb.compose("config", config_dir="conf")
    assert graph.job == "config"
    # Only a run has an output folder.
    with pytest.raises(fhb.LinkError, match=r"conf/config.yaml:6:1"):
        fdl.build(graph.out)


@pytest.mark.parametrize("inside", [False, True], ids=["alone", "inside an initialised Hydra"])
@pytest.mark.parametrize("overrides", [[], ["nope=1"], ["model=gone"], ["lr=["], ["+model.x=1"]], ids=str)
def test_hydras_global_state_is_left_as_it_was(folder: Path, inside: bool, overrides: list[str]) -> None:
    def composes() -> None:
        before = state()
        try:
            fhb.compose("config", overrides, config_dir="conf")
        except (HydraException, fhb.BridgeError):
            assert overrides
        assert list(map(id, state())) == list(map(id, before))

    if not inside:
        composes()
        return
    with hydra.initialize_config_dir(str(folder / "conf" / "model"), job_name="outer", **VERSION):
        composes()
        assert hydra.compose("small").dim == 1
        assert JobRuntime.instance().get("name") == "outer"


def test_without_a_folder_the_initialised_hydra_composes(folder: Path) -> None:
    with pytest.raises(fhb.ParameterError, match="Hydra is not initialised"):
        fhb.compose("config")
    with hydra.initialize_config_dir(str(folder / "conf"), **VERSION):
        before = state()
        assert fhb.compose("config", ["model=big"]).model.dim == 8
        assert str(fhb.explain("config", ["model=big"], "model.dim").place) == "conf/model/big.yaml:2:1"
        assert list(map(id, state())) == list(map(id, before))


def test_a_package_of_configs_and_a_module_of_recipes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "conf" / "__init__.py").touch()
    (folder / "compose_zoo.py").write_text(
        "import fiddle as fdl\ndef pretrain() -> fdl.Config:\n    return fdl.Config(dict, steps=3)\n", encoding="utf-8"
    )
    monkeypatch.syspath_prepend(str(folder))
    try:
        assert fhb.compose("config", config_module="conf").model.dim == 1
        assert str(fhb.explain("config", key="lr", config_module="conf").place) == "conf/config.yaml:4:1"
        graph = fhb.compose("pretrain", ["steps=5"], config_module="fiddle://compose_zoo")
        assert fdl.build(graph) == {"steps": 5}
        found = fhb.explain("pretrain", ["steps=5"], "steps", config_module="fiddle://compose_zoo")
        assert [str(setting.place) for setting in found.settings] == ["compose_zoo.py:3", "command line: steps=5"]
    finally:
        sys.modules.pop("conf", None)
        sys.modules.pop("compose_zoo", None)
    with pytest.raises(fhb.ParameterError, match="not both"):
        fhb.compose("config", config_dir="conf", config_module="conf")


def test_hydras_loader_tells_the_defaults_list_and_who_chose(folder: Path) -> None:
    with hydra.initialize_config_dir(str(folder / "conf"), **VERSION):
        repository = Repository("config", ["+experiment=fast", "lr=1"])
        found = repository.defaults_list()
    names = [entry.config_path for entry in found.entries if not entry.config_path.startswith("hydra/")]
    assert names == ["model/small", "model/big", "config", "experiment/fast"]
    assert [override.input_line for override in found.config_overrides] == ["lr=1"]
    assert (found.choices, found.choosers) == ({"model": "big"}, {"model": "experiment/fast"})
    assert {"config", "model/big", "experiment/fast"} <= set(repository.loaded)
    assert repository.source("model/big").scheme() == "file"
    assert repository.source("nothing") is None


def test_registered_recipes_compose_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(REGISTRY, "entries", {})
    fhb.register(fdl.Config(dict, dim=3), name="compose_registered")
    graph = fhb.compose("compose_registered", ["dim=4"], config_module="fiddle://")
    assert fdl.build(graph) == {"dim": 4}


# --- history ----------------------------------------------------------------------------------------------------------


def test_fiddles_history_tells_the_lines_and_what_they_override() -> None:
    graph = fhb.compose("config", ["+experiment=fast", "model.dim=3", "lr=1", "job=2", "out=3"], config_dir="conf")
    assert printing.history_per_leaf_parameter(graph).splitlines()[1:-1] == [
        f"model.__fn_or_cls__ = {Model!r} @ conf/model/small.yaml:1",
        "model.rate = 2.0 @ conf/experiment/fast.yaml:4",
        "  - previously: 0.5 @ conf/model/small.yaml:2",
        "model.dim = 3 @ command line: model.dim=3",
        "  - previously: 8 @ conf/model/big.yaml:2",
        "  - previously: 1 @ conf/model/small.yaml:3",
        "model.seed = <[unset]>",
        "lr = 1 @ command line: lr=1",
        "  - previously: '${model.rate}' @ conf/config.yaml:4",
        "job = 2 @ command line: job=2",
        "  - previously: '${hydra:job.config_name}' @ conf/config.yaml:5",
        "out = 3 @ command line: out=3",
        "  - previously: '${hydra:runtime.output_dir}' @ conf/config.yaml:6",
        "items = [3] @ conf/experiment/fast.yaml:5",
        "  - previously: [1, 2] @ conf/config.yaml:7",
    ]


def test_a_resolved_interpolation_is_placed_where_it_is_written() -> None:
    printed = printing.history_per_leaf_parameter(fhb.compose("config", config_dir="conf"))
    assert "lr = 0.5 @ conf/config.yaml:4" in printed.splitlines()


# --- explain ----------------------------------------------------------------------------------------------------------


def test_the_whole_chain_of_settings_is_told() -> None:
    assert str(fhb.explain("config", ["+experiment=fast", "model.dim=3"], "model.dim", config_dir="conf")) == (
        """\
model.dim = 3
  command line: model.dim=3: 3
  conf/model/big.yaml:2:1: 8  (overridden)
      brought in by conf/experiment/fast.yaml:3:3
      brought in by command line: +experiment=fast
  conf/model/small.yaml:3:1: 1  (overridden)
      brought in by conf/model/big.yaml:1:12
      brought in by conf/experiment/fast.yaml:3:3
      brought in by command line: +experiment=fast"""
    )


def test_an_interpolation_tells_what_it_points_to() -> None:
    assert str(fhb.explain("config", ["model=big"], "lr", config_dir="conf")) == (
        """\
lr = 0.5
  conf/config.yaml:4:1: '${model.rate}'
    model.rate = 0.5
      conf/model/small.yaml:2:1: 0.5
          brought in by conf/model/big.yaml:1:12
          brought in by command line: model=big"""
    )


@pytest.mark.parametrize("key", ["items.1", "items[1]"])
def test_keys_are_spelled_in_hydras_way_or_the_bridges(key: str) -> None:
    found = fhb.explain("config", ["items.1=7"], key, config_dir="conf")
    assert (found.key, found.value) == ("items[1]", 7)
    assert [setting.won for setting in found.settings] == [False, True]
    # In a list on one line every item has its own column.
    assert [str(setting.place) for setting in found.settings] == ["conf/config.yaml:7:12", "command line: items.1=7"]


def test_a_deleted_key_and_one_that_never_was() -> None:
    found = fhb.explain("config", ["~model.dim"], "model.dim", config_dir="conf")
    assert [setting.value for setting in found.settings] == [1, DELETED]
    assert str(found.settings[-1].place) == "command line: ~model.dim"
    with pytest.raises(fhb.ParameterError, match="give the key"):
        fhb.explain("config", config_dir="conf")
    with pytest.raises(fhb.ParameterError, match=r"'model' has no key 'dimm' .did you mean 'dim'"):
        fhb.explain("config", key="model.dimm", config_dir="conf")


def test_what_does_not_resolve_is_told_with_its_reason() -> None:
    found = fhb.explain("config", ["lr=${nope}"], "lr", config_dir="conf")
    assert found.value == "${nope}"
    assert found.problem == "Interpolation key 'nope' not found"
    assert str(found.place) == "command line: lr=${nope}"


def test_hydras_own_values_are_explained_too() -> None:
    found = fhb.explain("config", ["hydra.job.chdir=true"], "hydra.job.chdir", config_dir="conf")
    assert str(found.place) == "command line: hydra.job.chdir=true"
    # Hydra sets this one itself.
    assert fhb.explain("config", key="hydra.runtime.cwd", config_dir="conf").place is None


def test_interpolations_that_go_round_come_to_an_end() -> None:
    found = fhb.explain("config", ["lr=${job}", "job=${lr}"], "lr", config_dir="conf")
    assert found.problem is not None
    assert found.points_to[0].key == "job"


def test_a_value_that_hydra_has_not_composed_so_has_no_place() -> None:
    with compose.traced("config", config_dir="conf") as provenance:
        config = provenance.config
        with open_dict(config):
            config.lr = 7
            config.model.extra = {"a": 1}
            config["items"] = [1, 3]
        changed = Provenance(config, "config", [])
        unknown = {path for path, place in changed.leaves() if place is None and path[0] != "hydra"}
        assert unknown == {("lr",), ("model", "extra", "a"), ("items", 1)}
        assert "unknown: 7" in str(changed.explain("lr"))
        _, marks = changed.marks(config)
        assert not any("a" in lines for lines in marks.lines.values())


# --- what is wrong ----------------------------------------------------------------------------------------------------

BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)

#: Files, overrides, the error, and what its text or notes say.
WRONG: dict[str, tuple[dict[str, str], list[str], type[BaseException], str]] = {
    "broken YAML": (
        {"model/small.yaml": "a: [1,\nb: 2\n"},
        [],
        fhb.SyntaxProblemError,
        "conf/model/small.yaml:3:1: expected ',' or ']' in the list opened at 1:4",
    ),
    "a key twice": (
        {"config.yaml": "a: 1\nb:\n  c: 1\n  c: 2\n"},
        [],
        fhb.SyntaxProblemError,
        "conf/config.yaml:4:3: the key 'c' stands twice",
    ),
    "no UTF-8": ({"config.yaml": "a: caf\udce9\n"}, [], fhb.SyntaxProblemError, "conf/config.yaml:1:7: "),
    "an alias bomb": (
        {"model/small.yaml": BOMB},
        [],
        fhb.SyntaxProblemError,
        "conf/model/small.yaml:5:16: the aliases",
    ),
    "defaults lists that include each other": (
        {"config.yaml": "defaults:\n- other\n", "other.yaml": "defaults:\n- config\n"},
        [],
        fhb.BridgeError,
        "conf/config.yaml:2:3: the defaults lists include each other: config -> other -> config",
    ),
    "a config that is not there": (
        {"config.yaml": "defaults:\n- _self_\n- model: gone\n"},
        [],
        MissingConfigException,
        "at conf/config.yaml:3:3",
    ),
    "a group without a choice": (
        {"config.yaml": "defaults:\n- _self_\n- model: ???\n"},
        [],
        ConfigCompositionException,
        "at conf/config.yaml:3:3",
    ),
    "a defaults list that is none": ({"config.yaml": "defaults: 3\n"}, [], Exception, "at conf/config.yaml:1:1"),
    "mappings merged with lists": (
        {"config.yaml": "defaults: [model: small, _self_]\nb: 1\nmodel: [1]\n"},
        [],
        ConfigCompositionException,
        "at conf/config.yaml:1:1",
    ),
    "an unknown parameter": (
        {"config.yaml": "defaults: [model: small, _self_]\nmodel:\n  dmi: 3\n"},
        [],
        fhb.ParameterError,
        "conf/config.yaml:3:3: Model has no parameter 'dmi' (did you mean 'dim'?)\n  at model.dmi",
    ),
    "an unknown parameter on the command line": (
        {},
        ["+model.dmi=3"],
        fhb.ParameterError,
        "command line: +model.dmi=3: Model has no parameter 'dmi'",
    ),
    "a target that is not there": (
        {"model/small.yaml": "a: 1\n_target_: tests.components.Nothing\n"},
        [],
        fhb.TargetError,
        "conf/model/small.yaml:2:1: ",
    ),
    "a target that is refused": (
        {},
        ["model._target_=os.system"],
        fhb.RefusedTargetError,
        "command line: model._target_=os.system: ",
    ),
    "no such key": ({}, ["nope=1"], ConfigCompositionException, "Could not override 'nope'"),
    "no such folder": ({}, ["--"], HydraException, ""),
}


@pytest.mark.parametrize(("files", "overrides", "kind", "text"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_told_with_its_place(
    folder: Path, files: dict[str, str], overrides: list[str], kind: type[BaseException], text: str
) -> None:
    for name, content in files.items():
        (folder / "conf" / name).write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(kind) as caught:
        fhb.compose("config", overrides, config_dir="conf")
    assert text in "\n".join([str(caught.value), *getattr(caught.value, "__notes__", [])])


def test_overrides_must_be_a_list_of_strings() -> None:
    with pytest.raises(fhb.ParameterError, match="overrides must be a list of strings"):
        fhb.compose("config", "model=big", config_dir="conf")


def test_a_build_that_fails_names_the_line_that_configured_the_node() -> None:
    graph = fhb.compose("config", ["model.dim=-1", "++out=0"], config_dir="conf")
    with pytest.raises(ValueError, match="a negative dim") as caught:
        fhb.build(graph)
    assert caught.value.__notes__ == ["configured at conf/model/small.yaml:1"]


APP = """\
import fiddle as fdl
import fiddle_hydra_bridge as fhb
from tests.recipes import test_compose

@fhb.main(config_path="conf", config_name="config")
def app(graph):
    print("RESULT", fdl.build(graph.model).dim)

app()
"""


def test_an_app_names_the_line_when_it_fails_and_else_does_not_look(folder: Path) -> None:
    (folder / "app.py").write_text(APP, encoding="utf-8")
    good, unknown, typed, negative, dead = run_app(
        folder / "app.py",
        ["model=big"],
        ["++model.dmi=1"],
        ["model.seed=1"],
        ["model.dim=-2"],
        ["model.dim=${nope}"],
        folder=folder,
    )
    assert good[:2] == (0, "RESULT 8\n")
    assert (
        "command line: ++model.dmi=1: Model has no parameter 'dmi' (did you mean 'dim'?)\n  at model.dmi" in unknown[2]
    )
    assert typed[0] == 1
    assert "configured at conf/model/small.yaml:1:1" in negative[2]
    assert "configured at command line: model.dim=${nope}" in dead[2]
