"""A graph as a tree in the terminal.

In comes a graph, out goes a tree of rich. What is shared is drawn once; elsewhere stands the path at which it was
drawn. ``nodes`` stands above and says what a node shows.
"""

from __future__ import annotations

from typing import Any

import fiddle as fdl
from rich.cells import cell_len
from rich.text import Text
from rich.tree import Tree

from fiddle_hydra_bridge.cli.failures import printable
from fiddle_hydra_bridge.cli.nodes import Entry, entries, is_branch, leaf_text, title
from fiddle_hydra_bridge.cli.output import place
from fiddle_hydra_bridge.convert.paths import Path, format_path

__all__ = ["draw"]

#: Where the column of the places begins at most.
_FARTHEST = 72
#: How far a level of the tree is indented.
_INDENT = 4


def draw(graph: Any, where: bool = False) -> Tree:
    """Draws a graph.

    Args:
        graph: a Buildable, or lists, dicts and tuples of them.
        where: whether to show the place where each value was set.
    """
    drawing = _Drawing()
    root = Tree(drawing.line("", Entry(None, graph), ()) or Text("<root>"), guide_style="dim")
    drawing.below(root, graph, (), 1)
    if where:
        drawing.show_places()
    return root


class _Drawing:
    def __init__(self) -> None:
        self.drawn: dict[int, Path] = {}
        self.lines: list[tuple[int, Text, Entry]] = []

    def below(self, tree: Tree, value: Any, path: Path, depth: int) -> None:
        """Adds what stands below a branch."""
        for entry in entries(value):
            inner = (*path, entry.step)
            is_new = is_branch(entry.value) and id(entry.value) not in self.drawn
            line = self.line(f"[{entry.step}]" if isinstance(entry.step, int) else str(entry.step), entry, inner)
            self.lines.append((depth, line, entry))
            branch = tree.add(line)
            if is_new:
                self.below(branch, entry.value, inner, depth + 1)

    def line(self, name: str, entry: Entry, path: Path) -> Text:
        """Returns the text of one line: the name, the target or value, what else is to be said."""
        text = Text(overflow="fold")
        text.append(printable(name), style="dim" if entry.is_default else "cyan")
        shown, style = self.shown(entry.value, path)
        if shown:
            text.append(printable(f": {shown}" if name else shown), style="dim" if entry.is_default else style)
        if entry.is_default:
            text.append(" (default)", style="dim")
        if entry.tags:
            text.append("".join(f" #{tag}" for tag in entry.tags), style="magenta")
        return text

    def shown(self, value: Any, path: Path) -> tuple[str, str]:
        """Returns the text of a value and its style."""
        if not is_branch(value):
            is_open = leaf_text(value) == "???"
            return leaf_text(value), "bold red" if is_open else ""
        if id(value) in self.drawn:
            return f"the same as {format_path(self.drawn[id(value)]) or '<root>'}", "italic yellow"
        self.drawn[id(value)] = path
        return title(value), "bold" if isinstance(value, fdl.Buildable) else "dim"

    def show_places(self) -> None:
        """Puts the places behind the lines, in a column."""
        ends = [_INDENT * depth + cell_len(line.plain) for depth, line, _ in self.lines]
        column = min(max(ends, default=0), _FARTHEST)
        for end, (_, line, entry) in zip(ends, self.lines, strict=True):
            if entry.location is not None:
                line.append(
                    " " * max(column - end, 0) + f"  {place(entry.location.filename, entry.location.line_number)}",
                    style="green",
                )
