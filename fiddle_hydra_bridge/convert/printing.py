"""``to_python``: graphs as the source of a Python module.

In come graphs, out comes text. ``bridge`` stands above; ``graph_reader`` reads the graph into a tree and
``python_source`` writes that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import fiddle as fdl

from fiddle_hydra_bridge.convert import graph_reader, python_source, targets, values
from fiddle_hydra_bridge.convert.bridge import guarded
from fiddle_hydra_bridge.convert.buildables import has_signature, own_mode
from fiddle_hydra_bridge.convert.python_styles import Making
from fiddle_hydra_bridge.convert.tree import Call, Tree

__all__ = ["for_python", "to_python"]


@guarded
def to_python(graph: Any, *, name: str = "config", style: str = "fiddle", codecs: Iterable[values.Codec] = ()) -> str:
    """Converts a graph to the source of a Python module that defines a function which returns it.

    The text is what ``ruff format`` leaves as it is. Nothing is run: names and strings of the graph are written as
    what they are.

    Args:
        graph: a Buildable, or lists and dicts of them.
        name: the name of the function.
        style: "fiddle" for ``fdl.Config(...)``; "auto_config" for a function of plain calls below Fiddle's
            ``@auto_config``, whose ``as_buildable()`` returns the graph; "nemo_run" for ``run.Config(...)``, which
            returns the graph with NeMo-Run's classes.
        codecs: codecs for values, besides the built-in ones.

    Raises:
        BridgeError: with every value and target that cannot be written, its path, and what to do.

    Example:
        >>> from fractions import Fraction
        >>> print(to_python(fdl.Config(Fraction, numerator=1), name="half"), end="")
        from fractions import Fraction
        <BLANKLINE>
        import fiddle as fdl
        <BLANKLINE>
        <BLANKLINE>
        def half() -> fdl.Config:
            return fdl.Config(Fraction, numerator=1)
    """
    tree, making = for_python(graph, codecs)
    return python_source.write(tree, name=name, style=style, making=making)


def for_python(graph: Any, codecs: Iterable[values.Codec] = ()) -> tuple[Tree, Callable[[Call], Making]]:
    """Reads a graph for ``python_source``.

    Returns:
        the tree, and what is known of the node of each call in it.
    """
    nodes: list[tuple[Any, Call]] = []
    tree = graph_reader.read(graph, codecs=values.BUILTIN.with_codecs(*codecs), nodes=nodes, placeholders=False)
    made = {id(call): _making_of(node) for node, call in nodes}
    return tree, lambda call: made[id(call)]


def _making_of(node: Any) -> Making:
    function = fdl.get_callable(node)
    return Making(isinstance(function, targets.LazyTarget), has_signature(function), own_mode(node))
