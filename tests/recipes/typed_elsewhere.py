"""A dataclass whose base stands in another module: the annotations of its fields speak of two modules."""

from __future__ import annotations

from dataclasses import dataclass

from tests.recipes import typed_targets

Colour = int


@dataclass
class Derived(typed_targets.Base):
    width: Colour = 1
