"""The command ``fiddle-hydra``.

In come the words of a command line, out go an exit code and what the command prints. The wing stands on all others
and uses them through the face, so that a library is loaded only by the command that needs it.
"""

from __future__ import annotations

import sys

__all__ = ["main"]

#: The exit code of a program that Ctrl-C ended: 128 and the number of the signal.
_INTERRUPTED = 130


def main() -> None:
    """Runs the command with the words of ``sys.argv`` and ends the process with its exit code."""
    try:
        from fiddle_hydra_bridge.cli.app import run

        sys.exit(run(sys.argv[1:]))
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("cyclopts", "rich"):
            raise
        sys.exit("fiddle-hydra needs its extra: pip install 'fiddle-hydra-bridge[cli]'")
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)
