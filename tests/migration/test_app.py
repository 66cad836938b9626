"""A real app, before and after: the same command lines on YAML, on the package, and on a mixture of both."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import fiddle_hydra_bridge as fhb
from tests.migration.trees import write
from tests.recipes.test_app import run_app

PROJECT: dict[str, str | bytes] = {
    "parts.py": """
from dataclasses import dataclass, field
from typing import Any

@dataclass
class Model:
    dim: int
    act: Any = None
    layers: Any = ()

@dataclass
class Adam:
    lr: float
    betas: Any = (0.9, 0.999)
""",
    "app.py": """
import sys
import hydra
import parts

@hydra.main(config_path=sys.path_config, config_name="config", version_base="1.3")
def main(config):
    made = hydra.utils.instantiate(config)
    print("RESULT", made, type(made.model.layers).__name__, made.optim)

if __name__ == "__main__":
    main()
""",
    "conf/config.yaml": """
defaults:
  - data: small
  - model: plain
  - optim: adam
  - optional local: none
  - _self_
  - experiment: null
seed: 3
""",
    "conf/data/small.yaml": "length: 16\n",
    "conf/data/large.yaml": "length: 4096\n",
    "conf/model/plain.yaml": "layers: [1, {a: 2}]\n_target_: parts.Model\ndim: ${data.length}\n",
    "conf/model/deep.yaml": "defaults: [plain, _self_]\ndim: 32\nact: {_target_: parts.Adam, lr: 1}\n",
    "conf/optim/adam.yaml": "_target_: parts.Adam\n_partial_: true\nbetas: [0.5, 0.9]\n",
    "conf/experiment/big.yaml": """# @package _global_
defaults:
  - override /data: large
  - override /model: deep
seed: 4
model: {layers: []}
""",
}

#: An app that wants a graph of the package's primary config, and builds it.
GRAPH_APP = """
import fiddle_hydra_bridge as fhb

@fhb.main(config_path="fiddle://recipes", config_name="config", version_base="1.3")
def main(graph):
    print("BUILT", fhb.build(graph.model), graph.seed)

if __name__ == "__main__":
    main()
"""

LINES = [
    [],
    ["model=deep", "data=large"],
    ["experiment=big", "model.dim=3", "+model.act.betas=null", "~optim.betas"],
    ["--cfg", "job", "optim._target_=parts.Model"],
    ["--cfg", "job", "experiment=big"],
    ["--info", "defaults-tree"],
    ["model=none"],
    ["-m", "model=plain,deep", "experiment=big", "hydra.sweep.dir=sweep"],
    ["--resolve", "--cfg", "job", "+model@other=plain"],
]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write(tmp_path_factory.mktemp("app"), PROJECT)
    app = folder / "app.py"
    text = app.read_text()
    for name, place in {"yaml_app": '"conf"', "python_app": '"fiddle://recipes"', "mixed_app": '"mixed"'}.items():
        (folder / f"{name}.py").write_text(text.replace("sys.path_config", place))
    registering = "import fiddle_hydra_bridge as fhb\nimport recipes\n\nfhb.register(recipes)\n"
    (folder / "registered_app.py").write_text(registering + text.replace("sys.path_config", "None"))
    (folder / "graph_app.py").write_text(GRAPH_APP)
    assert fhb.migrate(folder / "conf", folder / "recipes").ok
    # Half of the files are gone, and the primary config names the package instead.
    shutil.copytree(folder / "conf", folder / "mixed")
    for gone in ("model/plain.yaml", "data/large.yaml", "experiment/big.yaml"):
        (folder / "mixed" / gone).unlink()
    with (folder / "mixed/config.yaml").open("a") as file:
        file.write("hydra: {searchpath: [fiddle://recipes]}\n")
    return folder


def outputs(project: Path, app: str, *lines: list[str]) -> list[tuple[int, list[str]]]:
    """Exit codes and outputs, without what tells one app from another, and without times."""
    extra = ["hydra.output_subdir=null", "hydra.run.dir=.", "hydra.job.name=app"]
    ran = run_app(project / f"{app}.py", *([*line, *extra] for line in lines), folder=project)
    return [
        (code, [line for line in text.splitlines() if app not in line and "[HYDRA]" not in line])
        for code, text, _ in ran
    ]


@pytest.mark.parametrize("app", ["python_app", "mixed_app", "registered_app"])
def test_the_command_lines_of_the_app_give_the_same(project: Path, app: str) -> None:
    expected = outputs(project, "yaml_app", *LINES)
    assert [code for code, _ in expected] == [0, 0, 0, 0, 0, 0, 1, 0, 0]
    assert sum(line.startswith("RESULT") for _, lines in expected for line in lines) == 5
    assert outputs(project, app, *LINES) == expected


def test_an_app_that_wants_a_graph_takes_the_package(project: Path) -> None:
    (code, lines), *_ = outputs(project, "graph_app", ["experiment=big", "model.dim=3"])
    assert (code, lines[-1]) == (0, "BUILT Model(dim=3, act=Adam(lr=1, betas=(0.9, 0.999)), layers=[]) 4")
