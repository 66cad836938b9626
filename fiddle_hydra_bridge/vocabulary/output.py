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

#: How many lines of each pipe, and at most how many characters, an error shows.
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
        # Short, so that a process waits for who shows its output instead of filling the memory.
        self._chunks: queue.Queue[tuple[int, str] | None] = queue.Queue(maxsize=16)
        self._is_closed = threading.Event()
        # Apart, since the order between the pipes is not known: a flood on one must not wash an error off the other.
        self._last = ["", ""]
        self._streams: tuple[TextIO, TextIO] = (sys.stdout, sys.stderr)
        for index, pipe in enumerate((process.stdout, process.stderr)):
            assert pipe is not None
            # Daemons: what a script leaves running may keep its pipes open for ever.
            threading.Thread(target=self._read, args=(pipe, index), daemon=True).start()

    def stream(self, deadline: float | None) -> bool:
        """Shows the output until the process has ended.

        Args:
            deadline: when to give up, on the clock of ``time.monotonic``.

        Returns:
            whether the process has ended.
        """
        pipes = 2
        last_alive = time.monotonic()
        try:
            while pipes or self._process.poll() is None:
                now = time.monotonic()
                if self._process.poll() is None:
                    last_alive = now
                elif now - last_alive > _LEFTOVER and self._chunks.empty():
                    break
                if deadline is not None and now > deadline and self._process.poll() is None:
                    return False
                pipes -= self._show_next(pipes)
        finally:
            self._is_closed.set()
        return True

    def last_lines(self) -> str:
        """Returns the last lines that were shown: of the standard output, then of the standard error."""
        return "\n".join(line for text in self._last for line in text.splitlines()[-_LAST_LINES:])

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
        index, text = chunk
        self._last[index] = (self._last[index] + text)[-_LAST_CHARACTERS:]
        stream = self._streams[index]
        encoding = stream.encoding or "utf-8"
        stream.write(text.encode(encoding, "replace").decode(encoding))
        stream.flush()
        return 0

    def _read(self, pipe: IO[bytes], index: int) -> None:
        decoder = codecs.getincrementaldecoder(locale.getencoding())("replace")
        with pipe:
            while chunk := pipe.read1(65_536):  # type: ignore[attr-defined]
                self._put((index, decoder.decode(chunk)))
        self._put(None)

    def _put(self, chunk: tuple[int, str] | None) -> None:
        while not self._is_closed.is_set():
            with contextlib.suppress(queue.Full):
                self._chunks.put(chunk, timeout=_TICK)
                return
