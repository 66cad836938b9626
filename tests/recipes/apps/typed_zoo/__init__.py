"""Typed recipes."""

from __future__ import annotations

import fiddle as fdl
import typed_parts as parts

import fiddle_hydra_bridge as fhb
from typed_zoo.model import plain, small
from typed_zoo.optim import adam, sgd


@fhb.recipe(typed=True)
def run() -> fdl.Config[parts.Run]:
    """A primary config that is one typed call; the optimizer is put there by other configs."""
    return fdl.Config(parts.Run, model=fdl.Config(parts.Model, dim=8))


@fhb.recipe(typed=True)
def slots(model=small, optim=sgd, steps: int = 2) -> fdl.Config[parts.Run]:
    """Typed, of typed parts, which it edits."""
    net = model()
    net.dim = 16
    return fdl.Config(parts.Run, model=net, optim=optim(), steps=steps)


@fhb.recipe(typed=True)
def of_untyped(model=plain, optim=sgd) -> fdl.Config[parts.Run]:
    net = model()
    net.depth = 3
    return fdl.Config(parts.Run, model=net, optim=optim())


@fhb.recipe
def untyped(model=small, optim=adam) -> fdl.Config[parts.Run]:
    """Untyped, and a typed part stands in two places of it."""
    descent = optim()
    return fdl.Config(parts.Run, model=model(), optim=descent, steps=descent)
