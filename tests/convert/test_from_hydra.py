"""The map from Hydra to Fiddle, row by row: what each config is read as, and that it builds what Hydra makes."""

from __future__ import annotations

import copy
import functools
import ipaddress
import pathlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import fiddle as fdl
import hydra.utils
import pytest
from omegaconf import MISSING, DictConfig, ListConfig, OmegaConf

import fiddle_hydra_bridge as fhb
from tests import components as c

pytestmark = pytest.mark.filterwarnings("ignore")

HAS_TUPLES = hasattr(OmegaConf, "is_tuple")
NODE = "tests.components.Node"
ENCODER = "tests.components.Encoder"
COMBINE = "tests.components.combine"
HERE = "tests.convert.test_from_hydra"


def shy(a: Any, /, **rest: Any) -> Any:
    """Takes a keyword that has the name of its positional-only parameter."""
    return a, rest


def decorated(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any, more: Any = None, **kwargs: Any) -> Any:
        return more, function(*args, **kwargs)

    return wrapper


@decorated
def narrow(x: Any) -> Any:
    """Accepts more than the signature that it shows."""
    return x


class Meta(type):
    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        made = super().__call__()
        made.received = (args, kwargs)
        return made


class Registered(metaclass=Meta):
    """Accepts more than the signature of its ``__init__``."""


@dataclass
class Optimizer:
    """A structured config."""

    rate: float = 0.1
    betas: list[float] = field(default_factory=lambda: [0.9, 0.99])


@dataclass
class Trainer:
    optimizer: Optimizer = field(default_factory=Optimizer)
    steps: int = 3


@dataclass
class NodeConfig:
    """A structured config that is a call node."""

    _target_: str = NODE
    a: Any = 1
    b: Optimizer = field(default_factory=Optimizer)


@dataclass
class RequiredConfig:
    _target_: str = ENCODER
    dim: int = MISSING


def node(**arguments: Any) -> Any:
    return fdl.Config(c.Node, **arguments)


def section(**entries: Any) -> Any:
    return fdl.Config(fhb.section, **entries)


def encoder(**arguments: Any) -> Any:
    return fdl.Config(c.Encoder, **arguments)


