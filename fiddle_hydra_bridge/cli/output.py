"""What commands print: text as it is, and drawings for terminals.

In come texts and places, out they go to standard output or to a file.
"""

from __future__ import annotations

import os
import sys

from rich.console import Console

from fiddle_hydra_bridge.cli.failures import UsageError
from fiddle_hydra_bridge.cli.options import Output

__all__ = ["console", "place", "write"]

#: Wider than any line: what is not a terminal wraps nothing.
_UNBOUNDED = 100_000


class _Console(Console):
    def on_broken_pipe(self) -> None:
        # Rich would end the process here; it is ended in one place, with one exit code.
        raise


def console() -> Console:
    """Returns the console of standard output: with colours in a terminal, plain where ``NO_COLOR`` says so."""
    return _Console(highlight=False, width=None if sys.stdout.isatty() else _UNBOUNDED)


def place(file: str, line: int) -> str:
    """Returns a place as ``file:line``, with a file below the current folder by its path from there.

    What has no lines, such as an override, is known by its name alone.
    """
    if not line:
        return file
    here = os.path.join(os.getcwd(), "")
    return f"{file.removeprefix(here)}:{line}"


def write(text: str, output: Output) -> None:
    """Writes a text to where the options say: as a whole, or not at all.

    Raises:
        UsageError: if the file exists and is not to be replaced.
        OSError: if it cannot be written.
    """
    if output.output is None:
        sys.stdout.write(text)
        return
    if output.output.exists() and not output.force:
        raise UsageError(f"{str(output.output)!r} exists: --force replaces it")
    from fiddle_hydra_bridge.convert.files import replace_file

    replace_file(output.output, text)
