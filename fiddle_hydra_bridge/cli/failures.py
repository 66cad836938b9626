"""What a command says when it fails, and its exit code: 1 for problems, 2 for wrong use, 130 for Ctrl-C.

In comes an exception, out go an exit code and what is said on standard error. Errors of configs are their messages.
Where code of the user raises, a recipe or a target, the traceback begins at that code.
"""

from __future__ import annotations

import sys
import traceback
from types import TracebackType

from rich.console import Console

from fiddle_hydra_bridge.errors import BridgeError

__all__ = ["CLOSED_PIPE", "PROBLEMS", "WRONG_USE", "UsageError", "report", "users_traceback"]

PROBLEMS = 1
WRONG_USE = 2
#: The exit codes of programs that a signal ended: 128 and its number.
INTERRUPTED = 130
CLOSED_PIPE = 141

#: The libraries between the command and the user's code.
_LIBRARIES = {"cyclopts", "fiddle", "fiddle_hydra_bridge", "hydra", "hydra_plugins", "importlib", "omegaconf", "yaml"}


class UsageError(Exception):
    """A command line that cannot be meant: no such file, no such recipe, options that exclude each other."""


def report(error: BaseException, debug: bool) -> int:
    """Says on standard error what went wrong, and returns the exit code.

    Args:
        error: what ended the command.
        debug: whether to show the whole traceback.
    """
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    if debug:
        traceback.print_exception(error)
    elif not isinstance(error, BridgeError | UsageError) and (origin := origin_of(error)) is not None:
        traceback.print_exception(type(origin), origin, users_traceback(origin), chain=False)
    else:
        say(str(error) or type(error).__name__)
    return WRONG_USE if isinstance(error, UsageError) else PROBLEMS


def say(message: str, kind: str = "error") -> None:
    """Says one thing on standard error, as it is: neither read as markup nor wrapped."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(f"[bold red]{kind}:[/]" if kind == "error" else f"[bold]{kind}:[/]", end=" ")
    console.print(message, markup=False)


def origin_of(error: BaseException) -> BaseException | None:
    """Returns the error or the first of its causes that the user's code has raised, ``None`` if none was."""
    origin: BaseException | None = None
    cause: BaseException | None = error
    while cause is not None:
        if users_traceback(cause) is not None:
            origin = cause
        cause = cause.__cause__
    return origin


def users_traceback(error: BaseException) -> TracebackType | None:
    """Returns the traceback from the first line of the user's code on, ``None`` if there is none."""
    trace = error.__traceback__
    while trace is not None and _is_library(trace.tb_frame.f_globals.get("__name__", "")):
        trace = trace.tb_next
    return trace


def _is_library(module: str) -> bool:
    package = module.partition(".")[0]
    return package in _LIBRARIES or package in sys.stdlib_module_names or package == "_frozen_importlib"
