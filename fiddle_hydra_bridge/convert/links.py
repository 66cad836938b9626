"""Links in graphs: interpolations that are kept as such, and what they reach.

In come graphs with links, out go graphs without. ``bridge`` stands above; the spokes spell the graph as a Hydra config,
since what an interpolation reaches is OmegaConf's to say.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import fiddle as fdl
from fiddle import daglish

from fiddle_hydra_bridge.convert import (
    graph_reader,
    graph_writer,
    hydra_reader,
    hydra_writer,
    omegaconf_nodes,
    runtime,
    targets,
)
from fiddle_hydra_bridge.convert.bridge import guarded
from fiddle_hydra_bridge.convert.build_errors import add_configured_at
from fiddle_hydra_bridge.convert.histories import caller
from fiddle_hydra_bridge.convert.paths import Path
from fiddle_hydra_bridge.convert.tree import Call, Link
from fiddle_hydra_bridge.errors import ParameterError, RefusedTargetError, TargetError

__all__ = ["build", "link", "resolve"]


def link(expression: str) -> Any:
    """Returns a node that stands for an interpolation, in a graph.

    Args:
        expression: the interpolation, e.g. ``"${data.dim}"``.

    Raises:
        ParameterError: if it holds no interpolation.

    Example:
        >>> from fiddle_hydra_bridge import to_yaml
        >>> print(to_yaml({"dim": 3, "width": link("${dim}")}), end="")
        dim: 3
        width: ${dim}
    """
    if not isinstance(expression, str) or "${" not in expression:
        raise ParameterError(f"not an interpolation: {expression!r}")
    return fdl.Config(runtime.unresolved, expression)


@guarded
def resolve(graph: Any, *, allow: str | Iterable[str] | None = None) -> Any:
    """Returns the graph with its links replaced by what they reach; a node that is reached is copied.

    Links that reach nothing stay, with the reason, and raise when they are built.

    Args:
        graph: the graph; it is not changed. Paths in the links start at its root.
        allow: patterns of target paths for nodes that links reach, as for ``from_hydra``.

    Raises:
        BridgeError: if the graph cannot be spelled, which resolving needs.

    Example:
        >>> fdl.build(resolve({"dim": 3, "width": link("${dim}"), "node": fdl.Config(dict, a=1)}))["width"]
        3
    """
    found: list[tuple[Any, Link | Call]] = []
    tree = graph_reader.read(graph, links=found)
    if not found:
        return graph
    places: dict[int, tuple[Path, bool]] = {}
    config = omegaconf_nodes.write(hydra_writer.write(tree, link_places=places))
    patterns = targets.normalise_allow(allow)
    reached: dict[int, Any] = {}
    functions: dict[int, Any] = {}
    for node, leaf in found:
        path, inside = places[id(leaf)]
        data = omegaconf_nodes.read_at(config, path)
        if isinstance(leaf, Call):
            if type(data) is str:
                functions[id(node)] = _function(data, patterns)
            continue
        if type(data) is Link and leaf.reason is not None:
            continue  # what is known of it already says more: the place in the text
        reached[id(node)] = graph_writer.write(
            hydra_reader.read(data, inside=inside),
            allow=patterns,
            missing="lazy",
            location=caller(),
        )

    def replace(value: Any, state: daglish.State) -> Any:
        if id(value) in reached:
            return reached[id(value)]
        made = state.map_children(value) if state.is_traversable(value) else value
        if id(value) in functions:
            fdl.update_callable(made, functions[id(value)])
        return made

    return daglish.MemoizedTraversal.run(replace, graph)


def _function(path: str, allow: tuple[str, ...] | None) -> Any:
    """The callable that a link in the place of a target reaches; a placeholder if it cannot be imported here."""
    try:
        return targets.resolve_for_graph(path, allow).function
    except RefusedTargetError:
        raise
    except TargetError:
        return targets.LazyTarget(path, allow)


def build(graph: Any, *, allow: str | Iterable[str] | None = None) -> Any:
    """Builds a graph, links included: ``fdl.build(resolve(graph))``.

    Args:
        graph: a Buildable, or lists and dicts of them.
        allow: patterns of target paths for nodes that links reach, as for ``from_hydra``.

    Raises:
        LinkError: if a link reaches nothing.
        Exception: whatever targets raise, as from ``fdl.build``, with a note that says where the node was configured.

    Example:
        >>> build(fdl.Config(dict, a=1, b=link("${a}")))
        {'a': 1, 'b': 1}
    """
    resolved = resolve(graph, allow=allow)
    try:
        return fdl.build(resolved)
    except Exception as error:
        add_configured_at(error, resolved)
        raise
