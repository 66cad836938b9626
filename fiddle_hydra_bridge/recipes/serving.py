"""A chosen recipe, served as a config.

In comes what ``listing`` or ``registry`` has found, out goes the DictConfig for ``config_source``. Only from here
recipes are imported and called; ``slots`` stands above and says what of a recipe is a choice of its own. What is served
is what a YAML file would hold, plain and untyped, or a structured config if the recipe asks to be typed.
"""

from __future__ import annotations

import dataclasses
import traceback
from types import TracebackType
from typing import Any

import hydra.errors
from omegaconf import DictConfig

from fiddle_hydra_bridge.convert import targets
from fiddle_hydra_bridge.errors import BridgeError
from fiddle_hydra_bridge.recipes.listing import Option, imports_of
from fiddle_hydra_bridge.recipes.registry import Entry, is_function, not_registering
from fiddle_hydra_bridge.recipes.slots import Offering, Offers, Slot
from fiddle_hydra_bridge.recipes.spelling import Names, call_recipe, spell_as_it_stands

__all__ = ["failed", "recipe_of", "serve"]


def serve(path: str, source: Offers, found: Option | Entry | None) -> tuple[DictConfig, str | None, Any, Names]:
    """Returns the config of a recipe, the package that it asks for, the recipe's graph, and its module's imports.

    Args:
        path: the config path that was asked for.
        source: the config source that was asked; the recipes of the same source are the options of slots.
        found: the recipe.

    Raises:
        ConfigCompositionException: if the recipe cannot be imported, called or spelled, with its place.
    """
    if found is None:
        raise hydra.errors.ConfigCompositionException(f"Recipe not found: {path!r} in {source}")
    try:
        recipe = recipe_of(found)
        if found.verbatim:
            graph, names = call_recipe(recipe), imports_of(recipe)
            return spell_as_it_stands(graph, names), found.package, graph, names
        offering = Offering(source)
        # One function may be on offer under two names, typed and untyped.
        served = dataclasses.replace(offering.serve(recipe), typed=found.typed)
        keys = list(offering.keys(recipe))
        # It may be a primary config, of which --help shows this.
        more = {"hydra": {"help": {"header": _help(keys)}}} if keys and "/" not in path else {}
        return served.config(more), found.package, served.graph, None
    except Exception as error:  # a recipe is user code; Hydra prints its own exceptions in one paragraph
        raise failed(path, found, error) from error


def failed(path: str, found: Option | Entry, error: Exception) -> hydra.errors.ConfigCompositionException:
    """Returns the error for a recipe that cannot be imported, called or spelled, with its place."""
    name = found.target if isinstance(found, Option) else _name(found.recipe)
    return hydra.errors.ConfigCompositionException(f"The recipe {path!r} ({name}) {_failure(error)}")


def _help(keys: list[tuple[str, Slot]]) -> str:
    """Returns Hydra's own head of ``--help``, and below it the keys of the slots, which Hydra does not show."""
    width = max(len(key) + len(slot.option) for key, slot in keys) + 1
    lines = [f"{f'{key}={slot.option}':<{width}}  any option of {slot.group}" for key, slot in keys]
    head = "${hydra.help.app_name} is powered by Hydra.\n\n== Slots ==\nChoose other parts (key=option)\n\n"
    return head + "\n".join(lines) + "\n"


def recipe_of(found: Option | Entry) -> Any:
    """Returns a recipe that was found, imported if need be.

    Raises:
        BridgeError: if its head says that it cannot be used, or it cannot be imported.
        Exception: what the import raises.
    """
    if isinstance(found, Entry):
        return found.recipe
    if found.problem is not None:
        raise BridgeError(found.problem)
    with not_registering():
        return targets.resolve(found.target, (found.target,)).function


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
