"""An app whose primary config is a recipe with slots; its search path has YAML files, too."""

from __future__ import annotations

import hydra
from omegaconf import DictConfig


@hydra.main(config_path="fiddle://slotted", config_name="pretrain", version_base="1.3")
def main(config: DictConfig) -> None:
    run = hydra.utils.instantiate(config)
    print("RESULT", type(run.net).__name__, run.net.tokenizer.size, run.net.seed, end=" ")
    print(type(run.training.optim).__name__, run.training.optim.lr, run.steps, end=" ")
    print(run.training.again is run.training.optim, run.data.tokenizer is run.net.tokenizer)


if __name__ == "__main__":
    main()
