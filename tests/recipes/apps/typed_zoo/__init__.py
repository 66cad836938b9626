"""Typed recipes."""

from __future__ import annotations

import fiddle as fdl
import typed_parts as parts

import fiddle_hydra_bridge as fhb


@fhb.recipe(typed=True)
def run() -> fdl.Config[parts.Run]:
    """A primary config that is one typed call; the optimizer is put there by other configs."""
    return fdl.Config(parts.Run, model=fdl.Config(parts.Model, dim=8))
