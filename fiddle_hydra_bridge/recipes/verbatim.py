"""What a ``verbatim`` recipe says, as data: what a YAML file with the same words would hold.

In comes the graph of a recipe, out go dicts, lists and scalars for ``serving``. Nothing is added: no ``_convert_``, no
``???`` for what is left out; dicts are mappings, text is text as in YAML, entries keep their order.
"""

from __future__ import annotations

import types
from typing import Any

import fiddle as fdl

from fiddle_hydra_bridge.convert import buildables, omegaconf_nodes, runtime, targets
from fiddle_hydra_bridge.convert.bridge import to_data
from fiddle_hydra_bridge.convert.callables import is_same
from fiddle_hydra_bridge.convert.histories import marks_of
from fiddle_hydra_bridge.convert.paths import Path, format_path
from fiddle_hydra_bridge.convert.tree import SCALAR_TYPES, Data, Marks
from fiddle_hydra_bridge.errors import Problem, UnsupportedValueError, raise_problems
from fiddle_hydra_bridge.recipes.call_node import Control, controls_of

__all__ = ["spell_verbatim"]


def spell_verbatim(graph: Any, names: dict[str, Any], marks: Marks | None = None) -> Data:
    """Spells a graph as it stands.

    Args:
        graph: dicts, lists, Buildables, and values that the codecs know.
        names: by dotted path, what the module of the recipe has imported: a target is spelled by the path that its
            module names, which need not be the place where it is defined.
        marks: where to note the lines of Python that set the entries of Buildables.

    Raises:
        BridgeError: for what has no spelling, and for instances that are met twice, which Hydra would build twice.
    """
    speller = _Speller(names, marks)
    data = speller.node(graph, ())
    raise_problems(speller.problems)
    return data


class _Speller:
    def __init__(self, names: dict[str, Any], marks: Marks | None) -> None:
        self.names = names
        self.marks = marks
        self.seen: dict[int, tuple[Any, Path]] = {}
        self.problems: list[Problem] = []

    def node(self, value: Any, path: Path) -> Data:
        kind = type(value)
        if kind in SCALAR_TYPES or omegaconf_nodes.is_native(value):
            return value
        if kind is dict:
            return {key: self.node(item, (*path, key)) for key, item in value.items()}
        if kind is list:
            return [self.node(item, (*path, index)) for index, item in enumerate(value)]
        if isinstance(value, fdl.Buildable):
            return self._buildable(value, path)
        return to_data([value])[0]

    def _buildable(self, node: Any, path: Path) -> Data:
        function = fdl.get_callable(node)
        if function is runtime.missing:
            return "???"
        if function is runtime.unresolved:
            return node.__arguments__["expression"]
        if id(node) in self.seen:
            first = format_path(self.seen[id(node)][1])
            message = f"this instance stands at {first}, too: as in YAML, it would be built twice"
            self._problem(path, message, "make it twice, or drop verbatim=True from the recipe, so that it is shared")
        self.seen[id(node)] = (node, path)
        if buildables.tags_of(node) or isinstance(node, fdl.ArgFactory):
            self._problem(
                path, "tags and argument factories have no words in YAML", "drop verbatim=True from the recipe"
            )
        controls = controls_of(node)
        if controls is None:
            controls = self._implied(node, function)
        return self._entries(node, function, controls, path)

    def _implied(self, node: Any, function: Any) -> tuple[Control, ...]:
        """The control keys of a Buildable that was not made as a node."""
        if function is runtime.section:
            return ()
        controls = [Control("_target_", None, 0)]
        if isinstance(node, fdl.Partial):
            controls.append(Control("_partial_", True, 0))
        if any(type(key) is int for key in node.__arguments__):
            controls.append(Control("_args_", None, 0))
        return tuple(controls)

    def _entries(self, node: Any, function: Any, controls: tuple[Control, ...], path: Path) -> Data:
        arguments = {key: item for key, item in node.__arguments__.items() if type(key) is str}
        data: dict[str, Data] = {}
        if self.marks is not None:
            self.marks.lines[id(data)] = marks_of(node, {})
        pending = list(controls)

        def add_controls(before: int | None) -> None:
            while pending and (before is None or pending[0].before <= before):
                control = pending.pop(0)
                data[control.key] = self._control(node, function, control, path)

        for index, (key, item) in enumerate(arguments.items()):
            add_controls(index)
            data[key] = self.node(item, (*path, key))
        add_controls(None)
        return data

    def _control(self, node: Any, function: Any, control: Control, path: Path) -> Data:
        if control.key == "_target_":
            return self._path(function)
        if control.key != "_args_" or control.value is not None:
            return control.value
        positional = sorted(key for key in node.__arguments__ if type(key) is int)
        return [self.node(node.__arguments__[key], (*path, "_args_", key)) for key in positional]

    def _path(self, function: Any) -> str:
        """The dotted path of a target: as the module of the recipe names it, otherwise where it is defined."""
        for path, found in self.names.items():
            if is_same(found, function):
                return path
        # What is imported may be the class or the module that holds the target.
        for path, found in self.names.items():
            tail = _tail(found, getattr(function, "__qualname__", ""), function)
            if tail is not None:
                return f"{path}.{tail}"
        return targets.path_of(function)

    def _problem(self, path: Path, message: str, hint: str) -> None:
        self.problems.append(Problem(message, format_path(path), None, hint, UnsupportedValueError))


def _tail(owner: Any, qualname: Any, function: Any) -> str | None:
    """Returns by which attributes of a class or module a target is reached, None if it is not."""
    if not isinstance(owner, type | types.ModuleType) or not isinstance(qualname, str):
        return None
    steps = qualname.split(".")
    for start in range(len(steps)):
        reached: Any = owner
        for step in steps[start:]:
            reached = getattr(reached, step, None)
        if is_same(reached, function):
            return ".".join(steps[start:])
    return None
