"""Real config trees: what Hydra composes becomes a graph, and the graph composes the same values again.

"The same values" means, for a config ``c`` and what the bridge makes of it, ``d``, both read with OmegaConf's public
API (:func:`resolved`) and brought to one form (:func:`form`):

- every leaf is equal in type and value at the same path; mappings, lists and arguments have the same order;
- every call node has the same target and ``_partial_``, and where it is handed a container the same conversion mode.
  ``c`` is read with ``from_hydra``'s default mode ("all"), ``d`` with Hydra's own ("none"): it must say what it means;
- what OmegaConf cannot resolve in ``c`` is the same expression in ``d``, and OmegaConf cannot resolve it there either;
- below ``_recursive_: false`` stands data, not call nodes, in ``d`` without the flag;
- a value that the bridge spells as a call (a dict with the keys of a call node, a string with ``${``) is that value.

All configs of the index are converted, compared and sent through YAML. All else is done on a sample, the first config
of every second tree. Run with ``-s`` for the numbers of each project.
"""

from __future__ import annotations

import collections
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fiddle as fdl
import hydra.utils
import pytest
from hydra import compose
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

import fiddle_hydra_bridge as fhb
from fiddle_hydra_bridge.convert.compare import first_difference, first_graph_difference
from tests.corpus_tools import Composed, Entry, compose_all, initialized, stub_resolvers, with_stand_ins
from tests.python_tools import graph_of

pytestmark = pytest.mark.slow


@dataclass
class Case:
    """A composed config, its data as it was before the bridge saw it, and its graph."""

    entry: Entry
    config: Any
    raw: Any
    graph: Any


class Tally:
    """Runs a check on many configs, and counts by project."""

    def __init__(self) -> None:
        self.counts: dict[str, collections.Counter[str]] = {}

    def count(self, step: str, entry: Entry) -> None:
        self.counts.setdefault(step, collections.Counter())[entry.project] += 1

    def failures(self, step: str, cases: list[Case], check: Callable[[Case], Iterator[str]]) -> str:
        """Returns what is wrong, a line for each config, after all have been checked."""
        failed = []
        for case in cases:
            try:
                found = next(iter(check(case)), None)
            except Exception as error:  # one config must not hide what is wrong with the others
                found = f"{type(error).__name__}: {error}"
            if found is None:
                self.count(step, case.entry)
            else:
                failed.append(f"{case.entry}: {found}")
        return "\n".join(failed)

    def __str__(self) -> str:
        projects = sorted({project for counts in self.counts.values() for project in counts})
        rows = [["", *self.counts], *([p, *(str(c[p]) for c in self.counts.values())] for p in projects)]
        rows.append(["all", *(str(counts.total()) for counts in self.counts.values())])
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join("  ".join(map(str.ljust, row, widths)) for row in rows)


@pytest.fixture(scope="module")
def tally() -> Iterator[Tally]:
    tally = Tally()
    yield tally
    print(f"\nConfigs of the corpus on Hydra {hydra.__version__}, by project:\n{tally}")


@pytest.fixture(scope="module", autouse=True)
def resolvers(corpus: Path) -> Iterator[None]:
    with stub_resolvers(corpus):
        yield


@pytest.fixture(scope="module")
def composed(corpus: Path) -> list[Composed]:
    with warnings.catch_warnings():
        # Old trees use old spellings, which Hydra 1.3 still composes.
        warnings.simplefilter("ignore")
        return compose_all(corpus)


@pytest.fixture(scope="module")
def cases(composed: list[Composed], tally: Tally) -> list[Case]:
    made = []
    for item in composed:
        tally.count("listed", item.entry)
        if item.refusal is not None:
            continue
        tally.count("composed", item.entry)
        raw = OmegaConf.to_container(item.config, resolve=False)
        graph = fhb.from_hydra(item.config, missing="lazy")
        made.append(Case(item.entry, item.config, raw, graph))
        tally.count("converted", item.entry)
    return made


@pytest.fixture(scope="module")
def sample(cases: list[Case]) -> list[Case]:
    first: dict[str, Case] = {}
    for case in cases:
        first.setdefault(case.entry.root, case)
    return list(first.values())[::2]


