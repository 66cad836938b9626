"""Targets with annotations of every kind, for typed recipes."""

from __future__ import annotations

import enum
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Generic, Literal, NamedTuple, NewType, Optional, TypeVar, Union

import attrs

if TYPE_CHECKING:
    from tests.recipes.nowhere import Unknown

T = TypeVar("T")
Metres = NewType("Metres", float)


class Colour(enum.Enum):
    RED = 1
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Shade(str, enum.Enum):  # noqa: UP042 (what Python 3.10 code has)
    DARK = "dark"


class Point(NamedTuple):
    x: int = 0


class Sentinel:
    """Has no spelling."""


UNSET = Sentinel()
SHARED: list[int] = [1, 2]


def scalars(
    i: int, f: float = 0.5, b: bool = False, s: str = "text", raw: bytes = b"raw", path: Path = Path("a/b")
) -> tuple[Any, ...]:
    return i, f, b, s, raw, path


def enums(colour: Colour = Colour.RED, level: Level = Level.LOW, shade: Shade = Shade.DARK) -> tuple[Any, ...]:
    return colour, level, shade


def unions(
    a: int | None = None,
    b: Optional[str] = "b",  # noqa: UP045
    c: int | str = 1,
    d: Union[float, bool, None] = None,  # noqa: UP007
    e: int | list[int] = 3,
    f: Colour | int = 2,
    g: float | None = 1,
) -> tuple[Any, ...]:
    return a, b, c, d, e, f, g


def literals(
    mode: Literal["fast", "slow"] = "fast", size: Literal[1, 2, None] = None, flag: Literal[True] | None = None
) -> tuple[Any, ...]:
    return mode, size, flag


def containers(
    a: list[int],
    b: dict[str, float],
    c: list[list[str]] | None = None,
    d: tuple[int, ...] = (1, 2),
    e: tuple[float, float] = (0.9, 0.999),
    f: dict[str, Any] | None = None,
    g: list = SHARED,  # type: ignore[type-arg]
    h: tuple[tuple[int, int], ...] = ((1, 2),),
    i: dict[int, int] | None = None,
    j: list[Any] | None = None,
    k: tuple = (),  # type: ignore[type-arg]
) -> tuple[Any, ...]:
    return a, b, c, d, e, f, g, h, i, j, k


def loose(
    a: int = 1.5,  # type: ignore[assignment]
    b: int = None,  # type: ignore[assignment]  # noqa: RUF013
    c: float = 1,
    d: str = 3,  # type: ignore[assignment]
    e: Sentinel = UNSET,
    f: Callable[[int], int] = abs,
    g: Sequence[int] = (1,),
    h: Fraction = Fraction(1, 3),
    i: Unknown = None,  # type: ignore[assignment]
    j: Annotated[int, "words"] = 4,
    k: Metres = 1.0,  # type: ignore[assignment]
    m: Mapping[str, int] | None = None,
    n: bool = 1,  # type: ignore[assignment]
    o: type = int,
    p: Point = Point(1),  # noqa: B008
    q: frozenset[int] = frozenset({1}),
) -> tuple[Any, ...]:
    return a, b, c, d, e, f, g, h, i, j, k, m, n, o, p, q


def unannotated(a, b=1, *args, c=None, **kwargs):  # type: ignore[no-untyped-def]
    return a, b, args, c, kwargs


def positional(a: int, b: int = 2, /, c: int = 3, *rest: int, d: int = 4, **more: int) -> tuple[Any, ...]:
    return a, b, c, rest, d, more


class Layer:
    def __init__(self, width: int, activation: str = "relu", inner: Layer | None = None, rate: float = 0) -> None:
        self.width = width
        self.activation = activation
        self.inner = inner
        self.rate = rate

    @classmethod
    def wide(cls, width: int = 1024) -> Layer:
        return cls(width)


class Deep(Layer):
    """Has the signature of its base."""


class Made(Generic[T]):
    def __new__(cls, item: T | None = None, size: int = 1) -> Made[T]:
        made = super().__new__(cls)
        made.__dict__.update(item=item, size=size)
        return made


@dataclass
class Base:
    colour: Colour = Colour.BLUE
    names: list[str] = field(default_factory=list)
    table: dict[str, int] = field(default_factory=dict)
    odd: list[int] = field(default_factory=lambda: [1])


@attrs.define
class Defined:
    colour: Colour = Colour.BLUE
    names: list[str] = attrs.field(factory=list)


def decorated(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


@decorated
def wrapped(size: int = 3) -> tuple[str, int]:
    return "wrapped", size
