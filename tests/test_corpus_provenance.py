"""Provenance over real config trees: every leaf of what Hydra composes has a place that agrees, or is unknown.

The suite looks at the first config of every fourth tree. By hand, all configs of the corpus are looked at, and the
numbers printed: ``python -m tests.test_corpus_provenance ../shared/corpus``.
"""

from __future__ import annotations

import collections
import itertools
import sys
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import hydra
import pytest
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from fiddle_hydra_bridge.convert.yaml_text import parse
from fiddle_hydra_bridge.recipes.provenance import Provenance
from tests.corpus_tools import Entry, entries, ready, stub_resolvers


def trees(corpus: Path) -> list[list[Entry]]:
    """The configs of the corpus that Hydra composes, by tree."""
    found = [entry for entry in entries(corpus) if entry.uses_hydra]
    return [list(group) for _, group in itertools.groupby(found, key=lambda entry: (entry.root, entry.stubs))]


def traced(corpus: Path, tree: Iterable[Entry]) -> Iterator[tuple[Entry, Provenance | None]]:
    """Yields the configs of a tree with their provenance; None for what the installed Hydra refuses."""
    tree = list(tree)
    with ready(corpus, tree[0]), warnings.catch_warnings():
        # Old trees use old spellings, which Hydra 1.3 still composes.
        warnings.simplefilter("ignore")
        for entry in tree:
            overrides = list(entry.overrides)
            try:
                config = hydra.compose(entry.name, overrides, return_hydra_config=True)
            except (HydraException, OmegaConfBaseException):
                yield entry, None
                continue
            yield entry, Provenance(config, entry.name, overrides)


class Lines:
    """The files of the corpus, read once more, to see what stands at a place."""

    def __init__(self) -> None:
        self.files: dict[str, dict[tuple[int, int], list[Any]]] = {}

    def at(self, file: str, line: int, column: int) -> list[Any]:
        """Returns the values of the keys and items that start there; several where aliases repeat them."""
        if file not in self.files:
            data, marks = parse(Path(file).read_text(encoding="utf-8-sig"), source=file)
            found = self.files[file] = collections.defaultdict(list)
            pending = [data]
            while pending:
                container = pending.pop()
                for key, item in container.items() if isinstance(container, dict) else enumerate(container):
                    found[marks.lines[id(container)][key][1:]].append(item)
                    if isinstance(item, dict | list):
                        pending.append(item)
        return self.files[file][line, column]


def counted(provenance: Provenance, lines: Lines) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Yields for every leaf whether its place is unknown, agrees with the file, or does not."""
    for path, place in provenance.leaves():
        if path[:1] == ("hydra",):
            continue
        if place is None:
            yield "unknown", path
        elif not place.line:
            yield "named", path
        else:
            value = provenance.data
            for step in path:
                value = value[step]
            written = lines.at(place.file, place.line, place.column)
            yield "in a file" if any(map(value.__eq__, written)) or str(value) in map(str, written) else "wrong", path


@pytest.mark.slow
def test_every_leaf_of_a_sample_stands_where_provenance_says(corpus: Path) -> None:
    lines = Lines()
    found: collections.Counter[str] = collections.Counter()
    strange = []
    with stub_resolvers(corpus):
        for tree in trees(corpus)[::4]:
            for entry, provenance in traced(corpus, tree[:1]):
                for kind, path in counted(provenance, lines) if provenance is not None else ():
                    found[kind] += 1
                    if kind in ("unknown", "wrong"):
                        strange.append((str(entry), kind, path))
    assert strange == []
    assert found["in a file"] > 1_000


def main(corpus: Path) -> None:
    """Counts the leaves of all configs."""
    lines = Lines()
    found: collections.Counter[str] = collections.Counter()
    with stub_resolvers(corpus):
        for tree in trees(corpus):
            for entry, provenance in traced(corpus, tree):
                found["configs" if provenance is not None else "refused by Hydra"] += 1
                for kind, path in counted(provenance, lines) if provenance is not None else ():
                    found[kind] += 1
                    if kind in ("unknown", "wrong"):
                        print(f"{entry}: {kind}: {path}")
    print(f"Hydra {hydra.__version__}: {dict(found)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
