"""Recipes with slots, of every form that composes."""

from __future__ import annotations

import fiddle as fdl
import parts

import fiddle_hydra_bridge as fhb
from slotted.data import text
from slotted.model import llama
from slotted.optim import adam
from slotted.tok import chars


def plain(model=llama, optim=adam) -> fdl.Config:
    """The parts sit where their groups are called."""
    return fdl.Config(parts.train, model=model(), data=None, optim=optim())


def pretrain(model=llama, optim=adam, data=text, steps: int = 3) -> fdl.Config:
    """Other names, deeper, edited, met twice, and one tokenizer across the borders of two slots."""
    net, source, descent = model(), data(), optim()
    net.layers = [steps]
    net.seed = 7
    source.tokenizer = net.tokenizer
    descent.lr = 0.05
    training = fdl.Config(parts.Training, optim=descent, again=descent, plain=fdl.Config(parts.Data, tokenizer=None))
    return fdl.Config(parts.Run, net=net, data=source, training=training, steps=steps)


def root(model=llama) -> fdl.Config:
    """The whole is the part, with another entry."""
    net = model()
    net.seed = 5
    return net


def sections(model=llama, optim=adam) -> fdl.Config:
    """Sections, as in most apps, and a link from one to another."""
    descent = optim()
    descent.lr = fhb.link("${rate}")
    return fdl.Config(fhb.section, net=fdl.Config(fhb.section, model=model()), optim=descent, rate=0.5)


def inner(source=text, tok=chars) -> fdl.Config:
    """A slot that sits in another slot."""
    data = source()
    data.tokenizer = tok()
    return fdl.Config(parts.Run, data=data, steps=1)


def partial(model=llama, optim=adam) -> fdl.Partial:
    """A genuine Partial, with genuine partials in it."""
    return fdl.Partial(parts.train, model=model(), data=fdl.Partial(parts.SGD), optim=optim())


def two(first=llama, second=llama) -> fdl.Config:
    """Two slots of one group."""
    return fdl.Config(parts.Run, first=first(), second=second())


def own(model=llama) -> fdl.Config:
    """A slot beside a defaults list and a block for Hydra."""
    return fdl.Config(
        fhb.section,
        defaults=[{"optim": "sgd"}, "_self_"],
        hydra={"job": {"name": "own"}},
        model=model(),
        seed=1,
    )
