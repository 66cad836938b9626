"""Configs in other words than Hydra's: read into Hydra's spelling, before anything else looks at them.

In come data as ``yaml_text`` and ``omegaconf_nodes`` give them, out go data in Hydra's spelling, which ``hydra_reader``
reads. A dialect is a function from the entries of one mapping to the entries that Hydra would have; each stands in a
file of its own, and :data:`DIALECTS` names them. Line marks and shared containers keep their meaning.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from fiddle_hydra_bridge.convert import dialect_lightning, dialect_nemo_run, dialect_torchtune
from fiddle_hydra_bridge.convert.dialect import Entries, Entry
from fiddle_hydra_bridge.convert.tree import Data, Link, Marks

__all__ = ["DIALECTS", "translate"]

Dialect: TypeAlias = Callable[[Entries], Entries]

#: By name: what the entries of a mapping are in Hydra's words. The mappings in it are translated already.
DIALECTS: dict[str, Dialect] = {
    "lightning": dialect_lightning.entries,
    "nemo_run": dialect_nemo_run.entries,
    "torchtune": dialect_torchtune.entries,
}
#: By name: what an interpolation is in Hydra's words, where the dialect moves what it reaches.
_LINKS: dict[str, Callable[[str], str]] = {"lightning": dialect_lightning.link}


def translate(
    name: str, data: Data, shared: frozenset[int] = frozenset(), marks: Marks | None = None
) -> tuple[Data, frozenset[int], Marks | None]:
    """Translates data from a dialect to Hydra's spelling.

    Args:
        name: one of :data:`DIALECTS`.
        data: the data; they are not changed.
        shared: ids of containers that are one value wherever they are met.
        marks: line marks of the data.

    Returns:
        the same in Hydra's spelling.
    """
    translator = _Translator(DIALECTS[name], _LINKS.get(name, str), marks)
    made = translator.node(data)
    new_shared = frozenset(id(translator.made[old]) for old in shared if old in translator.made)
    return made, new_shared, translator.marks


class _Translator:
    def __init__(self, entries: Dialect, link: Callable[[str], str], marks: Marks | None) -> None:
        self.entries = entries
        self.link = link
        self.lines = marks.lines if marks is not None else {}
        self.marks = None if marks is None else Marks(marks.source, marks.root)
        #: By the id of a container, what it has become, so that what is met again is the same again.
        self.made: dict[int, Data] = {}

    def node(self, data: Data) -> Data:
        kind = type(data)
        if kind is Link:
            return Link(self.link(data.expression), data.reason)
        if kind is str and "${" in data:
            return self.link(data)
        if kind is not dict and kind is not list:
            return data
        if id(data) not in self.made:
            self.made[id(data)] = self._list(data) if kind is list else self._mapping(data)
        return self.made[id(data)]

    def _list(self, data: list[Data]) -> Data:
        made = [self.node(item) for item in data]
        if self.marks is not None:
            self.marks.lines[id(made)] = self.lines.get(id(data), {})
        return made

    def _mapping(self, data: dict[str, Data]) -> Data:
        lines = self.lines.get(id(data), {})
        found = {key: Entry(self.node(item), lines.get(key), self._entries_of) for key, item in data.items()}
        entries = self.entries(found)
        made = {key: entry.value for key, entry in entries.items()}
        if self.marks is not None:
            self.marks.lines[id(made)] = {key: entry.mark for key, entry in entries.items() if entry.mark is not None}
        return made

    def _entries_of(self, made: dict[str, Data]) -> Entries:
        """The entries of a mapping that is translated already."""
        lines = self.marks.lines.get(id(made), {}) if self.marks is not None else {}
        return {key: Entry(item, lines.get(key), self._entries_of) for key, item in made.items()}
