"""Which entry each comment of a YAML file speaks of.

In come the content of a file and its comments, out come :class:`Note` rows by entry, for ``write``. A comment behind
an entry speaks of that entry, one on a line of its own of the next entry, unless it is indented like the entries
before it.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from fiddle_hydra_bridge.convert.tree import Data
from fiddle_hydra_bridge.convert.yaml_comments import Comment
from fiddle_hydra_bridge.migration.scan import Content

__all__ = ["Note", "Notes", "notes_of"]

#: The longest comment at the head of a file that becomes a docstring; what is longer is mostly a licence.
_LONGEST_DOC = 3


@dataclass
class Note:
    """The comments of an entry: lines above it, what stands behind it, and lines below it."""

    above: list[str] = field(default_factory=list)
    beside: str = ""
    below: list[str] = field(default_factory=list)


@dataclass
class Notes:
    """The comments of a file.

    Attributes:
        entries: by the id of a container, then by key or index.
        doc: what the file says of itself, in few words.
        head: the same where it takes more words.
    """

    entries: dict[int, dict[Any, Note]] = field(default_factory=dict)
    doc: str = ""
    head: list[str] = field(default_factory=list)

    def of(self, container: Data, key: Any) -> Note | None:
        """Returns the note of an entry."""
        return self.entries.get(id(container), {}).get(key)


@dataclass(frozen=True)
class _Entry:
    line: int
    column: int
    container: int
    key: Any
    size: int


def notes_of(content: Content) -> Notes:
    """Returns what the comments of a file speak of."""
    notes = Notes()
    entries = sorted(_entries(content), key=lambda each: each.line)
    lines = [entry.line for entry in entries]
    for comment in _without_head(content.comments, notes, lines[0] if lines else None):
        behind = bisect.bisect_right(lines, comment.line)
        if not comment.alone and behind:
            note = _note(notes, _outermost(entries[:behind]))
            if entries[behind - 1].line == comment.line and not note.beside:
                note.beside = _words(comment)
            else:
                note.above.append(_words(comment))
            continue
        before, after = entries[:behind], entries[behind:]
        # Of what begins on one line the outermost is meant.
        following = after[0] if after else None
        if following is not None and following.column >= comment.column:
            _note(notes, following).above.append(_words(comment))
            continue
        last = next((entry for entry in reversed(before) if entry.column <= comment.column), None)
        if last is not None:
            _note(notes, last).below.append(_words(comment))
        elif following is not None:
            _note(notes, following).above.append(_words(comment))
    return notes


def _entries(content: Content) -> Iterator[_Entry]:
    """Yields the entries of all containers, outer ones first."""
    pending: list[Data] = [content.data]
    seen: set[int] = set()
    while pending:
        data = pending.pop(0)
        if id(data) in seen:
            continue
        seen.add(id(data))
        marks = content.marks.lines.get(id(data), {})
        for key, item in data.items() if type(data) is dict else enumerate(data):
            is_container = type(item) in (dict, list)
            if key in marks:
                _, line, column = marks[key]
                yield _Entry(line, column, id(data), key, len(item) if is_container else 0)
            if is_container:
                pending.append(item)


def _without_head(comments: list[Comment], notes: Notes, first: int | None) -> list[Comment]:
    """Takes out the comments that speak of the whole file: those at its head, up to an empty line or an entry."""
    head = [comment for comment in comments if comment.alone and (first is None or comment.line < first)]
    paragraphs: list[list[Comment]] = []
    for comment in head:
        if not paragraphs or comment.line != paragraphs[-1][-1].line + 1:
            paragraphs.append([])
        paragraphs[-1].append(comment)
    if len(paragraphs) > 1 and first is not None and paragraphs[-1][-1].line == first - 1:
        # The last one stands directly above the first entry, and speaks of it.
        paragraphs.pop()
    taken = sum(map(len, paragraphs))
    lines: list[str] = []
    for paragraph in paragraphs:
        lines += [*([""] if lines else []), *map(_words, paragraph)]
    if len(lines) <= _LONGEST_DOC and all(line and line[0].isalnum() for line in lines):
        notes.doc = "\n".join(line.strip() for line in lines)
    else:
        notes.head = lines
    return comments[taken:]


def _outermost(entries: list[_Entry]) -> _Entry:
    """Of the entries that begin on the last line, returns the one that the line is about.

    Of an item that is a mapping of one entry that is the item, of a longer one its first entry.
    """
    line = [entry for entry in entries if entry.line == entries[-1].line]
    column = min(entry.column for entry in line)
    same = [entry for entry in line if entry.column == column]
    return next((entry for entry in same if entry.size < 2), same[-1])


def _note(notes: Notes, entry: _Entry) -> Note:
    return notes.entries.setdefault(entry.container, {}).setdefault(entry.key, Note())


def _words(comment: Comment) -> str:
    """The text of a comment, without what a line of Python could not hold."""
    text = comment.text.removeprefix(" ")
    return "".join(character if character.isprintable() else " " for character in text).rstrip()
