"""``fhb.check_recipes``: the proof that recipes mean on Hydra's command line what they mean in Python.

In comes a module of recipes; out comes nothing, or an error with all that is wrong. Every recipe is composed by Hydra
itself, with its defaults and with every option of its slots, and compared with what the function returns. ``slots``
stands above and decides what is a slot; it does so by merging plain data, which is checked here against Hydra.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

from hydra.core.object_type import ObjectType
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf

from fiddle_hydra_bridge.convert.compare import first_difference
from fiddle_hydra_bridge.errors import BridgeError, ParameterError, Problem, raise_problems
from fiddle_hydra_bridge.recipes.compose import traced
from fiddle_hydra_bridge.recipes.config_source import RecipeSource
from fiddle_hydra_bridge.recipes.serving import failed, recipe_of, serve
from fiddle_hydra_bridge.recipes.slots import Offering, key_of

__all__ = ["check_recipes"]

#: Where options of a group are composed.
_PLACE = "checked"


def check_recipes(module: ModuleType | str) -> None:
    """Checks all recipes of a module or package; made for a test of one line.

    A recipe must be callable, have a spelling, and give the same config on Hydra's command line as in Python: with its
    defaults, and with every option of every slot. A parameter whose default is a recipe on offer must be a slot.

    Args:
        module: the module, or its dotted name.

    Raises:
        BridgeError: with everything that is wrong, by the config path of the recipe.
        ParameterError: if there are no recipes.

    Example:
        >>> def test_recipes():
        ...     check_recipes("my_pkg.recipes")
    """
    name = module.__name__ if isinstance(module, ModuleType) else module
    source = RecipeSource("check_recipes", f"fiddle://{name}")
    paths = list(_paths(source, ""))
    if not paths:
        raise ParameterError(f"there are no recipes in {name!r}")
    offering = Offering(source)
    raise_problems([Problem(problem, path) for path in paths for problem in _problems(source, offering, path)])


def _paths(source: RecipeSource, group: str) -> Iterator[str]:
    prefix = f"{group}/" if group else ""
    for name in source.list(group, ObjectType.CONFIG):
        yield prefix + name
    for name in source.list(group, ObjectType.GROUP):
        yield from _paths(source, prefix + name)


def _problems(source: RecipeSource, offering: Offering, path: str) -> Iterator[str]:
    found = source.find(path)
    if found is None:
        return
    if found.verbatim:
        # It is served as it stands, whatever Hydra makes of it.
        try:
            serve(path, source, found)
        except HydraException as error:
            yield str(error)
        return
    try:
        recipe = recipe_of(found)
        served = offering.serve(recipe)
        served.config({})
    except Exception as error:  # a recipe is user code
        yield str(failed(path, found, error))
        return
    for parameter, reason in served.refusals.items():
        yield f"its parameter {parameter!r} is no slot: {reason}"
    if "defaults" in served.own:
        return  # it composes more than its function returns
    yield from _differences(source, path, [], offering.composed(recipe))
    for slot, place in served.places.items():
        key = key_of(slot, (_PLACE, *place) if "/" in path else place)
        for name, option in offering.options(slot):
            expected = offering.composed(recipe, {slot.parameter: option})
            yield from _differences(source, path, [f"{key}={name}"], expected)


def _differences(source: RecipeSource, path: str, overrides: list[str], expected: DictConfig) -> Iterator[str]:
    """Yields how what Hydra composes differs from what the recipe gives."""
    group, _, name = path.rpartition("/")
    choice = " ".join(["", *overrides])
    config_name, wanted = (None, [f"+{group}@{_PLACE}={name}", *overrides]) if group else (path, overrides)
    try:
        with traced(config_name, wanted, config_module=source.full_path()) as composed:
            config = _plain(composed.config)
    except (HydraException, BridgeError) as error:
        yield f"Hydra cannot compose it{choice}: {error}"
        return
    del config["hydra"]
    difference = first_difference(config[_PLACE] if group else config, _plain(expected))
    if difference is not None:
        yield f"on the command line{choice} it is another config than in Python: {difference}"


def _plain(config: Any) -> Any:
    return OmegaConf.to_container(config)
