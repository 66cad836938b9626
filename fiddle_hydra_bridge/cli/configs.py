"""Config arguments: files, composed configs and recipes, as graphs and as Hydra configs.

In come overrides and options, out come graphs for ``show``, ``convert`` and ``verify``, and for ``run`` and ``explain``
the name of a primary config. ``finding`` stands below and says which kind of config a word means.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import fiddle as fdl
import hydra.utils
from hydra.errors import MissingConfigException
from omegaconf import OmegaConf

import fiddle_hydra_bridge as fhb
from fiddle_hydra_bridge.cli.options import ConversionOptions, Options, as_word
from fiddle_hydra_bridge.convert.histories import Location
from fiddle_hydra_bridge.errors import TargetError
from fiddle_hydra_bridge.recipes.compose import traced, without_hydra
from fiddle_hydra_bridge.recipes.overrides import override_at
from fiddle_hydra_bridge.recipes.spelling import call_recipe

__all__ = ["HYDRAS_SUFFIX", "STDIN", "Composed", "Config", "File", "Recipe"]

#: The name of standard input in messages.
STDIN = "<stdin>"
#: The suffix of the files that Hydra reads.
HYDRAS_SUFFIX = ".yaml"


class Config(Protocol):
    """A config argument."""

    def graph(self, overrides: Sequence[str], options: Options) -> Any:
        """Returns the config as a graph."""

    def by_hydra(self, overrides: Sequence[str], options: Options) -> Any:
        """Returns what plain Hydra instantiates of the config, without the bridge where that can be."""

    def primary(self, options: Options) -> tuple[str, str]:
        """Makes the config the primary config of a Hydra app: returns its ``config_path`` and ``config_name``."""


@dataclass(frozen=True)
class Composed:
    """A config that Hydra composes.

    Attributes:
        folder: the absolute path of its folder.
        name: the name of the primary config.
        is_file: whether it was named by its file alone, so that the folder is a guess.
    """

    folder: Path
    name: str
    is_file: bool = False

    def graph(self, overrides: Sequence[str], options: Options) -> Any:
        try:
            return fhb.compose(self.name, overrides, config_dir=self.folder, **_reading(options))
        except MissingConfigException as error:
            if self.is_file:
                error.add_note(
                    "hint: where its folder is not the folder of all configs, give --config-dir, --config-name"
                )
            raise

    def by_hydra(self, overrides: Sequence[str], options: Options) -> Any:
        with traced(self.name, overrides, config_dir=self.folder) as provenance:
            return _instantiated(without_hydra(provenance.config), options)

    def primary(self, options: Options) -> tuple[str, str]:
        return str(self.folder), self.name


@dataclass(frozen=True)
class File:
    """A YAML or JSON file that says nothing to Hydra, or the YAML of standard input.

    Attributes:
        path: the file, ``None`` for standard input.
        text: what standard input holds.
    """

    path: Path | None
    text: str = ""

    def graph(self, overrides: Sequence[str], options: Options) -> Any:
        if not overrides:
            return self._load(**_reading(options))
        graph = self._with_links(overrides, options)
        if options.share:
            return fhb.from_hydra(fhb.to_hydra(graph), **_reading(options))
        is_kept = isinstance(options, ConversionOptions) and options.links == "keep"
        return graph if is_kept else fhb.resolve(graph, allow=options.allow)

    def by_hydra(self, overrides: Sequence[str], options: Options) -> Any:
        if overrides:
            return _instantiated(fhb.to_hydra(self._with_links(overrides, options)), options)
        return _instantiated(OmegaConf.create(self.text) if self.path is None else OmegaConf.load(self.path), options)

    def primary(self, options: Options) -> tuple[str, str]:
        if self.path is not None and self.path.suffix == HYDRAS_SUFFIX:
            return str(self.path.parent.resolve()), self.path.stem
        name = "stdin" if self.path is None else as_word(self.path.stem)
        fhb.register(self._with_links([], options), name=name)
        return "fiddle://", name

    def _with_links(self, overrides: Sequence[str], options: Options) -> Any:
        """The graph with its links, which follow what the overrides change."""
        return _overridden(self._load(**{**_reading(options), "links": "keep"}), overrides, options)

    def _load(self, **reading: Any) -> Any:
        if self.path is None:
            return fhb.from_yaml(self.text, source=STDIN, **reading)
        return fhb.load(self.path, **reading)


@dataclass(frozen=True)
class Recipe:
    """A function that returns a graph.

    Attributes:
        function: the function.
        name: its name.
    """

    function: Any
    name: str

    def graph(self, overrides: Sequence[str], options: Options) -> Any:
        graph = call_recipe(self.function)
        if not isinstance(graph, fdl.Buildable | dict | list):
            raise TargetError(f"a recipe returns a graph, and {self.name!r} returns {type(graph).__name__}")
        return _overridden(graph, overrides, options)

    def by_hydra(self, overrides: Sequence[str], options: Options) -> Any:
        return _instantiated(fhb.to_hydra(self.graph(overrides, options)), options)

    def primary(self, options: Options) -> tuple[str, str]:
        fhb.register(self.function, name=self.name)
        return "fiddle://", self.name


def _overridden(graph: Any, overrides: Sequence[str], options: Options) -> Any:
    location = Location("command line", 0, None)
    return override_at(location, graph, overrides, allow=options.allow) if overrides else graph


def _instantiated(config: Any, options: Options) -> Any:
    """What plain Hydra makes of a config, with the conversion mode that the bridge was given for it."""
    given = {} if "_convert_" in config else {"_convert_": options.convert}
    return hydra.utils.instantiate(config, **given)


def _reading(options: Options) -> dict[str, Any]:
    """The options as ``from_hydra`` takes them."""
    reading: dict[str, Any] = {"convert": options.convert, "share": options.share, "allow": options.allow}
    if isinstance(options, ConversionOptions):
        reading.update(links=options.links, missing=options.missing, dialect=options.dialect)
    return reading
