"""A Buildable that is being edited in Hydra's terms.

In comes a Buildable of the copy, out comes the same one with its new arguments, or what takes its place. ``editing``
stands above. Between the first override and the last an argument need not fit the target: ``_target_`` may change
before or after it. ``Draft.commit`` judges, as the writer of graphs judges a config that was composed that way.
"""

from __future__ import annotations

import collections
import dataclasses
from typing import Any

import fiddle as fdl
from fiddle import history

from fiddle_hydra_bridge.convert import graph_reader, graph_writer, targets, values
from fiddle_hydra_bridge.convert.buildables import Shape, base_of, kind_of, mode_class, mode_of, shape_of, tags_of
from fiddle_hydra_bridge.convert.histories import Location, place_last
from fiddle_hydra_bridge.convert.hydra_keys import MODES, RESERVED, normal_mode
from fiddle_hydra_bridge.convert.paths import Path
from fiddle_hydra_bridge.convert.tree import (
    ARG_FACTORY,
    MISSING,
    PARTIAL,
    REF,
    SHARE,
    TAGGED,
    VALUE,
    Call,
    Kind,
    Tree,
)
from fiddle_hydra_bridge.errors import (
    BridgeError,
    ParameterError,
    Problem,
    TargetError,
    UnsupportedValueError,
    suggestion,
)
from fiddle_hydra_bridge.recipes.views import ABSENT, View, is_link, is_missing, is_section

__all__ = ["Draft"]


#: Targets that mean something to the reader of configs, and nothing as the target of an existing node.
_HELPERS = frozenset({SHARE, REF, PARTIAL, ARG_FACTORY, TAGGED, VALUE})
#: Keys of a call node that an override may change, and keys of a section that are no entries.
_CONTROLS = frozenset({"_target_", "_partial_", "_args_", "_convert_"})
_SECTION_CONTROLS = frozenset({"_target_", "_convert_"})
_COUNTERPARTS: dict[type, type] = {fdl.Config: fdl.Partial, fdl.Partial: fdl.Config}


