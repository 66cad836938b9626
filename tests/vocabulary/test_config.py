"""``Config`` and ``Partial`` with NeMo-Run's methods; ``broadcast`` and ``walk`` on any Fiddle graph."""

from __future__ import annotations

import copy
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fiddle as fdl
import graphviz
import hydra.utils
import pytest
from fiddle.experimental import serialization
from hypothesis import given
from hypothesis import strategies as st

import fiddle_hydra_bridge as fhb
from fiddle_hydra_bridge.convert.compare import first_graph_difference
from fiddle_hydra_bridge.vocabulary import config as vocabulary
from fiddle_hydra_bridge.vocabulary.config import Config, Partial, broadcast, walk
from tests import components as c
from tests.strategies import graphs
from tests.vocabulary.guide import Llama3Config8B, LlamaModel

GUIDE = """\
_target_: tests.components.Node
a: {0}
b:
  _target_: tests.components.Node
  a: {0}
"""


def nodes_of(graph: Any) -> list[Any]:
    """Every Buildable of a graph once, found without the code under test."""
    found: dict[int, Any] = {}
    pending = [graph]
    while pending:
        value = pending.pop()
        if isinstance(value, fdl.Buildable):
            if id(value) not in found:
                found[id(value)] = value
                pending += value.__arguments__.values()
        elif isinstance(value, dict):
            pending += value.values()
        elif isinstance(value, list | tuple):
            pending += value
    return list(found.values())


# ------------------------------------------------------------------------------------------- Config and Partial


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (Config(c.Node, a=Partial(c.Encoder, 3)), fdl.Config(c.Node, a=fdl.Partial(c.Encoder, 3))),
        (Partial(c.Node, a=[Config(c.Encoder, 3)]), fdl.Partial(c.Node, a=[fdl.Config(c.Encoder, 3)])),
    ],
)
def test_our_classes_are_spelled_and_built_like_fiddles(ours: Any, theirs: Any) -> None:
    assert fhb.to_yaml(ours) == fhb.to_yaml(theirs)
    assert fhb.to_hydra(ours) == fhb.to_hydra(theirs)
    assert fhb.equivalent(fdl.build(ours), fdl.build(theirs))
    assert fhb.equivalent(hydra.utils.instantiate(fhb.to_hydra(ours)), fdl.build(ours))


@given(graphs())
def test_a_graph_read_into_our_classes_is_the_graph_read_into_fiddles(graph: Any) -> None:
    text = fhb.to_yaml(graph)
    ours = fhb.from_yaml(text, config_cls=Config, partial_cls=Partial)
    assert {type(node) for node in nodes_of(ours)} <= {Config, Partial, fdl.ArgFactory}
    assert fhb.to_yaml(ours) == fhb.to_yaml(fhb.from_yaml(text))
    assert (
        first_graph_difference(fhb.from_yaml(fhb.to_yaml(ours), config_cls=Config, partial_cls=Partial), ours) is None
    )


@pytest.mark.parametrize("source", [Config, Partial, fdl.Config, fdl.Partial, fdl.ArgFactory])
@pytest.mark.parametrize("target", [Config, Partial, fdl.Config, fdl.Partial])
def test_casts_go_both_ways_without_a_warning(source: Any, target: Any, caplog: pytest.LogCaptureFixture) -> None:
    cast = fdl.cast(target, source(c.annotated, dim=3))
    assert fhb.same_graph(cast, target(c.annotated, dim=3))
    ours = (Config, Partial)
    assert not [record for record in caplog.records if source in ours or target in ours]


@pytest.mark.parametrize(
    "copied",
    [
        copy.deepcopy,
        copy.copy,
        Config.clone,
        lambda graph: pickle.loads(pickle.dumps(graph)),
        lambda graph: serialization.load_json(serialization.dump_json(graph)),
        lambda graph: fdl.cast(Config, fdl.cast(fdl.Config, graph)),
    ],
    ids=["deepcopy", "copy", "clone", "pickle", "Fiddle's JSON", "cast"],
)
def test_copies_are_the_same_graph(copied: Callable[[Any], Any]) -> None:
    shared = Config(c.Encoder, 3)
    graph = Config(c.Model, encoder=shared, decoder=shared, layers=[Partial(c.Node)])
    assert copied(graph) is not graph
    assert fhb.same_graph(copied(graph), graph)


def test_a_parameter_that_a_method_hides_can_be_set_and_survives() -> None:
    graph = Config(dict, walk=1, diff=Config(dict, clone=2))
    graph.visualize = 3
    assert graph.__arguments__ == {"walk": 1, "diff": graph.__arguments__["diff"], "visualize": 3}
    assert fhb.same_graph(fhb.from_yaml(fhb.to_yaml(graph), config_cls=Config), graph)


def test_only_names_of_nemo_run_hide_parameters() -> None:
    own = set(dir(type)) | set(dir(object))
    added = {name for cls in (Config, Partial) for name in vars(vocabulary._Words) | vars(cls)}
    public = {name for name in added - own if not name.startswith("_")}
    assert public == {"broadcast", "walk", "clone", "visualize", "diff", "save_config_img"}


