"""A plain Hydra app over typed recipes."""

from __future__ import annotations

import hydra
from omegaconf import DictConfig


@hydra.main(version_base="1.3", config_path="typed_conf", config_name="config")
def main(config: DictConfig) -> None:
    model, optim = hydra.utils.instantiate(config.model), hydra.utils.instantiate(config.optim)
    print("RESULT", model.dim, model.norm.name, model.depth, model.betas, model.weights, model.head, end=" ")
    print(model.layers, model.layers is not None and model.layers[-1] is model.head, optim)


if __name__ == "__main__":
    main()
