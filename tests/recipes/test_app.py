"""Hydra apps with recipes, really run: what a user types, and what the app prints."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fiddle_hydra_bridge.recipes.hydra_loader import IS_HYDRA_13

PROJECT = Path(__file__).resolve().parents[2]
APPS = Path(__file__).with_name("apps")

#: Runs an app once for every command line: starting Python is what takes the time.
RUNNER = """
import contextlib, io, json, os, runpy, sys
app, lines = json.loads(sys.argv[1])
results = []
for words, environment in lines:
    os.environ.update(environment)
    sys.argv = [app, *words]
    output, errors, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        try:
            runpy.run_path(app, run_name="__main__")
        except SystemExit as end:
            code = end.code or 0
    results.append([code, output.getvalue(), errors.getvalue()])
print(json.dumps(results))
"""


def run_app(
    app: Path, *lines: list[str], folder: Path, environment: dict[str, str] | None = None
) -> list[tuple[int, str, str]]:
    """Runs an app with each command line, and returns the exit codes, outputs and errors."""
    argument = json.dumps([str(app), [[line, environment or {}] for line in lines]])
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", RUNNER, argument],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(PROJECT), str(app.parent), str(APPS)])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return [tuple(each) for each in json.loads(result.stdout)]


def results(output: str) -> list[str]:
    return [line.removeprefix("RESULT ") for line in output.splitlines() if line.startswith("RESULT ")]


def table(output: str) -> list[list[str]]:
    return [line.replace("|", " ").split() for line in output.splitlines() if line.startswith("|")]


def test_a_plain_app_uses_recipes_and_yaml_files_alike(tmp_path: Path) -> None:
    [(code, output, errors), help_text, completed, unknown] = run_app(
        APPS / "yaml_app.py",
        ["-m", "model=llama3_8b,tiny,twins", "++model.dim=11"],
        ["--help"],
        ["--shell-completion", "query=bash"],
        ["model=llama"],
        folder=tmp_path,
        environment={"COMP_LINE": "python yaml_app.py model="},
    )
    assert (code, errors) == (0, "")
    jobs: list[dict[str, Any]] = [json.loads(line) for line in results(output)]
    assert [job["dim"] for job in jobs] == [11, 11, 11]
    assert [job["layers"] for job in jobs] == [
        ["list", "int", "dict"],
        ["list", "int", "dict"],
        ["list", "Tokenizer", "Model"],
    ]
    assert [job["shared"] for job in jobs] == [False, False, True]
    assert jobs[-1]["imported"] == ["zoo", "zoo.model", "zoo.optim"]
    assert "_target_: parts.Model" in help_text[1]
    assert completed[1].split() == [
        f"model={name}" for name in ("automatic", "big", "llama3_8b", "plain", "tiny", "twins")
    ]
    assert unknown[0] == 1
    assert "Could not find 'model/llama'" in unknown[2]
    assert "\tllama3_8b\n" in unknown[2]


def test_the_function_of_an_app_receives_a_graph(tmp_path: Path) -> None:
    [run, sweep, cfg, path, tree, help_text] = run_app(
        APPS / "graph_app.py",
        ["model.dim=3", "+optim.lr=1"],
        ["-m", "model.dim=1,2", "model.tokenizer.size=5"],
        ["--cfg", "job"],
        ["--info", "searchpath"],
        ["--info", "defaults-tree"],
        ["--help"],
        folder=tmp_path,
    )
    assert results(run[1]) == ["- 3 2 Adam True 16"]
    assert results(sweep[1]) == ["0 1 0.2 Adam True 5", "1 2 0.2 Adam True 5"]
    assert "_target_: fiddle_hydra_bridge.share" in cfg[1]
    assert ["main", "fiddle://zoo"] in table(path[1])
    assert "whole" in tree[1]
    assert "model: automatic, big, llama3_8b, twins" in help_text[1]
    assert "optim: adam" in help_text[1]
    assert (tmp_path / "outputs").is_dir()
    assert (tmp_path / "multirun").is_dir()


def test_registered_recipes_make_up_an_app_without_a_line_of_yaml(tmp_path: Path) -> None:
    [run, sweep, path, help_text, recipes] = run_app(
        APPS / "registry_app.py",
        ["model.dim=3"],
        ["-m", "optim=adam,plain/sgd"],
        ["--info", "searchpath"],
        ["--help"],
        ["--config-path", "fiddle://zoo", "--config-name", "pretrain", "+data=none", "+seed=4"],
        folder=tmp_path,
    )
    assert results(run[1]) == ["Model 3 Data 0.5 3"]
    assert results(sweep[1]) == ["Model 9 Data 0.5 3", "Model 9 Data 0.25 3"]
    assert ["fiddle_hydra_bridge", "fiddle://"] in table(path[1])
    assert "model: own" in help_text[1]
    assert results(recipes[1]) == ["Model 8 Data 0.5 4"]


BROKEN_APP = """
import hydra

