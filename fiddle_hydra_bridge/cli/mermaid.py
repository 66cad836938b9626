"""A graph as a flowchart in Mermaid's language, which web pages and Markdown viewers draw.

In comes a graph, out goes text: a box for each node and container with its plain values, an arrow for each step to
another box. What is shared is one box with several arrows. ``nodes`` stands above and says what a node shows.
"""

from __future__ import annotations

from typing import Any

from fiddle_hydra_bridge.cli.nodes import entries, is_branch, leaf_text, title

__all__ = ["flowchart"]


def flowchart(graph: Any) -> str:
    """Draws a graph.

    Args:
        graph: a Buildable, or lists, dicts and tuples of them.

    Example:
        >>> import fiddle as fdl
        >>> print(flowchart(fdl.Config(dict, a=fdl.Config(complex, real=1.0))), end="")
        flowchart TD
            n0["dict"]
            n1["complex<br>real: 1.0"]
            n0 -->|"a"| n1
    """
    numbers = {id(graph): 0}
    values = [graph]
    boxes, arrows = [], []
    for number, value in enumerate(values):  # which grows on the way
        below = [entry for entry in entries(value) if not entry.is_default] if is_branch(value) else []
        lines = [title(value) if is_branch(value) else leaf_text(value)]
        lines += [f"{entry.step}: {leaf_text(entry.value)}" for entry in below if not is_branch(entry.value)]
        boxes.append(f'    n{number}["{"<br>".join(_escaped(line) for line in lines if line)}"]')
        for entry in below:
            if not is_branch(entry.value):
                continue
            if id(entry.value) not in numbers:
                numbers[id(entry.value)] = len(values)
                values.append(entry.value)
            arrows.append(f'    n{number} -->|"{_escaped(str(entry.step))}"| n{numbers[id(entry.value)]}')
    return "\n".join(["flowchart TD", *boxes, *arrows]) + "\n"


def _escaped(text: str) -> str:
    """Writes a text so that Mermaid reads it as it is: markup and quotes as codes of their characters."""
    return "".join(f"#{ord(char)};" if char in '"#&<>`\\' or not char.isprintable() else char for char in text)
