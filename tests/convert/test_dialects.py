"""Other projects' words for a call: read as if they were written in Hydra's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

import fiddle_hydra_bridge as fhb
from fiddle_hydra_bridge.convert.dialects import DIALECTS, translate
from tests.migration.trees import write

#: A dialect, a text in its words, and in Hydra's.
ROWS: dict[str, tuple[str, str, str]] = {
    "torchtune": (
        "torchtune",
        "optim: {_component_: nets.Adam, lr: 1, inner: [{_component_: nets.B}]}\nn: {a: 1}",
        "optim: {_target_: nets.Adam, lr: 1, inner: [{_target_: nets.B}]}\nn: {a: 1}",
    ),
    "torchtune, links": (
        "torchtune",
        "m: {dim: '${dim}', _component_: '${c}'}\ndim: 3\nc: nets.M",
        "m: {dim: '${dim}', _target_: '${c}'}\ndim: 3\nc: nets.M",
    ),
    "LightningCLI": (
        "lightning",
        "seed: 1\nmodel: {class_path: nets.M, init_args: {dim: 3, net: {class_path: nets.N}}}\ntrainer: {epochs: 2}",
        "seed: 1\nmodel: {_target_: nets.M, dim: 3, net: {_target_: nets.N}}\ntrainer: {epochs: 2}",
    ),
    "LightningCLI, more keywords": (
        "lightning",
        "class_path: nets.M\ninit_args: {a: 1}\ndict_kwargs: {b: 2}",
        "_target_: nets.M\na: 1\nb: 2",
    ),
    "LightningCLI, a mapping of its own": (
        "lightning",
        "a: {class_path: x.Y, other: 1}\nb: {init_args: {c: 1}, d: 2}\nd: {class_path: x.Y, init_args: null}\ne: {}",
        "a: {class_path: x.Y, other: 1}\nb: {init_args: {c: 1}, d: 2}\nd: {_target_: x.Y}\ne: {}",
    ),
    "LightningCLI, an overlay": (
        "lightning",
        "model: {init_args: {dim: 3, net: {init_args: {depth: 2}, dict_kwargs: {a: 1}}}}",
        "model: {dim: 3, net: {depth: 2, a: 1}}",
    ),
    "LightningCLI, links": (
        "lightning",
        "m: {class_path: nets.M, init_args: {dim: 3}}\na: ${m.init_args.dim}\nb: x.init_args.y",
        "m: {_target_: nets.M, dim: 3}\na: ${m.dim}\nb: x.init_args.y",
    ),
    "NeMo-Run": (
        "nemo_run",
        "f: {_target_: nets.f, _call_: false}\np: {_target_: nets.P, _call_: true, _args_: [x], _partial_: true}",
        "f: {_target_: hydra.utils.get_object, path: nets.f}\np: {_target_: nets.P, _args_: [x], _partial_: true}",
    ),
}


@pytest.mark.parametrize(("dialect", "text", "in_hydras_words"), ROWS.values(), ids=ROWS)
def test_a_config_means_what_it_means_in_hydras_words(dialect: str, text: str, in_hydras_words: str) -> None:
    options: dict[str, Any] = {"missing": "lazy", "links": "keep"}
    if "get_object" in in_hydras_words:
        text, in_hydras_words = text.replace("nets.f", "math.sqrt"), in_hydras_words.replace("nets.f", "math.sqrt")
    expected = fhb.from_yaml(in_hydras_words, **options)
    assert fhb.same_graph(fhb.from_yaml(text, dialect=dialect, **options), expected)
    assert fhb.same_graph(fhb.from_hydra(OmegaConf.create(text), dialect=dialect, **options), expected)


@pytest.mark.parametrize(("dialect", "text", "in_hydras_words"), ROWS.values(), ids=ROWS)
def test_data_are_not_changed_and_keep_the_order_of_their_keys(dialect: str, text: str, in_hydras_words: str) -> None:
    data = OmegaConf.to_container(OmegaConf.create(text), resolve=False)
    before = repr(data)
    made, _, _ = translate(dialect, data)
    assert repr(made) == repr(OmegaConf.to_container(OmegaConf.create(in_hydras_words), resolve=False))
    assert repr(data) == before


def test_errors_name_the_places_of_the_text() -> None:
    text = "model:\n  class_path: fractions.Fraction\n  init_args:\n    numerator: 1\n    denominatr: 2\n"
    with pytest.raises(fhb.ParameterError, match=r"<yaml>:5:5: Fraction has no parameter 'denominatr'"):
        fhb.from_yaml(text, dialect="lightning")


def test_what_is_shared_stays_shared() -> None:
    config = OmegaConf.create({"a": {"_component_": "builtins.dict", "x": 1}, "b": "${a}"})
    graph = fhb.from_hydra(config, dialect="torchtune", share=True)
    assert graph.a is graph.b


def test_the_target_policy_holds_in_every_dialect() -> None:
    for text, dialect in [
        ("a: {_component_: os.system, command: ls}", "torchtune"),
        ("a: {class_path: os.system, init_args: {command: ls}}", "lightning"),
        ("a: {_target_: os.system, _call_: true, command: ls}", "nemo_run"),
    ]:
        with pytest.raises(fhb.RefusedTargetError):
            fhb.from_yaml(text, dialect=dialect)


def test_a_dialect_that_nobody_speaks_is_refused() -> None:
    with pytest.raises(
        fhb.ParameterError, match="dialect must be one of 'lightning', 'nemo_run', 'torchtune', got 'x'"
    ):
        fhb.from_yaml("a: 1", dialect="x")


@pytest.mark.parametrize("name", DIALECTS)
def test_a_tree_is_migrated_from_a_dialect(tmp_path: Path, name: str) -> None:
    rows = [text for dialect, text, _ in ROWS.values() if dialect == name]
    write(tmp_path, {f"conf/config_{index}.yaml": text for index, text in enumerate(rows)})
    report = fhb.migrate(tmp_path / "conf", tmp_path / "recipes", dialect=name)
    assert [row.status for row in report.rows] == ["equal"] * len(rows)
    assert not {"_component_", "init_args=", "_call_"} & set((tmp_path / "recipes/__init__.py").read_text().split('"'))


def test_an_overlay_of_lightning_changes_what_the_base_names(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "conf/base.yaml": "model: {class_path: nets.M, init_args: {dim: 1, depth: 2}}\n",
        "conf/wide.yaml": "defaults: [base, _self_]\nmodel: {init_args: {dim: 9}}\n",
    }
    write(tmp_path, files)
    report = fhb.migrate(tmp_path / "conf", tmp_path / "recipes", dialect="lightning")
    assert [row.status for row in report.rows] == ["equal", "equal"]
    assert '"model": {"dim": 9}' in (tmp_path / "recipes/__init__.py").read_text()


def test_torchtunes_own_configs_become_graphs(corpus: Path) -> None:
    files = sorted((corpus / "pytorch__torchtune").rglob("*.yaml"))
    assert files
    for file in files:
        text = file.read_text(encoding="utf-8")
        written = fhb.to_yaml(fhb.load(file, dialect="torchtune", missing="lazy", links="keep"))
        assert written.count("_target_: torchtune") >= text.count("\n  _component_: torchtune") > 0
