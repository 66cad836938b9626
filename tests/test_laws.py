"""The laws of the bridge, as properties over generated graphs."""

from __future__ import annotations

from typing import Any

import fiddle as fdl
import hydra.utils
import pytest
from fiddle import daglish
from hypothesis import assume, given
from hypothesis import strategies as st

import fiddle_hydra_bridge as fhb
from fiddle_hydra_bridge.convert.compare import first_difference, first_graph_difference
from fiddle_hydra_bridge.convert.paths import parse_path
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


class Unspellable:
    """An instance of no class that has a codec."""


UNSPELLABLE: list[Any] = [
    Unspellable(),
    lambda: None,
    (number for number in ()),
    memoryview(b""),
    type("Local", (), {}),
]


@given(graphs(), st.data())
def test_law_7_what_cannot_be_spelled_is_refused_with_its_path(graph: Any, data: st.DataObject) -> None:
    nodes = [node for node, _ in daglish.iterate(graph) if isinstance(node, fdl.Config | fdl.Partial)]
    takers = [(node, name) for node in nodes for name in node.__signature_info__.valid_param_names]
    assume(takers)
    node, name = data.draw(st.sampled_from(takers))
    setattr(node, name, [data.draw(st.sampled_from(UNSPELLABLE))])
    for write in (fhb.to_yaml, fhb.to_hydra, fhb.to_python):
        with pytest.raises(fhb.BridgeError) as caught:
            write(graph)
        (problem,) = caught.value.problems
        assert problem.hint
        path = parse_path(str(problem.path))
        assert path[-1] == 0
        assert path[-2] == name or path[-3] == "_args_"
