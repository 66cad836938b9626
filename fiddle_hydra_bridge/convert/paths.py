"""Config paths: ``("layers", 0, "dim")`` as a tuple, ``layers[0].dim`` as text.

Mapping keys are written with dots, list indices in brackets, and keys that would be misread in quotes:
``a["x.y"][3]``. :func:`parse_path` reads what :func:`format_path` writes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import TypeAlias

__all__ = ["Path", "format_path", "parse_path"]

Path: TypeAlias = tuple[object, ...]

_PLAIN_KEY = re.compile(r"[^.\[\]\"\s$?]+")
_STEP = re.compile(r"""\.?(?P<plain>[^.\[\]"\s]+)|\[(?P<index>-?\d+)\]|\[(?P<quoted>"(?:[^"\\]|\\.)*")\]""")


def format_path(path: Iterable[object]) -> str:
    """Writes a path as text; the root is the empty string. The text never is an interpolation or ``???``.

    >>> format_path(("layers", 0, "x.y"))
    'layers[0]["x.y"]'
    """
    text = ""
    for step in path:
        if isinstance(step, str):
            if _PLAIN_KEY.fullmatch(step):
                text += f".{step}" if text else step
            else:
                text += f"[{json.dumps(step)}]".replace("$", "\\u0024")
        else:
            text += f"[{step}]"
    return text


def parse_path(text: str) -> Path:
    """Reads a path from text.

    >>> parse_path('layers[0]["x.y"]')
    ('layers', 0, 'x.y')

    Raises:
        ValueError: if the text is not a path.
    """
    path: list[object] = []
    position = 0
    while position < len(text):
        step = _STEP.match(text, position)
        # A leading dot is only a separator between two steps.
        if step is None or (position == 0 and text[0] == "."):
            raise ValueError(f"not a config path: {text!r}")
        if step["plain"] is not None:
            if position and text[position] != ".":
                raise ValueError(f"not a config path: {text!r}")
            path.append(step["plain"])
        elif step["index"] is not None:
            path.append(int(step["index"]))
        else:
            path.append(json.loads(step["quoted"]))
        position = step.end()
    return tuple(path)
