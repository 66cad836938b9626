"""Law 6 for the style "nemo_run", with real NeMo-Run; skipped where it is not installed."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Annotated, Any, Optional

import fiddle as fdl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fiddle_hydra_bridge as fhb
from fiddle_hydra_bridge.convert.compare import first_graph_difference
from tests import components as c
from tests.python_tools import graph_of
from tests.strategies import graphs, sections

run = pytest.importorskip("nemo_run", reason="NeMo-Run is not installed; .ci/nemo makes an environment that has it")

CLASSES = {"config_cls": run.Config, "partial_cls": run.Partial}


@given(st.one_of(graphs(), sections()))
def test_law_6_the_printed_function_returns_the_graph_with_nemo_runs_classes(graph: Any) -> None:
    theirs = fhb.from_yaml(fhb.to_yaml(graph), **CLASSES)
    made = graph_of(fhb.to_python(theirs, style="nemo_run"))
    assert first_graph_difference(made, theirs) is None
    assert fhb.same_graph(copy.deepcopy(made), made)
    # Fiddle's classes give the same text.
    assert fhb.to_python(graph, style="nemo_run") == fhb.to_python(theirs, style="nemo_run")


def filled(opt: Any = None, other: int = 1) -> Any:
    return opt, other


# What NeMo-Run looks for, and not as a string.
filled.__annotations__["opt"] = Annotated[Optional[c.Settings], run.Config[c.Settings]]  # noqa: UP045


def with_none(cls: Any) -> Any:
    node = cls(filled, bind_args=False)
    node.opt = None
    return node


#: Graphs whose arguments NeMo-Run's constructors would change.
CHANGED: dict[str, Callable[[], Any]] = {
    "None where a config is the default": lambda: with_none(run.Config),
    "None in a partial": lambda: with_none(run.Partial),
    "unset where a config is the default": lambda: run.Config(filled, other=2, bind_args=False),
    "an instance of a dataclass": lambda: run.Config(c.Node, a=c.Settings(3), bind_args=False),
    "a dataclass": lambda: run.Config(c.Node, a=c.Settings, bind_args=False),
    "names of the constructor's parameters": lambda: fdl.cast(
        run.Config, fdl.Config(c.combine, self=1, fn_or_cls=2, bind_args=3)
    ),
    "an argument factory": lambda: run.Partial(c.Node, a=fdl.ArgFactory(c.fresh)),
    "a dict": lambda: run.Config(dict, a=1),
}


@pytest.mark.parametrize("make", CHANGED.values(), ids=CHANGED)
def test_what_the_constructors_would_change_stays(make: Callable[[], Any]) -> None:
    graph = make()
    assert first_graph_difference(graph_of(fhb.to_python(graph, style="nemo_run")), graph) is None


def test_the_constructor_is_told_not_to_bind_only_where_it_would_change_something() -> None:
    assert "bind_args" not in fhb.to_python(run.Config(c.Model, encoder=run.Config(c.Encoder, 3)), style="nemo_run")
    assert "bind_args=False" in fhb.to_python(with_none(run.Config), style="nemo_run")
