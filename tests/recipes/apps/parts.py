"""What the sample recipes configure."""

from __future__ import annotations

from typing import Any


class Tokenizer:
    def __init__(self, size: int = 8) -> None:
        self.size = size


class Model:
    def __init__(self, tokenizer: Any, dim: int = 4, layers: Any = (), seed: int = 0) -> None:
        self.tokenizer = tokenizer
        self.dim = dim
        self.layers = layers
        self.seed = seed


class Data:
    def __init__(self, tokenizer: Any, path: Any = None) -> None:
        self.tokenizer = tokenizer
        self.path = path


class Adam:
    def __init__(self, lr: float = 0.1, betas: Any = None) -> None:
        self.lr = lr
        self.betas = betas


class SGD:
    def __init__(self, lr: float = 0.2) -> None:
        self.lr = lr


def train(model: Any, data: Any, optim: Any) -> tuple[Any, Any, Any]:
    return model, data, optim


class Mamba(Model):
    def __init__(self, tokenizer: Any, layers: Any = (), seed: int = 0, activation: Any = None) -> None:
        super().__init__(tokenizer, layers=layers, seed=seed)
        self.activation = activation


class Training:
    def __init__(self, optim: Any, again: Any, plain: Any) -> None:
        self.optim = optim
        self.again = again
        self.plain = plain


class Run:
    def __init__(self, **entries: Any) -> None:
        self.__dict__.update(entries)