def kept(case: Case) -> Any:
    return fhb.from_hydra(case.config, missing="lazy", links="keep")


class Link(str):
    """An interpolation that does not resolve."""


MISSING = Link("???")


def resolved(config: Any, around: tuple[int, ...] = ()) -> Any:
    """A config as plain data, interpolations resolved where they stand; ``around``: the containers it lies in."""
    around = (*around, id(config))
    if isinstance(config, DictConfig):
        return {key: _resolved_entry(config, key, around) for key in config}
    return [_resolved_entry(config, index, around) for index in range(len(config))]


def _resolved_entry(config: Any, key: Any, around: tuple[int, ...]) -> Any:
    try:
        if OmegaConf.is_missing(config, key) and not OmegaConf.is_interpolation(config, key):
            return MISSING
        value = config[key]
    except (OmegaConfBaseException, RecursionError):
        return _expression(config, key)
    if not OmegaConf.is_config(value):
        return value
    # An interpolation can reach a container around it, a missing one, or one without content.
    if id(value) in around:
        return _expression(config, key)
    return resolved(value, around)


def _expression(config: Any, key: Any) -> Link:
    return Link(OmegaConf.to_container(config, resolve=False)[key])


class Call(dict[str, Any]):
    """A call node in the form: target, what it makes, conversion mode, positional and keyword arguments."""


def form(data: Any, mode: str) -> Any:
    """Brings a config's data to the form that is compared; ``mode`` is the conversion mode it inherits."""
    if isinstance(data, list):
        return [form(item, mode) for item in data]
    if not isinstance(data, dict):
        return data
    mode = data.get("_convert_", mode)
    if "_target_" not in data:
        return {key: form(item, mode) for key, item in data.items() if key != "_convert_"}
    spelled = SPELLED.get(data["_target_"])
    if spelled is not None:
        return spelled(form(data["_args_"], mode))
    inner = _unbuilt if data.get("_recursive_") is False else form
    args = [inner(item, mode) for item in data.get("_args_", [])]
    kwargs = {key: inner(item, mode) for key, item in data.items() if key not in CONTROL}
    takes_containers = any(type(item) in (list, dict) for item in (*args, *kwargs.values()))
    return Call(
        target=data["_target_"],
        partial=data.get("_partial_", False),
        mode=mode if takes_containers else None,
        args=args,
        kwargs=kwargs,
    )


CONTROL = frozenset({"_target_", "_args_", "_partial_", "_convert_", "_recursive_"})
#: The values that the bridge spells as calls, by target.
SPELLED: dict[str, Callable[[list[Any]], Any]] = {
    "builtins.dict": lambda args: dict(args[0]),
    "builtins.str.join": lambda args: args[0].join(args[1]),
}


def _unbuilt(data: Any, mode: str) -> Any:
    """Data that Hydra hands over as it stands."""
    return data


def differences(left: Any, right: Any, path: str = "") -> Iterator[str]:
    """Where two forms differ."""
    if type(left) is not type(right):
        yield f"{path}: {left!r} is not {right!r}"
    elif isinstance(left, dict):
        if list(left) != list(right):
            yield f"{path}: keys {list(left)} are not {list(right)}"
        for key in left.keys() & right.keys():
            yield from differences(left[key], right[key], f"{path}.{key}")
    elif isinstance(left, list):
        if len(left) != len(right):
            yield f"{path}: {len(left)} items are not {len(right)}"
        for index, (one, other) in enumerate(zip(left, right, strict=False)):
            yield from differences(one, other, f"{path}[{index}]")
    elif left != right and not (left != left and right != right):
        yield f"{path}: {left!r} is not {right!r}"


def test_hydra_composes_what_the_index_lists(composed: list[Composed]) -> None:
    refused = {str(item.entry): item.refusal for item in composed if item.refusal is not None}
    if hydra.__version__.startswith("1.4"):
        # It wants the suffix ".yaml", and packages with an __init__.py, which the corpus leaves out.
        known = ("Unsupported config file extension '.yml'", "In 'default_")
        refused = {entry: why for entry, why in refused.items() if not any(reason in why for reason in known)}
    assert refused == {}


