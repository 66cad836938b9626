"""Recipes whose parameters cannot be slots, each for another reason."""

from __future__ import annotations

import copy

import fiddle as fdl
import parts

import fiddle_hydra_bridge as fhb


@fhb.recipe(group="model")
def small() -> fdl.Config:
    return fdl.Config(parts.Model, tokenizer=fdl.Config(parts.Tokenizer, size=3), dim=4)


@fhb.recipe(group="model")
def big() -> fdl.Config:
    return fdl.Config(parts.Model, tokenizer=fdl.Config(parts.Tokenizer, size=3), dim=40)


@fhb.recipe(group="edited")
def first() -> fdl.Config:
    return fdl.Config(parts.SGD)


@fhb.recipe(group="edited")
def all_of_its_group(model=first):
    descent = model()
    descent.lr = 3
    return descent


@fhb.recipe(group="tiny")
def other() -> fdl.Config:
    return fdl.Config(parts.SGD)


@fhb.recipe(group="shared")
def shared() -> fdl.Config:
    leaf = fdl.Config(parts.Tokenizer)
    return fdl.Config(parts.Model, tokenizer=leaf, layers=leaf)


@fhb.recipe(group="speaking")
def speaking() -> fdl.Config:
    return fdl.Config(fhb.section, defaults=["_self_"], dim=3)


@fhb.recipe(group="tok")
def chars() -> fdl.Config:
    return fdl.Config(parts.Tokenizer, size=1)


@fhb.recipe(group="tok")
def words() -> fdl.Config:
    return fdl.Config(parts.Tokenizer, size=2)


@fhb.recipe(group="slotted")
def slotted(tok=chars):
    return fdl.Config(parts.Model, tokenizer=tok())


@fhb.recipe
def alone() -> fdl.Config:
    return fdl.Config(parts.SGD)


@fhb.recipe
def in_a_list(model=small):
    return fdl.Config(parts.Run, models=[model()])


@fhb.recipe
def in_a_tuple(model=small):
    return fdl.Config(parts.Run, models=(model(),))


@fhb.recipe
def below_an_odd_key(model=small):
    return fdl.Config(parts.Run, models={"a.b": model()})


@fhb.recipe
def copied(model=small):
    return fdl.Config(parts.Run, model=copy.deepcopy(model()))


@fhb.recipe
def looked_at(model=small):
    return fdl.Config(parts.Run, dim=model().dim)


@fhb.recipe
def computed(model=small):
    net = model()
    return fdl.Config(parts.Run, model=net, width=2 * net.dim)


@fhb.recipe
def behind_a_branch(model=small):
    net = model()
    if net.dim > 10:
        net.seed = 1
    return fdl.Config(parts.Run, model=net)


@fhb.recipe
def placed_by_a_branch(model=small):
    net = model()
    return fdl.Config(parts.Run, **{"big" if net.dim > 10 else "small": net})


@fhb.recipe
def called_twice(model=small):
    return fdl.Config(parts.Run, a=model(), b=model())


@fhb.recipe
def not_called(model=small):
    return fdl.Config(parts.Run, model=fdl.Config(parts.SGD))


@fhb.recipe
def compared(model=small):
    return fdl.Config(parts.Run, model=model(), default=model is small)


@fhb.recipe
def with_a_new_node(model=small):
    net = model()
    net.tokenizer = fdl.Config(parts.SGD)
    return fdl.Config(parts.Run, model=net)


@fhb.recipe
def with_less(model=small):
    net = model()
    del net.dim
    return fdl.Config(parts.Run, model=net)


@fhb.recipe
def unset(model=small):
    net = model()
    del net.tokenizer
    return fdl.Config(parts.Run, model=net)


@fhb.recipe
def without_a_group(model=alone):
    return fdl.Config(parts.Run, model=model())


@fhb.recipe
def sharing_on_both_sides(model=shared):
    net = model()
    return fdl.Config(parts.Run, model=net, tokenizer=net.tokenizer)


@fhb.recipe
def of_a_speaking_option(model=speaking):
    return fdl.Config(fhb.section, model=model())


@fhb.recipe
def with_a_slot_on_a_slot(model=slotted, tok=chars):
    net = model()
    net.tokenizer = tok()
    return fdl.Config(parts.Run, model=net)


@fhb.recipe
def against_the_slot_of_a_slot(model=slotted):
    net = model()
    net.seed = net.tokenizer.size
    return fdl.Config(parts.Run, model=net)


@fhb.recipe
def raising(model=small):
    net = model()
    if net.dim > 10:
        raise ValueError("too big")
    return fdl.Config(parts.Run, model=net)
