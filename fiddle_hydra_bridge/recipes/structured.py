"""Typed recipes: structured configs, made of the signatures of the targets.

In comes the data that ``spelling`` has spelled, out goes a DictConfig in which each call node is of a dataclass with
the parameters of its target: Hydra refuses unknown names and wrong types, and shows unset parameters with their
defaults. ``config_types`` says what can be checked. What a recipe contains is never changed: a value that contradicts
its annotation makes the field ``Any``, and a default that a config cannot hold stays where it is, in the signature.
"""

from __future__ import annotations

import inspect
import sys
import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any, Literal, Union

import fiddle as fdl
from omegaconf import DictConfig, OmegaConf, flag_override

from fiddle_hydra_bridge.convert import hydra_reader, targets, values
from fiddle_hydra_bridge.convert.bridge import to_data
from fiddle_hydra_bridge.convert.buildables import Shape, accepting, make, shape_of
from fiddle_hydra_bridge.convert.hydra_keys import DEFERRED_TARGET, RESERVED, SHARED_PARTIAL, SHARED_TARGET
from fiddle_hydra_bridge.convert.nodes import HAS_TUPLES, is_config, is_structured
from fiddle_hydra_bridge.convert.tree import ARG_FACTORY, HELPERS, MISSING, PARTIAL, SHARE, Call, Data, Link
from fiddle_hydra_bridge.errors import BridgeError
from fiddle_hydra_bridge.recipes.config_types import config_type, node_class, union_of

__all__ = ["write"]


def write(data: dict[str, Data], own: dict[str, Any]) -> DictConfig:
    """Writes a recipe as a structured config.

    A key whose value is ``???`` takes whatever another config puts there. Required parameters that the data leave out
    are ``???``, too.

    Args:
        data: the recipe in Hydra's spelling; every call node says its ``_convert_``.
        own: what the recipe says to Hydra itself, by ``defaults`` and ``hydra``: it stays as it is.

    Example:
        >>> write({"_target_": "textwrap.shorten", "_convert_": "all", "text": "a text"}, {})
        {'_target_': 'textwrap.shorten', '_convert_': 'all', 'text': 'a text', 'width': '???'}
    """
    made = _Writer().node(data, False)
    config: DictConfig = _filled(made if is_config(made) else OmegaConf.create(made), own)
    return config


@dataclass(frozen=True)
class _Signature:
    """What a config can say of the parameters of a callable.

    Attributes:
        shape: the signature.
        types: the types of the parameters that can be given by name, in their order.
        defaults: those defaults that a config can hold, spelled; ``MISSING`` for required parameters.
    """

    shape: Shape
    types: dict[str, Any]
    defaults: dict[str, Data]


