"""Graphs as Python source: law 6, and how the source looks."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import fiddle_hydra_bridge as fhb
from fiddle_hydra_bridge.convert.compare import first_graph_difference
from tests.python_tools import graph_of, ruff_complaints
from tests.strategies import graphs, sections

STYLES = ["fiddle", "auto_config"]


@pytest.mark.parametrize("style", STYLES)
@given(graph=st.one_of(graphs(), sections()))
def test_law_6_the_printed_function_returns_the_graph(graph: Any, style: str) -> None:
    assert first_graph_difference(graph_of(fhb.to_python(graph, style=style)), graph) is None


@pytest.mark.parametrize("style", [*STYLES, "nemo_run"])
@given(graph=st.one_of(graphs(), sections()))
def test_ruff_has_nothing_against_the_text(graph: Any, style: str) -> None:
    assert ruff_complaints(fhb.to_python(graph, style=style)) == ""
