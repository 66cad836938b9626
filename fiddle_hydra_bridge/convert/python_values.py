"""Values as Python expressions: literals, and the calls that codecs spell values as.

In come leaves of a tree and calls of kind "value", out come expressions. A codec's call is already a Python expression;
where Python has a literal, or a shorter call, a row of the table writes that. ``python_layout`` and ``python_names``
stand above; ``python_source`` comes here with everything that is no node.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from fiddle_hydra_bridge.convert.python_layout import Comment, Expr, Group, Item, Part, Text, call, text
from fiddle_hydra_bridge.convert.python_names import Imports, is_name
from fiddle_hydra_bridge.convert.tree import VALUE, Call, Tree

__all__ = ["Writer", "keyword_items", "literal", "string", "value"]


class Writer(Protocol):
    """Who writes what a value is made of."""

    imports: Imports

    def node(self, tree: Tree) -> Expr:
        """Writes a part of a value."""

    def maker(self, path: str) -> tuple[Part, ...]:
        """Writes the callable that makes a value, so that calling it makes the value."""


# Literals -----------------------------------------------------------------------------------------------------


def literal(value: Any, imports: Imports) -> Expr:
    """Writes None, a bool, an int, a float, a str or bytes."""
    if type(value) is float:
        return _float(value, imports)
    if type(value) is str:
        return string(value)
    if type(value) is bytes:
        return _bytes(value)
    if type(value) is int and value.bit_length() >= 14_000:
        # Python refuses to read or write more than 4,300 decimal digits, but hexadecimal ones have no limit.
        digits = f"{abs(value):X}"
        return text(f"{'-' if value < 0 else ''}0x{digits}")
    return text(repr(value))


def _float(value: float, imports: Imports) -> Expr:
    if math.isnan(value):
        # Not math.nan: two entries of a dict or set that were two objects would become one.
        return call(imports.reference("builtins.float"), [string("nan")])
    if math.isinf(value):
        return text("-" if value < 0 else "", *imports.reference("math.inf"))
    return text(repr(value).replace("e+", "e"))


def string(value: str) -> Text:
    """Writes a str in double quotes, or in single ones where that needs fewer backslashes."""
    # With both quotes in it, repr takes single ones and escapes them.
    return text(_requoted(repr(value + "\"'")[1:-4], value.count('"') > value.count("'")))


def _bytes(value: bytes) -> Text:
    return text("b" + _requoted(repr(value + b"\"'")[2:-4], value.count(b'"') > value.count(b"'")))


def _requoted(body: str, single: bool) -> str:
    if single:
        return f"'{body}'"
    body = re.sub(r"\\.|\"", lambda found: {"\\'": "'", '"': '\\"'}.get(found[0], found[0]), body)
    return f'"{body}"'


# Arguments ----------------------------------------------------------------------------------------------------


def keyword_items(
    named: Sequence[tuple[str, Expr]], comment: Callable[[str], Comment | None] = lambda name: None
) -> list[Item]:
    """Writes keyword arguments; those whose names are no Python names go through ``**{...}``.

    The order is kept, so there can be several such dicts.

    Args:
        named: names and values.
        comment: the comment of an argument.
    """
    items: list[Item] = []
    odd: list[Item] = []
    for name, value in named:
        if is_name(name):
            items.append(Item(value, text(name), "=", comment(name)))
            odd = []
        else:
            if not odd:
                items.append(Item(Group((), "{}", odd), text("**")))
            odd.append(Item(value, string(name), ": ", comment(name)))
    return items


def _call(writer: Writer, target: str, args: Sequence[Tree], kwargs: dict[str, Tree]) -> Group:
    named = [(name, writer.node(item)) for name, item in kwargs.items()]
    return call(writer.maker(target), [*map(writer.node, args)], keyword_items(named))


# Values -------------------------------------------------------------------------------------------------------


def value(made: Call, writer: Writer) -> Expr:
    """Writes the value that a call of kind "value" spells."""
    if made.target == VALUE and len(made.args) == 1 and type(made.args[0]) is Call and made.args[0].kind != "value":
        return _constructed(made.args[0], writer)
    write = _WRITERS.get(made.target)
    written = None if write is None else write(made, writer)
    return _call(writer, made.target, made.args, made.kwargs) if written is None else written


def _constructed(made: Call, writer: Writer) -> Expr:
    """Writes what a VALUE node's call makes: a record, a flag, a defaultdict, a partial."""
    if made.kind == "partial":
        target = Item(Text(writer.imports.reference(made.target)))
        partial = _call(writer, "functools.partial", made.args, made.kwargs)
        return call(partial.head, (), [target, *partial.items])
    if made.target == "collections.defaultdict" and len(made.args) == 2 and type(made.args[1]) is list:
        entries = _entries(made.args[1], writer)
        if entries is not None:
            return call(writer.maker(made.target), [writer.node(made.args[0]), *([entries] if entries.items else [])])
    return _call(writer, made.target, made.args, made.kwargs)


