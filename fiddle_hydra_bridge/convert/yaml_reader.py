"""Reads YAML text to plain data with line marks.

In: text as a Hydra user writes it. Out: plain dicts, lists and scalars in Hydra's spelling, which ``hydra_reader``
makes the tree of. ``yaml_dialect`` says what scalars and tags mean. The grammar is always libyaml's, as in OmegaConf
2.4; the pure Python parser that OmegaConf 2.3 uses differs from it in corners such as tabs after a colon, which it
refuses.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from types import NoneType
from typing import Any, NamedTuple, NoReturn

import yaml

from fiddle_hydra_bridge.convert.tree import Data, Mark, Marks
from fiddle_hydra_bridge.convert.yaml_dialect import (
    ALWAYS_EXPANDED,
    CONSTRUCTOR_ERRORS,
    EQUALS,
    MAX_DEPTH,
    MAX_EXPANSION,
    MERGE,
    SCALAR_TYPES,
    STR,
    SURROGATE,
    TAG,
    UNREADABLE,
    Special,
    dialect,
    plain_value,
    scalar_value,
)
from fiddle_hydra_bridge.errors import ExpansionError, Place, Problem, SyntaxProblemError

__all__ = ["parse"]

# PyYAML can be built without libyaml.
_Parser: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_KEY_TYPES = SCALAR_TYPES - {NoneType}
_NO_TAG = frozenset({None, "!"})


def parse(text: str, *, source: str = "<yaml>") -> tuple[Data, Marks]:
    """Reads one YAML document as ``OmegaConf.create(text)`` does, to plain data.

    An alias gives the same container object as its anchor. An empty document is an empty mapping, and a document
    that is only a string is a mapping of that string to None.

    Args:
        text: the document.
        source: the file name for places in errors and marks.

    Returns:
        The data, and the marks that say where each key and list item stands.

    Raises:
        SyntaxProblemError: with the place, if the text is not YAML as OmegaConf reads it, is nested deeper than
            ``MAX_DEPTH``, or grows too much by its aliases.

    >>> parse("dim: 1e-3")[0]
    {'dim': 0.001}
    """
    if not isinstance(text, str):
        raise TypeError(f"YAML text must be a str, not {type(text).__name__}")
    try:
        return _Constructor(text, source).document()
    except yaml.MarkedYAMLError as error:
        raise SyntaxProblemError(_grammar_problem(error, text, source)) from None
    except (yaml.reader.ReaderError, UnicodeEncodeError):
        raise SyntaxProblemError(_character_problem(text, source)) from None


_NO_KEY: Any = object()
_OPEN: Any = object()


class _Entry(NamedTuple):
    """An entry that ``<<`` merges.

    Attributes:
        key: the key.
        value: the value.
        mark: where it stands.
        identity: what PyYAML 6.0.4 takes for the identity of the entry, the first of which it keeps: that of the key's
            text, which for texts of at most one character is the same object everywhere.
    """

    key: Any
    value: Any
    mark: Mark
    identity: object


def _entries(mapping: dict[Any, Any], lines: dict[Any, Mark]) -> list[_Entry]:
    """The entries of a mapping without merges, or those that stand in it besides."""
    made = []
    for key, value in mapping.items():
        text = str(key)
        is_one_object = len(text) < 2 and text <= "\xff"
        made.append(_Entry(key, value, lines[key], text if is_one_object else object()))
    return made


class _Frame:
    """A container that is being read.

    Attributes:
        container: the dict or list.
        lines: its marks.
        event: the event that opened it.
        key: in a mapping, the key whose value comes next.
        merges: the mappings that ``<<`` names; later ones override earlier ones.
        before: how many nodes, expanded through aliases, stood before it.
    """

    __slots__ = ("before", "container", "event", "key", "lines", "merges")

    def __init__(self, container: Any, event: Any, before: int) -> None:
        self.container = container
        self.lines: dict[Any, Mark] = {}
        self.event = event
        self.key = _NO_KEY
        self.merges: list[dict[Any, Any]] | None = None
        self.before = before


class _Constructor:
    """Builds the data from parser events. The stack of open containers is a list, so that depth costs no recursion."""

    def __init__(self, text: str, source: str) -> None:
        self.text = text
        self.source = source
        self.marks = Marks(source)
        self.stack: list[_Frame] = []
        # The outermost frame is the list of documents.
        self.frame = _Frame([], None, 0)
        self.anchors: dict[str, tuple[Any, int]] = {}
        #: By the id of a mapping that is merged: its entries.
        self.entries: dict[int, list[_Entry]] = {}
        self.written = 0
        # What aliases add to the number of nodes written.
        self.aliased = 0

    def document(self) -> tuple[Data, Marks]:
        parser = _Parser(self.text)
        next_event = parser.get_event
        handlers: dict[type, Callable[[Any], None]] = {
            yaml.ScalarEvent: self.scalar,
            yaml.AliasEvent: self.alias,
            yaml.MappingStartEvent: self.open,
            yaml.SequenceStartEvent: self.open,
            yaml.MappingEndEvent: self.close,
            yaml.SequenceEndEvent: self.close,
            yaml.DocumentStartEvent: self.start_document,
            yaml.DocumentEndEvent: self.ignore,
            yaml.StreamStartEvent: self.ignore,
            yaml.StreamEndEvent: self.ignore,
        }
        while (event := next_event()) is not None:
            handlers[type(event)](event)
        # An empty text has no document at all.
        data = self.frame.container[0] if self.frame.container else None
        self.marks.root = self.frame.lines.get(0, (self.source, 1, 1))[1:]
        return self.root(data), self.marks

    def root(self, data: Any) -> Data:
        if data is None:
            return {}
        if type(data) is str:
            container = {data: None}
            self.marks.lines[id(container)] = {data: (self.source, *self.marks.root)}
            return container
        if type(data) not in (dict, list):
            self.refuse(f"a config is a mapping or a list, not {type(data).__name__}", self.marks.root)
        if self.written + self.aliased > max(ALWAYS_EXPANDED, MAX_EXPANSION * self.written):
            self.refuse_expansion(self.marks.root)
        return data

    # One method for each kind of event.

    def ignore(self, event: Any) -> None:
        pass

    def start_document(self, event: Any) -> None:
        if self.frame.container:
            self.refuse("a second document starts here", event, "a config is one document: remove the '---'")

    def scalar(self, event: Any) -> None:
        self.written += 1
        value = event.value
        if event.tag is not None or event.implicit[0]:
            value = self.resolve(event, value)
        if event.anchor is not None:
            self.anchor(event, value, 1)
        self.put(value, event)

    def resolve(self, event: Any, text: str) -> Any:
        tag = event.tag
        try:
            if tag not in _NO_TAG:
                return scalar_value(tag, text)
            return plain_value(text) if event.implicit[0] else text
        except CONSTRUCTOR_ERRORS:
            shown = text if len(text) <= 40 else f"{text[:40]}…"
            if tag in _NO_TAG:
                self.refuse(f"{shown!r} is no number that can be read", event, "put it in quotes if it is a string")
            self.refuse_tag(event, f"{shown!r}")

    def alias(self, event: Any) -> None:
        if event.anchor not in self.anchors:
            hint = "a string that starts with '*' must be in quotes"
            self.refuse(f"no anchor &{event.anchor} stands before this alias", event, hint)
        value, size = self.anchors[event.anchor]
        if value is _OPEN:
            self.refuse(f"*{event.anchor} stands inside its own anchor, so that the value contains itself", event)
        self.aliased += size
        # A text has no more nodes than characters, so the document cannot become acceptable again.
        if self.aliased > ALWAYS_EXPANDED and self.aliased > MAX_EXPANSION * len(self.text):
            self.refuse_expansion(event)
        self.put(value, event)

    def open(self, event: Any) -> None:
        if len(self.stack) >= MAX_DEPTH:
            self.refuse(f"nested deeper than {MAX_DEPTH} levels", event)
        if type(self.frame.container) is dict and self.frame.key is _NO_KEY:
            self.refuse("a mapping or list cannot be a key", event, "write keys that contain brackets in quotes")
        self.stack.append(self.frame)
        container: Any = {} if type(event) is yaml.MappingStartEvent else []
        self.frame = frame = _Frame(container, event, self.written + self.aliased)
        self.written += 1
        self.marks.lines[id(container)] = frame.lines
        if event.anchor is not None:
            self.anchor(event, _OPEN, 0)

    def close(self, event: Any) -> None:
        frame = self.frame
        self.frame = self.stack.pop()
        if frame.merges is not None:
            self.put_merged(frame, frame.merges)
        value = frame.container
        tag = frame.event.tag
        if tag not in _NO_TAG and tag != f"{TAG}{'map' if type(value) is dict else 'seq'}":
            value = self.tagged(frame)
        if frame.event.anchor is not None:
            self.anchors[frame.event.anchor] = (value, self.written + self.aliased - frame.before)
        self.put(value, frame.event)

    # What the methods above share.

    def anchor(self, event: Any, value: Any, size: int) -> None:
        if event.anchor in self.anchors:
            self.refuse(f"the anchor &{event.anchor} stands twice in the document", event)
        self.anchors[event.anchor] = (value, size)

    def put(self, value: Any, event: Any) -> None:
        """Adds a value to the open container."""
        frame = self.frame
        container = frame.container
        if type(container) is dict and frame.key is _NO_KEY:
            frame.key = self.key(value, event)
        elif frame.key is MERGE:
            self.merge(value, event)
            frame.key = _NO_KEY
        elif type(value) is Special:
            self.refuse(f"{value.text!r} is not a value", event, "put it in quotes if it is a string")
        elif type(container) is dict:
            container[frame.key] = value
            frame.key = _NO_KEY
        else:
            mark = event.start_mark
            frame.lines[len(container)] = (self.source, mark.line + 1, mark.column + 1)
            container.append(value)

    def key(self, value: Any, event: Any) -> Any:
        """Returns the key that a value makes, and marks it."""
        if value is MERGE:
            return value
        if value is EQUALS:
            value = "="
        kind = type(value)
        lines = self.frame.lines
        # As in OmegaConf, only strings count as duplicates: of two equal numbers the last one wins.
        if kind is str and value in lines:
            _, line, column = lines[value]
            self.refuse(f"the key {value!r} stands twice in this mapping", event, f"it stands first at {line}:{column}")
        if kind not in _KEY_TYPES:
            shown = "null" if value is None else f"a {kind.__name__}"
            self.refuse(f"{shown} cannot be a key", event, "write the key in quotes")
        mark = event.start_mark
        lines[value] = (self.source, mark.line + 1, mark.column + 1)
        return value

    def merge(self, value: Any, event: Any) -> None:
        """Notes what ``<<`` merges. Of a list, earlier mappings override later ones."""
        sources = value if type(value) is list else [value]
        if dialect().first_merged_wins:
            sources = sources[::-1]
        for merged in sources:
            if type(merged) is not dict:
                self.refuse("'<<' merges mappings: an alias of a mapping, or a list of them", event)
        if self.frame.merges is None:
            self.frame.merges = []
        self.frame.merges += sources

    def put_merged(self, frame: _Frame, merges: list[dict[Any, Any]]) -> None:
        """Puts the merged entries before the mapping's own, in place, as an anchor may already name the mapping."""
        own, own_lines = dict(frame.container), dict(frame.lines)
        frame.container.clear()
        frame.lines.clear()
        merged = [entry for source in merges for entry in self.entries_of(source)]
        if not dialect().first_merged_wins:
            first: dict[object, _Entry] = {}
            for entry in merged:
                first.setdefault(entry.identity, entry)
            merged = [*first.values()]
            self.entries[id(frame.container)] = [*merged, *_entries(own, own_lines)]
        for entry in merged:
            frame.container[entry.key] = entry.value
            frame.lines[entry.key] = entry.mark
        if dialect().overrides_keep_place:
            for key in own:
                if type(key) is str:
                    frame.container.pop(key, None)
        frame.container.update(own)
        frame.lines.update(own_lines)

    def entries_of(self, source: dict[Any, Any]) -> list[_Entry]:
        """The entries that a mapping has to merge; they are the same whenever it is merged."""
        if id(source) not in self.entries:
            self.entries[id(source)] = _entries(source, self.marks.lines[id(source)])
        return self.entries[id(source)]

    def tagged(self, frame: _Frame) -> Any:
        """Constructs a container with a tag of its own: the arguments of a Path."""
        tag, container = frame.event.tag, frame.container
        del self.marks.lines[id(container)]
        if type(container) is list and all(type(item) is str for item in container):
            node = yaml.SequenceNode(tag, [yaml.ScalarNode(STR, item) for item in container], frame.event.start_mark)
            try:
                value = dialect().loader_class("").construct_document(node)
            except CONSTRUCTOR_ERRORS:
                self.refuse_tag(frame.event, "this")
            # `!!omap []` and `!!pairs []` are lists of tuples, which plain data does not hold.
            if type(value) is not list:
                return value
        self.refuse_tag(frame.event, f"this {'mapping' if type(container) is dict else 'list'}")

    def refuse_tag(self, event: Any, what: str) -> NoReturn:
        tag = event.tag
        shown = f"!!{tag.removeprefix(TAG)}" if tag.startswith(TAG) else tag
        known = tag in dialect().loader_class.yaml_constructors
        hint = None if known else "OmegaConf reads only the tags of plain YAML, such as !!str, and those of pathlib"
        self.refuse(f"{what} cannot be read as {shown}" if known else f"unknown tag {shown}", event, hint)

    def refuse_expansion(self, where: Any) -> NoReturn:
        limit = f"more than {MAX_EXPANSION} times the values that are written"
        self.refuse(f"the aliases of this document expand it to {limit}", where, kind=ExpansionError)

    def refuse(
        self, message: str, where: Any, hint: str | None = None, kind: type[SyntaxProblemError] = SyntaxProblemError
    ) -> NoReturn:
        """Raises an error at an event or position."""
        mark = None if type(where) is tuple else where.start_mark
        line, column = where if mark is None else (mark.line + 1, mark.column + 1)
        place = Place(self.source, line, column)
        raise kind(Problem(message, place=place, hint=hint, kind=kind))


