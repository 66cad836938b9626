"""Checkpoints: the state of a training run in one ``.npz`` file, never pickled, never half written.

``Resume`` gives the trainer its first state: a fresh one, or the one of a checkpoint that the logger saved.
"""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from examples.pretrain.layers import Array
from examples.pretrain.model import LlamaModel
from examples.pretrain.optim import Optimizer

__all__ = ["CheckpointError", "Resume", "TrainingState", "atomic_write", "load_checkpoint", "save_checkpoint"]


class CheckpointError(ValueError):
    """A checkpoint that is damaged, or that belongs to another model or optimizer."""


@dataclass
class TrainingState:
    """All that a run needs to go on.

    Attributes:
        params: the model's parameters, the arrays that the model itself uses.
        optim: the optimizer's state.
        history: loss and learning rate of every step taken.
    """

    params: dict[str, Array]
    optim: dict[str, Array]
    history: list[tuple[float, float]]


class Resume:
    """Where a run starts.

    Args:
        resume_from_path: a checkpoint to continue from; without one, the run starts anew.
    """

    def __init__(self, resume_from_path: str | None = None) -> None:
        self.resume_from_path = resume_from_path

    def start(self, model: LlamaModel, optim: Optimizer) -> TrainingState:
        """Returns the first state of a run, after setting the model's parameters to it.

        Raises:
            CheckpointError: if the checkpoint is damaged or does not fit the model and the optimizer.
            FileNotFoundError: if there is none at that path.
        """
        fresh = TrainingState(model.params, optim.init_state(model.params), [])
        if self.resume_from_path is None:
            return fresh
        path = Path(self.resume_from_path)
        saved = load_checkpoint(path)
        _copy(saved.params, fresh.params, f"{path} is from another model")
        _copy(saved.optim, fresh.optim, f"{path} is from another optimizer")
        return TrainingState(fresh.params, fresh.optim, saved.history)


def save_checkpoint(state: TrainingState, path: Path) -> None:
    """Writes a state to ``path``, which always holds a whole checkpoint: the old one or the new one."""
    arrays = {f"params/{name}": array for name, array in state.params.items()}
    arrays |= {f"optim/{name}": array for name, array in state.optim.items()}
    with atomic_write(path) as file:
        np.savez(file, allow_pickle=False, history=np.array(state.history, dtype=np.float64).reshape(-1, 2), **arrays)


def load_checkpoint(path: Path) -> TrainingState:
    """Reads what :func:`save_checkpoint` wrote.

    Raises:
        CheckpointError: if the file is damaged or something else.
        FileNotFoundError: if there is no such file.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = dict(archive)
        history = [(float(loss), float(lr)) for loss, lr in arrays["history"]]
    # What numpy and zipfile raise for files that are cut off, overwritten, empty, or of another kind.
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, ValueError, TypeError) as error:
        raise CheckpointError(f"{path} is not a whole checkpoint: {error}") from error

    def section(prefix: str) -> dict[str, Array]:
        return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}

    return TrainingState(section("params/"), section("optim/"), history)


@contextmanager
def atomic_write(path: Path) -> Iterator[IO[bytes]]:
    """Opens a temporary file that becomes ``path`` when the block ends, and is removed when the block fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _copy(saved: Mapping[str, Array], target: Mapping[str, Array], problem: str) -> None:
    expected = {name: array.shape for name, array in target.items()}
    found = {name: array.shape for name, array in saved.items()}
    different = sorted(name for name in expected | found if expected.get(name) != found.get(name))
    if different:
        details = [f"{name} is {found.get(name, 'missing')}, not {expected.get(name, 'known')}" for name in different]
        raise CheckpointError(f"{problem}: {'; '.join(details[:3])}{'; …' if len(details) > 3 else ''}")
    for name, array in target.items():
        array[...] = saved[name]
