"""The errors of the bridge: what is wrong, where, and what to do.

Every error that the bridge raises itself is a :class:`BridgeError`. It carries one or more :class:`Problem`
rows, each with the config path of the offending value, the place in the file it came from (when the source
was text or a file) and a hint. Exceptions of user code, Fiddle, Hydra or OmegaConf keep their own types.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

__all__ = [
    "BridgeError",
    "ExpansionError",
    "LinkError",
    "ParameterError",
    "Place",
    "Problem",
    "RefusedTargetError",
    "ShareError",
    "SyntaxProblemError",
    "TargetError",
    "UnsupportedValueError",
    "first_line",
    "in_order",
    "raise_problems",
    "suggestion",
]


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands in a file: ``file:line:column``, lines and columns counted from 1.

    A place that is no line of a text has line 0 and is only named, e.g. ``command line: model.dim=3``; a line of
    Python whose column is not known has column 0.
    """

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part)


class BridgeError(Exception):
    """A config or graph that the bridge cannot convert, with every problem that was found.

    Args:
        problems: a message, one problem, or several of them.

    Attributes:
        problems: the problems, in the order of the config.
    """

    problems: tuple[Problem, ...]

    def __init__(self, problems: str | Problem | Iterable[Problem]) -> None:
        if isinstance(problems, str):
            problems = (Problem(problems, kind=type(self)),)
        elif isinstance(problems, Problem):
            problems = (problems,)
        self.problems = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)

    def __repr__(self) -> str:
        # Hydra 1.3 shows the errors of targets by their repr.
        return f"{type(self).__name__}({str(self)!r})"


class SyntaxProblemError(BridgeError):
    """Text that is not the YAML (or JSON) that OmegaConf reads, or that is too deep or too large."""


class ExpansionError(SyntaxProblemError):
    """YAML whose aliases expand it without measure."""


class TargetError(BridgeError):
    """A target that cannot be imported, is not callable, or has no importable name."""


class RefusedTargetError(TargetError):
    """A target that the target policy does not let configuration choose."""


class ParameterError(BridgeError):
    """Arguments that the target does not take."""


class UnsupportedValueError(BridgeError):
    """A value that has no spelling on the other side."""


class LinkError(BridgeError):
    """An interpolation that does not resolve."""


class ShareError(BridgeError):
    """A reference to a shared value that is not there, or that contains itself."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        message: what is wrong, as one sentence without a final stop.
        path: the config path of the value, e.g. ``model.layers[0].dim``; empty for the root, ``None`` if unknown.
        place: the place in the source file, ``None`` if the source was not text.
        hint: what to do about it.
        kind: the error class that fits this problem.
    """

    message: str
    path: str | None = None
    place: Place | None = None
    hint: str | None = None
    kind: type[BridgeError] = BridgeError

    def __str__(self) -> str:
        text = f"{self.place}: {self.message}" if self.place else self.message
        if self.path is not None:
            text += f"\n  at {self.path or '<root>'}"
        if self.hint:
            text += f"\n  hint: {self.hint}"
        return text


def raise_problems(problems: Sequence[Problem]) -> None:
    """Raises one error for all problems, of their common class; does nothing if there are none.

    Raises:
        BridgeError: of the problems' class if they share one, otherwise a plain ``BridgeError``.
    """
    if not problems:
        return
    kinds = {problem.kind for problem in problems}
    raise (kinds.pop() if len(kinds) == 1 else BridgeError)(problems)


def in_order(problems: Sequence[Problem]) -> list[Problem]:
    """Sorts problems by their places, file by file; those without a place keep their order, at the end."""
    files = list(dict.fromkeys(problem.place.file for problem in problems if problem.place is not None))

    def place(problem: Problem) -> tuple[int, int, int]:
        where = problem.place
        return (len(files), 0, 0) if where is None else (files.index(where.file), where.line, where.column)

    return sorted(problems, key=place)


def suggestion(word: str, candidates: Iterable[str], cutoff: float = 0.6) -> str:
    """Returns ``" (did you mean 'x'?)"`` for the candidate closest to ``word``, or an empty string.

    Args:
        word: what was written.
        candidates: what could have been meant.
        cutoff: how alike the two must be, from 0 to 1.
    """
    close = difflib.get_close_matches(word, list(candidates), n=1, cutoff=cutoff)
    return f" (did you mean {close[0]!r}?)" if close else ""


def first_line(error: BaseException) -> str:
    """Returns the first line of a foreign error's message, or its type where it says nothing."""
    text = str(error).strip()
    return text.splitlines()[0] if text else type(error).__name__
