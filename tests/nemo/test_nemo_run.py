"""Real NeMo-Run beside the bridge: its graphs convert both ways, and what the bridge reads is what it runs.

Skipped where NeMo-Run is not installed; ``.ci/nemo`` makes an environment for these tests.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fiddle as fdl
import hydra.utils
import pytest
import yaml
from hypothesis import given

import fiddle_hydra_bridge as fhb
from fiddle_hydra_bridge.convert.compare import first_graph_difference
from tests import components as c
from tests.nemo.tasks import Optimizer, Trainer, train
from tests.strategies import graphs
from tests.vocabulary import guide

run = pytest.importorskip("nemo_run", reason="NeMo-Run is not installed; .ci/nemo makes an environment that has it")

from nemo_run.core.serialization.yaml import YamlSerializer  # noqa: E402  (after the skip)
from nemo_run.core.serialization.zlib_json import ZlibJSONSerializer  # noqa: E402

CLASSES = {"config_cls": run.Config, "partial_cls": run.Partial}
ROOT = Path(__file__).resolve().parents[2]


def task(out: Path, **arguments: Any) -> Any:
    shared = run.Config(Optimizer, lr=0.5, betas=(0.8, 0.9))
    trainer = run.Config(Trainer, steps=3, optimizers=[shared, run.Config(Optimizer), shared])
    graph = run.Partial(train, trainer=trainer, out=str(out), note="1e-3", **arguments)
    graph.is_none = None
    return graph


SEEN = {
    "steps": 3,
    "lrs": [0.5, 0.1, 0.5],
    "betas": [[0.8, 0.9], [0.9, 0.999], [0.8, 0.9]],
    "is tuple": True,
    "same optimizer": True,
    "note": "1e-3",
    "is_none": None,
}


def seen(out: Path) -> Any:
    return json.loads(out.read_text(encoding="utf-8"))


# ------------------------------------------------------------------------------------------------ both directions


@given(graphs())
def test_any_graph_comes_back_as_a_graph_of_nemo_run(graph: Any) -> None:
    text = fhb.to_yaml(graph)
    theirs = fhb.from_yaml(text, **CLASSES)
    assert first_graph_difference(fhb.from_yaml(fhb.to_yaml(theirs), **CLASSES), theirs) is None
    assert first_graph_difference(fhb.from_hydra(fhb.to_hydra(theirs), **CLASSES), theirs) is None
    assert fhb.to_yaml(theirs) == fhb.to_yaml(fhb.from_yaml(text))


@pytest.mark.parametrize(
    "graph",
    [
        task(Path("x")),
        run.Config(c.Model, encoder=run.Config(c.Encoder, 3), layers=[run.Partial(c.Encoder)]),
        run.Config(run.Script, path="train.sh", args=["a b"], env={"A": "1"}),
        run.Config(run.Script, inline='echo "$A"\n'),
        run.Config(c.Node, a=run.Config(run.Script, "train.sh")),
        [run.Partial(c.Encoder, dim=1), run.Partial(c.Encoder, dim=2)],
    ],
    ids=["task", "model", "script", "inline script", "script as an argument", "list of tasks"],
)
def test_graphs_of_nemo_run_convert_both_ways(graph: Any) -> None:
    assert fhb.same_graph(fhb.from_yaml(fhb.to_yaml(graph), **CLASSES), graph)
    assert fhb.same_graph(fhb.from_hydra(fhb.to_hydra(graph), **CLASSES), graph)
    if isinstance(graph, run.Config):
        assert fhb.equivalent(hydra.utils.instantiate(fhb.to_hydra(graph)), fdl.build(graph))


def test_our_script_and_nemo_runs_differ_in_the_target_only() -> None:
    ours = fdl.Config(fhb.Script, path="train.sh", args=["a b"])
    text = fhb.to_yaml(ours).replace("fiddle_hydra_bridge.Script", "nemo_run.Script")
    assert fhb.same_graph(fhb.from_yaml(text, **CLASSES), run.Config(run.Script, path="train.sh", args=["a b"]))


def test_yaml_that_nemo_run_writes_is_read() -> None:
    graph = run.Partial(c.Node, a=run.Config(c.Encoder, dim=3), b=c.identity, c=c.Encoder)
    text = YamlSerializer().serialize(graph)
    assert "_call_: false" in text
    assert fhb.same_graph(fhb.from_yaml(text, **CLASSES), graph)


def test_graphs_that_the_bridge_reads_pass_through_nemo_runs_and_fiddles_json() -> None:
    graph = fhb.from_yaml(fhb.to_yaml(task(Path("x"))), **CLASSES)
    assert fhb.same_graph(ZlibJSONSerializer().deserialize(ZlibJSONSerializer().serialize(graph)), graph)


def test_recipes_of_both_libraries_call_each_other() -> None:
    theirs = run.autoconvert(guide.plain_model)
    assert fhb.autoconvert(theirs)() == guide.automodel()
    assert theirs() == fdl.cast(run.Config, fdl.Config(guide.LlamaModel, config=fdl.Config(guide.Llama3Config8B)))


# ----------------------------------------------------------------------------- what NeMo-Run's own YAML does not keep


def shared_node() -> Any:
    shared = run.Config(c.Encoder, 3)
    return run.Config(c.Model, encoder=shared, decoder=shared)


def tagged() -> Any:
    graph = run.Config(c.Settings, dim=3)
    fdl.add_tag(graph, "dim", c.Width)
    return graph


def with_none() -> Any:
    graph = run.Config(c.Encoder, dim=3)
    graph.name = None
    return graph


def values(*values: Any) -> Callable[[], Any]:
    return lambda: run.Config(c.Node, **dict(zip("abc", values, strict=False)))


BROKEN: dict[str, Callable[[], Any]] = {
    "two nodes of one class": values(run.Config(c.Encoder, 3), run.Config(c.Encoder, 4)),
    "a list of configs": values([run.Config(c.Encoder, 3), run.Config(c.Encoder, 4)]),
    "a dict of configs": values({"x": run.Config(c.Encoder, 3), "y": run.Config(c.Settings)}),
    "a tuple": values((1, 2)),
    "a set": values({1, 2}),
    "an enum member": values(c.Colour.RED),
    "a function": values(c.identity),
    "a shared node": shared_node,
    "an argument factory": lambda: run.Partial(c.Node, a=fdl.ArgFactory(c.fresh, start=3)),
    "positional arguments": lambda: run.Config(c.positional, 1, 2, 3),
    "int keys": values({1: "x", 2: "y"}),
    "a tag": tagged,
    "None": with_none,
    '"1e-3"': values("1e-3"),
    '"[1,2]"': values("[1,2]"),
    '"math.pi"': values("math.pi"),
}


def nemo_run_keeps(graph: Any) -> bool:
    try:
        return fhb.same_graph(YamlSerializer().deserialize(YamlSerializer().serialize(graph)), graph)
    except Exception:  # whatever it fails with, it has not kept the graph
        return False


@pytest.mark.parametrize("make", BROKEN.values(), ids=BROKEN)
def test_the_bridge_keeps_what_nemo_runs_yaml_does_not(make: Callable[[], Any]) -> None:
    graph = make()
    assert not nemo_run_keeps(make())
    assert fhb.same_graph(fhb.from_yaml(fhb.to_yaml(graph), **CLASSES), graph)
    assert fhb.same_graph(fhb.from_hydra(fhb.to_hydra(graph), **CLASSES), graph)
    built = fdl.build(graph)
    assert fhb.equivalent(hydra.utils.instantiate(fhb.to_hydra(graph)), built)


def test_text_that_looks_like_a_call_stays_text(tmp_path: Path) -> None:
    text = f"subprocess.getoutput('touch {tmp_path}/evaluated')"
    graph = run.Config(c.Node, a=text, b=[text], c={text: text})
    assert fhb.same_graph(fhb.from_yaml(fhb.to_yaml(graph), **CLASSES), graph)
    assert fhb.same_graph(fhb.from_hydra(fhb.to_hydra(graph), **CLASSES), graph)
    assert hydra.utils.instantiate(fhb.to_hydra(graph)).a == text
    assert not list(tmp_path.iterdir())


def test_our_yaml_is_not_changed_by_what_nemo_run_teaches_pyyaml() -> None:
    assert type(run.Config(c.Node)) in yaml.SafeDumper.yaml_representers
    assert fhb.to_yaml(run.Config(c.Node, a=c.Encoder)) == fhb.to_yaml(fdl.Config(c.Node, a=c.Encoder))


# ------------------------------------------------------------------------------------------------------- running


@pytest.fixture
def executor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs tasks in processes of their own, which find the tests' modules; all files stay in the test's folder."""
    monkeypatch.setattr(run.config, "_NEMORUN_HOME", str(tmp_path / "nemo_run"))
    monkeypatch.setenv("NEMORUN_HOME", str(tmp_path / "nemo_run"))
    monkeypatch.chdir(tmp_path)
    # The executor runs what `python` is on the path.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return run.LocalExecutor(env_vars={"PYTHONPATH": str(ROOT), "PATH": path})


