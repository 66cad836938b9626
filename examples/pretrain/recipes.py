"""The training run in Python: functions that return Fiddle configs. ``conf/`` holds the same run as YAML.

Change a recipe like any Fiddle config, then build and call it::

    recipe = pretrain_recipe()
    recipe.model.config.hidden = 128
    losses = fdl.build(recipe)()
"""

from __future__ import annotations

import fiddle as fdl

import fiddle_hydra_bridge as fhb
from examples.pretrain.checkpoint import Resume
from examples.pretrain.data import TextDataModule
from examples.pretrain.logger import Logger
from examples.pretrain.model import Llama3Config, LlamaModel
from examples.pretrain.optim import SGD, Adam, CosineAnnealing
from examples.pretrain.tokenizer import CharTokenizer
from examples.pretrain.trainer import Trainer, pretrain

__all__ = [
    "adam_slow",
    "adam_with_cosine_annealing",
    "llama3_small",
    "llama3_tiny",
    "llama3_wide",
    "pretrain_recipe",
    "sgd_with_cosine_annealing",
    "text_data",
]


def llama3_tiny(tokenizer: fdl.Config[CharTokenizer]) -> fdl.Config[LlamaModel]:
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
    return fdl.Config(LlamaModel, config=config, tokenizer=tokenizer)


def llama3_small(tokenizer: fdl.Config[CharTokenizer]) -> fdl.Config[LlamaModel]:
    """A model of 500,000 parameters."""
    model = llama3_tiny(tokenizer)
    model.config.hidden = 128
    model.config.ffn_hidden = 256
    model.config.num_layers = 3
    return model


def text_data(tokenizer: fdl.Config[CharTokenizer], seq_length: int = 64) -> fdl.Config[TextDataModule]:
    """The text of Python's manual, 16 samples per step."""
    return fdl.Config(TextDataModule, tokenizer=tokenizer, seq_length=seq_length, batch_size=16, seed=0)


def adam_with_cosine_annealing(max_steps: int, max_lr: float = 1e-2) -> fdl.Config[Adam]:
    """Adam, annealed to a tenth of ``max_lr``."""
    schedule = fdl.Config(CosineAnnealing, max_steps=max_steps, warmup_steps=20, min_lr=max_lr / 10)
    return fdl.Config(Adam, max_lr=max_lr, lr_scheduler=schedule)


def sgd_with_cosine_annealing(max_steps: int, max_lr: float = 0.3) -> fdl.Config[SGD]:
    """Gradient descent with momentum, annealed to a tenth of ``max_lr``."""
    schedule = fdl.Config(CosineAnnealing, max_steps=max_steps, warmup_steps=20, min_lr=max_lr / 10)
    return fdl.Config(SGD, max_lr=max_lr, lr_scheduler=schedule)


@fhb.recipe(group="model")
def llama3_wide() -> fdl.Config[LlamaModel]:
    """A model of 240,000 parameters: an option of ``conf/model``, though in Python."""
    model = llama3_tiny(fdl.Config(CharTokenizer))
    model.config.hidden = 96
    model.config.ffn_hidden = 256
    return model


@fhb.recipe(group="optim")
def adam_slow() -> fdl.Config[Adam]:
    """Adam with a third of the learning rate: an option of ``conf/optim``, whose schedule follows the trainer."""
    return adam_with_cosine_annealing(fhb.link("${trainer.max_steps}"), max_lr=3e-3)


def pretrain_recipe(log_dir: str = "outputs/pretrain", max_steps: int = 600) -> fdl.Partial[list[float]]:
    """The whole run, as ``conf/config.yaml`` has it: one tokenizer, shared by model and data."""
    tokenizer = fdl.Config(CharTokenizer)
    return fdl.Partial(
        pretrain,
        model=llama3_tiny(tokenizer),
        trainer=fdl.Config(Trainer, max_steps=max_steps),
        data=text_data(tokenizer),
        log=fdl.Config(Logger, log_dir=log_dir, save_every=100),
        optim=adam_with_cosine_annealing(max_steps),
        resume=fdl.Config(Resume, resume_from_path=None),
    )
