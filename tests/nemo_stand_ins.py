"""Stand-ins for the classes that NeMo-Run's guide configures, importable under NeMo's own names.

Nothing of NeMo is needed for the texts of the guide: a config names classes, and these bear the names.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

LLAMA = "nemo.collections.llm.gpt.model.llama"


@dataclass
class Llama3Config8B:
    """The shape of the 8B model."""

    seq_length: int = 8192
    num_layers: int = 32


class LlamaModel:
    """A model of a config."""

    def __init__(self, config: Any = None, tokenizer: Any = None) -> None:
        self.config = config
        self.tokenizer = tokenizer


for _cls in (Llama3Config8B, LlamaModel):
    _cls.__module__ = LLAMA


@contextmanager
def importable() -> Iterator[None]:
    """Makes the classes importable under NeMo's names."""
    parts = LLAMA.split(".")
    names = [".".join(parts[: end + 1]) for end in range(len(parts))]
    modules = {name: types.ModuleType(name) for name in names}
    for name in names[1:]:
        package, _, last = name.rpartition(".")
        setattr(modules[package], last, modules[name])
    for cls in (Llama3Config8B, LlamaModel):
        setattr(modules[LLAMA], cls.__name__, cls)
    before = {name: sys.modules[name] for name in names if name in sys.modules}
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name in names:
            del sys.modules[name]
        sys.modules.update(before)
