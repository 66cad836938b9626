"""Python expressions, and how they are broken into lines: as ``ruff format`` would, so that it leaves them alone.

In come expressions (:class:`Text` and :class:`Group`) whose names may be chosen later (:class:`Symbol`), out come
lines of source. ``python_values`` and ``python_source`` make the expressions, ``python_module`` puts them into
functions.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

__all__ = [
    "WIDTH",
    "Comment",
    "Expr",
    "Group",
    "Item",
    "Part",
    "Symbol",
    "Text",
    "call",
    "comment_lines",
    "emit",
    "printable",
    "symbols",
    "text",
    "walk",
]

#: The line length that ruff and black agree on.
WIDTH = 88
_INDENT = 4


class Symbol:
    """A name that is chosen when the whole module is known.

    Attributes:
        hint: the name that it would best have.
        text: the name that it has; empty until it is chosen.
    """

    __slots__ = ("hint", "text")

    def __init__(self, hint: str) -> None:
        self.hint = hint
        self.text = ""


Part: TypeAlias = str | Symbol


@dataclass(frozen=True, slots=True)
class Comment:
    """Comments of an entry.

    Attributes:
        above: lines to stand above it.
        beside: what to say behind it; it stands above where there is no room.
        below: lines to stand below it.
    """

    above: tuple[str, ...] = ()
    beside: str = ""
    below: tuple[str, ...] = ()


@dataclass(slots=True, eq=False)
class Text:
    """An expression without a place for a line break: a literal, or a dotted name."""

    parts: tuple[Part, ...]

    @property
    def weight(self) -> int:
        return 1

    @property
    def depth(self) -> int:
        return 0


@dataclass(slots=True, eq=False)
class Item:
    """An argument or entry: ``value``, ``key=value``, ``key: value`` or ``**value``."""

    value: Expr
    key: Expr | None = None
    joint: str = ""
    comment: Comment | None = None


@dataclass(slots=True, eq=False)
class Group:
    """An expression in brackets: a call (with a ``head``), or a list, tuple, dict or set.

    Attributes:
        head: what stands before the bracket; the brackets of a call in it are parts of their own.
        brackets: the opening and the closing one.
        items: what stands between them.
        hint: a name for the value, should it need one; without, it stays where it is.
        of: the annotation of a function that returns it; none if empty.
        weight: about how many lines it takes.
        depth: how many groups are nested in it, itself included.
        width: about how many columns it takes on one line.
    """

    head: tuple[Part, ...]
    brackets: str
    items: list[Item]
    hint: str = ""
    of: tuple[Part, ...] = ()
    weight: int = 1
    depth: int = 0
    width: int = 0
    _flat: str | None = field(default=None, repr=False)
    _is_measured: bool = field(default=False, repr=False)

    def __post_init__(self) -> None:
        self.measure()

    def measure(self) -> None:
        """Computes ``weight`` and ``depth`` from those of the items, before any name is known."""
        for item in self.items:
            if item.joint == "" and item.key is not None and isinstance(item.value, Group):
                item.value.measure()  # the dict of a ``**{...}``, which is a part of this group
        self.depth = 1 + max((_depth(item) for item in self.items), default=0)
        self.width = _width_of(self.head) + 2 + sum(_item_width(item) + 2 for item in self.items)
        has_comment = any(item.comment for item in self.items)
        is_short = self.width <= WIDTH - 20 and not has_comment
        self.weight = 1 if is_short else 2 + sum(max(_weight(item), 1) for item in self.items)


Expr: TypeAlias = Text | Group


def text(*parts: Part) -> Text:
    """Returns an expression that is one piece."""
    return Text(parts)


def call(head: Sequence[Part], args: Sequence[Expr] = (), items: Sequence[Item] = (), hint: str = "") -> Group:
    """Returns a call with positional arguments and further items."""
    return Group(tuple(head), "()", [*map(Item, args), *items], hint)


def walk(expr: Expr) -> Iterator[Expr]:
    """Yields an expression and all that it is made of, in the order of its text."""
    pending: list[Expr] = [expr]
    while pending:
        node = pending.pop()
        yield node
        if isinstance(node, Group):
            for item in reversed(node.items):
                pending.append(item.value)
                if item.key is not None:
                    pending.append(item.key)


def symbols(expr: Expr) -> Iterator[Symbol]:
    """Yields the symbols of an expression, in the order of its text."""
    for node in walk(expr):
        yield from (part for part in (node.parts if isinstance(node, Text) else node.head) if isinstance(part, Symbol))


# Before names are known ---------------------------------------------------------------------------------------


def _depth(item: Item) -> int:
    return max(item.value.depth, item.key.depth if item.key is not None else 0)


def _weight(item: Item) -> int:
    comments = (*item.comment.above, *item.comment.below) if item.comment is not None else ()
    return item.value.weight + len(comments)


def _item_width(item: Item) -> int:
    key = 0 if item.key is None else _expr_width(item.key) + len(item.joint)
    return key + _expr_width(item.value)


def _expr_width(expr: Expr) -> int:
    return _width_of(expr.parts) if isinstance(expr, Text) else expr.width


def _width_of(parts: tuple[Part, ...]) -> int:
    return sum(len(part) if isinstance(part, str) else len(part.hint) for part in parts)


# Lines --------------------------------------------------------------------------------------------------------


def emit(expr: Expr, prefix: str = "", suffix: str = "", indent: int = 0) -> list[str]:
    """Returns the lines of an expression.

    Args:
        expr: the expression; its symbols have their names.
        prefix: what stands before it on its first line.
        suffix: what stands behind it on its last line.
        indent: how many blanks are before its first line.
    """
    lines: list[str] = []
    _emit(lines, expr, prefix, suffix, indent)
    return lines


def _emit(lines: list[str], expr: Expr, prefix: str, suffix: str, indent: int) -> None:
    flat = _flat(expr)
    if flat is not None and indent + _columns(prefix) + _columns(flat) + len(suffix) <= WIDTH:
        lines.append(" " * indent + prefix + flat + suffix)
    else:
        _emit_broken(lines, expr, prefix, suffix, indent)


def _emit_broken(lines: list[str], expr: Expr, prefix: str, suffix: str, indent: int) -> None:
    if isinstance(expr, Text):
        lines.append(" " * indent + prefix + _joined(expr.parts) + suffix)
    elif "(" in expr.head and indent + _columns(prefix) + _columns(_joined(expr.head)) >= WIDTH:
        # The call of what a call returns: there is a place in the first one, too.
        at = expr.head.index("(") + 1
        lines.append(" " * indent + prefix + _joined(expr.head[:at]))
        lines.append(" " * (indent + _INDENT) + _joined(expr.head[at:-1]))
        _emit(lines, Group((")",), expr.brackets, expr.items), "", suffix, indent)
    elif not expr.items:
        lines.append(" " * indent + prefix + _joined(expr.head) + expr.brackets + suffix)
    else:
        lines.append(" " * indent + prefix + _joined(expr.head) + expr.brackets[0])
        _emit_items(lines, expr, indent + _INDENT)
        lines.append(" " * indent + expr.brackets[1] + suffix)


def _emit_items(lines: list[str], group: Group, indent: int) -> None:
    is_call = bool(group.head)
    one_line = _flat_items(group) if is_call else None
    if one_line is not None and indent + _columns(one_line) <= WIDTH:
        lines.append(" " * indent + one_line)
        return
    # A single item gets no comma, except in a tuple, which would be none without.
    comma = "," if len(group.items) > 1 or _is_tuple(group) else ""
    for item in group.items:
        _emit_item(lines, item, comma, indent)


def _emit_item(lines: list[str], item: Item, comma: str, indent: int) -> None:
    start = len(lines)
    above: tuple[str, ...] = ()
    beside = ""
    if item.comment is not None:
        above, beside = item.comment.above, printable(item.comment.beside)
    if item.key is None:
        _emit(lines, item.value, item.joint, comma, indent)
    else:
        _emit_entry(lines, item.key, item.joint, item.value, comma, indent)
    if beside:
        note = f"  # {beside}"
        if len(lines) == start + 1 and _columns(lines[start]) + _columns(note) <= WIDTH:
            lines[start] += note
        else:
            above = (*above, beside)
    lines[start:start] = comment_lines(above, indent)
    if item.comment is not None:
        lines += comment_lines(item.comment.below, indent)


def comment_lines(comments: Iterable[str], indent: int = 0) -> list[str]:
    """Writes comments, a line for each, whatever characters they hold."""
    return [f"{' ' * indent}# {printable(comment)}".rstrip() for comment in comments]


def printable(words: str) -> str:
    """Returns words without line ends and whatever else could end a comment, or hide in it."""
    return "".join(character if character.isprintable() else " " for character in words)


def _emit_entry(lines: list[str], key: Expr, joint: str, value: Expr, comma: str, indent: int) -> None:
    flat = _flat(key)
    if flat is None or (isinstance(key, Group) and indent + _columns(flat) + len(joint) + _opening(value) > WIDTH):
        _emit_broken(lines, key, "", joint, indent)
        last = lines.pop()
        _emit(lines, value, last.lstrip(), comma, indent)
    else:
        _emit(lines, value, flat + joint, comma, indent)


def _opening(expr: Expr) -> int:
    """The width of what stands before the first place where an expression can be broken."""
    parts = expr.parts if isinstance(expr, Text) else expr.head
    if "(" in parts:
        return _columns(_joined(parts[: parts.index("(")])) + 1
    # Behind what cannot be broken stands a comma.
    brackets = 0 if isinstance(expr, Text) or expr.items else 2
    return _columns(_joined(parts)) + brackets + 1


def _flat(expr: Expr) -> str | None:
    """The expression on one line; None if that would be longer than any line, or if it holds comments."""
    if isinstance(expr, Text):
        return _joined(expr.parts)
    if not expr._is_measured:
        inner = _flat_items(expr)
        if inner is not None:
            tail = "," if _is_tuple(expr) and len(expr.items) == 1 else ""
            inner = f"{_joined(expr.head)}{expr.brackets[0]}{inner}{tail}{expr.brackets[1]}"
            expr._flat = inner if len(inner) <= WIDTH else None
        expr._is_measured = True
    return expr._flat


def _flat_items(group: Group) -> str | None:
    pieces = []
    for item in group.items:
        value = _flat(item.value)
        key = "" if item.key is None else _flat(item.key)
        if value is None or key is None or item.comment is not None:
            return None
        pieces.append(f"{key}{item.joint}{value}")
    joined = ", ".join(pieces)
    return joined if len(joined) <= WIDTH else None


def _is_tuple(group: Group) -> bool:
    return group.brackets == "()" and not group.head


def _joined(parts: tuple[Part, ...]) -> str:
    return "".join(part if isinstance(part, str) else part.text for part in parts)


def _columns(line: str) -> int:
    """The columns that a line takes on a screen: East Asian characters take two, combining ones none."""
    if line.isascii():
        return len(line)
    return sum(map(_character_columns, line))


def _character_columns(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
