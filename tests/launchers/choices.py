"""Recipes of models for the sweeps of ``app``, offered by ``fiddle://tests.launchers.choices``."""

from __future__ import annotations

import fiddle as fdl

import fiddle_hydra_bridge as fhb
from examples.pretrain.model import Llama3Config, LlamaModel
from examples.pretrain.tokenizer import CharTokenizer


@fhb.recipe(group="model", typed=True)
def wide() -> fdl.Config[LlamaModel]:
    config = fdl.Config(Llama3Config, seq_length=16, hidden=24, ffn_hidden=16, num_layers=1, num_attention_heads=2)
    return fdl.Config(LlamaModel, config=config, tokenizer=fdl.Config(CharTokenizer))
