"""The laws of the bridge, as properties over generated graphs."""

from __future__ import annotations

from typing import Any

import fiddle as fdl
import hydra.utils
from hypothesis import given

import fiddle_hydra_bridge as fhb
from fiddle_hydra_bridge.convert.compare import first_difference, first_graph_difference
from tests import components as c
from tests.strategies import graphs, sections


def made(make: Any, *args: Any, **kwargs: Any) -> tuple[Any, list[str]]:
    """The result of a call and the calls of recording targets, in order."""
    c.CALLS.clear()
    result = make(*args, **kwargs)
    return result, list(c.CALLS)


@given(graphs())
def test_law_1_a_graph_comes_back_from_hydra_as_it_was(graph: Any) -> None:
    assert first_graph_difference(fhb.from_hydra(fhb.to_hydra(graph)), graph) is None


@given(sections())
def test_law_1_a_section_comes_back_from_hydra_as_it_was(graph: Any) -> None:
    assert first_graph_difference(fhb.from_hydra(fhb.to_hydra(graph)), graph) is None


@given(graphs())
def test_law_2_plain_hydra_makes_what_fiddle_builds(graph: Any) -> None:
    config = fhb.to_hydra(graph)
    by_fiddle, fiddle_calls = made(fdl.build, graph)
    by_hydra, hydra_calls = made(hydra.utils.instantiate, config)
    assert first_difference(by_hydra, by_fiddle) is None
    assert hydra_calls == fiddle_calls


@given(graphs())
def test_law_2_our_instantiate_makes_what_plain_hydra_makes(graph: Any) -> None:
    config = fhb.to_hydra(graph)
    by_hydra, hydra_calls = made(hydra.utils.instantiate, config)
    by_us, our_calls = made(fhb.instantiate, config)
    assert first_difference(by_us, by_hydra) is None
    assert our_calls == hydra_calls


@given(graphs())
def test_law_5_a_graph_comes_back_from_yaml_as_it_was(graph: Any) -> None:
    assert first_graph_difference(fhb.from_yaml(fhb.to_yaml(graph)), graph) is None


@given(sections())
def test_law_5_a_section_comes_back_from_yaml_as_it_was(graph: Any) -> None:
    assert first_graph_difference(fhb.from_yaml(fhb.to_yaml(graph)), graph) is None
