"""``Script``: its command, its run, its spelling, and the app that runs scripts."""

from __future__ import annotations

import copy
import dataclasses
import io
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fiddle as fdl
import hydra.utils
import pytest
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

import fiddle_hydra_bridge as fhb
from fiddle_hydra_bridge.vocabulary.script import Script, ScriptError
from tests import components as c

ROOT = Path(__file__).resolve().parents[2]
#: Prints its arguments, one a line, as Python writes them.
ECHO = "import sys; [print(repr(argument)) for argument in sys.argv[1:]]"


def python(code: str, *args: Any, **fields: Any) -> Script:
    return Script(inline=code, args=list(args), entrypoint=sys.executable, **fields)


# -------------------------------------------------------------------------------------------------- the command


@pytest.mark.parametrize(
    ("script", "command"),
    [
        (Script("a.sh"), ["bash", "a.sh"]),
        (Script("a b.sh", args=["x y", '"', "$HOME"]), ["bash", "a b.sh", "x y", '"', "$HOME"]),
        (Script(inline="echo $1", args=["x"]), ["bash", "-c", "echo $1", "bash", "x"]),
        (Script("a.py", entrypoint="python", args=["--n", "1"]), ["python", "a.py", "--n", "1"]),
        (Script("a.b", entrypoint="python3.12", m=True), ["python3.12", "-m", "a.b"]),
        (
            Script(inline="print()", entrypoint="/a b/bin/python", args=["x"]),
            ["/a b/bin/python", "-c", "print()", "x"],
        ),
        (
            Script(inline="print()", entrypoint=r"C:\Program Files\Python\python.exe", args=["x"]),
            [r"C:\Program Files\Python\python.exe", "-c", "print()", "x"],
        ),
        (Script(r"C:\a b\run.ps1", entrypoint="pwsh"), ["pwsh", r"C:\a b\run.ps1"]),
        (Script("-c"), ["bash", os.path.join(os.curdir, "-c")]),
        (Script("a.sh", args=[1, 0.001, 1e-7, Path("x")]), ["bash", "a.sh", "1", "0.001", "1e-07", "x"]),  # type: ignore[list-item]
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_the_command_of_a_script(script: Script, command: list[str]) -> None:
    assert script.to_command() == command


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "exactly one of path and inline, got neither"),
        ({"args": ["x"]}, "got neither"),
        ({"path": "a.sh", "inline": "echo"}, "exactly one of path and inline, got path='a.sh' and inline='echo'"),
    ],
)
def test_exactly_one_of_path_and_inline_is_taken(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(fhb.ParameterError, match=message):
        Script(**fields)
    with pytest.raises(fhb.ParameterError, match=message):
        hydra_cause(lambda: hydra.utils.instantiate({"_target_": "fiddle_hydra_bridge.Script", **fields}))


def hydra_cause(make: Any) -> None:
    """Raises what the target raised, without Hydra's exception around it."""
    try:
        make()
    except Exception as error:
        raise error.__cause__ or error from None


def test_a_script_stays_valid_when_it_is_changed() -> None:
    script = Script("a.sh")
    with pytest.raises(fhb.ParameterError):
        script.inline = "echo"
    with pytest.raises(fhb.ParameterError):
        script.path = ""
    script.path = "b.sh"
    assert script == Script("b.sh")
    assert dataclasses.replace(script, path="", inline="echo") == Script(inline="echo")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"args": ["a", None]}, r"args\[1\] of a Script must be text, got None"),
        ({"args": [True]}, r"args\[0\] of a Script must be text, got True"),
        ({"args": [["a"]]}, r"args\[0\]"),
        ({"entrypoint": ""}, "needs an entrypoint"),
        ({"m": True}, "an entrypoint that is Python, got 'bash'"),
    ],
)
def test_fields_that_make_no_command_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(fhb.ParameterError, match=message):
        Script("a.sh", **fields).to_command()
    with pytest.raises(fhb.ParameterError, match=message):
        Script("a.sh", **fields).run()


# ------------------------------------------------------------------------------------------------------ the run


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), max_size=4))
def test_the_command_holds_the_arguments_as_they_are(args: list[str]) -> None:
    assert Script("x", args=args).to_command()[2:] == args
    assert Script(inline="x", args=args).to_command()[4:] == args


HOSTILE = [
    "two words",
    "it's",
    '"quoted"',
    "$HOME",
    "`id`",
    "a\\b",
    "",
    "*",
    "; exit 3",
    "é",
    "new\nline",
    "-x",
    "%PATH%",
]


def test_hostile_arguments_and_variables_reach_the_program(capsys: pytest.CaptureFixture[str]) -> None:
    python(ECHO, *HOSTILE).run()
    assert capsys.readouterr().out.splitlines() == list(map(repr, HOSTILE))
    code = f"import os; print(all(os.environ[f'V{{i}}'] == v for i, v in enumerate({HOSTILE!r})))"
    python(code, env={f"V{index}": value for index, value in enumerate(HOSTILE)}).run()
    assert capsys.readouterr().out == "True\n"


