"""YAML text and plain data: :func:`parse` reads OmegaConf's dialect with line marks, :func:`emit` writes it.

In and out: text, and plain dicts, lists and scalars in Hydra's spelling, which ``hydra_reader`` makes the tree of.
The spokes and the bridge use this module; ``yaml_reader`` holds its reader.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import NoneType
from typing import Any, NoReturn

import yaml

from fiddle_hydra_bridge.convert.paths import Path, format_path
from fiddle_hydra_bridge.convert.tree import Data, Link, Marks, Missing
from fiddle_hydra_bridge.convert.yaml_dialect import (
    ALWAYS_EXPANDED,
    MAX_DEPTH,
    MAX_EXPANSION,
    STR,
    SURROGATE,
    UNREADABLE,
    implicit_tag,
)
from fiddle_hydra_bridge.convert.yaml_reader import parse
from fiddle_hydra_bridge.errors import BridgeError, Problem, SyntaxProblemError, UnsupportedValueError

__all__ = ["MAX_DEPTH", "emit", "parse"]

# PyYAML can be built without libyaml.
_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def emit(data: Data, *, comments: Mapping[Path, str] | None = None) -> str:
    """Writes plain data as the YAML that a Hydra user would have written by hand.

    Args:
        data: a dict or list of dicts, lists, str, int, float, bool, None, ``Link`` and ``MISSING``.
        comments: by path, what to write behind the line of that key or list item. Paths that are not in the data
            have no line and are left out.

    Returns:
        The text, which :func:`parse` reads to equal data, links and ``MISSING`` as their strings.

    Raises:
        UnsupportedValueError: if YAML has no spelling for a value or key.
        SyntaxProblemError: if the data is nested deeper than ``MAX_DEPTH`` or contains itself.

    >>> print(emit({"lr": 1e-05, "name": "true", "dims": [1, 2]}), end="")
    lr: 1e-05
    name: 'true'
    dims:
    - 1
    - 2
    """
    if type(data) not in (dict, list):
        _refuse(UnsupportedValueError, f"a config is a mapping or a list, not {type(data).__qualname__}", ())
    events = list(_events(data))
    text: str = yaml.emit(events, Dumper=_Dumper, width=_NEVER_FOLD, allow_unicode=True)
    # libyaml escapes characters beyond the basic plane (emoji); PyYAML's slower emitter writes them.
    if "\\U" in text:
        text = yaml.emit(events, Dumper=yaml.SafeDumper, width=_NEVER_FOLD, allow_unicode=True)
    return _with_comments(text, comments) if comments else text


_NEVER_FOLD = 2**31 - 1


def _events(data: Data) -> Iterator[Any]:
    """Yields the events of the data."""
    yield yaml.StreamStartEvent()
    yield yaml.DocumentStartEvent(explicit=False)
    yield _opening(data)
    # For each open container: its entries that are still to come, and its end.
    stack = [(_entries(data), _CLOSING[type(data)])]
    path: list[object] = [None]
    written, unique, seen = 0, 0, {id(data)}
    while stack:
        entries, closing = stack[-1]
        for key, value in entries:
            path[-1] = key
            if closing is _END_OF_MAPPING:
                yield _key_event(key, path)
            written += 1
            if type(value) not in _CLOSING:
                yield _leaf_event(value, path)
                continue
            if id(value) not in seen:
                seen.add(id(value))
                unique += 1 + len(value)
            if len(stack) >= MAX_DEPTH or written > max(ALWAYS_EXPANDED, MAX_EXPANSION * (unique + len(data))):
                _refuse(SyntaxProblemError, "the data is nested too deeply, or contains itself", path[:8])
            yield _opening(value)
            stack.append((_entries(value), _CLOSING[type(value)]))
            path.append(None)
            break
        else:
            yield closing
            stack.pop()
            path.pop()
    yield yaml.DocumentEndEvent(explicit=False)
    yield yaml.StreamEndEvent()


_END_OF_MAPPING = yaml.MappingEndEvent()
_CLOSING: dict[type, Any] = {dict: _END_OF_MAPPING, list: yaml.SequenceEndEvent()}


def _opening(container: Any) -> Any:
    kind = yaml.MappingStartEvent if type(container) is dict else yaml.SequenceStartEvent
    return kind(None, None, True, flow_style=not container)


def _entries(container: Any) -> Iterator[tuple[Any, Any]]:
    return iter(container.items() if type(container) is dict else enumerate(container))


def _event(text: str, style: str | None = None) -> Any:
    return yaml.ScalarEvent(None, None, (True, True), text, style=style)


def _leaf_event(value: Any, path: list[object]) -> Any:
    spell = _SPELLINGS.get(type(value))
    if spell is None:
        _refuse(UnsupportedValueError, f"a {type(value).__qualname__} cannot be written as YAML", path)
    text, style = spell(value)
    if style is not None or not text.isascii():
        _check_characters(text, path)
    return _event(text, style)


def _key_event(key: Any, path: list[object]) -> Any:
    if type(key) not in (str, int, float, bool):
        _refuse(UnsupportedValueError, f"a {type(key).__qualname__} cannot be a key in YAML", path[:-1])
    text, style = _SPELLINGS[type(key)](key)
    _check_characters(text, path[:-1])
    return _event(text, '"' if style == "|" else style)


def _check_characters(text: str, path: list[object]) -> None:
    if found := SURROGATE.search(text):
        message = f"the lone surrogate U+{ord(found.group()):04X} cannot be written as YAML"
        _refuse(UnsupportedValueError, message, path)


def _refuse(kind: type[BridgeError], message: str, path: Sequence[object]) -> NoReturn:
    raise kind(Problem(message, path=format_path(path), kind=kind))


# A literal block is exact for lines that end in "\n", unless the first one starts with a blank or there are blank
# ones at the end. The emitter turns to double quotes by itself for blanks before a line end and control characters.
_LITERAL = re.compile("[^\\s\ufeff][^\r\x85\u2028\u2029]*", re.DOTALL)
_BREAKS = re.compile("[\n\r\x85\u2028\u2029]")
# Booleans of YAML 1.1 that PyYAML does not read as such; OmegaConf quotes them, too.
_LETTERS = frozenset("yYnN")


def _string(text: str) -> tuple[str, str | None]:
    """Returns a string with its style; the emitter quotes a plain one that would not be a plain scalar."""
    if _BREAKS.search(text):
        return text, "|" if _LITERAL.fullmatch(text) and not text.endswith("\n\n") else '"'
    return text, "'" if text in _LETTERS or implicit_tag(text) != STR else None


def _integer(value: int) -> tuple[str, None]:
    # Python refuses to read or write more than 4,300 decimal digits, but hexadecimal ones have no limit.
    return (str(value) if value.bit_length() < 14_000 else hex(value)), None


def _float(value: float) -> tuple[str, None]:
    text = repr(value)
    return {"inf": ".inf", "-inf": "-.inf", "nan": ".nan"}.get(text, text), None


_SPELLINGS: dict[type, Callable[[Any], tuple[str, str | None]]] = {
    str: _string,
    bool: lambda value: ("true" if value else "false", None),
    int: _integer,
    float: _float,
    NoneType: lambda value: ("null", None),
    Link: lambda link: _string(link.expression),
    Missing: lambda missing: ("???", None),
}


def _with_comments(text: str, comments: Mapping[Path, str]) -> str:
    """Appends comments to the lines of their keys. No scalar but a literal block spans lines, so that a line's end
    is never inside of one."""
    data, marks = parse(text)
    lines = text.split("\n")
    for path, comment in comments.items():
        row = _row(data, marks, path)
        words = " ".join(UNREADABLE.sub("\ufffd", comment).split())
        if row is not None and words:
            lines[row - 1] += f"  # {words}"
    return "\n".join(lines)


def _row(data: Data, marks: Marks, path: Path) -> int | None:
    """Returns the line of a key or item, None if the path is not in the data."""
    container = data
    try:
        for step in path[:-1]:
            container = container[step]
        return marks.lines[id(container)][path[-1]][1]
    except (LookupError, TypeError):
        return None
