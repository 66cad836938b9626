"""Models, with a slot of their own."""

from __future__ import annotations

import fiddle as fdl
import parts

from slotted.tok import chars


def llama(tok=chars) -> fdl.Config:
    return fdl.Config(parts.Model, tokenizer=tok(), dim=8)


def mamba(tok=chars) -> fdl.Config:
    """Another class, with a partial that is meant."""
    return fdl.Config(parts.Mamba, tokenizer=tok(), activation=fdl.Partial(parts.SGD, lr=1.0))


def twins(tok=chars) -> fdl.Config:
    """What it shares inside of it stays its own affair."""
    leaf = fdl.Config(parts.SGD)
    return fdl.Config(parts.Model, tokenizer=tok(), dim=fdl.Config(parts.Data, tokenizer=leaf, path=leaf))
