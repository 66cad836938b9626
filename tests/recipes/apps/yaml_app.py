"""A plain Hydra app: it knows nothing of recipes, its search path does."""

from __future__ import annotations

import json
import sys

import hydra
from omegaconf import DictConfig, OmegaConf


@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def main(config: DictConfig) -> None:
    model = hydra.utils.instantiate(config.model)
    print(
        "RESULT",
        json.dumps(
            {
                "config": OmegaConf.to_container(config, resolve=True),
                "dim": model.dim,
                "layers": [type(model.layers).__name__, *(type(layer).__name__ for layer in model.layers)],
                "shared": len({id(model.tokenizer), *map(id, model.layers[:1])}) == 1,
                "imported": sorted(name for name in sys.modules if name.partition(".")[0] == "zoo"),
            }
        ),
    )


if __name__ == "__main__":
    main()
