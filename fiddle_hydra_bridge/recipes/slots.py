"""Slots: parameters of a recipe whose defaults are recipes, as choices of Hydra's defaults list.

In comes a recipe and what is on offer beside it (:class:`Offers`, which ``config_source`` is); out comes the config
that ``serving`` hands to Hydra: a defaults list that puts each slot's option where its graph sits in the recipe's
result, and below it what the recipe itself adds or changes. ``spelling`` stands above: it spells graphs.

The recipe is called with probes in the place of the recipes that it calls, so that it is known which part of its
result each has given. A parameter is a slot only if composing gives the recipe's own graph again, for every option of
its group: Hydra merges, and some of what a function can do is no merge. Otherwise the parameter stays as it is, and
``Served.refusals`` says why.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

from fiddle.experimental import auto_config
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from fiddle_hydra_bridge.convert import omegaconf_nodes
from fiddle_hydra_bridge.convert.compare import first_difference, same_graph
from fiddle_hydra_bridge.convert.paths import Path, format_path
from fiddle_hydra_bridge.convert.tree import MISSING, Data
from fiddle_hydra_bridge.errors import first_line
from fiddle_hydra_bridge.recipes import structured
from fiddle_hydra_bridge.recipes.merging import NotPlainError, merged, overlay, put
from fiddle_hydra_bridge.recipes.registry import is_function
from fiddle_hydra_bridge.recipes.spelling import call_recipe, spell

__all__ = ["Offering", "Offers", "Served", "Slot", "key_of"]

#: A step of a package.
_NAME = re.compile(r"[\w-]+")


class Offers(Protocol):
    """What is on offer beside a recipe."""

    def path_of(self, recipe: Any) -> str | None:
        """Returns the config path under which a function is on offer, if it is not served verbatim."""

    def is_typed(self, path: str) -> bool:
        """Whether the recipe of a config path is served as a structured config."""

    def recipes_in(self, group: str) -> Iterator[tuple[str, Any]]:
        """Yields the names and the recipes of a group, but for those that cannot be imported."""


@dataclass(frozen=True)
class Slot:
    """A parameter that is a choice.

    Attributes:
        parameter: its name in the recipe.
        group: the config group of its options.
        option: the name of the option that is its default.
        recipe: the recipe that is its default.
    """

    parameter: str
    group: str
    option: str
    recipe: Any


@dataclass(frozen=True)
class Served:
    """A recipe as a config.

    Attributes:
        graph: what it returns.
        own: what the recipe says to Hydra itself: its own ``defaults`` and ``hydra``.
        data: the whole config, as Hydra composes it from the rest.
        places: the slots, and where each stands in the config.
        rest: what stands in the recipe's own config, below its defaults list.
        refusals: the parameters that are no slots, with the reasons.
        typed: whether it is to be a structured config.
    """

    graph: Any
    own: dict[str, Data]
    data: dict[str, Data]
    places: dict[Slot, Path] = field(default_factory=dict)
    rest: dict[str, Data] = field(default_factory=dict)
    refusals: dict[str, str] = field(default_factory=dict)
    typed: bool = False

    def config(self, more: dict[str, Data]) -> DictConfig:
        """Returns the recipe's own config.

        Args:
            more: what else it shall say to Hydra itself.
        """
        return self.written(self.rest_or_data, {**merged(more, self.own), **self._defaults()})

    def written(self, data: dict[str, Data], own: dict[str, Data]) -> DictConfig:
        """Writes data, and what speaks to Hydra itself, as a config of the kind that the recipe asks for."""
        if self.typed:
            return structured.write(data, own)
        config: DictConfig = omegaconf_nodes.write({**own, **data})
        return config

    @property
    def rest_or_data(self) -> dict[str, Data]:
        """What the recipe's own config holds, but for what it says to Hydra."""
        if not self.places:
            return self.data
        if not self.typed:
            return self.rest
        # The field that a slot fills must be there, and say nothing of its own.
        fields: dict[str, Data] = functools.reduce(merged, (put(MISSING, path) for path in self.places.values()))
        return cast("dict[str, Data]", merged(fields, self.rest))

    def _defaults(self) -> dict[str, Data]:
        if not self.places:
            return {}
        choices: list[Data] = [
            {f"/{slot.group}@{'.'.join(map(str, path)) or '_here_'}": slot.option} for slot, path in self.places.items()
        ]
        more = self.own.get("defaults", [])
        # What the recipe itself says comes last, since it says it of the parts that it was given.
        defaults = [*choices, *more, *(() if "_self_" in more else ("_self_",))]
        return {"defaults": defaults}


