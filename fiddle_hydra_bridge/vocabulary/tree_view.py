"""A graph as a tree in HTML, for notebooks.

In comes a graph, out goes text; nothing else is needed to show it, no Graphviz and no style sheet. ``config`` stands
below and shows its classes with it.
"""

from __future__ import annotations

import html
import reprlib
from typing import Any

import fiddle as fdl

from fiddle_hydra_bridge.convert.paths import Path, format_path

__all__ = ["html_tree", "name_of", "short"]

#: How many items of a container are shown.
_MOST_ITEMS = 100


def html_tree(graph: Any) -> str:
    """Returns a tree of nested ``<details>`` with the set arguments of every node.

    What is shared is shown once; elsewhere stands the path at which it was shown.

    Args:
        graph: a Buildable, or lists, dicts and tuples of them.

    Example:
        >>> html_tree(fdl.Config(complex, real=1.0))
        '<details open><summary><b>Config</b> complex</summary><ul><li>real: <code>1.0</code></li></ul></details>'
    """
    return _Drawing().value(graph, ())


class _Drawing:
    def __init__(self) -> None:
        self.shown: dict[int, Path] = {}

    def value(self, value: Any, path: Path) -> str:
        if isinstance(value, fdl.Buildable):
            title = f"<b>{html.escape(type(value).__name__)}</b> {html.escape(name_of(fdl.get_callable(value)))}"
            return self._branch(value, title, fdl.ordered_arguments(value), path)
        if isinstance(value, dict) and value:
            return self._branch(value, "dict", value, path)
        if isinstance(value, list | tuple) and value:
            return self._branch(value, type(value).__name__, dict(enumerate(value)), path)
        return f"<code>{html.escape(name_of(value) if hasattr(value, '__qualname__') else short(value))}</code>"

    def _branch(self, value: Any, title: str, items: dict[Any, Any], path: Path) -> str:
        if id(value) in self.shown:
            return f"<i>the same as {html.escape(format_path(self.shown[id(value)]) or '<root>')}</i>"
        self.shown[id(value)] = path
        rows = [
            f"<li>{html.escape(str(key))}: {self.value(item, (*path, key))}</li>"
            for key, item in list(items.items())[:_MOST_ITEMS]
        ]
        if len(items) > _MOST_ITEMS:
            rows.append(f"<li>… {len(items) - _MOST_ITEMS} more</li>")
        return f"<details open><summary>{title}</summary><ul>{''.join(rows)}</ul></details>"


def name_of(function: Any) -> str:
    """Returns the dotted name of a callable as a reader knows it: builtins without their module."""
    module = getattr(function, "__module__", None)
    name = getattr(function, "__qualname__", None) or repr(function)
    return name if module in (None, "builtins") else f"{module}.{name}"


def short(value: Any) -> str:
    """Returns the ``repr`` of a value that is no node, cut where it is long."""
    return _leaf.repr(value)


_leaf = reprlib.Repr()
_leaf.maxstring = _leaf.maxother = 200
