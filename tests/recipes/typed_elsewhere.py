"""Classes whose base stands in another module: the annotations of their fields speak of two modules."""

from __future__ import annotations

from dataclasses import dataclass

import attrs

from tests.recipes import typed_targets

Colour = int


@dataclass
class Derived(typed_targets.Base):
    width: Colour = 1


@attrs.define
class Defined(typed_targets.Defined):
    width: Colour = 1
    _private: int = 2