@hydra.main(config_path="fiddle://broken", config_name="ok", version_base="1.3")
def main(config):
    print("RESULT", config.a)

main()
"""


def test_a_broken_recipe_ends_an_app_in_one_paragraph_with_module_and_line(tmp_path: Path) -> None:
    head = "import fiddle as fdl\n"
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "__init__.py").write_text(f"{head}def ok() -> fdl.Config:\n return fdl.Config(dict, a=1)\n")
    (tmp_path / "broken" / "model.py").write_text(f"{head}def f() -> fdl.Config:\n    return (\n")
    (tmp_path / "app.py").write_text(BROKEN_APP)
    [fine, broken] = run_app(tmp_path / "app.py", [], ["+model=f"], folder=tmp_path)
    assert results(fine[1]) == ["1"]
    assert broken[0] == 1
    assert f"{tmp_path / 'broken' / 'model.py'}:3: SyntaxError" in broken[2]
    assert "Traceback" not in broken[2]


WHITELIST_APP = """
import fiddle as fdl
import fiddle_hydra_bridge as fhb

@fhb.main("fiddle://zoo", "whole", execution_whitelist=["parts.*", "fiddle_hydra_bridge.*"])
def main(graph):
    print("RESULT", type(fdl.build(graph)[0]).__name__)

main()
"""


@pytest.mark.skipif(IS_HYDRA_13, reason="execution_whitelist is a word of Hydra 1.4")
def test_the_execution_whitelist_of_an_app_holds_for_its_graph(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(WHITELIST_APP)
    [allowed, refused] = run_app(tmp_path / "app.py", [], ["optim={_target_: fractions.Fraction}"], folder=tmp_path)
    assert results(allowed[1]) == ["Model"]
    assert refused[0] == 1
    assert "fractions.Fraction" in refused[2]
    assert "whitelist" in refused[2]


APP_WITH_ENTRY_POINT = """
import hydra, sys

@hydra.main(config_path=None, config_name="wild/whole", version_base="1.3")
def main(config):
    print("RESULT", config.wild.model.dim)

main()
"""

UNUSED_APP = """
import sys
import hydra

@hydra.main(config_path=None, version_base="1.3")
def main(config):
    loaded = {name.partition(".")[0] for name in sys.modules} | set(sys.modules)
    print("RESULT", sorted(loaded & {"fiddle", "yaml", "fiddle_hydra_bridge.recipes.listing"}))

main()
"""


def test_an_installed_package_brings_a_primary_config(tmp_path: Path) -> None:
    metadata = tmp_path / "wild_recipes-1.0.dist-info"
    metadata.mkdir()
    (metadata / "entry_points.txt").write_text("[fiddle_hydra_bridge.recipes]\nwild = zoo\n")
    (tmp_path / "app.py").write_text(APP_WITH_ENTRY_POINT)
    [run] = run_app(tmp_path / "app.py", ["wild.model.dim=6"], folder=tmp_path)
    assert results(run[1]) == ["6"]


def test_an_app_without_recipes_loads_nothing_for_them(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(UNUSED_APP)
    [run] = run_app(tmp_path / "app.py", ["+a=1", "+b.c=2"], folder=tmp_path)
    assert results(run[1]) == ["['yaml']"]
