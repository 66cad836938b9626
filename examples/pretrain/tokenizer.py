"""Characters to token ids and back. Model and data share one instance: an id must mean the same to both."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["CharTokenizer", "Tokens"]

Tokens = npt.NDArray[np.int64]

_ALPHABET = "\n" + "".join(map(chr, range(ord(" "), ord("~") + 1)))
_UNKNOWN = "\N{REPLACEMENT CHARACTER}"


class CharTokenizer:
    """A tokenizer with one token per printable ASCII character, and one for every other character."""

    def __init__(self) -> None:
        self.characters = _ALPHABET + _UNKNOWN

    @property
    def vocab_size(self) -> int:
        return len(self.characters)

    def encode(self, text: str) -> Tokens:
        """Returns the token ids of a text, one per character."""
        unknown = len(_ALPHABET)
        ids = {character: index for index, character in enumerate(self.characters)}
        return np.array([ids.get(character, unknown) for character in text], dtype=np.int64)

    def decode(self, tokens: Tokens) -> str:
        """Returns the text of token ids; characters that :meth:`encode` did not know are U+FFFD."""
        return "".join(self.characters[token] for token in tokens)