def test_a_built_partial_makes_what_the_config_builds() -> None:
    parts: dict[str, Any] = {"config": Config(Llama3Config8B, seq_length=16384)}
    assert fdl.build(Partial(LlamaModel, **parts))() == fdl.build(Config(LlamaModel, **parts))


# -------------------------------------------------------------------------------------------- broadcast and walk


def test_the_guides_example_gives_the_guides_yaml() -> None:
    config = Config(c.Node, a=5, b=Config(c.Node, a=10))
    assert config.broadcast(a=20) is config
    assert fhb.to_yaml(config) == GUIDE.format(20)
    assert config.walk(a=lambda cfg: cfg.a * 2) is config
    assert fhb.to_yaml(config) == GUIDE.format(40)


#: Where a node may stand below another.
PLACES: dict[str, Callable[[Any], Any]] = {
    "argument": lambda node: Config(c.Node, b=node),
    "list": lambda node: Config(c.Node, b=[1, [node]]),
    "dict": lambda node: Config(c.Node, b={1: {"x": node}}),
    "tuple": lambda node: Config(c.Node, b=(node,)),
    "namedtuple": lambda node: Config(c.Node, b=c.Point(0, node)),
    "Partial": lambda node: Partial(c.Node, b=node),
    "ArgFactory": lambda node: fdl.Partial(c.Node, b=fdl.ArgFactory(c.Node, c=node)),
    "plain Fiddle": lambda node: fdl.Config(c.Node, b=node),
    "section": lambda node: fdl.Config(fhb.section, b=fdl.Config(fhb.section, x=node)),
    "*args": lambda node: fdl.Config(c.combine, 1, node),
    "positional-only": lambda node: fdl.Config(c.positional, node),
    "tagged value": lambda node: fdl.Config(c.Node, b=[fdl.TaggedValue([c.Width], default=node)]),
    "a list as the root": lambda node: [node],
    "a dict as the root": lambda node: {"x": (node,)},
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_nodes_are_reached_wherever_they_stand(place: Callable[[Any], Any]) -> None:
    node = Config(c.Encoder, dim=1)
    assert broadcast(graph := place(node), dim=5) is graph
    assert node.dim == 5
    assert walk(graph, dim=lambda cfg: cfg.dim + 1) is graph
    assert node.dim == 6


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (Config(c.Settings), {"dim": 9}),
        (Config(c.Settings, name="x"), {"name": "x", "dim": 9}),
        (Config(c.combine), {}),
        (Config(c.combine, dim=1), {"dim": 9}),
        (Config(c.Model), {}),
        (Config(c.Model, dim=None), {"dim": 9}),
        (fdl.Config(fhb.section, dim=1), {"dim": 9}),
        (fdl.Config(fhb.section, other=1), {"other": 1}),
        (Config(c.Node), {}),
    ],
    ids=repr,
)
def test_broadcast_sets_what_is_declared_and_of_kwargs_what_is_set(node: Any, expected: dict[str, Any]) -> None:
    node = copy.deepcopy(node)
    broadcast([node, Config(c.Encoder)], dim=9)
    assert node.__arguments__ == expected


def test_broadcast_and_walk_set_positional_only_parameters_at_their_place() -> None:
    graph = fdl.Config(c.positional, 1)
    assert fhb.same_graph(broadcast(graph, a=5), fdl.Config(c.positional, 5))
    assert fhb.same_graph(
        walk(graph, a=lambda cfg: cfg[0] + 1, b=lambda cfg: cfg[1] * 10), fdl.Config(c.positional, 6, 20)
    )


def test_walk_uses_defaults_and_leaves_what_has_no_value() -> None:
    graph = [Config(c.Settings), Config(c.Encoder), Config(c.Settings, dim=3)]
    walk(graph, dim=lambda cfg: cfg.dim * 10)
    assert [node.__arguments__ for node in graph] == [{"dim": 10}, {}, {"dim": 30}]


def test_a_shared_node_is_touched_once() -> None:
    shared = Config(c.Node, a=1)
    graph = Config(c.Node, b=shared, c=[shared, Config(c.Node, b=shared)])
    walk(graph, a=lambda cfg: 1 if cfg.a is None else cfg.a + 1)
    assert shared.a == 2
    assert graph.b is shared and graph.c[0] is shared and graph.c[1].b is shared


def test_walk_goes_name_by_name_and_parents_first() -> None:
    low = Config(c.Node, a="low", b=0)
    middle = Config(c.Node, a="middle", b=1, c=low)
    # The node "low" is met first on the short way, but it is also a child of "middle".
    root = Config(c.Node, a="root", b=[low, middle])
    calls: list[str] = []
    walk(root, a=lambda cfg: calls.append(f"a of {cfg.a}") or cfg.a, b=lambda cfg: calls.append(f"b of {cfg.a}"))
    assert calls == [f"{name} of {node}" for name in "ab" for node in ("root", "middle", "low")]


