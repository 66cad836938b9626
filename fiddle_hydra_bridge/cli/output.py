"""What commands print: text as it is, and drawings for terminals.

In come texts, out they go to standard output or to a file.
"""

from __future__ import annotations

import sys

from rich.console import Console

from fiddle_hydra_bridge.cli.failures import UsageError
from fiddle_hydra_bridge.cli.options import Output

__all__ = ["console", "write"]

#: Wider than any line: what is not a terminal wraps nothing.
_UNBOUNDED = 100_000


def console() -> Console:
    """Returns the console of standard output: with colours in a terminal, plain where ``NO_COLOR`` says so."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else _UNBOUNDED)


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
