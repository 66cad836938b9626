"""Sharing: one instance in the graph is one instance under plain Hydra, and overrides mean what they say.

Every row is judged three times: by plain ``hydra.utils.instantiate``, by the bridge's, and by ``fdl.build`` of the
graph that is read back.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fiddle as fdl
import hydra
import hydra.utils
import pytest
from hydra.errors import InstantiationException
from omegaconf import OmegaConf

import fiddle_hydra_bridge as fhb
from tests import components as c

pytestmark = pytest.mark.filterwarnings("ignore")

HAS_WHITELIST = hasattr(OmegaConf, "is_tuple")
ENCODER = "tests.components.Encoder"
REF = {"_target_": "fiddle_hydra_bridge.ref", "_ref_": "encoder"}


def encoder(dim: Any = 16, **more: Any) -> Any:
    return fdl.Config(c.Encoder, dim=dim, **more)


def node(**arguments: Any) -> Any:
    return fdl.Config(c.Node, **arguments)


def model(**arguments: Any) -> Any:
    return fdl.Config(c.Model, **arguments)


# Graphs that share. Each function takes the shared value and puts it in two or more places --------------------------


def side_by_side(x: Any) -> Any:
    return model(encoder=x, decoder=x)


def at_different_depths(x: Any) -> Any:
    return model(encoder=node(a=node(b=x)), decoder=x)


def in_lists(x: Any) -> Any:
    return node(a=[x, [x]], b=[0, x])


def in_dicts(x: Any) -> Any:
    return node(a={"k": x, "l": {"m n": x}}, b=x)


def in_tuples(x: Any) -> Any:
    return node(a=(x, (x,)), b=x)


def in_namedtuples(x: Any) -> Any:
    return node(a=c.Point(x, [x]), b=x)


def in_one_list(x: Any) -> Any:
    return node(a=[x, x])


def positional(x: Any) -> Any:
    return fdl.Config(c.combine, x, 1, [x], y=x)


def below_the_root(x: Any) -> Any:
    return node(a=1, b=[side_by_side(x)])


def between_sections(x: Any) -> Any:
    return fdl.Config(fhb.section, one=node(a=x), two=fdl.Config(fhb.section, x=x))


def in_a_partial(x: Any) -> Any:
    return fdl.Partial(c.Model, encoder=x, decoder=[x])


def in_a_partial_below(x: Any) -> Any:
    return node(a=fdl.Partial(c.Model, encoder=x), b=x)


def in_two_partials(x: Any) -> Any:
    return node(a=fdl.Partial(c.Model, encoder=x), b=fdl.Partial(c.Node, a=[x]))


def next_to_a_factory(x: Any) -> Any:
    return node(a=fdl.Partial(c.Model, encoder=x, decoder=fdl.ArgFactory(c.fresh, start=1)), b=x)


def across_a_factory(x: Any) -> Any:
    return fdl.Partial(c.Model, encoder=x, decoder=fdl.ArgFactory(c.Node, a=x, b=[x]))


def within_a_factory(x: Any) -> Any:
    return fdl.Partial(c.Model, decoder=fdl.ArgFactory(c.Node, a=x, b=x))


def under_odd_keys(x: Any) -> Any:
    return fdl.Config(c.combine, **{"a.b": x, "c d": [x], "${no}": x})


def next_to_a_tag(x: Any) -> Any:
    made = side_by_side(x)
    fdl.add_tag(made, "encoder", c.Width)
    return made


PLACES = [
    side_by_side,
    at_different_depths,
    in_lists,
    in_dicts,
    in_tuples,
    in_namedtuples,
    in_one_list,
    positional,
    below_the_root,
    between_sections,
    in_a_partial,
    in_a_partial_below,
    in_two_partials,
    next_to_a_factory,
    across_a_factory,
    within_a_factory,
    under_odd_keys,
    next_to_a_tag,
]

SHARED: dict[str, Callable[[], Any]] = {
    "a config": encoder,
    "a config with containers": lambda: node(a=[1], b={"k": encoder()}),
    "a config that shares": lambda: side_by_side(encoder()),
    "a partial": lambda: fdl.Partial(c.Encoder, dim=1),
    "a partial with a factory": lambda: fdl.Partial(c.Node, a=fdl.ArgFactory(c.fresh)),
    "a list": lambda: [1, 2],
    "an empty list": list,
    "a list of configs": lambda: [encoder(), 3],
    "a dict": lambda: {"k": 1},
    "a dict of configs": lambda: {"k": encoder(), "l": [1]},
    "a dict with other keys": lambda: {1: encoder(), 2: "x"},
    "a set": lambda: {1, 2},
    "a dataclass instance": lambda: c.Settings(3, "deep"),
}

# Every place with a call and with a mutable value, every value in a few places; the laws mix all of them.
SHARING: dict[str, Callable[[], Any]] = {
    **{f"a config {place.__name__}": (lambda place=place: place(encoder())) for place in PLACES},
    **{f"a list {place.__name__}": (lambda place=place: place([1])) for place in PLACES},
    **{
        f"{name} {place.__name__}": (lambda make=make, place=place: place(make()))
        for name, make in SHARED.items()
        for place in (side_by_side, in_a_partial_below)
    },
}
every_shared_graph = pytest.mark.parametrize("make", SHARING.values(), ids=SHARING.keys())


@every_shared_graph
def test_plain_hydra_gives_the_instances_that_fiddle_builds(make: Callable[[], Any]) -> None:
    graph = make()
    built = fdl.build(graph)
    config = fhb.to_hydra(graph)
    assert fhb.equivalent(hydra.utils.instantiate(config, _convert_="all"), built)
    assert fhb.equivalent(fhb.instantiate(config, _convert_="all"), built)


@every_shared_graph
def test_sharing_comes_back(make: Callable[[], Any]) -> None:
    graph = make()
    text = fhb.to_yaml(graph)
    assert "fiddle_hydra_bridge.ref" in text
    assert fhb.same_graph(fhb.from_hydra(fhb.to_hydra(graph)), graph)
    assert fhb.same_graph(fhb.from_yaml(text), graph)


def test_equal_values_that_are_not_one_stay_apart() -> None:
    graph = model(encoder=encoder(), decoder=encoder(), layers=[[1], [1]])
    assert "share" not in fhb.to_yaml(graph)
    made = hydra.utils.instantiate(fhb.to_hydra(graph))
    assert made.encoder is not made.decoder
    assert made.layers[0] is not made.layers[1]


@pytest.mark.parametrize("value", [(1, 2), "text", 3, frozenset({1}), c.Colour.RED, c.Encoder, b"x"], ids=repr)
def test_immutable_values_need_no_sharing(value: Any) -> None:
    assert "share" not in fhb.to_yaml(side_by_side(value))


def test_calls_are_made_once_and_in_hydras_order() -> None:
    graph = model(encoder=node(a=encoder(1)), decoder=encoder(2), layers=[])
    graph.layers = [graph.decoder, graph.encoder, encoder(3)]
    calls = []
    for make in (lambda: fdl.build(graph), lambda: hydra.utils.instantiate(fhb.to_hydra(graph))):
        c.CALLS.clear()
        make()
        calls.append([*c.CALLS])
    assert calls[0] == calls[1] == ["Encoder(1)", "Node", "Encoder(2)", "Encoder(3)", "Model"]


def test_a_shared_instance_is_one_under_plain_hydra() -> None:
    made = hydra.utils.instantiate(fhb.to_hydra(model(encoder=(x := encoder()), decoder=node(a=[x]), layers=(x,))))
    assert made.encoder is made.decoder.a[0] is made.layers[0]


def test_a_value_shared_between_an_argument_and_its_factory_is_one_in_every_call() -> None:
    made = hydra.utils.instantiate(fhb.to_hydra(across_a_factory(encoder())))
    first, second = made(), made()
    assert first.encoder is second.encoder
    assert first.decoder is not second.decoder


def test_the_lowest_call_above_all_occurrences_is_the_share() -> None:
    config = fhb.to_hydra(node(a=side_by_side(encoder()), b=encoder()))
    assert config._target_ == "tests.components.Node"
    assert config.a._target_ == "fiddle_hydra_bridge.share"
    assert config.a.decoder == REF
    assert config.b == {"_target_": ENCODER, "dim": 16}


def test_nested_shares_are_one_region() -> None:
    inner = side_by_side(encoder(1))
    graph = model(encoder=inner, decoder=inner, layers=[inner.encoder])
    text = fhb.to_yaml(graph)
    assert text.count("fiddle_hydra_bridge.share") == 1
    assert [line.split()[-1] for line in text.splitlines() if "_ref_" in line] == [
        "encoder.encoder",
        "encoder",
        "encoder.encoder",
    ]


def test_a_share_within_a_share_asks_further_out() -> None:
    config = {
        "_target_": "fiddle_hydra_bridge.share",
        "_shared_target_": {"_target_": "tests.components.Model", "_partial_": True},
        "encoder": {"_target_": ENCODER, "_partial_": True, "dim": 1},
        "decoder": {
            "_target_": "fiddle_hydra_bridge.share",
            "_partial_": True,
            "_shared_target_": {"_target_": "tests.components.Node", "_partial_": True},
            "a": {"_target_": ENCODER, "_partial_": True, "dim": 2},
            "b": {"_target_": "fiddle_hydra_bridge.ref", "_ref_": "a"},
            "c": {"_target_": "fiddle_hydra_bridge.ref", "_ref_": "encoder"},
        },
    }
    x, y = encoder(1), encoder(2)
    expected = model(encoder=x, decoder=node(a=y, b=y, c=x))
    assert fhb.same_graph(fhb.from_hydra(config), expected)
    assert fhb.equivalent(hydra.utils.instantiate(config), fdl.build(expected))
    assert fhb.equivalent(fhb.instantiate(config), fdl.build(expected))


# Overrides on a config that shares ----------------------------------------------------------------------------------


def shared_model() -> Any:
    """``encoder`` is defined first; ``decoder`` and ``layers[0]`` refer to it."""
    x = encoder()
    return model(encoder=x, decoder=x, layers=[x])


@pytest.fixture(scope="module")
def conf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("conf")
    fhb.save(shared_model(), folder / "config.yaml")
    return folder


def composed(conf: Path, overrides: list[str]) -> Any:
    return copy.deepcopy(_composed(conf, tuple(overrides)))


@functools.cache
def _composed(conf: Path, overrides: tuple[str, ...]) -> Any:
    with hydra.initialize_config_dir(str(conf), version_base=None):
        return hydra.compose("config", overrides=[*overrides])


def changed(encoder_: Any, decoder: Any, *layers: Any, **extra: Any) -> Any:
    return model(encoder=encoder_, decoder=decoder, layers=[*layers], **extra)


def shared_in(place: str) -> Any:
    """The shared model with another value in one place."""
    made = shared_model()
    setattr(made, place, 7)
    return made


def with_definition(value: Any) -> Any:
    return changed(value, value, value)


# The overrides, the graph that they mean.
OVERRIDES: dict[str, tuple[list[str], Callable[[], Any]]] = {
    "nothing": ([], shared_model),
    "an argument of the definition": (["encoder.dim=32"], lambda: with_definition(encoder(32))),
    "a new argument of the definition": (["+encoder.name=deep"], lambda: with_definition(encoder(16, name="deep"))),
    "an argument of the target": (["+extra1=5"], lambda: changed(x := encoder(), x, x, extra1=5)),
    "a ref replaced by a scalar": (["decoder=7"], lambda: shared_in("decoder")),
    "a ref nulled": (["decoder=null"], lambda: changed(x := encoder(), None, x)),
    "a ref deleted": (["~decoder"], lambda: model(encoder=(x := encoder()), layers=[x])),
    "a ref replaced by a node": (
        ["~decoder", f"+decoder={{_target_: {ENCODER}, dim: 5}}"],
        lambda: changed(x := encoder(), encoder(5), x),
    ),
    "a ref replaced by a deferred node": (
        ["~decoder", f"+decoder={{_target_: {ENCODER}, _partial_: true, dim: 5}}"],
        lambda: changed(x := encoder(), encoder(5), x),
    ),
    "a ref retargeted": (
        [f"+other={{_target_: {ENCODER}, _partial_: true, dim: 5}}", "decoder._ref_=other"],
        lambda: changed(x := encoder(), (y := encoder(5)), x, other=y),
    ),
    "a ref retargeted to a ref": (["decoder._ref_='layers[0]'"], shared_model),
    "a ref retargeted to an argument": (["decoder._ref_=encoder.dim"], lambda: changed(x := encoder(), 16, x)),
    "a list with a ref replaced": (["layers=[1]"], lambda: changed(x := encoder(), x, 1)),
    "the definition replaced by a scalar": (["encoder=7"], lambda: with_definition(7)),
    "the definition nulled": (["encoder=null"], lambda: with_definition(None)),
    "the definition replaced by a node": (
        ["~encoder", "+encoder={_target_: tests.components.Node, _partial_: true, a: 1}"],
        lambda: with_definition(node(a=1)),
    ),
    "another target of the definition": (
        ["encoder._target_=tests.components.fresh", "~encoder.dim"],
        lambda: with_definition(fdl.Config(c.fresh)),
    ),
    "another target of the share": (
        ["_shared_target_._target_=tests.components.combine"],
        lambda: fdl.Config(c.combine, encoder=(x := encoder()), decoder=x, layers=[x]),
    ),
    "an interpolation to a ref": (["layers=${decoder}"], lambda: model(encoder=(x := encoder()), decoder=x, layers=x)),
    "an interpolation to the definition is a copy": (
        ["layers=[${encoder}]"],
        lambda: changed(x := encoder(), x, encoder()),
    ),
    "an interpolation to an argument of the definition": (
        ["+extra1=${encoder.dim}"],
        lambda: changed(x := encoder(), x, x, extra1=16),
    ),
}


@pytest.mark.parametrize(("overrides", "expected"), OVERRIDES.values(), ids=OVERRIDES.keys())
def test_overrides_on_a_shared_config_mean_what_they_say(
    conf: Path, overrides: list[str], expected: Callable[[], Any]
) -> None:
    config = composed(conf, overrides)
    built = fdl.build(expected())
    assert fhb.equivalent(hydra.utils.instantiate(copy.deepcopy(config)), built)
    assert fhb.equivalent(fhb.instantiate(config), built)
    assert fhb.equivalent(fdl.build(fhb.from_hydra(config)), built)


@pytest.mark.parametrize(("overrides", "expected"), OVERRIDES.values(), ids=OVERRIDES.keys())
def test_an_overridden_config_is_read_as_the_graph_that_it_means(
    conf: Path, overrides: list[str], expected: Callable[[], Any]
) -> None:
    assert fhb.same_graph(fhb.from_hydra(composed(conf, overrides)), expected())


# The overrides, what Hydra's error says, what ours says and where.
BROKEN: dict[str, tuple[list[str], str, str, str]] = {
    "the definition deleted": (["~encoder"], "the ref 'encoder' names nothing", "names nothing", "decoder._ref_"),
    "a ref retargeted to nothing": (
        ["decoder._ref_=no.where"],
        "'no.where' names nothing",
        "names nothing",
        "decoder._ref_",
    ),
    "a ref retargeted to itself": (["decoder._ref_=decoder"], "contains itself", "contains itself", "decoder._ref_"),
    "two refs to each other": (
        ["decoder._ref_='layers[0]'", "layers=[{_target_: fiddle_hydra_bridge.ref, _ref_: decoder}]"],
        "contains itself",
        "contains itself",
        "",
    ),
    "the definition refers to itself": (
        ["+encoder.name={_target_: fiddle_hydra_bridge.ref, _ref_: encoder}"],
        "contains itself",
        "contains itself",
        "encoder.name._ref_",
    ),
    "a ref that is no path": (
        ["decoder._ref_='a..b'"],
        "'a..b' is not a config path",
        "not a config path",
        "decoder._ref_",
    ),
    "a ref that is no text": (["decoder._ref_=3"], "3 is not a config path", "not a config path", "decoder._ref_"),
    "a ref merged with a node": (
        [f"decoder._target_={ENCODER}", "+decoder.dim=5"],
        "'_ref_'",
        "'_ref_'",
        "decoder._ref_",
    ),
    "the share itself gets another target": (["_target_=tests.components.Node"], "unexpected keyword", "", ""),
    "the target of the share deleted": (["~_shared_target_"], "_shared_target_", "_shared_target_", "_shared_target_"),
    "the target of the share is text": (
        ["_shared_target_=tests.components.Model"],
        "_shared_target_",
        "_shared_target_ must be a call node",
        "_shared_target_",
    ),
    "the target of the share is not deferred": (
        ["_shared_target_._partial_=false"],
        "_shared_target_",
        "_shared_target_ must be a call node with '_partial_: true'",
        "_shared_target_",
    ),
}


@pytest.mark.parametrize(("overrides", "theirs", "ours", "path"), BROKEN.values(), ids=BROKEN.keys())
def test_overrides_that_break_a_share_are_errors(
    conf: Path, overrides: list[str], theirs: str, ours: str, path: str
) -> None:
    config = composed(conf, overrides)
    with pytest.raises((InstantiationException, fhb.ShareError, TypeError), match=theirs) as caught:
        hydra.utils.instantiate(copy.deepcopy(config))
    with pytest.raises(caught.type, match=theirs):
        fhb.instantiate(config)
    with pytest.raises(fhb.BridgeError, match=ours) as refused:
        fhb.from_hydra(config)
    assert path == "" or refused.value.problems[0].path == path


CALL_SITE: dict[str, dict[str, Any]] = {
    "a ref replaced": {"decoder": 5},
    "a ref nulled": {"decoder": None},
    "a ref replaced by a node": {"decoder": {"_target_": ENCODER, "dim": 5, "_ref_": "encoder"}},
    "the definition replaced": {"encoder": 5},
    "the definition nulled": {"encoder": None},
    "an argument of the definition": {"encoder": {"dim": 3}},
    "a live object for the definition": {"encoder": c.Encoder(9)},
    "a live object for a ref": {"decoder": c.Settings(9)},
    "a list": {"layers": [1]},
    "a new argument": {"extra1": 1},
    "a mode": {"_convert_": "none"},
    "a partial": {"_partial_": True},
}


def outcome(make: Callable[[], Any]) -> Any:
    try:
        made = make()
        return made() if callable(made) else made
    except Exception as error:  # what the installed Hydra raises is compared
        return type(error)


@pytest.mark.parametrize("arguments", CALL_SITE.values(), ids=CALL_SITE.keys())
def test_call_site_arguments_work_as_in_the_installed_hydra(arguments: dict[str, Any]) -> None:
    config = fhb.to_hydra(shared_model())
    theirs = outcome(lambda: hydra.utils.instantiate(copy.deepcopy(config), **arguments))
    assert fhb.equivalent(outcome(lambda: fhb.instantiate(config, **arguments)), theirs)


def test_call_site_arguments_keep_what_is_shared() -> None:
    made = hydra.utils.instantiate(fhb.to_hydra(shared_model()), decoder=5, extra1=6)
    assert made.encoder is made.layers[0]
    assert (made.decoder, made.extra) == (5, {"extra1": 6})
    live = c.Encoder(9)
    made = hydra.utils.instantiate(fhb.to_hydra(shared_model()), encoder=live)
    assert made.encoder is made.decoder is made.layers[0] is live


# A ref outside its share --------------------------------------------------------------------------------------------

OUTSIDE = {
    "at the root": (REF, "_ref_"),
    "below a call": ({"_target_": "tests.components.Node", "a": REF}, "a._ref_"),
    "in a section": ({"one": {"a": [REF]}}, "one.a[0]._ref_"),
}


@pytest.mark.parametrize(("config", "path"), OUTSIDE.values(), ids=OUTSIDE.keys())
def test_a_ref_outside_its_share_is_refused_in_a_graph(config: Any, path: str) -> None:
    with pytest.raises(fhb.ShareError, match="the ref 'encoder' names nothing: there is no share node") as caught:
        fhb.from_hydra(config)
    assert caught.value.problems[0].path == path


def test_a_part_of_a_share_has_no_definitions() -> None:
    config = fhb.to_hydra(between_sections(encoder()))
    with pytest.raises(fhb.ShareError, match="there is no share node around it"):
        fhb.from_hydra(config.two)


@pytest.mark.parametrize("make", [hydra.utils.instantiate, fhb.instantiate], ids=["hydra", "bridge"])
def test_a_ref_outside_its_share_cannot_be_used(make: Any) -> None:
    made = make({"_target_": "tests.components.Node", "a": REF})
    with pytest.raises(fhb.ShareError, match="encoder"):
        _ = made.a.dim


# The policy reaches every target below a share ------------------------------------------------------------------------


def forbidden() -> Any:
    """A share whose deferred child calls a target that Hydra refuses."""
    config = fhb.to_hydra(shared_model())
    config.encoder = {"_target_": "os.system", "_partial_": True, "command": "true"}
    return config


@pytest.mark.parametrize(
    "read", [hydra.utils.instantiate, fhb.instantiate, fhb.from_hydra], ids=["hydra", "bridge", "graph"]
)
def test_a_refused_target_below_a_share_is_refused(read: Any) -> None:
    with pytest.raises((InstantiationException, fhb.RefusedTargetError), match=r"os\.system"):
        read(forbidden())


HELPERS = ["fiddle_hydra_bridge.*"]


@pytest.mark.skipif(not HAS_WHITELIST, reason="Hydra 1.3 has no execution whitelist")
def test_hydras_execution_whitelist_reaches_every_target_below_a_share() -> None:
    config = fhb.to_hydra(shared_model())
    allowed = [*HELPERS, "tests.components.Model", ENCODER]
    for make in (hydra.utils.instantiate, fhb.instantiate):
        made = make(config, _execution_whitelist_=allowed)
        assert made.encoder is made.decoder
        for left_out in range(3):
            whitelist = [*allowed[:left_out], *allowed[left_out + 1 :]]
            with pytest.raises(InstantiationException):
                make(config, _execution_whitelist_=whitelist)


@pytest.mark.parametrize("left_out", ["tests.components.Model", ENCODER])
def test_allow_reaches_every_target_below_a_share(left_out: str) -> None:
    config = fhb.to_hydra(shared_model())
    allowed = [*HELPERS, "tests.components.Model", ENCODER]
    assert fhb.instantiate(config, _allow_=allowed).encoder.dim == 16
    assert fhb.same_graph(fhb.from_hydra(config, allow=allowed), shared_model())
    allowed.remove(left_out)
    with pytest.raises((InstantiationException, fhb.RefusedTargetError), match=left_out):
        fhb.instantiate(config, _allow_=allowed)
    with pytest.raises(fhb.RefusedTargetError, match=left_out):
        fhb.from_hydra(config, allow=allowed)
