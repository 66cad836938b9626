"""The rules of comparison: by type, what the parts of two values are and how their identity counts.

In come two values of one type, out come the pairs of their parts that ``compare``, the module below, looks at in
turn. A pair that differs by itself raises ``PartedError`` with the reason.

Libraries are never imported here on their own account. A value of Fiddle, OmegaConf or an array library can only
turn up once its library has been imported, so their types are looked up among the loaded modules.
"""

from __future__ import annotations

import copyreg
import datetime
import decimal
import enum
import fractions
import functools
import inspect
import pathlib
import re
import reprlib
import sys
import types
import typing
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from fiddle_hydra_bridge.convert import runtime

__all__ = ["Bag", "Part", "PartedError", "Rule", "rule_of", "shown"]

#: The step to a part (``None``: no step), and the part on either side.
Part: TypeAlias = tuple[object, Any, Any]


class PartedError(Exception):
    """The two values at hand differ, and why."""


@dataclass(frozen=True, slots=True)
class Rule:
    """How the values of a type are compared.

    Attributes:
        parts: the parts of two values of the type, to be compared in turn; raises ``PartedError``. The third
            argument says whether the order of dicts counts.
        sharing: whether the identity of a value counts, only its content, or (atoms) nothing need be recorded.
        leaf: whether the value is no container of a graph, so that the order of the dicts in it does not count.
        subclasses: whether a subclass counts as the type itself.
    """

    parts: Callable[[Any, Any, bool], Iterable[Part]]
    sharing: Literal["atom", "content", "identity"]
    leaf: bool = False
    subclasses: bool = False


@dataclass(frozen=True, slots=True)
class Bag:
    """Elements of a set that are not found by ``==`` on the other side: NaN, and objects known by identity."""

    elements: list[Any]


@dataclass(frozen=True, slots=True)
class _Factory:
    """An argument of a partial that is made anew by each call: ``fiddle.ArgFactory``, as it was built."""

    make: Any


# --- Messages ---------------------------------------------------------------------------------------------------


def shown(value: Any) -> str:
    """Names a value without running code of its own: the ``repr`` of a graph may be exponential in its depth."""
    cls = type(value)
    # Python refuses to write integers of thousands of digits.
    if cls in _PLAIN and not (cls is int and value.bit_length() > 256):
        return f"{reprlib.repr(value)} ({cls.__name__})"
    if issubclass(cls, type) or cls is types.FunctionType:
        return f"{value.__module__}.{value.__qualname__}"
    if issubclass(cls, enum.Enum):
        return f"{cls.__qualname__}.{value.name}"
    return f"<{cls.__module__}.{cls.__qualname__}>".replace("<builtins.", "<")


# --- Parts: atoms -----------------------------------------------------------------------------------------------


def _equal(a: Any, b: Any, ordered: bool) -> tuple[()]:
    if a != b:
        raise PartedError(f"{shown(a)} is not {shown(b)}")
    return ()


def _equal_floats(a: float, b: float, ordered: bool) -> tuple[()]:
    # The repr is exact, knows the sign of zero, and is the same for every NaN.
    if repr(a) != repr(b):
        raise PartedError(f"{shown(a)} is not {shown(b)}")
    return ()


def _identical(a: Any, b: Any, ordered: bool) -> tuple[()]:
    if a is not b:
        raise PartedError(f"{shown(a)} is not {shown(b)}")
    return ()


# --- Parts: containers ------------------------------------------------------------------------------------------


def _items(a: Sequence[Any], b: Sequence[Any], ordered: bool) -> list[Part]:
    if len(a) != len(b):
        raise PartedError(f"{len(a)} items are not {len(b)}")
    return [(index, x, y) for index, (x, y) in enumerate(zip(a, b, strict=True))]


def _dict_entries(a: Any, b: Any, ordered: bool) -> list[Part]:
    return _entries(list(a.items()), list(b.items()), ordered)


def _entries(a: list[tuple[Any, Any]], b: list[tuple[Any, Any]], ordered: bool) -> list[Part]:
    pairs, rest_a, rest_b = _paired(a, b)
    # Keys that are known by identity have no name in common, only their order.
    pairs += zip(rest_a, rest_b, strict=True)
    if ordered:
        mates = {id(entry): mate for entry, mate in pairs}
        if any(mates[id(entry)] is not mate for entry, mate in zip(a, b, strict=True)):
            raise PartedError("the keys stand in another order")
    parts: list[Part] = []
    for (key_a, value_a), (key_b, value_b) in pairs:
        parts += [(key_a, key_a, key_b), (key_a, value_a, value_b)]
    return parts


