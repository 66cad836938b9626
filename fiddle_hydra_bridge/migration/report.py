"""What became of each config of a tree: the result of a migration, as text and as JSON.

In come the rows that ``verify`` and ``migrate`` have made; out go :class:`Report` and its two spellings.
"""

from __future__ import annotations

import collections
import dataclasses
import json
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

__all__ = ["Report", "Row", "Status"]

#: "equal": what is composed from the package equals what is composed from YAML; "alike": the content is equal, but
#: Hydra composes it in no way that was tried; "different"; "skipped": it is not in the package.
Status: TypeAlias = Literal["equal", "alike", "different", "skipped"]

_WORDS = {
    "equal": "equal",
    "alike": "equal in content, not composed",
    "different": "different",
    "skipped": "not migrated",
}


@dataclass(frozen=True)
class Row:
    """What became of one file.

    Attributes:
        config: its config path, e.g. ``"model/llama"``.
        file: the YAML file, with line and column where they say more.
        status: the outcome.
        reason: the first difference, or why it is not migrated or not composed.
        composed: how it was composed: the name of a config, and overrides.
    """

    config: str
    file: str
    status: Status
    reason: str = ""
    composed: str = ""


@dataclass(frozen=True)
class Report:
    """The result of a migration.

    Attributes:
        package: the folder of the package.
        rows: a row for each file, in the order of their config paths.
        stand_ins: configs that the tree names and does not hold, since the app or a plugin registers them: they were
            taken for empty.
        missing: top-level packages of targets that are not installed here.
        hydra: the version of Hydra that has composed.
        inlined: with ``inline``, how many interpolations have become Python.
        links: with ``inline``, where the others stand, what they say, and why they stay links.
    """

    package: str
    rows: tuple[Row, ...]
    stand_ins: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    hydra: str = ""
    inlined: int = 0
    links: tuple[str, ...] = ()
    _counts: collections.Counter[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_counts", collections.Counter(row.status for row in self.rows))

    @property
    def ok(self) -> bool:
        """Whether everything is in the package, and nothing differs."""
        return not self._counts["different"] and not self._counts["skipped"]

    def count(self, status: Status) -> int:
        """Returns how many files had an outcome."""
        return self._counts[status]

    def __str__(self) -> str:
        counts = ", ".join(
            f"{self._counts[status]} {words}" for status, words in _WORDS.items() if self._counts[status]
        )
        lines = [f"{self.package}: {len(self.rows)} configs: {counts} (Hydra {self.hydra})"]
        for status, words in _WORDS.items():
            if status != "equal":
                lines += [f"{row.file}: {words}: {row.reason}" for row in self.rows if row.status == status]
        if self.inlined or self.links:
            found = f"{self.inlined} of {self.inlined + len(self.links)} interpolations are Python now"
            lines.append(f"{found}, the others stay links" if self.links else found)
        if self.stand_ins:
            lines.append(f"taken for empty, since the tree does not hold them: {', '.join(self.stand_ins)}")
        if self.missing:
            lines.append(f"not installed here, and not imported for the comparison: {', '.join(self.missing)}")
        return "\n".join(lines)

    def to_json(self) -> str:
        """Returns the report as JSON: the attributes, and ``counts`` by status."""
        data = dataclasses.asdict(self)
        del data["_counts"]
        data["counts"] = {status: self._counts[status] for status in _WORDS}
        return json.dumps({"ok": self.ok, **data}, indent=2, ensure_ascii=False) + "\n"
