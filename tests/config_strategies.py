"""Hypothesis strategies: Hydra configs with every control key, interpolations and structured configs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st
from omegaconf import MISSING, OmegaConf

LEAVES = st.one_of(
    st.integers(-2, 9),
    st.booleans(),
    st.none(),
    st.floats(allow_nan=False),
    st.sampled_from(["a", "", "x y", "1e-3", "ü"]),
)
INTERPOLATIONS = st.sampled_from(
    [
        "${number}",
        "${text}",
        "${group}",
        "${items}",
        "${node}",
        "${items.0}",
        "${group.inner}",
        "pre ${number} post",
        "${nothing}",
        "${required}",
        "${oc.env:FHB_NOT_SET,7}",
        "${group.chained}",
        "${counted:}",
    ]
)
MODES = st.sampled_from(["none", "partial", "object", "all", "ALL"])
TARGETS = st.sampled_from(
    [
        "tests.components.Node",
        "tests.components.Model",
        "tests.components.combine",
        "tests.components.fresh",
        "tests.components.Settings",
        "tests.components.identity",
        "builtins.dict",
        "builtins.list",
    ]
)


@dataclass
class Inner:
    depth: int = 2
    label: str = "inner"


@dataclass
class Typed:
    size: int = 1
    inner: Inner = field(default_factory=Inner)
    names: list[str] = field(default_factory=lambda: ["n"])


@dataclass
class TypedNode:
    _target_: str = "tests.components.Node"
    a: Any = 1
    b: Inner = field(default_factory=Inner)
    c: str = MISSING


def _controls(draw: Any) -> dict[str, Any]:
    controls: dict[str, Any] = {}
    if draw(st.integers(0, 3)) == 0:
        controls["_convert_"] = draw(MODES)
    if draw(st.integers(0, 5)) == 0:
        controls["_recursive_"] = draw(st.booleans())
    if draw(st.integers(0, 5)) == 0:
        controls["_partial_"] = draw(st.booleans())
    return controls


@st.composite
def nodes(draw: Any, depth: int, interpolate: bool) -> Any:
    kinds = ["leaf", "leaf", "call", "call", "dict", "list", "typed", "missing"]
    if interpolate:
        kinds += ["link", "link"]
    kind = (
        draw(st.sampled_from(kinds))
        if depth
        else draw(st.sampled_from(["leaf", "leaf", "link"] if interpolate else ["leaf"]))
    )
    child = nodes(depth - 1, interpolate) if depth else LEAVES
    if kind == "leaf":
        return draw(LEAVES)
    if kind == "link":
        return draw(INTERPOLATIONS)
    if kind == "missing":
        return "???"
    if kind == "list":
        return draw(st.lists(child, max_size=3))
    if kind == "dict":
        entries = draw(st.dictionaries(st.sampled_from(["k", "l", "m n"]), child, max_size=3))
        if draw(st.integers(0, 9)) == 0:
            entries["_convert_"] = draw(MODES)
        return entries
    if kind == "typed":
        made = draw(st.sampled_from([Typed, Inner, TypedNode]))()
        return made
    return draw(calls(depth, interpolate))


@st.composite
def calls(draw: Any, depth: int, interpolate: bool) -> dict[str, Any]:
    target = draw(TARGETS)
    child = nodes(depth - 1, interpolate)
    names = {
        "tests.components.Node": ["a", "b", "c"],
        "tests.components.Model": ["encoder", "decoder", "extra1"],
        "tests.components.combine": ["x", "y", "z z"],
        "tests.components.fresh": ["start"],
        "tests.components.Settings": ["dim", "name"],
        "tests.components.identity": ["value"],
        "builtins.dict": ["p", "q"],
        "builtins.list": [],
    }[target]
    node: dict[str, Any] = {"_target_": target, **_controls(draw)}
    for name in names:
        if draw(st.booleans()):
            node[name] = draw(child)
    if (
        target in ("tests.components.combine", "tests.components.Node", "builtins.list")
        and draw(st.integers(0, 3)) == 0
    ):
        node["_args_"] = draw(st.lists(child, max_size=2))
    order = draw(st.permutations(list(node)))
    return {key: node[key] for key in order}


@st.composite
def configs(draw: Any, interpolate: bool = True) -> Any:
    """A root DictConfig and the key of the node to instantiate, or None for the root itself."""
    root: dict[str, Any] = {
        "number": 3,
        "text": "word",
        "required": "???",
        "group": {"inner": 1, "list": [1, {"deep": "${number}"}], "chained": "${text}"},
        "items": ["a", {"b": 2}],
        "node": {"_target_": "tests.components.Node", "a": "${number}", "b": [1]},
        "main": draw(calls(3, interpolate) if draw(st.integers(0, 4)) else nodes(3, interpolate)),
    }
    return OmegaConf.create(root, flags={"allow_objects": True})


@st.composite
def call_site_arguments(draw: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    args = tuple(draw(st.lists(LEAVES, max_size=2))) if draw(st.integers(0, 3)) == 0 else ()
    names = st.sampled_from(["a", "b", "x", "start", "encoder", "dim"])
    values = st.one_of(
        LEAVES,
        st.lists(LEAVES, max_size=2),
        st.dictionaries(st.sampled_from(["k", "l"]), LEAVES, max_size=2),
        st.just({"_target_": "tests.components.Node", "a": 1}),
    )
    kwargs = draw(st.dictionaries(names, values, max_size=2))
    kwargs.update(_controls(draw))
    return args, kwargs