@dataclass(frozen=True)
class _Rule:
    """How an error of PyYAML is told.

    Attributes:
        pattern: what to look for in PyYAML's ``context: problem``, in the words of both of its parsers.
        message: the sentence; ``{opened}`` is where the context starts.
        hint: what to do.
        at_start: whether the place is where the context starts instead of where the parser gave up.
    """

    pattern: str
    message: str
    hint: str | None = None
    at_start: bool = False


_INDENT = "entries of one mapping or list start in the same column; quote strings that contain ': ', '#' or quotes"
_RULES = (
    _Rule(r"flow sequence: .*',' or '\]'", "expected ',' or ']' in the list opened at {opened}", "close it with ']'"),
    _Rule(r"flow mapping: .*',' or '}'", "expected ',' or '}}' in the mapping opened at {opened}", "close it with '}'"),
    _Rule(r"quoted scalar: .*(end of stream|document separator)", "the quote opened here is never closed", None, True),
    _Rule("tab character", "a tab cannot indent YAML", "indent with spaces"),
    _Rule("mapping values are not allowed", "a ':' cannot stand here", _INDENT),
    _Rule("could not find expected ':'", "this is not a 'key: value' line", "put ': ' behind the key", True),
    _Rule("block mapping: ", "this does not belong to the mapping opened at {opened}", _INDENT),
    _Rule("block collection: ", "this does not belong to the list opened at {opened}", _INDENT),
    _Rule("undefined tag handle", "unknown tag", "OmegaConf reads only the tags of plain YAML, such as !!str"),
    _Rule("unknown escape character", "unknown escape in double quotes", "write a backslash as '\\\\'"),
    _Rule("<document start>", "this stands behind the end of the document"),
    _Rule("expected (the )?node content", "a value is missing here"),
)
_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


