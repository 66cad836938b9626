"""Recipes: good ones, and each kind of bad one."""

from __future__ import annotations

from typing import Any

import fiddle as fdl
from parts import Model, Size, Text, Tokenizer, fail, train, wait

import fiddle_hydra_bridge as fhb


def training() -> fdl.Partial[float]:
    tokenizer = fdl.Config(Tokenizer, vocabulary=64)
    model = fdl.Config(Model, tokenizer=tokenizer, layers=[1, 2])
    fdl.add_tag(model, "dim", Size)
    return fdl.Partial(train, model=model, data=fdl.Config(Text, tokenizer=tokenizer))


def script() -> fdl.Config[fhb.Script]:
    return fdl.Config(fhb.Script, inline="echo from the script", args=["-x"])


def model() -> fdl.Config[Model]:
    return fdl.Config(Model, dim=3)


@fhb.autoconvert
def automatic() -> Model:
    return Model(tokenizer=Tokenizer(), dim=5)


def failing() -> fdl.Config[None]:
    return fdl.Config(fail, reason="no data")


def number() -> int:
    return 3


def needs(dim: int) -> fdl.Config[Model]:
    return fdl.Config(Model, dim=dim)


def raising() -> Any:
    raise ValueError("no luck")


def unspellable() -> fdl.Config[dict[str, Any]]:
    return fdl.Config(dict, key=lambda: 3)


def linked() -> dict[str, Any]:
    return {"a": fhb.link("${b}")}


@fhb.recipe(group="model")
def wide() -> fdl.Config[Model]:
    return fdl.Config(Model, dim=99)


def endless() -> fdl.Partial[None]:
    return fdl.Partial(wait)
