"""The target policy on every way into the bridge: what configuration may not do, it may not do by any of them.

Tables of attacks meet a table of entry points. An attack counts as refused if it ends in an error before anything of
it runs: an audit hook watches for what the payloads would do, and recording targets watch for calls.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import fiddle as fdl
import hydra.utils
import pytest
from hydra.errors import InstantiationException
from omegaconf import DictConfig, OmegaConf

import fiddle_hydra_bridge as fhb
from tests.convert import attack_targets

HERE = __name__
ATTACKS_HERE = attack_targets.__name__
MARK = "fhb_attack_payload"
execution_whitelist: Any = getattr(hydra.utils, "execution_whitelist", None)
on_14 = pytest.mark.skipif(execution_whitelist is None, reason="came with Hydra 1.4")
pytestmark = pytest.mark.filterwarnings("ignore")

REFUSALS = (fhb.BridgeError, InstantiationException)

# ---------------------------------------------------------------------------------------------------- what is watched

RAN: list[str] = []


def _watch(event: str, args: tuple[Any, ...]) -> None:
    # Whole files are compiled for reasons of their own, such as pytest's reports.
    if event in _PROGRAMS and MARK in (text := str(args)) and len(text) < 500:
        RAN.append(event)


_PROGRAMS = {"os.system", "subprocess.Popen", "os.posix_spawn", "compile", "import"}
sys.addaudithook(_watch)


@pytest.fixture(autouse=True)
def nothing_runs() -> Iterator[None]:
    RAN.clear()
    attack_targets.CALLS.clear()
    yield
    assert RAN == []
    assert attack_targets.CALLS == []


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A module that no whitelist of these tests names: it must not even be imported."""
    name = "fhb_outside"
    tmp_path.joinpath(f"{name}.py").write_text(
        "import fiddle as fdl\nclass Tag(fdl.Tag):\n    'A tag.'\n"
        "class Thing: ...\nVALUE = 5\ndef call(*a, **k): return 7\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    sys.modules.pop(name, None)
    yield name
    sys.modules.pop(name, None)


def here(name: str) -> str:
    return f"{HERE}.{name}"


# -------------------------------------------------------------------------------------------- what an application has


def give(value: Any = None, **more: Any) -> Any:
    return value


def apply(function: Any, *args: Any) -> Any:
    """An application's own dispatcher: it runs what it is given."""
    return function(*args)


def apply_first(function: Any, *args: Any, **ignored: Any) -> Any:
    return function(*args)


def handlers() -> dict[str, Any]:
    """Data that holds what configuration may not have."""
    return {"run": attack_targets.shell, "record": attack_targets.record}


def make_dict(**entries: Any) -> dict[str, Any]:
    return entries


class Model:
    def __init__(self, encoder: Any = None, decoder: Any = None) -> None:
        self.encoder = encoder
        self.decoder = decoder


class Partial(functools.partial):  # type: ignore[type-arg]
    """An application's own kind of partial."""


class Tag(fdl.Tag):
    """A tag."""


def record(*args: Any) -> None:
    RAN.append(f"record{args}")


# ---------------------------------------------------------------------------------------------------------- attacks


def call(target: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
    return {"_target_": target, **({"_args_": [*args]} if args else {}), **kwargs}


def found(path: str, by: str = "get_object") -> dict[str, Any]:
    return {"_target_": f"hydra.utils.{by}", "path": path}


SHELL = call("os.system", f": {MARK}")
DIRECT: dict[str, Any] = {
    "shell": SHELL,
    "shell of posix": call("posix.system", f": {MARK}"),
    "shell through a module": call("logging.os.system", f": {MARK}"),
    "shell by an alias": call(f"{ATTACKS_HERE}.shell", f": {MARK}"),
    "shell by a partial": call(f"{ATTACKS_HERE}.run_true"),
    "shell by a nested partial": call(f"{ATTACKS_HERE}.run_nested"),
    "shell by its __call__": call("os.system.__call__", f": {MARK}"),
    "eval": call("builtins.eval", f"'{MARK}'"),
    "exec": call("builtins.exec", f"'{MARK}'"),
    "import": call("builtins.__import__", MARK),
    "import_module": call("importlib.import_module", MARK),
    "Popen": call("subprocess.Popen", [MARK]),
    "globals of a function": call("json.loads.__globals__.get", "x"),
    "code of a function": found("json.loads.__code__"),
    "modules": found("sys.modules"),
    "map": call("builtins.map", found(f"{ATTACKS_HERE}.record"), [1]),
    "itemgetter": call("operator.itemgetter", "x"),
    "methodcaller": call("operator.methodcaller", "x"),
    "pickle": call("pickle.loads", "x"),
    "str.format": call("builtins.str.format", "{0.__class__}", 1),
    "Hydra's own policy": found("hydra._internal.utils._locate"),
    "shell as a value": found("os.system"),
    "shell as a method": found("os.system", "get_method"),
    "Popen as a class": found("subprocess.Popen", "get_class"),
    "alias as a value": found(f"{ATTACKS_HERE}.shell"),
    "partial as a value": found(f"{ATTACKS_HERE}.run_true"),
}

#: Where an attack may stand.
PLACES: dict[str, Callable[[Any], Any]] = {
    "root": lambda attack: attack,
    "section": lambda attack: {"a": {"b": attack}},
    "list": lambda attack: {"a": [1, [attack]]},
    "argument": lambda attack: call(here("give"), value=attack),
    "positional argument": lambda attack: call(here("give"), attack),
    "deep argument": lambda attack: call(here("give"), value={"k": [call(here("give"), value=attack)]}),
    "argument of a partial": lambda attack: call(here("give"), _partial_=True, value=attack),
    "tagged": lambda attack: call(
        here("give"), value=call("fiddle_hydra_bridge.tagged", value=attack, tags=[here("Tag")])
    ),
    "value": lambda attack: call("fiddle_hydra_bridge.value", attack),
    "factory": lambda attack: call(
        "fiddle_hydra_bridge.partial",
        _deferred_target_=call(here("give"), _partial_=True),
        value=call(
            "fiddle_hydra_bridge.arg_factory", _deferred_target_=call(here("give"), _partial_=True), value=attack
        ),
    ),
    "share": lambda attack: call(
        "fiddle_hydra_bridge.share",
        _shared_target_=call(here("Model"), _partial_=True),
        encoder=call(here("give"), _partial_=True, value={**attack, "_partial_": True}),
        decoder=call("fiddle_hydra_bridge.ref", _ref_="encoder", _partial_=True),
    ),
    "structured": lambda attack: call(
        "fiddle_hydra_bridge.structured", of_type=None, mode="partial", entries={"a": attack}
    ),
}

#: Helpers that are given a target to defer.
DEFERRED: dict[str, Callable[[Any], Any]] = {
    "shared target": lambda attack: call("fiddle_hydra_bridge.share", _shared_target_={**attack, "_partial_": True}),
    "shared partial": lambda attack: call(
        "fiddle_hydra_bridge.share", _shared_target_={**attack, "_partial_": True}, _shared_partial_=True
    ),
    "deferred target": lambda attack: call(
        "fiddle_hydra_bridge.partial", _deferred_target_={**attack, "_partial_": True}
    ),
    "factory target": lambda attack: call(
        "fiddle_hydra_bridge.arg_factory", _deferred_target_={**attack, "_partial_": True}
    ),
    "partial": lambda attack: {**attack, "_partial_": True},
    "partial in a value": lambda attack: call("fiddle_hydra_bridge.value", {**attack, "_partial_": True}),
    "not called": lambda attack: {"_target_": attack["_target_"], "_call_": False},
}

# ------------------------------------------------------------------------------------------------------ entry points


def interpolated(config: Any) -> DictConfig:
    """The config with all its target paths as interpolations."""
    paths: dict[str, str] = {}

    def replaced(node: Any) -> Any:
        if isinstance(node, dict):
            return {key: link(item) if key in ("_target_", "path") else replaced(item) for key, item in node.items()}
        return [replaced(item) for item in node] if isinstance(node, list) else node

    def link(path: str) -> str:
        name = f"p{len(paths)}"
        paths[name] = path
        return f"${{paths.{name}}}"

    return OmegaConf.create({"main": replaced(config), "paths": paths})


@dataclasses.dataclass
class Structured:
    node: Any = None


def text_of(config: Any) -> str:
    return OmegaConf.to_yaml(OmegaConf.create(config))


def file_of(config: Any, tmp_path: Path, suffix: str) -> Path:
    path = tmp_path / f"config{suffix}"
    path.write_text(json.dumps(config) if suffix == ".json" else text_of(config))
    return path


def built(**options: Any) -> Callable[[Any, Path], Any]:
    return lambda config, tmp_path: fdl.build(fhb.from_hydra(config, **options))


GRAPHS: dict[str, Callable[[Any, Path], Any]] = {
    "from_hydra": built(),
    "from_hydra none": built(convert="none"),
    "from_hydra lazy": built(missing="lazy"),
    "from_hydra share": built(share=True),
    "from_hydra DictConfig": lambda config, _: fdl.build(fhb.from_hydra(OmegaConf.create(config))),
    "from_hydra structured": lambda config, _: fdl.build(fhb.from_hydra(Structured(config))),
    "from_hydra interpolated": lambda config, _: fdl.build(fhb.from_hydra(interpolated(config)).main),
    "from_hydra links": lambda config, _: fhb.build(
        fhb.from_hydra({"link": "${attack}", "attack": config}, links="keep")
    ),
    "from_yaml": lambda config, _: fdl.build(fhb.from_yaml(text_of(config))),
    "load yaml": lambda config, tmp_path: fdl.build(fhb.load(file_of(config, tmp_path, ".yaml"))),
    "load json": lambda config, tmp_path: fdl.build(fhb.load(file_of(config, tmp_path, ".json"))),
}
INSTANTIATES: dict[str, Callable[[Any, Path], Any]] = {
    "instantiate": lambda config, _: fhb.instantiate(config),
    "instantiate DictConfig": lambda config, _: fhb.instantiate(OmegaConf.create(config)),
    "instantiate all": lambda config, _: fhb.instantiate({"_convert_": "all", "main": config}),
    "instantiate share": lambda config, _: fhb.instantiate(config, _share_=True),
    "instantiate structured": lambda config, _: fhb.instantiate(Structured(config)),
    "instantiate interpolated": lambda config, _: fhb.instantiate(interpolated(config)),
    "instantiate call site": lambda config, _: fhb.instantiate(call(here("give")), value=config),
}
PLAIN_HYDRA: dict[str, Callable[[Any, Path], Any]] = {
    "hydra": lambda config, _: hydra.utils.instantiate(config),
    "hydra all": lambda config, _: hydra.utils.instantiate({"_convert_": "all", "main": config}),
}
ENTRIES = {**GRAPHS, **INSTANTIATES, **PLAIN_HYDRA}


def is_refusal(error: BaseException | None) -> bool:
    """Whether an error refuses something: Hydra 1.3 wraps what a target raises in its own error."""
    if isinstance(error, InstantiationException) and str(error).startswith("Error in call to target"):
        return is_refusal(error.__cause__)
    return isinstance(error, REFUSALS)


def is_refused(entry: Callable[[Any, Path], Any], config: Any, tmp_path: Path) -> str | None:
    """What came of it, if it was not refused."""
    try:
        made = entry(config, tmp_path)
    except Exception as error:  # told apart below
        return None if is_refusal(error) else f"{type(error).__name__}: {error}"
    return f"made {made!r}"


def passed(entry: str, configs: dict[str, Any], tmp_path: Path) -> dict[str, str]:
    found = {name: is_refused(ENTRIES[entry], config, tmp_path) for name, config in configs.items()}
    return {name: outcome for name, outcome in found.items() if outcome is not None}


@pytest.mark.parametrize("entry", ENTRIES)
def test_every_attack_is_refused(entry: str, tmp_path: Path) -> None:
    assert passed(entry, {name: call(here("give"), value=attack) for name, attack in DIRECT.items()}, tmp_path) == {}


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("attack", ["shell", "alias as a value"])
def test_an_attack_is_refused_wherever_it_stands(attack: str, entry: str, tmp_path: Path) -> None:
    assert passed(entry, {place: put(DIRECT[attack]) for place, put in PLACES.items()}, tmp_path) == {}


#: A target that Hydra refuses by its name or identity is refused before it is known what is done with it.
BY_NAME = [name for name, attack in DIRECT.items() if not attack["_target_"].startswith("hydra.utils.")]


@pytest.mark.parametrize("entry", ENTRIES)
def test_every_attack_is_refused_when_its_call_is_deferred(entry: str, tmp_path: Path) -> None:
    configs = {name: {"_target_": DIRECT[name]["_target_"], "_partial_": True} for name in BY_NAME}
    assert passed(entry, configs, tmp_path) == {}


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("attack", ["shell", "shell by a partial"])
def test_no_helper_defers_an_attack(attack: str, entry: str, tmp_path: Path) -> None:
    node = {"_target_": DIRECT[attack]["_target_"]}
    assert passed(entry, {place: put(node) for place, put in DEFERRED.items()}, tmp_path) == {}


def reconstruct(function: Any, *args: Any) -> dict[str, Any]:
    """The standard library's own ``call``: it returns what the function returns."""
    return call("copy._reconstruct", None, None, function, [*args])


GLOBALS = reconstruct(found("builtins.getattr"), found("json.loads"), "__globals__")
EVAL = reconstruct(found("builtins.dict.get"), reconstruct(found("builtins.dict.get"), GLOBALS, "__builtins__"), "eval")
OS_SYSTEM = call("xmlrpc.server.resolve_dotted_attribute", found("logging.os"), "system")

#: Hydra refuses these by what their calls are given or return. Nobody sees the calls of ``fdl.build``.
COMPOSED: dict[str, Any] = {
    "getattr as a target": call("builtins.getattr", found("json.loads"), "__globals__"),
    "getattr called by the library": GLOBALS,
    "eval by way of getattr": reconstruct(EVAL, f"'{MARK}'"),
    "shell by way of a server": reconstruct(OS_SYSTEM, f": {MARK}"),
    "shell that a server finds": OS_SYSTEM,
    "shell that the application finds": call(f"{ATTACKS_HERE}.find_shell"),
    "namespace by a dispatcher": call(here("apply"), found("builtins.getattr"), found("json.loads"), "__globals__"),
}


@pytest.mark.parametrize("entry", {**INSTANTIATES, **PLAIN_HYDRA})
def test_a_composed_attack_is_refused_when_its_calls_are_seen(entry: str, tmp_path: Path) -> None:
    assert passed(entry, COMPOSED, tmp_path) == {}


#: An application's own function may return what it likes, also into a graph.
OWN = {"shell that the application finds"}


@pytest.mark.parametrize("entry", GRAPHS)
def test_a_composed_attack_is_refused_where_nobody_sees_the_calls(entry: str, tmp_path: Path) -> None:
    assert passed(entry, {name: COMPOSED[name] for name in COMPOSED.keys() - OWN}, tmp_path) == {}


#: Callables that a graph may not call are no values for it either: whoever gets them may call them.
NO_VALUES = [
    *("builtins.getattr", "builtins.setattr", "builtins.type", "builtins.dict.get", "builtins.object.__getattribute__"),
    *(
        "importlib.reload",
        "functools.partial",
        "operator.add",
        "types.SimpleNamespace.__init__",
        "pkgutil.resolve_name",
    ),
    *("hydra.utils.get_object", "hydra.utils.get_method", "fiddle.build", "fiddle_hydra_bridge.instantiate"),
]


@pytest.mark.parametrize("path", NO_VALUES)
def test_what_a_graph_may_not_call_is_no_value_in_it(path: str, tmp_path: Path) -> None:
    for config in (
        call(here("give"), value=found(path)),
        call(here("give"), value=call("fiddle_hydra_bridge.value", call(path, _partial_=True))),
        call(here("give"), value={"_target_": path, "_call_": False}),
    ):
        assert is_refused(GRAPHS["from_hydra"], config, tmp_path) is None


@pytest.mark.parametrize("path", ["json.loads", "builtins.int", "builtins.len", here("give"), "numpy.add", "math.sqrt"])
def test_an_ordinary_function_is_a_value(path: str) -> None:
    expected = hydra.utils.get_object(path)
    assert fdl.build(fhb.from_hydra(call(here("give"), value=found(path)))) is expected
    assert fhb.instantiate(call(here("give"), value=found(path))) is expected


#: The run-time helpers under another name than the one that the bridge reads.
RUNTIME = "fiddle_hydra_bridge.convert.runtime"


@pytest.mark.parametrize("entry", GRAPHS)
def test_a_helper_by_another_name_selects_nothing_in_a_graph(entry: str, tmp_path: Path) -> None:
    config = call(
        f"{RUNTIME}.share",
        _shared_target_=call(here("give"), _partial_=True),
        more=call(here("handlers")),
        value=call(f"{RUNTIME}.ref", _ref_="more.run"),
    )
    assert is_refused(GRAPHS[entry], config, tmp_path) is None


# ------------------------------------------------------------------------------------------------ helpers, plain Hydra


def share(target: str, /, **arguments: Any) -> dict[str, Any]:
    return call("fiddle_hydra_bridge.share", _shared_target_=call(target, _partial_=True), **arguments)


def ref(path: str) -> dict[str, Any]:
    return call("fiddle_hydra_bridge.ref", _ref_=path)


HELPED = {**PLAIN_HYDRA, **INSTANTIATES}


#: Hydra refuses operator.getitem; a ref is none either.
SELECTED = {
    "item of a result": share(here("Model"), decoder=call(here("handlers")), encoder=ref("decoder.run")),
    "item of a deferred result": share(
        here("Model"), decoder=call(here("handlers"), _partial_=True), encoder=ref("decoder.run")
    ),
    "item below a value": share(
        here("Model"), decoder=call(here("give"), value=call(here("handlers"))), encoder=ref("decoder.run")
    ),
    "item in a list": share(here("Model"), decoder=[call(here("handlers"))], encoder=ref("decoder[0].run")),
    "item that is run": share(here("apply_first"), more=call(here("handlers")), _args_=[ref("more.run"), f": {MARK}"]),
}


@pytest.mark.parametrize("entry", HELPED)
def test_a_ref_selects_nothing_that_hydra_would_refuse(entry: str, tmp_path: Path) -> None:
    assert passed(entry, SELECTED, tmp_path) == {}


@pytest.mark.parametrize("entry", [fhb.instantiate, hydra.utils.instantiate])
@pytest.mark.parametrize("kind", ["own class", "functools"])
def test_share_calls_no_partial_that_is_given_at_the_call_site(entry: Any, kind: str) -> None:
    given = {
        "own class": lambda: Partial(record),
        "functools": lambda: functools.partial(record),
    }[kind]()
    made = entry(share(here("Model"), encoder=call(here("give"), _partial_=True, value=1)), decoder=given)
    assert RAN == []
    assert isinstance(made.decoder, functools.partial)
    assert made.encoder == 1


@pytest.mark.parametrize("entry", [fhb.instantiate, hydra.utils.instantiate])
def test_a_partial_keeps_what_its_target_node_binds(entry: Any) -> None:
    config = call(
        "fiddle_hydra_bridge.partial", 2, _deferred_target_=call(here("collect"), 1, _partial_=True, a=3), b=4
    )
    assert entry(config)(5) == ((1, 2, 5), {"a": 3, "b": 4})
    assert fdl.build(fhb.from_hydra(config))(5) == ((1, 2, 5), {"a": 3, "b": 4})


def collect(*args: Any, **kwargs: Any) -> Any:
    return args, kwargs


FACTORIES: dict[str, Any] = {
    "given by the partial": call(
        "fiddle_hydra_bridge.partial",
        _deferred_target_=call(f"{ATTACKS_HERE}.find", _partial_=True),
        kind=call(
            "fiddle_hydra_bridge.arg_factory", _deferred_target_=call("builtins.str", _partial_=True), object="shell"
        ),
    ),
    "given by a plain partial": call(
        "fiddle_hydra_bridge.partial", _deferred_target_=call(f"{ATTACKS_HERE}.find_shell", _partial_=True)
    ),
    "partial of Hydra's": call(f"{ATTACKS_HERE}.find_shell", _partial_=True),
}


@pytest.mark.parametrize("entry", [fhb.instantiate, hydra.utils.instantiate])
@pytest.mark.parametrize("row", FACTORIES)
def test_what_a_partial_returns_is_still_checked(row: str, entry: Any) -> None:
    made = entry(FACTORIES[row])
    with pytest.raises(REFUSALS):
        made()


@on_14
@pytest.mark.parametrize("entry", [fhb.instantiate, hydra.utils.instantiate])
@pytest.mark.parametrize("place", PLACES)
def test_a_whitelist_reaches_every_target_below_the_helpers(place: str, entry: Any, outside: str) -> None:
    helpers = [f"fiddle_hydra_bridge.{name}" for name in ("share", "ref", "tagged", "partial", "arg_factory", "value")]
    allowed = [*helpers, "fiddle_hydra_bridge.structured", f"{HERE}.*"]
    with pytest.raises(InstantiationException, match="not in the Hydra execution whitelist"):
        entry(PLACES[place](call(f"{outside}.call")), _execution_whitelist_=allowed)
    with execution_whitelist(allowed), pytest.raises(InstantiationException, match="not in the Hydra execution"):
        entry(PLACES[place](call(f"{outside}.call")))
    assert outside not in sys.modules


# ------------------------------------------------------------------------------------------------------------- allow=

ALLOW = [
    f"{HERE}.*",
    "hydra.utils.get_object",
    *(f"fiddle_hydra_bridge.{n}" for n in ("share", "ref", "tagged", "partial", "arg_factory", "value", "structured")),
]

#: ``X`` stands for the module that is not allowed.
FORBIDDEN: dict[str, Any] = {
    "call": call("X.call"),
    "value": found("X.call"),
    "class": found("X.Thing", "get_class"),
    "data": found("X.VALUE"),
    "not called": {"_target_": "X.call", "_call_": False},
    "module": found("X"),
}


def named(config: Any, module: str) -> Any:
    if isinstance(config, dict):
        return {key: named(item, module) for key, item in config.items()}
    if isinstance(config, list):
        return [named(item, module) for item in config]
    return (
        config.replace("X.", f"{module}.")
        if isinstance(config, str) and config != "X"
        else (module if config == "X" else config)
    )


ALLOWING: dict[str, Callable[[Any], Any]] = {
    "from_hydra": lambda config: fdl.build(fhb.from_hydra(config, allow=ALLOW)),
    "from_hydra lazy": lambda config: fdl.build(fhb.from_hydra(config, allow=ALLOW, missing="lazy")),
    "from_hydra none": lambda config: fdl.build(fhb.from_hydra(config, allow=ALLOW, convert="none")),
    "from_hydra interpolated": lambda config: fdl.build(fhb.from_hydra(interpolated(config), allow=ALLOW).main),
    "from_hydra links": lambda config: fhb.build(
        fhb.from_hydra({"link": "${main}", "main": config}, allow=ALLOW, links="keep")
    ),
    "from_yaml": lambda config: fdl.build(fhb.from_yaml(text_of(config), allow=ALLOW)),
    "instantiate": lambda config: fhb.instantiate(config, _allow_=ALLOW),
    "instantiate DictConfig": lambda config: fhb.instantiate(OmegaConf.create(config), _allow_=ALLOW),
    "instantiate share": lambda config: fhb.instantiate(config, _allow_=ALLOW, _share_=True),
    "instantiate call site": lambda config: fhb.instantiate(call(here("give")), value=config, _allow_=ALLOW),
    "instantiate call site share": lambda config: fhb.instantiate(
        call(here("give")), value=config, _allow_=ALLOW, _share_=True
    ),
    "instantiate isolated": lambda config: fhb.instantiate(
        {**call(here("give"), value=config), "_isolate_": True}, _allow_=ALLOW
    ),
}


if execution_whitelist is None:
    # Hydra 1.4 makes nothing of a config that is an interpolation itself.
    ALLOWING["instantiate interpolated node"] = lambda config: fhb.instantiate(
        DictConfig("${main}", parent=OmegaConf.create({"main": config})), _allow_=ALLOW
    )


def not_refused(entry: str, configs: dict[str, Any]) -> list[str]:
    names = []
    for name, config in configs.items():
        try:
            ALLOWING[entry](config)
        except REFUSALS:
            continue
        names.append(name)
    return names


@pytest.mark.parametrize("entry", ALLOWING)
def test_what_is_not_allowed_is_not_even_imported(entry: str, outside: str) -> None:
    assert not_refused(entry, {name: named(attack, outside) for name, attack in FORBIDDEN.items()}) == []
    forbidden = call(f"{outside}.call")
    assert not_refused(entry, {place: put(forbidden) for place, put in PLACES.items()}) == []
    assert outside not in sys.modules


@pytest.mark.parametrize("entry", ALLOWING)
def test_what_is_allowed_is_made(entry: str) -> None:
    ALLOWING[entry](call(here("give"), value=call(here("Model"), encoder=found(here("give")))))


@on_14
@pytest.mark.parametrize("entry", ALLOWING)
def test_allow_is_all_that_is_allowed_inside_a_wider_whitelist(entry: str, outside: str) -> None:
    with execution_whitelist([*ALLOW, f"{outside}.*"]), pytest.raises(REFUSALS):
        ALLOWING[entry](named(FORBIDDEN["call"], outside))
    assert outside not in sys.modules


@on_14
def test_a_whitelist_at_the_call_site_holds_with_share(outside: str) -> None:
    with pytest.raises(InstantiationException):
        fhb.instantiate(call(f"{outside}.call"), _share_=True, _execution_whitelist_=[here("*")])
    assert outside not in sys.modules


ALLOW_PATHS: dict[str, Callable[[str], Any]] = {
    "tags of an argument": lambda module: fhb.from_hydra(
        call(here("give"), value=call("fiddle_hydra_bridge.tagged", value=1, tags=[f"{module}.Tag"])), allow=ALLOW
    ),
    "tags of an item": lambda module: fhb.from_hydra(
        call(here("give"), value=[call("fiddle_hydra_bridge.tagged", value=1, tags=[f"{module}.Tag"])]), allow=ALLOW
    ),
    "a resolver in a link": lambda module: fhb.build(
        fhb.from_hydra(
            {"x": call(here("give"), value="${oc.create:{_target_:" + module + ".call}}")}, allow=ALLOW, links="keep"
        ),
        allow=ALLOW,
    ),
    "a resolver": lambda module: fhb.from_hydra(
        {"x": call(here("give"), value="${oc.create:{_target_:" + module + ".call}}")}, allow=ALLOW
    ),
    "instantiate as a target": lambda module: fhb.instantiate(
        call("fiddle_hydra_bridge.instantiate", _recursive_=False, config=call(f"{module}.call")),
        _allow_=[*ALLOW, "fiddle_hydra_bridge.*"],
    ),
    "from_yaml as a target": lambda module: fhb.instantiate(
        call("fiddle_hydra_bridge.from_yaml", text=f"_target_: {module}.call"),
        _allow_=[*ALLOW, "fiddle_hydra_bridge.*"],
    ),
    "a default factory": lambda module: fhb.from_hydra(
        call(
            here("give"),
            value=call("fiddle_hydra_bridge.value", call("collections.defaultdict", found(f"{module}.call"), [])),
        ),
        allow=[*ALLOW, "collections.defaultdict"],
    ),
    "a record": lambda module: fhb.from_hydra(
        call(here("give"), value=call("fiddle_hydra_bridge.value", call(f"{module}.Thing"))), allow=ALLOW
    ),
    "a codec that is not allowed": lambda module: fhb.from_hydra(
        call(here("give"), value=call("numpy.float32", 1.0)), allow=ALLOW
    ),
    "the class of a structured config": lambda module: fhb.from_hydra(
        call("fiddle_hydra_bridge.structured", of_type=found(f"{module}.Thing"), mode="object", entries={}), allow=ALLOW
    ),
}


@pytest.mark.parametrize("row", ALLOW_PATHS)
def test_no_path_in_a_config_leads_past_allow(row: str, outside: str) -> None:
    with pytest.raises(REFUSALS):
        ALLOW_PATHS[row](outside)
    assert outside not in sys.modules


@pytest.mark.parametrize("lazy", [False, True])
def test_a_lazy_target_is_still_held_to_allow_when_it_is_called(lazy: bool, outside: str, tmp_path: Path) -> None:
    """A module that is missing at first may re-export what is not allowed."""
    config = call("fhb_later.call")
    graph = fhb.from_hydra(config, allow=["fhb_later.*"], missing="lazy") if lazy else None
    tmp_path.joinpath("fhb_later.py").write_text(f"from {outside} import call\n")
    importlib.invalidate_caches()
    try:
        with pytest.raises(REFUSALS):
            fdl.build(graph) if lazy else fhb.from_hydra(config, allow=["fhb_later.*"])
    finally:
        sys.modules.pop("fhb_later", None)


@pytest.mark.parametrize("name", ["find_shell", "find_modules", "find_namespace", "find_code"])
def test_a_lazy_call_is_seen(name: str) -> None:
    with pytest.raises(REFUSALS):
        fdl.build(fdl.Config(fhb.LazyTarget(f"{ATTACKS_HERE}.{name}")))


# ---------------------------------------------------------------------------------------------------- graphs, written

UNWRITABLE: dict[str, Callable[[], Any]] = {
    "shell": lambda: fdl.Config(attack_targets.shell, f": {MARK}"),
    "partial of a shell": lambda: fdl.Partial(attack_targets.shell, f": {MARK}"),
    "eval": lambda: fdl.Config(eval, f"'{MARK}'"),
    "factory": lambda: fdl.Partial(give, value=fdl.ArgFactory(attack_targets.shell)),
    "functools.partial": lambda: fdl.Config(functools.partial, give),
    "shell as a value": lambda: fdl.Config(give, value=attack_targets.shell),
    "eval as a value": lambda: fdl.Config(give, value=eval),
    "getattr as a value": lambda: fdl.Config(give, value=getattr),
    "functools.partial of a shell as a value": lambda: fdl.Config(give, value=functools.partial(attack_targets.shell)),
}


@pytest.mark.parametrize("row", UNWRITABLE)
@pytest.mark.parametrize("write", [fhb.to_hydra, fhb.to_yaml, fhb.to_python])
def test_what_could_not_be_read_again_is_not_written(row: str, write: Any) -> None:
    with pytest.raises(fhb.BridgeError):
        write(UNWRITABLE[row]())


def test_writing_comments_calls_nothing() -> None:
    text = fhb.to_yaml(fdl.Config(Model, encoder=fdl.Config(attack_targets.Model, 3)), comments=True, defaults="all")
    assert f"{ATTACKS_HERE}.Model" in text


# -------------------------------------------------------------------------------------- contexts of Hydra 1.4's policy


@on_14
def test_a_whitelist_around_the_reading_holds_for_graphs(outside: str) -> None:
    with execution_whitelist([here("*")]):
        assert fdl.build(fhb.from_hydra(call(here("give"), value=3))) == 3
        for config in (call(f"{outside}.call"), call(here("give"), value=found(f"{outside}.call"))):
            with pytest.raises(fhb.RefusedTargetError):
                fhb.from_hydra(config)
    assert outside not in sys.modules


@on_14
def test_no_context_makes_a_graph_call_what_nobody_sees() -> None:
    unsafe: Any = hydra.utils.UNSAFE_DISABLE_EXECUTION_CHECKS
    for context in (execution_whitelist(unsafe), nullcontext()):
        with context, pytest.raises(fhb.RefusedTargetError):
            fhb.from_hydra(call("builtins.getattr", 1, "real"))
    with pytest.raises(REFUSALS):
        fhb.from_hydra(SHELL)
