"""``fhb.node``: a node of a config in a Python recipe, spelled as YAML spells it.

In come a target and entries, as a YAML file would have them; out goes a Buildable that also remembers what a Buildable
has no place for: the order of the entries, and where control keys such as ``_convert_`` stand among them. ``verbatim``
spells it again. ``convert.buildables`` stands above and makes Buildables of any conversion mode.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import fiddle as fdl

from fiddle_hydra_bridge.convert import buildables, runtime
from fiddle_hydra_bridge.convert.callables import identity_of
from fiddle_hydra_bridge.convert.histories import add_history, caller
from fiddle_hydra_bridge.convert.hydra_keys import MODES, ROOT_CONTROL, normal_mode
from fiddle_hydra_bridge.convert.targets import LazyTarget, check_for_graph
from fiddle_hydra_bridge.convert.values import LOCATORS, locate
from fiddle_hydra_bridge.errors import ParameterError

__all__ = ["Control", "check_entries", "controls_of", "node"]


class Control(NamedTuple):
    """A control key of a node.

    Attributes:
        key: the key.
        value: what it says; nothing for ``_target_`` and a list of ``_args_``, which the Buildable knows.
        before: how many keyword arguments stand before it.
    """

    key: str
    value: bool | str | None
    before: int


_CONTROL = ROOT_CONTROL | {"_args_"}


def node(target: Any = None, /, **entries: Any) -> Any:
    """Returns a node of a config as a YAML file spells it, for recipes that are served ``verbatim``.

    It is a ``fdl.Config``, or with ``_partial_=True`` a ``fdl.Partial``. It takes what a YAML file could say: keywords
    in any order, whether the signature knows them or not, and Hydra's control keys. As in Hydra, the target gets
    OmegaConf's containers unless ``_convert_`` says otherwise, and what Hydra's target policy refuses is not called.

    Args:
        target: the callable, a ``LazyTarget``, or a dotted path or interpolation, which becomes one. Where
            ``_target_`` is not the first key, it is given as ``_target_=``. Without a target the node is a mapping
            with control keys: it changes a node that another config defines.
        **entries: the entries in their order. ``"???"`` is a value that must be given.

    Raises:
        ParameterError: if the target is given twice, or a control key has a value that Hydra does not know.

    Example:
        >>> from fractions import Fraction
        >>> half = node(Fraction, denominator=2, numerator=1)
        >>> half.denominator, fdl.build(half)
        (2, Fraction(1, 2))
        >>> fdl.build(node(dict, _partial_=True, a=1))(b=2)
        {'a': 1, 'b': 2}
    """
    if target is not None:
        if "_target_" in entries:
            raise ParameterError("a node has one target: give it first, or as _target_=")
        entries = {"_target_": target, **entries}
    check_entries(entries)
    positional = entries.get("_args_")
    arguments: dict[int | str, Any] = dict(enumerate(positional)) if type(positional) is list else {}
    controls = []
    before = 0
    for key, value in entries.items():
        if key in _CONTROL:
            is_argument = key == "_target_" or type(value) is list
            controls.append(Control(key, None if is_argument else value, before))
        else:
            arguments[key] = value
            before += 1
    if entries.get("_recursive_") is not False:
        mode = normal_mode(entries["_convert_"]) if "_convert_" in entries else None
        arguments = {key: _prepared(value, mode) for key, value in arguments.items()}
    function = _function(entries["_target_"]) if "_target_" in entries else runtime.section
    base = fdl.Partial if entries.get("_partial_") is True else fdl.Config
    mode = normal_mode(entries.get("_convert_", "none"))
    made = buildables.make(_node_class(base, mode, tuple(controls)), function, _shape(), arguments)
    add_history(made, function, arguments, None, caller())
    return made


def controls_of(graph: Any) -> tuple[Control, ...] | None:
    """Returns the control keys of a node in their order, None for a Buildable that :func:`node` has not made."""
    return getattr(type(graph), "__controls__", None)


def check_entries(entries: dict[str, Any]) -> None:
    """Checks that control keys have values that Hydra knows, or interpolations, as text.

    Raises:
        ParameterError: if not.
    """
    allowed = {"_convert_": MODES, "_partial_": (True, False), "_recursive_": (True, False)}
    for key, values in allowed.items():
        value = entries.get(key, values[0])
        if not _is_link(value) and normal_mode(value) not in values:
            raise ParameterError(f"{key} must be one of {', '.join(map(repr, values))}, got {value!r}")
    positional = entries.get("_args_", [])
    if type(positional) is not list and not _is_link(positional):
        raise ParameterError(f"_args_ must be a list, got {positional!r}")


def _is_link(value: Any) -> bool:
    return isinstance(value, str) and "${" in value


def _function(target: Any) -> Any:
    return LazyTarget(target) if isinstance(target, str) else target


def _prepared(value: Any, mode: str | None) -> Any:
    """Returns an entry in Fiddle's terms: missing values as nodes, and nodes with the mode that they inherit."""
    if type(value) is list:
        return [_prepared(item, mode) for item in value]
    if type(value) is dict:
        return {key: _prepared(item, mode) for key, item in value.items()}
    if type(value) is str and value == "???":
        return fdl.Config(runtime.missing)
    controls = controls_of(value)
    if mode is None or controls is None or any(control.key == "_convert_" for control in controls):
        return value
    values, metadata = value.__flatten__()
    base = fdl.Partial if isinstance(value, fdl.Partial) else fdl.Config
    return _node_class(base, mode, controls).__unflatten__([_prepared(item, mode) for item in values], metadata)


def _shape() -> buildables.Shape:
    """The shape of a callable that takes anything: a config may hold keys that the signature does not know."""
    return buildables.shape_of(LazyTarget("any.callable"))


class _Node:
    """What makes a Buildable a node: it takes any entries, and keeps their order when it is copied."""

    def __init_callable__(self, function: Any) -> None:
        object.__setattr__(self, "__fn_or_cls__", function)
        object.__setattr__(self, "__arguments__", {})
        object.__setattr__(self, "__signature_info__", _shape().info)

    def __build__(self: Any, *args: Any, **kwargs: Any) -> Any:
        # A config names its targets: what Hydra refuses to call does not become callable by being written as Python.
        function = self.__fn_or_cls__
        if isinstance(self, fdl.Config) and identity_of(function) in LOCATORS:
            return locate(identity_of(function), *args, **kwargs)
        if not isinstance(function, LazyTarget):
            check_for_graph(function)
        return super().__build__(*args, **kwargs)  # type: ignore[misc]

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update({**state, "__signature_info__": _shape().info})

    def __reduce__(self: Any) -> Any:
        # The class is made when it is needed, so that it cannot be pickled by its name.
        base = fdl.Partial if isinstance(self, fdl.Partial) else fdl.Config
        return _restored, (base, buildables.mode_of(self), controls_of(self), self.__getstate__())


def _restored(base: Any, mode: str, controls: tuple[Control, ...], state: dict[str, Any]) -> Any:
    made = object.__new__(_node_class(base, mode, controls))
    made.__setstate__(state)
    return made


@functools.cache
def _node_class(base: Any, mode: str, controls: tuple[Control, ...]) -> type[Any]:
    parent = base if mode == "all" or mode not in MODES else buildables.mode_class(base, mode)
    return type(f"Node{base.__name__}", (_Node, parent), {"__controls__": controls, "__module__": __name__})
