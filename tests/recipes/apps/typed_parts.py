"""What the typed sample recipes configure."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class Norm(enum.Enum):
    LAYER = "layer"
    BATCH = "batch"


@dataclass
class Layer:
    width: int = 4
    rate: float = 0


@dataclass
class Model:
    """A model.

    Args:
        dim: how wide it is.
    """

    dim: int
    norm: Norm = Norm.LAYER
    depth: int | None = None
    layers: list[Any] | None = None
    head: Layer | None = None
    betas: tuple[float, float] = (0.9, 0.99)
    weights: Path = Path("weights.pt")


class Adam:
    def __init__(self, lr: float = 0.1, **extra: Any) -> None:
        self.settings = {"lr": lr, **extra}

    def __repr__(self) -> str:
        return f"Adam({self.settings})"


@dataclass
class SGD:
    lr: float = 0.2
    momentum: float = 0


@dataclass
class Run:
    model: Model
    optim: Any
    steps: int = 1
