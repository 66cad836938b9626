"""A chosen recipe, served as a config.

In comes what ``listing`` or ``registry`` has found, out goes the DictConfig for ``config_source``. Only here recipes
are imported and called. What is served is what a YAML file would hold: plain and untyped. What a YAML file says to
Hydra itself, under ``defaults`` and ``hydra``, a recipe says by entries of that name in its outermost section.
"""

from __future__ import annotations

import copy
import traceback
from types import TracebackType
from typing import Any, TypeAlias

import hydra.errors
from fiddle.experimental import auto_config
from omegaconf import DictConfig

from fiddle_hydra_bridge.convert import graph_reader, hydra_writer, omegaconf_nodes, runtime, targets
from fiddle_hydra_bridge.convert.bridge import to_data
from fiddle_hydra_bridge.convert.hydra_keys import DEFERRED_TARGET, SHARED_TARGET
from fiddle_hydra_bridge.convert.tree import REF, Data, Marks
from fiddle_hydra_bridge.errors import BridgeError
from fiddle_hydra_bridge.recipes.listing import Option, imports_of
from fiddle_hydra_bridge.recipes.registry import Entry, is_function, not_registering
from fiddle_hydra_bridge.recipes.verbatim import spell_verbatim

__all__ = ["call_recipe", "marked", "serve", "spell", "spell_as_it_stands"]

#: Of a verbatim recipe, what its module has imported, by dotted path.
_Names: TypeAlias = dict[str, Any] | None


def serve(path: str, source: object, found: Option | Entry | None) -> tuple[DictConfig, str | None, Any, _Names]:
    """Returns the config of a recipe, the package that it asks for, the recipe's graph, and its module's imports.

    Args:
        path: the config path that was asked for.
        source: the config source that was asked.
        found: the recipe.

    Raises:
        ConfigCompositionException: if the recipe cannot be imported, called or spelled, with its place.
    """
    if found is None:
        raise hydra.errors.ConfigCompositionException(f"Recipe not found: {path!r} in {source}")
    name = found.target if isinstance(found, Option) else _name(found.recipe)
    try:
        recipe = _recipe(found)
        graph = call_recipe(recipe)
        names = imports_of(recipe) if found.verbatim else None
        config = spell(graph) if names is None else spell_as_it_stands(graph, names)
        return config, found.package, graph, names
    except Exception as error:  # a recipe is user code; Hydra prints its own exceptions in one paragraph
        raise hydra.errors.ConfigCompositionException(f"The recipe {path!r} ({name}) {_failure(error)}") from error


def _recipe(found: Option | Entry) -> Any:
    if isinstance(found, Entry):
        return found.recipe
    if found.problem is not None:
        raise BridgeError(found.problem)
    with not_registering():
        return targets.resolve(found.target, (found.target,)).function


def call_recipe(recipe: Any) -> Any:
    """Returns the graph of a recipe: a function's result, an ``auto_config`` function's graph, or the graph itself."""
    if auto_config.is_auto_config(recipe):
        return recipe.as_buildable()
    return recipe() if is_function(recipe) else recipe


def spell(graph: Any) -> DictConfig:
    """Spells a graph as the config that a YAML file would give.

    Raises:
        BridgeError: if it cannot be spelled, or is no mapping.
    """
    own, graph = _without_hydras_own(graph)
    data = _with_modes(to_data(graph), "all")
    if not isinstance(data, dict):
        raise BridgeError(f"a recipe returns a graph, not a {type(graph).__name__}")
    config: DictConfig = omegaconf_nodes.write({**own, **data})
    return config


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


def marked(graph: Any, names: _Names) -> tuple[Data, Marks]:
    """Spells a graph as it was served, without conversion modes, and with the lines of Python that set it.

    Args:
        graph: the graph.
        names: as :func:`serve` has returned them.
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


def _name(recipe: Any) -> str:
    if is_function(recipe) and hasattr(recipe, "__qualname__"):
        return f"{recipe.__module__}.{recipe.__qualname__}"
    return f"a registered {type(recipe).__name__}"


def _failure(error: Exception) -> str:
    """Says what went wrong, and in which line of which file."""
    if isinstance(error, BridgeError):
        return f"cannot be spelled as a config:\n{error}"
    while isinstance(error.__cause__, Exception):
        error = error.__cause__
    kind = "".join(traceback.format_exception_only(error)).strip()
    if isinstance(error, SyntaxError):
        return f"fails:\n{error.filename}:{error.lineno}: {kind.splitlines()[-1]}"
    return f"fails:\n{_place(error.__traceback__)}{kind}"


def _place(trace: TracebackType | None) -> str:
    """The line in which an exception was raised, without the way there."""
    frames = traceback.extract_tb(trace)
    return f"{frames[-1].filename}:{frames[-1].lineno}: " if frames else ""
