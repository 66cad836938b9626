"""The built-in codecs: how a Python value that YAML cannot hold is spelled as a call node, and read back.

In comes a Python value, out goes a ``Call`` of kind "value" that plain Hydra can instantiate (``encode``), and
back (``decode``). ``codec`` (the registry), ``records`` and ``targets`` (dotted path <-> callable, the target
policy) stand above; ``runtime`` and the spokes stand below and come here with every leaf that YAML cannot hold.

A codec with a ``decode`` of its own is a conversion of data that the registry vouches for. All else that
decoding calls or locates goes through ``targets``, and so through the target policy and ``allow``.
"""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import pathlib
import re
import sys
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from fiddle_hydra_bridge.convert import targets
from fiddle_hydra_bridge.convert.codec import (
    ADD_A_CODEC,
    Arguments,
    Codec,
    Codecs,
    Family,
    closed,
    dotted,
    is_leaf,
    plain_dict,
    unsupported,
)
from fiddle_hydra_bridge.convert.hydra_keys import NOT_DATA
from fiddle_hydra_bridge.convert.records import is_namedtuple, is_record, record_arguments, record_values
from fiddle_hydra_bridge.convert.shapes import (
    takes,
    takes_any,
    takes_call,
    takes_hashables,
    takes_latin1,
    takes_list,
    takes_pairs,
    takes_path,
    takes_pieces,
    takes_scalars,
    takes_texts,
    takes_uuid,
)
from fiddle_hydra_bridge.convert.tree import VALUE, Call, Kind, Tree
from fiddle_hydra_bridge.errors import Problem, TargetError, UnsupportedValueError

__all__ = [
    "BUILTIN",
    "Codec",
    "Codecs",
    "closed",
    "decode",
    "encode",
    "is_leaf",
    "no_spelling",
    "plain_dict",
]


# Spelled by name: classes, functions, enum members ------------------------------------------------------------


def _path(target: Any) -> str:
    try:
        return targets.path_of(target)
    except TargetError as error:
        problem = dataclasses.replace(error.problems[0], kind=UnsupportedValueError)
        raise UnsupportedValueError(problem) from error


def _is_named(value: Any) -> bool:
    return callable(value) and hasattr(value, "__name__")


def _is_member(value: Any) -> bool:
    """Whether ``Class.NAME`` gives this enum member: not so for combinations of flags and for odd names."""
    name = value._name_ if isinstance(value, enum.Enum) else None
    return name is not None and name.isidentifier() and getattr(type(value), name, None) is value


def _member(member: enum.Enum) -> Arguments:
    return (), {"path": f"{_path(type(member))}.{member._name_}"}


def _locate(call: Call, allow: tuple[str, ...] | None) -> Any:
    (path,) = (*call.args, *call.kwargs.values())
    return locate(call.target, path, allow)


def locate(locator: str, path: str, allow: tuple[str, ...] | None = None) -> Any:
    """Returns what a locator of :data:`LOCATORS` finds at a dotted path, for a graph.

    Raises:
        TargetError: if there is no such object, it is refused, or the locator does not accept it.
    """
    found = targets.get_object(path, allow)
    if callable(found):
        # Whoever is given it may call it, and in a graph nobody sees that.
        targets.check_unwatched(found)
    if not LOCATORS[locator](found):
        raise TargetError(Problem(f"{locator} does not accept {path!r}, which is {found!r}", kind=TargetError))
    return found


# Spelled as the call that makes it: fiddle_hydra_bridge.value(Class(...)) -------------------------------------


