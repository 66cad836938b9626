from __future__ import annotations

import fiddle as fdl
import parts


def adam() -> fdl.Config:
    return fdl.Config(parts.Adam, lr=0.2)


def sgd() -> fdl.Config:
    return fdl.Config(parts.SGD, lr=0.3)