def test_a_partial_read_from_yaml_is_run_in_this_process(tmp_path: Path) -> None:
    run.run(fhb.from_yaml(fhb.to_yaml(task(tmp_path / "out")), **CLASSES), direct=True)
    assert seen(tmp_path / "out") == SEEN


def test_a_partial_read_from_yaml_is_run_by_a_local_executor(tmp_path: Path, executor: Any) -> None:
    run.run(fhb.from_yaml(fhb.to_yaml(task(tmp_path / "out")), **CLASSES), executor=executor, name="train")
    assert seen(tmp_path / "out") == SEEN


def test_an_experiment_runs_two_tasks_and_a_script_read_from_yaml(tmp_path: Path, executor: Any) -> None:
    tasks = [task(tmp_path / name) for name in ("one", "two")]
    script = run.Config(run.Script, inline=f"echo done > '{tmp_path}/three'")
    text = fhb.to_yaml(fdl.Config(fhb.section, tasks=tasks, script=script))
    read = fhb.from_yaml(text, **CLASSES)
    with run.Experiment("read", executor=executor) as experiment:
        for number, each in enumerate(read.tasks):
            experiment.add(each, name=f"task{number}")
        experiment.add(fdl.build(read.script), name="script")
        experiment.run(sequential=True, detach=False)
    assert [seen(tmp_path / name) for name in ("one", "two")] == [SEEN, SEEN]
    assert (tmp_path / "three").read_text() == "done\n"


def test_a_list_of_tasks_read_from_yaml_runs_together(tmp_path: Path, executor: Any) -> None:
    tasks = fhb.from_yaml(fhb.to_yaml([task(tmp_path / name) for name in ("one", "two")]), **CLASSES)
    with run.Experiment("group", executor=executor) as experiment:
        experiment.add(tasks, executor=[executor.clone(), executor.clone()], name="both")
        experiment.run(detach=False)
    assert [seen(tmp_path / name) for name in ("one", "two")] == [SEEN, SEEN]