def key_of(slot: Slot, place: Path) -> str:
    """Returns the key that chooses another option on the command line.

    >>> slot = Slot("optim", "optim", "adam", None)
    >>> key_of(slot, ("optim",)), key_of(slot, ("training", "optim"))
    ('optim', 'optim@training.optim')
    """
    package = ".".join(map(str, place))
    return slot.group if package == slot.group.replace("/", ".") else f"{slot.group}@{package or '_global_'}"


class Offering:
    """The recipes of one question of Hydra's, each called as often as it must be.

    Args:
        offers: what is on offer.
    """

    def __init__(self, offers: Offers) -> None:
        self.offers = offers
        #: By the id of a recipe; the recipe is kept, since ids of dead objects come again.
        self._served: dict[int, tuple[Any, Served]] = {}
        #: The recipes that are being looked at, by id. One that takes an option of its own group meets itself.
        self._open: set[int] = set()
        self._recipes: dict[str, list[tuple[str, Any]]] = {}

    def serve(self, recipe: Any) -> Served:
        """Returns a recipe as a config.

        Raises:
            BridgeError: if its graph cannot be spelled.
            Exception: what the recipe raises.
        """
        if id(recipe) not in self._served:
            self._open.add(id(recipe))
            try:
                self._served[id(recipe)] = recipe, self._serve(recipe)
            finally:
                self._open.discard(id(recipe))
        return self._served[id(recipe)][1]

    def options(self, slot: Slot) -> Iterator[tuple[str, Any]]:
        """Yields the names and recipes that may be chosen for a slot, in the place of its default."""
        if slot.group not in self._recipes:
            self._recipes[slot.group] = list(self.offers.recipes_in(slot.group))
        for name, option in self._recipes[slot.group]:
            if option is not _unbound(slot.recipe) and id(option) not in self._open and self._works(option):
                yield name, option

    def keys(self, recipe: Any, above: Path = ()) -> Iterator[tuple[str, Slot]]:
        """Yields the slots of a recipe and of their options, with the keys that choose others.

        Args:
            recipe: the recipe.
            above: where it stands.
        """
        for slot, path in self.serve(recipe).places.items():
            yield key_of(slot, (*above, *path)), slot
            yield from self.keys(slot.recipe, (*above, *path))

    def _serve(self, recipe: Any) -> Served:
        refusals: dict[str, str] = {}
        slots = []
        for parameter, default, path in self._choices(recipe):
            group, _, option = path.rpartition("/")
            if group:
                slots.append(Slot(parameter, group, option, default))
            else:
                refusals[parameter] = f"{path!r} is in no group, so that nothing else could be chosen"
        while True:
            try:
                call = _Call(self, recipe, slots)
                call.check()
                own, data, places = call.spelled()
                self._check_keys(recipe, places)
                rest = overlay(self._options(places), data)
                self._check_options(recipe, places, rest)
                served = Served(call.graph, own, data, places, rest, refusals, self._is_typed(recipe))
                self._check_types(served)
                return served
            except NotPlainError as problem:
                refused, reason = _around(problem.path, places), str(problem)
            except _NoSlotError as error:
                refused, reason = error.slots, str(error)
            except Exception as error:  # a recipe is user code, and it did not expect the probes
                if not slots:
                    raise
                refused, reason = slots, f"with slots, the recipe fails: {type(error).__name__}: {first_line(error)}"
            refusals |= {slot.parameter: reason for slot in refused}
            slots = [slot for slot in slots if slot not in refused]

    def _choices(self, recipe: Any) -> Iterator[tuple[str, Any, str]]:
        """Yields the parameters whose defaults are recipes on offer, the defaults, and their config paths."""
        if not is_function(recipe) or auto_config.is_auto_config(recipe):
            return
        for name, parameter in inspect.signature(recipe).parameters.items():
            default = parameter.default
            if default is not inspect.Parameter.empty and is_function(default) and default is not recipe:
                path = self.offers.path_of(_unbound(default))
                if path is not None:
                    yield name, default, path

    def _options(self, places: dict[Slot, Path], chosen: dict[str, Any] | None = None) -> dict[str, Data]:
        """Returns what Hydra composes from the options of the slots alone."""
        composed: dict[str, Data] = {}
        for slot, path in places.items():
            option = self.serve((chosen or {}).get(slot.parameter, slot.recipe))
            if option.own:
                raise _NoSlotError([slot], f"an option says something to Hydra itself: {', '.join(option.own)}")
            composed = merged(composed, put(option.data, path))
        return composed

    def _check_keys(self, recipe: Any, places: dict[Slot, Path]) -> None:
        """Checks that no two choices have one key: that of the recipe itself, its slots, those of their options."""
        group = (self.offers.path_of(_unbound(recipe)) or "").rpartition("/")[0]
        keys = {key_of(slot, path) for slot, path in places.items()}
        for slot, path in places.items():
            if not path and slot.group == group:
                raise _NoSlotError([slot], f"it is all of an option of {group!r}, its own group")
            for key, inner in self.keys(slot.recipe, path):
                if key in keys:
                    reason = f"its own slot {inner.parameter!r} sits where another parameter is put: {key}"
                    raise _NoSlotError([slot], reason)

    def _check_options(self, recipe: Any, places: dict[Slot, Path], rest: dict[str, Data]) -> None:
        """Checks that every other option gives the same by merging as the recipe gives with it in Python."""
        for slot in places:
            for name, option in self._others(slot):
                try:
                    self._check_option(recipe, places, rest, {slot.parameter: option})
                except Exception as error:  # the recipe is user code
                    raise _NoSlotError([slot], f"with {name!r}: {first_line(error)}") from error

    def _others(self, slot: Slot) -> Iterator[tuple[str, Any]]:
        """Yields what else may be chosen for a slot: other options, and the default with others in slots of its own."""
        yield from self.options(slot)
        for inner in self.serve(slot.recipe).places:
            for name, option in self._others(inner):
                yield f"{inner.parameter}={name}", functools.partial(slot.recipe, **{inner.parameter: option})

    def _check_option(
        self, recipe: Any, places: dict[Slot, Path], rest: dict[str, Data], chosen: dict[str, Any]
    ) -> None:
        call = _Call(self, recipe, places, chosen)
        call.check()
        _, data, new_places = call.spelled()
        if new_places != places:
            raise _NoSlotError(list(places), "the recipe puts it elsewhere")
        difference = first_difference(merged(self._options(places, chosen), rest), data)
        if difference is not None:
            raise _NoSlotError(list(places), f"composing gives another config than the recipe: {difference}")

    def _is_typed(self, recipe: Any) -> bool:
        path = self.offers.path_of(_unbound(recipe))
        return path is not None and self.offers.is_typed(path)

    def _check_types(self, served: Served) -> None:
        """Checks that structured configs let the recipe change its parts as it does."""
        if not served.places:
            return
        self._check_merge(served, list(served.places), {})
        for slot in served.places:
            for _, option in self.options(slot):
                self._check_merge(served, [slot], {slot.parameter: option})

    def _check_merge(self, served: Served, slots: list[Slot], chosen: dict[str, Any]) -> None:
        options = [self.serve(chosen.get(slot.parameter, slot.recipe)) for slot in served.places]
        if not any(each.typed for each in (served, *options)):
            return
        try:
            self._composed(served, chosen)
        except OmegaConfBaseException as error:
            raise _NoSlotError(
                slots, f"a typed config does not take what the recipe sets: {first_line(error)}"
            ) from error

    def composed(self, recipe: Any, chosen: dict[str, Any] | None = None) -> DictConfig:
        """Returns the whole config as Hydra must compose it.

        Args:
            recipe: the recipe.
            chosen: recipes for parameters that are slots, in the place of their defaults.
        """
        return self._composed(self.serve(recipe), chosen or {})

    def _composed(self, served: Served, chosen: dict[str, Any]) -> DictConfig:
        whole = OmegaConf.create()
        for slot, path in served.places.items():
            option: Any = self.composed(chosen.get(slot.parameter, slot.recipe))
            whole.merge_with(put(option, path))
        whole.merge_with(served.written(served.rest_or_data, {}))
        return whole

    def _works(self, option: Any) -> bool:
        try:
            self.serve(option)
        except Exception:  # an option is user code: choosing it is an error of its own
            return False
        return True


