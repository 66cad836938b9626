"""What a codec is: the spelling of one type of values as a call node. The registry that finds the right one.

In come values and call nodes, out comes the ``Codec`` that spells or reads them. ``tree`` stands above;
``records`` and ``values`` stand below, with the built-in codecs and with ``encode`` and ``decode``.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from fiddle_hydra_bridge.convert.hydra_keys import NOT_DATA
from fiddle_hydra_bridge.convert.tree import PLAIN_TYPES, VALUE, Call, Tree
from fiddle_hydra_bridge.errors import Problem, UnsupportedValueError

__all__ = [
    "ADD_A_CODEC",
    "Arguments",
    "Codec",
    "Codecs",
    "Family",
    "Shape",
    "closed",
    "dotted",
    "is_leaf",
    "plain_dict",
    "unsupported",
]

Arguments: TypeAlias = tuple[Sequence[Any], Mapping[str, Any]]
Shape: TypeAlias = Callable[[Sequence[Tree], Mapping[str, Tree]], bool]

ADD_A_CODEC = "add a Codec that says how the value is made"


def is_leaf(value: Any) -> bool:
    """Whether a value is a leaf of a tree: exactly None, bool, int, float, or a str that Hydra takes literally."""
    if type(value) is str:
        return "${" not in value and value != "???"
    return type(value) in PLAIN_TYPES


def plain_dict(value: Any) -> bool:
    """Whether a value is a dict that a mapping can hold: exactly ``dict``, all keys str and none a reserved word."""
    return type(value) is dict and all(type(key) is str and key not in NOT_DATA for key in value)


def closed(tree: Tree) -> bool:
    """Whether a tree is a value through and through: nothing in it is built, linked or given later."""
    pending = [tree]
    while pending:
        node = pending.pop()
        if type(node) is Call:
            if node.kind != "value":
                return False
            # The call in a VALUE node makes the value itself; only what it is given can be built later.
            made = [arg for arg in node.args if type(arg) is Call] if node.target == VALUE else []
            for call in made or [node]:
                pending += (*call.args, *call.kwargs.values())
        elif type(node) is list:
            pending += node
        elif type(node) is dict:
            pending += node.values()
        elif not is_leaf(node):
            return False
    return True


@dataclass(frozen=True, slots=True)
class Codec:
    """How the values of one type are spelled as a call node that plain Hydra can instantiate, and read back.

    Args:
        type: the class, or its dotted path, so that the library that defines it need not be imported.
        target: the dotted path of the callable that Hydra calls to make the value.
        encode: takes a value, returns the positional and the keyword arguments of that call. The arguments may be
            any values: they are encoded in turn. Raises ``UnsupportedValueError`` for a value it cannot spell.
        decode: makes the value from the arguments. By default the target is located, through the target policy,
            and called.
        mutable: whether identity matters: a value met twice is one shared value.
        nested: whether the arguments may hold what is built later (Fiddle builds the items of a tuple, but
            not those of a set).
        subclasses: whether instances of subclasses are spelled in the same way. Otherwise they are refused,
            since reading them back would silently give the base class.
        reads: whether a bare call of ``target`` with these arguments (as trees) means the value, and not a call
            to be made when the config is built. By default every call of it does.

    Example:
        >>> from ipaddress import IPv4Address
        >>> from fiddle_hydra_bridge.convert.values import BUILTIN, encode
        >>> codec = Codec(IPv4Address, "ipaddress.IPv4Address", lambda address: ((str(address),), {}))
        >>> encode(IPv4Address("10.0.0.1"), lambda argument: argument, BUILTIN.with_codecs(codec))
        value:ipaddress.IPv4Address('10.0.0.1')
    """

    type: builtins.type | str
    target: str
    encode: Callable[[Any], Arguments]
    decode: Callable[..., Any] | None = None
    mutable: bool = False
    nested: bool = False
    subclasses: bool = False
    reads: Shape = lambda args, kwargs: True


@dataclass(frozen=True, slots=True)
class Family:
    """A codec for values that have no class in common, and the test that tells them."""

    belongs: Callable[[Any], bool]
    codec: Codec


class Codecs:
    """An immutable registry of codecs.

    Args:
        codecs: of two for the same type, or that read the same call, the later one counts.
        families: asked, in this order, when no codec has the type of a value.
    """

    __slots__ = ("_by_base", "_by_target", "_by_type", "_codecs", "_families")

    def __init__(self, codecs: Iterable[Codec] = (), families: Iterable[Family] = ()) -> None:
        self._codecs = tuple(codecs)
        self._families = tuple(families)
        self._by_type = {codec.type: codec for codec in self._codecs}
        self._by_base = {codec.type: codec for codec in self._codecs if codec.subclasses}
        self._by_target: dict[str, list[Codec]] = {}
        for codec in (*reversed(self._codecs), *(family.codec for family in self._families)):
            self._by_target.setdefault(codec.target, []).append(codec)

    def with_codecs(self, *codecs: Codec) -> Codecs:
        """Returns a new registry that has these codecs too."""
        return Codecs((*self._codecs, *codecs), self._families)

    def for_value(self, value: Any) -> Codec | None:
        """Returns the codec that spells a value; None if it needs none (a leaf, list or plain dict) or has none."""
        if is_leaf(value) or type(value) is list or plain_dict(value):
            return None
        table = self._by_type
        for cls in type(value).__mro__:
            codec = table.get(cls) or table.get(dotted(cls))
            if codec is not None:
                return codec
            table = self._by_base
        return next((family.codec for family in self._families if family.belongs(value)), None)

    def for_call(self, target: str, args: Sequence[Tree], kwargs: Mapping[str, Tree]) -> Codec | None:
        """Returns the codec that reads a bare call node as a value; None if the node is an ordinary call.

        Args:
            target: the target path of the call node.
            args: its positional arguments, as trees; value nodes among them have been read as such before.
            kwargs: its keyword arguments, likewise.
        """
        for codec in self._by_target.get(target, ()):
            if codec.reads(args, kwargs) and (codec.nested or all(map(closed, (*args, *kwargs.values())))):
                return codec
        return None

    def spells(self, target: str) -> bool:
        """Whether calls of a target may mean values."""
        return target in self._by_target

    def maker(self, target: str) -> Callable[..., Any] | None:
        """Returns what makes a value from the arguments of a call of ``target``; None for the target itself."""
        return next((codec.decode for codec in self._by_target.get(target, ()) if codec.decode), None)


def dotted(cls: type) -> str:
    """Returns the dotted path of a class, right or not: for look-ups and messages."""
    return f"{cls.__module__}.{cls.__qualname__}"


def unsupported(message: str, hint: str = ADD_A_CODEC) -> UnsupportedValueError:
    """Returns the error for a value that cannot be spelled, without a path: the caller knows where the value is."""
    return UnsupportedValueError(Problem(message, hint=hint, kind=UnsupportedValueError))
