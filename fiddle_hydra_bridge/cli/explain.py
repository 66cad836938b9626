"""``fiddle-hydra explain``: where the value of a key comes from.

In come a key, a config argument and overrides; out goes the chain of places that have set the key, the last one first.
The chain is that of ``fhb.explain``: the config is composed by Hydra, whatever it was written in.
"""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

import fiddle_hydra_bridge as fhb
from fiddle_hydra_bridge.cli.options import Options, Words
from fiddle_hydra_bridge.cli.output import console

__all__ = ["explain"]


def explain(
    key: Annotated[str, Parameter(help="The path of the value, such as model.layers[0].dim")],
    /,
    *words: Words,
    options: Options = Options(),
) -> None:
    """Say where a value comes from: every place that sets it, which one won, and what brought its file in."""
    from fiddle_hydra_bridge.cli.chain import chain
    from fiddle_hydra_bridge.cli.finding import find_configs

    (config,), overrides = find_configs(words, options)
    path, name = config.primary(options)
    where = {"config_module": path} if path.startswith("fiddle:") else {"config_dir": path}
    console().print(chain(fhb.explain(name, overrides, key, **where)))
