"""Config arguments: files, composed configs and recipes, as graphs and as Hydra configs.

In come the words of a command, out come graphs for ``show``, ``convert`` and ``verify``, and for ``run`` the name of a
primary config. ``options`` stands above and splits the words. This module loads Fiddle and Hydra: commands import it
when they run.
"""

from __future__ import annotations

import inspect
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import fiddle as fdl
import hydra.utils
from omegaconf import OmegaConf

import fiddle_hydra_bridge as fhb
from fiddle_hydra_bridge.cli.failures import UsageError, origin_of
from fiddle_hydra_bridge.cli.options import ConversionOptions, Options, split
from fiddle_hydra_bridge.convert import targets, yaml_text
from fiddle_hydra_bridge.convert.files import read_text
from fiddle_hydra_bridge.convert.histories import Location
from fiddle_hydra_bridge.errors import RefusedTargetError, TargetError, suggestion
from fiddle_hydra_bridge.recipes.compose import traced, without_hydra
from fiddle_hydra_bridge.recipes.overrides import override_at
from fiddle_hydra_bridge.recipes.registry import is_function
from fiddle_hydra_bridge.recipes.serving import call_recipe

__all__ = ["Config", "find_configs"]


#: The suffix of the files that Hydra reads.
_HYDRAS_OWN = ".yaml"


class Config(Protocol):
    """A config argument."""

    def graph(self, overrides: Sequence[str], options: Options) -> Any:
        """Returns the config as a graph."""

    def by_hydra(self, overrides: Sequence[str], options: Options) -> Any:
        """Returns what plain Hydra instantiates of the config, without the bridge where that can be."""

    def primary(self, options: Options) -> tuple[str, str]:
        """Makes the config the primary config of a Hydra app: returns its ``config_path`` and ``config_name``."""


def find_configs(
    words: Sequence[str | Path], options: Options, most: int = 1, flags: bool = False
) -> tuple[list[Config], list[str]]:
    """Finds the configs that the words of a command name, and the overrides behind them.

    Args:
        words: what was typed.
        options: the options of the command.
        most: how many configs the command takes.
        flags: whether there may be flags among the overrides.

    Raises:
        UsageError: if there is no config, or one that is not there, or an unknown option.
        BridgeError: if a YAML file cannot be parsed.
    """
    unknown = [text for text in map(str, words) if text.startswith("-") and text != "-"]
    if unknown and not flags:
        raise UsageError(f"there is no option {unknown[0]!r}")
    names, overrides = split(words, options, most)
    _make_importable(Path.cwd())  # as for `python -m`
    configs = [_find(name) for name in names]
    if options.config_dir is not None and options.config_name is not None:
        if not options.config_dir.is_dir():
            raise UsageError(f"there is no folder {str(options.config_dir)!r}")
        configs.append(Composed(options.config_dir.resolve(), options.config_name))
    return configs, overrides


def _find(name: str) -> Config:
    module, colon, function = name.rpartition(":")
    if colon and function.isidentifier() and not os.path.exists(name):
        return _recipe(module, function)
    return _file(name)


@dataclass(frozen=True)
class Composed:
    """A config that Hydra composes.

    Attributes:
        folder: the absolute path of its folder.
        name: the name of the primary config.
    """

    folder: Path
    name: str

    def graph(self, overrides: Sequence[str], options: Options) -> Any:
        return fhb.compose(self.name, overrides, config_dir=self.folder, **_reading(options))

    def by_hydra(self, overrides: Sequence[str], options: Options) -> Any:
        with traced(self.name, overrides, config_dir=self.folder) as provenance:
            return _instantiated(without_hydra(provenance.config), options)

    def primary(self, options: Options) -> tuple[str, str]:
        return str(self.folder), self.name


@dataclass(frozen=True)
class File:
    """A YAML or JSON file without a defaults list, or the YAML of standard input.

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
        if self.path is not None and self.path.suffix == _HYDRAS_OWN:
            return str(self.path.parent.resolve()), self.path.stem
        name = "stdin" if self.path is None else re.sub(r"[^\w-]", "_", self.path.stem)
        fhb.register(self._with_links([], options), name=name)
        return "fiddle://", name

    def _with_links(self, overrides: Sequence[str], options: Options) -> Any:
        """The graph with its links, which follow what the overrides change."""
        return _overridden(self._load(**{**_reading(options), "links": "keep"}), overrides, options)

    def _load(self, **reading: Any) -> Any:
        if self.path is None:
            return fhb.from_yaml(self.text, source="<stdin>", **reading)
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


def _file(name: str) -> Config:
    """Returns a file; one with a defaults list is for Hydra to compose.

    Raises:
        UsageError: if there is no such file.
        BridgeError: if it cannot be parsed.
    """
    if name == "-":
        return File(None, sys.stdin.buffer.read().decode("utf-8-sig"))
    path = Path(name)
    if path.is_dir():
        raise UsageError(f"{name!r} is a folder: --config-dir {name} --config-name NAME composes a config in it")
    if not path.exists():
        what = "file" if path.suffix else "file, and a recipe is written 'package.module:function'"
        raise UsageError(f"there is no {what}: {name!r}{suggestion(path.name, _names_beside(path))}")
    if path.suffix == _HYDRAS_OWN:
        data, _ = yaml_text.parse(read_text(path, name), source=name)
        if isinstance(data, dict) and isinstance(data.get("defaults"), list):
            return Composed(path.parent.resolve(), path.stem)
    return File(path)


def _names_beside(path: Path) -> list[str]:
    return [each.name for each in path.parent.iterdir()] if path.parent.is_dir() else []


def _recipe(module: str, function: str) -> Recipe:
    """Returns a recipe of an importable module, or of a file.

    Raises:
        UsageError: if there is no such recipe, or it cannot be called without arguments.
    """
    name = _module_of_file(module) if module.endswith(".py") else module
    target = f"{name}.{function}"
    try:
        found = targets.resolve_for_graph(target, (target,)).function
    except TargetError as error:
        if origin_of(error) is not None:
            raise
        close = "" if isinstance(error, RefusedTargetError) else suggestion(function, _functions_in(name))
        raise UsageError(f"{error}{close}") from error
    required = _required(found)
    if required:
        needs = ", ".join(map(repr, required))
        raise UsageError(f"{target!r} cannot be called without {needs}, so it is no recipe by itself")
    return Recipe(found, function)


def _module_of_file(name: str) -> str:
    """Makes the module of a file importable, under the name that it has in its package.

    Raises:
        UsageError: if the file is not there or has no such name.
    """
    path = Path(name).resolve()
    if not path.is_file():
        raise UsageError(f"there is no file: {name!r}")
    root, steps = path.parent, [] if path.stem == "__init__" else [path.stem]
    while (root / "__init__.py").exists():
        root, steps = root.parent, [root.name, *steps]
    if not all(step.isidentifier() for step in steps):
        raise UsageError(f"{name!r} cannot be imported: {'.'.join(steps)!r} is no name of a module")
    _make_importable(root)
    return ".".join(steps)


def _make_importable(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


def _functions_in(module: str) -> list[str]:
    names = vars(sys.modules[module]) if module in sys.modules else {}
    return [name for name, value in names.items() if is_function(value)]


def _required(function: Any) -> list[str]:
    optional = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    parameters = inspect.signature(function).parameters.values()
    return [each.name for each in parameters if each.default is each.empty and each.kind not in optional]


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
        reading.update(links=options.links, missing=options.missing)
    return reading
