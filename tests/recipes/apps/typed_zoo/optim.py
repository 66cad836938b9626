"""Typed optimizers."""

from __future__ import annotations

import fiddle as fdl
import typed_parts as parts

import fiddle_hydra_bridge as fhb


@fhb.recipe(typed=True)
def adam() -> fdl.Config[parts.Adam]:
    return fdl.Config(parts.Adam, lr=0.5, eps=1e-8)


@fhb.recipe(typed=True)
def sgd() -> fdl.Config[parts.SGD]:
    return fdl.Config(parts.SGD)


@fhb.recipe(typed=True)
def later() -> fdl.Partial[parts.SGD]:
    return fdl.Partial(parts.SGD, momentum=0.5)