# The name of a row, the config, the graph.
READ: dict[str, tuple[Any, Callable[[], Any]]] = {
    "a call node": ({"_target_": ENCODER, "dim": 1}, lambda: encoder(dim=1)),
    "arguments come in any order": (
        {"name": "deep", "dim": 1, "_target_": ENCODER},
        lambda: encoder(dim=1, name="deep"),
    ),
    "a partial": ({"_target_": ENCODER, "_partial_": True, "dim": 1}, lambda: fdl.Partial(c.Encoder, dim=1)),
    "a node that says it is no partial": ({"_target_": ENCODER, "_partial_": False, "dim": 1}, lambda: encoder(dim=1)),
    "positional arguments": ({"_target_": ENCODER, "_args_": [1, "deep"]}, lambda: encoder(dim=1, name="deep")),
    "variadic arguments": (
        {"_target_": COMBINE, "_args_": [1, {"k": 2}], "x": 3},
        lambda: fdl.Config(c.combine, 1, {"k": 2}, x=3),
    ),
    "empty positional arguments": ({"_target_": NODE, "_args_": []}, lambda: node()),
    "a section": ({"a": 1, "b": {"c": [2]}}, lambda: section(a=1, b=section(c=[2]))),
    "an empty mapping": ({}, lambda: section()),
    "a section with the names of a dict's parameters": (
        {"args": 1, "kwargs": 2, "self": 3, "entries": 4},
        lambda: section(args=1, kwargs=2, self=3, entries=4),
    ),
    "a section in a list": ([{"a": 1}, {"_target_": ENCODER, "dim": 1}], lambda: [section(a=1), encoder(dim=1)]),
    "a mapping below a call node": ({"_target_": NODE, "a": {"b": {"c": 1}}}, lambda: node(a={"b": {"c": 1}})),
    "a call node below a mapping below a call node": (
        {"_target_": NODE, "a": {"b": {"_target_": ENCODER, "dim": 1}}},
        lambda: node(a={"b": encoder(dim=1)}),
    ),
    "an empty list": ([], lambda: []),
    "a call node in nested lists": ([[{"_target_": ENCODER, "dim": 1}]], lambda: [[encoder(dim=1)]]),
    "a required parameter that is missing": ({"_target_": ENCODER, "dim": "???"}, lambda: encoder()),
    "a missing parameter of a partial": (
        {"_target_": ENCODER, "_partial_": True, "dim": "???", "name": "???"},
        lambda: fdl.Partial(c.Encoder),
    ),
    "get_object": (
        {"_target_": NODE, "a": {"_target_": "hydra.utils.get_object", "path": "math.pi"}},
        lambda: node(a=3.141592653589793),
    ),
    "get_class": (
        {"_target_": NODE, "a": {"_target_": "hydra.utils.get_class", "path": ENCODER}},
        lambda: node(a=c.Encoder),
    ),
    "get_method": (
        {"_target_": NODE, "a": {"_target_": "hydra.utils.get_method", "path": "tests.components.Model.from_dim"}},
        lambda: node(a=c.Model.from_dim),
    ),
    "get_object in a section": (
        {"a": {"_target_": "hydra.utils.get_object", "path": ENCODER}},
        lambda: section(a=c.Encoder),
    ),
    "NeMo-Run's reference to a class": (
        {"_target_": NODE, "a": {"_target_": ENCODER, "_call_": False}},
        lambda: node(a=c.Encoder),
    ),
    "NeMo-Run's call": ({"_target_": ENCODER, "_call_": True, "dim": 1}, lambda: encoder(dim=1)),
    "the spelling of a value": (
        {"_target_": NODE, "a": {"_target_": "pathlib.Path", "_args_": ["x"]}},
        lambda: node(a=pathlib.Path("x")),
    ),
    "a call that spells no value": (
        {"_target_": NODE, "a": {"_target_": "builtins.dict", "x": 1}},
        lambda: node(a=fdl.Config(dict, x=1)),
    ),
    "a structured config": (Trainer, lambda: section(optimizer=section(rate=0.1, betas=[0.9, 0.99]), steps=3)),
    "an instance of a structured config": (
        Trainer(Optimizer(0.5), 4),
        lambda: section(optimizer=section(rate=0.5, betas=[0.9, 0.99]), steps=4),
    ),
    "a structured config that is a call node": (NodeConfig, lambda: node(a=1, b={"rate": 0.1, "betas": [0.9, 0.99]})),
    "a structured config in a dict": (
        {"_target_": NODE, "a": Optimizer(0.5, [])},
        lambda: node(a={"rate": 0.5, "betas": []}),
    ),
    "a missing value of a structured config": (RequiredConfig, lambda: encoder()),
    "an enum member": (OmegaConf.create({"_target_": NODE, "a": c.Colour.RED}), lambda: node(a=c.Colour.RED)),
    "a path": (OmegaConf.create({"_target_": NODE, "a": pathlib.Path("x")}), lambda: node(a=pathlib.Path("x"))),
    "bytes": (OmegaConf.create({"_target_": NODE, "a": b"x"}), lambda: node(a=b"x")),
    "an object": (
        OmegaConf.create({"_target_": NODE, "a": c.Encoder}, flags={"allow_objects": True}),
        lambda: node(a=c.Encoder),
    ),
    "an object in a dict": ({"_target_": NODE, "a": [c.Encoder]}, lambda: node(a=[c.Encoder])),
    "a target given as a callable": ({"_target_": c.Encoder, "dim": 1}, lambda: encoder(dim=1)),
    "a target given as a callable in a DictConfig": (
        OmegaConf.create({"_target_": c.Encoder, "dim": 1}, flags={"allow_objects": True}),
        lambda: encoder(dim=1),
    ),
    "an interpolation": (
        {"x": 3, "e": {"_target_": ENCODER, "dim": "${x}"}},
        lambda: section(x=3, e=encoder(dim=3)),
    ),
    "an interpolation within text": ({"x": 3, "y": "${x}px"}, lambda: section(x=3, y="3px")),
    "a relative interpolation": ({"_target_": NODE, "a": 3, "b": "${.a}"}, lambda: node(a=3, b=3)),
    "a chain of interpolations": ({"a": "${b}", "b": "${c}", "c": 1}, lambda: section(a=1, b=1, c=1)),
    "an interpolation to a container is a copy": (
        {"data": [1], "n": {"_target_": NODE, "a": "${data}"}},
        lambda: section(data=[1], n=node(a=[1])),
    ),
    "an interpolation to a call node is a copy": (
        {"e": {"_target_": ENCODER, "dim": 1}, "n": {"_target_": NODE, "a": "${e}"}},
        lambda: section(e=encoder(dim=1), n=node(a=encoder(dim=1))),
    ),
    "an interpolation of a resolver": ({"a": "${oc.env:FHB_NOT_SET,7}"}, lambda: section(a="7")),
    "an interpolation as target": (
        {"t": ENCODER, "e": {"_target_": "${t}", "dim": 1}},
        lambda: section(t=ENCODER, e=encoder(dim=1)),
    ),
    "an interpolation as mode of a partial": (
        {"p": True, "e": {"_target_": ENCODER, "_partial_": "${p}"}},
        lambda: section(p=True, e=fdl.Partial(c.Encoder)),
    ),
    "keys that are not str in a section": (OmegaConf.create({"a": {1: 2}}), lambda: section(a={1: 2})),
    "null in a section": ({"a": None}, lambda: section(a=None)),
    "a DictConfig that is None": (OmegaConf.create({"_target_": NODE, "a": DictConfig(None)}), lambda: node(a=None)),
}


