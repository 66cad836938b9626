"""What the tasks of the tests run: importable from the processes that NeMo-Run starts."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Optimizer:
    lr: float = 0.1
    betas: tuple[float, ...] = (0.9, 0.999)


@dataclass
class Trainer:
    steps: int = 1
    optimizers: list[Optimizer] = field(default_factory=list)


def train(trainer: Trainer, out: str, note: str = "", is_none: object = "default") -> None:
    """Writes down what it was given."""
    seen = {
        "steps": trainer.steps,
        "lrs": [optimizer.lr for optimizer in trainer.optimizers],
        "betas": [list(optimizer.betas) for optimizer in trainer.optimizers],
        "is tuple": all(isinstance(optimizer.betas, tuple) for optimizer in trainer.optimizers),
        "same optimizer": trainer.optimizers[0] is trainer.optimizers[-1],
        "note": note,
        "is_none": is_none,
    }
    Path(out).write_text(json.dumps(seen), encoding="utf-8")