class _Writer:
    """Makes nodes from the bottom up. ``shared``: whether a node stands below a share node."""

    def __init__(self) -> None:
        self.signatures: dict[str, _Signature | None] = {}

    def node(self, data: Data, shared: bool) -> Any:
        """Returns a structured config for a call node, and a config or plain data for anything else."""
        kind = type(data)
        if kind is list:
            return _container([self.node(item, shared) for item in data])
        if kind is not dict:
            return data.expression if kind is Link else "???" if data is MISSING else data
        shared = shared or data.get("_target_") == SHARE
        called = _called(data)
        signature = None if called is None else self._signature(called)
        if called is None or signature is None:
            return _container({key: self._entry(key, item, shared) for key, item in data.items()})
        return self._typed(called, data, signature, shared)

    def _entry(self, key: Any, data: Data, shared: bool) -> Any:
        if key in (DEFERRED_TARGET, SHARED_TARGET):
            # The functions of the bridge's helpers get their arguments from elsewhere.
            return {name: self.node(item, shared) for name, item in data.items()}
        return self.node(data, shared)

    def _typed(self, called: str, data: dict[str, Data], signature: _Signature, shared: bool) -> Any:
        fields = {
            key: (str if key == "_target_" else Any, self._entry(key, item, shared))
            for key, item in data.items()
            if key in RESERVED
        }
        defaults = self._defaults(data, signature, shared)
        for name, of_type in signature.types.items():
            if name in data or name in defaults:
                item = data[name] if name in data else defaults[name]
                fields[name] = self._field(of_type, item, data.get("_convert_"), shared)
        made = node_class(called, tuple((name, of_type) for name, (of_type, _) in fields.items()))
        # Keywords that are no parameters cannot be fields of a class: they may be no names.
        later = {name: self.node(item, shared) for name, item in data.items() if name not in fields}
        later |= {name: value for name, (_, value) in fields.items() if is_config(value)}
        config = OmegaConf.structured(made(*("???" if name in later else value for name, (_, value) in fields.items())))
        return _filled(config, later)

    def _signature(self, called: str) -> _Signature | None:
        if called not in self.signatures:
            self.signatures[called] = _signature_of(called)
        return self.signatures[called]

    def _defaults(self, data: dict[str, Data], signature: _Signature, shared: bool) -> dict[str, Data]:
        """Returns the defaults that a node shows. A partial shows none: they would become arguments of it."""
        deferred = data.get("_partial_", False) is not False and not shared
        if deferred or data["_target_"] in (PARTIAL, ARG_FACTORY) or SHARED_PARTIAL in data:
            return {}
        given = {signature.shape.key_at(index) for index in range(len(data.get("_args_", ())))}
        wrapped = (list, dict) if data.get("_convert_") == "none" else ()
        return {
            name: default
            for name, default in signature.defaults.items()
            if name not in given and not (type(default) in wrapped and "_target_" not in default)
        }

    def _field(self, of_type: Any, data: Data, mode: Any, shared: bool) -> tuple[Any, Any]:
        """Returns the type and the value of a field."""
        of_type = _admitting(of_type, data)
        if mode == "none":
            # Hydra would hand over a tuple of OmegaConf's, where the call in the recipe gives a real one.
            of_type = Any if _holds_tuples(of_type) else of_type
            return of_type, self._value(of_type, data, shared)
        # A list can take the place of a tuple, but not of a call.
        kept = _ANY_TUPLE if HAS_TUPLES and of_type is Any and _admits(_ANY_TUPLE, data) else of_type
        return of_type, self._value(kept, data, shared)

    def _value(self, of_type: Any, data: Data, shared: bool) -> Any:
        """Returns the value of a field, which its type admits."""
        origin, arguments = typing.get_origin(of_type), typing.get_args(of_type)
        kind = type(data)
        if origin is Union:
            return self._value(next(each for each in arguments if _admits(each, data)), data, shared)
        if origin is list and kind is list:
            return _container([self._value(arguments[0], item, shared) for item in data])
        if origin is dict and kind is dict:
            return _container({key: self._value(arguments[1], item, shared) for key, item in data.items()})
        if origin is tuple and kind is dict:
            items = _items(data) or []
            item_types = _item_types(arguments, items)
            return tuple(self._value(each, item, shared) for each, item in zip(item_types, items, strict=True))
        if of_type is not Any and kind is dict:
            return _decoded(data)
        return self.node(data, shared)


def _container(children: Any) -> Any:
    """Returns a dict or list as it is, or as a config if there are configs in it."""
    if type(children) is dict:
        return _filled(OmegaConf.create(), children) if any(map(is_config, children.values())) else children
    if not any(map(is_config, children)):
        return children
    return _filled(OmegaConf.create([None] * len(children)), dict(enumerate(children)))


def _filled(config: Any, entries: dict[Any, Any]) -> Any:
    """Puts entries into a config, names that its class does not have included."""
    # OmegaConf copies each config that is put into another, so that one of n levels takes n * n / 2 copies. Hydra
    # composes with this flag; a version that does not know it copies.
    with flag_override(config, ["struct", "no_deepcopy_set_nodes"], [False, True]):
        for key, entry in entries.items():
            config[key] = entry
    return config


# What a type admits ---------------------------------------------------------------------------------------------


def _admitting(of_type: Any, data: Data) -> Any:
    """Returns a type like the given one that admits a value: with None, with int beside float, or else ``Any``."""
    members = typing.get_args(of_type) if typing.get_origin(of_type) is Union else (of_type,)
    wider = of_type
    if data is None:
        wider = union_of(of_type, None)
    elif type(data) is int and float in members:
        wider = union_of(of_type, int)
    return next((each for each in (of_type, wider) if _admits(each, data)), Any)


def _admits(of_type: Any, data: Data) -> bool:
    """Whether a field of a type keeps a value just as it is; OmegaConf would convert some that this refuses."""
    origin, arguments = typing.get_origin(of_type), typing.get_args(of_type)
    kind = type(data)
    if of_type is Any or kind is Link or data is MISSING or data == "???":
        return True
    if origin is Union:
        return any(_admits(each, data) for each in arguments)
    if origin is Literal:
        return any(kind is type(each) and data == each for each in arguments)
    if origin is list:
        return kind is list and all(_admits(arguments[0], item) for item in data)
    if origin is dict:
        return kind is dict and "_target_" not in data and all(_admits(arguments[1], item) for item in data.values())
    if origin is tuple:
        return _admits_tuple(arguments, data)
    if kind is dict:
        decoded = _decoded(data)
        # OmegaConf would take a member of an enum of ints for an int.
        return isinstance(decoded, of_type) if of_type is FilePath else type(decoded) is of_type
    return kind is of_type


def _admits_tuple(arguments: tuple[Any, ...], data: Data) -> bool:
    items = _items(data)
    if items is None:
        return False
    item_types = _item_types(arguments, items)
    # Call nodes and containers keep the paths that they have in the call, by which refs find them.
    is_plain = not any(type(item) is list or (type(item) is dict and not _spells_value(item)) for item in items)
    return is_plain and len(items) == len(item_types) and all(map(_admits, item_types, items))


