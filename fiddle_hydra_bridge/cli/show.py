"""``fiddle-hydra show``: a config as a graph.

In come a config argument and options, out goes a drawing, or the config in another format.
"""

from __future__ import annotations

import sys
from typing import Annotated, Any, Literal, TypeAlias

from cyclopts import Parameter

import fiddle_hydra_bridge as fhb
from fiddle_hydra_bridge.cli.failures import UsageError
from fiddle_hydra_bridge.cli.options import ConversionOptions, Words
from fiddle_hydra_bridge.cli.output import console

__all__ = ["show"]

Format: TypeAlias = Literal["tree", "yaml", "json", "python", "mermaid", "dot"]


def show(
    *words: Words,
    options: ConversionOptions = ConversionOptions(),
    format: Annotated[Format, Parameter(help="How to show it.")] = "tree",
    where: Annotated[bool, Parameter(help="Show where each value of the tree was set.")] = False,
) -> None:
    """Show a config as a graph: what is called, with which values, and what is shared."""
    from fiddle_hydra_bridge.cli.finding import find_configs

    if where and format != "tree":
        raise UsageError("--where is for the tree")
    (config,), overrides = find_configs(words, options)
    graph = config.graph(overrides, options)
    if format == "tree":
        from fiddle_hydra_bridge.cli.tree import draw

        console().print(draw(graph, where))
    else:
        sys.stdout.write(_text(graph, format))


def _text(graph: Any, format: Format) -> str:
    """Returns the graph in a format that is text."""
    if format == "python":
        return fhb.to_python(graph)
    if format == "mermaid":
        from fiddle_hydra_bridge.cli.mermaid import flowchart

        return flowchart(graph)
    if format == "dot":
        from fiddle import graphviz

        # Drawing it would need Graphviz itself; its source does not.
        return str(graphviz.render(graph).source)
    from fiddle_hydra_bridge.convert import files

    return str(files.text_of(graph, format))