def test_the_graph_composes_the_same_values(cases: list[Case], tally: Tally) -> None:
    def check(case: Case) -> Iterator[str]:
        config = fhb.to_hydra(case.graph)
        return differences(form(resolved(case.config), "all"), form(resolved(config), "none"))

    assert tally.failures("same values", cases, check) == ""


def test_the_graph_comes_back_from_its_yaml(cases: list[Case], tally: Tally) -> None:
    def check(case: Case) -> Iterator[str]:
        return found(first_graph_difference(fhb.from_yaml(fhb.to_yaml(case.graph), missing="lazy"), case.graph))

    assert tally.failures("from YAML", cases, check) == ""


def test_law_6_the_graph_comes_back_from_its_python(sample: list[Case], tally: Tally) -> None:
    def check(case: Case) -> Iterator[str]:
        for graph in (case.graph, kept(case)):
            for style in ("fiddle", "auto_config"):
                yield from found(first_graph_difference(graph_of(fhb.to_python(graph, style=style)), graph))

    assert tally.failures("printed", sample, check) == ""


def test_kept_links_are_the_interpolations_as_they_were_written(sample: list[Case], tally: Tally) -> None:
    def check(case: Case) -> Iterator[str]:
        graph = kept(case)
        raw = OmegaConf.to_container(fhb.to_hydra(graph), resolve=False)
        yield from differences(form(case.raw, "all"), form(raw, "none"))
        again = fhb.from_yaml(fhb.to_yaml(graph), missing="lazy", links="keep")
        yield from found(first_graph_difference(again, graph))

    assert tally.failures("links kept", sample, check) == ""


def test_links_that_were_kept_resolve_to_the_graph_without_them(sample: list[Case], tally: Tally) -> None:
    def check(case: Case) -> Iterator[str]:
        return found(first_graph_difference(fhb.resolve(kept(case)), case.graph))

    assert tally.failures("resolved later", sample, check) == ""


def test_targets_that_are_links_resolve_as_well(cases: list[Case], tally: Tally) -> None:
    def check(case: Case) -> Iterator[str]:
        return found(first_graph_difference(fhb.resolve(kept(case)), case.graph))

    linked = [case for case in cases if links_a_target(case.raw)]
    assert linked
    assert tally.failures("targets resolved later", linked, check) == ""


def test_hydra_composes_the_yaml_to_the_same_values(sample: list[Case], tally: Tally, tmp_path: Path) -> None:
    def check(case: Case) -> Iterator[str]:
        if not isinstance(case.raw, dict):
            return
        (tmp_path / "again.yaml").write_text(fhb.to_yaml(kept(case)), encoding="utf-8")
        with initialized(tmp_path):
            again = compose("again")
        yield from differences(form(resolved(case.config), "all"), form(resolved(again), "none"))

    assert tally.failures("composed again", sample, check) == ""


def test_our_instantiate_makes_what_hydra_makes(sample: list[Case], tally: Tally) -> None:
    def check(case: Case) -> Iterator[str]:
        config = with_stand_ins(case.config)
        return same_outcome(lambda: fhb.instantiate(config), lambda: hydra.utils.instantiate(config))

    assert tally.failures("instantiated", sample, check) == ""


def test_fiddle_builds_what_hydra_makes_of_the_graph(sample: list[Case], tally: Tally) -> None:
    def check(case: Case) -> Iterator[str]:
        graph = fhb.from_hydra(with_stand_ins(case.config))
        by_fiddle, failed = outcome(lambda: fdl.build(graph))
        if failed is None:
            by_hydra = hydra.utils.instantiate(fhb.to_hydra(graph), _convert_="all")
            yield from found(first_difference(by_hydra, by_fiddle))
        elif not holds_unresolved(resolved(case.config)):
            yield repr(failed)

    assert tally.failures("built", sample, check) == ""


