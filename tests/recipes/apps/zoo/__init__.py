"""Recipes for the sample apps: the modules below are groups."""

from __future__ import annotations

import fiddle as fdl
import parts

import fiddle_hydra_bridge as fhb


@fhb.recipe
def pretrain() -> fdl.Config[object]:
    """A primary config: what a recipe lists under ``defaults`` is Hydra's defaults list."""
    return fdl.Config(
        fhb.section,
        defaults=[{"model": "llama3_8b"}, {"optim": "adam"}, "_self_"],
        model=fdl.Config(fhb.section, seed=7),
    )


def whole() -> fdl.Config[object]:
    """A primary config that is one call, with an instance shared by two of its parts."""
    tokenizer = fdl.Config(parts.Tokenizer, size=16)
    return fdl.Config(
        parts.train,
        model=fdl.Config(parts.Model, tokenizer, dim=4),
        data=fdl.Config(parts.Data, tokenizer=tokenizer),
        optim=fdl.Config(parts.Adam),
    )
