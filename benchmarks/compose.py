"""What provenance costs: ``python -m benchmarks.compose``.

Composes the example app's ``conf/`` in three ways, in turns, and compares the processor time of the fastest turn of
each: by ``hydra.compose`` alone; with the graph that ``from_hydra`` makes of it; by ``fhb.compose``, whose graph knows
its lines.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hydra
from hydra import initialize_config_dir

import fiddle_hydra_bridge as fhb
from benchmarks.run import fastest

CONF = Path(__file__).resolve().parents[1] / "conf"
#: By the name of the row: the overrides.
ROWS = {
    "the plain config": [],
    "an experiment and overrides": ["model=llama3_small", "+experiment=quick", "model.config.hidden=64"],
    "an experiment with recipes": ["+experiment=wide"],
}


def ways(overrides: list[str]) -> list[Callable[[], Any]]:
    """Returns the three ways to compose the app's config."""
    return [
        lambda: hydra.compose("config", overrides),
        lambda: fhb.from_hydra(hydra.compose("config", overrides)),
        lambda: fhb.compose("config", overrides),
    ]


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compose", description=__doc__)
    parser.add_argument("--turns", type=int, default=15, help="how often each way is taken")
    turns = parser.parse_args().turns
    warnings.simplefilter("ignore")
    version = {"version_base": None} if hydra.__version__.startswith("1.3.") else {}
    print(f"Hydra {hydra.__version__}, milliseconds of processor time, the fastest of {turns} turns.\n")
    print(f"{'conf/':<30}{'hydra.compose':>15}{'and from_hydra':>16}{'fhb.compose':>13}{'over Hydra':>12}")
    with initialize_config_dir(str(CONF), **version):
        for name, overrides in ROWS.items():
            plain, graph, traced = fastest(ways(overrides), turns)
            cells = f"{plain * 1e3:15.1f}{graph * 1e3:16.1f}{traced * 1e3:13.1f}{traced / plain:11.1f}x"
            print(f"{name:<30}{cells}", flush=True)


if __name__ == "__main__":
    main()
