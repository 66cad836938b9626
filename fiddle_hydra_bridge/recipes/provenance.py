"""Where the values of a composed config come from.

In comes a config that Hydra has composed, out goes a :class:`Provenance`: for every key the whole chain of settings,
each with its place, and the marks that a graph is made with. ``layers`` and ``replay`` stand above; ``compose`` stands
below. Hydra's result is the judge: a value that the replay does not arrive at has an unknown place.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from fiddle_hydra_bridge.convert import runtime
from fiddle_hydra_bridge.convert.paths import Path, format_path
from fiddle_hydra_bridge.convert.tree import Data, Mark, Marks, at
from fiddle_hydra_bridge.errors import ParameterError, Place, Problem, first_line
from fiddle_hydra_bridge.recipes.layers import layers_of
from fiddle_hydra_bridge.recipes.overrides import steps
from fiddle_hydra_bridge.recipes.replay import DELETED, INTERPOLATION, Node, Replay, Written, referenced

__all__ = ["UNKNOWN", "Explanation", "Provenance", "Setting", "existing"]

#: What is printed for a place that is not known.
UNKNOWN = "unknown"
#: Interpolations may lead to interpolations; longer chains than this are not followed.
_LONGEST_CHAIN = 16
#: What stands in a graph for a value that is not there.
_PLACEHOLDERS = frozenset({runtime.unresolved.__qualname__, runtime.missing.__qualname__})


@dataclass(frozen=True)
class Setting:
    """One time that a key was set.

    Attributes:
        value: the value as written: data, interpolations as text; ``DELETED`` for ``~key``.
        place: the line of a file, or the override that wrote it.
        config: the config that wrote it, e.g. ``model/llama3_tiny``; for an override its place again.
        brought_in: what chose that config: the entry of a defaults list or the override, then what chose the config
            in which the entry stands, and so on. Empty for the primary config and for overrides.
        won: whether this is the value that stands.
    """

    value: Data
    place: Place
    config: str
    brought_in: tuple[Place, ...]
    won: bool


@dataclass(frozen=True)
class Explanation:
    """Why a key has its value.

    Attributes:
        key: the config path, e.g. ``model.layers[0].dim``.
        written: the value as composed, interpolations as text.
        value: the value with interpolations resolved, or the written one where they do not resolve.
        problem: why they do not.
        place: where the value was written, None if unknown.
        settings: every time that the key was set, in order.
        points_to: for an interpolation, the explanations of the keys that it names.
    """

    key: str
    written: Data
    value: Any
    problem: str | None
    place: Place | None
    settings: tuple[Setting, ...]
    points_to: tuple[Explanation, ...]

    def __str__(self) -> str:
        return "\n".join(self._lines(""))

    def _lines(self, indent: str) -> Iterator[str]:
        yield f"{indent}{self.key} = {_shown(self.value)}" + (f"  ({self.problem})" if self.problem else "")
        if self.place is None:
            yield f"{indent}  {UNKNOWN}: {_shown(self.written)}"
        for setting in reversed(self.settings):
            by = "".join(f"\n{indent}      brought in by {place}" for place in setting.brought_in)
            note = "" if setting.won or setting.value is DELETED else "  (overridden)"
            yield f"{indent}  {setting.place}: {_shown(setting.value)}{note}{by}"
        for explanation in self.points_to:
            yield from explanation._lines(f"{indent}    ")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


class Provenance:
    """Where every value of a composed config comes from.

    Args:
        config: the config that Hydra has composed from ``config_name`` and ``overrides``.
        config_name: the primary config.
        overrides: the overrides.

    Attributes:
        config: the config.
        data: its data, interpolations as text.
    """

    def __init__(self, config: Any, config_name: str | None, overrides: Sequence[str]) -> None:
        self.config = config
        self.data: Data = OmegaConf.to_container(config, resolve=False)
        self._replay = Replay(layers_of(config_name, overrides))

    def place(self, path: Path) -> Place | None:
        """Returns where the value at a path was written, None if that is not known."""
        mark = _mark(self._replay.at(path), at(self.data, path, None))
        return Place(*mark) if mark is not None else None

    def written(self, path: Path) -> Data:
        """Returns what was written at a leaf whose place is known, before a structured config converted it."""
        node = self._replay.at(path)
        return at(self.data, path) if node is None else node.won.value

    def place_of_node(self, name: str, path: Path) -> Place | None:
        """Returns the place of the one node with this path at its end that calls a thing of this name.

        Args:
            name: the qualified name of the callable without its module, e.g. ``Model``; or that of a placeholder for a
                value that is missing or does not resolve.
            path: the end of the node's path, as somebody sees it who builds a part of the config.
        """
        is_leaf = name in _PLACEHOLDERS
        found = []
        pending: list[tuple[Path, Data]] = [((), self.data)]
        while pending:
            at, data = pending.pop()
            if type(data) in (dict, list):
                pending.extend(((*at, key), item) for key, item, _ in _pairs(data, None))
            if at[len(at) - len(path) :] == path:
                is_call = type(data) is dict and f".{data.get('_target_')}".endswith(f".{name}")
                if is_leaf and type(data) is str and ("${" in data or data == "???"):
                    found.append(at)
                elif is_call and not is_leaf:
                    found.append((*at, "_target_"))
        return self.place(found[0]) if len(found) == 1 else None

    def leaves(self) -> Iterator[tuple[Path, Place | None]]:
        """Yields the path of every leaf, empty containers among them, and where it was written."""
        pending: list[tuple[Path, Data, Node | None]] = [((), self.data, self._replay.root)]
        while pending:
            path, data, node = pending.pop()
            if type(data) in (dict, list) and data:
                pending.extend((((*path, key), item, below) for key, item, below in _pairs(data, node)))
            else:
                mark = _mark(node, data)
                yield path, Place(*mark) if mark is not None else None

    def marks(self, config: Any) -> tuple[Data, Marks]:
        """Returns the places as marks of plain data.

        Args:
            config: a part of the config that holds its keys, e.g. all of it without Hydra's own.

        Returns:
            the data of ``config``, and the marks of these data.
        """
        whole = OmegaConf.to_container(config, resolve=False)
        marks = Marks("", (0, 0))
        pending: list[tuple[Data, Node | None]] = [(whole, self._replay.root)]
        while pending:
            data, node = pending.pop()
            if type(data) in (dict, list):
                lines = marks.lines[id(data)] = {}
                for key, item, below in _pairs(data, node):
                    pending.append((item, below))
                    mark = _mark(below, item)
                    if mark is not None:
                        lines[key] = mark
        return whole, marks

    def earlier(self, path: Path) -> Iterator[tuple[Data, Mark]]:
        """Yields what was written at a leaf or list before the value that stands, and where."""
        node = self._replay.at(path)
        if node is not None and type(node.data) is not dict and _mark(node, at(self.data, path, None)) is not None:
            for written in node.written:
                if written is node.won:
                    break
                if written.value != "???":
                    yield written.value, written.mark

    def explain(self, key: str) -> Explanation:
        """Tells where a value comes from.

        Args:
            key: the config path, in Hydra's way or the bridge's: ``model.layers.0.dim``, ``model.layers[0].dim``.

        Raises:
            ParameterError: if the config has no such key, and never had.
        """
        if not key:
            raise ParameterError("give the key whose value is to be explained")
        return self._explain_steps(steps(key), _LONGEST_CHAIN)

    def _explain_steps(self, names: Sequence[Any], depth: int) -> Explanation:
        """Explains the key that steps lead to, also through interpolations on the way."""
        path, behind = self._path(names)
        explanation = self._explain(path, depth)
        is_followed = behind and depth and explanation.problem is None
        target = next(self._targets(at(self.data, path, None), path), None) if is_followed else None
        if target is None:
            return explanation
        reached = self._explain_steps([*target, *behind], depth - 1)
        key = format_path([*path, *behind])
        return replace(explanation, key=key, value=reached.value, problem=reached.problem, points_to=(reached,))

    def _explain(self, path: Path, depth: int) -> Explanation:
        node, data = self._replay.at(path), at(self.data, path, None)
        mark = _mark(node, data)
        written = self._replay.deleted.get(path, []) if node is None else node.written
        won = node.won if node is not None and mark is not None else None
        value, problem = self._resolved(path, data)
        return Explanation(
            format_path(path),
            data,
            value,
            problem,
            None if mark is None else Place(*mark),
            tuple(_setting(each, each is won) for each in written),
            tuple(self._explain(target, depth - 1) for target in self._targets(data, path)) if depth else (),
        )

    def _resolved(self, path: Path, data: Data) -> tuple[Any, str | None]:
        if type(data) is not str or "${" not in data:
            return data, None
        node = self.config
        try:
            for step in path[:-1]:
                node = node._get_node(step)
            return node[path[-1]], None
        except (OmegaConfBaseException, RecursionError) as error:
            return data, first_line(error)

    def _targets(self, data: Data, path: Path) -> Iterator[Path]:
        """The keys that an interpolation names."""
        for name in INTERPOLATION.findall(data) if type(data) is str else ():
            target = referenced(name, path)
            found = None if target is None else existing(self.data, target)
            if found is not None:
                yield found

    def _path(self, names: Sequence[Any]) -> tuple[Path, Sequence[Any]]:
        """Returns the path that steps lead to, up to an interpolation, and the steps that are left behind it."""
        path: list[object] = []
        data: Any = self.data
        for index, name in enumerate(names):
            step = _step(data, name)
            if step is None:
                if (*path, name) in self._replay.deleted:
                    return (*path, name), ()
                if type(data) is str and INTERPOLATION.fullmatch(data):
                    return tuple(path), names[index:]
                known = [str(each) for each in data] if type(data) is dict else []
                close = difflib.get_close_matches(name, known, n=1)
                hint = f" (did you mean {close[0]!r}?)" if close else ""
                where = f"{format_path(path)!r}" if path else "the config"
                problem = Problem(f"{where} has no key {name!r}{hint}", format_path([*path, name]), kind=ParameterError)
                raise ParameterError(problem)
            path.append(step)
            data = data[step]
        return tuple(path), ()


def _setting(written: Written, won: bool) -> Setting:
    value, mark, layer = written
    return Setting(
        value,
        Place(*mark),
        layer.name,
        tuple(Place(*each) for each in layer.brought_in),
        won,
    )


def existing(data: Data, path: Path) -> Path | None:
    """Returns the path of what a path means to Hydra, which takes "1" for the key 1, too; None if it means nothing."""
    found: list[object] = []
    for name in path:
        step = _step(data, name)
        if step is None:
            return None
        found.append(step)
        data = data[step]
    return tuple(found)


def _step(data: Data, name: Any) -> Any:
    """The key or index that a name means in data, None if there is none."""
    if type(data) is dict:
        if name in data:
            return name
        number = int(name) if isinstance(name, str) and name.lstrip("-").isdigit() else None
        return number if number in data else None
    if type(data) is list and str(name).isdigit() and int(name) < len(data):
        return int(name)
    return None


def _pairs(data: Any, node: Node | None) -> Iterator[tuple[Any, Data, Node | None]]:
    """Yields the keys and items of a container, each with the node that the replay has for it."""
    below = node.data if node is not None and type(node.data) is type(data) else None
    for key, item in data.items() if type(data) is dict else enumerate(data):
        if type(below) is dict:
            yield key, item, below.get(key)
        else:
            yield key, item, below[key] if below is not None and key < len(below) else None


def _mark(node: Node | None, data: Data) -> Mark | None:
    """Where a value was written; None unless the replay arrives at what Hydra has composed."""
    return node.won.mark if node is not None and _agrees(node.data, data) else None


def _agrees(replayed: Any, data: Data) -> bool:
    kind = type(data)
    if kind in (dict, list):
        return type(replayed) is kind and bool(replayed) == bool(data)
    if type(replayed) is kind:
        return bool(replayed == data) or (replayed != replayed and data != data)
    # Structured configs convert what is written: an int to a float, a name to an enum member, text to a path.
    if kind is float:
        return type(replayed) in (int, str) and str(data) == str(_as_float(replayed))
    if isinstance(data, Enum):
        return replayed in (data.name, data.value, str(data))
    return type(replayed) not in (dict, list) and str(replayed) == str(data)


def _as_float(value: Any) -> Any:
    try:
        return float(value)
    except ValueError:
        return None
