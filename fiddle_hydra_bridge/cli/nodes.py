"""The nodes of a graph as drawings show them: titles, entries, short texts of values.

In comes any value of a graph, out go texts and what stands below it. ``tree`` and ``mermaid`` draw with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import fiddle as fdl
from fiddle import history

from fiddle_hydra_bridge.recipes.views import is_link, is_missing, is_section
from fiddle_hydra_bridge.vocabulary.tree_view import name_of, short

__all__ = ["Entry", "entries", "is_branch", "leaf_text", "title"]


class Entry(NamedTuple):
    """What stands one step below a node.

    Attributes:
        step: the name or position of an argument, a key, an index.
        value: the value; ``fdl.NO_VALUE`` for an argument that is required and not set.
        is_default: whether it is not set, so that the target takes its default.
        tags: the names of its tags.
        location: where it was set, as far as that is known.
    """

    step: object
    value: Any
    is_default: bool = False
    tags: tuple[str, ...] = ()
    location: history.Location | None = None


def is_branch(value: Any) -> bool:
    """Whether a value is drawn with what stands below it; containers of plain values are not."""
    if isinstance(value, fdl.Buildable):
        return not (is_link(value) or is_missing(value))
    if not isinstance(value, dict | list | tuple):
        return False
    items = value.values() if isinstance(value, dict) else value
    return any(isinstance(item, fdl.Buildable | dict | list | tuple) for item in items)


def entries(value: Any) -> Iterator[Entry]:
    """Yields what stands below a branch; of a node its arguments in the order of the signature."""
    if not isinstance(value, fdl.Buildable):
        for step, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield Entry(step, item)
        return
    # What a partial lacks its caller gives.
    is_complete = isinstance(value, fdl.Config)
    for name, item in fdl.ordered_arguments(value, include_defaults=True, include_unset=is_complete).items():
        tags = tuple(sorted(tag.name for tag in value.__argument_tags__.get(name, ())))
        if name in value.__arguments__:
            yield Entry(name, item, False, tags, _location(value, name))
        else:
            yield Entry(name, item, item is not fdl.NO_VALUE, tags)


def _location(node: Any, name: object) -> history.Location | None:
    """Where Fiddle's history says that an argument got its value."""
    changes = node.__argument_history__.get(name, ())
    return next((each.location for each in reversed(changes) if each.kind == history.ChangeKind.NEW_VALUE), None)


def title(value: Any) -> str:
    """Returns the line that stands for a branch: what is called, or the kind of container; empty for sections."""
    if is_section(value):
        return ""
    if not isinstance(value, fdl.Buildable):
        return type(value).__name__
    kind = "partial " if isinstance(value, fdl.Partial) else "factory " if isinstance(value, fdl.ArgFactory) else ""
    return kind + name_of(fdl.get_callable(value))


def leaf_text(value: Any) -> str:
    """Returns the short text of a value that is no branch; names for callables, interpolations for links."""
    if is_link(value):
        return str(value.expression)
    if value is fdl.NO_VALUE or is_missing(value):
        return "???"
    return name_of(value) if hasattr(value, "__qualname__") else short(value)
