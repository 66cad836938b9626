"""A copy of a graph that is edited in Hydra's terms.

In come the steps of override keys, out go the places that they name: ``overrides`` stands above and sets, merges and
deletes there. Containers are seen through ``views`` and Buildables through ``drafts``, which both stand below: what
was set on a Buildable is judged by its signature when the editor finishes.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import fiddle as fdl
from fiddle import daglish
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from fiddle_hydra_bridge.convert import graph_writer, hydra_reader, omegaconf_nodes, runtime
from fiddle_hydra_bridge.convert.histories import Location
from fiddle_hydra_bridge.convert.paths import Path
from fiddle_hydra_bridge.convert.tree import MISSING, Data
from fiddle_hydra_bridge.errors import BridgeError, ParameterError, Problem, first_line, raise_problems
from fiddle_hydra_bridge.recipes.drafts import Draft
from fiddle_hydra_bridge.recipes.views import (
    ABSENT,
    DictView,
    Root,
    Spot,
    View,
    container_view,
    is_link,
    is_missing,
    is_section,
    under,
)

__all__ = ["Editor", "read_value"]


def read_value(value: Any) -> Data:
    """Returns the value of an override as data: interpolations as links, ``???`` as ``MISSING``.

    Raises:
        ParameterError: if OmegaConf has no place for the value.
    """
    if value == "???":
        return MISSING
    if type(value) not in (dict, list) and not (type(value) is str and "${" in value):
        return value
    try:
        config = OmegaConf.create({"value": value})
        return omegaconf_nodes.read(config, links="keep")[0]["value"]
    except OmegaConfBaseException as error:
        raise ParameterError(Problem(first_line(error), kind=ParameterError)) from error


class Editor:
    """A copy of a graph that is being edited.

    Args:
        graph: the graph; it is not changed.
        allow: patterns of target paths that new values may name, None for all that the target policy lets pass.
        location: what the history says of changes.
    """

    def __init__(self, graph: Any, allow: tuple[str, ...] | None, location: Location) -> None:
        self.allow = allow
        self.location = location
        self.root = Root(copy.deepcopy(graph))
        self.drafts: dict[int, Draft] = {}
        #: Dicts that became call nodes, by their ids.
        self.calls: dict[int, tuple[dict[Any, Any], Any]] = {}

    def walk(self, steps: list[str], add: bool) -> Spot:
        """Finds the place that the steps of a key name.

        Args:
            steps: the steps; at least one.
            add: whether to make the mappings that are missing on the way.

        Raises:
            ParameterError: if there is none.
        """
        spot = Spot(self._root_view(), steps[0])
        for step in steps[1:]:
            value = spot.get()
            view = None if value is ABSENT else self.view(value, spot)
            if view is None:
                view = self._made(spot, value, add)
            spot = Spot(view, step)
        return spot

    def _root_view(self) -> View:
        value = self.root.value
        view = self.view(value, Spot(self.root, None))
        if view is None:
            raise ParameterError(f"a {type(value).__name__} has nothing to override")
        return view

    def _made(self, spot: Spot, value: Any, add: bool) -> View:
        """Makes a mapping on the way to a key that is added, where OmegaConf would."""
        plain = value is None or is_missing(value) or isinstance(value, str | int | float)
        if value is not ABSENT and not plain:
            kind = type(value).__name__
            raise spot.wrong(f"{str(spot)!r} is a {kind}, and keys do not reach into it", "give the value as a whole")
        if not add:
            if value is ABSENT and not spot.view.knows(spot.step):
                raise spot.unknown()
            state = "is not set" if value is ABSENT or is_missing(value) else f"is {value!r}"
            raise spot.wrong(f"{str(spot)!r} {state}", "write + in front to make a mapping of it")
        if value is ABSENT and not spot.view.grows:
            raise spot.unknown()
        spot.set(self.graph_of({}, spot))
        view = self.view(spot.get(), spot)
        assert view is not None
        return view

    def view(self, value: Any, spot: Spot) -> View | None:
        """Returns the view of a value that stands at a place, None for what has no parts.

        Raises:
            ParameterError: for a link, whose parts stand elsewhere.
        """
        if id(value) in self.calls:
            value = self.calls[id(value)][1]
        if isinstance(value, fdl.Buildable):
            return self._buildable_view(value, spot)
        return container_view(value, spot)

    def _buildable_view(self, node: Any, spot: Spot) -> View | None:
        if is_missing(node):
            return None
        if is_link(node):
            expression = node.__arguments__.get("expression")
            raise spot.wrong(
                f"{str(spot)!r} is the interpolation {expression!r}", "override what it reaches, or replace it first"
            )
        if fdl.get_callable(node) is runtime.structured:
            return DictView(node.__arguments__["entries"], spot)
        return self._draft(node, spot.path)

    def _draft(self, node: Any, path: Path) -> Draft:
        draft = self.drafts.get(id(node))
        if draft is None:
            try:
                draft = self.drafts[id(node)] = Draft(node, path, self.allow)
            except BridgeError as error:
                raise under(path, error) from error
        return draft

    def called(self, value: dict[Any, Any], spot: Spot) -> View:
        """Returns the view of a dict that is given a ``_target_``: it becomes a node, wherever it stands."""
        if id(value) not in self.calls:
            if not all(type(key) is str for key in value):
                raise spot.wrong("keys that are not strings cannot become arguments", f"delete it first: ~{spot}")
            self.calls[id(value)] = value, fdl.Config(runtime.section, **value)
        return self._draft(self.calls[id(value)][1], spot.path)

    def graph_of(self, data: Data, spot: Spot) -> Any:
        """Makes the graph of a value that is to stand at a place.

        Raises:
            BridgeError: with every problem of the value, under the path of the place.
        """
        try:
            tree = hydra_reader.read(data, convert=spot.view.convert, inside=spot.view.inside)
            return graph_writer.write(tree, allow=self.allow, location=self.location)
        except BridgeError as error:
            raise under(spot.path, error) from error

    def finish(self) -> Any:
        """Returns the edited graph.

        Raises:
            BridgeError: with every argument that does not fit its target's signature.
        """
        self._inherit_modes()
        problems: list[Problem] = []
        replaced = {key: node for key, (_, node) in self.calls.items()}
        below_calls: list[Any] = []
        for draft in self._live():
            if is_section(draft.node) and draft.target is not None:
                below_calls += [*draft.args, *draft.kwargs.values()]
            try:
                made = draft.commit(self.location)
            except BridgeError as error:
                problems.extend(under(draft.path, error).problems)
                continue
            if made is not draft.node:
                replaced[id(draft.node)] = made
        raise_problems(problems)
        # In Hydra's spelling a mapping below a call node is a dict.
        replaced |= {id(section): dict(section.__arguments__) for section in _sections_in(below_calls)}
        return _with_replaced(self.root.value, replaced) if replaced else self.root.value

    def _live(self) -> Iterator[Draft]:
        """Yields the drafts of nodes that are still in the graph; of the others nobody needs to hear."""
        pending = [self.root.value]
        seen: set[int] = set()
        while pending:
            value = pending.pop()
            if id(value) in self.calls:
                value = self.calls[id(value)][1]
            if id(value) in seen:
                continue
            seen.add(id(value))
            if id(value) in self.drafts:
                draft = self.drafts[id(value)]
                pending.extend(reversed([*draft.args, *draft.kwargs.values()]))
                yield draft
            elif isinstance(value, fdl.Buildable):
                pending.extend(value.__arguments__.values())
            elif isinstance(value, list | tuple):
                pending.extend(reversed(value))
            elif type(value) is dict:
                pending.extend(value.values())

    def _inherit_modes(self) -> None:
        """Hands a changed ``_convert_`` down to the nodes that say nothing else, as they would inherit it in Hydra."""
        pending = [draft for draft in self.drafts.values() if draft.convert != draft.convert_before]
        while pending:
            draft = pending.pop()
            for node in _nodes_in([*draft.args, *draft.kwargs.values()]):
                if is_link(node) or is_missing(node):
                    continue
                child = self._draft(node, draft.path)
                if child.convert == draft.convert_before == child.convert_before:
                    child.convert = draft.convert
                    pending.append(child)


def _with_replaced(graph: Any, replaced: dict[int, Any]) -> Any:
    def replace(value: Any, state: daglish.State) -> Any:
        while id(value) in replaced:
            value = replaced[id(value)]
        return state.map_children(value) if state.is_traversable(value) else value

    return daglish.MemoizedTraversal.run(replace, graph)


def _nodes_in(values: list[Any]) -> Iterator[Any]:
    """Yields the topmost Buildables in containers."""
    for value in values:
        if isinstance(value, fdl.Buildable):
            yield value
        elif type(value) is dict:
            yield from _nodes_in(list(value.values()))
        elif isinstance(value, list | tuple):
            yield from _nodes_in(list(value))


def _sections_in(values: list[Any]) -> Iterator[Any]:
    """Yields the sections among values, in lists of them, and among the entries of those sections."""
    for value in values:
        if is_section(value):
            yield value
            yield from _sections_in(list(value.__arguments__.values()))
        elif type(value) is list:
            yield from _sections_in(value)
