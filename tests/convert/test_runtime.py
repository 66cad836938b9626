"""The run-time helpers by themselves, as plain Hydra calls them from hand-written YAML."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import fiddle as fdl
import hydra.utils
import pytest
from hydra.errors import InstantiationException
from omegaconf import OmegaConf

import fiddle_hydra_bridge as fhb
from tests import components as c

pytestmark = pytest.mark.filterwarnings("ignore")

HELPER = "fiddle_hydra_bridge."
MAKERS = pytest.mark.parametrize("make", [hydra.utils.instantiate, fhb.instantiate], ids=["hydra", "bridge"])


def deferred(target: str, **bound: Any) -> dict[str, Any]:
    return {"_target_": target, "_partial_": True, **bound}


def partial(target: str, **arguments: Any) -> dict[str, Any]:
    return {"_target_": HELPER + "partial", "_deferred_target_": deferred(target), **arguments}


def factory(target: str = "tests.components.fresh", **arguments: Any) -> dict[str, Any]:
    return {"_target_": HELPER + "arg_factory", "_deferred_target_": deferred(target), **arguments}


def share(target: str, **arguments: Any) -> dict[str, Any]:
    return {"_target_": HELPER + "share", "_shared_target_": deferred(target), **arguments}


@dataclass
class Shape:
    width: int = 1
    inner: Any = None


# partial and arg_factory ---------------------------------------------------------------------------------------------


@MAKERS
@pytest.mark.parametrize("convert", ["none", "partial", "object", "all"])
def test_a_factory_makes_a_new_value_on_every_call(make: Any, convert: str) -> None:
    made = make(partial("tests.components.Node", a=factory(start=3), b=4, _convert_=convert))
    first, second = made(), made()
    assert (first.a, first.b, second.a) == ([3], 4, [3])
    assert first.a is not second.a


# The arguments of the partial, what one call of it gets.
FACTORIES: dict[str, tuple[dict[str, Any], Any]] = {
    "in a list": ({"a": [1, factory()]}, fhb.section(a=[1, [0]])),
    "in a dict": ({"a": {"k": factory()}}, fhb.section(a={"k": [0]})),
    "in a dict in a list": ({"a": [{"k": [factory()]}]}, fhb.section(a=[{"k": [[0]]}])),
    "in a tuple": (
        {"a": {"_target_": "builtins.tuple", "_args_": [[factory(), 1]]}},
        fhb.section(a=([0], 1)),
    ),
    "twice": ({"a": factory(start=1), "b": factory(start=2)}, fhb.section(a=[1], b=[2])),
    "of a factory": ({"a": factory("tests.components.identity", value=factory())}, fhb.section(a=[0])),
    "of a factory in a list": (
        {"a": factory("tests.components.identity", value=[factory(), 1])},
        fhb.section(a=[[0], 1]),
    ),
    "with positional arguments": ({"a": factory(_args_=[7])}, fhb.section(a=[7])),
    "none at all": ({"a": 1}, fhb.section(a=1)),
}


@MAKERS
@pytest.mark.parametrize("convert", ["partial", "object", "all"])
@pytest.mark.parametrize(("arguments", "expected"), FACTORIES.values(), ids=FACTORIES.keys())
def test_a_partial_calls_the_factories_in_its_arguments(make: Any, arguments: Any, expected: Any, convert: str) -> None:
    made = make({**partial("tests.components.combine"), "_convert_": convert, **arguments})
    for _ in range(2):
        assert fhb.equivalent(made(), ("combine", (), expected))


@MAKERS
@pytest.mark.parametrize(
    "arguments",
    [{"a": [factory()]}, {"a": {"k": factory()}}, {"a": [{"k": factory()}]}, {"_args_": [[factory()]]}],
    ids=["list", "dict", "nested", "positional"],
)
def test_factories_in_containers_of_omegaconf_are_refused(make: Any, arguments: Any) -> None:
    """OmegaConf's containers cannot hold what is made anew: it must not pass as something else."""
    with pytest.raises((InstantiationException, fhb.BridgeError), match="_convert_: all"):
        make(partial("tests.components.combine", _convert_="none", **arguments))


@MAKERS
def test_positional_factories_are_called_too(make: Any) -> None:
    made = make(partial("tests.components.combine", _args_=[1, factory(), [factory(start=2)]], _convert_="all"))
    for _ in range(2):
        assert fhb.equivalent(made(3), ("combine", (1, [0], [[2]], 3), {}))


@MAKERS
def test_arguments_of_a_call_replace_those_of_the_partial(make: Any) -> None:
    made = make(partial("tests.components.combine", x=factory(), y=1))
    assert made(x=5)[2] == {"x": 5, "y": 1}


@MAKERS
def test_a_partial_within_a_partial_makes_its_own_values(make: Any) -> None:
    made = make(partial("tests.components.Node", a=partial("tests.components.Node", b=factory())))
    assert made().a().b is not made().a().b


