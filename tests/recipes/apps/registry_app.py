"""A plain Hydra app that registers recipes of its own; the primary config is one of them."""

from __future__ import annotations

import fiddle as fdl
import hydra
import parts
import zoo.optim

import fiddle_hydra_bridge as fhb


@fhb.recipe(group="model")
def own() -> fdl.Config[parts.Model]:
    return fdl.Config(parts.Model, tokenizer=fdl.Config(parts.Tokenizer, size=2), dim=9)


fhb.register(fdl.Config(parts.Data, tokenizer=None), group="data", name="none")
fhb.register(
    {"defaults": [{"model": "own"}, {"data": "none"}, {"optim": "adam"}, "_self_"], "seed": 3}, name="settings"
)
fhb.register(zoo.optim, group="optim")


@hydra.main(version_base="1.3", config_path=None, config_name="settings")
def main(config: object) -> None:
    built = hydra.utils.instantiate(config)
    print("RESULT", type(built.model).__name__, built.model.dim, type(built.data).__name__, built.optim.lr, built.seed)


if __name__ == "__main__":
    main()
