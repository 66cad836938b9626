"""The pretrain example as an app that returns its loss, with a recipe of its own.

Run with a launcher or sweeper by ``test_launchers``. The recipe is registered by the script itself, so that the
processes of the jobs know it only if the registry travels to them.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import fiddle as fdl
import hydra
from omegaconf import DictConfig, OmegaConf

import fiddle_hydra_bridge as fhb
from examples.pretrain.model import Llama3Config, LlamaModel
from examples.pretrain.tokenizer import CharTokenizer


@fhb.recipe(group="model")
def narrow() -> fdl.Config[LlamaModel]:
    config = fdl.Config(Llama3Config, seq_length=16, hidden=8, ffn_hidden=16, num_layers=1, num_attention_heads=2)
    return fdl.Config(LlamaModel, config=config, tokenizer=fdl.Config(CharTokenizer))


@fhb.recipe(group="check")
def twins() -> fdl.Config[object]:
    tokenizer = fdl.Config(CharTokenizer)
    return fdl.Config(dict, first=tokenizer, second=tokenizer)


@hydra.main(version_base="1.3", config_path="../../conf", config_name="config")
def main(config: DictConfig) -> float:
    check = hydra.utils.instantiate(config.check)
    training = OmegaConf.masked_copy(config, [key for key in config if key != "check"])
    losses: list[float] = fhb.instantiate(training, _share_=True)()
    result = {
        "hidden": config.model.config.hidden,
        "steps": len(losses),
        "process": os.getpid(),
        "shared": check["first"] is check["second"],
    }
    Path(config.log.log_dir, "result.json").write_text(json.dumps(result))
    return losses[-1]


if __name__ == "__main__":
    main()
