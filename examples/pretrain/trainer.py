"""The training run: ``pretrain`` puts model, data, optimizer, logger and resume together, ``Trainer`` loops."""

from __future__ import annotations

import math

from threadpoolctl import threadpool_limits

from examples.pretrain.checkpoint import Resume, TrainingState
from examples.pretrain.data import TextDataModule
from examples.pretrain.logger import Logger
from examples.pretrain.model import LlamaModel
from examples.pretrain.optim import Optimizer

__all__ = ["Trainer", "pretrain"]


class Trainer:
    """The training loop.

    Args:
        max_steps: the step after which training ends, counted from the start of the first run.
    """

    def __init__(self, max_steps: int) -> None:
        if max_steps < 1:
            raise ValueError(f"max_steps ({max_steps}) must be positive")
        self.max_steps = max_steps

    def fit(
        self, model: LlamaModel, data: TextDataModule, log: Logger, optim: Optimizer, state: TrainingState
    ) -> TrainingState:
        """Takes the steps that are left, and returns the state, changed in place.

        Raises:
            FloatingPointError: if the loss is no longer a number.
        """
        # The matrices are small: one thread is faster than many, and the losses do not depend on the machine's cores.
        with threadpool_limits(limits=1, user_api="blas"), log.progress(self.max_steps) as step_done:
            for step in range(len(state.history), self.max_steps):
                loss, grads = model.loss_and_grads(*data.batch(step))
                if not math.isfinite(loss):
                    raise FloatingPointError(f"the loss is {loss} at step {step}: try a smaller optim.max_lr")
                lr = optim.lr_scheduler.lr(step, optim.max_lr)
                optim.update(state.params, grads, state.optim, step, lr)
                state.history.append((loss, lr))
                step_done(state)
        return state


def pretrain(
    model: LlamaModel, trainer: Trainer, data: TextDataModule, log: Logger, optim: Optimizer, resume: Resume
) -> list[float]:
    """Trains a model, and returns the loss of every step.

    Args:
        model: the model; its parameters are changed in place.
        trainer: the training loop.
        data: the training data.
        log: writes the loss curve and the checkpoints.
        optim: the optimizer with its schedule.
        resume: the checkpoint to continue from, if any.

    Raises:
        ValueError: if the data's sequences are longer than the model takes, or the checkpoint does not fit.
        FloatingPointError: if the training diverges.
    """
    if data.seq_length > model.config.seq_length:
        raise ValueError(f"data.seq_length ({data.seq_length}) exceeds the model's ({model.config.seq_length})")
    state = trainer.fit(model, data, log, optim, resume.start(model, optim))
    return [loss for loss, _ in state.history]
