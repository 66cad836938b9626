"""Law 3 at close quarters: ``fhb.instantiate`` against ``hydra.utils.instantiate``, row by row.

Each row is a config with call-site arguments. Both functions get a fresh copy; compared are what they return (types,
flags, parents and keys of OmegaConf's containers included), what they raise (type, message, notes, cause), what the
targets received, and whether the config is left as it was. The Hypothesis laws stand in ``test_instantiate_laws``.
"""

from __future__ import annotations

import copy
import enum
import functools
import pickle
import re
import threading
import types
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional, Union

import hydra.types
import hydra.utils
import pytest
from hydra.errors import InstantiationException
from hydra.types import ConvertMode
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import MISSING, DictConfig, ListConfig, OmegaConf, ValueNode

import fiddle_hydra_bridge as fhb

HERE = __name__
EXECUTION_WHITELIST = getattr(hydra.utils, "execution_whitelist", None)
UNSAFE = getattr(hydra.utils, "UNSAFE_DISABLE_EXECUTION_CHECKS", None)
on_14 = pytest.mark.skipif(EXECUTION_WHITELIST is None, reason="came with Hydra 1.4")
pytestmark = pytest.mark.filterwarnings("ignore")


def here(name: str) -> str:
    return f"{HERE}.{name}"


# ------------------------------------------------------------------------------------------------------ what is seen


