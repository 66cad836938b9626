"""Provenance as a property: every scalar of a random config tree is a number that tells its own line.

Hydra composes files and overrides in which no number is written twice, so the composed numbers themselves say where
they come from. Interpolations and ``???`` stand among them: what is merged through an interpolation is copied, and must
be traced to the lines that it was copied from.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hydra
from hydra import initialize_config_dir
from hydra.errors import HydraException
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from omegaconf.errors import OmegaConfBaseException

from fiddle_hydra_bridge.recipes.hydra_loader import IS_HYDRA_13
from fiddle_hydra_bridge.recipes.provenance import Provenance

VERSION: dict[str, Any] = {"version_base": None} if IS_HYDRA_13 else {}

KEYS = st.sampled_from("abc")
#: A number is to be counted, later; the rest is written as it stands.
NUMBER = object()
LEAVES = st.sampled_from(
    [NUMBER, NUMBER, NUMBER, NUMBER, "???", "null", "${a}", "${b}", "${c.a}", "${.a}", "${..b}", "${a.${c}}"]
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.dictionaries(KEYS, inner, min_size=1), st.lists(inner, min_size=1, max_size=2)),
    max_leaves=6,
)
MAPPINGS = st.dictionaries(KEYS, VALUES, min_size=1)
PATHS = st.lists(KEYS, min_size=1, max_size=3).map(".".join)
OVERRIDES = st.lists(st.tuples(st.sampled_from(["++", "+", "", "~"]), PATHS), max_size=3)


class Written:
    """Writes values line by line and remembers where each number stands."""

    def __init__(self) -> None:
        self.numbers = itertools.count(1000)
        self.places: dict[int, str] = {}

    def leaf(self, value: Any, place: str) -> str:
        if value is not NUMBER:
            return f'"{value}"' if "$" in value else str(value)
        number = next(self.numbers)
        self.places[number] = place
        return str(number)

    def lines(self, value: Any, file: str, indent: int, lines: list[str]) -> None:
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            head = " " * indent + (f"{key}:" if isinstance(value, dict) else "-")
            if isinstance(item, dict | list):
                lines.append(head)
                self.lines(item, file, indent + 2, lines)
            else:
                lines.append(f"{head} {self.leaf(item, f'{file}:{len(lines) + 1}')}")

    def override(self, kind: str, path: str) -> str:
        if kind == "~":
            return f"~{path}"
        text = f"{kind}{path}={next(self.numbers)}"
        self.places[int(text.partition("=")[2])] = f"command line: {text}"
        return text


def numbers(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], int]]:
    if isinstance(data, dict | list):
        for key, item in data.items() if isinstance(data, dict) else enumerate(data):
            yield from numbers(item, (*path, key))
    elif isinstance(data, int):
        yield path, data


# Each example is composed by Hydra, which takes its time.
@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(st.lists(MAPPINGS, min_size=2, max_size=3), OVERRIDES)
def test_every_number_comes_from_the_line_that_it_tells(files: list[dict[str, Any]], overrides: Any) -> None:
    written = Written()
    with tempfile.TemporaryDirectory() as folder:
        names = [f"part{index}" for index in range(len(files))]
        Path(folder, "config.yaml").write_text(f"defaults: [{', '.join(names)}]\n", encoding="utf-8")
        for name, content in zip(names, files, strict=True):
            lines: list[str] = []
            written.lines(content, str(Path(folder, f"{name}.yaml")), 0, lines)
            Path(folder, f"{name}.yaml").write_text("\n".join(lines), encoding="utf-8")
        texts = [written.override(*each) for each in overrides]
        with initialize_config_dir(folder, **VERSION):
            try:
                config = hydra.compose("config", texts)
            except (HydraException, OmegaConfBaseException, ValueError, TypeError):
                assume(False)  # Hydra does not compose every tree
            provenance = Provenance(config, "config", texts)
    leaves = dict(provenance.leaves())
    for path, number in numbers(provenance.data):
        place = leaves[path]
        assert place is not None, path
        file_and_line = f"{place.file}:{place.line}" if place.line else str(place)
        assert file_and_line == written.places[number], path
