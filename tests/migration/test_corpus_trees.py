"""Real config trees, migrated: a few small ones; ``benchmarks.corpus`` does them all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import fiddle_hydra_bridge as fhb

pytestmark = pytest.mark.slow

TREES = [
    "ashleve__lightning-hydra-template/configs",
    "facebookresearch__fairchem/tests/core/units/mlip_unit",
    "facebookresearch__hydra/examples/advanced/hydra_app_example/hydra_app/conf",
    "microsoft__mattergen/mattergen/conf",
]


@pytest.mark.parametrize("tree", TREES)
@pytest.mark.parametrize("inline", [False, True])
def test_every_config_of_a_real_tree_is_equal(corpus: Path, tmp_path: Path, tree: str, inline: bool) -> None:
    report = fhb.migrate(corpus / tree, tmp_path / "recipes", inline=inline)
    assert len(report.rows) == sum(1 for _ in (corpus / tree).rglob("*.yaml"))
    assert [(row.config, row.status, row.reason) for row in report.rows if row.status != "equal"] == []


@pytest.mark.parametrize("tree", TREES)
def test_ruff_leaves_the_package_of_a_real_tree_alone(corpus: Path, tmp_path: Path, tree: str) -> None:
    pytest.importorskip("ruff")
    fhb.migrate(corpus / tree, tmp_path / "recipes", lazy=True, inline=True)
    for words in (["format", "--check"], ["check", "--select", "E9,F,I"]):
        command = [sys.executable, "-m", "ruff", *words, "--isolated", "recipes"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
