"""``fiddle-hydra migrate``: the report, the exit codes, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import hydra
import pytest

from tests.migration.trees import write

pytest.importorskip("cyclopts")

from tests.cli.commands import run_program


def test_the_report_is_printed_and_the_exit_code_tells_whether_all_is_well(tmp_path: Path) -> None:
    write(tmp_path, {"my conf/config.yaml": "a: 1\n", "my conf/db/x.yaml": "b: 1\n"})
    assert run_program(tmp_path, "migrate", "my conf", "recipes") == (
        0,
        f"recipes: 2 configs: 2 equal (Hydra {hydra.__version__})\n",
        "",
    )
    write(tmp_path, {"my conf/db/broken.yaml": "b: [1\n"})
    code, output, errors = run_program(tmp_path, "migrate", "my conf", "recipes", "--force", "--format", "json")
    report = json.loads(output)
    assert (code, errors) == (1, "")
    assert report["counts"] == {"equal": 2, "alike": 0, "different": 0, "skipped": 1}
    assert (tmp_path / "recipes/db.py").is_file()


def test_lazy_and_the_dotted_name(tmp_path: Path) -> None:
    write(tmp_path, {"conf/config.yaml": "_target_: nets.Llama\n"})
    assert run_program(tmp_path, "migrate", "conf", "app.recipes", "--lazy").code == 0
    assert 'Llama = fhb.LazyTarget("nets.Llama")' in (tmp_path / "app/recipes/__init__.py").read_text()


def test_other_commands_read_dialects_too(tmp_path: Path) -> None:
    write(tmp_path, {"tune.yaml": "m: {_component_: builtins.dict, a: 1}\n"})
    answer = run_program(tmp_path, "yaml", "tune.yaml", "--dialect", "torchtune")
    assert (answer.code, answer.output) == (0, "m:\n  _target_: builtins.dict\n  a: 1\n")


def test_inline(tmp_path: Path) -> None:
    write(tmp_path, {"conf/config.yaml": "a: 1\nb: ${a}\nc: ${d}\n"})
    code, output, errors = run_program(tmp_path, "migrate", "conf", "recipes", "--inline")
    assert (code, errors) == (0, "")
    assert "1 of 2 interpolations are Python now, the others stay links" in output
    assert '{"a": a, "b": a, "c": fhb.link("${d}")}' in (tmp_path / "recipes/__init__.py").read_text()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        pytest.param(["conf", "full"], 2, "the folder is not empty", id="not empty"),
        pytest.param(["nowhere", "recipes"], 2, "there is no such folder", id="no folder"),
        pytest.param(["conf"], 2, "OUT_PACKAGE requires an argument", id="one word"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(tmp_path: Path, words: list[str], code: int, message: str) -> None:
    write(tmp_path, {"conf/config.yaml": "a: 1\n", "full/x.py": ""})
    answer = run_program(tmp_path, "migrate", *words)
    assert answer.code == code
    assert message in answer.errors
    assert "Traceback" not in answer.errors
