"""``fiddle-hydra yaml`` and ``fiddle-hydra python``: a config in the other spelling.

In come a config argument and options, out goes text.
"""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter

import fiddle_hydra_bridge as fhb
from fiddle_hydra_bridge.cli.options import ConversionOptions, Output, Words
from fiddle_hydra_bridge.cli.output import write

__all__ = ["python", "yaml"]


def yaml(
    *words: Words,
    options: ConversionOptions = ConversionOptions(),
    output: Output = Output(),
    defaults: Annotated[bool, Parameter(help="Write the defaults of parameters that are not set, too.")] = False,
    comments: Annotated[bool, Parameter(help="Put each parameter's type and description behind it.")] = False,
) -> None:
    """Write a config as YAML that plain Hydra instantiates."""
    from fiddle_hydra_bridge.cli.finding import find_configs

    (config,), overrides = find_configs(words, options)
    graph = config.graph(overrides, options)
    write(fhb.to_yaml(graph, defaults="all" if defaults else "set", comments=comments), output)


def python(
    *words: Words,
    options: ConversionOptions = ConversionOptions(),
    output: Output = Output(),
    name: Annotated[str, Parameter(help="The name of the function.")] = "config",
    style: Annotated[
        Literal["fiddle", "auto_config", "nemo_run"], Parameter(help="In which words: Fiddle's or NeMo-Run's.")
    ] = "fiddle",
) -> None:
    """Write a config as a Python module, with a function that returns the graph."""
    from fiddle_hydra_bridge.cli.finding import find_configs

    (config,), overrides = find_configs(words, options)
    write(fhb.to_python(config.graph(overrides, options), name=name, style=style), output)
