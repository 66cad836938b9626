"""What conversions cost next to Hydra and NeMo-Run: ``python -m benchmarks.run``.

Every row does the same work twice, in turns, and compares the processor time of the fastest turn of each. Before that
it checks that both ways make equivalent objects. ``README.md`` says what the rows mean.
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import platform
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import fiddle as fdl
import hydra.utils
from omegaconf import OmegaConf

import fiddle_hydra_bridge as fhb

PART, WHOLE = "benchmarks.Part", "benchmarks.Whole"
Work = Callable[[], Any]


# The configs --------------------------------------------------------------------------------------------------


def tree_of(nodes: int) -> dict[str, Any]:
    """A tree of call nodes with three arguments each, leaves or call nodes: no containers."""
    node: dict[str, Any] = {"_target_": PART, "a": nodes, "b": 0.5, "c": "text"}
    if nodes > 1:
        left = (nodes - 1) // 2
        node["a"] = tree_of(left) if left else None
        node["b"] = tree_of(nodes - 1 - left)
    return node


def lists_of(nodes: int) -> dict[str, Any]:
    """Lists of eight call nodes in lists of eight, and so on."""
    if nodes <= 8:
        return {"_target_": PART, "a": [{"_target_": PART, "a": index, "b": 0.5} for index in range(nodes - 1)]}
    parts = min(8, nodes // 9)
    sizes = [(nodes - 1) // parts + (index < (nodes - 1) % parts) for index in range(parts)]
    return {"_target_": PART, "a": [lists_of(size) for size in sizes], "c": "text"}


def training_run(link: Callable[[str, Any], Any]) -> dict[str, Any]:
    """A training run as apps have it: call nodes with lists, dicts, settings.

    Args:
        link: given an interpolation and the value it reaches, returns one of them.
    """
    dim = link("${dim}", 512)
    layer = {
        "_target_": WHOLE,
        "attention": {"_target_": WHOLE, "dim": dim, "heads": 8, "dropout": link("${dropout}", 0.1), "bias": False},
        "mlp": {"_target_": WHOLE, "dim": dim, "hidden": 2048, "activation": "gelu", "dropout": 0.1},
        "norm": {"_target_": PART, "a": dim, "b": 1e-5},
    }
    betas = [0.9, 0.95]
    return {
        "_target_": WHOLE,
        "seed": 42,
        "dim": 512,
        "dropout": 0.1,
        "data_dir": "data/text",
        "max_steps": 10_000,
        "model": {
            "_target_": WHOLE,
            "config": {"_target_": WHOLE, "dim": dim, "layers": 6, "vocabulary": 32_000, "context": 2048},
            "layers": [layer] * 6,
            "tokenizer": {"_target_": PART, "a": link("${data_dir}/vocabulary.txt", "data/text/vocabulary.txt")},
        },
        "data": {
            "_target_": WHOLE,
            "paths": {"train": link("${data_dir}/train", "data/text/train"), "test": "data/text/test"},
            "batch_size": 32,
            "workers": 4,
            "transforms": [{"_target_": PART, "a": "crop", "b": 2048}, {"_target_": PART, "a": "shift", "b": 1}],
        },
        "optim": {
            "_target_": WHOLE,
            "_partial_": True,
            "lr": 3e-4,
            "betas": link("${betas}", betas),
            "schedule": {"_target_": PART, "a": link("${max_steps}", 10_000), "b": 500, "c": 3e-5},
        },
        "betas": betas,
        "trainer": {
            "_target_": WHOLE,
            "max_steps": link("${max_steps}", 10_000),
            "precision": "bf16",
            "callbacks": {"save": {"_target_": PART, "a": 100}, "lr": {"_target_": PART, "a": "step"}},
            "logger": {"_target_": WHOLE, "name": link("run-${seed}", "run-42"), "tags": ["a", "b"]},
        },
    }


def plain_run() -> dict[str, Any]:
    """The training run without interpolations."""
    return training_run(lambda interpolation, value: value)


def linked_run() -> dict[str, Any]:
    """The training run with interpolations, about one value in six."""
    return training_run(lambda interpolation, value: interpolation)


def call_nodes(data: Any) -> int:
    """How many call nodes plain data holds."""
    if isinstance(data, dict):
        return ("_target_" in data) + sum(map(call_nodes, data.values()))
    return sum(map(call_nodes, data)) if isinstance(data, list) else 0


# The rows -----------------------------------------------------------------------------------------------------


@dataclass
class Row:
    """Work that is done in two ways.

    Attributes:
        name: the work.
        ours: how the bridge does it.
        theirs: what it is compared with.
        nodes: the call nodes in it.
        goal: how many times as fast the bridge is to be; None if there is no goal.
    """

    name: str
    ours: Work
    theirs: Work
    nodes: int
    goal: float | None = None


def instantiate_row(name: str, data: dict[str, Any], goal: float | None = None, key: str | None = None) -> Row:
    """Compares the two ``instantiate`` functions; ``key``: the part of the config that is instantiated."""
    root = OmegaConf.create(data)
    config = root if key is None else root[key]
    nodes = call_nodes(data if key is None else data[key])
    return Row(name, lambda: fhb.instantiate(config), lambda: hydra.utils.instantiate(config), nodes, goal)


def graph_row(name: str, data: dict[str, Any], goal: float | None = None) -> Row:
    """Compares a graph's way to objects with Hydra's, both with plain dicts and lists."""
    config = OmegaConf.create({**data, "_convert_": "all"})
    return Row(
        name,
        lambda: fdl.build(fhb.from_hydra(config)),
        lambda: hydra.utils.instantiate(config),
        call_nodes(data),
        goal,
    )


def text_row(name: str, data: dict[str, Any], goal: float | None = None) -> Row:
    """Compares the ways from text to objects, both with plain dicts and lists."""
    text = OmegaConf.to_yaml(OmegaConf.create({**data, "_convert_": "all"}))
    return Row(
        name,
        lambda: fdl.build(fhb.from_yaml(text)),
        lambda: hydra.utils.instantiate(OmegaConf.create(text)),
        call_nodes(data),
        goal,
    )


def rows(nodes: int) -> Iterator[Row]:
    """Yields the rows that compare with Hydra."""
    tree, lists = tree_of(nodes), lists_of(nodes)
    yield instantiate_row("instantiate, no containers", tree, goal=50)
    yield instantiate_row("instantiate, _convert_: all, lists", {**lists, "_convert_": "all"}, goal=50)
    yield instantiate_row("instantiate, _convert_: none, lists", lists, goal=7)
    yield graph_row("build(from_hydra)", tree, goal=10)
    yield graph_row("build(from_hydra), lists", lists, goal=10)
    yield text_row("build(from_yaml)", tree, goal=10)
    yield text_row("build(from_yaml), lists", lists, goal=10)
    for kind, run in (("training run", plain_run()), ("run with links", linked_run())):
        yield instantiate_row(f"instantiate, {kind}", run)
        yield instantiate_row(f"instantiate, {kind}, its model", run, key="model")
        yield graph_row(f"build(from_hydra), {kind}", run)
        yield text_row(f"build(from_yaml), {kind}", run)


def nemo_row(nodes: int) -> Row:
    """Compares with NeMo-Run's YAML, on a graph of its own classes."""
    import nemo_run
    from nemo_run.core.serialization.yaml import YamlSerializer

    data = tree_of(nodes)
    graph = fhb.from_hydra(data, config_cls=nemo_run.Config, partial_cls=nemo_run.Partial)
    serializer = YamlSerializer()
    return Row("to_yaml", lambda: fhb.to_yaml(graph), lambda: serializer.serialize(graph), nodes, goal=3)


