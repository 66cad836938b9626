"""``autoconvert``: what a function makes becomes the graph that a person would have written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import fiddle as fdl
import pytest

import fiddle_hydra_bridge as fhb
from fiddle_hydra_bridge.vocabulary.autoconvert import autoconvert
from fiddle_hydra_bridge.vocabulary.config import Config, Partial
from tests.vocabulary import guide
from tests.vocabulary.guide import Llama3Config8B, LlamaModel

MODEL = Config(LlamaModel, config=Config(Llama3Config8B))
SHARED = Config(LlamaModel, config=Config(Llama3Config8B))
#: A call, and the graph that it returns.
GRAPHS: dict[str, tuple[Callable[[], Any], Any]] = {
    "the guide's model": (guide.automodel, MODEL),
    "partial=True": (guide.partial_model, Partial(LlamaModel, config=Config(Llama3Config8B))),
    "as a call": (autoconvert(guide.plain_model), MODEL),
    "as a call with partial=True": (
        autoconvert(guide.plain_model, partial=True),
        Partial(LlamaModel, config=Config(Llama3Config8B)),
    ),
    "converted twice": (autoconvert(partial=True)(guide.automodel), Partial(LlamaModel, config=Config(Llama3Config8B))),
    "arguments": (
        lambda: guide.with_arguments(7, tokenizer="words"),
        Config(LlamaModel, Config(Llama3Config8B, seq_length=7), tokenizer="words"),
    ),
    "nested recipes": (
        guide.nested,
        {
            "made": SHARED,
            "again": SHARED,
            "written": guide.sized(4),
            "method": Config(LlamaModel.tiny, 3),
            "both": [Config(guide.plain_model)],
        },
    ),
    "a recipe of Fiddle's": (
        guide.around_fiddle,
        [fdl.Config(LlamaModel, config=fdl.Config(Llama3Config8B)), Config(LlamaModel, config=1)],
    ),
    "a list with partial=True": (
        guide.partial_list,
        [Partial(LlamaModel, config=Config(Llama3Config8B)), Partial(LlamaModel, config=2)],
    ),
    "functools.partial": (guide.deferred, Partial(LlamaModel, config=Config(Llama3Config8B))),
    "a changed dataclass": (guide.changed, Config(LlamaModel, config=Config(Llama3Config8B, seq_length=2))),
    "configs and built-ins in it": (
        guide.written,
        Config(LlamaModel, config=Partial(Llama3Config8B, names=["a", "b"]), tokenizer="1"),
    ),
    "a function that returns configs": (
        guide.around_a_list_of_configs,
        Config(LlamaModel, config=[guide.sized(1), guide.sized(2)]),
    ),
    "above classmethod": (LlamaModel.above, Config(LlamaModel, config=Config(Llama3Config8B, seq_length=5))),
    "below classmethod": (
        lambda: LlamaModel.below(seq_length=9),
        Config(LlamaModel, config=Config(Llama3Config8B, seq_length=9)),
    ),
    "above staticmethod": (LlamaModel.static, Config(LlamaModel, Config(Llama3Config8B, 6))),
}


@pytest.mark.parametrize(("recipe", "expected"), GRAPHS.values(), ids=GRAPHS)
def test_a_recipe_returns_the_graph_that_a_person_would_have_written(recipe: Callable[[], Any], expected: Any) -> None:
    assert recipe() == expected
    assert fhb.same_graph(recipe(), expected)


def test_the_guides_two_models_are_equal() -> None:
    assert guide.model() == guide.automodel()


def test_a_graph_builds_what_the_function_makes() -> None:
    assert fdl.build(autoconvert(guide.plain_model)()) == guide.plain_model()
    assert fdl.build(guide.partial_model())() == guide.plain_model()


def test_the_original_function_and_its_signature_stay_at_hand() -> None:
    assert guide.automodel.wrapped() == guide.plain_model()  # type: ignore[attr-defined]
    assert guide.automodel.__name__ == "automodel"


@pytest.mark.parametrize(
    ("function", "construct", "line"),
    [
        (guide.with_a_branch, "If", "if flag:"),
        (guide.with_a_loop, "ListComp", "return [LlamaModel"),
        (guide.with_a_context, "With", "with open"),
    ],
)
def test_control_flow_is_refused_with_its_place_and_the_way_out(
    function: Callable[..., Any], construct: str, line: str
) -> None:
    with pytest.raises(fhb.BridgeError, match=rf"Control flow \({construct}\)") as caught:
        autoconvert(function)
    (problem,) = caught.value.problems
    assert problem.place is not None
    with open(problem.place.file) as file:
        assert line in file.readlines()[problem.place.line - 1]
    assert f"let {function.__name__} return fiddle_hydra_bridge.Config(...)" in str(caught.value)


def test_a_function_without_source_is_refused_with_the_reason() -> None:
    namespace: dict[str, Any] = {}
    exec("def made(): return 1", namespace)
    with pytest.raises(OSError, match="must stand in a file"):
        autoconvert(namespace["made"])


def test_a_graph_of_a_recipe_survives_yaml() -> None:
    graph = guide.partial_model()
    read = fhb.from_yaml(fhb.to_yaml(graph), config_cls=Config, partial_cls=Partial)
    assert fhb.same_graph(read, graph)
