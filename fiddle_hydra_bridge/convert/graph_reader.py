"""Fiddle's Buildables, read into the tree.

In come graphs of ``fdl.Config``, ``fdl.Partial`` and ``fdl.ArgFactory`` and of plain containers; out goes the tree.
``buildables`` stands above (signatures, kinds), ``targets`` is asked for the path of every callable, ``values`` for the
spelling of every leaf that YAML cannot hold. ``graph_writer`` is the way back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import fiddle as fdl

from fiddle_hydra_bridge.convert import buildables, runtime, targets, values
from fiddle_hydra_bridge.convert.buildables import Shape, shape_of
from fiddle_hydra_bridge.convert.histories import marks_of
from fiddle_hydra_bridge.convert.paths import Path, format_path
from fiddle_hydra_bridge.convert.tree import MISSING, SECTION, TAGGED, Call, Link, Tree
from fiddle_hydra_bridge.errors import BridgeError, Problem, TargetError, raise_problems

__all__ = ["read"]


def read(
    graph: Any,
    *,
    codecs: values.Codecs = values.BUILTIN,
    defaults: str = "set",
    links: list[tuple[Any, Link | Call]] | None = None,
    history: bool = False,
    nodes: list[tuple[Any, Call]] | None = None,
    placeholders: bool = True,
) -> Tree:
    """Reads a graph into a tree.

    Args:
        graph: a Buildable, or lists and dicts of them.
        codecs: how values that YAML cannot hold are spelled.
        defaults: "set" for the arguments that are set, "all" also for the defaults of the others that can be
            spelled.
        links: where to note each link of the graph and its leaf in the tree, and each node whose target is a link
            and its call.
        history: whether the calls know the places that Fiddle's history has of their arguments.
        nodes: where to note each Buildable that is a call node or a section, and its call.
        placeholders: whether a required parameter of a Config that is not set appears as ``???``.

    Raises:
        BridgeError: with every value and target that cannot be spelled, and its path.
    """
    reader = _Reader(codecs, defaults == "all")
    if links is not None:
        reader.links = links
    reader.history = history
    if nodes is not None:
        reader.buildables = nodes
    reader.placeholders = placeholders
    tree = reader.node(graph, ())
    raise_problems(reader.problems)
    return tree


class _Reader:
    def __init__(self, codecs: values.Codecs, all_defaults: bool) -> None:
        self.codecs = codecs
        self.all_defaults = all_defaults
        self.nodes: dict[int, Tree] = {}
        self.kept: list[Any] = []
        self.links: list[tuple[Any, Link | Call]] = []
        self.buildables: list[tuple[Any, Call]] = []
        self.placeholders = True
        #: The path of each callable that was met, by its id.
        self.targets: dict[int, str] = {}
        self.problems: list[Problem] = []
        self.history = False

    def node(self, value: Any, path: Path) -> Tree:
        if values.is_leaf(value):
            return value
        kind = type(value)
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
            target = self._target(function)
        except TargetError as error:
            self._problem(error, path)
            return None
        call = Call(target, buildables.kind_of(node), convert=buildables.mode_of(node))
        self._keep(node, call)
        self.buildables.append((node, call))
        if "${" in target:
            self.links.append((node, call))
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
        for keyword, item in arguments.named.items():
            call.kwargs[keyword] = self.node(item, (*path, keyword))
        if self.history:
            call.marks = marks_of(node, names)
        if call.kind == "config" and self.placeholders:
            self._add_missing(call, shape, names)
        self._tags(call, node, shape, names, path)
        if self.all_defaults:
            self._defaults(call, shape, node)
        return call

    def _target(self, function: Any) -> str:
        known = self.targets.get(id(function))
        if known is not None:
            return known
        target = targets.path_of(function)
        if not isinstance(function, targets.LazyTarget):
            # What reading would refuse is not written. The callable comes from Python, not from a config, so that
            # Hydra 1.4 need not warn of a choice without a whitelist.
            targets.resolve_for_graph(target, (target,))
        self.kept.append(function)
        self.targets[id(function)] = target
        return target

    def _add_missing(self, call: Call, shape: Shape, names: dict[int | str, int | str]) -> None:
        """Adds ``???`` for required parameters that are not set."""
        complete = True
        for key in shape.required:
            if key in call.kwargs or key in names:
                continue
            complete = False
            if isinstance(key, str):
                call.kwargs[key] = MISSING
            else:
                names[key] = len(call.args)
                call.args.append(MISSING)
        if not complete:
            call.kwargs = shape.sorted(call.kwargs)

    def _tags(self, call: Call, node: Any, shape: Shape, names: Mapping[int | str, int | str], path: Path) -> None:
        """Notes the tags that differ from those that the signature implies."""
        actual = buildables.tags_of(node)
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
        self.buildables.append((node, call))
        for name, item in node.__arguments__.items():
            call.kwargs[name] = self.node(item, (*path, name))
        if self.history:
            call.marks = marks_of(node, {})
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
    buildables.TAGGED_VALUE: _Reader._tagged_value,
}