def _grammar_problem(error: Any, text: str, source: str) -> Problem:
    """Tells an error of PyYAML's parser in one sentence."""
    mark = error.problem_mark or error.context_mark
    start = error.context_mark or mark
    wording = f"{error.context or ''}: {error.problem}"
    place = Place(source, mark.line + 1, mark.column + 1)
    if "cannot start any token" in wording:
        character = _LINE_BREAK.split(text)[mark.line][mark.column]
        tab = character == "\t"
        message = "a tab cannot indent YAML" if tab else f"a value cannot start with {character!r}"
        hint = "indent with spaces" if tab else "put the value in quotes"
        return Problem(message, place=place, hint=hint, kind=SyntaxProblemError)
    for rule in _RULES:
        if re.search(rule.pattern, wording):
            message = rule.message.format(opened=f"{start.line + 1}:{start.column + 1}")
            if rule.at_start:
                place = Place(source, start.line + 1, start.column + 1)
            return Problem(message, place=place, hint=rule.hint, kind=SyntaxProblemError)
    return Problem(wording.removeprefix(": "), place=place, kind=SyntaxProblemError)


def _character_problem(text: str, source: str) -> Problem:
    """Tells which character YAML does not allow."""
    found = UNREADABLE.search(text)
    if found is None:
        return Problem("the text cannot be read as YAML", place=Place(source, 1, 1), kind=SyntaxProblemError)
    lines = _LINE_BREAK.split(text[: found.start()])
    code = ord(found.group())
    name = "lone surrogate" if SURROGATE.match(found.group()) else "character"
    place = Place(source, len(lines), len(lines[-1]) + 1)
    hint = "write it as an escape in double quotes" if name == "character" else None
    return Problem(f"the {name} U+{code:04X} cannot stand in YAML", place=place, hint=hint, kind=SyntaxProblemError)
