"""Fiddle's Buildables, read into the tree and written from it. The only eager importer of fiddle.

On one side stand graphs of ``fdl.Config``, ``fdl.Partial`` and ``fdl.ArgFactory`` and of plain containers, on the
other the tree. ``buildables`` stands above (signatures, classes and fast making of Buildables), ``targets`` is asked
for every callable, ``values`` for every leaf that YAML cannot hold; ``bridge`` joins this spoke with ``hydra_data``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import fiddle as fdl
from fiddle import tagging

from fiddle_hydra_bridge.convert import buildables, runtime, targets, values
from fiddle_hydra_bridge.convert.buildables import Location, Shape, shape_of
from fiddle_hydra_bridge.convert.paths import Path, format_path
from fiddle_hydra_bridge.convert.tree import MISSING, SECTION, STRUCTURED, TAGGED, Call, Link, Tree, find
from fiddle_hydra_bridge.errors import (
    BridgeError,
    ParameterError,
    Place,
    Problem,
    RefusedTargetError,
    TargetError,
    UnsupportedValueError,
    raise_problems,
    suggestion,
)

__all__ = ["read", "write"]

_LEAVES = frozenset({int, float, bool, type(None)})


def read(
    graph: Any,
    *,
    codecs: values.Codecs = values.BUILTIN,
    defaults: str = "set",
    links: list[tuple[Any, Link]] | None = None,
) -> Tree:
    """Reads a graph into a tree.

    Args:
        graph: a Buildable, or lists and dicts of them.
        codecs: how values that YAML cannot hold are spelled.
        defaults: "set" for the arguments that are set, "all" also for the defaults of the others that can be
            spelled.
        links: where to note each link of the graph and its leaf in the tree.

    Raises:
        BridgeError: with every value and target that cannot be spelled, and its path.
    """
    reader = _Reader(codecs, defaults == "all")
    if links is not None:
        reader.links = links
    tree = reader.node(graph, ())
    raise_problems(reader.problems)
    return tree


def write(
    tree: Tree,
    *,
    codecs: values.Codecs = values.BUILTIN,
    allow: tuple[str, ...] | None = None,
    missing: str = "error",
    config_cls: type[Any] = fdl.Config,
    partial_cls: type[Any] = fdl.Partial,
    location: Location | None = None,
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

    Raises:
        BridgeError: with every target and argument that is wrong, and its place.
    """
    writer = _Writer(codecs, allow, missing, config_cls, partial_cls, location)
    graph = writer.node(tree)
    writer.raise_problems(tree)
    return graph


