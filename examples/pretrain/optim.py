"""Optimizers and their schedule. An optimizer keeps no state of its own: the state is a dict of arrays that a
checkpoint can hold, made by ``init_state`` and changed in place, like the parameters, by ``update``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Protocol

import numpy as np

from examples.pretrain.layers import Array

__all__ = ["SGD", "Adam", "CosineAnnealing", "Optimizer"]


class CosineAnnealing:
    """A learning rate that rises linearly during the warm-up and then falls along half a cosine.

    Args:
        max_steps: the step at which ``min_lr`` is reached.
        warmup_steps: steps of the rise.
        min_lr: the learning rate at the end.
    """

    def __init__(self, max_steps: int, warmup_steps: int = 20, min_lr: float = 0.0) -> None:
        self.max_steps = max_steps
        self.warmup_steps = warmup_steps
        self.min_lr = min_lr

    def lr(self, step: int, max_lr: float) -> float:
        """Returns the learning rate of a step, counted from 0."""
        if step < self.warmup_steps:
            return max_lr * (step + 1) / self.warmup_steps
        progress = min(1.0, (step - self.warmup_steps) / max(1, self.max_steps - self.warmup_steps))
        return self.min_lr + (max_lr - self.min_lr) * (1 + math.cos(math.pi * progress)) / 2


class Optimizer(Protocol):
    """What the trainer asks of an optimizer."""

    max_lr: float
    lr_scheduler: CosineAnnealing

    def init_state(self, params: Mapping[str, Array]) -> dict[str, Array]:
        """Returns the state before the first step."""

    def update(
        self, params: Mapping[str, Array], grads: Mapping[str, Array], state: Mapping[str, Array], step: int, lr: float
    ) -> None:
        """Takes a step, counted from 0: changes parameters and state in place."""


class Adam:
    """Adam with decoupled weight decay for matrices, and clipping of the gradient's norm.

    Args:
        max_lr: the highest learning rate of the schedule.
        lr_scheduler: the schedule.
        adam_beta1: decay of the mean of the gradients.
        adam_beta2: decay of the mean of their squares.
        adam_eps: added to the root of the latter.
        weight_decay: share of a matrix that is taken off, per unit of learning rate.
        clip_grad: the largest norm of all gradients together.
    """

    def __init__(
        self,
        max_lr: float,
        lr_scheduler: CosineAnnealing,
        adam_beta1: float = 0.9,
        adam_beta2: float = 0.95,
        adam_eps: float = 1e-8,
        weight_decay: float = 0.1,
        clip_grad: float = 1.0,
    ) -> None:
        self.max_lr = max_lr
        self.lr_scheduler = lr_scheduler
        self.adam_beta1 = adam_beta1
        self.adam_beta2 = adam_beta2
        self.adam_eps = adam_eps
        self.weight_decay = weight_decay
        self.clip_grad = clip_grad

    def init_state(self, params: Mapping[str, Array]) -> dict[str, Array]:
        moments = ("mean", "square")
        return {f"{moment}.{name}": np.zeros_like(param) for name, param in params.items() for moment in moments}

    def update(
        self, params: Mapping[str, Array], grads: Mapping[str, Array], state: Mapping[str, Array], step: int, lr: float
    ) -> None:
        clip = _clip_factor(grads, self.clip_grad)
        mean_correction = 1 - self.adam_beta1 ** (step + 1)
        square_correction = 1 - self.adam_beta2 ** (step + 1)
        for name, param in params.items():
            grad, mean, square = grads[name] * clip, state[f"mean.{name}"], state[f"square.{name}"]
            mean += (1 - self.adam_beta1) * (grad - mean)
            square += (1 - self.adam_beta2) * (grad * grad - square)
            if param.ndim == 2:
                param *= 1 - lr * self.weight_decay
            param -= lr / mean_correction * mean / (np.sqrt(square / square_correction) + self.adam_eps)


class SGD:
    """Stochastic gradient descent with momentum, and clipping of the gradient's norm.

    Args:
        max_lr: the highest learning rate of the schedule.
        lr_scheduler: the schedule.
        momentum: share of the last step that is taken again.
        clip_grad: the largest norm of all gradients together.
    """

    def __init__(
        self, max_lr: float, lr_scheduler: CosineAnnealing, momentum: float = 0.9, clip_grad: float = 1.0
    ) -> None:
        self.max_lr = max_lr
        self.lr_scheduler = lr_scheduler
        self.momentum = momentum
        self.clip_grad = clip_grad

    def init_state(self, params: Mapping[str, Array]) -> dict[str, Array]:
        return {name: np.zeros_like(param) for name, param in params.items()}

    def update(
        self, params: Mapping[str, Array], grads: Mapping[str, Array], state: Mapping[str, Array], step: int, lr: float
    ) -> None:
        clip = _clip_factor(grads, self.clip_grad)
        for name, param in params.items():
            velocity = state[name]
            velocity *= self.momentum
            velocity += grads[name] * clip
            param -= lr * velocity


def _clip_factor(grads: Mapping[str, Array], max_norm: float) -> float:
    norm = math.sqrt(sum(float(np.vdot(grad, grad)) for grad in grads.values()))
    return min(1.0, max_norm / (norm + 1e-6))
