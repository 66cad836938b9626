"""Targets as a hostile or careless application may hold them: re-exports, partials, classes with hooks.

Importing this module runs nothing of what it holds; ``CALLS`` records what the tests must never see called.
"""

from __future__ import annotations

import builtins  # noqa: F401  reached through this module's attributes
import functools
import json
import logging
import operator
import os
import sys
import types
from os import system as shell  # noqa: F401  a re-export under another name
from typing import Any

CALLS: list[tuple[Any, ...]] = []


def record(*args: Any, **kwargs: Any) -> None:
    CALLS.append((args, kwargs))


# Partials and wrappers of what may not be called.
run_true = functools.partial(os.system, "true")
run_nested = functools.partial(functools.partial(os.system), "true")
getter = functools.partial(getattr, json)
first = operator.itemgetter(0)
name_of = operator.attrgetter("name")
type_call = type.__call__
dict_init = dict.__init__
dict_update = {}.update
type_of = functools.lru_cache(type)
environment = os.environ
logger = logging


class Meta(type):
    """A metaclass: calling it makes a class."""

    @classmethod
    def make(cls, name: str) -> type:
        return cls(name, (), {})


class Partial(functools.partial):  # type: ignore[type-arg]
    """A partial under another name, whose call nobody can look into."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        record("Partial.__call__")
        return super().__call__(*args, **kwargs)


hidden_partial = Partial(getattr, json)


class Lookup(property):
    """A property under another name."""


# Calls that return what configuration may not have.
def find_shell() -> Any:
    return os.system


def find_partial_shell() -> Any:
    return functools.partial(os.system, "true")


def find_partial_subclass() -> Any:
    return Partial(record)


def find_modules() -> Any:
    return sys.modules


def find_namespace() -> Any:
    return globals()


def find_frame() -> Any:
    return sys._getframe()


def find_code() -> Any:
    return record.__code__


def find_policy() -> Any:
    return sys.modules["hydra._internal.utils"]


class NewReturnsShell:
    def __new__(cls) -> Any:
        return os.system


class Pretender:
    """Says that it is a module."""

    __name__ = "hydra._internal"

    @property
    def __class__(self) -> Any:  # type: ignore[override]
        return types.ModuleType


# What an application may well hold.
class Model:
    def __init__(self, dim: int = 1, **rest: Any) -> None:
        self.dim = dim
        self.rest = rest

    @classmethod
    def of(cls, dim: int) -> Model:
        return cls(dim)

    @staticmethod
    def double(dim: int) -> int:
        return 2 * dim

    def twice(self) -> int:
        return 2 * self.dim

    class Inner:
        pass


class Named:
    """A callable that may say any name is its own."""

    def __init__(self, module: str, name: str) -> None:
        if name:
            self.__module__, self.__qualname__ = module, name

    def __call__(self) -> None:
        record("Named.__call__")


def find(kind: str) -> Any:
    """Values of all kinds by kind, and some that configuration may not have."""
    modules = sys.modules
    policy: Any = modules.get("hydra._internal.execution_policy") or modules["hydra._internal.target_policy"]
    values: dict[str, Any] = {
        "adder": add,
        "named": Named("", ""),
        "shell": Named("os", "system"),
        "eval": Named("builtins", "eval"),
        "dict": {"a": 1},
        "names": {"__name__": "x"},
        "modules": sys.modules,
        "namespace": vars(json),
        "tuple": (1, 2),
        "strings": ("a", "b"),
        "frozenset": frozenset({1}),
        "prefixes": policy.UNCONTROLLED_EXECUTION_TARGET_PREFIXES,
        "empty": (),
        "environment": os.environ,
        "module": json,
        "function": make,
        "class": Model,
        "method": model.twice,
    }
    return values[kind]


class Slots:
    __slots__ = ("x",)


class Adder:
    def __call__(self, a: int, b: int = 1) -> int:
        return a + b


def make(a: int, b: int = 2) -> tuple[int, int]:
    return a, b


def update(values: dict[str, int], more: dict[str, int]) -> dict[str, int]:
    """A plain function with the name of a mutator, which Hydra looks at closely."""
    return {**values, **more}


def takes_self(self: int, other: int) -> int:
    return self + other


def fails(message: str) -> None:
    raise KeyError(message)


def none() -> None:
    return None


add = Adder()
add_two = functools.partial(add, b=2)
cached = functools.lru_cache(make)
model = Model(3)
alias = Model.of
anonymous = lambda: None  # noqa: E731
hidden = record
original = record


def local_function() -> Any:
    def inner() -> None: ...

    return inner


@functools.wraps(make)
def renamed() -> None: ...