class _Reader:
    def __init__(self, codecs: values.Codecs, all_defaults: bool) -> None:
        self.codecs = codecs
        self.all_defaults = all_defaults
        self.nodes: dict[int, Tree] = {}
        self.kept: list[Any] = []
        self.links: list[tuple[Any, Link]] = []
        self.problems: list[Problem] = []

    def node(self, value: Any, path: Path) -> Tree:
        kind = type(value)
        if kind in _LEAVES or (kind is str and values.is_leaf(value)):
            return value
        known = self.nodes.get(id(value))
        if known is not None:
            return known
        if isinstance(value, fdl.Buildable):
            return self._buildable(value, path)
        if kind is list:
            return self._list(value, path)
        if kind is dict and values.plain_dict(value):
            return self._dict(value, path)
        return self._value(value, path)

    def _list(self, value: list[Any], path: Path) -> Tree:
        tree: list[Tree] = []
        self._keep(value, tree)
        tree.extend(self.node(item, (*path, index)) for index, item in enumerate(value))
        return tree

    def _dict(self, value: dict[str, Any], path: Path) -> Tree:
        tree: dict[str, Tree] = {}
        self._keep(value, tree)
        for key, item in value.items():
            tree[key] = self.node(item, (*path, key))
        return tree

    def _value(self, value: Any, path: Path) -> Tree:
        codec = self.codecs.for_value(value)
        try:
            call = values.encode(value, lambda child: self.node(child, path), self.codecs)
        except BridgeError as error:
            self._problem(error, path)
            return None
        if call is None or codec is None:
            self._problem(values.no_spelling(value), path)
            return None
        if codec.mutable:
            self._keep(value, call)
        return call

    def _keep(self, value: Any, tree: Tree) -> None:
        """Remembers what a value with an identity became; kept alive, since ids of dead objects come again."""
        self.kept.append(value)
        self.nodes[id(value)] = tree

    def _buildable(self, node: Any, path: Path) -> Tree:
        function = fdl.get_callable(node)
        special = _SPECIAL.get(function) if isinstance(function, _FUNCTION) else None
        if special is not None:
            return special(self, node, path)
        try:
            target = targets.path_of(function)
            targets.resolve_for_graph(target) if "${" not in target and not isinstance(
                function, targets.LazyTarget
            ) else None
        except TargetError as error:
            self._problem(error, path)
            return None
        call = Call(target, buildables.kind_of(node), convert=buildables.mode_of(node))
        self._keep(node, call)
        shape = shape_of(function)
        try:
            arguments = shape.in_order(node.__arguments__)
        except BridgeError as error:
            self._problem(error, path)
            return call
        names: dict[int | str, int | str] = {}
        for index, (key, item) in enumerate(arguments.positional):
            names[key] = index
            call.args.append(self.node(item, (*path, "_args_", index)))
        for name, item in arguments.named.items():
            call.kwargs[name] = self.node(item, (*path, name))
        if call.kind == "config":
            for name in shape.required:
                if name in node.__arguments__ or name in names:
                    continue
                if isinstance(name, str):
                    call.kwargs[name] = MISSING
                else:
                    names[name] = len(call.args)
                    call.args.append(MISSING)
            if len(call.kwargs) > 1 and len(shape.required) > 0:
                call.kwargs = shape.sorted(call.kwargs)
        self._tags(call, node, shape, names, path)
        if self.all_defaults:
            self._defaults(call, shape, node)
        return call

    def _tags(self, call: Call, node: Any, shape: Shape, names: Mapping[int | str, int | str], path: Path) -> None:
        """Notes the tags that differ from those that the signature implies."""
        actual = {key: frozenset(tags) for key, tags in node.__argument_tags__.items() if tags}
        if actual == shape.tags:
            return
        call.tags = {}
        call.defaults = {}
        for key in (*shape.keys, *(key for key in actual if key not in shape.keys)):
            tags = actual.get(key, frozenset())
            if tags == shape.tags.get(key, frozenset()):
                continue
            name = names.get(key, key)
            try:
                call.tags[name] = tuple(sorted(targets.path_of(tag) for tag in tags))
            except TargetError as error:
                self._problem(error, (*path, key))
            default = shape.default(key)
            if key not in node.__arguments__ and default is not fdl.NO_VALUE:
                call.defaults[name] = self.node(default, (*path, key))

    def _defaults(self, call: Call, shape: Shape, node: Any) -> None:
        """Adds the defaults of unset parameters, as far as they can be spelled."""
        for name in shape.keyword_names:
            if name in call.kwargs or name in node.__arguments__ or (call.tags and name in call.tags):
                continue
            default = shape.spellable_default(name)
            if default is fdl.NO_VALUE:
                continue
            trial = _Reader(self.codecs, False)
            tree = trial.node(default, ())
            self.kept.append(trial)
            if not trial.problems:
                call.kwargs[name] = tree
        call.kwargs = shape.sorted(call.kwargs)

    def _section(self, node: Any, path: Path) -> Tree:
        call = Call(SECTION)
        self._keep(node, call)
        for name, item in node.__arguments__.items():
            call.kwargs[name] = self.node(item, (*path, name))
        return call

    def _link(self, node: Any, path: Path) -> Tree:
        leaf = Link(node.__arguments__.get("expression", ""), node.__arguments__.get("reason"))
        self.links.append((node, leaf))
        return leaf

    def _missing(self, node: Any, path: Path) -> Tree:
        return MISSING

    def _tagged_value(self, node: Any, path: Path) -> Tree:
        call = Call(TAGGED)
        self._keep(node, call)
        if "value" in node.__arguments__:
            call.kwargs["value"] = self.node(node.__arguments__["value"], (*path, "value"))
        try:
            call.tags = {"value": tuple(sorted(targets.path_of(tag) for tag in node.__argument_tags__["value"]))}
        except TargetError as error:
            self._problem(error, path)
        return call

    def _problem(self, error: BridgeError, path: Path) -> None:
        for problem in error.problems:
            self.problems.append(
                Problem(problem.message, problem.path or format_path(path), None, problem.hint, problem.kind)
            )


