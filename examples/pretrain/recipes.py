"""The training run in Python: functions that return Fiddle configs. ``conf/`` holds the same run as YAML.

Change a recipe like any Fiddle config, then build and call it::

    recipe = pretrain(log_dir="outputs")
    recipe.model.config.hidden = 128
    losses = fhb.build(recipe)()

``pretrain`` is a primary config, too, and its parameters are choices of the command line: see ``python_app.py``.
"""

from __future__ import annotations

from collections.abc import Callable

import fiddle as fdl

import fiddle_hydra_bridge as fhb
from examples.pretrain import trainer
from examples.pretrain.checkpoint import Resume
from examples.pretrain.data import TextDataModule
from examples.pretrain.logger import Logger
from examples.pretrain.model import Llama3Config, LlamaModel
from examples.pretrain.optim import SGD, Adam, CosineAnnealing, Optimizer
from examples.pretrain.tokenizer import CharTokenizer

__all__ = ["adam", "adam_slow", "llama3_small", "llama3_tiny", "llama3_wide", "pretrain", "sgd", "topics"]


@fhb.recipe(group="model")
def llama3_tiny() -> fdl.Config[LlamaModel]:
    """A model of 65,000 parameters: 600 steps take about ten seconds."""
    config = fdl.Config(
        Llama3Config,
        seq_length=64,
        hidden=48,
        ffn_hidden=128,
        num_layers=2,
        num_attention_heads=4,
        seed=0,
    )
    return fdl.Config(LlamaModel, config=config, tokenizer=fdl.Config(CharTokenizer))


@fhb.recipe(group="model")
def llama3_small() -> fdl.Config[LlamaModel]:
    """A model of 500,000 parameters."""
    model = llama3_tiny()
    model.config.hidden = 128
    model.config.ffn_hidden = 256
    model.config.num_layers = 3
    return model


@fhb.recipe(group="model")
def llama3_wide() -> fdl.Config[LlamaModel]:
    """A model of 240,000 parameters."""
    model = llama3_tiny()
    model.config.hidden = 96
    model.config.ffn_hidden = 256
    return model


@fhb.recipe(group="data")
def topics() -> fdl.Config[TextDataModule]:
    """The text of Python's manual, 16 samples per step, as long as the model takes them."""
    return fdl.Config(
        TextDataModule,
        tokenizer=fdl.Config(CharTokenizer),
        seq_length=fhb.link("${model.config.seq_length}"),
        batch_size=16,
        seed=0,
    )


@fhb.recipe(group="optim")
def adam() -> fdl.Config[Adam]:
    """Adam, annealed to a tenth of its learning rate until training ends."""
    return fdl.Config(Adam, max_lr=1e-2, lr_scheduler=_cosine_annealing(min_lr=1e-3))


@fhb.recipe(group="optim")
def adam_slow() -> fdl.Config[Adam]:
    """Adam with a third of the learning rate."""
    return fdl.Config(Adam, max_lr=3e-3, lr_scheduler=_cosine_annealing(min_lr=3e-4))


@fhb.recipe(group="optim")
def sgd() -> fdl.Config[SGD]:
    """Gradient descent with momentum, annealed to a tenth of its learning rate until training ends."""
    return fdl.Config(SGD, max_lr=0.3, lr_scheduler=_cosine_annealing(min_lr=0.03))


def _cosine_annealing(min_lr: float) -> fdl.Config[CosineAnnealing]:
    return fdl.Config(CosineAnnealing, max_steps=fhb.link("${trainer.max_steps}"), warmup_steps=20, min_lr=min_lr)


@fhb.recipe
def pretrain(
    model: Callable[[], fdl.Config[LlamaModel]] = llama3_tiny,
    data: Callable[[], fdl.Config[TextDataModule]] = topics,
    optim: Callable[[], fdl.Config[Optimizer]] = adam,
    log_dir: str | None = None,
    max_steps: int = 600,
) -> fdl.Partial[list[float]]:
    """The whole run, as ``conf/config.yaml`` has it: one tokenizer, shared by model and data.

    Args:
        model: the recipe of the model.
        data: the recipe of the data.
        optim: the recipe of the optimizer.
        log_dir: where the loss curve and the checkpoint go; by default Hydra's output folder.
        max_steps: how long to train.
    """
    network, text = model(), data()
    text.tokenizer = network.tokenizer
    return fdl.Partial(
        trainer.pretrain,
        model=network,
        trainer=fdl.Config(trainer.Trainer, max_steps=max_steps),
        data=text,
        log=fdl.Config(Logger, log_dir=log_dir or fhb.link("${hydra:runtime.output_dir}"), save_every=100),
        optim=optim(),
        resume=fdl.Config(Resume, resume_from_path=None),
    )
