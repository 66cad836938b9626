"""The chain of places that have set a value, for the terminal.

In comes what ``fhb.explain`` has found out, out goes a text of rich. ``explain`` stands below and prints it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.text import Text

from fiddle_hydra_bridge.cli.failures import printable
from fiddle_hydra_bridge.cli.output import place
from fiddle_hydra_bridge.errors import Place
from fiddle_hydra_bridge.recipes.provenance import Explanation, Setting
from fiddle_hydra_bridge.recipes.replay import DELETED

__all__ = ["chain"]


def chain(explanation: Explanation) -> Text:
    """Lists the places that have set a key, the last one first, then those of the keys that it points to."""
    return Text("\n").join(_lines(explanation, ""))


def _lines(explanation: Explanation, indent: str) -> Iterator[Text]:
    key = printable(explanation.key) or "<root>"
    is_deleted = bool(explanation.settings) and explanation.settings[-1].value is DELETED
    head = Text(f"{indent}{key} is deleted" if is_deleted else f"{indent}{key} = {_shown(explanation.value)}", "bold")
    if explanation.problem is not None:
        head.append(f"  ({printable(explanation.problem)})", "red")
    yield head
    if explanation.place is None and not is_deleted:
        yield Text(f"{indent}  set at an unknown place")
    for setting in reversed(explanation.settings):
        yield _setting(setting, indent)
        for origin in setting.brought_in:
            yield Text(f"{indent}      brought in by {_place(origin)}", "dim")
    for target in explanation.points_to:
        yield from _lines(target, f"{indent}    ")


def _setting(setting: Setting, indent: str) -> Text:
    is_over = not setting.won and setting.value is not DELETED
    line = Text(f"{indent}  ", "dim" if is_over else "").append(_place(setting.place), "" if is_over else "green")
    if setting.place.line:  # an override says itself what it sets
        line.append(f"  {_shown(setting.value)}")
    return line.append("  (overridden)") if is_over else line


def _place(where: Place) -> str:
    return printable(place(where.file, where.line))


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
