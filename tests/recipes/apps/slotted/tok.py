from __future__ import annotations

import fiddle as fdl
import parts


def chars() -> fdl.Config:
    return fdl.Config(parts.Tokenizer, size=5)


def words() -> fdl.Config:
    return fdl.Config(parts.Tokenizer, size=50)