def _entries(pairs: list[Tree], writer: Writer) -> Group | None:
    """Writes pairs as a dict; None if they are no pairs."""
    if not all(type(pair) is list and len(pair) == 2 for pair in pairs):
        return None
    return Group((), "{}", [Item(writer.node(item), writer.node(key), ": ") for key, item in pairs])


def _one_list(made: Call) -> list[Tree] | None:
    """The only argument of a call, if it is a list."""
    if made.kwargs or len(made.args) != 1 or type(made.args[0]) is not list:
        return None
    return made.args[0]


def _bracketed(brackets: str, items: Sequence[Tree], writer: Writer) -> Group:
    return Group((), brackets, [Item(writer.node(item)) for item in items])


def _tuple(made: Call, writer: Writer) -> Expr | None:
    items = _one_list(made)
    return None if items is None else _bracketed("()", items, writer)


def _dict(made: Call, writer: Writer) -> Expr | None:
    pairs = _one_list(made)
    return None if pairs is None else _entries(pairs, writer)


def _ordered_dict(made: Call, writer: Writer) -> Expr | None:
    entries = _dict(made, writer)
    if not isinstance(entries, Group):
        return None
    return call(writer.maker(made.target), [entries] if entries.items else [])


def _set(made: Call, writer: Writer) -> Expr | None:
    items = _one_list(made)
    if not items:
        return None if items is None else call(writer.maker(made.target))
    return _bracketed("{}", items, writer)


def _frozenset(made: Call, writer: Writer) -> Expr | None:
    items = _one_list(made)
    if items is None:
        return None
    return call(writer.maker(made.target), [_bracketed("{}", items, writer)] if items else [])


def _joined(made: Call, writer: Writer) -> Expr | None:
    if len(made.args) != 2 or made.args[0] != "" or not all(type(piece) is str for piece in made.args[1]):
        return None
    return string("".join(made.args[1]))


def _encoded(made: Call, writer: Writer) -> Expr | None:
    if made.kwargs or len(made.args) != 2 or made.args[1] != "latin-1":
        return None
    # The text may itself be spelled as pieces.
    written = made.args[0] if type(made.args[0]) is str else "".join(made.args[0].args[1])
    content = _bytes(written.encode("latin-1"))
    if made.target == "builtins.bytes":
        return content
    return call(writer.maker(made.target), [content] if written else [])


def _range(made: Call, writer: Writer) -> Expr | None:
    args = made.args
    if made.kwargs or len(args) != 3:
        return None
    shortest = args if args[2] != 1 else args[:2] if args[0] != 0 else args[1:2]
    return call(writer.maker(made.target), [*map(writer.node, shortest)])


def _decimal(made: Call, writer: Writer) -> Expr | None:
    arguments = (*made.args, *made.kwargs.values())
    if len(arguments) != 1 or not re.fullmatch(r"0|-?[1-9][0-9]{0,4000}", str(arguments[0])):
        return None
    # A number that is an int is made of one (ruff's FURB157).
    return call(writer.maker(made.target), [text(str(arguments[0]))])


def _named(made: Call, writer: Writer) -> Expr | None:
    arguments = (*made.args, *made.kwargs.values())
    if len(arguments) != 1 or type(arguments[0]) is not str:
        return None
    return Text(writer.imports.reference(arguments[0]))


#: By the target of the call: how the value is written shorter. None for a call that is not the codec's own.
_WRITERS: dict[str, Callable[[Call, Writer], Expr | None]] = {
    "builtins.str.join": _joined,
    "builtins.tuple": _tuple,
    "builtins.dict": _dict,
    "builtins.set": _set,
    "builtins.frozenset": _frozenset,
    "builtins.bytes": _encoded,
    "builtins.bytearray": _encoded,
    "builtins.range": _range,
    "collections.OrderedDict": _ordered_dict,
    "decimal.Decimal": _decimal,
    "hydra.utils.get_object": _named,
    "hydra.utils.get_class": _named,
    "hydra.utils.get_method": _named,
    "hydra.utils.get_static_method": _named,
}