@dataclass
class Growth:
    """Work whose time per node must not grow with the number of nodes: given that number, returns the work."""

    name: str
    work: Callable[[int], Work]


def growths() -> list[Growth]:
    """Returns the work that is done at two sizes."""

    def instantiate(nodes: int) -> Work:
        config = OmegaConf.create(tree_of(nodes))
        return lambda: fhb.instantiate(config)

    def from_hydra(nodes: int) -> Work:
        config = OmegaConf.create(tree_of(nodes))
        return lambda: fhb.from_hydra(config)

    def from_yaml(nodes: int) -> Work:
        text = fhb.to_yaml(fhb.from_hydra(tree_of(nodes)))
        return lambda: fhb.from_yaml(text)

    def to_yaml(nodes: int) -> Work:
        graph = fhb.from_hydra(tree_of(nodes))
        return lambda: fhb.to_yaml(graph)

    def to_python(nodes: int) -> Work:
        graph = fhb.from_hydra(tree_of(nodes))
        return lambda: fhb.to_python(graph)

    return [Growth(work.__name__, work) for work in (instantiate, from_hydra, from_yaml, to_yaml, to_python)]


# Measuring and printing ---------------------------------------------------------------------------------------


def seconds(work: Work) -> float:
    """Returns the processor time of one turn. The garbage collector runs as it does for users, from a clean start."""
    gc.collect()
    start = time.process_time()
    work()
    return time.process_time() - start


