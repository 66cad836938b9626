"""Drawings of any graph: trees and flowcharts have every node once, and hostile text does not break them."""

from __future__ import annotations

import re
from io import StringIO
from typing import Any

from hypothesis import given
from rich.console import Console

from fiddle_hydra_bridge.cli.mermaid import flowchart
from fiddle_hydra_bridge.cli.nodes import entries, is_branch
from fiddle_hydra_bridge.cli.tree import draw
from tests.strategies import graphs

BOX = re.compile(r'    n(\d+)\["[^"\n]*"\]')
ARROW = re.compile(r'    n(\d+) -->\|"[^"\n]*"\| n(\d+)')


def edges(graph: Any, defaults: bool) -> list[tuple[int, int]]:
    """The pairs of branches of which one stands below the other, by identity."""
    found: list[tuple[int, int]] = []
    known = {id(graph)}
    pending = [graph] if is_branch(graph) else []
    while pending:
        value = pending.pop()
        for entry in entries(value):
            if is_branch(entry.value) and (defaults or not entry.is_default):
                found.append((id(value), id(entry.value)))
                if id(entry.value) not in known:
                    known.add(id(entry.value))
                    pending.append(entry.value)
    return found


@given(graphs())
def test_a_flowchart_has_a_box_for_each_node_and_an_arrow_for_each_use(graph: Any) -> None:
    head, *lines = flowchart(graph).splitlines()
    assert head == "flowchart TD"
    boxes = [found[1] for line in lines if (found := BOX.fullmatch(line))]
    arrows = [found.groups() for line in lines if (found := ARROW.fullmatch(line))]
    assert len(boxes) + len(arrows) == len(lines)
    used = edges(graph, defaults=False)
    assert len(boxes) == len({id(graph), *(below for _, below in used)})
    assert len(arrows) == len(used)
    assert {end for arrow in arrows for end in arrow} <= set(boxes)


@given(graphs())
def test_a_tree_has_each_node_once_and_says_where_it_is_used_again(graph: Any) -> None:
    output = StringIO()
    Console(file=output, width=10_000, highlight=False).print(draw(graph, where=True))
    text = output.getvalue()
    assert "\x1b" not in text
    used = edges(graph, defaults=True)
    nodes = {id(graph), *(below for _, below in used)}
    assert text.count(": the same as ") >= len(used) - (len(nodes) - 1)
    assert len(text.splitlines()) == 1 + _count(graph, set())


def _count(value: Any, known: set[int]) -> int:
    """The lines below a value."""
    if not is_branch(value) or id(value) in known:
        return 0
    known.add(id(value))
    return sum(1 + _count(entry.value, known) for entry in entries(value))
