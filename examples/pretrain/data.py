"""The training text as batches: ``TextDataModule`` turns Python's manual into token windows for the trainer."""

from __future__ import annotations

from functools import cached_property
from pydoc_data.topics import topics

import numpy as np

from examples.pretrain.tokenizer import CharTokenizer, Tokens

__all__ = ["TextDataModule"]


class TextDataModule:
    """Batches of the topics that ``help()`` knows: half a million characters that every Python carries.

    Args:
        tokenizer: the model's tokenizer, the same instance.
        seq_length: characters per sample; at most the model's ``seq_length``.
        batch_size: samples per step.
        seed: seed of the samples drawn.
    """

    def __init__(self, tokenizer: CharTokenizer, seq_length: int = 64, batch_size: int = 16, seed: int = 0) -> None:
        if seq_length < 1 or batch_size < 1:
            raise ValueError(f"seq_length ({seq_length}) and batch_size ({batch_size}) must be positive")
        self.tokenizer = tokenizer
        self.seq_length = seq_length
        self.batch_size = batch_size
        self.seed = seed

    @cached_property
    def _corpus(self) -> Tokens:
        return self.tokenizer.encode("\n".join(topics[name] for name in sorted(topics)))

    def batch(self, step: int) -> tuple[Tokens, Tokens]:
        """Returns the tokens of a step and, as labels, the tokens that follow them: both (batch_size, seq_length).

        A batch depends on the seed and the step alone, so a resumed run sees what an unbroken run would have seen.
        """
        random = np.random.default_rng((self.seed, step))
        starts = random.integers(0, len(self._corpus) - self.seq_length, size=(self.batch_size, 1))
        windows = self._corpus[starts + np.arange(self.seq_length + 1)]
        return windows[:, :-1], windows[:, 1:]
