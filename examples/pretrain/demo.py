"""The demo: one training run, in Python and in YAML, converted both ways, built both ways, and trained.

Run from the project's root: ``python -m examples.pretrain.demo``.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import hydra
from fiddle import printing
from omegaconf import DictConfig
from rich.console import Console

import fiddle_hydra_bridge as fhb
from examples.pretrain.recipes import pretrain

__all__ = ["compose", "main"]

_CONF = Path(__file__).resolve().parents[2] / "conf"
_OUTPUT = Path("outputs/demo")


def compose(*overrides: str) -> DictConfig:
    """Composes ``conf/config.yaml`` as the app would, without running the app."""
    with hydra.initialize_config_dir(version_base=None, config_dir=str(_CONF)):
        return hydra.compose("config", overrides=list(overrides))


def main(max_steps: int = 600) -> None:
    """Shows the bridge at work, then trains for ``max_steps``."""
    console = Console()
    recipe = pretrain(log_dir=str(_OUTPUT), max_steps=max_steps)
    config = compose(f"log.log_dir={_OUTPUT}", f"trainer.max_steps={max_steps}")

    console.rule("1. The recipe, a Fiddle graph, as Hydra YAML")
    show(console, fhb.to_yaml(recipe))

    console.rule("2. The YAML of conf/, composed by Hydra, as a Fiddle graph")
    graph = fhb.from_hydra(config, share=True)
    show(console, printing.as_str_flattened(graph))
    check(console, "it is the recipe's graph", fhb.same_graph(graph, fhb.resolve(recipe)))

    console.rule("3. The recipe, built by Fiddle and by plain hydra.utils.instantiate")
    by_fiddle = fhb.build(recipe)
    by_hydra = hydra.utils.instantiate(fhb.to_hydra(recipe))
    check(console, "both built the same", fhb.equivalent(by_fiddle, by_hydra))
    for builder, built in (("fhb.build", by_fiddle), ("hydra.utils.instantiate", by_hydra)):
        shared = built.keywords["model"].tokenizer is built.keywords["data"].tokenizer
        check(console, f"{builder}: model and data share one tokenizer", shared)

    console.rule("4. The same seed, the same losses: twenty steps of each")
    with tempfile.TemporaryDirectory() as log_dir:
        short = [f"log.log_dir={log_dir}", "trainer.max_steps=20"]
        from_conf = fhb.instantiate(compose(*short), _share_=True)()
        from_recipe = fhb.build(pretrain(log_dir=log_dir, max_steps=20))()
    for name, losses in (("conf/", from_conf), ("recipe", from_recipe)):
        console.print(f"{name:8}{losses[0]:.6f} … {losses[-1]:.6f}")
    check(console, "all twenty losses are equal", from_conf == from_recipe)

    console.rule("5. Training")
    losses = by_hydra()
    console.print(f"first loss {losses[0]:.3f}, last loss {losses[-1]:.3f}; loss curve and checkpoint in {_OUTPUT}")
    sample = by_hydra.keywords["model"].generate('The "for" statement ', length=200)
    show(console, f"The model writes:\n{sample}")


def show(console: Console, text: str) -> None:
    """Prints text as it is: neither read as markup nor wrapped."""
    console.print(text.strip(), markup=False, soft_wrap=True)


def check(console: Console, claim: str, holds: bool) -> None:
    """Prints a claim with its verdict.

    Raises:
        SystemExit: if it does not hold.
    """
    console.print(f"{claim}: [bold {'green' if holds else 'red'}]{holds}")
    if not holds:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
