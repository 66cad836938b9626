"""The hub: one form of a graph of calls that every spelling is read into and written from.

A tree is made of :class:`Call` nodes, plain ``dict`` and ``list`` containers, and leaves. Targets are dotted
paths, so that a tree can be printed, compared and moved without importing anything. Sharing is identity: a
``Call`` or a mutable container that is met twice is one shared value.

The spokes around the hub are ``hydra_reader`` and ``hydra_writer`` (Hydra's spelling as plain
data), and ``graph_reader`` and ``graph_writer`` (Fiddle's Buildables) and ``objects`` (the live objects themselves).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Literal, TypeAlias

from fiddle_hydra_bridge.convert.paths import Path

__all__ = [
    "ARG_FACTORY",
    "HELPERS",
    "MISSING",
    "PARTIAL",
    "PLAIN_TYPES",
    "REF",
    "SCALAR_TYPES",
    "SECTION",
    "SHARE",
    "STRUCTURED",
    "TAGGED",
    "VALUE",
    "Call",
    "Data",
    "Kind",
    "Link",
    "Mark",
    "Marks",
    "Missing",
    "Tree",
    "Typed",
    "Unbuilt",
    "children",
    "find",
]

# The run-time helpers that YAML may name. They are targets of the bridge's own, so every spoke knows them.
SECTION = "fiddle_hydra_bridge.section"
SHARE = "fiddle_hydra_bridge.share"
REF = "fiddle_hydra_bridge.ref"
TAGGED = "fiddle_hydra_bridge.tagged"
PARTIAL = "fiddle_hydra_bridge.partial"
ARG_FACTORY = "fiddle_hydra_bridge.arg_factory"
VALUE = "fiddle_hydra_bridge.value"
STRUCTURED = "fiddle_hydra_bridge.structured"
HELPERS = frozenset({SECTION, SHARE, REF, TAGGED, PARTIAL, ARG_FACTORY, VALUE, STRUCTURED})

#: The types whose values are leaves of a tree whatever they are, and the same with text, which may mean more.
PLAIN_TYPES = frozenset({int, float, bool, type(None)})
SCALAR_TYPES = PLAIN_TYPES | {str}

#: What a call node makes: the result of the call, a partial, a factory that a partial calls anew each time, or
#: a value that YAML has no spelling for (``value``: a codec reads it back).
Kind: TypeAlias = Literal["config", "partial", "factory", "value"]

#: Hydra's spelling: what a YAML file holds. Interpolations that stay are ``Link`` leaves, ``???`` is ``MISSING``
#: or the string.
Data: TypeAlias = Any
#: ``Call | dict | list`` or a leaf. A recursive union of ``Any`` leaves says no more than this to a type checker.
Tree: TypeAlias = Any
#: A place: file, line and column, counted from 1. Without a line the file is a name, e.g. of an override.
Mark: TypeAlias = tuple[str, int, int]


class Missing:
    """The type of ``MISSING``, Hydra's ``???``: a value that must be given before the config is used."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "MISSING"

    def __copy__(self) -> Missing:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Missing:
        return self

    def __reduce__(self) -> str:
        return "MISSING"


MISSING = Missing()


class Link:
    """A leaf that stands for an interpolation that is kept as such.

    Attributes:
        expression: the interpolation, e.g. ``"${data.dim}"``.
        reason: why it could not be resolved, if that was tried.
    """

    __slots__ = ("expression", "reason")

    def __init__(self, expression: str, reason: str | None = None) -> None:
        self.expression = expression
        self.reason = reason

    def __repr__(self) -> str:
        return f"Link({self.expression!r})"


class Typed(dict[Any, Any]):
    """Data of a structured config: its entries, and the dataclass or attrs class that they are fields of."""

    __slots__ = ("type",)

    def __init__(self, of_type: type) -> None:
        super().__init__()
        self.type = of_type


class Unbuilt:
    """A leaf of data that stays config, since a call node above says ``_recursive_: false``.

    Attributes:
        make: returns a fresh copy as a conversion mode hands it over: "all" as plain dict and list, "none" as
            DictConfig or ListConfig.
    """

    __slots__ = ("make",)

    def __init__(self, make: Callable[[str], Any]) -> None:
        self.make = make


class Marks:
    """Line marks of a text: where each key and each list item stands.

    Attributes:
        source: the name of the file, or ``"<yaml>"`` for text.
        root: line and column of the document, counted from 1.
        lines: by ``id`` of a container, by key or index: the place of the key or item, in whichever file it is.
            Valid as long as the data they were read with is alive.
    """

    __slots__ = ("lines", "root", "source")

    def __init__(self, source: str, root: tuple[int, int] = (1, 1)) -> None:
        self.source = source
        self.root = root
        self.lines: dict[int, dict[Any, Mark]] = {}


class Call:
    """A call: a target path with arguments.

    Attributes:
        target: the dotted path of the callable.
        kind: what the call makes.
        args: positional arguments.
        kwargs: keyword arguments in their order.
        convert: Hydra's ``_convert_`` mode in force for this node: "none", "partial", "object" or "all".
        tags: Fiddle tags by argument (name or position), as target paths, for arguments whose tags differ from
            those that the signature implies; ``None`` if there are none.
        defaults: for tagged arguments that are not set: their default, so that plain Hydra can pass it.
        marks: the places of the arguments.
        value: for kind "value": the Python object that this call spells, when it is known.
    """

    __slots__ = ("args", "convert", "defaults", "kind", "kwargs", "marks", "tags", "target", "value")

    def __init__(
        self,
        target: str,
        kind: Kind = "config",
        args: list[Tree] | None = None,
        kwargs: dict[str, Tree] | None = None,
        convert: str = "all",
        marks: dict[Any, Mark] | None = None,
    ) -> None:
        self.target = target
        self.kind = kind
        self.args: list[Tree] = [] if args is None else args
        self.kwargs: dict[str, Tree] = {} if kwargs is None else kwargs
        self.convert = convert
        self.tags: dict[str | int, tuple[str, ...]] | None = None
        self.defaults: dict[str | int, Tree] | None = None
        self.marks = marks
        self.value: Any = None

    def __repr__(self) -> str:
        arguments = [repr(arg) for arg in self.args] + [f"{key}={value!r}" for key, value in self.kwargs.items()]
        return f"{self.kind}:{self.target}({', '.join(arguments)})"


def children(tree: Tree) -> Iterator[tuple[Path, Tree]]:
    """Yields the direct children of a node with their steps, as they stand in Hydra's spelling."""
    if type(tree) is Call:
        for index, arg in enumerate(tree.args):
            yield ("_args_", index), arg
        for key, value in tree.kwargs.items():
            yield (key,), value
    elif type(tree) is dict:
        for key, value in tree.items():
            yield (key,), value
    elif type(tree) is list:
        for index, value in enumerate(tree):
            yield (index,), value


def find(tree: Tree, node: Tree) -> Path | None:
    """Returns the path of the first occurrence of ``node`` (by identity), for error messages."""
    pending: list[tuple[Path, Tree]] = [((), tree)]
    seen: set[int] = set()
    while pending:
        path, current = pending.pop()
        if current is node:
            return path
        if id(current) in seen:
            continue
        seen.add(id(current))
        pending.extend((path + step, child) for step, child in reversed(list(children(current))))
    return None
