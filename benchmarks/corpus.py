"""Real config trees, migrated: ``python -m benchmarks.corpus CORPUS``.

For every tree of the corpus (see its README): what the installed Hydra composes of the configs in its index, what of
that becomes a Fiddle graph, how many YAML files are migrated to Python, and how many composed configs are equal. The
last part of the output are the reasons for the rest. ``tests.corpus_tools`` reads the corpus.
"""

from __future__ import annotations

import argparse
import collections
import itertools
import resource
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import hydra

import fiddle_hydra_bridge as fhb
from fiddle_hydra_bridge.migration.client import compare
from tests.corpus_tools import Entry, compose_all, entries, stub_resolvers

COLUMNS = (
    "listed",
    "composed",
    "graphs",
    "equal",
    "YAML files",
    "migrated",
    "files equal",
    "alike",
    "inlined",
    "links",
)


class Tally:
    """Counts by project, and reasons."""

    def __init__(self) -> None:
        self.counts: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
        self.reasons: dict[str, list[str]] = collections.defaultdict(list)

    def add(self, project: str, column: str, count: int = 1) -> None:
        self.counts[project][column] += count

    def lines(self) -> Iterator[str]:
        rows = [["", *COLUMNS]]
        rows += [[name, *(str(counts[column]) for column in COLUMNS)] for name, counts in sorted(self.counts.items())]
        rows.append(["all", *(str(sum(each[column] for each in self.counts.values())) for column in COLUMNS)])
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        yield from ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
        for reason, where in sorted(self.reasons.items()):
            yield f"\n{reason} ({len(where)})"
            yield from (f"  {each}" for each in where)


def main() -> None:
    parser = argparse.ArgumentParser(description="Migrates the config trees of a corpus, and counts.")
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--only", default="", help="only trees whose path contains this")
    parser.add_argument("--inline", action="store_true", help="make Python of interpolations that are constant")
    arguments = parser.parse_args()
    corpus: Path = arguments.corpus.resolve()
    warnings.simplefilter("ignore")
    tally = Tally()
    start = time.perf_counter()
    composed = count_graphs(corpus, arguments.only, tally)
    print(f"Hydra {hydra.__version__}; composed and converted in {time.perf_counter() - start:.0f} s", flush=True)
    start = time.perf_counter()
    listed = [entry for entry in entries(corpus) if arguments.only in entry.root]
    for root, group in itertools.groupby(listed, key=lambda entry: entry.root):
        began = time.perf_counter()
        chosen = [entry for entry in group if str(entry) in composed]
        files = migrate_tree(corpus / root, root, chosen, tally, arguments.inline)
        print(f"{root}: {files} files in {time.perf_counter() - began:.1f} s", file=sys.stderr, flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"migrated and compared in {time.perf_counter() - start:.0f} s, at most {peak:.0f} MB in this process\n")
    print("\n".join(tally.lines()))


def count_graphs(corpus: Path, only: str, tally: Tally) -> set[str]:
    """Composes and converts the configs of the index, and returns those that Hydra composes."""
    made = set()
    with stub_resolvers(corpus):
        for item in compose_all(corpus):
            project = item.entry.project
            if only not in item.entry.root:
                continue
            tally.add(project, "listed")
            if item.refusal is not None:
                tally.reasons[f"Hydra does not compose: {item.refusal}"].append(str(item.entry))
                continue
            made.add(str(item.entry))
            tally.add(project, "composed")
            try:
                fhb.from_hydra(item.config, missing="lazy")
            except fhb.BridgeError as error:
                tally.reasons[f"no graph: {error}"].append(str(item.entry))
            else:
                tally.add(project, "graphs")
    return made


def migrate_tree(folder: Path, root: str, composed: list[Entry], tally: Tally, inline: bool) -> int:
    """Migrates a tree, and compares what its index lists. Returns how many files it has."""
    project = composed[0].project if composed else root.split("/")[0].replace("__", "/")
    entry = composed[0] if composed else None
    # Hydra 1.4 refuses old ones; an app that moves there leaves it out.
    version_base = entry.version_base if entry is not None and hydra.__version__.startswith("1.3") else None
    with tempfile.TemporaryDirectory() as temporary, importable(folder, root, entry):
        package = Path(temporary, "recipes")
        report = fhb.migrate(folder, package, version_base=version_base, inline=inline)
        cases = [(each.name, each.overrides) for each in composed]
        _, _, results = compare(folder, package, [], cases=cases, version_base=version_base, inline=inline)
    tally.add(project, "inlined", report.inlined)
    tally.add(project, "links", len(report.links))
    for row in report.rows:
        tally.add(project, "YAML files")
        tally.add(project, "migrated", row.status != "skipped")
        tally.add(project, "files equal", row.status == "equal")
        tally.add(project, "alike", row.status == "alike")
        if row.status != "equal":
            tally.reasons[f"file {row.status}: {row.reason[:150]}"].append(f"{root}/{row.config}")
    for case, result in zip(composed, results, strict=True):
        unlike = result["refusal"] or result["difference"]
        tally.add(project, "equal", unlike is None)
        if unlike is not None:
            tally.reasons[f"config: {unlike}"].append(str(case))
    return len(report.rows)


@contextmanager
def importable(folder: Path, root: str, entry: Entry | None) -> Iterator[None]:
    """Makes the packages importable that ``pkg://`` search paths of a tree name."""
    if entry is None or entry.import_root is None:
        yield
        return
    corpus = Path(str(folder).removesuffix(root))
    sys.path.insert(0, str(corpus / entry.import_root))
    try:
        yield
    finally:
        sys.path.pop(0)


if __name__ == "__main__":
    main()