def fastest(works: list[Work], turns: int) -> list[float]:
    """Does pieces of work in turns and returns the time of the fastest turn of each."""
    times = [[seconds(work) for work in works] for _ in range(turns)]
    return [min(column) for column in zip(*times, strict=True)]


def report(row: Row, turns: int) -> str:
    """Measures a row and returns its line."""
    ours, theirs = fastest([row.ours, row.theirs], turns)
    ratio = theirs / ours
    goal = "" if row.goal is None else f"{row.goal:4.0f}x  {'reached' if ratio >= row.goal else 'MISSED'}"
    return line(row.name, f"{theirs / row.nodes * 1e6:.1f}", f"{ours / row.nodes * 1e6:.1f}", f"{ratio:.1f}x", goal)


def report_growth(growth: Growth, sizes: tuple[int, int], turns: int) -> str:
    """Measures work at two sizes and returns its line."""
    small, large = fastest([growth.work(nodes) for nodes in sizes], turns)
    small, large = small / sizes[0], large / sizes[1]
    grown = large / small
    goal = f" 1.3x  {'reached' if grown <= 1.3 else 'MISSED'}"
    return line(growth.name, f"{small * 1e6:.1f}", f"{large * 1e6:.1f}", f"{grown:.2f}x", goal)


def line(*cells: str) -> str:
    """Aligns the cells of a table."""
    return "{:<38}{:>15}{:>15}{:>9}  {}".format(*cells).rstrip()


def check(row: Row) -> None:
    """Stops if the two ways of a row do not make the same."""
    if not fhb.equivalent(row.ours(), row.theirs()):
        raise SystemExit(f"{row.name}: the two ways make different objects, so that their times say nothing")


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller configs and fewer turns; coarser numbers")
    quick = parser.parse_args().quick
    nodes, turns, sizes = (200, 3, (200, 5_000)) if quick else (1_000, 7, (1_000, 100_000))
    # Hydra 1.4 warns of every target that is called without a whitelist.
    warnings.filterwarnings("ignore", message=r"hydra\.utils\.instantiate\(\) resolved", category=UserWarning)
    names = ("hydra-core", "omegaconf", "fiddle")
    print(f"Python {platform.python_version()}, {', '.join(f'{name} {version(name)}' for name in names)}")
    print(f"Microseconds of processor time for each call node, the fastest of {turns} turns.\n")

    print(line(f"{nodes:,} call nodes", "Hydra", "bridge", "faster", " goal"))
    for row in rows(nodes):
        check(row)
        print(report(row, turns), flush=True)

    print("\n" + line(f"{nodes:,} call nodes", "NeMo-Run", "bridge", "faster", " goal"))
    if importlib.util.find_spec("nemo_run") is None:
        print("to_yaml: NeMo-Run is not installed. pip install nemo-run 'leptonai<0.47'")
    else:
        print(report(nemo_row(nodes), turns), flush=True)

    print("\n" + line("growth", *(f"{size:,} nodes" for size in sizes), "grown", " goal"))
    for growth in growths():
        print(report_growth(growth, sizes, min(turns, 3)), flush=True)


if __name__ == "__main__":
    main()
