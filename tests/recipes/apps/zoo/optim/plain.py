"""Recipes of the group ``optim/plain``."""

from __future__ import annotations

import fiddle as fdl
from parts import SGD


def sgd() -> fdl.Config[SGD]:
    return fdl.Config(SGD, lr=0.25)
