"""Recipes in Hydra's ConfigStore, by request.

In comes a recipe, out goes a stored structured config, made by ``structured``. ``registry`` stands beside: what is
registered there is on offer under ``fiddle://``, and evaluated when it is chosen.
"""

from __future__ import annotations

from typing import Any

from hydra.core.config_store import ConfigStore

from fiddle_hydra_bridge.recipes import structured
from fiddle_hydra_bridge.recipes.registry import checked_name, is_registering
from fiddle_hydra_bridge.recipes.spelling import call_recipe, spell

__all__ = ["store_recipe"]


def store_recipe(what: Any, *, group: str | None = None, name: str | None = None, package: str | None = None) -> None:
    """Stores a recipe in Hydra's ConfigStore, typed, e.g. as the schema of YAML files.

    It is evaluated at once, since a ConfigStore holds configs and not functions, and the store is copied to every job
    of a launcher. So this is a function of its own: ``register`` offers the same recipe without evaluating it, typed
    with ``typed=True``, and is as good in a defaults list. Do not do both under one name: Hydra 1.3 takes a stored
    config for the schema of another one of its name, with a warning.

    Args:
        what: a function that returns a graph, or a graph, which needs a ``name``.
        group: the config group, none by default.
        name: the name of the option, by default the function's.
        package: where Hydra places the config; by default where its group says.

    Raises:
        ParameterError: if the name is missing or no word.
        BridgeError: if the graph cannot be spelled as a config.

    Example:
        >>> import fiddle as fdl
        >>> from fractions import Fraction
        >>> store_recipe(fdl.Config(Fraction, numerator=1), group="docs_number", name="base")
        >>> ConfigStore.instance().load("docs_number/base.yaml").node
        {'_target_': 'fractions.Fraction', '_convert_': 'all', 'numerator': 1}
    """
    if not is_registering():
        return
    option = checked_name(what, group, name)
    own, data, _ = spell(call_recipe(what))
    node = structured.write(data, own)
    ConfigStore.instance().store(
        name=option, node=node, group=group or None, package=package, provider="fiddle_hydra_bridge"
    )
