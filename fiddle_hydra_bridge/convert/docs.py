"""Comments for YAML: the type and the docstring line of each parameter.

In comes data in Hydra's spelling, out goes a comment by path, for ``yaml_text`` to put behind the lines. ``targets``
is asked for the callables; a target that cannot be had gets no comments.
"""

from __future__ import annotations

import inspect
import re
from typing import Any

from fiddle_hydra_bridge.convert import targets
from fiddle_hydra_bridge.convert.paths import Path
from fiddle_hydra_bridge.convert.tree import Data
from fiddle_hydra_bridge.errors import TargetError

__all__ = ["comments_for", "parameter_docs"]

#: Where a helper's call node keeps the target that the other keys belong to.
_TARGET_KEYS = ("_shared_target_", "_deferred_target_")


def comments_for(data: Data) -> dict[Path, str]:
    """Returns ``type: docstring line`` for every argument of every call node, by its path."""
    comments: dict[Path, str] = {}
    pending: list[tuple[Path, Data]] = [((), data)]
    while pending:
        path, node = pending.pop()
        if type(node) is dict:
            docs = _docs_of(node)
            comments.update({(*path, key): docs[key] for key in node if key in docs})
            pending.extend(((*path, key), value) for key, value in node.items())
        elif type(node) is list:
            pending.extend(((*path, index), value) for index, value in enumerate(node))
    return comments


def _docs_of(node: dict[str, Data]) -> dict[str, str]:
    for key in _TARGET_KEYS:
        if type(node.get(key)) is dict:
            return _docs_of(node[key])
    target = node.get("_target_")
    if type(target) is not str or target.startswith("fiddle_hydra_bridge."):
        return {}
    try:
        return parameter_docs(targets.resolve_for_graph(target).function)
    except TargetError:
        return {}


def parameter_docs(function: Any) -> dict[str, str]:
    """Returns what is known of each parameter of a callable: its annotation and the first line of its description.

    Google, NumPy and Sphinx docstrings are read, of the callable and of a class's ``__init__``.

    Example:
        >>> def scale(factor: float = 1.0):
        ...     '''Scales.
        ...
        ...     Args:
        ...         factor: how much.
        ...     '''
        >>> parameter_docs(scale)
        {'factor': 'float: how much.'}
    """
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):  # no signature to be had
        return {}
    text = inspect.getdoc(function) or ""
    if isinstance(function, type):
        text += "\n" + (inspect.getdoc(vars(function).get("__init__")) or "")
    docs = {}
    for name, parameter in parameters.items():
        words = [_type_name(parameter.annotation), _description(name, text)]
        comment = ": ".join(word for word in words if word)
        if comment:
            docs[name] = comment
    return docs


def _type_name(annotation: Any) -> str:
    if annotation is inspect.Parameter.empty:
        return ""
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation).replace("typing.", "")


def _description(name: str, text: str) -> str:
    for style in _STYLES:
        found = re.search(style.format(name=re.escape(name)), text, re.MULTILINE)
        if found:
            return found[1].strip()
    return ""


#: Sphinx (``:param x: text``), Google (``x (int): text``), NumPy (``x : int`` and the text on the next line).
_STYLES = (
    r"^\s*:param (?:[^:]*\s)?{name}:[ \t]*(.+)$",
    r"^\s+\*{{0,2}}{name}(?:[ \t]*\([^)]*\))?:[ \t]*(.+)$",
    r"^\s*{name}(?:[ \t]*:[^\n]*)?\n[ \t]+(.+)$",
)