@pytest.mark.parametrize(("config", "make"), READ.values(), ids=READ.keys())
def test_a_config_is_read_as_this_graph(config: Any, make: Callable[[], Any]) -> None:
    assert fhb.same_graph(fhb.from_hydra(config), make())


BUILT = {
    name: (config, make)
    for name, (config, make) in READ.items()
    if "missing" not in name
    # Hydra does not know NeMo-Run's key and calls the target with it.
    and not name.startswith("NeMo-Run's")
    # Hydra 1.4 keeps objects out of plain dicts.
    and not (HAS_TUPLES and name == "an object in a dict")
}


@pytest.mark.parametrize(("config", "make"), BUILT.values(), ids=BUILT.keys())
def test_the_graph_builds_what_hydra_makes_of_the_config(config: Any, make: Callable[[], Any]) -> None:
    theirs = hydra.utils.instantiate(config, _convert_="all")
    assert fhb.equivalent(fdl.build(fhb.from_hydra(config)), theirs)
    assert fhb.equivalent(fhb.instantiate(config, _convert_="all"), theirs)


# A control key says what a graph is made of, so that it cannot be a link.
KEPT = {name: row for name, row in READ.items() if name != "an interpolation as mode of a partial"}


@pytest.mark.parametrize(("config", "make"), KEPT.values(), ids=KEPT.keys())
@pytest.mark.parametrize("options", [{}, {"share": True}, {"links": "keep"}], ids=["auto", "share", "keep"])
def test_the_config_is_left_as_it_was(config: Any, make: Callable[[], Any], options: dict[str, Any]) -> None:
    before = copy.deepcopy(config)
    fhb.from_hydra(config, **options)
    assert fhb.equivalent(config, before)


def test_reading_a_part_leaves_the_whole_config_as_it_was() -> None:
    config = OmegaConf.create({"x": [1], "n": {"_target_": NODE, "a": "${x}", "b": "${..x}"}})
    before = copy.deepcopy(config)
    assert fhb.same_graph(fhb.from_hydra(config.n), node(a=[1], b=[1]))
    assert fhb.equivalent(config, before)
    assert OmegaConf.is_interpolation(config.n, "a")


def test_graphs_of_one_config_share_nothing() -> None:
    config = {"_target_": NODE, "a": [1], "b": {"k": [2]}}
    first, second = fhb.from_hydra(config), fhb.from_hydra(config)
    first.a.append(3)
    first.b["k"].append(4)
    assert fhb.same_graph(second, node(a=[1], b={"k": [2]}))
    assert config == {"_target_": NODE, "a": [1], "b": {"k": [2]}}


def test_none_is_none() -> None:
    assert fhb.from_hydra(None) is None


def test_a_tuple_is_what_the_installed_omegaconf_takes_it_for() -> None:
    assert fhb.same_graph(fhb.from_hydra({"a": (1, 2)}), section(a=(1, 2) if HAS_TUPLES else [1, 2]))


WRONG_INPUTS = [3, 1.5, "a: 1", b"a: 1", {1, 2}, object(), c.Encoder, c.Node(), len, pathlib.Path("x.yaml")]


@pytest.mark.parametrize("config", WRONG_INPUTS, ids=lambda config: type(config).__name__)
def test_what_is_no_config_is_refused_with_a_hint(config: Any) -> None:
    with pytest.raises(fhb.UnsupportedValueError, match=f"cannot convert an? {type(config).__name__}") as caught:
        fhb.from_hydra(config)
    assert "from_yaml" in str(caught.value.problems[0].hint)


@pytest.mark.parametrize("option", ["convert", "links", "missing"])
@pytest.mark.parametrize(
    "read", [lambda **o: fhb.from_hydra({}, **o), lambda **o: fhb.from_yaml("{}", **o)], ids=["hydra", "yaml"]
)
def test_an_unknown_choice_is_refused(read: Any, option: str) -> None:
    with pytest.raises(fhb.ParameterError, match=f"{option} must be one of .*, got 'some'"):
        read(**{option: "some"})