def _made_by(function: Any, kind: Kind, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Arguments:
    reserved = NOT_DATA & kwargs.keys()
    if reserved:
        raise unsupported(f"an argument of {_path(function)} is called {min(reserved)!r}, which is a word of Hydra")
    return (Call(_path(function), kind, [*args], {**kwargs}),), {}


def _partial(value: functools.partial[Any]) -> Arguments:
    cls = type(value)
    # Hydra's own deferred calls are partials too, with attributes that say where they come from.
    if cls is not functools.partial and not cls.__module__.startswith("hydra."):
        raise no_spelling(value)
    if cls is functools.partial and vars(value):
        raise unsupported(f"a functools.partial has attributes of its own: {', '.join(vars(value))}")
    targets.resolve_for_graph(_path(value.func))
    return _made_by(value.func, "partial", value.args, value.keywords)


def _defaultdict(value: collections.defaultdict[Any, Any]) -> Arguments:
    return _made_by(collections.defaultdict, "config", (value.default_factory, _pairs(value)), {})


def _construct(call: Call, allow: tuple[str, ...] | None) -> Any:
    if not takes_call(call.args, call.kwargs):
        raise unsupported(f"{VALUE} takes one call node, which makes the value", "let the bridge write such nodes")
    made: Call = call.args[0]
    function: Any = targets.resolve_for_graph(made.target, allow).function
    builds_items = function is collections.defaultdict
    if made.kind == "partial":
        function = functools.partial(functools.partial, function)
    elif not builds_items and not (isinstance(function, type) and issubclass(function, enum.Enum)):
        record_arguments(function)
        builds_items = issubclass(function, tuple)
    if not builds_items and _holds_buildable((*made.args, *made.kwargs.values())):
        raise unsupported(f"{made.target} is made before what it holds is built", f"remove the {VALUE} around it")
    return function(*made.args, **made.kwargs)


def _holds_buildable(values: Iterable[Any]) -> bool:
    """Whether a Fiddle Buildable is among these values or in containers of theirs. Does not import Fiddle."""
    pending = [*values]
    while pending:
        value = pending.pop()
        if any(base.__module__.startswith("fiddle.") for base in type(value).__mro__):
            return True
        pending += _ITEMS.get(type(value), lambda value: ())(value)
    return False


_ITEMS: dict[type, Callable[[Any], Iterable[Any]]] = {
    list: iter,
    tuple: iter,
    dict: lambda value: (*value.keys(), *value.values()),
}


# Spelled by parts ---------------------------------------------------------------------------------------------


def _pairs(value: Mapping[Any, Any]) -> list[list[Any]]:
    return [[key, item] for key, item in value.items()]


def _in_order(items: Iterable[Any]) -> list[Any]:
    """The items of a set in an order that is the same in every process."""

    def spelled(item: Any) -> Tree:
        if type(item) is list:
            return [spelled(part) for part in item]
        if plain_dict(item):
            return {key: spelled(part) for key, part in item.items()}
        call = encode(item, spelled)
        return item if call is None else call

    def rank(item: Any) -> tuple[str, bool, Any]:
        is_sortable = type(item) in (int, bool, str, bytes) or (type(item) is float and item == item)
        return dotted(type(item)), is_sortable, item if is_sortable else repr(spelled(item))

    return sorted(items, key=rank)


def _literal(text: str) -> Arguments:
    # No escape works on both lines of Hydra, so the text is cut where its parts mean nothing.
    pieces = ["?", "??"] if text == "???" else re.split(r"(?<=\$)(?=\{)", text)
    return ("", pieces), {}


def _latin1(value: bytes | bytearray) -> Arguments:
    return (value.decode("latin-1"), "latin-1"), {}


def _iso(value: datetime.datetime | datetime.time) -> Arguments:
    text = value.isoformat()
    # The repr also shows the fold and the name and kind of the time zone; Python itself misreads some tiny offsets.
    if repr(type(value).fromisoformat(text)) != repr(value):
        hint = f"use fold=0 and a time zone that is a fixed offset without a name, or {ADD_A_CODEC}"
        raise unsupported(f"{text!r} does not say all about {value!r}", hint)
    return (text,), {}


def _uuid(value: uuid.UUID) -> Arguments:
    return (str(value),), {} if value.is_safe is uuid.SafeUUID.unknown else {"is_safe": value.is_safe}


def _numpy_time(value: Any) -> Arguments:
    unit = re.findall(r"\[(.*)\]", value.dtype.str)
    text = str(value)
    is_exact = text == "NaT" or (re.match(r"\d{4}(-|$)", text) and unit[0].isalpha())
    return (text if is_exact else value.view("i8").item(), *unit), {}


def _numpy_dtype(value: Any) -> Arguments:
    numpy = sys.modules["numpy"]
    if value.metadata is None and value.isbuiltin != 2 and value.char in "?bBhHiIlLqQefdgFDGSUMmO":
        # A copied dtype does not say that it is a built-in one; made anew from its text it does.
        canonical = numpy.dtype(value.str)
        for text in (canonical.name if canonical.isbuiltin else value.str, value.char):
            if (numpy.dtype(text), numpy.dtype(text).char) == (value, value.char):
                return (text,), {}
    raise unsupported(f"the {value!r} has no name that says all about it")


# The table ----------------------------------------------------------------------------------------------------


def _one(part: Callable[[Any], Any]) -> Callable[[Any], Arguments]:
    return lambda value: ((part(value),), {})


_NUMPY: dict[str, Callable[[Any], Arguments]] = {
    "float16 float32 float64 complex64 complex128 bool bool_": _one(lambda value: value.item()),
    "int8 int16 int32 int64 intc longlong uint8 uint16 uint32 uint64 uintc ulonglong": _one(lambda value: value.item()),
    "str_": _one("".join),
    "bytes_": _one(bytes),
    "datetime64 timedelta64": _numpy_time,
}

_TEXT, _INT, _NUMBER, _INDEX = (str,), (int,), (int, float), (int, type(None))
_ANY = (str, int, float, bool, type(None))

_CODECS = (
    Codec(str, "builtins.str.join", _literal, str.join, reads=takes_pieces),
    Codec(tuple, "builtins.tuple", _one(list), tuple, nested=True, reads=takes_list),
    Codec(dict, "builtins.dict", _one(_pairs), dict, mutable=True, nested=True, reads=takes_pairs),
    Codec(set, "builtins.set", _one(_in_order), set, mutable=True, reads=takes_hashables),
    Codec(frozenset, "builtins.frozenset", _one(_in_order), frozenset, reads=takes_hashables),
    Codec(bytes, "builtins.bytes", _latin1, bytes, reads=takes_latin1),
    Codec(bytearray, "builtins.bytearray", _latin1, bytearray, mutable=True, reads=takes_latin1),
    Codec(complex, "builtins.complex", lambda v: ((v.real, v.imag), {}), complex, reads=takes(_NUMBER, _NUMBER)),
    Codec(range, "builtins.range", lambda v: ((v.start, v.stop, v.step), {}), range, reads=takes(_INT, _INT, _INT)),
    Codec(slice, "builtins.slice", lambda v: ((v.start, v.stop, v.step), {}), slice, reads=takes(_ANY, _ANY, _ANY)),
    Codec(
        collections.OrderedDict,
        "collections.OrderedDict",
        _one(_pairs),
        collections.OrderedDict,
        mutable=True,
        reads=takes_pairs,
    ),
    Codec(
        collections.Counter, "collections.Counter", _one(dict), collections.Counter, mutable=True, reads=takes((dict,))
    ),
    Codec(
        collections.deque,
        "collections.deque",
        lambda value: (([*value],) if value.maxlen is None else ([*value], value.maxlen), {}),
        collections.deque,
        mutable=True,
        reads=takes_any(takes_list, takes((list,), _INDEX)),
    ),
    Codec(collections.defaultdict, VALUE, _defaultdict, mutable=True, nested=True, reads=takes_call),
    Codec(functools.partial, VALUE, _partial, mutable=True, subclasses=True, reads=takes_call),
    Codec(decimal.Decimal, "decimal.Decimal", _one(str), decimal.Decimal, reads=takes(_TEXT)),
    Codec(
        fractions.Fraction,
        "fractions.Fraction",
        lambda value: ((value.numerator, value.denominator), {}),
        fractions.Fraction,
        reads=takes(_INT, _INT),
    ),
    Codec(uuid.UUID, "uuid.UUID", _uuid, uuid.UUID, reads=takes_uuid),
    Codec(
        datetime.datetime,
        "datetime.datetime.fromisoformat",
        _iso,
        datetime.datetime.fromisoformat,
        reads=takes(_TEXT),
    ),
    Codec(datetime.date, "datetime.date.fromisoformat", _one(str), datetime.date.fromisoformat, reads=takes(_TEXT)),
    Codec(datetime.time, "datetime.time.fromisoformat", _iso, datetime.time.fromisoformat, reads=takes(_TEXT)),
    Codec(
        datetime.timedelta,
        "datetime.timedelta",
        lambda value: ((value.days, value.seconds, value.microseconds), {}),
        datetime.timedelta,
        reads=takes(_INT, _INT, _INT),
    ),
    Codec(
        datetime.timezone,
        "datetime.timezone",
        lambda value: (value.__getinitargs__(), {}),
        datetime.timezone,
        reads=takes_any(takes(()), takes((), _TEXT)),
    ),
    Codec(pathlib.PosixPath, "pathlib.Path", _one(str), pathlib.Path, reads=takes_texts),
    Codec(pathlib.WindowsPath, "pathlib.Path", _one(str), pathlib.Path, reads=takes_texts),
    Codec(pathlib.PurePosixPath, "pathlib.PurePosixPath", _one(str), pathlib.PurePosixPath, reads=takes_texts),
    Codec(pathlib.PureWindowsPath, "pathlib.PureWindowsPath", _one(str), pathlib.PureWindowsPath, reads=takes_texts),
    Codec(re.Pattern, "re.compile", lambda v: ((v.pattern, v.flags), {}), re.compile, reads=takes(_TEXT, _INT)),
    *(
        Codec(f"numpy.{name}", f"numpy.{name}", encoder, reads=takes_scalars)
        for names, encoder in _NUMPY.items()
        for name in names.split()
    ),
    Codec("numpy.dtype", "numpy.dtype", _numpy_dtype, subclasses=True, reads=takes(_TEXT)),
    Codec("torch.dtype", "hydra.utils.get_object", lambda value: ((), {"path": str(value)}), reads=takes_path),
    Codec("torch.device", "torch.device", _one(str), reads=takes(_TEXT)),
)


def _named(locator: str) -> Codec:
    return Codec(object, locator, lambda value: ((), {"path": _readable_path(value)}), reads=takes_path)


def _readable_path(value: Any) -> str:
    """The path of a callable that may be read again."""
    path = _path(value)
    targets.get_object(path)
    targets.check_unwatched(value)
    return path


def _called(encoder: Callable[[Any], Arguments], mutable: bool = False, nested: bool = False) -> Codec:
    return Codec(object, VALUE, encoder, mutable=mutable, nested=nested, reads=takes_call)


def _record(value: Any) -> Arguments:
    return _made_by(type(value), "config", (), record_values(value))


#: What Hydra's locators accept. A node that names one is read as the object itself.
LOCATORS: dict[str, Callable[[Any], bool]] = {
    "hydra.utils.get_object": lambda found: True,
    "hydra.utils.get_class": lambda found: isinstance(found, type),
    "hydra.utils.get_method": callable,
    "hydra.utils.get_static_method": callable,
}

_FAMILIES = (
    Family(_is_member, Codec(enum.Enum, "hydra.utils.get_object", _member, reads=takes_path)),
    Family(lambda v: isinstance(v, enum.Enum), _called(lambda v: _made_by(type(v), "config", (v._value_,), {}))),
    Family(is_namedtuple, _called(_record, nested=True)),
    Family(is_record, _called(_record, mutable=True)),
    *(Family(_is_named, _named(locator)) for locator in LOCATORS),
)

#: What the leaves and containers of a tree are exactly.
_BASES = (str, int, float, bool, list, dict)

#: The built-in codecs.
BUILTIN = Codecs(_CODECS, _FAMILIES)


# Value <-> call node ------------------------------------------------------------------------------------------


def encode(value: Any, child: Callable[[Any], Tree], codecs: Codecs = BUILTIN) -> Call | None:
    """Spells a value as a call node.

    Args:
        value: any Python value.
        child: encodes an argument of the call. It may get containers that were made for the occasion: who
            remembers them by identity must keep them alive.
        codecs: the registry.

    Returns:
        A ``Call`` of kind "value" that knows its ``value``. None if the value needs no codec (:func:`is_leaf`, list,
        :func:`plain_dict`) or has none; then :func:`no_spelling` is the error to raise.

    Raises:
        UnsupportedValueError: if the type has a codec, but this value cannot be spelled; or if the type inherits from
            str, int, float, list or dict, for which it could be mistaken. The error has no config path.
    """
    codec = codecs.for_value(value)
    if codec is None:
        if isinstance(value, _BASES) and type(value) not in _BASES:
            raise no_spelling(value)
        return None

    def argument(arg: Any) -> Tree:
        # The argument of a VALUE node is a call itself, of what makes the value.
        if type(arg) is Call:
            return Call(arg.target, arg.kind, [*map(child, arg.args)], {k: child(v) for k, v in arg.kwargs.items()})
        return child(arg)

    args, kwargs = codec.encode(value)
    call = Call(codec.target, "value", [argument(arg) for arg in args], {k: argument(arg) for k, arg in kwargs.items()})
    call.value = value
    if not codec.nested and not closed(call):
        raise unsupported(
            f"a {dotted(type(value))} holds a Buildable or a link, and Fiddle does not look for them there",
            "use a list, dict, tuple or namedtuple, or a Buildable of the class instead of an instance",
        )
    return call


def decode(call: Call, codecs: Codecs = BUILTIN, allow: tuple[str, ...] | None = None) -> Any:
    """Makes the value that a call node spells.

    Args:
        call: a ``Call`` of kind "value" whose arguments are values already. The argument of a ``VALUE`` node is a
            ``Call`` whose arguments are values already.
        codecs: the registry.
        allow: the patterns of allowed targets; None for all that the target policy lets pass.

    Raises:
        TargetError: if a target cannot be located or is refused.
        UnsupportedValueError: if a ``VALUE`` node calls something that makes no value of the bridge's.
        Exception: whatever the constructor of the value raises.
    """
    special = _construct if call.target == VALUE else _locate if call.target in LOCATORS else None
    if special is not None:
        return special(call, allow)
    make = codecs.maker(call.target) or targets.resolve_for_graph(call.target, allow).function
    return make(*call.args, **call.kwargs)


def no_spelling(value: Any) -> UnsupportedValueError:
    """Returns the error for a value that has no codec. It has no config path: the caller knows it."""
    hint = f"{ADD_A_CODEC}, or use a Buildable of the class instead of an instance"
    return unsupported(f"a value of type {dotted(type(value)).removeprefix('builtins.')} has no spelling", hint)