class Draft(View):
    """A Buildable that is being edited.

    Args:
        node: the Buildable; it is changed by :meth:`commit`.
        path: where it was met.
        allow: the target patterns that are allowed, None for all that the target policy lets pass.

    Attributes:
        args: the values that Hydra's spelling has in ``_args_``.
        kwargs: the values by name.
        target: the target path, if it was changed.
        convert_before: the conversion mode of the node.
    """

    merges = dict
    grows = True

    def __init__(self, node: Any, path: Path, allow: tuple[str, ...] | None) -> None:
        self.node = node
        self.path = path
        self.allow = allow
        self.shape: Shape | None = shape_of(fdl.get_callable(node))
        positional = self.shape.in_order(node.__arguments__).positional
        taken = {key for key, _ in positional}
        self.args = [value for _, value in positional]
        self.kwargs = {key: value for key, value in node.__arguments__.items() if key not in taken}
        self.target: str | None = None
        self.kind: Kind = kind_of(node)
        self.convert = self.convert_before = mode_of(node)
        self.stays_call = False

    # What Hydra sees.

    @property
    def inside(self) -> bool:  # type: ignore[override]
        return not self._is_section()

    @property
    def name(self) -> str:  # type: ignore[override]
        return "a section" if self._is_section() else "a call node"

    def _is_section(self) -> bool:
        return self.target is None and is_section(self.node)

    def path_to(self, step: Any) -> Path:
        return (*self.path, step)

    def _is_control(self, step: Any) -> bool:
        return step in (_SECTION_CONTROLS if self._is_section() else RESERVED)

    def get(self, step: Any) -> Any:
        if self._is_control(step):
            return self._control(step)
        position = self._position(step)
        return self.kwargs.get(step, ABSENT) if position is None else self.args[position]

    def _control(self, step: str) -> Any:
        if step == "_target_":
            return ABSENT if self._is_section() else (self.target or fdl.get_callable(self.node))
        if step == "_partial_":
            return True if self.kind == "partial" else False if self.stays_call else ABSENT
        if step == "_convert_":
            return ABSENT if self.convert == "all" else self.convert
        return self.args if step == "_args_" and self.args else ABSENT

    def _position(self, step: Any) -> int | None:
        """Where a parameter stands that has a name, but is given by position, since more arguments follow."""
        if self.shape is None or step in self.kwargs:
            return None
        return next((index for index in range(len(self.args)) if self.shape.key_at(index) == step), None)

    def set(self, step: Any, value: Any) -> None:
        if type(step) is not str:
            raise ParameterError(
                Problem(f"the name of an argument must be a string, got {step!r}", kind=ParameterError)
            )
        position = self._position(step)
        if position is not None:
            self.args[position] = value
        elif not self._is_control(step):
            self.kwargs[step] = value
        elif step == "_target_":
            self._retarget(value)
        elif step == "_partial_" and type(value) is bool and self.kind != "factory":
            self.kind, self.stays_call = ("partial", False) if value else ("config", True)
        elif step == "_args_" and type(value) is list:
            self.args[:] = value
        elif step == "_convert_" and type(value) is str and normal_mode(value) in MODES:
            self.convert = normal_mode(value)
        else:
            raise self._refused(step)

    def delete(self, step: Any) -> None:
        if step in self.kwargs:
            del self.kwargs[step]
        elif step == "_args_":
            self.args.clear()
        elif step == "_partial_":
            self.kind, self.stays_call = "config", False
        else:
            raise self._refused(step)

    def _refused(self, step: str) -> UnsupportedValueError:
        message = f"{step} of a node of the graph cannot be changed by itself"
        hint = "delete the node and give it as a whole"
        return UnsupportedValueError(Problem(message, hint=hint, kind=UnsupportedValueError))

    def _retarget(self, value: Any) -> None:
        if is_link(value):
            value = value.__arguments__["expression"]
        if type(value) is not str or value in _HELPERS:
            raise self._refused("_target_")
        # Entries of a section that mean something else to a call node.
        controls = {key: self.kwargs.pop(key) for key in RESERVED & self.kwargs.keys()}
        self.target = value
        try:
            function = targets.resolve_for_graph(value, self.allow).function
        except TargetError:
            # Not known yet, or not a target of graphs but the spelling of a value: `commit` says which.
            self.shape = None
        else:
            # The same target again is no change: what the node is stays as it is.
            self.target = None if function is fdl.get_callable(self.node) else value
            self.shape = shape_of(function)
        for key, control in controls.items():
            self.set(key, control)

    def knows(self, step: Any) -> bool:
        if self._is_control(step):
            return step in _CONTROLS and not self._is_section()
        return self.shape is not None and step in self.shape.keyword_names

    def unknown(self, step: Any) -> tuple[str, str | None]:
        if type(step) is not str:
            return f"the name of an argument must be a string, got {step!r}", None
        if self._is_control(step) and step not in _CONTROLS:
            problem = self._refused(step).problems[0]
            return problem.message, problem.hint
        if self._is_section():
            return f"there is no {step!r}{suggestion(str(step), self.kwargs)}", "write + in front to append it"
        if self.shape is None:
            return f"nothing is known of the parameters of {self.target}", "write + in front to append it"
        for index, parameter in enumerate(self.shape.parameters):
            if parameter.name == step and parameter.kind is parameter.POSITIONAL_ONLY:
                return f"{self.shape.name} takes {step!r} by position only", f"write _args_.{index} instead of it"
        message = f"{self.shape.name} has no parameter {step!r}"
        near = suggestion(str(step), {*self.shape.keyword_names, *self.kwargs})
        return message + near, "write + in front to append it" if self.shape.var_keyword else None

    # What becomes of it.

    def commit(self, location: Location) -> Any:
        """Gives the node its new arguments.

        Returns:
            the node, or what takes its place: a Buildable of another class, or a value that it now spells.

        Raises:
            BridgeError: with every argument that does not fit; paths start at the node.
        """
        function, base = fdl.get_callable(self.node), self._base()
        shape = shape_of(function)
        bound = self._bound(shape) if self.target is None else None
        if bound is not None:
            self._store(self._without_missing(bound, shape), location)
            return self._as(self._class(base))
        target = self.target or targets.path_of(function)
        value_call = self._value_call(target) if self.target is not None else None
        if value_call is not None:
            return graph_writer.write(value_call, allow=self.allow)
        try:
            made = graph_writer.write(self._call(target), allow=self.allow, config_cls=base, partial_cls=base)
        except BridgeError as error:
            raise self._explained(error) from error
        self._set_function(fdl.get_callable(made), shape, location)
        self._store({key: _released(value) for key, value in made.__arguments__.items()}, location)
        return self._as(type(made))

    def _bound(self, shape: Shape) -> dict[int | str, Any] | None:
        """Returns the arguments by Fiddle's keys, None if they do not all fit the signature."""
        keys: list[Any] = [shape.key_at(index) for index in range(len(self.args))]
        keys += self.kwargs
        if None in keys or len(set(keys)) < len(keys) or any(shape.fit(name) != "named" for name in self.kwargs):
            return None
        return dict(zip(keys, [*self.args, *self.kwargs.values()], strict=True))

    def _without_missing(self, arguments: dict[int | str, Any], shape: Shape) -> dict[int | str, Any]:
        """Leaves out what is ``???``, where Fiddle's way to say so is not to set it."""
        unset = shape.required if self.kind == "config" else arguments
        return {key: value for key, value in arguments.items() if not (is_missing(value) and key in unset)}

    def _call(self, target: str) -> Call:
        kwargs = {key: _held(value) for key, value in self.kwargs.items()}
        return Call(target, self.kind, [_held(value) for value in self.args], kwargs, self.convert)

    def _value_call(self, target: str) -> Call | None:
        """Returns the call of a value that the new target and the arguments spell, if they do."""
        if self.kind != "config" or self.stays_call:
            return None
        try:
            args, *kwargs = graph_reader.read([self.args, *self.kwargs.values()])
        except BridgeError:
            return None  # No value is spelled with what has no spelling.
        call = Call(target, "value", args, dict(zip(self.kwargs, kwargs, strict=True)))
        return None if values.BUILTIN.for_call(target, call.args, call.kwargs) is None else call

    def _explained(self, error: BridgeError) -> BridgeError:
        hint = "arguments stay when _target_ changes; delete with ~ what the new target does not take"
        return type(error)(
            dataclasses.replace(problem, hint=hint)
            if self.target is not None and problem.kind is ParameterError and problem.hint is None
            else problem
            for problem in error.problems
        )

    def _set_function(self, function: Any, shape: Shape, location: Location) -> None:
        """Changes the callable, and the tags that annotations imply with it."""
        if function is fdl.get_callable(self.node):
            return
        new = shape_of(function)
        actual = tags_of(self.node)
        tags: dict[Any, set[Any]] = collections.defaultdict(set)
        for key in {*actual, *shape.tags, *new.tags}:
            kept = actual.get(key, frozenset())
            if kept != shape.tags.get(key, frozenset()) and key not in new.keys and not new.var_keyword:
                message = f"{new.name} has no parameter {key!r}, which has tags"
                raise ParameterError(Problem(message, hint="clear its tags in Python first", kind=ParameterError))
            tags[key] = set(new.tags.get(key, ()) if kept == shape.tags.get(key, frozenset()) else kept)
        object.__setattr__(self.node, "__fn_or_cls__", function)
        object.__setattr__(self.node, "__signature_info__", new.info)
        object.__setattr__(self.node, "__argument_tags__", tags)
        self._note("__fn_or_cls__", function, location)

    def _store(self, arguments: dict[int | str, Any], location: Location) -> None:
        """Sets the arguments and writes what changed into the history."""
        before = self.node.__arguments__
        for key in before.keys() - arguments.keys():
            self._note(key, history.DELETED, location)
        for key, value in arguments.items():
            if key not in before or before[key] is not value:
                self._note(key, value, location)
        before.clear()
        before.update(arguments)

    def _note(self, key: Any, value: Any, location: Location) -> None:
        """Writes a history entry, with the place of the caller instead of a line in here."""
        if not history.tracking_enabled():
            return
        entries = self.node.__argument_history__
        if value is history.DELETED:
            entries.add_deleted_value(key)
        else:
            entries.add_new_value(key, value)
        place_last(self.node, key, location)

    def _base(self) -> Any:
        """Returns the class of the node, of its new kind and without a conversion mode."""
        base = base_of(type(self.node))
        if self.kind == kind_of(self.node):
            return base
        if base not in _COUNTERPARTS:
            message = f"there is no saying which class is to {base.__name__} what Config is to Partial"
            hint = "cast the node in Python: fdl.cast(...)"
            raise UnsupportedValueError(Problem(message, "_partial_", hint=hint, kind=UnsupportedValueError))
        return _COUNTERPARTS[base]

    def _class(self, base: Any) -> Any:
        """Returns the class that a node of this target is to have: the one it has, unless kind or mode changed."""
        named_self = self.kind == "partial" and "self" in self.kwargs
        if self.kind == kind_of(self.node) and self.convert == self.convert_before and not named_self:
            return type(self.node)
        placeholder = self.kind == "partial" and isinstance(fdl.get_callable(self.node), targets.LazyTarget)
        return mode_class(base, self.convert) if self.convert != "all" or named_self or placeholder else base

    def _as(self, cls: Any) -> Any:
        """Returns the node as one of a class."""
        return self.node if type(self.node) is cls else cls.__unflatten__(*self.node.__flatten__())


class _Held:
    """A part of a graph on its way through the writer, which leaves it alone."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


def _held(value: Any) -> Tree:
    return MISSING if is_missing(value) else _Held(value)


def _released(value: Any) -> Any:
    return value.value if type(value) is _Held else value
