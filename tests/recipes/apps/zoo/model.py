"""Recipes of every form."""

from __future__ import annotations

import fiddle as fdl
from fiddle.experimental.auto_config import auto_config
from parts import Model, Tokenizer

import fiddle_hydra_bridge as fhb

GROUP = "data"


def llama3_8b() -> fdl.Config[Model]:
    """An option, since the annotation says that it returns a graph."""
    return fdl.Config(Model, tokenizer=fdl.Config(Tokenizer), dim=8, layers=[1, {"a": 2}])


@fhb.recipe(name="big")
def llama3_70b(dim: int = 70):
    """An option under another name."""
    return fdl.Config(Model, tokenizer=fdl.Config(Tokenizer), dim=dim)


@fhb.recipe()
def twins() -> fdl.Config:
    """One tokenizer, met twice."""
    tokenizer = fdl.Config(Tokenizer, size=3)
    return fdl.Config(Model, tokenizer, layers=[tokenizer, fdl.Config(Model, tokenizer)])


@auto_config
def automatic() -> Model:
    """A function that Fiddle turns into a graph."""
    return Model(Tokenizer(5), dim=5)


@fhb.recipe(group=GROUP, package="elsewhere.data")
def corpus() -> fdl.Config:
    """An option of another group, placed at a path of its own."""
    return fdl.Config(Tokenizer, size=1)


def with_tokenizer(tokenizer: fdl.Config[Tokenizer]) -> fdl.Config[Model]:
    """Not an option: it cannot be called without arguments."""
    return fdl.Config(Model, tokenizer=tokenizer)


def _private() -> fdl.Config[Model]:
    """Not an option: its name says that it is not for others."""
    return fdl.Config(Model, tokenizer=None)


def count() -> int:
    """Not an option: it returns no graph."""
    return 3
