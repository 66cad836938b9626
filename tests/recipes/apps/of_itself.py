"""Recipes that take an option of the group that they stand in themselves."""

from __future__ import annotations

import fiddle as fdl
import parts

import fiddle_hydra_bridge as fhb


@fhb.recipe(group="model")
def small() -> fdl.Config:
    return fdl.Config(parts.Model, tokenizer=None, dim=1)


@fhb.recipe(group="model")
def large() -> fdl.Config:
    return fdl.Config(parts.Model, tokenizer=None, dim=2)


@fhb.recipe(group="model")
def wrapped(base=small):
    return fdl.Config(parts.Data, tokenizer=base())


@fhb.recipe
def run(model=wrapped):
    return fdl.Config(parts.Run, model=model())