# Conversion modes ----------------------------------------------------------------------------------------------------


def container_types(built: Any) -> tuple[str, str]:
    return type(built.a).__name__, type(built.b.a).__name__


@pytest.mark.parametrize("inner", [None, "none", "partial", "object", "all", "ALL"])
@pytest.mark.parametrize("outer", [None, "none", "partial", "object", "all"])
def test_conversion_modes_are_inherited_as_in_hydra(outer: str | None, inner: str | None) -> None:
    config: dict[str, Any] = {"_target_": NODE, "a": [{"k": 1}], "b": {"_target_": NODE, "a": {"k": [Optimizer()]}}}
    if outer is not None:
        config["_convert_"] = outer
    if inner is not None:
        config["b"]["_convert_"] = inner
    config = OmegaConf.create(config)
    theirs = hydra.utils.instantiate(config)
    assert fhb.equivalent(fdl.build(fhb.from_hydra(config, convert="none")), theirs)
    assert fhb.equivalent(fhb.instantiate(config), theirs)


@pytest.mark.parametrize("convert", ["none", "partial", "object", "all"])
def test_nodes_without_a_mode_convert_as_the_caller_says(convert: str) -> None:
    config = {"_target_": NODE, "a": {"k": [Optimizer()]}, "b": {"_target_": NODE, "a": [1]}}
    theirs = hydra.utils.instantiate(OmegaConf.create({**config, "_convert_": convert}))
    assert fhb.equivalent(fdl.build(fhb.from_hydra(config, convert=convert)), theirs)


def test_python_people_get_dict_and_list() -> None:
    built = fdl.build(fhb.from_hydra({"_target_": NODE, "a": {"k": [1]}, "b": [1]}))
    assert fhb.equivalent((built.a, built.b), ({"k": [1]}, [1]))


def test_modes_come_back_from_a_graph() -> None:
    config = {"_target_": NODE, "_convert_": "none", "a": [1], "b": {"_target_": NODE, "_convert_": "all", "a": [1]}}
    graph = fhb.from_hydra(config)
    assert OmegaConf.to_container(fhb.to_hydra(graph)) == config
    assert fhb.same_graph(fhb.from_yaml(fhb.to_yaml(graph)), graph)


def test_an_unknown_mode_is_refused() -> None:
    with pytest.raises(fhb.ParameterError, match="_convert_ must be one of none, partial, object, all, got 'some'"):
        fhb.from_hydra({"_target_": NODE, "_convert_": "some"})


def test_a_mode_on_a_mapping_that_is_no_call_node_is_refused_in_a_graph() -> None:
    with pytest.raises(fhb.UnsupportedValueError, match=r"cannot have a _convert_ of its own"):
        fhb.from_hydra({"_target_": NODE, "a": {"_convert_": "partial", "b": [1]}}, convert="all")


# _recursive_ ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("convert", ["none", "partial", "object", "all"])
def test_children_of_a_node_that_is_not_recursive_stay_config(convert: str) -> None:
    child = {"_target_": ENCODER, "dim": "${x}"}
    config = OmegaConf.create(
        {
            "x": 3,
            "n": {"_target_": NODE, "_recursive_": False, "_convert_": convert, "a": child, "b": [child], "c": "${x}"},
        }
    )
    theirs = hydra.utils.instantiate(config.n)
    c.CALLS.clear()
    ours = fdl.build(fhb.from_hydra(config.n))
    assert c.CALLS == ["Node"]
    assert fhb.equivalent(ours, theirs)
    assert ours.b[0]["dim"] == 3


@pytest.mark.parametrize("convert", ["none", "all"])
def test_every_build_gets_config_of_its_own(convert: str) -> None:
    graph = fhb.from_hydra({"_target_": NODE, "_recursive_": False, "a": {"k": [1]}}, convert=convert)
    first, second = fdl.build(graph), fdl.build(graph)
    first.a["k"].append(2)
    assert list(second.a["k"]) == [1]


def test_a_node_below_may_be_recursive_again() -> None:
    config = {"_target_": NODE, "_recursive_": False, "a": {"_target_": NODE, "_recursive_": True, "a": 1}}
    graph = fhb.from_hydra(config)
    assert graph.a == {"_target_": NODE, "_recursive_": True, "a": 1}


# Interpolations ------------------------------------------------------------------------------------------------------

LINKED = {"x": 3, "e": {"_target_": ENCODER, "dim": "${x}"}, "n": {"_target_": NODE, "a": "${e}", "b": ["${x}"]}}