_FUNCTION = type(runtime.section)
_SPECIAL: dict[Any, Callable[[_Reader, Any, Path], Tree]] = {
    runtime.section: _Reader._section,
    runtime.unresolved: _Reader._link,
    runtime.missing: _Reader._missing,
    fdl.get_callable(tagging.TaggedValue([tagging.Tag])): _Reader._tagged_value,
}


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
                made.extend([item if type(item) in _PLAIN else self.node(item) for item in tree])
            return made
        if kind is dict:
            made = self.nodes.get(id(tree))
            if made is None:
                made = self.nodes[id(tree)] = {}
                for key, item in tree.items():
                    made[key] = item if type(item) in _PLAIN else self.node(item)
            return made
        if kind is Link:
            return self._make(runtime.unresolved, {"expression": tree.expression, "reason": tree.reason})
        if tree is MISSING:
            return self._make(runtime.missing, {})
        return tree

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
        if arguments is None:
            # The callable takes what its signature does not say: Fiddle sees a placeholder that takes anything.
            function = targets.LazyTarget(call.target)
            shape = shape_of(function)
            arguments = self._bind(call, shape) or {}
        cls = self.classes[call.kind]
        if call.convert != "all" or (call.kind == "partial" and "self" in arguments):
            cls = buildables.mode_class(cls, call.convert)
        return self._finish(call, cls, function, shape, arguments)

    def _finish(
        self, call: Call, cls: type[Any], function: Any, shape: Shape, arguments: dict[int | str, Any]
    ) -> Any:
        made: dict[int | str, Any] = {}
        node = buildables.make(cls, function, shape, made)
        # Known before its arguments are made, so that a graph that contains itself ends.
        self.nodes[id(call)] = node
        for key, item in arguments.items():
            if type(item) in _PLAIN:
                made[key] = item
            elif item is not MISSING:
                made[key] = self.node(item)
            elif call.kind == "config" and key not in shape.required:
                # Left unset, the default would be used without a word.
                made[key] = self.node(MISSING)
        if call.tags is not None:
            self._set_tags(call, node, shape)
        if self.location is not None:
            buildables.add_history(node, function, made, call.marks, self.location)
        return node

    def _make(self, function: Any, arguments: dict[int | str, Any]) -> Any:
        return buildables.make(fdl.Config, function, shape_of(function), arguments)

    def _function(self, call: Call) -> Any:
        target = call.target
        if "${" in target or target == "???":
            function: Any = targets.LazyTarget(target)
        else:
            try:
                function = targets.resolve_for_graph(target, self.allow).function
            except TargetError as error:
                function = targets.LazyTarget(target)
                if isinstance(error, RefusedTargetError) or not self.lazy:
                    self._problem(call, "_target_", error)
        self.functions[target] = function
        return function

    def _bind(self, call: Call, shape: Shape) -> dict[int | str, Any] | None:
        """Gives each argument its place in the signature; None if the signature does not say how."""
        arguments: dict[int | str, Any] = {}
        if call.args:
            if call.kind != "config" and shape.names_positional(len(call.args)):
                # Fiddle's partials bind these by name, which is another partial.
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
        function = targets.LazyTarget(call.target)
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

    def raise_problems(self, root: Tree) -> None:
        """Raises all problems, each with the path and place of its argument."""
        found = []
        for call, key, problem in self.problems:
            path = find(root, call) or ()
            steps = (*path, key) if key is not None else path
            place = None
            if call.marks is not None and key in call.marks[1]:
                place = Place(call.marks[0], *call.marks[1][key])
            found.append(Problem(problem.message, format_path(steps), place, problem.hint, problem.kind))
        raise_problems(found)


_PLAIN = frozenset({str, int, float, bool, type(None)})
