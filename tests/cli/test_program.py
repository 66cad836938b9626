"""The installed program in its surroundings: pipes, signals, terminals, shells, files, Hydra's launcher."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.commands import PROGRAM, Command, check, environment, run_all, run_program

COLOUR = "\x1b["


def run_python(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment(), capture_output=True, text=True, check=False
    )


def test_help_names_every_command_and_loads_neither_fiddle_nor_hydra(project: Path) -> None:
    code = """
import json, sys
from fiddle_hydra_bridge.cli.app import COMMANDS, run
for words in [[], *([name] for name in COMMANDS)]:
    assert run([*words, "--help"]) == 0
heavy = {"fiddle", "hydra", "omegaconf", "yaml"}
print(json.dumps([list(COMMANDS), sorted(heavy & {name.partition(".")[0] for name in sys.modules})]))
"""
    done = run_python(code, project)
    assert done.returncode == 0, done.stderr
    *help_lines, last = done.stdout.splitlines()
    commands, heavy = json.loads(last)
    assert heavy == []
    assert commands == ["show", "yaml", "python", "explain", "run", "verify", "migrate"]
    assert [name for name in commands if not any(line.startswith(f"  {name}: ") for line in help_lines)] == []
    assert [name for name in commands if f"Usage: fiddle-hydra {name} [OPTIONS]" not in done.stdout] == []


@pytest.mark.parametrize("missing", ["cyclopts", "rich"])
def test_without_its_extra_it_says_how_to_install_it(missing: str, project: Path) -> None:
    done = run_python(
        f"import sys; sys.modules[{missing!r}] = None\nfrom fiddle_hydra_bridge.cli import main\nmain()", project
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "fiddle-hydra needs its extra: pip install 'fiddle-hydra-bridge[cli]'\n"


def test_the_version_is_that_of_the_package(project: Path) -> None:
    import fiddle_hydra_bridge

    assert run_program(project, "--version") == (0, f"{fiddle_hydra_bridge.__version__}\n", "")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for other processes")
def test_ctrl_c_ends_it_quietly(project: Path) -> None:
    with subprocess.Popen(
        [PROGRAM, "run", "recipes:endless"],
        cwd=project,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell lets what it runs in the background ignore the signal, and so would its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline() == "waiting\n"
        process.send_signal(signal.SIGINT)
        assert process.wait() == 130
        assert process.stderr.read() == ""


@pytest.mark.skipif(os.name == "nt", reason="Windows says something else of closed pipes")
@pytest.mark.parametrize(
    "words", [["show", "recipes:training"], ["yaml", "recipes:training"]], ids=lambda words: words[0]
)
def test_a_closed_pipe_ends_it_quietly(words: list[str], project: Path) -> None:
    with subprocess.Popen(
        [PROGRAM, *words], cwd=project, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.wait() == 141
        assert process.stderr.read() == ""


def test_colours_are_for_terminals_that_want_them(project: Path) -> None:
    code = """
import os
from fiddle_hydra_bridge.cli.app import run
for more in ({}, {"FORCE_COLOR": "1", "TERM": "xterm-256color"}, {"NO_COLOR": "1"}):
    os.environ.update(more)
    print("-----")
    run(["show", "recipes:model"])
"""
    done = run_python(code, project)
    assert done.returncode == 0, done.stderr
    _, plain, forced, refused = done.stdout.split("-----")
    assert COLOUR not in plain
    assert f"{COLOUR}36mdim" in forced
    assert f"{COLOUR}36m" not in refused


def test_debug_shows_the_whole_traceback(project: Path) -> None:
    answer = run_program(project, "show", "broken.yaml", "--debug")
    assert answer.code == 1
    assert answer.errors.startswith("Traceback")
    assert "SyntaxProblemError" in answer.errors


def test_output_files_are_written_whole_or_not_at_all(project: Path) -> None:
    (project / "made").mkdir()
    commands = {
        "new": Command("yaml recipes:model -o made/new.yaml"),
        "kept": Command("yaml recipes:model dim=4 -o kept.yaml", errors=("'kept.yaml' exists", "--force"), code=2),
        "replaced": Command("yaml recipes:model dim=4 --output made/new.yaml --force"),
        "failed": Command("yaml recipes:unspellable -o made/new.yaml --force", errors=("the lambda",), code=1),
        "nowhere": Command("yaml recipes:model -o nowhere/new.yaml", errors=("No such file or directory",), code=1),
    }
    answers = run_all(project, commands)
    for name, command in commands.items():
        check(command, answers[name])
    assert (project / "kept.yaml").read_text() == "kept: true\n"
    assert (project / "made" / "new.yaml").read_text() == "_target_: parts.Model\ndim: 4\n"
    assert [file.name for file in (project / "made").iterdir()] == ["new.yaml"]


def test_a_bare_recipe_has_hydras_sweeps_and_output_folders(project: Path) -> None:
    answer = run_program(
        project,
        "run",
        "recipes:training",
        "--multirun",
        "model.dim=4,6",
        "hydra.sweep.dir=sweep",
        "--config-dir",
        "conf",
    )
    assert (answer.code, answer.errors) == (0, "")
    assert [line for line in answer.output.splitlines() if not line.startswith("[")] == [
        "training 4 wide for 1 steps, shared: True",
        "4.0",
        "training 6 wide for 1 steps, shared: True",
        "6.0",
    ]
    for job in ("0", "1"):
        assert (project / "sweep" / job / "training.log").exists()


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_completes_commands_options_choices_and_files(project: Path, tmp_path: Path) -> None:
    script = tmp_path / "completion"
    assert (
        run_program(
            project, "--install-completion", "--shell", "bash", "--output", str(script), HOME=str(tmp_path)
        ).code
        == 0
    )
    lines = ["sh", "show --wh", "show --format mer", "show linked", "run recipes:model --config-dir co"]
    asked = "\n".join(
        f'COMP_WORDS=(fiddle-hydra {line}); COMP_CWORD={len(line.split())}; _fiddle_hydra; echo "${{COMPREPLY[@]}}"'
        for line in lines
    )
    done = subprocess.run(
        ["bash", "-c", f'source "$1"\n{asked}', "bash", script], cwd=project, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["show", "--where", "mermaid", "linked.yaml", "conf"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_get_a_completion_of_every_command(shell: str, project: Path, tmp_path: Path) -> None:
    script = tmp_path / "completion"
    answer = run_program(project, "--install-completion", "--shell", shell, "--output", str(script), HOME=str(tmp_path))
    assert answer.code == 0
    text = script.read_text()
    assert [name for name in ("show", "yaml", "python", "explain", "run", "verify") if name not in text] == []
    if shutil.which(shell):
        subprocess.run([shell, "-n", script], check=True)
