"""Importable targets for the tests: classes and functions of every shape that configs call."""

from __future__ import annotations

import enum
import itertools
from dataclasses import dataclass, field
from typing import Annotated, Any, NamedTuple

import fiddle as fdl

#: The calls that were made, in order, by those targets that record themselves.
CALLS: list[str] = []


class Colour(enum.Enum):
    RED = 1
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Point(NamedTuple):
    x: Any
    y: Any = 0


@dataclass
class Settings:
    """A plain dataclass, as a value and as a target."""

    dim: int = 1
    name: str = "settings"


@dataclass
class Defaulted:
    dim: int = 1
    names: list[str] = field(default_factory=list)


class Node:
    """A class with arguments of every kind of value."""

    def __init__(self, a: Any = None, b: Any = None, c: Any = None) -> None:
        CALLS.append("Node")
        self.a = a
        self.b = b
        self.c = c


class Encoder:
    """Encodes.

    Args:
        dim: width of the layers.
        name: what it is called.
    """

    def __init__(self, dim: int, name: str = "encoder") -> None:
        CALLS.append(f"Encoder({dim!r})")
        self.dim = dim
        self.name = name


class Model:
    def __init__(self, encoder: Any = None, decoder: Any = None, layers: Any = (), **extra: Any) -> None:
        CALLS.append("Model")
        self.encoder = encoder
        self.decoder = decoder
        self.layers = layers
        self.extra = extra

    @classmethod
    def from_dim(cls, dim: int) -> Model:
        return cls(encoder=Encoder(dim))


def combine(*args: Any, **kwargs: Any) -> tuple[Any, ...]:
    """Takes anything."""
    CALLS.append("combine")
    return ("combine", args, kwargs)


def positional(a: Any, b: Any = 2, /, c: Any = 3, *rest: Any, d: Any = 4) -> tuple[Any, ...]:
    """Takes arguments of every kind."""
    CALLS.append("positional")
    return ("positional", a, b, c, rest, d)


_numbers = itertools.count()


def fresh(start: int = 0) -> list[int]:
    """Returns a new list each time: an argument factory."""
    CALLS.append("fresh")
    return [start]


def identity(value: Any) -> Any:
    return value


def fail(message: str = "no") -> None:
    raise KeyError(message)


class Width(fdl.Tag):
    """The width of something."""


class Rate(fdl.Tag):
    """A rate."""


def annotated(dim: Annotated[int, Width] = 8, rate: float = 0.1) -> tuple[int, float]:
    return dim, rate