def _elements(a: Any, b: Any, ordered: bool) -> list[Part]:
    pairs, rest_a, rest_b = _paired([(element, None) for element in a], [(element, None) for element in b])
    parts: list[Part] = [(key, key, mate) for (key, _), (mate, _) in pairs]
    if rest_a:
        parts.append((None, Bag([key for key, _ in rest_a]), Bag([key for key, _ in rest_b])))
    return parts + _attributes(a, b)


def _paired(a: list[tuple[Any, Any]], b: list[tuple[Any, Any]]) -> tuple[list[tuple[Any, Any]], list[Any], list[Any]]:
    """Pairs the entries with equal keys, in the order of ``a``; returns the pairs and what is left on either side.

    As many are left here as there, and only such as are not found by ``==``: NaN, and objects known by identity.
    """
    there = {entry[0]: entry for entry in b}
    pairs, rest = [], []
    for entry in a:
        mate = there.pop(entry[0], None)
        if mate is None:
            rest.append(entry)
        else:
            pairs.append((entry, mate))
    uneven = len(rest) != len(there)
    for side, keys in (("first", [entry[0] for entry in rest]), ("second", list(there))):
        for key in keys:
            if uneven or (type(key) in _PLAIN and key == key):
                raise PartedError(f"{shown(key)} is only in the {side}")
    return pairs, rest, list(there.values())


def _tuple_items(a: Any, b: Any, ordered: bool) -> list[Part]:
    return _items(a, b, ordered) + _attributes(a, b)


def _attributes(a: Any, b: Any) -> list[Part]:
    """The ``__dict__`` of instances of a container's subclass."""
    return [(None, dict(vars(a)), dict(vars(b)))] if hasattr(a, "__dict__") else []


# --- Parts: objects ---------------------------------------------------------------------------------------------


def _state(a: Any, b: Any, ordered: bool) -> list[Part]:
    here, there = _reduced(a), _reduced(b)
    if isinstance(here, str) or isinstance(there, str):
        # The name of a global: the object is the only one of its kind.
        _identical(a, b, ordered)
        return []
    if here is None or there is None:
        if here is not there:
            raise PartedError("only one of the two can be copied")
        return []
    function, arguments, state, items, entries, setter = (list(side) for side in zip(here, there, strict=True))
    return [
        ("__reduce__", *function),
        ("__reduce__", *arguments),
        (None, *state),
        *_items(list(items[0] or ()), list(items[1] or ()), ordered),
        *_entries(list(entries[0] or ()), list(entries[1] or ()), ordered),
        ("__setstate__", *setter),
    ]


def _reduced(value: Any) -> tuple[Any, ...] | str | None:
    """Returns what ``copy`` and ``pickle`` would take along; ``None`` if the value cannot be copied."""
    reducer = copyreg.dispatch_table.get(type(value))
    try:
        reduced = reducer(value) if reducer else value.__reduce_ex__(4)
        return reduced if isinstance(reduced, str) else (*reduced, None, None, None, None)[:6]
    except Exception:  # the class's own code: a lock raises TypeError, others what they please
        return None


def _members(*names: str) -> Callable[[Any, Any, bool], list[Part]]:
    return lambda a, b, ordered: [(name, getattr(a, name), getattr(b, name)) for name in names]


def _partial_parts(a: Any, b: Any, ordered: bool) -> list[Part]:
    function_a, args_a, keywords_a = _flattened(a)
    function_b, args_b, keywords_b = _flattened(b)
    return [
        ("func", function_a, function_b),
        *_items(args_a, args_b, ordered),
        *_dict_entries(keywords_a, keywords_b, ordered),
    ]


def _flattened(partial: Any) -> tuple[Any, list[Any], dict[str, Any]]:
    """Returns function, positional and keyword arguments of nested partials, Fiddle's argument factories included."""
    function, seen = partial, set()
    layers: list[Any] = []
    args: list[Any] = []
    keywords: dict[str, Any] = {}
    # A partial can be made to contain itself.
    while isinstance(function, functools.partial) and id(function) not in seen:
        seen.add(id(function))
        layers.append(function)
        inner: Any = function.func
        function = inner.func if _calls_factories(function) else inner
    invoked = False
    for layer in reversed(layers):
        # Once a layer calls the factories it is given, those that the layers around it pass on are called too.
        invoked = invoked or _calls_factories(layer)
        args += [_argument(value) if invoked else value for value in layer.args]
        keywords |= {key: _argument(value) if invoked else value for key, value in layer.keywords.items()}
    return function, args, keywords


