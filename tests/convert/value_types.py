"""Importable sample types for the tests of the codecs."""

from __future__ import annotations

import collections
import dataclasses
import enum
from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar

import attrs

T = TypeVar("T")


class Color(enum.Enum):
    RED = 1
    GREEN = "green"
    CRIMSON = 1  # an alias of RED
    name = "name"  # hidden by the attribute of every member


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Mode(enum.StrEnum):
    TRAIN = "train"


class Access(enum.Flag):
    READ = enum.auto()
    WRITE = enum.auto()
    ALL = READ | WRITE


Odd = enum.Enum("Odd", {"not an identifier": 1, "a.b": (1, 2)}, module=__name__)


class Point(NamedTuple):
    x: Any
    y: Any = 0


Renamed = collections.namedtuple("Renamed", ["a", "def"], rename=True)  # fields a and _1


class Named(Point):
    """A namedtuple with a method and no state of its own."""

    __slots__ = ()

    def norm(self) -> float:
        return float(abs(self.x) + abs(self.y))


class Clamped(Point):
    __slots__ = ()

    def __new__(cls, x: Any, y: Any = 0) -> Clamped:
        return super().__new__(cls, max(x, 0), y)


class Loose(Point):
    """A namedtuple whose instances take more attributes."""


@dataclasses.dataclass
class Mutable:
    size: int
    tags: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    value: Any
    other: Any = None


@dataclasses.dataclass
class Box(Generic[T]):
    content: T


@dataclasses.dataclass
class Child(Mutable):
    extra: float = 0.0


@dataclasses.dataclass
class Counted:
    size: int
    half: int = dataclasses.field(init=False, default=0)


@dataclasses.dataclass
class Scaled:
    size: int
    scale: dataclasses.InitVar[int] = 1


@dataclasses.dataclass
class PostInit:
    size: int

    def __post_init__(self) -> None:
        self.size += 1


@dataclasses.dataclass
class OwnInit:
    size: int

    def __init__(self, size: int) -> None:
        self.size = size * 2


@dataclasses.dataclass
class OwnSetattr:
    size: int

    def __setattr__(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value + 1)


@dataclasses.dataclass
class ListWithName(list[int]):
    name: str = ""


class Recording(type):
    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        return super().__call__(*args, **kwargs)


@dataclasses.dataclass
class Recorded(metaclass=Recording):
    size: int


@dataclasses.dataclass
class Reserved:
    _target_: str


@attrs.define
class Attrs:
    size: int
    _private: Any = None
    named: Any = attrs.field(default=None, alias="label")


@attrs.frozen(kw_only=True)
class FrozenAttrs:
    size: int = attrs.field(validator=attrs.validators.instance_of(int))


@attrs.define
class Converted:
    size: Any = attrs.field(converter=str)


@attrs.define
class AttrsPostInit:
    size: int

    def __attrs_post_init__(self) -> None:
        self.size += 1


class Text(str):
    __slots__ = ()


class Number(int):
    pass


class Real(float):
    pass


class Items(list[Any]):
    pass


class Entries(dict[str, Any]):
    pass


class Pair(tuple[Any, ...]):
    __slots__ = ()


class Raw(bytes):
    pass


class Bag(set[Any]):
    pass


class Plain:
    """A class without a codec; users add one."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __eq__(self, other: object) -> bool:
        return type(other) is Plain and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    def method(self) -> str:
        return self.name

    @classmethod
    def create(cls) -> Plain:
        return cls("created")

    @staticmethod
    def helper() -> int:
        return 1


class Derived(Plain):
    pass


class Callable_:
    """A callable instance without a name."""

    def __call__(self) -> int:
        return 1


def function(x: Any = None) -> Any:
    return x


def make_local() -> tuple[type, Callable[..., Any]]:
    class Local:
        pass

    def local() -> None:
        pass

    return Local, local
