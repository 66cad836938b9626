"""Comments of a YAML text, which the reader of YAML throws away.

In comes text, out come its comments with their places, for ``migrate``. It is a part of ``yaml_text``: what is a
comment and what is text with a ``#`` in it is decided by the tokens that the parser of YAML sees.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

__all__ = ["Comment", "comments_in"]

# PyYAML can be built without libyaml.
_Scanner: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_START = re.compile(r"(?:^|(?<=[ \t]))#")


@dataclass(frozen=True)
class Comment:
    """A comment.

    Attributes:
        line: its line, counted from 1.
        column: the column of its ``#``, counted from 1.
        text: what stands behind the ``#``, without blanks at the end.
        alone: whether nothing else stands on its line.
    """

    line: int
    column: int
    text: str
    alone: bool


def comments_in(text: str) -> list[Comment]:
    """Returns the comments of a text that can be parsed.

    >>> [comment.text for comment in comments_in("a: 1  # one\\nb: 'x # y'\\n")]
    [' one']
    """
    if "#" not in text:
        return []
    lines = text.splitlines()
    covered: dict[int, list[tuple[int, int]]] = {}
    for row, start, end in _scalars(text, lines):
        covered.setdefault(row, []).append((start, end))
    found = []
    for number, line in enumerate(lines):
        for match in _START.finditer(line):
            column = match.start()
            if not any(start <= column < end for start, end in covered.get(number, ())):
                found.append(Comment(number + 1, column + 1, line[column + 1 :].rstrip(), not line[:column].strip()))
                break
    return found


def _scalars(text: str, lines: list[str]) -> Iterator[tuple[int, int, int]]:
    """Yields the parts of lines that scalars cover: line, first column and end, counted from 0."""
    for token in yaml.scan(text, Loader=_Scanner):
        if type(token) is not yaml.ScalarToken:
            continue
        first, last = token.start_mark, token.end_mark
        if token.style in ("|", ">"):
            yield from ((line, 0, len(lines[line])) for line in _block(lines, first.line, last.line))
            continue
        for line in range(first.line, min(last.line + 1, len(lines))):
            start = first.column if line == first.line else 0
            yield line, start, last.column if line == last.line else len(lines[line])


def _block(lines: list[str], header: int, end: int) -> Iterator[int]:
    """Yields the lines of a block scalar, which end where a line is indented less than the first."""
    indent: int | None = None
    for line in range(header + 1, min(end + 1, len(lines))):
        content = lines[line].lstrip(" ")
        if not content:
            continue
        width = len(lines[line]) - len(content)
        if indent is None:
            owner = len(lines[header]) - len(lines[header].lstrip(" "))
            if width <= owner and owner:
                return
            indent = width
        if width < indent:
            return
        yield line