def _calls_factories(partial: Any) -> bool:
    if "fiddle" not in sys.modules:
        return False
    from fiddle import arg_factory

    return bool(arg_factory.is_arg_factory_partial(partial))


def _argument(value: Any) -> Any:
    """An argument of a partial that calls its factories."""
    from fiddle import arg_factory

    return _Factory(value.factory) if type(value) is arg_factory.ArgFactory else value


# --- Parts: Fiddle, OmegaConf, arrays ---------------------------------------------------------------------------


def _buildable_parts(a: Any, b: Any, ordered: bool) -> list[Part]:
    target_a, target_b = a.__fn_or_cls__, b.__fn_or_cls__
    # Bound methods and lazy targets are made anew, and say themselves when they are equal.
    equal = type(target_a) is type(target_b) and (target_a == target_b) is True
    parts: list[Part] = [] if equal else [("__fn_or_cls__", target_a, target_b)]
    tags_a, tags_b = ({key: set(tags) for key, tags in x.__argument_tags__.items() if tags} for x in (a, b))
    for key in [*tags_a, *tags_b]:
        if tags_a.get(key) != tags_b.get(key):
            raise PartedError(f"the tags of {key!r} differ")
    arguments_a, arguments_b = _essential(a), _essential(b)
    for side, mine, other in (("first", arguments_a, arguments_b), ("second", arguments_b, arguments_a)):
        for key in mine:
            if key not in other:
                raise PartedError(f"{key!r} is set only in the {side}")
    if _extra_keywords(a) != _extra_keywords(b):
        raise PartedError("the keyword arguments that are not in the signature stand in another order")
    return parts + [(key, value, arguments_b[key]) for key, value in arguments_a.items()]


def _essential(buildable: Any) -> dict[Any, Any]:
    """Returns the arguments of a Buildable; why a link was not resolved, and where, is no part of the graph."""
    arguments: dict[Any, Any] = buildable.__arguments__
    if buildable.__fn_or_cls__ is not runtime.unresolved:
        return arguments
    return {key: value for key, value in arguments.items() if key != "reason"}


def _extra_keywords(buildable: Any) -> list[str]:
    """Returns the set keyword arguments that go into ``**kwargs``, in their order."""
    parameters = buildable.__signature_info__.parameters
    named = {name for name, parameter in parameters.items() if parameter.kind in _NAMED}
    return [key for key in buildable.__arguments__ if isinstance(key, str) and key not in named]


def _config_parts(a: Any, b: Any, ordered: bool) -> list[Part]:
    """The raw items of OmegaConf's containers: interpolations as they are written, whatever they reach."""
    types_ab = [x._metadata.object_type for x in (a, b)]
    if types_ab[0] != types_ab[1]:
        raise PartedError("the structured types {} and {} differ".format(*map(shown, types_ab)))
    here, there = a._value(), b._value()
    if isinstance(here, dict) and isinstance(there, dict):
        return _entries([(k, _raw(v)) for k, v in here.items()], [(k, _raw(v)) for k, v in there.items()], ordered)
    if isinstance(here, list) and isinstance(there, list):
        return _items([_raw(node) for node in here], [_raw(node) for node in there], ordered)
    return [(None, here, there)]


def _raw(node: Any) -> Any:
    from omegaconf import Container, Node

    while isinstance(node, Node) and not isinstance(node, Container):
        node = node._value()
    return node


def _ndarray_parts(a: Any, b: Any, ordered: bool) -> list[Part]:
    # Subclasses (masked arrays, records) are more than their values, and say themselves what.
    plain = type(a) is sys.modules["numpy"].ndarray
    return _array_parts(a, b, ordered) if plain else _state(a, b, ordered)


def _array_parts(a: Any, b: Any, ordered: bool, values: Callable[[Any], Any] | None = None) -> list[Part]:
    for name in ("dtype", "shape"):
        if getattr(a, name) != getattr(b, name):
            raise PartedError(f"the {name} {getattr(a, name)} is not {getattr(b, name)}")
    to_numpy = values or sys.modules["numpy"].asarray
    here, there = to_numpy(a), to_numpy(b)
    if here.dtype.hasobject:
        return _items(here.ravel().tolist(), there.ravel().tolist(), ordered)
    if not _equal_values(here, there):
        raise PartedError("the values of the arrays differ")
    return []


def _tensor_parts(a: Any, b: Any, ordered: bool) -> list[Part]:
    return _array_parts(a, b, ordered, _tensor_values)


