from __future__ import annotations

import fiddle as fdl
import parts


def text() -> fdl.Config:
    return fdl.Config(parts.Data, tokenizer=fdl.Config(parts.Tokenizer, size=1), path="a")


def images() -> fdl.Config:
    return fdl.Config(parts.Data, tokenizer=fdl.Config(parts.Tokenizer), path="b")
