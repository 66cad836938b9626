"""A plain Hydra app over typed recipes."""

from __future__ import annotations

import hydra
from omegaconf import DictConfig


@hydra.main(version_base="1.3", config_path="typed_conf", config_name="config")
def main(config: DictConfig) -> None:
    made = hydra.utils.instantiate(config)
    layers = made.model.layers or []
    print(
        "RESULT", made.model.dim, made.model.norm.name, made.model.depth, made.model.betas, made.model.weights, end=" "
    )
    print(made.model.head, [type(layer).__name__ for layer in layers], made.model.head in layers, end=" ")
    print(type(made.optim).__name__, made.optim.lr, made.optim.extra)


if __name__ == "__main__":
    main()
