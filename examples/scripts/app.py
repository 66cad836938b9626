"""The ``@hydra.main`` app: runs the script that ``conf/`` says.

Run from the project's root::

    python -m examples.scripts.app lr=0.5
    python -m examples.scripts.app task=module name="it's mine"
    python -m examples.scripts.app --multirun lr=0.1,0.2 task=file,module,inline

Each run writes its result to Hydra's output directory.
"""

from __future__ import annotations

from pathlib import Path

import hydra
from omegaconf import DictConfig

import fiddle_hydra_bridge as fhb

__all__ = ["main"]


@hydra.main(version_base=None, config_path="conf", config_name="config")
def main(config: DictConfig) -> None:
    fhb.instantiate(config.task).run(cwd=Path(__file__).parent, timeout=config.timeout)


if __name__ == "__main__":
    main()
