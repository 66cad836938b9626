"""The same app as ``app.py``, without a line of YAML: the primary config is a recipe, its parameters are choices.

Run from the project's root::

    python -m examples.pretrain.python_app model.config.hidden=64 optim.max_lr=1e-3
    python -m examples.pretrain.python_app model=llama3_small optim=sgd
    python -m examples.pretrain.python_app --multirun optim=adam,sgd trainer.max_steps=50
"""

from __future__ import annotations

from typing import Any

import fiddle as fdl

import fiddle_hydra_bridge as fhb

__all__ = ["main"]


@fhb.main(config_path="fiddle://examples.pretrain.recipes", config_name="pretrain")
def main(recipe: fdl.Partial[Any]) -> None:
    losses = fdl.build(recipe)()
    print(f"first loss {losses[0]:.3f}, last loss {losses[-1]:.3f}, files in {recipe.log.log_dir}")


if __name__ == "__main__":
    main()
