"""Fiddle's Buildables, written from the tree.

In comes the tree, out goes a graph of ``fdl.Config``, ``fdl.Partial`` and ``fdl.ArgFactory``. ``buildables`` stands
above (signatures, fast making), ``targets`` is asked for every callable (and refuses what a graph may not call),
``values`` makes the values that calls of kind "value" spell. ``graph_reader`` is the way back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import fiddle as fdl
from fiddle import tagging

from fiddle_hydra_bridge.convert import buildables, runtime, targets, values
from fiddle_hydra_bridge.convert.buildables import Shape, shape_of
from fiddle_hydra_bridge.convert.histories import Location, add_history
from fiddle_hydra_bridge.convert.paths import format_path
from fiddle_hydra_bridge.convert.tree import MISSING, SCALAR_TYPES, SECTION, STRUCTURED, TAGGED, Call, Link, Tree, find
from fiddle_hydra_bridge.errors import (
    BridgeError,
    ParameterError,
    Place,
    Problem,
    RefusedTargetError,
    TargetError,
    UnsupportedValueError,
    in_order,
    raise_problems,
    suggestion,
)

__all__ = ["write"]


def write(
    tree: Tree,
    *,
    codecs: values.Codecs = values.BUILTIN,
    allow: tuple[str, ...] | None = None,
    missing: str = "error",
    config_cls: type[Any] = fdl.Config,
    partial_cls: type[Any] = fdl.Partial,
    location: Location | None = None,
    problems: Sequence[Problem] = (),
) -> Any:
    """Writes a tree as a graph.

    Args:
        tree: the tree.
        codecs: how calls of kind "value" are read.
        allow: the target patterns that are allowed, None for all that the target policy lets pass.
        missing: what becomes of a target that cannot be imported: "error", or "lazy" for a ``LazyTarget``.
        config_cls: the class of configs.
        partial_cls: the class of partials.
        location: what the history says of arguments without a line mark; None for no history.
        problems: what was found wrong before, to be raised together with what is found here.

    Raises:
        BridgeError: with every target and argument that is wrong, and its place.
    """
    writer = _Writer(codecs, allow, missing, config_cls, partial_cls, location)
    graph = writer.node(tree)
    raise_problems(in_order([*problems, *writer.placed_problems(tree)]))
    return graph


class _Writer:
    def __init__(
        self,
        codecs: values.Codecs,
        allow: tuple[str, ...] | None,
        missing: str,
        config_cls: type[Any],
        partial_cls: type[Any],
        location: Location | None,
    ) -> None:
        self.codecs = codecs
        self.allow = allow
        self.lazy = missing == "lazy"
        self.classes = {"config": config_cls, "partial": partial_cls, "factory": fdl.ArgFactory}
        self.location = location
        self.nodes: dict[int, Any] = {}
        self.functions: dict[str, Any] = {SECTION: runtime.section, STRUCTURED: runtime.structured}
        #: The call, the argument's key, and what is wrong with it.
        self.problems: list[tuple[Call, Any, Problem]] = []

    def node(self, tree: Tree) -> Any:
        """Writes any node outside the arguments of a call."""
        kind = type(tree)
        if kind is Call:
            known = self.nodes.get(id(tree))
            return self._call(tree) if known is None else known
        if kind is list:
            made = self.nodes.get(id(tree))
            if made is None:
                made = self.nodes[id(tree)] = []
                made.extend([item if type(item) in SCALAR_TYPES else self.node(item) for item in tree])
            return made
        if kind is dict:
            made = self.nodes.get(id(tree))
            if made is None:
                made = self.nodes[id(tree)] = {}
                for key, item in tree.items():
                    made[key] = item if type(item) in SCALAR_TYPES else self.node(item)
            return made
        if kind is Link:
            return self._link(tree)
        if tree is MISSING:
            return self._make(runtime.missing, {})
        return tree

    def _link(self, leaf: Link) -> Any:
        arguments: dict[int | str, Any] = {"expression": leaf.expression}
        if leaf.reason is not None:
            arguments["reason"] = leaf.reason
        return self._make(runtime.unresolved, arguments)

    def _call(self, call: Call) -> Any:
        if call.kind == "value":
            return self._value(call)
        if call.target == TAGGED:
            return self._tagged_value(call)
        function = self.functions.get(call.target)
        if function is None:
            function = self._function(call)
        shape = shape_of(function)
        arguments = self._bind(call, shape)
        placeholder = arguments is None
        if arguments is None:
            # The callable takes what its signature does not say: Fiddle sees a placeholder that takes anything.
            function = targets.LazyTarget(call.target, self.allow)
            shape = shape_of(function)
            arguments = self._bind(call, shape) or {}
        cls = self.classes[call.kind]
        if call.convert != "all" or (call.kind == "partial" and (placeholder or "self" in arguments)):
            cls = buildables.mode_class(cls, call.convert)
        return self._finish(call, cls, function, shape, arguments)

    def _finish(self, call: Call, cls: type[Any], function: Any, shape: Shape, arguments: dict[int | str, Any]) -> Any:
        made: dict[int | str, Any] = {}
        node = buildables.make(cls, function, shape, made)
        # Known before its arguments are made, so that a graph that contains itself ends.
        self.nodes[id(call)] = node
        for key, item in arguments.items():
            if type(item) in SCALAR_TYPES:
                made[key] = item
            elif item is not MISSING:
                made[key] = self.node(item)
            elif call.kind == "config" and key not in shape.required:
                # Left unset, the default would be used without a word.
                made[key] = self.node(MISSING)
        if call.tags is not None:
            self._set_tags(call, node, shape)
        if self.location is not None:
            add_history(node, function, made, call.marks, self.location)
        return node

    def _make(self, function: Any, arguments: dict[int | str, Any]) -> Any:
        return buildables.make(fdl.Config, function, shape_of(function), arguments)

    def _function(self, call: Call) -> Any:
        target = call.target
        if "${" in target or target == "???":
            function: Any = targets.LazyTarget(target, self.allow)
        else:
            try:
                function = targets.resolve_for_graph(target, self.allow).function
            except TargetError as error:
                function = targets.LazyTarget(target, self.allow)
                if isinstance(error, RefusedTargetError) or not self.lazy:
                    self._problem(call, "_target_", _with_advice(error))
        self.functions[target] = function
        return function

    def _bind(self, call: Call, shape: Shape) -> dict[int | str, Any] | None:
        """Gives each argument its place in the signature; None if the signature does not say how."""
        arguments: dict[int | str, Any] = {}
        if call.args:
            if _must_stay_positional(call) and shape.names_positional(len(call.args)):
                return None
            for index, item in enumerate(call.args):
                key = shape.key_at(index)
                if key is None:
                    if shape.takes_more():
                        return None
                    message = f"{shape.name} takes {shape.positional_count} positional arguments, got {len(call.args)}"
                    self._problem(call, "_args_", ParameterError(Problem(message, kind=ParameterError)))
                    break
                arguments[key] = item
                if call.marks is not None and index in call.marks:
                    call.marks.setdefault(key, call.marks[index])
        for name, item in call.kwargs.items():
            fit = shape.fit(name)
            if fit == "named" and name not in arguments:
                arguments[name] = item
            elif fit == "placeholder" or (fit == "unknown" and shape.takes_more()):
                return None
            elif fit == "named":
                self._parameter_problem(call, name, f"{shape.name} got two values for parameter {name!r}")
            else:
                hint = suggestion(name, shape.keyword_names)
                self._parameter_problem(call, name, f"{shape.name} has no parameter {name!r}{hint}")
        return arguments

    def _set_tags(self, call: Call, node: Any, shape: Shape) -> None:
        for name, paths in (call.tags or {}).items():
            key = shape.key_at(name) if isinstance(name, int) else name
            node.__argument_tags__[key] = {tag for path in paths if (tag := self._tag(call, name, path)) is not None}

    def _tag(self, call: Call, name: Any, path: str) -> Any:
        try:
            tag = targets.get_object(path, self.allow)
        except TargetError as error:
            self._problem(call, name, error)
            return None
        if not isinstance(tag, tagging.TagType):
            self._parameter_problem(call, name, f"{path} is no Fiddle tag")
            return None
        return tag

    def _tagged_value(self, call: Call) -> Any:
        tags = [tag for path in (call.tags or {}).get("value", ()) if (tag := self._tag(call, "value", path))]
        if not tags:
            self._parameter_problem(call, "tags", "a tagged value outside a call needs at least one tag")
            return None
        made = tagging.TaggedValue(tags)
        self.nodes[id(call)] = made
        if "value" in call.kwargs:
            made.value = self.node(call.kwargs["value"])
        return made

    def _value(self, call: Call) -> Any:
        """Makes the value that a call spells; a call whose arguments do not make one stays a call."""
        ready = Call(call.target, "value", [self._part(arg) for arg in call.args])
        ready.kwargs = {key: self._part(item) for key, item in call.kwargs.items()}
        try:
            made = values.decode(ready, self.codecs, self.allow)
        except RefusedTargetError as error:
            self._problem(call, "path" if "path" in call.kwargs else "_target_", error)
            return None
        except TargetError as error:
            if not self.lazy:
                self._problem(call, "path" if "path" in call.kwargs else "_target_", error)
            made = self._lazy_value(call)
        except (UnsupportedValueError, TypeError, ValueError, ArithmeticError, LookupError):
            # What Hydra would call in vain is called in vain here too: when the graph is built.
            made = self._lazy_value(call)
        self.nodes[id(call)] = made
        return made

    def _lazy_value(self, call: Call) -> Any:
        function = targets.LazyTarget(call.target, self.allow)
        arguments = self._bind(Call(call.target, "config", call.args, call.kwargs), shape_of(function))
        return self._finish(call, self.classes["config"], function, shape_of(function), arguments or {})

    def _part(self, tree: Tree) -> Any:
        """An argument of a value: the call inside a ``value`` node keeps its form."""
        if type(tree) is Call and tree.kind != "value":
            inner = Call(tree.target, tree.kind, [self.node(arg) for arg in tree.args])
            inner.kwargs = {key: self.node(item) for key, item in tree.kwargs.items()}
            return inner
        return self.node(tree)

    def _parameter_problem(self, call: Call, key: Any, message: str) -> None:
        self._problem(call, key, ParameterError(Problem(message, kind=ParameterError)))

    def _problem(self, call: Call, key: Any, error: BridgeError) -> None:
        self.problems.extend((call, key, problem) for problem in error.problems)

    def placed_problems(self, root: Tree) -> list[Problem]:
        """Returns all problems, each with the path and place of its argument."""
        found = []
        for call, key, problem in self.problems:
            path = find(root, call) or ()
            steps = (*path, key) if key is not None else path
            place = None
            if call.marks is not None and key in call.marks:
                place = Place(*call.marks[key])
            found.append(Problem(problem.message, format_path(steps), place, problem.hint, problem.kind))
        return found


def _with_advice(error: TargetError) -> TargetError:
    """Says what else can be done about a library that is not installed."""
    hint = "install it, or read the config with missing='lazy'"
    is_absent = isinstance(error.__cause__, ImportError) or "no module" in str(error)
    problems = [
        replace(problem, hint=hint)
        if is_absent and problem.hint is None and "did you mean" not in problem.message
        else problem
        for problem in error.problems
    ]
    return type(error)(problems)


def _must_stay_positional(call: Call) -> bool:
    """Whether it matters that Fiddle passes positional arguments by name.

    It is another partial; and under ``_convert_: none`` Hydra wraps what calls return only in ``_args_``.
    """
    return call.kind != "config" or (call.convert == "none" and any(type(arg) is Call for arg in call.args))
