"""Recipes in a package: an option of ``optim``, and the group ``optim/plain`` below."""

from __future__ import annotations

import fiddle as fdl
from parts import Adam


def adam() -> fdl.Config[Adam]:
    return fdl.Config(Adam, lr=0.5, betas=(0.9, 0.99))