def test_a_file_runs_in_the_working_directory_with_the_variables_of_this_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a b.sh").write_text('echo "$OLD $NEW $1"; pwd\n')
    monkeypatch.setenv("OLD", "old")
    Script("a b.sh", args=["x y"], env={"NEW": "new"}).run(cwd=tmp_path)
    assert capsys.readouterr().out.splitlines() == ["old new x y", os.path.realpath(tmp_path)]


def test_output_appears_while_the_script_runs_on_the_stream_it_was_written_to(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class Watching:
        """Lets the script go on when its first words have arrived."""

        encoding = "ascii"
        text = ""

        def write(self, text: str) -> None:
            self.text += text
            if "é" not in text and "first" in self.text:
                (tmp_path / "go").touch()

        def flush(self) -> None:
            pass

    watching = Watching()
    monkeypatch.setattr(sys, "stdout", watching)
    Script(inline="printf first; echo wrong >&2; until [ -e go ]; do sleep 0.01; done; echo ' é'").run(
        cwd=tmp_path, timeout=30
    )
    assert watching.text in {"first ?\n", "first ??\n"}
    assert capsys.readouterr().err == "wrong\n"


def test_no_output_is_lost_when_it_is_shown_slower_than_written(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[int] = []

    class Slow(io.StringIO):
        encoding = "utf-8"

        def write(self, text: str) -> int:
            shown.append(len(text))
            time.sleep(0.1)
            return len(text)

    monkeypatch.setattr(sys, "stdout", Slow())
    python("print('x' * 1_500_000)").run(timeout=60)
    assert sum(shown) == 1_500_001
    assert len(shown) * 0.1 > 1.2  # longer than what a finished script is waited for


def test_a_script_that_fails_says_how_and_with_which_last_lines() -> None:
    with pytest.raises(ScriptError) as caught:
        Script(inline="echo wrong >&2; for i in $(seq 50); do echo line $i; done\nexit 3").run()
    assert caught.value.returncode == 3
    assert "the script 'echo wrong >&2; for i in $(seq 50); do echo line $i; done' ended with exit code 3" in str(
        caught.value
    )
    assert caught.value.output.splitlines() == [*(f"line {number}" for number in range(31, 51)), "wrong"]
    assert str(caught.value).endswith("\n    line 50\n    wrong")
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.returncode, again.output) == (str(caught.value), 3, caught.value.output)


def test_a_script_that_is_killed_says_by_which_signal() -> None:
    with pytest.raises(ScriptError, match="was ended by SIGKILL") as caught:
        Script(inline="kill -KILL $$").run()
    assert caught.value.returncode == -signal.SIGKILL


def test_an_entrypoint_that_is_not_there_is_the_systems_error() -> None:
    with pytest.raises(FileNotFoundError, match="no-such-program"):
        Script("a.sh", entrypoint="no-such-program").run()


def test_standard_input_is_empty(capsys: pytest.CaptureFixture[str]) -> None:
    Script(inline="wc -c").run(timeout=30)
    assert capsys.readouterr().out.strip() == "0"


def is_running(pid: int) -> bool:
    """Whether a process runs; one that ended and waits for its parent does not."""
    status = Path(f"/proc/{pid}/stat")
    if status.exists():
        return status.read_text().rpartition(")")[2].split()[0] != "Z"
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return not Path("/proc").exists()


#: Leaves a process in the background, waits for one in front, and notes the ids of both and its own.
FAMILY = "sleep 300 & echo $! >> pids; echo $$ >> pids; (echo $BASHPID >> pids; echo ready; exec sleep 300)"


@pytest.fixture
def pids(tmp_path: Path) -> Iterator[list[int]]:
    """Filled with what the script notes, when it was run; nothing is left running after the test."""
    found: list[int] = []
    yield found
    for pid in found:
        if is_running(pid):
            os.kill(pid, signal.SIGKILL)


def noted(folder: Path) -> list[int]:
    return [int(line) for line in (folder / "pids").read_text().split()]


def test_a_script_that_takes_too_long_is_ended_with_all_it_started(tmp_path: Path, pids: list[int]) -> None:
    with pytest.raises(ScriptError, match=r"did not end within 2 seconds; its last lines:\n    begun") as caught:
        Script(inline=f"echo begun; {FAMILY}").run(cwd=tmp_path, timeout=2)
    pids += noted(tmp_path)
    assert caught.value.returncode is None
    assert len(pids) == 3
    assert not [pid for pid in pids if is_running(pid)]


def test_a_script_that_ignores_the_gentle_signal_is_ended_by_force(
    tmp_path: Path, pids: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fiddle_hydra_bridge.vocabulary.script._GRACE", 0.2)
    with pytest.raises(ScriptError, match="did not end"):
        Script(inline="trap '' TERM; echo $$ > pids; while true; do sleep 0.05; done").run(cwd=tmp_path, timeout=0.5)
    pids += noted(tmp_path)
    assert not is_running(*pids)


def test_ctrl_c_ends_the_script_and_all_it_started(tmp_path: Path, pids: list[int]) -> None:
    code = (
        "import signal; from fiddle_hydra_bridge.vocabulary.script import Script\n"
        # Ignored where the tests run in the background of a shell.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"Script(inline={FAMILY!r}).run()"
    )
    app = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert app.stdout is not None and app.stdout.readline() == "ready\n"
    pids += noted(tmp_path)
    assert len(pids) == 3 and all(map(is_running, pids))
    app.send_signal(signal.SIGINT)
    _, errors = app.communicate(timeout=60)
    assert "KeyboardInterrupt" in errors
    assert not [pid for pid in pids if is_running(pid)]


def test_what_a_script_leaves_in_the_background_does_not_hold_its_end_up(tmp_path: Path, pids: list[int]) -> None:
    Script(inline="sleep 300 & echo $! > pids").run(cwd=tmp_path, timeout=60)
    pids += noted(tmp_path)
    assert is_running(*pids)


# -------------------------------------------------------------------------------------------------- the spelling


SCRIPTS = [
    Script("train.sh"),
    Script("a b.sh", args=HOSTILE, env={"A": "${b}", "x y": ""}),
    Script(inline='echo "$1"\nenv\n', args=["x"]),
    Script("pkg.train", entrypoint="python", m=True),
]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.path or "inline")
def test_a_script_survives_every_round_trip(script: Script) -> None:
    fields = {field.name: getattr(script, field.name) for field in dataclasses.fields(script)}
    written = fdl.Config(Script, **{name: value for name, value in fields.items() if value})
    for graph in (written, fdl.Partial(Script, path="x"), fdl.Config(c.Node, a=script, b=[script, script])):
        assert fhb.same_graph(fhb.from_hydra(fhb.to_hydra(graph)), graph)
        assert fhb.same_graph(fhb.from_yaml(fhb.to_yaml(graph)), graph)
        if isinstance(graph, fdl.Config):
            assert fhb.equivalent(hydra.utils.instantiate(fhb.to_hydra(graph)), fdl.build(graph))
            assert fhb.equivalent(fhb.instantiate(fhb.to_hydra(graph)), fdl.build(graph))
    assert fdl.build(written) == script
    assert copy.deepcopy(script) == pickle.loads(pickle.dumps(script)) == script


def test_a_script_is_a_call_node_in_yaml() -> None:
    graph = fdl.Config(fhb.section, task=fdl.Config(Script, path="train.sh", env={"A": "1"}))
    assert fhb.to_yaml(graph) == (
        "task:\n  _target_: fiddle_hydra_bridge.Script\n  _convert_: all\n  path: train.sh\n  env:\n    A: '1'\n"
    )


def test_a_script_of_plain_hydra_runs_with_omegaconfs_containers(capsys: pytest.CaptureFixture[str]) -> None:
    config = OmegaConf.create(
        {"_target_": "fiddle_hydra_bridge.Script", "inline": "echo $A $1", "args": [0.1], "env": {"A": "a"}}
    )
    script = hydra.utils.instantiate(config)
    assert OmegaConf.is_config(script.args)
    script.run()
    assert capsys.readouterr().out == "a 0.1\n"


@pytest.mark.parametrize("path", ["fiddle_hydra_bridge.Script", "fiddle_hydra_bridge.vocabulary.script.Script"])
@pytest.mark.parametrize("method", ["run", "_start"])
@pytest.mark.parametrize("make", [hydra.utils.instantiate, fhb.instantiate, fhb.from_hydra])
def test_no_config_can_run_a_script_by_itself(path: str, method: str, make: Any, tmp_path: Path) -> None:
    script = {"_target_": "fiddle_hydra_bridge.Script", "inline": f"touch '{tmp_path}/ran'"}
    with pytest.raises(Exception, match=f"{path}.{method}|no attribute '{method}'"):
        make({"_target_": f"{path}.{method}", "_args_": [script, None]})
    assert not list(tmp_path.iterdir())


# ------------------------------------------------------------------------------------------------------- the app


def app(folder: Path, *overrides: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "examples.scripts.app", *overrides]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False)


def results(folder: Path) -> list[str]:
    return sorted(file.read_text().strip() for file in folder.rglob("result.txt"))


def test_a_script_is_the_task_of_a_hydra_app(tmp_path: Path) -> None:
    done = app(tmp_path, 'name="it\'s $HOME"', "lr=1e-3")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "file: it's $HOME with 0.001\n"
    assert results(tmp_path) == ["file: it's $HOME with 0.001"]


@pytest.mark.skipif(shutil.which("python3") is None, reason="the example's module task runs python3")
def test_scripts_are_swept(tmp_path: Path) -> None:
    done = app(tmp_path, "--multirun", "lr=0.1,0.2", "task=file,module,inline")
    assert done.returncode == 0, done.stderr
    assert results(tmp_path) == sorted(
        f'{task}: a "first" try with {lr}' for task in ("file", "module", "inline") for lr in (0.1, 0.2)
    )


def test_an_app_whose_script_fails_fails_with_the_last_lines(tmp_path: Path) -> None:
    done = app(tmp_path, "task.args=[--what,1]")
    assert done.returncode == 1
    assert "ended with exit code 2" in done.stderr
    assert "unknown option: --what" in done.stderr