def test_shared_nodes_are_shared_instances_however_they_are_made(sample: list[Case], tally: Tally) -> None:
    def check(case: Case) -> Iterator[str]:
        config = with_stand_ins(case.config)
        graph = fhb.from_hydra(config, share=True)
        built, failed = outcome(lambda: fdl.build(graph))
        if failed is None:
            yield from found(first_difference(fhb.instantiate(config, _share_=True, _convert_="all"), built))
        elif not holds_unresolved(resolved(case.config)):
            yield repr(failed)

    assert tally.failures("shared", sample, check) == ""


def test_the_config_stays_as_it_was(sample: list[Case], tally: Tally) -> None:
    def check(case: Case) -> Iterator[str]:
        fhb.from_hydra(case.config, missing="lazy", share=True)
        return differences(OmegaConf.to_container(case.config, resolve=False), case.raw)

    assert tally.failures("unchanged", sample, check) == ""


def found(difference: str | None) -> Iterator[str]:
    if difference is not None:
        yield difference


def outcome(make: Callable[[], Any]) -> tuple[Any, Exception | None]:
    try:
        return make(), None
    except Exception as error:  # targets and resolvers may raise anything: that is the outcome
        return None, error


def same_outcome(ours: Callable[[], Any], theirs: Callable[[], Any]) -> Iterator[str]:
    made, failed = outcome(ours)
    expected, expected_failure = outcome(theirs)
    if type(failed) is not type(expected_failure):
        yield f"{failed!r} is not {expected_failure!r}"
    elif failed is None:
        yield from found(first_difference(made, expected))


def links_a_target(data: Any) -> bool:
    if isinstance(data, dict):
        return "${" in str(data.get("_target_")) or any(map(links_a_target, data.values()))
    return isinstance(data, list) and any(map(links_a_target, data))


def holds_unresolved(data: Any) -> bool:
    if isinstance(data, dict | list):
        return any(map(holds_unresolved, data.values() if isinstance(data, dict) else data))
    return type(data) is Link and data != MISSING


C = {"_target_": "m.f"}


@pytest.mark.parametrize(
    ("original", "converted"),
    [
        ({"a": 1}, {"a": 1.0}),
        ({"a": 1}, {"a": True}),
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({"a": [1, 2]}, {"a": [1]}),
        ({"a": "${b}"}, {"a": "${c}"}),
        ({"a": "???"}, {"a": "x"}),
        ({"a": C}, {"a": {"target": "m.f"}}),
        ({"a": C}, {"a": {"_target_": "m.g"}}),
        ({"a": C}, {"a": {**C, "_partial_": True}}),
        ({"a": {**C, "_args_": [1]}}, {"a": {**C, "_args_": [2]}}),
        ({"a": {**C, "x": 1, "y": 2}}, {"a": {**C, "y": 2, "x": 1}}),
        ({"a": {**C, "x": [1]}}, {"a": {**C, "x": [1]}}),
        ({"a": {**C, "_convert_": "none", "x": [1]}}, {"a": {**C, "_convert_": "all", "x": [1]}}),
        ({"a": {**C, "_recursive_": False, "x": C}}, {"a": {**C, "_convert_": "all", "x": C}}),
    ],
    ids=str,
)
def test_what_is_not_the_same(original: Any, converted: Any) -> None:
    forms = [form(resolved(OmegaConf.create(d)), mode) for d, mode in ((original, "all"), (converted, "none"))]
    assert list(differences(*forms))


PAIRS = [["_target_", "m.g"], ["n", 1]]


@pytest.mark.parametrize(
    ("original", "converted"),
    [
        ({"a": 1, "b": "${a}"}, {"a": 1, "b": 1}),
        ({"a": {**C, "x": 1}}, {"a": {**C, "_partial_": False, "x": 1}}),
        ({"a": {**C, "x": [1]}}, {"a": {**C, "_convert_": "all", "x": [1]}}),
        (
            {"a": {**C, "_recursive_": False, "x": dict(PAIRS)}},
            {"a": {**C, "_convert_": "all", "x": {"_target_": "builtins.dict", "_args_": [PAIRS]}}},
        ),
    ],
    ids=str,
)
def test_what_is_the_same(original: Any, converted: Any) -> None:
    forms = [form(resolved(OmegaConf.create(d)), mode) for d, mode in ((original, "all"), (converted, "none"))]
    assert list(differences(*forms)) == []