def test_kept_links_are_written_as_they_were() -> None:
    graph = fhb.from_hydra(LINKED, links="keep")
    assert fhb.same_graph(graph.e, encoder(dim=fhb.link("${x}")))
    assert OmegaConf.to_container(fhb.to_hydra(graph)) == {
        **LINKED,
        # A link may reach a container, which the target is to get as a plain one.
        "e": {"_target_": LINKED["e"]["_target_"], "_convert_": "all", "dim": "${x}"},
        "n": {"_target_": NODE, "_convert_": "all", "a": "${e}", "b": ["${x}"]},
    }


@pytest.mark.parametrize("key", ["_partial_", "_convert_", "_args_"])
def test_control_keys_cannot_be_kept_as_links(key: str) -> None:
    config = {"x": True, "e": {"_target_": NODE, key: "${x}"}}
    with pytest.raises(fhb.ParameterError, match=f"{key} must be .*, got ") as caught:
        fhb.from_hydra(config, links="keep")
    assert caught.value.problems[0].path == f"e.{key}"


def test_kept_links_are_not_built_by_fiddle_alone() -> None:
    with pytest.raises(fhb.LinkError, match=r"'\${x}' was not resolved") as caught:
        fdl.build(fhb.from_hydra(LINKED, links="keep"))
    assert "fiddle_hydra_bridge.build" in str(caught.value)


def test_resolve_replaces_links_and_leaves_the_graph() -> None:
    graph = fhb.from_hydra(LINKED, links="keep")
    before = copy.deepcopy(graph)
    assert fhb.same_graph(fhb.resolve(graph), fhb.from_hydra(LINKED))
    assert fhb.same_graph(graph, before)


def test_a_resolved_link_follows_what_was_changed() -> None:
    graph = fhb.from_hydra(LINKED, links="keep")
    graph.x = 5
    assert fhb.resolve(graph).n.a.dim == 5


def test_build_resolves_links_and_copies_what_they_reach() -> None:
    built = fhb.build(fhb.from_hydra(LINKED, links="keep"))
    assert (built["e"].dim, built["n"].a.dim, built["n"].b) == (3, 3, [3])
    assert built["e"] is not built["n"].a
    assert fhb.equivalent(built, hydra.utils.instantiate(OmegaConf.create(LINKED), _convert_="all"))


def test_a_graph_without_links_is_resolved_to_itself() -> None:
    graph = node(a=1)
    assert fhb.resolve(graph) is graph


@pytest.mark.parametrize("expression", ["dim", "", 3, None], ids=repr)
def test_a_link_needs_an_interpolation(expression: Any) -> None:
    with pytest.raises(fhb.ParameterError, match="not an interpolation"):
        fhb.link(expression)


UNRESOLVED = {
    "nothing": ({"_target_": NODE, "a": "${nothing}"}, r"'\${nothing}'.*not found"),
    "nothing within text": ({"_target_": NODE, "a": "x ${nothing}"}, r"'x \${nothing}'.*not found"),
    "a missing value": ({"_target_": NODE, "a": "${.b.c}", "b": {"c": "???"}}, r"'\${.b.c}'.*[Mm]issing"),
    "an unknown resolver": ({"_target_": NODE, "a": "${nobody:1}"}, r"'\${nobody:1}'.*[Uu]nsupported"),
    "itself": ({"_target_": NODE, "a": "${a}"}, r"'\${a}'"),
    "what contains it": ({"_target_": NODE, "a": {"b": "${a}"}}, r"'\${a}' was not resolved: "),
}


@pytest.mark.parametrize(("config", "message"), UNRESOLVED.values(), ids=UNRESOLVED.keys())
@pytest.mark.parametrize("build", [fdl.build, fhb.build], ids=["fdl.build", "fhb.build"])
def test_a_link_that_reaches_nothing_raises_with_the_reason_when_it_is_built(
    build: Any, config: Any, message: str
) -> None:
    graph = fhb.from_hydra(config)
    with pytest.raises(fhb.LinkError, match=message):
        build(graph)


def test_a_link_that_reaches_nothing_does_not_hinder_what_does_not_use_it() -> None:
    graph = fhb.from_hydra({"log": "${nothing}/log", "e": {"_target_": ENCODER, "dim": 1}})
    assert fdl.build(graph.e).dim == 1
    graph.log = "here"
    assert fdl.build(graph)["log"] == "here"


