"""Typed models, and one that is not."""

from __future__ import annotations

import fiddle as fdl
import typed_parts as parts

import fiddle_hydra_bridge as fhb


@fhb.recipe(typed=True)
def small() -> fdl.Config[parts.Model]:
    return fdl.Config(parts.Model, dim=8, layers=[fdl.Config(parts.Layer, width=2)], head=fdl.Config(parts.Layer))


@fhb.recipe(typed=True)
def linked() -> fdl.Config[parts.Model]:
    return fdl.Config(parts.Model, dim=fhb.link("${width}"))


@fhb.recipe(typed=True)
def tied() -> fdl.Config[parts.Model]:
    layer = fdl.Config(parts.Layer, width=3)
    return fdl.Config(parts.Model, dim=8, layers=[layer, layer], head=layer)


@fhb.recipe(typed=False)
def plain() -> fdl.Config[parts.Model]:
    return fdl.Config(parts.Model, dim=8)