def _unbound(recipe: Any) -> Any:
    """Returns the recipe that a partial of one calls."""
    return _unbound(recipe.func) if isinstance(recipe, functools.partial) else recipe


class _NoSlotError(Exception):
    """Parameters that cannot be slots, and why."""

    def __init__(self, slots: Iterable[Slot], reason: str) -> None:
        super().__init__(reason)
        self.slots = list(slots)


def _position(data: Data, path: Path) -> list[int]:
    """Returns what places of a config are sorted by."""
    position = []
    for step in path:
        position.append(list(data).index(step))
        data = data[step]
    return position


def _around(path: Path, places: dict[Slot, Path]) -> list[Slot]:
    """Returns the slots that a place of the config lies in; all of them if it lies in none."""
    return [slot for slot, place in places.items() if path[: len(place)] == place] or list(places)


class _Call:
    """A call of a recipe with probes for its slots.

    Args:
        offering: what is on offer.
        recipe: the recipe.
        slots: its slots.
        chosen: recipes for parameters, in the place of their defaults.
        arguments: what else the recipe is called with.
    """

    def __init__(
        self,
        offering: Offering,
        recipe: Any,
        slots: Iterable[Slot],
        chosen: dict[str, Any] | None = None,
        arguments: inspect.BoundArguments | None = None,
    ) -> None:
        self.recipe = recipe
        self.chosen = chosen or {}
        given = arguments.arguments if arguments is not None else {}
        self.probes = {
            slot: _Probe(offering, self.chosen.get(slot.parameter, slot.recipe))
            for slot in slots
            if slot.parameter not in given
        }
        probes = {slot.parameter: probe for slot, probe in self.probes.items()}
        if arguments is None:
            self.graph = recipe(**probes) if probes else call_recipe(recipe)
        else:
            arguments.arguments.update(probes)
            self.graph = recipe(*arguments.args, **arguments.kwargs)

    def check(self) -> None:
        """Checks that each slot was called once, and that the probes have changed nothing.

        Raises:
            _NoSlotError: if not.
        """
        for slot, probe in self.probes.items():
            if not probe.calls:
                raise _NoSlotError([slot], "the recipe does not call it")
            if len(probe.calls) > 1:
                hint = "call it once, and use the result at every place"
                raise _NoSlotError([slot], f"the recipe calls it more than once: {hint}")
        if self.probes and not same_graph(self.recipe(**self.chosen), self.graph):
            raise _NoSlotError(self.probes, "the recipe looks at the function itself")

    def spelled(self) -> tuple[dict[str, Data], dict[str, Data], dict[Slot, Path]]:
        """Returns what the graph says to Hydra itself, its spelling, and the places of the slots in that.

        Raises:
            _NoSlotError: if a slot has no place that a defaults list could name.
        """
        own, data, found = spell(self.graph, self.roots())
        places: dict[Slot, Path] = {}
        for slot, probe in self.probes.items():
            path = found.get(id(probe.calls[0].graph))
            if path is None:
                raise _NoSlotError([slot], "its graph is no part of the result: it was copied, or only looked at")
            if not all(isinstance(step, str) and _NAME.fullmatch(step) for step in path) or "_args_" in path:
                raise _NoSlotError([slot], f"no defaults list can name its place: {format_path(path)}")
            places[slot] = path
        # Hydra puts entries where it meets them first.
        return own, data, dict(sorted(places.items(), key=lambda item: _position(data, item[1])))

    def roots(self) -> Iterator[Any]:
        """Yields the graphs that slots have given, those of slots in slots included."""
        for probe in self.probes.values():
            for call in probe.calls:
                yield call.graph
                yield from call.roots()


class _Probe:
    """A recipe in the place of another, that remembers its calls."""

    def __init__(self, offering: Offering, recipe: Any) -> None:
        functools.update_wrapper(self, recipe)
        self._offering = offering
        self._recipe = recipe
        self.calls: list[_Call] = []

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        slots = self._offering.serve(self._recipe).places
        call = _Call(
            self._offering, self._recipe, slots, arguments=inspect.signature(self._recipe).bind(*args, **kwargs)
        )
        self.calls.append(call)
        return call.graph
