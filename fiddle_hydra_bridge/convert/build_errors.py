"""Which node of a graph could not be built, and where it was configured.

In come exceptions that ``fdl.build`` lets through, out come paths and notes. ``links`` and the apps of ``recipes``
use this module; Fiddle tells the path in the exception's text alone.
"""

from __future__ import annotations

import re
from typing import Any

from fiddle_hydra_bridge.convert.paths import Path

__all__ = ["add_configured_at", "failed_node"]

_CONTEXT = re.compile(
    r"Fiddle context: failed to construct or call (.+?) at <root>(.*?) with positional arguments: ", re.DOTALL
)
_STEP = re.compile(r"\.(?P<name>\w+)|\[(?P<index>-?\d+)\]|\[(?P<quote>['\"])(?P<key>.*?)(?P=quote)\]")


def failed_node(error: BaseException) -> tuple[str, Path] | None:
    """Returns the name of the callable that failed and the path of its node, from the graph that was built on.

    Returns:
        None if the exception does not come from ``fdl.build``.
    """
    found = _CONTEXT.search(str(error))
    if found is None:
        return None
    path = (step["name"] or (int(step["index"]) if step["index"] else step["key"]) for step in _STEP.finditer(found[2]))
    return found[1], tuple(path)


def add_configured_at(error: BaseException, graph: Any) -> None:
    """Adds a note to an exception of ``fdl.build(graph)``: where Fiddle's history has the node that failed."""
    failed = failed_node(error)
    node = graph
    for step in failed[1] if failed else ():
        try:
            node = node[step] if isinstance(step, int) or isinstance(node, dict) else getattr(node, str(step))
        except (LookupError, AttributeError, TypeError):
            return
    entries = getattr(node, "__argument_history__", {}).get("__fn_or_cls__") if failed else None
    if entries:
        error.add_note(f"configured at {entries[-1].location}")
