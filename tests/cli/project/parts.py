"""What the configs of this project call."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import fiddle as fdl


class Size(fdl.Tag):
    """How large something is."""


@dataclass
class Tokenizer:
    vocabulary: int = 128


@dataclass
class Model:
    tokenizer: Any = None
    dim: int = 8
    layers: list[Any] = field(default_factory=list)


@dataclass
class Text:
    tokenizer: Any


def train(model: Model, data: Text, steps: int = 1) -> float:
    print(f"training {model.dim} wide for {steps} steps, shared: {model.tokenizer is data.tokenizer}")
    return model.dim / steps


def fail(reason: str) -> None:
    raise RuntimeError(reason)


def wait() -> None:
    print("waiting", flush=True)
    time.sleep(60)
