"""Interpolations that mean the same whatever is composed: what ``inline`` writes as Python variables.

In come the composed configs of a tree with the places of their values, out come :class:`Constants` for ``write``.
``recipes.provenance`` stands above and knows the places; ``verify`` composes. Nothing is resolved by OmegaConf, so no
resolver is ever called: an interpolation that calls one is never constant.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from fiddle_hydra_bridge.convert.paths import Path, format_path
from fiddle_hydra_bridge.convert.tree import Data, at
from fiddle_hydra_bridge.errors import Place
from fiddle_hydra_bridge.migration.scan import ConfigFile
from fiddle_hydra_bridge.recipes.marked_configs import shown
from fiddle_hydra_bridge.recipes.provenance import Provenance, existing
from fiddle_hydra_bridge.recipes.replay import INTERPOLATION, referenced

__all__ = ["Constants", "Spot", "Survey", "Value", "final_value", "pieces_of", "spot_of"]

#: Where an entry stands: the absolute path of its file, the line and the column, counted from 1.
Spot: TypeAlias = tuple[str, int, int]

#: A part of an interpolated text: text, or the place of a value.
Piece: TypeAlias = str | Spot

#: What is its ``str`` inside a text, for OmegaConf as for Python.
_SIMPLE = frozenset({str, int, float, bool, type(None)})
#: Interpolations may lead to interpolations; longer chains than this are not followed.
_LONGEST_CHAIN = 16


class Value(NamedTuple):
    """A value that interpolations lead to.

    Attributes:
        path: where it stands in composed configs.
        value: what it is, in the end, if it is an interpolation itself.
    """

    path: Path
    value: Any


@dataclass
class Constants:
    """What of a tree is constant.

    Attributes:
        interpolations: by the place of an interpolation, what it consists of: text and, in turn, places of values.
        values: by its place, each of these values.
        kept: by the place of an interpolation that is not constant, what it says and why it is not.
    """

    interpolations: dict[Spot, tuple[Piece, ...]] = field(default_factory=dict)
    values: dict[Spot, Value] = field(default_factory=dict)
    kept: dict[Spot, str] = field(default_factory=dict)

    def shared(self) -> set[Spot]:
        """Returns the values that interpolations in other files lead to, directly or through such values."""
        found: set[Spot] = set()
        pending = [each for spot in self.interpolations for each in self.named(spot) if each[0] != spot[0]]
        while pending:
            value = pending.pop()
            if value not in found:
                found.add(value)
                pending += self.named(value)
        return found

    def named(self, spot: Spot) -> tuple[Spot, ...]:
        """Returns the places of the values that an interpolation names; none for another value."""
        return tuple(piece for piece in self.interpolations.get(spot, ()) if isinstance(piece, tuple))

    def to_rows(self) -> list[Any]:
        """Returns the same as data for JSON."""
        return [list(each.items()) for each in (self.interpolations, self.values, self.kept)]

    @classmethod
    def from_rows(cls, rows: list[Any]) -> Constants:
        """Returns what :meth:`to_rows` has spelled."""
        interpolations, values, kept = rows
        return cls(
            {tuple(spot): tuple(_piece(each) for each in pieces) for spot, pieces in interpolations},
            {tuple(spot): Value(tuple(path), value) for spot, (path, value) in values},
            {tuple(spot): reason for spot, reason in kept},
        )


def _piece(row: Any) -> Piece:
    return row if isinstance(row, str) else tuple(row)


def spot_of(place: Place) -> Spot:
    """Returns the same place, wherever the process stands."""
    return os.path.abspath(place.file), place.line, place.column


def pieces_of(text: str) -> list[str] | None:
    """Splits a text at its interpolations: what stands between them and, in turn, what they name.

    Returns:
        an odd number of strings, of which the second, fourth ... are names; None if there is more to it: resolvers,
        interpolations in interpolations, escapes.

    >>> pieces_of("a-${b}/${..c[0]}"), pieces_of("${oc.env:HOME}")
    (['a-', 'b', '/', '..c[0]', ''], None)
    """
    pieces = INTERPOLATION.split(text)
    is_plain = not any("${" in piece or "\\" in piece for piece in pieces[::2])
    return pieces if is_plain and len(pieces) > 1 else None


def final_value(data: Data, path: Path) -> Any:
    """Returns what the value at a path of a config is, interpolations followed without calling a resolver.

    Raises:
        LookupError: if that cannot be said: they call a resolver, lead to nothing, to a container, or in a circle.
    """
    return _final_value(data, path, _LONGEST_CHAIN)


def _final_value(data: Data, path: Path, depth: int) -> Any:
    value = at(data, path, None)
    if type(value) not in _SIMPLE or value == "???" or not depth:
        raise LookupError(format_path(path))
    if type(value) is not str or "${" not in value:
        return value
    pieces: list[Any] = [*(pieces_of(value) or ())]
    for index, name in [*enumerate(pieces)][1::2]:
        target = _target(data, name, path)
        if target is None:
            raise LookupError(name)
        pieces[index] = _final_value(data, target, depth - 1)
    if len(pieces) == 3 and pieces[0] == pieces[2] == "":
        return pieces[1]
    text = "".join(map(str, pieces))
    if not pieces or "${" in text or text == "???":
        raise LookupError(value)
    return text


def _target(data: Data, name: str, path: Path) -> Path | None:
    target = referenced(name, path)
    return None if target is None else existing(data, target)


class Survey:
    """What the interpolations of a tree lead to, in all configs that are composed.

    Args:
        configs: the configs of the tree.
    """

    def __init__(self, configs: Iterable[ConfigFile]) -> None:
        self._groups = {os.path.abspath(config.file): config.group for config in configs}
        #: By the place of an interpolation: its text, and what it names in each config that has it.
        self._texts: dict[Spot, str] = {}
        self._named: dict[Spot, set[tuple[tuple[Path, Spot | None], ...]]] = {}
        #: By the place of an interpolation, or of a value that one names: what it was in the end, by its repr, since 1
        #: and True are equal; "" stands for what cannot be said.
        self._values: dict[Spot, dict[str, Value]] = {}
        #: By path: the places of all values that have stood there.
        self._writers: dict[Path, set[Spot | None]] = {}

    def add(self, provenance: Provenance) -> None:
        """Takes in a composed config."""
        spots: dict[Path, Spot | None] = {}
        for path, place in provenance.leaves():
            if path and path[0] != "hydra":
                spots[path] = None if place is None else spot_of(place)
        for path, spot in spots.items():
            self._writers.setdefault(path, set()).add(spot)
            text = at(provenance.data, path)
            if type(text) is str and "${" in text and spot is not None and spot[0] in self._groups:
                self._texts[spot] = text
                self._note(provenance, path, spot)
                self._named.setdefault(spot, set()).add(self._names(provenance, text, path, spots))

    def _names(
        self, provenance: Provenance, text: str, path: Path, spots: dict[Path, Spot | None]
    ) -> tuple[tuple[Path, Spot | None], ...]:
        found: list[tuple[Path, Spot | None]] = []
        # What a key such as _target_ says is no value to Python.
        names = () if _is_word(path) else (pieces_of(text) or ())[1::2]
        for target in (_target(provenance.data, name, path) or () for name in names):
            spot = None if _is_word(target) else spots.get(target)
            found.append((target, spot))
            if spot is not None:
                self._note(provenance, target, spot)
        return tuple(found)

    def _note(self, provenance: Provenance, path: Path, spot: Spot) -> None:
        noted = self._values.setdefault(spot, {})
        try:
            value = final_value(provenance.data, path)
        except LookupError:
            noted[""] = Value(path, None)
            return
        noted[repr(value)] = Value(path, value)
        # A structured config makes 1.0 of 1: then it is one value in the file, and another in the config.
        written, composed = provenance.written(path), at(provenance.data, path)
        if repr(written) != repr(composed):
            noted[""] = Value(path, None)

    def constants(self) -> Constants:
        """Returns what is constant in all that was taken in."""
        found = Constants()
        for spot in sorted(self._texts):
            self._decide(spot, found)
        for spot in {value for each in found.interpolations for value in found.named(each)}:
            (found.values[spot],) = self._values[spot].values()
        return found

    def _decide(self, spot: Spot, found: Constants) -> None:
        """Puts an interpolation, and before it those that it leads to, among the constants or the others."""
        if spot in found.interpolations or spot in found.kept:
            return
        found.kept[spot] = f"{self._texts[spot]} leads in a circle"
        problem = self._problem(spot, found)
        if problem is not None:
            found.kept[spot] = f"{self._texts[spot]} {problem}"
            return
        del found.kept[spot]
        pieces: list[Any] = [*(pieces_of(self._texts[spot]) or ())]
        pieces[1::2] = [value for _, value in next(iter(self._named[spot]))]
        found.interpolations[spot] = tuple(pieces)

    def _problem(self, spot: Spot, found: Constants) -> str | None:
        """Why an interpolation is not constant, if so."""
        ways = sorted(self._named[spot], key=repr)
        if not ways[0]:
            return "is more than names of values"
        if len({tuple(value for _, value in way) for way in ways}) > 1:
            return "names other values in other configs"
        for target, value in (each for way in ways for each in way):
            name = format_path(target) or "nothing"
            if value is None or value[0] not in self._groups:
                return f"names {name}, which is no value in a line of the tree"
            # What stands above it may be something else in other configs, such as null.
            above = (target[:length] for length in range(1, len(target) + 1))
            writers = {each for path in above for each in self._writers.get(path, ())}
            others = {each for each in writers if not self._is_exclusive(spot, each)} - {value}
            if others:
                return f"names {name}, which is also set at {_shown(min(others, key=repr))}"
            if value in self._texts:
                self._decide(value, found)
                if value in found.kept:
                    return f"names {name}, which is a link itself"
            if not self._has_one_value(value):
                return f"names {name}, which has no one value"
        return None if self._has_one_value(spot) else "has no one value"

    def _has_one_value(self, spot: Spot) -> bool:
        return "" not in self._values[spot] and len(self._values[spot]) == 1

    def _is_exclusive(self, spot: Spot, other: Spot | None) -> bool:
        """Whether what stands at two places is never composed together: it is in two options of one group."""
        if other is None or other[0] not in self._groups or other[0] == spot[0]:
            return False
        # Where one option takes in the other, the interpolation has been seen to name other values.
        return self._groups[spot[0]] == self._groups[other[0]]


def _is_word(path: Path) -> bool:
    """Whether a key is a word to Hydra, such as ``_target_``."""
    key = path[-1] if path else ""
    return isinstance(key, str) and key.startswith("_") and key.endswith("_")


def _shown(spot: Spot | None) -> str:
    return "a place that is not known" if spot is None else str(Place(shown(spot[0]), *spot[1:]))
