"""The ``@hydra.main`` app: trains what ``conf/`` says.

Run from the project's root::

    python -m examples.pretrain.app model.config.hidden=64 optim.max_lr=1e-3
    python -m examples.pretrain.app model=llama3_small optim=sgd
    python -m examples.pretrain.app +experiment=quick
    python -m examples.pretrain.app trainer.max_steps=800 resume.resume_from_path=outputs/…/checkpoint.npz

The checkpoint and the loss curve land in Hydra's output directory.
"""

from __future__ import annotations

import hydra
from omegaconf import DictConfig

import fiddle_hydra_bridge as fhb

__all__ = ["main"]


@hydra.main(version_base=None, config_path="../../conf", config_name="config")
def main(config: DictConfig) -> None:
    # hydra.utils.instantiate would build ${model.tokenizer} a second time; _share_ makes it the same instance.
    losses = fhb.instantiate(config, _share_=True)()
    print(f"first loss {losses[0]:.3f}, last loss {losses[-1]:.3f}, files in {config.log.log_dir}")


if __name__ == "__main__":
    main()
