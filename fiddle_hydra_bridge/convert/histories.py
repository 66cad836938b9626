"""Fiddle's history: who set an argument, and where.

In come Buildables and line marks, out go history entries: the lines of a YAML file, or the place in the user's code
that called the bridge. ``graph_writer`` writes them; Fiddle's printing shows them.
"""

from __future__ import annotations

import dataclasses
import itertools
import sys
from typing import Any

from fiddle import history
from fiddle.history import Location

__all__ = ["Location", "add_history", "caller", "place_last"]


def add_history(
    node: Any,
    function: Any,
    arguments: dict[int | str, Any],
    marks: tuple[str, dict[Any, tuple[int, int]]] | None,
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
        source, lines = marks
        entries["__fn_or_cls__"] = [_entry("__fn_or_cls__", function, _located(lines, source, "_target_", location))]
        for key, value in arguments.items():
            entries[key] = [_entry(key, value, _located(lines, source, key, location))]
    for key, tags in node.__argument_tags__.items():
        if tags:
            where = location if marks is None else _located(marks[1], marks[0], key, location)
            changed = history.ChangeKind.UPDATE_TAGS
            entry = history.HistoryEntry(next(_sequence), key, changed, frozenset(tags), where)
            entries.setdefault(key, []).append(entry)


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


def _located(lines: dict[Any, tuple[int, int]], source: str, key: Any, location: Location) -> Location:
    mark = lines.get(key)
    return location if mark is None else Location(source, mark[0], None)


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
