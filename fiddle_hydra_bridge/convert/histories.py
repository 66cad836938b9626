"""Fiddle's history: who set an argument, and where.

In come Buildables and line marks, out go history entries: the lines of a YAML file, or the place in the user's code
that called the bridge. ``graph_writer`` writes them; Fiddle's printing shows them.
"""

from __future__ import annotations

import dataclasses
import itertools
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from fiddle import history
from fiddle.history import Location

from fiddle_hydra_bridge.convert.tree import Mark

__all__ = ["Location", "add_earlier", "add_history", "caller", "marks_of", "place_last"]


def add_history(
    node: Any,
    function: Any,
    arguments: dict[int | str, Any],
    marks: dict[Any, Mark] | None,
    location: Location,
) -> None:
    """Writes a Buildable's history: one entry for the callable and one for each argument.

    Fiddle's own way to set locations is global to the process and costs more than the Buildable itself.
    """
    entries = node.__argument_history__
    if marks is None:
        entries["__fn_or_cls__"] = [_entry("__fn_or_cls__", function, location)]
        for key, value in arguments.items():
            entries[key] = [_entry(key, value, location)]
    else:
        entries["__fn_or_cls__"] = [_entry("__fn_or_cls__", function, _located(marks, "_target_", location))]
        for key, value in arguments.items():
            entries[key] = [_entry(key, value, _located(marks, key, location))]
    for key, tags in node.__argument_tags__.items():
        if tags:
            where = location if marks is None else _located(marks, key, location)
            changed = history.ChangeKind.UPDATE_TAGS
            entry = history.HistoryEntry(next(_sequence), key, changed, frozenset(tags), where)
            entries.setdefault(key, []).append(entry)


def marks_of(node: Any, names: Mapping[int | str, int | str]) -> dict[Any, Mark]:
    """Returns where the arguments of a Buildable were set last, and its callable, under ``_target_``.

    Args:
        node: the Buildable.
        names: the keys of its arguments that have another name in the tree.
    """
    marks: dict[Any, Mark] = {}
    for key, entries in node.__argument_history__.items():
        if entries:
            location = entries[-1].location
            name = "_target_" if key == "__fn_or_cls__" else names.get(key, key)
            marks[name] = (location.filename, location.line_number, 0)
    return marks


def add_earlier(node: Any, key: int | str, earlier: Iterable[tuple[Any, Mark]]) -> None:
    """Writes values that an argument had before its last change into its history, with their places."""
    entries = node.__argument_history__[key]
    if entries:
        entries[:-1] = [_entry(key, value, _location(mark)) for value, mark in earlier]
        entries[-1] = dataclasses.replace(entries[-1], sequence_id=next(_sequence))


def place_last(node: Any, key: int | str, location: Location) -> None:
    """Says of the last change of an argument that it was made elsewhere: where the bridge was called."""
    entries = node.__argument_history__[key] if history.tracking_enabled() else None
    if entries:
        entries[-1] = dataclasses.replace(entries[-1], location=location)


def _entry(key: Any, value: Any, location: Location) -> history.HistoryEntry:
    entry = object.__new__(history.HistoryEntry)
    # Past the constructor of a frozen dataclass, which sets field by field.
    object.__setattr__(
        entry,
        "__dict__",
        {
            "sequence_id": next(_sequence),
            "param_name": key,
            "kind": _NEW_VALUE,
            "new_value": value,
            "location": location,
        },
    )
    return entry


def _located(marks: dict[Any, Mark], key: Any, location: Location) -> Location:
    mark = marks.get(key)
    return location if mark is None else _location(mark)


def _location(mark: Mark) -> Location:
    file, line, _ = mark
    return Location(file, line, None) if line else _Name(file, line, None)


class _Name(Location):  # type: ignore[misc]
    """A location that has no lines, e.g. an override: Fiddle prints its name alone."""

    def format(self, max_filename_parts: int | None = None) -> str:
        return str(self.filename)


_NEW_VALUE = history.ChangeKind.NEW_VALUE


def _sequence_counter() -> Any:
    """Returns Fiddle's counter of changes, so that our entries and Fiddle's have one order."""
    from fiddle._src import history as internal

    counter = getattr(internal, "_set_counter", None)
    # A counter of our own keeps the order of our entries, which is what can be had without Fiddle's.
    return counter if counter is not None else itertools.count()


_sequence = _sequence_counter()


def caller() -> Location:
    """Returns the place in the user's code that called the bridge."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").split(".")[0] == "fiddle_hydra_bridge":
        frame = frame.f_back
    return Location(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)