@MAKERS
def test_a_partial_without_factories_is_what_hydra_makes_of_partial_true(make: Any) -> None:
    assert fhb.equivalent(
        make(partial("tests.components.Encoder", dim=1)), make(deferred("tests.components.Encoder", dim=1))
    )


@MAKERS
def test_arguments_that_the_target_node_binds_are_kept(make: Any) -> None:
    config = {
        "_target_": HELPER + "partial",
        "_deferred_target_": deferred("tests.components.combine", x=1, _args_=[2]),
        "y": factory(),
    }
    assert make(config)() == ("combine", (2,), {"x": 1, "y": [0]})
    config["_deferred_target_"]["y"] = 5
    assert make(config)() == ("combine", (2,), {"x": 1, "y": [0]})


# tagged, value, section, structured ----------------------------------------------------------------------------------


@MAKERS
@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"_target_": HELPER + "tagged", "value": 3, "tags": ["tests.components.Width"]}, 3),
        ({"_target_": HELPER + "tagged", "value": [1], "tags": [], "unset": True, "_convert_": "all"}, [1]),
        ({"_target_": HELPER + "tagged", "value": None}, None),
        (
            {
                "_target_": HELPER + "value",
                "_convert_": "all",
                "_args_": [{"_target_": "tests.components.Settings", "dim": 2}],
            },
            c.Settings(2),
        ),
        ({"_target_": HELPER + "value", "_args_": [7]}, 7),
        ({"_target_": HELPER + "section", "a": 1, "args": 2, "self": 3}, {"a": 1, "args": 2, "self": 3}),
        ({"_target_": HELPER + "section"}, {}),
    ],
    ids=["tagged", "tagged and unset", "tagged None", "value", "value of a scalar", "section", "empty section"],
)
def test_helpers_give_what_they_are_given(make: Any, config: Any, expected: Any) -> None:
    assert fhb.equivalent(make(config), expected)


def test_structured_gives_an_instance_or_a_typed_config() -> None:
    made = fhb.structured(Shape, "object", {"width": 2})
    assert fhb.equivalent(made, Shape(2))
    kept = fhb.structured(Shape, "none", {"width": 2, "inner": [1]})
    assert OmegaConf.get_type(kept) is Shape
    assert (kept.width, kept.inner) == (2, [1])


# share and ref -------------------------------------------------------------------------------------------------------


@MAKERS
def test_share_makes_each_call_once_in_its_order(make: Any) -> None:
    ref = {"_target_": HELPER + "ref", "_ref_": "b"}
    c.CALLS.clear()
    made = make(share("tests.components.Node", a=ref, b=deferred("tests.components.Encoder", dim=1), c=[ref]))
    assert c.CALLS == ["Encoder(1)", "Node"]
    assert made.a is made.b is made.c[0]


@MAKERS
def test_refs_reach_into_lists_dicts_arguments_and_odd_keys(make: Any) -> None:
    def ref(path: str) -> dict[str, Any]:
        return {"_target_": HELPER + "ref", "_ref_": path}

    config = share(
        "tests.components.combine",
        _convert_="all",
        _args_=[deferred("tests.components.Node", a=[1, {"k": deferred("tests.components.fresh")}])],
        one=ref("_args_[0]"),
        two=ref("_args_[0].a[1].k"),
        three=ref('["x.y"]'),
        **{"x.y": deferred("tests.components.fresh", start=9)},
    )
    _, (node,), named = make(config)
    assert named["one"] is node
    assert named["two"] is node.a[1]["k"]
    assert named["three"] is named["x.y"]


@MAKERS
def test_a_share_may_be_a_partial(make: Any) -> None:
    ref = {"_target_": HELPER + "ref", "_ref_": "a"}
    made = make(share("tests.components.Node", _shared_partial_=True, a=deferred("tests.components.fresh"), b=ref))
    assert isinstance(made, functools.partial)
    assert made().a is made().b


def test_shares_in_a_target_of_a_share_keep_to_themselves() -> None:
    """A target that instantiates by itself is not mistaken for a part of the config around it."""
    config = share(
        "tests.convert.test_runtime.instantiate_again",
        a=deferred("tests.components.fresh"),
        b={"_target_": HELPER + "ref", "_ref_": "a"},
    )
    outer, inner = hydra.utils.instantiate(config)
    assert outer[0] is outer[1]
    assert inner.a is inner.b
    assert inner.a is not outer[0]


def instantiate_again(a: Any, b: Any) -> Any:
    ref = {"_target_": HELPER + "ref", "_ref_": "a"}
    return (a, b), fhb.instantiate(share("tests.components.Node", a=deferred("tests.components.fresh"), b=ref))


# Wrong input ---------------------------------------------------------------------------------------------------------

WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a partial without a target": ({"_target_": HELPER + "partial", "a": 1}, "_deferred_target_"),
    "a partial of text": (
        {"_target_": HELPER + "partial", "_deferred_target_": "tests.components.Node"},
        "_deferred_target_ of partial must be a call node with '_partial_: true', got str",
    ),
    "a partial of a target that is not deferred": (
        {"_target_": HELPER + "partial", "_deferred_target_": {"_target_": "tests.components.fresh"}},
        "_deferred_target_ of partial must be a call node with '_partial_: true', got list",
    ),
    "a factory of null": (
        {"_target_": HELPER + "arg_factory", "_deferred_target_": None},
        "_deferred_target_ of arg_factory must be a call node with '_partial_: true', got NoneType",
    ),
    "a share of a list": (
        {"_target_": HELPER + "share", "_shared_target_": [1]},
        "_shared_target_ of share must be a call node with '_partial_: true', got",
    ),
    "a share without a target": ({"_target_": HELPER + "share"}, "_shared_target_"),
    "a ref without a path": ({"_target_": HELPER + "ref"}, "_ref_"),
    "a ref to a number": ({"_target_": HELPER + "ref", "_ref_": 3}, "_ref_: 3 is not a config path"),
    "a ref with a broken path": ({"_target_": HELPER + "ref", "_ref_": "a["}, r"_ref_: 'a\[' is not a config path"),
    "a ref to what is not there": (
        share("tests.components.Node", a={"_target_": HELPER + "ref", "_ref_": "b.c"}),
        "the ref 'b.c' names nothing: there is no 'b' below the share",
    ),
    "a value of two": ({"_target_": HELPER + "value", "_args_": [1, 2]}, "value"),
    "a section with positional arguments": ({"_target_": HELPER + "section", "_args_": [1]}, "section"),
}


@MAKERS
@pytest.mark.parametrize(("config", "message"), WRONG.values(), ids=WRONG.keys())
def test_wrong_input_of_a_helper_is_told_clearly(make: Any, config: Any, message: str) -> None:
    with pytest.raises((InstantiationException, fhb.ShareError, TypeError), match=message):
        make(config)


@pytest.mark.parametrize(("config", "message"), WRONG.values(), ids=WRONG.keys())
def test_wrong_input_of_a_helper_builds_no_graph(config: Any, message: str) -> None:
    with pytest.raises((fhb.BridgeError, TypeError)):
        fdl.build(fhb.from_hydra(config))


# The policy: helpers let nothing pass that Hydra refuses --------------------------------------------------------------

REFUSED: dict[str, dict[str, Any]] = {
    "a deferred target": partial("os.system", command="true"),
    "the target of a factory": partial("tests.components.Node", a=factory("os.system", command="true")),
    "the target of a share": share("os.system", command="true"),
    "a call below a share": share("tests.components.Node", a=deferred("os.system", command="true")),
    "a call in the target of a share": {
        "_target_": HELPER + "share",
        "_shared_target_": deferred("tests.components.Node", a=deferred("os.system")),
    },
    "an argument of tagged": {
        "_target_": HELPER + "tagged",
        "value": deferred("os.system"),
        "tags": ["tests.components.Width"],
    },
    "an argument of value": {"_target_": HELPER + "value", "_args_": [deferred("subprocess.run")]},
    "a value of a class": {"_target_": HELPER + "value", "_args_": [{"_target_": "subprocess.Popen", "args": "true"}]},
    "eval": partial("builtins.eval", _args_=["1"]),
    "a factory of eval": partial("tests.components.Node", a=factory("builtins.eval", _args_=["1"])),
}


@pytest.mark.parametrize(
    "read", [hydra.utils.instantiate, fhb.instantiate, fhb.from_hydra], ids=["hydra", "bridge", "graph"]
)
@pytest.mark.parametrize("config", REFUSED.values(), ids=REFUSED.keys())
def test_helpers_do_not_reach_what_hydra_refuses(read: Any, config: Any) -> None:
    with pytest.raises((InstantiationException, fhb.RefusedTargetError)):
        read(config)


# Hydra lets these pass since it checks their arguments; a factory's call is watched by nobody.
UNWATCHED: dict[str, dict[str, Any]] = {
    "a partial with a factory": partial("builtins.getattr", _args_=["text", factory()], _convert_="all"),
    "a factory": partial("tests.components.Node", a=factory("builtins.getattr", _args_=["text", "upper"])),
    "a factory of a binder": partial("tests.components.Node", a=factory("functools.partial", _args_=["text"])),
}


@MAKERS
@pytest.mark.parametrize("config", UNWATCHED.values(), ids=UNWATCHED.keys())
def test_what_fiddle_calls_unwatched_follows_the_rules_for_graphs(make: Any, config: Any) -> None:
    with pytest.raises((InstantiationException, fhb.RefusedTargetError)):
        make(config)


@MAKERS
def test_calls_that_a_share_makes_are_checked_as_hydra_checks_them(make: Any) -> None:
    lookup = {"_target_": "hydra.utils.get_object", "path": "os.system"}
    with pytest.raises(InstantiationException, match=r"os\.system"):
        make({"_target_": "tests.components.Node", "a": lookup})
    with pytest.raises((InstantiationException, fhb.RefusedTargetError), match=r"os\.system"):
        make(share("tests.components.Node", a={**lookup, "_partial_": True}))