def seen(value: Any, depth: int = 0) -> Any:
    """All that a user of a value could tell: for OmegaConf's containers their flags, parents, keys and types too."""
    if depth > 12:
        return "deep"
    if OmegaConf.is_config(value):
        return (
            type(value).__name__,
            value._metadata.object_type,
            flags_of(value),
            seen_content(value, depth),
        )
    if isinstance(value, functools.partial):
        state = {key: item for key, item in vars(value).items() if isinstance(item, str)}
        return type(value).__name__, seen(value.func), seen(value.args, depth), seen(value.keywords, depth), state
    if isinstance(value, Kept):
        return "Kept", seen(value.args, depth + 1), seen(value.kwargs, depth + 1), value.then
    kind = type(value)
    if kind in (list, tuple):
        return kind.__name__, [seen(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return kind.__name__, [(seen(key), seen(item, depth + 1)) for key, item in value.items()]
    if isinstance(value, types.FunctionType | type) or value is None:
        return value
    if hasattr(value, "__dict__") and not isinstance(value, enum.Enum | BaseException):
        return kind.__name__, seen(vars(value), depth + 1)
    return kind.__name__, scrubbed(repr(value))


def seen_content(node: Any, depth: int) -> Any:
    content = node.__dict__["_content"]
    if isinstance(content, dict):
        return [(key, seen_node(item, depth)) for key, item in content.items()]
    if isinstance(content, list | tuple):
        return [seen_node(item, depth) for item in content]
    return content


def seen_node(node: Any, depth: int) -> Any:
    if OmegaConf.is_config(node):
        return seen(node, depth + 1)
    return type(node).__name__, seen(node._value() if isinstance(node, ValueNode) else node, depth + 1)


def flags_of(value: Any) -> tuple[bool, ...]:
    return tuple(bool(value._get_flag(flag)) for flag in ("readonly", "struct", "allow_objects"))


def ancestry(value: Any) -> Any:
    """What stands above a container, and where in it the container says it is."""
    if not OmegaConf.is_config(value):
        return None
    parent = value._get_parent()
    return (
        value._get_full_key(""),
        value._key(),
        flags_of(value),
        parent is not None and (parent._get_full_key(""), flags_of(parent)),
    )


def scrubbed(text: str) -> str:
    return re.sub(r"0x[0-9a-f]+", "0x", text)


class Kept:
    """What a target received, as it was and as it is."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.args = args
        self.kwargs = kwargs
        self.then = seen((args, kwargs)), [ancestry(value) for value in (*args, *kwargs.values())]
        CALLS.append(self.then)


CALLS: list[Any] = []


def outcome(make: Callable[[], Any]) -> dict[str, Any]:
    CALLS.clear()
    try:
        return {"returned": seen(make()), "calls": list(CALLS)}
    except BaseException as error:  # SystemExit and KeyboardInterrupt are compared as well
        return {"raised": seen_error(error), "calls": list(CALLS)}


def seen_error(error: BaseException | None) -> Any:
    if error is None:
        return None
    return (
        type(error).__name__,
        scrubbed(str(error)),
        getattr(error, "full_key", None),
        [scrubbed(note) for note in getattr(error, "__notes__", ())],
        seen_error(error.__cause__),
    )


# --------------------------------------------------------------------------------------------------------- targets


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


@dataclass
class Leafy:
    dim: int = 1
    label: str = "leaf"


@dataclass
class Branchy:
    leaf: Leafy = field(default_factory=Leafy)
    leaves: list[Leafy] = field(default_factory=lambda: [Leafy(2)])
    table: dict[str, Leafy] = field(default_factory=lambda: {"x": Leafy(3)})
    width: Any = "${.leaf.dim}"


@dataclass
class KeptConf:
    _target_: str = f"{__name__}.Kept"
    size: int = 1
    leaf: Leafy = field(default_factory=Leafy)
    maybe: Optional[Leafy] = None  # noqa: UP045  OmegaConf 2.3 knows this spelling best
    either: Union[int, str] = 1  # noqa: UP007
    colour: Colour = Colour.RED
    raw: bytes = b"x"
    file: Path = Path("a/b")
    needed: int = MISSING


@dataclass
class PartialConf:
    _target_: str = f"{__name__}.Kept"
    _partial_: bool = True
    _convert_: str = "object"
    leaf: Leafy = field(default_factory=Leafy)
    needed: int = MISSING


class SubDict(DictConfig):
    pass


class SubList(ListConfig):
    pass


def give(value: Any = None) -> Any:
    return value


def leafy(dim: int = 1) -> Leafy:
    return Leafy(dim)


def numbers(stop: int) -> Iterator[int]:
    yield from range(stop)


class Failure(ValueError):
    """An error that says more than its message."""

    def __init__(self, message: str, code: int = 3) -> None:
        super().__init__(message, code)


def fail(kind: str = "ValueError") -> Any:
    failures: dict[str, BaseException] = {
        "ValueError": ValueError("no"),
        "KeyError": KeyError("key"),
        "Failure": Failure("odd"),
        "StopIteration": StopIteration(1),
        "SystemExit": SystemExit(2),
        "KeyboardInterrupt": KeyboardInterrupt(),
        "GeneratorExit": GeneratorExit(),
        "InstantiationException": InstantiationException("mine"),
        "BridgeError": fhb.BridgeError("mine"),
        "RecursionError": RecursionError("too deep"),
    }
    raise failures[kind]


def again(config: Any = None, **kwargs: Any) -> Any:
    return hydra.utils.instantiate(config, **kwargs)


def change(config: Any, key: str = "added") -> Any:
    """Tries to change what it is given."""
    if isinstance(config, list | ListConfig):
        config.append(9)
    else:
        config[key] = 9
    return Kept(config)


def up(config: Any) -> Any:
    """Looks around from what it is given."""
    parent = config._get_parent() if OmegaConf.is_config(config) else None
    return {"full_key": config._get_full_key("") if parent is not None else None, "has_parent": parent is not None}


def shared_identity(a: Any, b: Any) -> bool:
    return a is b


class Caller:
    def __call__(self, value: int = 0) -> int:
        return value + 1

    def method(self, value: int = 0) -> int:
        return value + 2


caller = Caller()
module_partial = functools.partial(give, 5)


class TakesSelf:
    def __init__(self, /, **kwargs: Any) -> None:
        self.kwargs = kwargs


def positional_only(a: Any, /, b: Any = 2) -> Any:
    return (a, b)


# ------------------------------------------------------------------------------------------------------------ rows


def node(**entries: Any) -> dict[str, Any]:
    return {"_target_": here("Kept"), **entries}


def in_a_config(path: str, root: Any, flags: dict[str, bool] | None = None) -> Callable[[], Any]:
    """A node of a bigger config."""

    def make() -> Any:
        config = OmegaConf.create(copy.deepcopy(root), flags=flags)
        found: Any = config
        for step in path.split("."):
            found = found._get_node(int(step) if step.isdigit() else step)
        return found

    return make


Row = tuple[Callable[[], Any], tuple[Any, ...], dict[str, Any]]


def row(config: Any, *args: Any, **kwargs: Any) -> Row:
    return (config if callable(config) else lambda: copy.deepcopy(config)), args, kwargs


DATA = {"k": 1, "list": [1, {"z": [2]}], "call": node(q=[{}]), "empty": {}, "none": None}
BIG = {
    "n": 3,
    "data": DATA,
    "dead": "${nowhere}",
    "needed": "???",
    "ref": "${data}",
    "call": node(a="${n}", b="${data.list}", c="${..n}", d="${.a}"),
    "lazy": {"_target_": here("Kept"), "_recursive_": False, "a": {"x": "${nowhere}"}},
    "calls": [node(a=1), [node(a=2)], {"m": node(a=3)}],
    "path": here("Kept"),
    "by": {"_target_": "${path}", "a": 1},
    "gone": {"_target_": "${nowhere}", "a": 1},
    "unset": {"_target_": "${needed}", "a": 1},
    "open": {"_target_": "???", "a": 1},
}


CONTAINERS: dict[str, Row] = {
    f"{mode} {recursive} {name}": row(
        {"_target_": here("Kept"), "_convert_": mode, "_recursive_": recursive, "value": value, "_args_": [value]}
    )
    for mode in ("none", "partial", "object", "all", "ALL", "unknown", None)
    for recursive in (True, False)
    for name, value in {
        "list": [1, [2, {"a": [3]}]],
        "dict": {"a": {"b": [1]}, "c": []},
        "nodes": [node(a=[1]), {"k": node(b={})}],
        "empty": [{}, []],
        "mode below": {"x": node(_convert_="all", a=[1]), "y": {"_convert_": "all", "z": [1]}},
    }.items()
}

TYPED: dict[str, Row] = {
    **{
        f"{kind.__name__} {mode} {recursive}": row(
            lambda kind=kind, mode=mode, recursive=recursive: OmegaConf.create(
                {"_target_": here("Kept"), "_convert_": mode, "_recursive_": recursive, "a": kind, "b": [kind]},
                flags={"allow_objects": True},
            )
        )
        for kind in (Leafy, Branchy)
        for mode in ("none", "partial", "object", "all")
        for recursive in (True, False)
    },
    "class at the root": row(lambda: KeptConf, needed=1),
    "instance at the root": row(lambda: KeptConf(needed=2)),
    "missing at the root": row(lambda: KeptConf),
    "typed argument changed": row(lambda: KeptConf(needed=2), leaf={"dim": 7}),
    "typed argument replaced": row(lambda: KeptConf(needed=2), leaf=Leafy(7)),
    "typed argument of the wrong type": row(lambda: KeptConf(needed=2), size="wide"),
    "an argument that is no field": row(lambda: KeptConf(needed=2), extra=1),
    "optional given": row(lambda: KeptConf(needed=2), maybe={"dim": 5}),
    "union given": row(lambda: KeptConf(needed=2), either="text"),
    "enum by name": row(lambda: KeptConf(needed=2), colour="BLUE"),
    "enum by member": row(lambda: KeptConf(needed=2), colour=Colour.BLUE),
    "union": row(lambda: KeptConf(needed=2, either="text")),
    "all of it converted": row(lambda: KeptConf(needed=2), _convert_="all"),
    "all of it as objects": row(lambda: KeptConf(needed=2), _convert_="object"),
    "partial": row(lambda: PartialConf),
    "partial with a value": row(lambda: PartialConf, needed=3),
    "partial called off": row(lambda: PartialConf, needed=3, _partial_=False),
    "no target": row(lambda: Branchy),
    "no target instance": row(lambda: Branchy(), _convert_="object"),
    "no target, all": row(lambda: Branchy(), _convert_="all"),
    "no target, partial": row(lambda: Branchy(), _convert_="partial"),
    "node of a structured config": row(lambda: OmegaConf.structured(Branchy)._get_node("leaves")),
    "frozen values": row({"_target_": here("Kept"), "a": Colour.RED, "b": b"x", "c": Path("p"), "d": (1, [2])}),
    "targets give dataclasses": row(
        {"_target_": here("Kept"), "a": [{"_target_": here("leafy")}], "b": {"k": {"_target_": here("leafy")}}}
    ),
    "targets give dataclasses, all": row(
        {
            "_target_": here("Kept"),
            "_convert_": "all",
            "a": [{"_target_": here("leafy")}],
            "b": {"_target_": here("leafy")},
        }
    ),
    "a class among the values": row(
        lambda: OmegaConf.create({"_target_": here("Kept"), "a": [int, str]}, flags={"allow_objects": True})
    ),
    "dict of targets that give dicts": row(
        {
            "_target_": here("Kept"),
            "a": {"k": {"_target_": "builtins.dict", "x": [1]}},
            "b": [{"_target_": "builtins.list"}],
        }
    ),
}

ROOTS: dict[str, Row] = {
    "none": row(lambda: None),
    "none with arguments": row(lambda: None, 1, a=2),
    "empty dict": row({}),
    "empty list": row([]),
    "tuple": row(lambda: (1, node(a=1))),
    "empty tuple": row(lambda: ()),
    "tuple in a dict": row({"_target_": here("Kept"), "a": (1, node(b=2)), "b": ()}),
    "list": row([node(a=[1]), [node()], {"k": node()}, 5, None]),
    "list of nothing special": row([1, [2], {"a": 3}]),
    "dict": row({"a": node(b=[1]), "c": [1], "d": {}}),
    "dict with controls": row({"_convert_": "all", "_recursive_": False, "_partial_": False, "a": [node()]}),
    "dict with a bad flag": row({"_recursive_": "no", "a": 1}),
    "dict with a bad partial": row({"_partial_": "no", "a": 1}),
    "nested dict with controls": row({"x": {"_convert_": "all", "_recursive_": True, "a": [node()]}}),
    "dict with _args_": row({"_args_": [1], "a": 2}),
    "str": row(lambda: "text"),
    "int": row(lambda: 5),
    "set": row(lambda: {1}),
    "callable": row(lambda: give),
    "ordered dict": row(lambda: OrderedDict(_target_=here("Kept"), a=OrderedDict(b=1))),
    "mapping proxy": row(lambda: types.MappingProxyType({"_target_": here("Kept")})),
    "list, all": row([node(a=[1])], _convert_="all"),
    "list, ALL": row([node(a=[1])], _convert_="ALL"),
    "list, enum": row([node(a=[1]), [1]], _convert_=ConvertMode.ALL),
    "list, enum object": row([node(a=[1]), [1]], _convert_=ConvertMode.OBJECT),
    "list, not recursive": row([node(a=[1]), [1]], _recursive_=False),
    "list, recursive is no bool": row([node(a=[1])], _recursive_="no"),
    "list, recursive is None": row([1], _recursive_=None),
    "list, partial": row([node(a=[1])], _partial_=True),
    "list, not partial": row([node(a=[1])], _partial_=False),
    "list, partial is odd": row([node(a=[1])], _partial_="yes"),
    "list with arguments": row([node(a=[1])], 1),
    "list with keywords": row([node(a=[1])], a=2),
    "empty list with keywords": row([], a=2),
    "DictConfig of None": row(lambda: DictConfig(None)),
    "DictConfig of None with arguments": row(lambda: DictConfig(None), a=1),
    "DictConfig missing": row(lambda: DictConfig("???")),
    "ListConfig of None": row(lambda: ListConfig(None)),
    "ListConfig missing": row(lambda: ListConfig("???")),
    "DictConfig interpolated": row(lambda: DictConfig("${x}", parent=OmegaConf.create({"x": node(a=1)}))),
    "DictConfig interpolated, with arguments": row(
        lambda: DictConfig("${x}", parent=OmegaConf.create({"x": node(a=1)})), b=1
    ),
    "list with a link to the outside, partial": row(
        in_a_config("x", {"d": {"e": "${n}"}, "n": 1, "x": ["${d}"]}), _partial_=True
    ),
    "convert missing at a root without target": row({"_convert_": "???", "a": [1]}),
    "recursive missing at a root without target": row({"_recursive_": "???", "a": [1]}),
    "partial missing at a root without target": row({"_partial_": "???", "a": [1]}),
    "a parent that does not hold it": row(
        lambda: OmegaConf.create(
            {"_target_": here("Kept"), "a": "${x}", "b": {"c": 1}}, parent=OmegaConf.create({"x": [1]})
        )
    ),
    "a result of Hydra's": row(
        lambda: hydra.utils.instantiate(OmegaConf.create({"n": 1, "x": {"y": "${n}", "z": [node()]}}).x)
    ),
    "a dead link in a list": row(["${.a}"]),
    "a dead link in a list below": row({"x": ["${nowhere}"]}),
    "a dead link in a mapping": row({"x": {"y": "${nowhere}"}}),
    "ListConfig interpolated": row(lambda: ListConfig("${x}", parent=OmegaConf.create({"x": [node(a=1)]}))),
    "subclassed DictConfig": row(lambda: SubDict({"_target_": here("Kept"), "a": {"b": [1]}})),
    "subclassed DictConfig without target": row(lambda: SubDict({"a": node(b=1)})),
    "subclassed ListConfig": row(lambda: SubList([node(a=1)])),
    "subclassed DictConfig below": row(lambda: with_child(SubDict({"b": [1], "c": node(d=1)}))),
    "subclassed call below": row(lambda: with_child(SubDict({"_target_": here("Kept"), "b": [1]}))),
    "subclassed ListConfig below": row(lambda: with_child(SubList([1, node(b=1)]))),
}


def with_child(child: Any) -> DictConfig:
    """A config that holds this very node."""
    config = OmegaConf.create({"_target_": here("Kept"), "a": None})
    child._set_parent(config)
    child._set_key("a")
    config.__dict__["_content"]["a"] = child
    return config


PLACES: dict[str, Row] = {
    **{
        f"{path} {sorted(flags)}": row(in_a_config(path, BIG, flags))
        for path in (
            "call",
            "lazy",
            "calls",
            "data",
            "data.list",
            "by",
            "gone",
            "unset",
            "open",
            "calls.1",
            "data.empty",
        )
        for flags in ({}, {"struct": True}, {"readonly": True, "allow_objects": True})
    },
    "the whole of it": row(
        lambda: OmegaConf.create({k: v for k, v in BIG.items() if k not in ("dead", "gone", "unset")})
    ),
    "the whole of it, dead": row(lambda: OmegaConf.create(BIG)),
    "changed in place": row(in_a_config("call", BIG), a=9),
    "looked up from outside": row(in_a_config("x.y", {"n": 1, "x": {"y": node(a="${n}", b="${..z}"), "z": [node()]}})),
    "a link to itself": row(lambda: OmegaConf.create({"_target_": here("Kept"), "a": "${a}"})),
    "a link to its own node": row(lambda: OmegaConf.create({"x": {"_target_": here("Kept"), "a": "${x}"}})),
    "links to links": row(lambda: OmegaConf.create({"a": "${b}", "b": "${c}", "c": {"d": "${e}"}, "e": [node()]})),
    "two links to one node": row(
        lambda: OmegaConf.create(
            {"n": {"k": [1]}, "x": {"_target_": here("shared_identity"), "a": "${n}", "b": "${n}"}}
        )
    ),
    "two links, not recursive": row(
        lambda: OmegaConf.create(
            {
                "n": {"k": [1]},
                "x": {"_target_": here("shared_identity"), "_recursive_": False, "a": "${n}", "b": "${n}"},
            }
        )
    ),
    "a node and a link to it, not recursive": row(
        lambda: OmegaConf.create(
            {"_target_": here("shared_identity"), "_recursive_": False, "a": {"k": 1}, "b": "${.a}"}
        )
    ),
    "relative links below": row(
        lambda: OmegaConf.create({"_target_": here("Kept"), "n": 1, "a": {"b": {"c": "${...n}", "d": "${....n}"}}})
    ),
    "relative links kept as config": row(
        lambda: OmegaConf.create({"_target_": here("Kept"), "_recursive_": False, "n": 1, "a": {"b": "${..n}"}})
    ),
    "text around a link": row(lambda: OmegaConf.create({"n": 1, "x": node(a="<${n}>", b="\\${n}", c="$", d="{n}")})),
    "a resolver": row(lambda: OmegaConf.create({"x": node(a="${oc.create:{k:[1]}}", b="${oc.decode:'[1,2]'}")})),
    "a resolver that gives a call": row(
        lambda: OmegaConf.create({"x": node(a="${oc.create:{_target_:" + here("Kept") + "}}")})
    ),
    "dict values": row(lambda: OmegaConf.create({"d": {"p": node()}, "x": node(a="${oc.dict.values:d}")})),
    "dict keys": row(lambda: OmegaConf.create({"d": {"p": node()}, "x": node(a="${oc.dict.keys:d}")})),
}

TARGETS: dict[str, Row] = {
    "None": row({"_target_": None, "a": 1}),
    "int": row({"_target_": 5}),
    "list": row({"_target_": [1]}),
    "dict": row({"_target_": {"a": 1}}),
    "empty": row({"_target_": ""}),
    "no dot": row({"_target_": "dict"}),
    "spaces": row({"_target_": " builtins.dict"}),
    "relative": row({"_target_": ".dict"}),
    "trailing dot": row({"_target_": "builtins.dict."}),
    "no module": row({"_target_": "nowhere.at.all"}),
    "no attribute": row({"_target_": here("nothing")}),
    "no attribute below": row({"x": [{"_target_": here("nothing")}]}),
    "module": row({"_target_": "json"}),
    "not callable": row({"_target_": here("CALLS")}),
    "refused": row({"_target_": "os.system", "_args_": ["true"]}),
    "refused below": row({"x": {"y": {"_target_": "builtins.eval", "_args_": ["1"]}}}),
    "refused below a call": row(node(a=node(b={"_target_": "os.system", "_args_": ["true"]}))),
    "refused arguments": row(
        {
            "x": {
                "_target_": "builtins.getattr",
                "_args_": [{"_target_": "hydra.utils.get_object", "path": here("give")}, "__globals__"],
            }
        }
    ),
    "refused result": row(
        {"x": {"_target_": here("give"), "value": {"_target_": "hydra.utils.get_object", "path": "os.system"}}}
    ),
    "refused partial": row({"x": {"_target_": "builtins.setattr", "_partial_": True, "_args_": [1, "a"]}}),
    "missing": row({"_target_": "???", "a": 1}),
    "missing below": row({"x": {"_target_": "???", "a": 1}}),
    "missing in a list": row([{"_target_": "???", "a": 1}]),
    "missing given": row({"_target_": "???", "a": 1}, _target_=here("Kept")),
    "replaced": row(node(a=1), _target_=here("give"), value=1),
    "callable given": row(node(a=1), _target_=give),
    "callable": row({"_target_": Kept, "a": [{"_target_": give, "value": 1}]}),
    "callable in a list": row([{"_target_": give, "value": 1}]),
    "callable in a tuple": row({"_target_": Kept, "a": ({"_target_": give, "value": 1},)}),
    "class method": row({"_target_": "collections.OrderedDict.fromkeys", "_args_": [["a"]]}),
    "builtin": row({"_target_": len, "_args_": [[1]]}),
    "partial object": row({"_target_": module_partial}),
    "lambda": row({"_target_": lambda: 1}),
    "callable instance": row({"_target_": here("caller"), "value": 3}),
    "callable instance given as object": row({"_target_": caller, "value": 3}),
    "method of an instance": row({"_target_": here("caller.method"), "value": 3}),
    "module-level partial": row({"_target_": here("module_partial")}),
    "object held by a DictConfig": row(
        lambda: OmegaConf.create({"_target_": give, "value": 1}, flags={"allow_objects": True})
    ),
    "instance held by a DictConfig": row(
        lambda: OmegaConf.create({"_target_": caller, "value": 1}, flags={"allow_objects": True})
    ),
    "shell held by a DictConfig": row(
        lambda: OmegaConf.create(
            {"_target_": __import__("os").system, "_args_": ["true"]}, flags={"allow_objects": True}
        )
    ),
    "whitelist in the config": row(node(_execution_whitelist_=[here("*")])),
    "whitelist in a config below": row(node(a=node(_execution_whitelist_=[here("*")]))),
    "whitelist in a mapping below": row(node(a={"_execution_whitelist_": [here("*")], "b": 1})),
    "isolate in a config below": row(node(a=node(_isolate_=True, b=[1]))),
    "isolate in the config": row(node(_isolate_=True, b=[1])),
    "isolate off": row(node(_isolate_=False, b=[1])),
    "isolate is no bool": row(node(_isolate_="yes", b=[1])),
    "call is no word of Hydra's": row(node(_call_=False)),
    "partial target": row(
        {"_target_": "functools.partial", "_args_": [{"_target_": "hydra.utils.get_object", "path": here("give")}, 1]}
    ),
}

ARGUMENTS: dict[str, Row] = {
    "str": row(node(_args_="ab")),
    "empty str": row(node(_args_="")),
    "None": row(node(_args_=None)),
    "None below": row({"x": node(_args_=None)}),
    "int": row(node(_args_=5)),
    "dict": row(node(_args_={"a": 1})),
    "bytes": row(node(_args_=b"ab")),
    "tuple": row(node(_args_=(1, [2]))),
    "missing": row(node(_args_="???")),
    "missing items": row(node(_args_=["???", 1])),
    "missing items, not recursive": row(node(_args_=["???", 1], _recursive_=False)),
    "missing items, not recursive, below": row({"x": node(_args_=["???", 1], _recursive_=False)}),
    "missing items, partial": row(node(_args_=["???", 1], _partial_=True)),
    "missing partial": row(node(_args_="???", _partial_=True, a=1)),
    "link": row(lambda: OmegaConf.create({"l": [1, [2]], "x": node(_args_="${l}")})),
    "link to text": row(lambda: OmegaConf.create({"l": "ab", "x": node(_args_="${l}")})),
    "link to a dict": row(lambda: OmegaConf.create({"l": {"a": 1}, "x": node(_args_="${l}")})),
    "a call that gives a list": row(node(_args_={"_target_": "builtins.list", "_args_": [[1, 2]]})),
    "a call that gives a tuple": row(node(_args_={"_target_": "builtins.tuple", "_args_": [[1, 2]]})),
    "a call that gives an iterator": row(node(_args_={"_target_": here("numbers"), "stop": 2})),
    "containers": row(node(_args_=[[1], {"a": 2}, node(b=[1])])),
    "containers, all": row(node(_args_=[[1], {"a": 2}, node(b=[1])], _convert_="all")),
    "given": row(node(_args_=[1, 2], a=3), 4),
    "given, containers": row(node(_args_=[1, 2]), [4], {"a": 5}),
    "given, a config": row(node(_args_=[1, 2]), OmegaConf.create({"a": [1]})),
    "given, a call": row(node(), {"_target_": here("give"), "value": 1}),
    "given, interpolated": row(node(n=1), "${n}", "???"),
    "given by word": row(node(_args_=[1, 2]), _args_=[7]),
    "given an instance": row(node(_args_=[1]), Leafy(4)),
    "given a class": row(node(), Leafy),
    "not to the nodes below": row(node(a=node(_args_=[1])), 2),
    "keys that are no names": row({"_target_": here("Kept"), "a b": 1, "ü": 2, "": 3, "class": 4}),
    "keys that are no text": row({"_target_": here("Kept"), 1: 2}),
    "keys that are no text, below": row({"x": {"_target_": here("Kept"), 1.5: 2, True: 3}}),
    "data with keys of all kinds": row(node(a={1: "a", 2.5: "b", False: "c"})),
    "enum keys": row(node(a={Colour.RED: 1}, _convert_="all")),
    "bytes keys": row(node(a={b"k": [1]})),
    "argument called self": row({"_target_": here("TakesSelf"), "self": 1}),
    "argument called self, partial": row({"_target_": here("TakesSelf"), "self": 1, "_partial_": True}),
    "argument called func, partial": row(node(func=1, args=2, keywords=3, _partial_=True)),
    "argument by position and name": row({"_target_": here("positional_only"), "_args_": [1], "b": 3}),
    "positional-only by name": row({"_target_": here("positional_only"), "a": 1}),
    "unknown argument": row({"_target_": here("give"), "wrong": 1}),
    "unknown argument below": row({"x": [{"_target_": here("give"), "wrong": 1}]}),
    "missing argument": row(node(a="???")),
    "missing argument below": row({"x": node(a=node(b="???"))}),
    "missing argument, partial": row(node(a="???", b=1, _partial_=True)),
    "link to a missing argument, partial": row(node(a="???", b="${.a}", c=1, _partial_=True)),
    "missing container, partial": row(node(a={"b": "???"}, _partial_=True)),
    "missing container, not recursive": row(node(a={"b": "???"}, _recursive_=False)),
    "missing container, all, not recursive": row(node(a={"b": "???"}, _recursive_=False, _convert_="all")),
    "missing given": row(node(a="???"), a=1),
    "keyword is a call": row(node(a=1), a=node(b=2)),
    "keyword is a dict over a dict": row(node(a={"x": 1, "y": 2}), a={"y": 3}),
    "keyword is a dict over a call": row(node(a=node(x=1)), a={"y": 3}),
    "keyword is a list": row(node(a=[1]), a=[node()]),
    "keyword is a config": row(node(a=[1]), a=OmegaConf.create({"k": ["${..n}"], "n": 1})),
    "keyword is an object": row(node(a=1), a=caller),
    "keyword is an instance": row(node(a=1), a=Leafy(3)),
    "keyword is a class": row(node(a=1), a=Leafy),
    "keyword is a function": row(node(a=1), a=give),
    "keyword is a partial": row(node(a=1), a=functools.partial(give, 1)),
    "keyword is a tuple": row(node(a=1), a=(1, [2])),
    "keyword is a set": row(node(a=1), a={1}),
    "keyword is interpolated": row(node(a=1, n=2), a="${n}"),
    "keyword is missing": row(node(a=1), a="???"),
    "keyword is None": row(node(a=1), a=None),
    "keyword is new": row(node(a=1), b=[1]),
    "link to what the keyword changes": row(node(a=1, b="${.a}", c={"d": "${..a}"}), a=5),
    "controls given": row(node(a=[1]), _convert_="all", _recursive_=False, _partial_=True),
    "controls of a wrong type": row(node(a=[1]), _recursive_="no"),
    "partial of a wrong type": row(node(a=[1]), _partial_=1),
    "partial of a wrong type, below": row({"x": node(a=[1], _partial_="y")}),
    "recursive of a wrong type, below": row({"x": [node(a=[1], _recursive_=1)]}),
    "recursive missing": row(node(_recursive_="???", a=[1])),
    "partial missing": row(node(_partial_="???", a=[1])),
    "controls missing below": row({"x": node(_partial_="???", _recursive_="???", _convert_="???", a=[1])}),
    "convert missing": row(node(_convert_="???", a=[1])),
    "partial interpolated": row(lambda: OmegaConf.create({"p": True, "x": node(_partial_="${p}")})),
    "convert interpolated": row(lambda: OmegaConf.create({"p": "all", "x": node(_convert_="${p}", a=[1])})),
    "recursive interpolated": row(lambda: OmegaConf.create({"p": False, "x": node(_recursive_="${p}", a=node())})),
    "convert is an enum": row(lambda: OmegaConf.create(node(_convert_=ConvertMode.ALL, a=[1], b={"c": Leafy}))),
    "convert is an enum, object": row(
        lambda: OmegaConf.create(node(_convert_=ConvertMode.OBJECT, a=[1], b={"c": Leafy}))
    ),
    "convert is an enum, partial": row(
        lambda: OmegaConf.create(node(_convert_=ConvertMode.PARTIAL, a=[1], b={"c": Leafy}))
    ),
    "convert is an enum, none": row(lambda: OmegaConf.create(node(_convert_=ConvertMode.NONE, a=[1]))),
    "convert given as an enum": row(node(a=[1], b={"c": [2]}), _convert_=ConvertMode.ALL),
    "convert given as an enum, object": row(node(a=[1], b={"c": [2]}), _convert_=ConvertMode.OBJECT),
    "convert is a number": row(node(_convert_=5, a=[1])),
    "not recursive, with a call that is": row(node(_recursive_=False, a=node(_recursive_=True, b=[1]))),
    "mapping that is not recursive": row(node(a={"_recursive_": False, "b": node()})),
    "list below a call that is not recursive": row(node(_recursive_=False, a=[node(), [node()]])),
}

FAILURES: dict[str, Row] = {
    f"{kind} {place}": row(config)
    for kind in (
        *("ValueError", "KeyError", "Failure", "StopIteration", "SystemExit", "KeyboardInterrupt", "GeneratorExit"),
        *("InstantiationException", "BridgeError", "RecursionError"),
    )
    for place, config in {
        "at the root": {"_target_": here("fail"), "kind": kind},
        "below": {"x": [{"y": {"_target_": here("fail"), "kind": kind}}]},
        "as an argument": node(a=node(b={"_target_": here("fail"), "kind": kind})),
        "inside a call that instantiates": {
            "_target_": here("again"),
            "_recursive_": False,
            "config": {"z": {"_target_": here("fail"), "kind": kind}},
        },
    }.items()
}

CHANGES: dict[str, Row] = {
    f"{name} {mode} {recursive} {kind}": row(
        lambda value=value, mode=mode, recursive=recursive, flags=flags: OmegaConf.create(
            {
                "x": {
                    "_target_": here("change"),
                    "_convert_": mode,
                    "_recursive_": recursive,
                    "config": copy.deepcopy(value),
                },
                "n": 1,
            },
            flags=flags,
        )
    )
    for mode in ("none", "partial", "object", "all")
    for recursive in (True, False)
    for kind, flags in {"open": {}, "struct": {"struct": True}, "readonly": {"readonly": True}}.items()
    for name, value in {"list": [1], "dict": {"a": 1}, "typed": Leafy()}.items()
}

REENTRANT: dict[str, Row] = {
    "a call that instantiates": row({"_target_": here("again"), "_recursive_": False, "config": node(a=[1])}),
    "a call that instantiates with arguments": row(
        {"_target_": here("again"), "_recursive_": False, "config": node(a=[1]), "b": 2}
    ),
    "a call that instantiates what is refused": row(
        {
            "x": {
                "_target_": here("again"),
                "_recursive_": False,
                "config": {"_target_": "os.system", "_args_": ["true"]},
            }
        }
    ),
    "a call that instantiates what it is not given": row(
        lambda: OmegaConf.create(
            {"n": 1, "x": {"_target_": here("again"), "_recursive_": False, "config": node(a="${n}")}}
        )
    ),
    "instantiate itself": row({"_target_": "hydra.utils.instantiate", "_recursive_": False, "config": node(a=[1])}),
    "generator": row(
        {
            "_target_": here("Kept"),
            "a": {"_target_": "builtins.list", "_args_": [{"_target_": here("numbers"), "stop": 3}]},
        }
    ),
    "generator, all": row(
        {"_target_": "builtins.list", "_convert_": "all", "_args_": [{"_target_": here("numbers"), "stop": 3}]}
    ),
}

ROWS: dict[str, Row] = {
    f"{table}: {name}": found
    for table, rows in {
        "containers": CONTAINERS,
        "typed": TYPED,
        "roots": ROOTS,
        "places": PLACES,
        "targets": TARGETS,
        "arguments": ARGUMENTS,
        "failures": FAILURES,
        "changes": CHANGES,
        "reentrant": REENTRANT,
    }.items()
    for name, found in rows.items()
}


def root_of(config: Any) -> Any:
    return config._get_root() if OmegaConf.is_config(config) else config


@pytest.mark.parametrize("name", [name for name in ROWS if name.startswith(("roots", "places", "typed"))])
def test_the_result_stands_where_hydra_puts_it(name: str) -> None:
    make, args, kwargs = ROWS[name]
    theirs = outcome(lambda: ancestry(hydra.utils.instantiate(make(), *args, **kwargs)))
    assert outcome(lambda: ancestry(fhb.instantiate(make(), *args, **kwargs))) == theirs


@pytest.mark.parametrize("name", ROWS)
def test_instantiate_does_what_hydra_does(name: str) -> None:
    make, args, kwargs = ROWS[name]
    theirs_config, ours_config = make(), make()
    theirs_kwargs, ours_kwargs = copy.copy(kwargs), copy.copy(kwargs)
    before = seen(root_of(ours_config))
    theirs = outcome(lambda: hydra.utils.instantiate(theirs_config, *args, **theirs_kwargs))
    ours = outcome(lambda: fhb.instantiate(ours_config, *args, **ours_kwargs))
    assert ours == theirs
    assert seen(root_of(ours_config)) == before


# ------------------------------------------------------------------------------------------------------- partials

BOTH = [fhb.instantiate, hydra.utils.instantiate]

PARTIALS: dict[str, Any] = {
    "class": node(_partial_=True, a=[1]),
    "function": {"_target_": here("give"), "_partial_": True},
    "with arguments": node(_partial_=True, _args_=[1, {"k": 2}], b="x"),
    "all": node(_partial_=True, _convert_="all", a=[1]),
    "builtin": {"_target_": "builtins.dict", "_partial_": True, "a": 1},
    "watched": {"_target_": "builtins.getattr", "_partial_": True, "_args_": ["text", "upper"]},
    "of a partial": {"_target_": here("module_partial"), "_partial_": True},
    "callable instance": {"_target_": here("caller"), "_partial_": True},
    "fails": {"_target_": here("fail"), "_partial_": True},
    "fails oddly": {"_target_": here("fail"), "_partial_": True, "kind": "Failure"},
    "lacks": {"_target_": here("positional_only"), "_partial_": True},
    "gives a partial": {"_target_": here("give_partial"), "_partial_": True},
    "finds": {"_target_": "hydra.utils.get_object", "_partial_": True, "path": here("give")},
    "finds what is refused": {"_target_": here("find_shell"), "_partial_": True},
}


def give_partial() -> Any:
    return functools.partial(give, 3)


def find_shell() -> Any:
    return __import__("os").system


#: What is done with a partial.
USES: dict[str, Callable[[Any], Any]] = {
    "looked at": lambda made: made,
    "called": lambda made: made(),
    "called with more": lambda made: made(7),
    "called with names": lambda made: made(a=[8]),
    "copied": copy.copy,
    "deeply copied": copy.deepcopy,
    "copied and called": lambda made: copy.copy(made)(),
    "deeply copied and called": lambda made: copy.deepcopy(made)(),
    "pickled": lambda made: pickle.loads(pickle.dumps(made)),
    "pickled as state": lambda made: made.__reduce_ex__(4),
    "bound further": lambda made: functools.partial(made, a=3),
}


@pytest.mark.parametrize("place", ["root", "below"])
@pytest.mark.parametrize("use", USES)
def test_a_partial_is_the_one_that_hydra_makes(use: str, place: str) -> None:
    for name, config in PARTIALS.items():

        def outcome_of(instantiate: Any, config: Any = config) -> Any:
            def make() -> Any:
                config_node = OmegaConf.create({"x": [{"y": config}]} if place == "below" else config)
                made = instantiate(config_node)
                return USES[use](made.x[0].y if place == "below" else made)

            return outcome(make)

        assert outcome_of(fhb.instantiate) == outcome_of(hydra.utils.instantiate), name


@pytest.mark.parametrize("instantiate", BOTH)
def test_each_call_of_a_partial_makes_a_new_object_of_the_same_arguments(instantiate: Any) -> None:
    made = instantiate(node(_partial_=True, a=[1], _convert_="all"))
    first, second = made(), made()
    assert first is not second
    assert first.kwargs["a"] is second.kwargs["a"]


# --------------------------------------------------------------------------------------- what targets see and change

CONFIGS: list[Any] = []


def reach_out(**entries: Any) -> Any:
    """Changes the config that it comes from, without being given it."""
    CONFIGS[-1].added = 9
    return entries


def reach_out_of_a_list() -> Any:
    CONFIGS[-1].items_.append(9)


@pytest.mark.parametrize("partial", [False, True])
@pytest.mark.parametrize("target", ["reach_out", "reach_out_of_a_list"])
@pytest.mark.parametrize("more", [{}, {"a": [1]}, {"_convert_": "all"}])
def test_a_target_changes_the_config_where_it_can_with_hydra(target: str, partial: bool, more: dict[str, Any]) -> None:
    if target == "reach_out_of_a_list" and "a" in more:
        more = {}

    def run(instantiate: Any) -> Any:
        config = OmegaConf.create({"items_": [1], "x": {"_target_": here(target), "_partial_": partial, **more}})
        CONFIGS.append(config)

        def make() -> Any:
            made = instantiate(config.x)
            return made() if partial else made

        return outcome(make), seen(config)

    assert run(fhb.instantiate) == run(hydra.utils.instantiate)


@pytest.mark.parametrize("kind", ["DictConfig", "dict"])
def test_the_config_is_open_again_after_a_failure(kind: str) -> None:
    config: Any = {"n": 1, "x": node(a={"_target_": here("fail")}, b=[1])}
    config = OmegaConf.create(config) if kind == "DictConfig" else config
    with pytest.raises((ValueError, InstantiationException)):
        fhb.instantiate(config)
    config["n"] = 2
    config["x"]["b"].append(2)
    assert config["n"] == 2


def test_threads_do_not_meet() -> None:
    config = OmegaConf.create(
        {
            "n": 3,
            "x": node(a="${n}", b=[node(c={"d": [1]})]),
            "y": {"_target_": here("again"), "_recursive_": False, "config": node(z="${n}")},
        }
    )
    expected = seen(hydra.utils.instantiate(copy.deepcopy(config), _convert_="all"))
    found: list[Any] = []
    # Hydra 1.4 makes the caller's own config read-only while it runs, so each thread has its own.
    copies = [copy.deepcopy(config) for _ in range(8)]
    threads = [
        threading.Thread(target=lambda own=own: found.append(seen(fhb.instantiate(own, _convert_="all"))))
        for own in copies
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * len(copies)


# --------------------------------------------------------------------------------------------- Hydra 1.4's own options

WHITELISTS: dict[str, Any] = {
    "none": None,
    "empty": [],
    "this module": f"{HERE}.*",
    "one target": [here("Kept")],
    "another": ["math.*"],
    "a bad pattern": ["*"],
    "a bad type": 5,
}


def with_whitelists() -> dict[str, Any]:
    return {**WHITELISTS, "unsafe": UNSAFE, "a policy": EXECUTION_WHITELIST([here("*")], reset=True)}


WHITELISTED: dict[str, Any] = {
    "root": node(a=[1]),
    "below": {"x": node(a={"_target_": "math.sqrt", "_args_": [4.0]})},
    "refused": {"_target_": "builtins.eval", "_args_": ["1 + 1"]},
    "partial": node(_partial_=True),
    "found": {"_target_": "hydra.utils.get_object", "path": here("give")},
    "result": {"_target_": here("give"), "value": {"_target_": here("give_partial")}},
}


@on_14
@pytest.mark.parametrize("config", WHITELISTED)
@pytest.mark.parametrize("name", [*WHITELISTS, "unsafe", "a policy"])
def test_a_whitelist_means_what_it_means_to_hydra(name: str, config: str) -> None:
    whitelist = with_whitelists()[name]
    results = []
    for instantiate in BOTH:
        given = outcome(lambda: instantiate(WHITELISTED[config], _execution_whitelist_=whitelist))  # noqa: B023

        def around(instantiate: Any = instantiate) -> Any:
            with EXECUTION_WHITELIST(whitelist):
                return instantiate(WHITELISTED[config])

        def inside(instantiate: Any = instantiate) -> Any:
            with EXECUTION_WHITELIST("math.*"):
                return instantiate(WHITELISTED[config], _execution_whitelist_=whitelist)

        results.append((given, outcome(around), outcome(inside)))
    assert results[0] == results[1]


@on_14
@pytest.mark.parametrize("isolate", [True, False, None, "yes"])
@pytest.mark.parametrize(
    "name", ["places: call []", "places: two links to one node", "roots: none", "roots: list", "typed: union"]
)
def test_isolation_is_hydras(name: str, isolate: Any) -> None:
    make, args, kwargs = ROWS[name]
    ours = outcome(lambda: fhb.instantiate(make(), *args, isolate=isolate, **kwargs))
    assert ours == outcome(lambda: hydra.utils.instantiate(make(), *args, isolate=isolate, **kwargs))


# ------------------------------------------------------------------------------------------------------- properties

SCALARS = st.sampled_from(
    [1, 2.5, True, None, "a", "", "???", "${n}", "${data}", "${call}", "${..n}", "${.a}", "${nowhere}", b"x"]
)
CONTROL_VALUES = {
    "_convert_": st.sampled_from(["none", "partial", "object", "all", "All", "odd", None, "${mode}", "???"]),
    "_recursive_": st.sampled_from([True, False, True, False, None, "no", "${flag}"]),
    "_partial_": st.sampled_from([True, False, True, False, None, 1, "${flag}"]),
    "_args_": st.sampled_from(
        [[], [1], [[1], {"k": node()}], "ab", None, 5, "${data.list}", "${n}", {"a": 1}, ["???"]]
    ),
    "_target_": st.sampled_from(
        [here("Kept"), here("Kept"), here("give"), "${path}", "${nowhere}", "???", None, here("leafy"), "builtins.dict"]
    ),
}


@st.composite
def odd_nodes(draw: Any, depth: int = 3) -> Any:
    kind = draw(st.sampled_from(["scalar", "mapping", "mapping", "list", "tuple", "typed"])) if depth else "scalar"
    if kind == "scalar":
        return draw(SCALARS)
    if kind == "typed":
        return draw(st.sampled_from([Leafy(5), Branchy()]))
    if kind in ("list", "tuple"):
        items = draw(st.lists(odd_nodes(depth - 1), max_size=2))
        return tuple(items) if kind == "tuple" and "???" not in items else items
    mapping = {
        key: draw(odd_nodes(depth - 1)) for key in draw(st.lists(st.sampled_from("abc"), max_size=2, unique=True))
    }
    mapping.setdefault("a", 1)
    for control in draw(st.lists(st.sampled_from(sorted(CONTROL_VALUES)), max_size=3, unique=True)):
        mapping[control] = draw(CONTROL_VALUES[control])
    return mapping


CONTEXT = {
    "n": 3,
    "data": {"k": 1, "list": [1, {"z": "${n}"}]},
    "call": node(q=[1]),
    "mode": "all",
    "flag": False,
    "path": here("Kept"),
}


@given(
    odd_nodes(),
    st.sampled_from([(), (1,)]),
    st.sampled_from([{}, {}, {"a": 5}, {"_convert_": "all"}, {"_partial_": True}]),
)
def test_odd_configs_end_as_in_hydra(main: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    config = OmegaConf.create({**copy.deepcopy(CONTEXT), "main": main}, flags={"allow_objects": True})
    theirs_config = copy.deepcopy(config)
    before = seen(config)
    found = config._get_node("main")
    if not OmegaConf.is_config(found):
        return
    ours = outcome(lambda: fhb.instantiate(found, *args, **kwargs))
    assert ours == outcome(lambda: hydra.utils.instantiate(theirs_config._get_node("main"), *args, **kwargs))
    assert seen(config) == before