def _tensor_values(tensor: Any) -> Any:
    # NumPy has not all of PyTorch's floats, but the widest holds them all exactly.
    wide = tensor.to_dense().double() if tensor.is_floating_point() else tensor.to_dense()
    return wide.numpy(force=True)


def _equal_values(a: Any, b: Any) -> bool:
    if a.dtype.names:
        return all(_equal_values(a[name], b[name]) for name in a.dtype.names)
    if a.dtype.kind == "c":
        return _equal_values(a.real, b.real) and _equal_values(a.imag, b.imag)
    if a.dtype.kind == "V":
        return bool(a.tobytes() == b.tobytes())
    equal = a == b
    if a.dtype.kind == "f":
        equal &= sys.modules["numpy"].signbit(a) == sys.modules["numpy"].signbit(b)
    return bool((equal | ((a != a) & (b != b))).all())


# --- The rules --------------------------------------------------------------------------------------------------

_PLAIN: frozenset[type] = frozenset({bool, int, float, str, bytes, type(None)})
_NAMED = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)

_VALUE = Rule(_equal, "atom")
_GLOBAL = Rule(_identical, "atom")
_CONTENT = Rule(_state, "content", leaf=True)
_OBJECT = Rule(_state, "identity", leaf=True)

#: By exact type: their subclasses may add to them.
_EXACT: dict[type, Rule] = {
    **dict.fromkeys((*_PLAIN, type(...), type(NotImplemented), types.CodeType), _VALUE),
    float: Rule(_equal_floats, "atom"),
    list: Rule(_items, "identity"),
    dict: Rule(_dict_entries, "identity"),
    _Factory: Rule(_members("make"), "atom"),
}

#: By module and class, where the module has been imported. ``numpy.float64`` is a float: these come before the bases.
_FOREIGN: tuple[tuple[str, str, Rule], ...] = (
    ("fiddle", "Buildable", Rule(_buildable_parts, "identity")),
    ("omegaconf", "TupleConfig", Rule(_config_parts, "content")),
    ("omegaconf", "Container", Rule(_config_parts, "identity")),
    ("numpy", "generic", Rule(_array_parts, "content", leaf=True)),
    ("numpy", "ndarray", Rule(_ndarray_parts, "identity", leaf=True)),
    ("numpy", "dtype", _VALUE),
    ("torch", "Tensor", Rule(_tensor_parts, "identity", leaf=True)),
    ("torch", "device", _CONTENT),
    ("jax", "Array", Rule(_array_parts, "identity", leaf=True)),
)

#: By base type; the first that fits.
_BASES: tuple[tuple[type, Rule], ...] = (
    *((cls, _GLOBAL) for cls in (type, enum.Enum, types.FunctionType, types.ModuleType)),
    *((cls, _GLOBAL) for cls in (types.MethodDescriptorType, types.WrapperDescriptorType, types.GetSetDescriptorType)),
    (functools.partial, Rule(_partial_parts, "identity", leaf=True, subclasses=True)),
    (types.MethodType, Rule(_members("__func__", "__self__"), "content", leaf=True)),
    (types.MappingProxyType, Rule(_dict_entries, "content", leaf=True)),
    (BaseException, Rule(_members("args"), "identity", leaf=True)),
    (tuple, Rule(_tuple_items, "content")),
    (frozenset, Rule(_elements, "content")),
    (set, Rule(_elements, "identity")),
    *((cls, Rule(_state, "identity")) for cls in (list, dict)),
    *((cls, _CONTENT) for cls in (str, bytes, int, float, complex, range, slice)),
    *((cls, _CONTENT) for cls in (decimal.Decimal, fractions.Fraction, uuid.UUID, re.Pattern)),
    # Python 3.13 keeps a path as it was written.
    (pathlib.PurePath, Rule(_members("parts"), "content", leaf=True)),
    *((cls, _CONTENT) for cls in (datetime.date, datetime.time, datetime.timedelta, datetime.tzinfo)),
    *((cls, _CONTENT) for cls in (types.GenericAlias, types.UnionType, type(typing.List[int]))),  # noqa: UP006
    *((cls, _CONTENT) for cls in (types.BuiltinFunctionType, types.MethodWrapperType)),
)


def rule_of(cls: type) -> Rule:
    if cls in _EXACT:
        return _EXACT[cls]
    foreign = ((getattr(sys.modules.get(module), name, None), rule) for module, name, rule in _FOREIGN)
    for base, rule in (*foreign, *_BASES):
        if base is not None and issubclass(cls, base):
            return rule
    return _OBJECT
