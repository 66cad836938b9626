"""What typed recipes cost: ``python -m benchmarks.typed``.

Spells, composes and instantiates one recipe of 100 call nodes, untyped and typed, in turns, and compares the processor
time of the fastest turn of each. One of three parameters is left to its default, which only the typed config holds.
"""

from __future__ import annotations

import argparse
import functools
import warnings
from collections.abc import Callable
from typing import Any

import fiddle as fdl
import hydra

import fiddle_hydra_bridge as fhb
from benchmarks import Part, Whole
from benchmarks.run import fastest
from fiddle_hydra_bridge.convert import omegaconf_nodes
from fiddle_hydra_bridge.recipes import structured
from fiddle_hydra_bridge.recipes.spelling import spell


def recipe() -> fdl.Config[Whole]:
    """Returns the root and 99 nodes below it, in groups of ten."""
    parts = [fdl.Config(Part, a=number, b=0.1) for number in range(90)]
    groups = [fdl.Config(Part, a=parts[start : start + 10], b=None) for start in range(0, 90, 10)]
    return fdl.Config(Whole, **{f"group_{number}": group for number, group in enumerate(groups)})


def spelled(name: str) -> Any:
    own, data, _ = spell(recipe())
    return structured.write(data, own) if name == "typed" else omegaconf_nodes.write({**own, **data})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    warnings.simplefilter("ignore")
    fhb.register(recipe, group="benchmark", name="untyped")
    fhb.register(recipe, group="benchmark", name="typed", typed=True)
    with hydra.initialize(None, version_base="1.3"):
        composed = {name: hydra.compose(overrides=[f"+benchmark={name}"]).benchmark for name in ("untyped", "typed")}
        made = [hydra.utils.instantiate(config) for config in composed.values()]
        assert fhb.equivalent(*made)
        steps: dict[str, Callable[[str], Any]] = {
            "spell": spelled,
            "compose": lambda name: hydra.compose(overrides=[f"+benchmark={name}"]),
            "hydra.utils.instantiate": lambda name: hydra.utils.instantiate(composed[name]),
            "fhb.instantiate": lambda name: fhb.instantiate(composed[name]),
        }
        for step, run in steps.items():
            times = fastest([functools.partial(run, name) for name in ("untyped", "typed")], rounds)
            untyped, typed = (seconds * 1e3 for seconds in times)
            print(f"{step:25} untyped {untyped:7.1f} ms   typed {typed:7.1f} ms   {typed / untyped:.2f} times")


if __name__ == "__main__":
    main()
