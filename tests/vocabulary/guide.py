"""What NeMo-Run's guide configures: importable classes, and its recipes in both forms."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import Any

import fiddle as fdl
from fiddle.experimental.auto_config import auto_config

from fiddle_hydra_bridge.vocabulary.autoconvert import autoconvert
from fiddle_hydra_bridge.vocabulary.config import Config, Partial


@dataclass
class Llama3Config8B:
    seq_length: int = 8192
    names: list[str] = field(default_factory=list)


@dataclass
class LlamaModel:
    config: Any
    tokenizer: Any = None

    @classmethod
    def tiny(cls, seq_length: int) -> LlamaModel:
        return cls(Llama3Config8B(seq_length))

    @autoconvert
    @classmethod
    def above(cls, seq_length: int = 5) -> LlamaModel:
        return cls(config=Llama3Config8B(seq_length=seq_length))

    @classmethod
    @autoconvert
    def below(cls, seq_length: int = 5) -> LlamaModel:
        return cls(config=Llama3Config8B(seq_length=seq_length))

    @autoconvert
    @staticmethod
    def static() -> LlamaModel:
        return LlamaModel(Llama3Config8B(6))


def model() -> Config[LlamaModel]:
    return Config(LlamaModel, config=Config(Llama3Config8B))


@autoconvert
def automodel() -> LlamaModel:
    return LlamaModel(config=Llama3Config8B())


def sized(seq_length: int) -> Config[LlamaModel]:
    """Control flow is no matter where the config is written out."""
    config = Config(LlamaModel, config=Config(Llama3Config8B))
    if seq_length > 0:
        config.config.seq_length = seq_length
    return config


def plain_model() -> LlamaModel:
    return LlamaModel(config=Llama3Config8B())


@autoconvert(partial=True)
def partial_model() -> LlamaModel:
    return LlamaModel(config=Llama3Config8B())


@autoconvert()
def with_arguments(seq_length: int, *, tokenizer: Any = "bytes") -> LlamaModel:
    config = Llama3Config8B(seq_length=seq_length)
    return LlamaModel(config, tokenizer=tokenizer)


@autoconvert
def nested() -> dict[str, Any]:
    shared = automodel()
    return {"made": shared, "again": shared, "written": sized(4), "method": LlamaModel.tiny(3), "both": [plain_model()]}


@auto_config
def of_fiddle() -> LlamaModel:
    return LlamaModel(config=Llama3Config8B())


@autoconvert
def around_fiddle() -> list[Any]:
    return [of_fiddle(), LlamaModel(config=1)]


@autoconvert(partial=True)
def partial_list() -> list[LlamaModel]:
    return [LlamaModel(config=Llama3Config8B()), LlamaModel(config=2)]


@autoconvert
def deferred() -> Any:
    return functools.partial(LlamaModel, config=Llama3Config8B())


@autoconvert
def changed() -> LlamaModel:
    made = LlamaModel(config=Llama3Config8B(seq_length=1))
    made.config.seq_length = made.config.seq_length + 1
    return made


@autoconvert
def written() -> Any:
    return Config(LlamaModel, config=Partial(Llama3Config8B, names=sorted("ba")), tokenizer=str(1))


def strings_annotation() -> list[fdl.Config[LlamaModel]]:
    return [sized(1), sized(2)]


@autoconvert
def around_a_list_of_configs() -> LlamaModel:
    return LlamaModel(config=strings_annotation())


def with_a_branch(flag: bool) -> LlamaModel:
    if flag:
        return LlamaModel(config=1)
    return LlamaModel(config=2)


def with_a_loop() -> list[LlamaModel]:
    return [LlamaModel(config=size) for size in (1, 2)]


def with_a_context() -> LlamaModel:
    with open(__file__):
        return LlamaModel(config=1)
