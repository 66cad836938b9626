"""``fiddle-hydra explain``: where the value of a key comes from.

In come a key, a config argument and overrides; out goes the chain of places that have set the key, the last one first.
The chain is that of ``fhb.explain``: the config is composed by Hydra, whatever it was written in.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from rich.text import Text

import fiddle_hydra_bridge as fhb
from fiddle_hydra_bridge.cli.options import Options, Words
from fiddle_hydra_bridge.cli.output import console, place

if TYPE_CHECKING:
    from fiddle_hydra_bridge.errors import Place
    from fiddle_hydra_bridge.recipes.provenance import Explanation

__all__ = ["explain"]


def explain(
    key: Annotated[str, Parameter(help="The path of the value, such as model.layers[0].dim")],
    /,
    *words: Words,
    options: Options = Options(),
) -> None:
    """Say where a value comes from: every place that sets it, which one won, and what brought its file in."""
    from fiddle_hydra_bridge.cli.configs import find_configs

    (config,), overrides = find_configs(words, options)
    path, name = config.primary(options)
    where = {"config_module": path} if path.startswith("fiddle:") else {"config_dir": path}
    for line in _lines(fhb.explain(name, overrides, key, **where)):
        console().print(line)


def _lines(explanation: Explanation, indent: str = "") -> Iterator[Text]:
    """Yields a line for the key, one for each place that has set it, and those of the keys that it points to."""
    head = Text(f"{indent}{explanation.key or '<root>'} = ", style="bold").append(_shown(explanation.value))
    yield head.append(f"  ({explanation.problem})", style="red") if explanation.problem else head
    if explanation.place is None:
        yield Text(f"{indent}  at an unknown place")
    for setting in reversed(explanation.settings):
        line = Text(f"{indent}  ").append(_place(setting.place), style="green")
        if setting.place.line:  # an override says itself what it sets
            line.append(f"  {_shown(setting.value)}")
        if not setting.won:
            line.append("  (overridden)").stylize("dim")
        yield line
        for origin in setting.brought_in:
            yield Text(f"{indent}      brought in by {_place(origin)}", style="dim")
    for target in explanation.points_to:
        yield from _lines(target, f"{indent}    ")


def _place(where: Place) -> str:
    return place(where.file, where.line)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
