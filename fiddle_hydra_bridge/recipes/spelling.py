"""The graph of a recipe, spelled as the config that a YAML file would hold: plain and untyped.

In comes what a recipe returns, out go plain data for ``slots`` and ``serving``. What a YAML file says to Hydra itself,
under ``defaults`` and ``hydra``, a recipe says by entries of that name in its outermost section.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any, NamedTuple, TypeAlias

from fiddle.experimental import auto_config
from omegaconf import DictConfig

from fiddle_hydra_bridge.convert import graph_reader, hydra_writer, omegaconf_nodes, runtime
from fiddle_hydra_bridge.convert.hydra_keys import DEFERRED_TARGET, SHARED_TARGET
from fiddle_hydra_bridge.convert.paths import Path
from fiddle_hydra_bridge.convert.tree import REF, Call, Data, Marks
from fiddle_hydra_bridge.errors import BridgeError
from fiddle_hydra_bridge.recipes.registry import is_function
from fiddle_hydra_bridge.recipes.verbatim import spell_verbatim

__all__ = ["Names", "Spelled", "call_recipe", "marked", "spell", "spell_as_it_stands"]

#: Of a verbatim recipe, what its module has imported, by dotted path.
Names: TypeAlias = dict[str, Any] | None


class Spelled(NamedTuple):
    """A graph in Hydra's spelling.

    Attributes:
        own: what it says to Hydra itself.
        data: the config.
        places: for each part that was asked for and is a node of the config, by its id: where it stands.
    """

    own: dict[str, Data]
    data: dict[str, Data]
    places: dict[int, Path]


def call_recipe(recipe: Any) -> Any:
    """Returns the graph of a recipe: a function's result, an ``auto_config`` function's graph, or the graph itself."""
    if auto_config.is_auto_config(recipe):
        return recipe.as_buildable()
    return recipe() if is_function(recipe) else recipe


def spell(graph: Any, parts: Iterable[Any] = ()) -> Spelled:
    """Spells a graph as the config that a YAML file would give.

    Args:
        graph: the graph.
        parts: parts of the graph that other configs will give. They are spelled as they would be alone, but for what
            they share with the rest.

    Raises:
        BridgeError: if it cannot be spelled, or is no mapping.
    """
    own, graph = _without_hydras_own(graph)
    nodes: list[tuple[Any, Call]] = []
    tree = graph_reader.read(graph, nodes=nodes)
    calls = {id(node): call for node, call in nodes}
    wanted = {id(part): id(calls[id(part)]) for part in parts if id(part) in calls}
    slots: dict[int, Path | None] = dict.fromkeys(wanted.values())
    data = _with_modes(hydra_writer.write(tree, slots=slots), "all")
    if not isinstance(data, dict):
        raise BridgeError(f"a recipe returns a graph, not a {type(graph).__name__}")
    places = {part: slots[call] for part, call in wanted.items()}
    return Spelled(own, data, {part: place for part, place in places.items() if place is not None})


def spell_as_it_stands(graph: Any, names: dict[str, Any]) -> DictConfig:
    """Spells what a ``verbatim`` recipe has returned: the config that a YAML file with the same words would give.

    Args:
        graph: what it has returned.
        names: what its module has imported, by dotted path.

    Raises:
        BridgeError: if it cannot be spelled, or is no mapping.
    """
    data = spell_verbatim(graph, names)
    if type(data) not in (dict, list):
        raise BridgeError(f"a recipe returns a mapping, a list or a graph, not a {type(graph).__name__}")
    # A list is a config that Hydra puts into a package.
    config: DictConfig = omegaconf_nodes.write(data)
    return config


def marked(graph: Any, names: Names) -> tuple[Data, Marks]:
    """Spells a graph as it was served, without conversion modes, and with the lines of Python that set it.

    Args:
        graph: the graph.
        names: of a verbatim recipe, what its module has imported, by dotted path.
    """
    marks = Marks("")
    if names is not None:
        return spell_verbatim(graph, names, marks), marks
    tree = graph_reader.read(_without_hydras_own(graph)[1], history=True)
    return hydra_writer.write(tree, marks=marks), marks


def _without_hydras_own(graph: Any) -> tuple[dict[str, Any], Any]:
    """Takes out of a section what speaks to Hydra, and so is no part of the graph: plain lists and dicts."""
    if type(graph) is dict:
        entries = graph
    elif getattr(graph, "__fn_or_cls__", None) is runtime.section:
        entries = graph.__arguments__
    else:
        return {}, graph
    own = {key: entries[key] for key in ("defaults", "hydra") if type(entries.get(key)) in (list, dict)}
    if not own:
        return own, graph
    rest = copy.copy(graph)
    for key in own:
        if type(rest) is dict:
            del rest[key]
        else:
            delattr(rest, key)
    return own, rest


def _with_modes(data: Data, mode: str) -> Data:
    """Writes ``_convert_`` on every call node: apps instantiate parts of a config, and override lists in them."""
    if type(data) is list:
        return [_with_modes(item, mode) for item in data]
    if type(data) is not dict:
        return data
    mode = data.get("_convert_", mode)
    spelled: dict[str, Data] = {}
    for key, value in data.items():
        # Functions that the bridge's helpers call later on: they get their arguments from elsewhere.
        spelled[key] = value if key in (DEFERRED_TARGET, SHARED_TARGET) else _with_modes(value, mode)
        if key == "_target_" and "_convert_" not in data and value != REF:
            spelled["_convert_"] = mode
    return spelled
