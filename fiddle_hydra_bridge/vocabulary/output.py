"""The output of a running process, shown while it runs.

In comes a process with two pipes, out goes what it prints, to ``sys.stdout`` and ``sys.stderr`` and so also to
notebooks and log files that stand in for them. ``script`` stands below and runs its processes with it.
"""

from __future__ import annotations

import codecs
import contextlib
import locale
import queue
import subprocess
import sys
import threading
import time
from typing import IO, TextIO

__all__ = ["Output"]

#: How many lines, and at most how many characters, an error shows.
_LAST_LINES = 20
_LAST_CHARACTERS = 4_000
#: How long to look for a sign of life before looking at the clock, in seconds.
_TICK = 0.1
#: How long to read on when the process has ended but what it left in the background holds the pipes open.
_LEFTOVER = 1.0


class Output:
    """Reads both pipes of a process.

    Args:
        process: a process whose ``stdout`` and ``stderr`` are pipes.
    """

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._chunks: queue.SimpleQueue[tuple[TextIO, str] | None] = queue.SimpleQueue()
        self._is_closed = threading.Event()
        self._last = ""
        for pipe, stream in ((process.stdout, sys.stdout), (process.stderr, sys.stderr)):
            assert pipe is not None
            # Daemons: what a script leaves running may keep its pipes open for ever.
            threading.Thread(target=self._read, args=(pipe, stream), daemon=True).start()

    def stream(self, deadline: float | None) -> bool:
        """Shows the output until the process has ended.

        Args:
            deadline: when to give up, on the clock of ``time.monotonic``.

        Returns:
            whether the process has ended.
        """
        pipes = 2
        last_sign = time.monotonic()
        try:
            while pipes or self._process.poll() is None:
                now = time.monotonic()
                if self._process.poll() is None:
                    last_sign = now
                elif now - last_sign > _LEFTOVER:
                    break
                if deadline is not None and now > deadline and self._process.poll() is None:
                    return False
                pipes -= self._show_next(pipes)
        finally:
            self._is_closed.set()
        return True

    def last_lines(self) -> str:
        """Returns the last lines that were shown, of both pipes."""
        return "\n".join(self._last.splitlines()[-_LAST_LINES:])

    def _show_next(self, pipes: int) -> int:
        """Waits a moment for output and shows it. Returns how many pipes were closed."""
        if not pipes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(_TICK)
            return 0
        try:
            chunk = self._chunks.get(timeout=_TICK)
        except queue.Empty:
            return 0
        if chunk is None:
            return 1
        stream, text = chunk
        self._last = (self._last + text)[-_LAST_CHARACTERS:]
        encoding = stream.encoding or "utf-8"
        stream.write(text.encode(encoding, "replace").decode(encoding))
        stream.flush()
        return 0

    def _read(self, pipe: IO[bytes], stream: TextIO) -> None:
        decoder = codecs.getincrementaldecoder(locale.getencoding())("replace")
        with pipe:
            while chunk := pipe.read1(65_536):  # type: ignore[attr-defined]
                if not self._is_closed.is_set():
                    self._chunks.put((stream, decoder.decode(chunk)))
        self._chunks.put(None)