def test_a_link_that_reaches_nothing_says_where_in_the_file_it_stands() -> None:
    graph = fhb.from_yaml(f"_target_: {NODE}\na: 1\nb: ${{nothing}}\n", source="conf/model.yaml")
    with pytest.raises(fhb.LinkError, match=r"conf/model\.yaml:3"):
        fdl.build(graph)


def test_a_link_that_reaches_nothing_comes_back() -> None:
    config = {"_target_": NODE, "a": "${nothing}"}
    graph = fhb.from_hydra(config)
    assert OmegaConf.to_container(fhb.to_hydra(graph)) == {**config, "_convert_": "all"}


def test_an_escaped_interpolation_is_what_plain_hydra_makes_of_it() -> None:
    config = OmegaConf.create({"x": 1, "n": {"_target_": NODE, "a": r"\${x}", "b": r"pre \${x}"}})
    theirs = hydra.utils.instantiate(copy.deepcopy(config))
    assert fhb.equivalent(fhb.instantiate(config), theirs)


@pytest.mark.parametrize("text", [r"\${x}", r"a \${x} b"])
def test_an_escaped_interpolation_is_never_evaluated_in_a_graph(text: str) -> None:
    graph = fhb.from_hydra(OmegaConf.create({"x": 1, "n": {"_target_": NODE, "a": text}}))
    assert graph.n.a == text.replace("\\", "")


def test_share_makes_one_instance_of_a_node_and_its_interpolations() -> None:
    config = {
        "e": {"_target_": ENCODER, "dim": 1},
        "data": [1],
        "n": {"_target_": NODE, "a": "${e}", "b": ["${e}"], "c": "${data}"},
    }
    graph = fhb.from_hydra(config, share=True)
    assert graph.e is graph.n.a is graph.n.b[0]
    assert graph.data is graph.n.c
    built = fdl.build(graph)
    assert built["e"] is built["n"].a is built["n"].b[0]
    for make in (fhb.instantiate, lambda config, **_: hydra.utils.instantiate(fhb.to_hydra(graph))):
        made = make(config, _share_=True)
        assert made["e"] is made["n"].a is made["n"].b[0]


def test_without_share_every_interpolation_is_a_copy() -> None:
    config = {"e": {"_target_": ENCODER, "dim": 1}, "n": {"_target_": NODE, "a": "${e}", "b": "${e}"}}
    graph = fhb.from_hydra(config)
    assert graph.n.a is not graph.n.b
    built = fdl.build(graph)
    assert len({id(built["e"]), id(built["n"].a), id(built["n"].b)}) == 3


def test_share_reaches_through_text() -> None:
    text = f"e:\n  _target_: {ENCODER}\n  dim: 1\nn:\n  _target_: {NODE}\n  a: ${{e}}\n"
    graph = fhb.from_yaml(text, share=True)
    assert graph.e is graph.n.a


# ??? -----------------------------------------------------------------------------------------------------------------

MISSING_VALUES = {
    "an optional parameter": {"_target_": NODE, "a": "???"},
    "an item of a list": {"_target_": NODE, "a": ["???"]},
    "an entry of a dict": {"_target_": NODE, "a": {"k": "???"}},
    "an entry of a section": {"a": {"b": "???"}},
    "an extra keyword": {"_target_": COMBINE, "x": "???"},
    "a positional argument": {"_target_": COMBINE, "_args_": [1, "???"]},
    "a target": {"_target_": "???"},
}


@pytest.mark.parametrize("config", MISSING_VALUES.values(), ids=MISSING_VALUES.keys())
def test_a_missing_value_is_refused_when_it_is_built_and_comes_back(config: Any) -> None:
    graph = fhb.from_hydra(config)
    with pytest.raises(Exception, match=r"mandatory value|'\?\?\?'"):
        fdl.build(graph)
    written = OmegaConf.to_container(fhb.to_hydra(graph))
    written.pop("_convert_", None)
    assert written == config


def test_a_missing_value_may_be_given_later() -> None:
    graph = fhb.from_hydra({"_target_": NODE, "a": "???", "b": {"_target_": ENCODER, "dim": "???"}})
    graph.a, graph.b.dim = 1, 2
    assert fhb.same_graph(graph, node(a=1, b=encoder(dim=2)))


def test_a_required_parameter_that_is_missing_is_reported_by_fiddle() -> None:
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'dim'"):
        fdl.build(fhb.from_hydra({"_target_": ENCODER, "dim": "???"}))


# Callables whose signature says less than they take -------------------------------------------------------------------

