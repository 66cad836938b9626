"""``Script``: a script with its arguments, as a value that configs hold and programs run.

In come the fields of a script, out goes a process. The standard library is all it needs; ``errors`` stands above.
Configs name the class as ``fiddle_hydra_bridge.Script``.
"""

from __future__ import annotations

import functools
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

from fiddle_hydra_bridge.errors import BridgeError, ParameterError, Problem
from fiddle_hydra_bridge.vocabulary.output import Output

__all__ = ["Script", "ScriptError"]

_P = ParamSpec("_P")
_R = TypeVar("_R")

#: Where a script comes from: exactly one of these fields is given.
_SOURCES = ("path", "inline")
#: How many seconds the processes of a script have to end by themselves when they are told to.
_GRACE = 5.0


class ScriptError(BridgeError):
    """A script that failed or took too long.

    Attributes:
        returncode: its exit code, the negative number of the signal that ended it, None if it took too long.
        output: the last lines of its output.
    """

    def __init__(self, problems: Any, returncode: int | None = None, output: str = "") -> None:
        super().__init__(problems)
        self.returncode = returncode
        self.output = output


class _OneOf:
    """A field of a script that is one of its sources.

    A descriptor and no ``__post_init__``: a dataclass whose arguments are its fields, without hooks, is a value that
    configs can spell. It also watches later assignments.
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, script: Any, owner: type | None = None) -> Any:
        return "" if script is None else script.__dict__[self.name]

    def __set__(self, script: Any, value: Any) -> None:
        fields = {**script.__dict__, self.name: value}
        # While the script is made, they come one after the other.
        if fields.keys() >= set(_SOURCES):
            given = [name for name in _SOURCES if fields[name]]
            if len(given) != 1:
                got = " and ".join(f"{name}={fields[name]!r}" for name in given) or "neither"
                raise ParameterError(f"a Script takes exactly one of {' and '.join(_SOURCES)}, got {got}")
        script.__dict__[self.name] = value


def _one_of() -> Any:
    return _OneOf()


class _OnInstances(Generic[_P, _R]):
    """A method that only instances have, and the class has not.

    A config names callables by dotted paths, and this one runs programs: no path may lead to it.
    """

    def __init__(self, function: Callable[Concatenate[Any, _P], _R]) -> None:
        self.function = function
        self.__doc__ = function.__doc__

    def __get__(self, script: Any, owner: type) -> Callable[_P, _R]:
        if script is None:
            raise AttributeError(f"{self.function.__name__!r} is a method of the instances of {owner.__name__}")
        return functools.partial(self.function, script)


@dataclass
class Script:
    """A script: a file, a module or lines of code, with arguments, environment variables and its interpreter.

    Args:
        path: the script's file, relative to the working directory it is run in; with ``m`` the name of a module.
        inline: the script itself, instead of a path.
        args: arguments: strings, and numbers as Python writes them. They arrive as they are, no shell reads them.
        env: environment variables, besides those of this process.
        entrypoint: the program that runs the script.
        m: whether to run the module ``path`` with ``python -m``.

    Raises:
        ParameterError: unless exactly one of ``path`` and ``inline`` is given.

    Example:
        >>> Script(path="train.sh", args=["--name", "two words"]).to_command()
        ['bash', 'train.sh', '--name', 'two words']
    """

    path: str = _one_of()
    inline: str = _one_of()
    args: list[str] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)
    entrypoint: str = "bash"
    m: bool = False

    def to_command(self) -> list[str]:
        """Returns the command that :meth:`run` runs: the program and each of its arguments.

        Raises:
            ParameterError: for a field that makes no sense in a command.
        """
        entrypoint = _text("entrypoint", self.entrypoint)
        is_python = re.match(r"python|pypy", PurePath(entrypoint.replace("\\", "/")).name.lower()) is not None
        if not entrypoint:
            raise ParameterError("a Script needs an entrypoint")
        if self.m and (self.inline or not is_python):
            raise ParameterError(f"m is for a path and an entrypoint that is Python, got {entrypoint!r}")
        args = [_text(f"args[{index}]", arg) for index, arg in enumerate(self.args)]
        if self.inline:
            # A shell takes the first argument behind the code for the name of the script, Python does not.
            return [entrypoint, "-c", _text("inline", self.inline), *([] if is_python else [entrypoint]), *args]
        path = _text("path", self.path)
        if path.startswith("-"):
            path = os.path.join(os.curdir, path)  # not an option of the entrypoint
        return [entrypoint, *(["-m"] if self.m else []), path, *args]

    @_OnInstances
    def run(self, *, cwd: str | os.PathLike[str] | None = None, timeout: float | None = None) -> None:
        """Runs the script and waits for its end; what it prints appears while it runs.

        On Ctrl-C, and after the timeout, the script is ended with all processes that it started.

        Args:
            cwd: the working directory; by default that of this process.
            timeout: how many seconds the script may take.

        Raises:
            ScriptError: if its exit code is not 0 or it takes too long, with the last lines of its output.
            ParameterError: as :meth:`to_command`.
            OSError: if the entrypoint cannot be started.
        """
        process = self._start(cwd)
        try:
            output = Output(process)
            is_finished = output.stream(None if timeout is None else time.monotonic() + timeout)
        except BaseException:
            # Ctrl-C above all: whatever ends the waiting, nothing may go on running.
            _end(process)
            raise
        if not is_finished:
            _end(process)
            raise self._error(f"did not end within {timeout} seconds", None, output.last_lines())
        if process.returncode:
            raise self._error(_ending(process.returncode), process.returncode, output.last_lines())

    @_OnInstances
    def _start(self, cwd: str | os.PathLike[str] | None) -> subprocess.Popen[bytes]:
        names = {_text("env", name): _text(f"env[{name!r}]", value) for name, value in self.env.items()}
        if os.name == "nt":
            names = {name.upper(): value for name, value in names.items()}
        return subprocess.Popen(
            self.to_command(),
            cwd=cwd,
            env={**os.environ, **names},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # A group of its own, which can be ended as a whole.
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )

    def _error(self, what: str, returncode: int | None, output: str) -> ScriptError:
        name = self.path or self.inline.strip().partition("\n")[0]
        shown = "".join(f"\n    {line}" for line in output.splitlines())
        message = f"the script {name!r} {what}" + (f"; its last lines:{shown}" if shown else "")
        return ScriptError(Problem(message, kind=ScriptError), returncode, output)


# Configs name it by the package, so that is where it says it lives.
Script.__module__ = "fiddle_hydra_bridge"


def _text(name: str, value: Any) -> str:
    """Returns what a program gets for a value, if there is no doubt about it."""
    if isinstance(value, str | os.PathLike):
        return os.fspath(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    hint = "write the text that the program shall get, in quotes"
    raise ParameterError(Problem(f"{name} of a Script must be text, got {value!r}", hint=hint, kind=ParameterError))


def _ending(returncode: int) -> str:
    if returncode > 0:
        return f"ended with exit code {returncode}"
    try:
        return f"was ended by {signal.Signals(-returncode).name}"
    except ValueError:  # a signal without a name
        return f"was ended by signal {-returncode}"


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends a process and all that it started: gently, then by force."""
    if os.name == "nt":
        subprocess.run(["taskkill", "/F", "/T", "/PID", str(process.pid)], capture_output=True, check=False)
        process.wait()
        return
    try:
        deadline = time.monotonic() + _GRACE
        is_left = _signal(process, signal.SIGTERM)
        while is_left and time.monotonic() < deadline:
            time.sleep(0.02)
            is_left = _signal(process, 0)
    finally:
        # Also when Ctrl-C comes again.
        _signal(process, signal.SIGKILL)
        process.wait()


def _signal(process: subprocess.Popen[bytes], number: int) -> bool:
    """Sends a signal to a process group; 0 only asks. Returns whether there was any process left."""
    process.poll()  # A process that ended counts until its exit code is read.
    try:
        os.killpg(process.pid, number)
    except (ProcessLookupError, PermissionError):  # macOS says so of groups that are about to end
        return False
    return True
