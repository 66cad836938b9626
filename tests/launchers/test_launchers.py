"""Hydra's launchers and sweepers, really run, with recipes as choices.

They live in an environment of their own, which ``.ci/launchers`` sets up; elsewhere these tests are skipped.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).resolve().parents[2]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        find_spec("joblib") is None or find_spec("ray") is None, reason="needs the extra 'launchers': see .ci/launchers"
    ),
]


def sweep(folder: Path, *words: str) -> list[dict[str, Any]]:
    """Runs the app's sweep, and returns what its jobs have written, in the order of their numbers."""
    common = ["trainer.max_steps=3", "data.batch_size=2", "optim.lr_scheduler.warmup_steps=1", "data.seq_length=16"]
    search_path = "hydra.searchpath=[fiddle://tests.launchers.choices]"
    command = [sys.executable, "-W", "ignore", "-m", "tests.launchers.app", "-m", search_path, "+check=twins"]
    result = subprocess.run(
        [*command, f"hydra.sweep.dir={folder / 'sweep'}", *common, *words],
        cwd=PROJECT,
        # Ray keeps a token in the home folder.
        env={**os.environ, "PYTHONPATH": str(PROJECT), "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    files = sorted((folder / "sweep").glob("*/result.json"), key=lambda file: int(file.parent.name))
    return [json.loads(file.read_text()) for file in files]


@pytest.mark.parametrize("launcher", ["basic", "joblib", "submitit_local", "ray"])
def test_a_launcher_runs_jobs_with_recipes_in_its_processes(launcher: str, tmp_path: Path) -> None:
    options = ["+hydra.launcher.ray.init.include_dashboard=false"] if launcher == "ray" else []
    jobs = sweep(tmp_path, f"hydra/launcher={launcher}", "model=llama3_tiny,narrow,wide", *options)
    assert [job["hidden"] for job in jobs] == [48, 8, 24]
    assert all(job["shared"] and job["steps"] == 3 for job in jobs)
    if launcher == "submitit_local":
        assert len({job["process"] for job in jobs}) == 3


@pytest.mark.parametrize("launcher", ["joblib", "submitit_local"])
def test_the_command_runs_a_bare_recipe_with_a_launcher(launcher: str, tmp_path: Path) -> None:
    command = [sys.executable, "-W", "ignore", "-c", "from fiddle_hydra_bridge.cli import main; main()"]
    recipe = ["run", "examples.pretrain.recipes:pretrain_recipe", "--multirun", f"hydra/launcher={launcher}"]
    overrides = ["model.config.hidden=8,16", "trainer.max_steps=2", "log.log_dir=${hydra:runtime.output_dir}"]
    result = subprocess.run(
        [*command, *recipe, f"hydra.sweep.dir={tmp_path / 'sweep'}", *overrides],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    for job in ("0", "1"):
        assert len((tmp_path / "sweep" / job / "loss.csv").read_text().splitlines()) == 3


def test_a_sweeper_optimises_over_recipes(tmp_path: Path) -> None:
    jobs = sweep(
        tmp_path,
        "hydra/sweeper=optuna",
        "hydra.sweeper.n_trials=4",
        "hydra.sweeper.n_jobs=1",
        "model=choice(narrow,wide)",
        "optim.max_lr=interval(0.001,0.1)",
    )
    assert len(jobs) == 4
    assert {job["hidden"] for job in jobs} <= {8, 24}
    assert (tmp_path / "sweep" / "optimization_results.yaml").is_file()