PLACEHOLDERS: dict[str, Any] = {
    "max": {"_target_": "builtins.max", "_args_": [1, 3, 2]},
    "min of a list": {"_target_": "builtins.min", "_args_": [[3, 1]]},
    "dict of pairs and keywords": {"_target_": "builtins.dict", "_args_": [[["a", 1]]], "b": 2},
    "range": {"_target_": "builtins.range", "_args_": ["${n}", 9]},
    "keyword self in a partial": {"_target_": COMBINE, "_partial_": True, "self": 1, "x": 2},
    "keyword self": {"_target_": COMBINE, "self": 1},
    "name of a positional-only parameter": {"_target_": f"{HERE}.shy", "_args_": [1], "a": 2},
    "name of a positional-only parameter in a partial": {
        "_target_": f"{HERE}.shy",
        "_partial_": True,
        "_args_": [1],
        "a": 2,
    },
    "names of variadic parameters": {"_target_": COMBINE, "args": 1, "kwargs": 2},
    "keyword that a wrapper takes": {"_target_": f"{HERE}.narrow", "x": 1, "more": 2},
    "positional and keyword arguments of a wrapper": {"_target_": f"{HERE}.narrow", "_args_": [1], "more": 2},
    "keyword that a metaclass takes": {"_target_": f"{HERE}.Registered", "x": 1},
    "positional argument that a metaclass takes": {"_target_": f"{HERE}.Registered", "_args_": [1, 2]},
    "positional arguments of a partial that have names": {
        "_target_": ENCODER,
        "_partial_": True,
        "_args_": [1, "deep"],
    },
    "keywords that are no identifiers": {"_target_": COMBINE, "x-y": 1, "a.b": 2, "class": 3, "": 4},
    "control words of the helpers": {"_target_": COMBINE, "value": 1, "tags": 2, "_ref": 3},
}


@pytest.mark.parametrize("config", PLACEHOLDERS.values(), ids=PLACEHOLDERS.keys())
def test_what_a_callable_takes_is_built_as_hydra_does(config: Any) -> None:
    whole = OmegaConf.create({"n": 5, "node": config})
    theirs = hydra.utils.instantiate(whole.node, _convert_="all")
    graph = fhb.from_hydra(whole.node)
    for built in (
        fdl.build(graph),
        fdl.build(fhb.from_yaml(fhb.to_yaml(graph))),
        fhb.instantiate(whole.node, _convert_="all"),
    ):
        assert fhb.equivalent(built, theirs)
    assert fhb.same_graph(fhb.from_yaml(fhb.to_yaml(graph)), graph)


def test_a_placeholder_is_equal_by_path_and_imports_when_it_is_called() -> None:
    lazy = fhb.LazyTarget("fractions.Fraction")
    assert lazy == fhb.LazyTarget("fractions.Fraction")
    assert hash(lazy) == hash(fhb.LazyTarget("fractions.Fraction"))
    assert lazy != fhb.LazyTarget("decimal.Decimal")
    assert str(lazy(1, 3)) == "1/3"
    assert copy.deepcopy(lazy) == lazy


# missing="lazy", config_cls, allow, codecs ----------------------------------------------------------------------------

ABSENT = {
    "_target_": "not_installed.nn.Linear",
    "in_features": 3,
    "bias": {"_target_": "not_installed.Bias", "_partial_": True},
}


def test_a_target_that_is_not_installed_becomes_a_lazy_target_on_demand() -> None:
    graph = fhb.from_hydra(ABSENT, missing="lazy")
    assert fdl.get_callable(graph) == fhb.LazyTarget("not_installed.nn.Linear")
    assert graph.in_features == 3
    graph.in_features = 4
    assert OmegaConf.to_container(fhb.to_hydra(graph)) == {**ABSENT, "in_features": 4}
    assert fhb.same_graph(fhb.from_yaml(fhb.to_yaml(graph), missing="lazy"), graph)


def test_a_lazy_target_raises_what_hydra_raises_when_it_is_built() -> None:
    with pytest.raises(Exception, match="not_installed") as theirs:
        hydra.utils.instantiate({"_target_": "not_installed.nn.Linear"})
    with pytest.raises(theirs.type, match="not_installed"):
        fdl.build(fhb.from_hydra({"_target_": "not_installed.nn.Linear"}, missing="lazy"))


def test_a_target_that_is_not_installed_is_an_error_otherwise() -> None:
    with pytest.raises(fhb.TargetError, match="no module 'not_installed'"):
        fhb.from_hydra(ABSENT)


def test_lazy_does_not_let_refused_targets_pass() -> None:
    with pytest.raises(fhb.RefusedTargetError):
        fhb.from_hydra({"_target_": "os.system", "command": "true"}, missing="lazy")


