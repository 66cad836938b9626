"""What a command says when it fails, and its exit code: 1 for problems, 2 for wrong use.

In comes an exception, out go an exit code and what is said on standard error. Errors of configs are their messages.
Where code of the user raises, a recipe or a target, the traceback begins at that code.
"""

from __future__ import annotations

import sys
import traceback
from types import TracebackType

from rich.console import Console

from fiddle_hydra_bridge.errors import BridgeError

__all__ = ["CLOSED_PIPE", "PROBLEMS", "WRONG_USE", "UsageError", "origin_of", "printable", "report", "say"]

PROBLEMS = 1
WRONG_USE = 2
#: As of a program that a closed pipe ended: 128 and the number of the signal.
CLOSED_PIPE = 141

#: The libraries between the command and the user's code.
_LIBRARIES = {"cyclopts", "fiddle", "fiddle_hydra_bridge", "hydra", "hydra_plugins", "omegaconf", "rich", "yaml"}

#: The libraries whose errors speak of configs.
_FRANK = {"hydra", "omegaconf"}


class UsageError(Exception):
    """A command line that cannot be meant: no such file, no such recipe, options that exclude each other."""


def report(error: Exception, debug: bool) -> int:
    """Says on standard error what went wrong, and returns the exit code.

    Args:
        error: what ended the command.
        debug: whether to show the whole traceback.
    """
    if debug:
        traceback.print_exception(error)
    else:
        _show(error)
    return WRONG_USE if isinstance(error, UsageError) else PROBLEMS


def _show(error: Exception) -> None:
    """Says what an error says, if it is one that is meant to be read, and shows where the user's code has raised it."""
    origin = origin_of(error)
    is_readable = isinstance(error, BridgeError | UsageError | OSError) or _package(type(error).__module__) in _FRANK
    if is_readable and error is not origin:
        say("\n  ".join([str(error), *getattr(error, "__notes__", ())]))
    elif origin is None:
        say(f"{type(error).__name__}: {error}\n  hint: --debug shows where")
    if origin is not None:
        traceback.print_exception(type(origin), origin, _users_traceback(origin), chain=False)


def say(message: str) -> None:
    """Says on standard error what is wrong, as it is: neither read as markup nor wrapped."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print("[bold red]error:[/]", end=" ")
    console.print("\n".join(printable(line) for line in message.expandtabs().split("\n")), markup=False)


def printable(text: str) -> str:
    """Returns a line without what would control the terminal: configs are not trusted."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def origin_of(error: BaseException) -> BaseException | None:
    """Returns the error or the first of its causes that the user's code has raised, ``None`` if none was."""
    origin: BaseException | None = None
    cause: BaseException | None = error
    while cause is not None:
        if _users_traceback(cause) is not None:
            origin = cause
        cause = cause.__cause__
    return origin


def _users_traceback(error: BaseException) -> TracebackType | None:
    """Returns the traceback from the first line of the user's code on, ``None`` if there is none."""
    trace = error.__traceback__
    while trace is not None and _is_library(trace.tb_frame.f_globals.get("__name__", "")):
        trace = trace.tb_next
    return trace


def _is_library(module: str) -> bool:
    return _package(module) in _LIBRARIES | sys.stdlib_module_names | {"_frozen_importlib"}


def _package(module: str) -> str:
    return module.partition(".")[0]
