"""An app whose function receives a graph, and whose primary config is a recipe."""

from __future__ import annotations

import fiddle as fdl
from hydra.core.hydra_config import HydraConfig

import fiddle_hydra_bridge as fhb


@fhb.main(config_path="fiddle://zoo", config_name="whole")
def main(graph: fdl.Config) -> None:
    graph.optim.lr *= 2
    model, data, optim = fdl.build(graph)
    print("RESULT", HydraConfig.get().job.num if "num" in HydraConfig.get().job else "-", model.dim, optim.lr, end=" ")
    print(type(optim).__name__, model.tokenizer is data.tokenizer, model.tokenizer.size)


if __name__ == "__main__":
    main()