def test_what_broadcast_and_walk_put_in_is_left_as_it_is() -> None:
    graph = Config(c.Node, a=1, b=Config(c.Node, a=2))
    walk(graph, a=lambda cfg: Config(c.Node, a=cfg.a))
    assert fhb.same_graph(graph, Config(c.Node, a=Config(c.Node, a=1), b=Config(c.Node, a=Config(c.Node, a=2))))


@pytest.mark.parametrize("change", [broadcast, walk])
def test_unknown_names_are_all_reported_and_nothing_is_changed(change: Callable[..., Any]) -> None:
    graph = Config(c.Node, a=1, b=[Config(c.Encoder, dim=2)])
    before = copy.deepcopy(graph)
    with pytest.raises(fhb.ParameterError) as caught:
        change(graph, a=lambda cfg: 2, dimm=lambda cfg: 3, extra=lambda cfg: 4)
    assert [problem.message.partition(" has ")[0] for problem in caught.value.problems]
    assert len(caught.value.problems) == 2
    assert "'dimm' (did you mean 'dim'?)" in str(caught.value)
    assert fhb.same_graph(graph, before)


def test_walk_refuses_a_name_that_has_no_value_anywhere() -> None:
    with pytest.raises(fhb.ParameterError, match="no node has a parameter with a value or a default 'dim'"):
        walk(Config(c.Encoder), dim=lambda cfg: 1)


def test_the_parameters_of_a_link_are_not_the_graphs() -> None:
    graph = fdl.Config(fhb.section, dim=3, width=fhb.link("${dim}"))
    with pytest.raises(fhb.ParameterError):
        broadcast(graph, expression="${other}")


def test_what_a_function_raises_says_for_which_node() -> None:
    graph = Config(c.Node, b=[Config(c.Node, a="x")])
    with pytest.raises(TypeError) as caught:
        walk(graph, a=lambda cfg: 1 if cfg.a is None else cfg.a + 1)
    assert caught.value.__notes__ == ["walk called the function for b[0].a"]


def test_fiddles_history_names_the_line_that_changed_the_graph() -> None:
    graph = Config(c.Node, a=1).broadcast(a=2)
    location = graph.__argument_history__["a"][-1].location
    assert location.filename == __file__
    assert location.function_name == "test_fiddles_history_names_the_line_that_changed_the_graph"


@given(graphs(), st.sampled_from(["a", "b", "dim", "rate", "encoder"]), st.integers())
def test_broadcast_changes_the_parameter_everywhere_and_nothing_else(graph: Any, name: str, value: int) -> None:
    nodes = nodes_of(graph)
    before = [dict(node.__arguments__) for node in nodes]
    declaring = [
        node for node in nodes if name in node.__arguments__ or name in node.__signature_info__.valid_param_names
    ]
    try:
        broadcast(graph, **{name: value})
    except fhb.ParameterError:
        # `a` and `b` of `positional` are positional-only, which Fiddle does not count as names.
        assert not declaring
        return
    for node, arguments in zip(nodes, before, strict=True):
        keys = {0: "a", 1: "b"} if fdl.get_callable(node) is c.positional else {}
        for key, argument in node.__arguments__.items():
            if keys.get(key, key) == name:
                assert argument == value and type(argument) is int
            else:
                assert argument is arguments[key]
    assert all(node.__arguments__[name] == value for node in declaring)


# --------------------------------------------------------------------------------------------- pictures and trees


def test_pictures_are_fiddles_graphviz_graphs() -> None:
    graph = Config(c.Node, a=1, b=Config(c.Encoder, dim=2))
    changed = graph.clone()
    changed.b.dim = 3
    assert isinstance(graph.visualize(), graphviz.Graph)
    assert "Encoder" in graph.visualize().source
    assert "Encoder" not in graph.visualize(max_depth=0).source
    assert "Encoder" in changed.diff(graph).source


@pytest.mark.parametrize(("name", "file"), [("a/b.svg", "a/b.svg"), ("a", "a/config.png")])
def test_a_picture_is_saved_or_the_missing_program_is_named(tmp_path: Path, name: str, file: str) -> None:
    config = Config(c.Node, a=1)
    if shutil.which("dot") is None:
        with pytest.raises(graphviz.ExecutableNotFound, match="dot"):
            config.save_config_img(tmp_path / name)
        assert not list(tmp_path.iterdir())
        return
    config.save_config_img(tmp_path / name)
    assert (tmp_path / file).stat().st_size > 100


def test_a_notebook_shows_a_tree_in_which_shared_nodes_stand_once() -> None:
    shared = Config(c.Encoder, dim=1)
    shown = Config(
        c.Model, encoder=shared, layers=[shared, {"x": Partial(len), "y": c.identity, "z": "<b>"}]
    )._repr_html_()
    assert shown.count("tests.components.Encoder") == 1
    assert "the same as encoder" in shown
    assert "<b>Partial</b> len" in shown
    assert "<code>tests.components.identity</code>" in shown
    assert "&lt;b&gt;" in shown
    assert shown.count("<details") == shown.count("</details>") == 5


def test_a_notebook_shows_long_lists_in_part() -> None:
    assert "… 900 more" in Config(c.Node, a=list(range(1000)))._repr_html_()
