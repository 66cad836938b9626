"""Runs ``fiddle-hydra``, really: the installed program, or many command lines in one process.

Starting Python and importing Fiddle and Hydra is what takes the time, so tables of command lines share a process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PROJECT = Path(__file__).with_name("project")
PROGRAM = Path(sysconfig.get_path("scripts")) / "fiddle-hydra"

_MANY = """
import contextlib, io, json, sys
from fiddle_hydra_bridge.cli.app import run

answers = []
for words, text in json.load(sys.stdin):
    sys.argv = ["fiddle-hydra", *words]
    sys.stdin = io.TextIOWrapper(io.BytesIO(text.encode()))
    output, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        try:
            code = run(words)
        except SystemExit as end:  # of Hydra's own flags
            code = end.code or 0
    answers.append((code, output.getvalue(), errors.getvalue()))
print(json.dumps(answers))
"""


class Command(NamedTuple):
    """A command line and what it answers.

    Attributes:
        line: the words; ``%20`` stands for a space inside one.
        output: what it prints.
        errors: texts that its errors hold; without any, it says nothing on standard error.
        code: its exit code.
        text: its standard input.
    """

    line: str
    output: str = ""
    errors: tuple[str, ...] = ()
    code: int = 0
    text: str = ""

    @property
    def words(self) -> list[str]:
        return [word.replace("%20", " ") for word in self.line.split()]


class Answer(NamedTuple):
    code: int
    output: str
    errors: str


def environment(**more: str) -> dict[str, str]:
    """The environment of a user whose shell says nothing about colours."""
    plain = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS")}
    return {**plain, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", **more}


def run_program(folder: Path, *words: str, text: str = "", **more: str) -> Answer:
    """Runs the installed program; ``more`` are environment variables."""
    done = subprocess.run(
        [PROGRAM, *words], cwd=folder, env=environment(**more), input=text, capture_output=True, text=True, check=False
    )
    return Answer(done.returncode, done.stdout, done.stderr)


def run_all(folder: Path, commands: Mapping[str, Command]) -> dict[str, Answer]:
    """Runs command lines one after the other, in one process."""
    done = subprocess.run(
        [sys.executable, "-c", _MANY],
        cwd=folder,
        env=environment(),
        input=json.dumps([[command.words, command.text] for command in commands.values()]),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {name: Answer(*answer) for name, answer in zip(commands, json.loads(done.stdout), strict=True)}


def check(command: Command, answer: Answer) -> None:
    """Asserts that a command has answered what was expected."""
    assert answer.output == command.output, answer.errors
    assert [text for text in command.errors if text not in answer.errors] == [], answer.errors
    assert command.errors or not answer.errors
    assert answer.code == command.code
