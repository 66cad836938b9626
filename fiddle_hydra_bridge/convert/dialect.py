"""What a dialect is written with: the entries of a mapping, with the places where they stand.

``dialects`` stands below and walks the data; the files of the single dialects stand on this one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from fiddle_hydra_bridge.convert.tree import Data

__all__ = ["Entries", "Entry"]


@dataclass(frozen=True)
class Entry:
    """An entry of a mapping.

    Attributes:
        value: its value, in Hydra's spelling already.
        mark: where it stands, if known.
        inner: returns the entries of a mapping that is a value.
    """

    value: Data
    mark: Any
    inner: Callable[[dict[str, Data]], Entries]

    def entries(self) -> Entries:
        """Returns the entries of the value, none if it is no mapping."""
        return self.inner(self.value) if type(self.value) is dict else {}


#: The entries of a mapping by key, in their order.
Entries: TypeAlias = dict[Any, Entry]