class OwnConfig(fdl.Config):
    """A user's class of configs."""


class OwnPartial(fdl.Partial):
    """A user's class of partials."""


def test_nodes_are_of_the_classes_that_the_caller_asks_for() -> None:
    config = {"_target_": NODE, "a": {"_target_": ENCODER, "dim": 1}, "b": {"_target_": ENCODER, "_partial_": True}}
    graph = fhb.from_hydra(config, config_cls=OwnConfig, partial_cls=OwnPartial)
    assert [type(graph), type(graph.a), type(graph.b)] == [OwnConfig, OwnConfig, OwnPartial]
    assert fhb.equivalent(fdl.build(graph), hydra.utils.instantiate(config))
    assert OmegaConf.to_container(fhb.to_hydra(graph)) == config


@pytest.mark.parametrize("allow", [["tests.components.*"], "tests.*", (NODE, ENCODER)], ids=repr)
def test_allowed_targets_pass(allow: Any) -> None:
    config = {"_target_": NODE, "a": {"_target_": ENCODER, "dim": 1}}
    assert fhb.same_graph(fhb.from_hydra(config, allow=allow), node(a=encoder(dim=1)))


@pytest.mark.parametrize("allow", [["other.*"], [NODE], [], "tests"], ids=repr)
def test_no_other_target_is_even_imported(allow: Any) -> None:
    config = {"_target_": NODE, "a": {"_target_": "not_installed.Thing"}}
    with pytest.raises(fhb.RefusedTargetError, match=r"'not_installed\.Thing' is not in allow="):
        fhb.from_hydra(config, allow=allow)


ADDRESS = fhb.Codec(
    ipaddress.IPv4Address, "ipaddress.IPv4Address", lambda address: ((str(address),), {}), ipaddress.IPv4Address
)


def test_a_users_codec_writes_and_reads_its_values() -> None:
    graph = node(a=[ipaddress.IPv4Address("10.0.0.1")])
    text = f"_target_: {NODE}\n_convert_: all\na:\n- _target_: ipaddress.IPv4Address\n  _args_:\n  - 10.0.0.1\n"
    assert fhb.to_yaml(graph, codecs=[ADDRESS]) == text
    assert fhb.same_graph(fhb.from_yaml(text, codecs=[ADDRESS]), graph)
    assert fhb.same_graph(fhb.from_hydra(fhb.to_hydra(graph, codecs=[ADDRESS]), codecs=[ADDRESS]), graph)
    assert fhb.equivalent(hydra.utils.instantiate(OmegaConf.create(text)), fdl.build(graph))


def test_a_codec_holds_for_the_call_it_is_given_to_alone() -> None:
    with pytest.raises(fhb.UnsupportedValueError, match="IPv4Address has no spelling"):
        fhb.to_yaml(node(a=ipaddress.IPv4Address("10.0.0.1")))
    call = fhb.from_yaml("_target_: ipaddress.IPv4Address\naddress: 10.0.0.1\n")
    assert fhb.same_graph(call, fdl.Config(ipaddress.IPv4Address, address="10.0.0.1"))


def test_list_configs_and_lists_are_read_alike() -> None:
    config = [1, {"_target_": ENCODER, "dim": 1}, [2, {"k": 3}]]
    assert fhb.same_graph(fhb.from_hydra(ListConfig(config)), fhb.from_hydra(config))


def test_a_target_that_is_a_kept_link_is_resolved_with_the_links() -> None:
    graph = fhb.from_hydra({"t": NODE, "n": {"_target_": "${t}", "a": 1}}, links="keep")
    assert "_target_: ${t}" in fhb.to_yaml(graph)
    assert fhb.same_graph(fhb.resolve(graph).n, fdl.Config(c.Node, a=1))
    assert fhb.build(graph)["n"].a == 1


def test_what_does_not_resolve_below_a_node_that_is_not_recursive_becomes_a_link() -> None:
    graph = fhb.from_hydra({"_target_": NODE, "_recursive_": False, "a": {"c": "${no}", "d": "???"}})
    assert graph.a["d"] == "???"
    with pytest.raises(fhb.LinkError, match="'no' not found"):
        fdl.build(graph)


def test_control_keys_of_the_root_are_no_entries() -> None:
    assert fdl.build(fhb.from_hydra({"a": 1, "_convert_": "all", "_recursive_": False})) == {"a": 1}
    with pytest.raises(fhb.UnsupportedValueError, match="_convert_"):
        fhb.to_yaml(fdl.Config(fhb.section, a=1, _convert_="all"))