_ANY_TUPLE = tuple[Any, ...]


def _holds_tuples(of_type: Any) -> bool:
    return typing.get_origin(of_type) is tuple or any(map(_holds_tuples, typing.get_args(of_type)))


def _item_types(arguments: tuple[Any, ...], items: list[Data]) -> tuple[Any, ...]:
    return arguments[:1] * len(items) if arguments[1:] == (...,) else arguments


def _items(data: Data) -> list[Data] | None:
    """Returns the items of a tuple as the bridge spells it."""
    is_tuple = type(data) is dict and data.get("_target_") == "builtins.tuple" and _spells_value(data)
    return data["_args_"][0] if is_tuple else None


def _spells_value(data: dict[str, Data]) -> bool:
    tree = hydra_reader.read(data, inside=True)
    return type(tree) is Call and tree.kind == "value"


def _decoded(data: dict[str, Data]) -> Any:
    """Returns the enum member, path or bytes that a call node spells, ``_NO_VALUE`` if it spells none of these."""
    if data.get("_target_") not in _SPELLED_SCALARS:
        return _NO_VALUE
    try:
        tree = hydra_reader.read(data, inside=True)
        return values.decode(tree) if type(tree) is Call and tree.kind == "value" else _NO_VALUE
    except BridgeError:
        return _NO_VALUE


_NO_VALUE = object()
#: How the codecs spell enum members, paths and bytes.
_SPELLED_SCALARS = frozenset({"hydra.utils.get_object", "pathlib.Path", "builtins.bytes"})


# Signatures -----------------------------------------------------------------------------------------------------


def _called(data: dict[str, Data]) -> str | None:
    """Returns the path of the function that gets the arguments of a call node; None if nothing can be said of them."""
    target = data.get("_target_")
    if target in (SHARE, PARTIAL, ARG_FACTORY):
        target = data[SHARED_TARGET if target == SHARE else DEFERRED_TARGET]["_target_"]
    # What spells a value must stay as it is, to be read as one.
    return target if type(target) is str and target not in HELPERS and not values.BUILTIN.spells(target) else None


def _signature_of(called: str) -> _Signature | None:
    try:
        function = targets.resolve_for_graph(called, (called,)).function
        shape = shape_of(function)
        defaults = dict(_defaults_of(function, shape))
    except BridgeError:
        return None
    if not shape.keyword_names:
        return None
    found = {
        parameter.name: config_type(_hint(function, parameter))
        for parameter in shape.parameters
        if parameter.name in shape.keyword_names
    }
    for name, default in defaults.items():
        found[name] = _admitting(found[name], default)
    return _Signature(shape, found, defaults)


def _defaults_of(function: Any, shape: Shape) -> Iterator[tuple[str, Data]]:
    """Yields the defaults that a config can hold: those with a spelling, and without an identity; and ``MISSING``.

    A call that leaves a list out gets the one of the signature, the same every time; from a config, it would get a
    new one. A factory of a dataclass makes a new one, too.
    """
    data = to_data(make(fdl.Config, function, shape, {}), "all")
    for name in shape.keyword_names:
        default = shape.default(name)
        is_made = shape.spellable_default(name) is not default
        if name in data and (data[name] is MISSING or is_made or not _has_identity(default)):
            yield name, _by_itself(data[name])


def _by_itself(data: Data) -> Data:
    """Returns a spelled value that is the same below any node, whatever that one does with containers."""
    is_call = type(data) is dict and "_target_" in data
    return {"_target_": data["_target_"], "_convert_": "all", **data} if is_call else data


def _has_identity(value: Any) -> bool:
    if isinstance(value, tuple | frozenset):
        return any(map(_has_identity, value))
    codec = values.BUILTIN.for_value(value)
    return not values.is_leaf(value) and (codec is None or codec.mutable or codec.nested)


def _hint(function: Any, parameter: inspect.Parameter) -> Any:
    """Returns the type hint of a parameter, ``Any`` if it has none that can be resolved."""
    if parameter.annotation is inspect.Parameter.empty:
        return Any
    holder = types.SimpleNamespace(__annotations__={"hint": parameter.annotation})
    try:
        return typing.get_type_hints(holder, globalns=_namespace(function, parameter.name))["hint"]
    except Exception:  # an annotation is user code; what it raises says that it is none for us
        return Any


def _namespace(function: Any, name: str) -> dict[str, Any]:
    """Returns the names that the annotation of a parameter knows."""
    if isinstance(function, type) and is_structured(function):
        # The class makes the signature, but the annotation of a field was written in the class that has the field.
        owner = next((base for base in function.__mro__ if name in inspect.get_annotations(base)), function)
        return dict(vars(sys.modules.get(owner.__module__, object)))
    return getattr(inspect.unwrap(accepting(function)), "__globals__", {})
