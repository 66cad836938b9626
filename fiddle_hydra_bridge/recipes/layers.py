"""What Hydra puts together, one layer after the other, with places.

In come the name of a primary config and overrides, in an initialised Hydra; out come the entries of the defaults list
as Hydra itself computes it, then the overrides, each as data with line marks and with what brought it in. ``replay``
stands below and merges them.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import hydra
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf

from fiddle_hydra_bridge.convert.tree import Data, Mark
from fiddle_hydra_bridge.convert.yaml_text import parse
from fiddle_hydra_bridge.errors import BridgeError
from fiddle_hydra_bridge.recipes.serving import marked

__all__ = ["Layer", "layers_of"]


@dataclass
class Layer:
    """What one entry of the defaults list, or one override, writes.

    Attributes:
        name: the config path, e.g. ``model/llama3_tiny``, or ``command line: model.dim=3``.
        mark: the place of the whole.
        data: what is written.
        shadow: data of the same form, which ``lines`` speaks of.
        lines: by ``id`` of a container in ``shadow``, by key or index: its place.
        package: the keys below which it is written.
        brought_in: the place of the entry in a defaults list, or of the override, that chose the config; then what
            chose the config which that entry stands in, and so on.
        override: Hydra's parsed override, for an override.
    """

    name: str
    mark: Mark | None
    data: Data = None
    shadow: Data = None
    lines: dict[int, dict[Any, Mark]] = field(default_factory=dict)
    package: tuple[str, ...] = ()
    brought_in: tuple[Mark, ...] = ()
    override: Any = None


def layers_of(config_name: str | None, overrides: Sequence[str]) -> list[Layer]:
    """Returns the layers of a config, in the order in which Hydra merges them."""
    plan = _plan(config_name, overrides)
    files = _Files(plan)
    found = []
    for default in plan.defaults:
        found += files.layers(default)
    return [*found, *(_override_layer(override) for override in plan.config_overrides)]


def command_line(text: str) -> Mark:
    """The place of an override."""
    return f"command line: {text}", 0, 0


def _override_layer(override: Any) -> Layer:
    mark = command_line(override.input_line)
    return Layer(mark[0], mark, override.value(), override=override)


@dataclass
class _Plan:
    """What Hydra's loader knows.

    Attributes:
        repository: the configs; it has loaded all that it names.
        overrides: all overrides.
        defaults: Hydra's ``ResultDefault`` entries.
        config_overrides: the overrides that choose no config, but set values.
        choices: by the key of a group that was overridden: Hydra's notes about who did it.
    """

    repository: Any
    overrides: list[Any]
    defaults: list[Any]
    config_overrides: list[Any]
    choices: dict[str, Any]


def _plan(config_name: str | None, overrides: Sequence[str]) -> _Plan:
    """Asks Hydra's loader for the defaults list, as its ``--info defaults`` does.

    This is the one place that knows the loader's internals. Whatever they say is checked: ``provenance`` compares
    what the layers come to with what ``hydra.compose`` returns.
    """
    from hydra._internal.defaults_list import create_defaults_list

    loader: Any = GlobalHydra.instance().config_loader()
    parsed, repository = loader._parse_overrides_and_create_caching_repo(config_name, list(overrides))
    found = create_defaults_list(
        repo=repository, config_name=config_name, overrides_list=parsed, prepend_hydra=True, skip_missing=False
    )
    return _Plan(
        repository, parsed, found.defaults, found.overrides.config_overrides, found.overrides.override_metadata
    )


class _Files:
    """The configs that the defaults list names, each read once."""

    def __init__(self, plan: _Plan) -> None:
        self.plan = plan
        self.read: dict[str, Layer] = {}
        self.parents: dict[str, Any] = {}
        for default in plan.defaults:
            self.parents.setdefault(default.config_path, default)

    def layers(self, default: Any) -> list[Layer]:
        """Returns the layers of an entry: the config, and before it the schema that Hydra 1.3 validates it by."""
        result = self.plan.repository.load_config(config_path=default.config_path)
        package = result.header["package"] if default.package is None else default.package
        steps = tuple(filter(None, (package or "").split(".")))
        brought_in = self.brought_in(default)
        made = []
        for whole in filter(None, (self._schema(default.config_path, result), self.config(default.config_path))):
            made.append(
                Layer(
                    whole.name,
                    whole.mark,
                    _without_defaults(whole.data),
                    whole.shadow,
                    whole.lines,
                    steps,
                    brought_in,
                )
            )
        return made

    def config(self, config_path: str) -> Layer:
        """Returns a whole config, its defaults list included."""
        if config_path not in self.read:
            repository = self.plan.repository
            result = repository.load_config(config_path=config_path)
            source = next(source for source in repository.get_sources() if source.is_config(config_path))
            read = _READERS.get(source.scheme(), _stored)
            self.read[config_path] = read(config_path, source, result) or _stored(config_path, source, result)
        return self.read[config_path]

    def _schema(self, config_path: str, result: Any) -> Layer | None:
        source = self.plan.repository.get_schema_source()
        if result.is_schema_source or not hydra.__version__.startswith("1.3.") or not source.is_config(config_path):
            return None
        return _stored(config_path, source, source.load_config(config_path))

    # Who chose a config.

    def brought_in(self, default: Any) -> tuple[Mark, ...]:
        """Returns the places that chose a config, the nearest first; none for the primary config."""
        found: list[Mark] = []
        seen: set[str] = set()
        while default is not None and not default.primary and default.config_path not in seen:
            seen.add(default.config_path)
            choice = self.plan.choices.get(default.override_key)
            typed = self._typed(default)
            if typed is not None:
                return (*found, typed)
            containing = None if choice is None else choice.containing_config_path
            chooser = self.parents.get(default.parent if containing is None else containing)
            if chooser is not None:
                place = self._entry(chooser.config_path, default, containing is not None)
                found += [place] if place is not None else []
            default = chooser
        return tuple(found)

    def _typed(self, default: Any) -> Mark | None:
        """The override that chose a config, if the command line did."""
        key = default.override_key
        for override in self.plan.overrides:
            group = override.key_or_group
            name = group if override.package is None else f"{group}@{override.package}"
            chosen = override.value() if isinstance(override.value(), list) else [override.value()]
            is_this = any(default.config_path == f"{group}/{option}" for option in chosen)
            if is_this and (key in (name, None) or override.is_add()):
                return command_line(override.input_line)
        return None

    def _entry(self, config_path: str, default: Any, by_override: bool) -> Mark | None:
        """The place of the entry in a config's defaults list that names another config."""
        layer = self.config(config_path)
        shadow = layer.shadow if type(layer.shadow) is dict else {}
        entries = shadow.get("defaults")
        if type(entries) is not list:
            return layer.mark
        lines = layer.lines.get(id(entries), {})
        group = config_path.rpartition("/")[0]
        ranked = [
            (_likeness(entry, group, default, by_override), -index)
            for index, entry in enumerate(entries)
            if index in lines
        ]
        best, index = max(ranked, default=(0, 0))
        return lines[-index] if best else layer.mark


def _likeness(entry: Data, group: str, default: Any, by_override: bool) -> int:
    """How well an entry of a defaults list fits what it may have brought in; 0 if it does not."""
    if type(entry) is dict and len(entry) == 1:
        ((key, option),) = entry.items()
        *keywords, name = str(key).split(" ")
    elif type(entry) is str and entry != "_self_":
        keywords, (name, _, option) = [], entry.rpartition("/")
        option, at, package = option.partition("@")
        name += at + package
    else:
        return 0
    if ("override" in keywords) != by_override:
        return 0
    folder, at, package = name.partition("@")
    folder = folder[1:] if folder.startswith("/") else "/".join(filter(None, (group, folder)))
    is_group = default.config_path == folder or default.config_path.startswith(f"{folder}/") or not folder
    if not is_group:
        return 0
    rest = default.config_path.removeprefix(folder).removeprefix("/")
    options = option if type(option) is list else [option]
    # The option itself may be chosen elsewhere, or be an interpolation.
    score = 2 if rest in options else 1 if type(entry) is dict else 0
    suffix = (default.override_key or "").partition("@")[2]
    return score * 2 + (package == suffix if at or suffix else 1) if score else 0


def _without_defaults(data: Data) -> Data:
    return {key: value for key, value in data.items() if key != "defaults"} if type(data) is dict else data


# Readers of configs, by the scheme of their source. None if there is no text to read.


def _file(config_path: str, source: Any, result: Any) -> Layer | None:
    return _text(config_path, [source.path])


def _package_file(config_path: str, source: Any, result: Any) -> Layer | None:
    # Hydra has imported the package.
    return _text(config_path, list(getattr(sys.modules.get(source.path), "__path__", ())))


def _text(config_path: str, folders: list[str]) -> Layer | None:
    name = config_path if config_path.endswith((".yaml", ".yml")) else f"{config_path}.yaml"
    for folder in folders:
        file = os.path.join(folder, *name.split("/"))
        if os.path.isfile(file):
            with open(file, encoding="utf-8") as stream:
                text = stream.read()
            try:
                data, marks = parse(text, source=shown(file))
            except BridgeError:
                return None  # Hydra has read it: a corner of YAML in which it and the bridge differ
            return Layer(config_path, (marks.source, *marks.root), data, data, marks.lines)
    return None


def _recipe(config_path: str, source: Any, result: Any) -> Layer | None:
    shadow, marks = marked(result.graph)
    lines = {
        container: {key: (shown(file), line, column) for key, (file, line, column) in known.items()}
        for container, known in marks.lines.items()
    }
    root = lines.get(id(shadow), {})
    first = min(root.values(), default=None)
    return Layer(config_path, root.get("_target_", first), _plain(result), shadow, lines)


def _stored(config_path: str, source: Any, result: Any) -> Layer:
    """A config that is no text: of Hydra's ConfigStore, or of somebody else's source."""
    name = "ConfigStore" if source.scheme() == "structured" else f"{source.scheme()}://{source.path}"
    data = _plain(result)
    return Layer(config_path, (f"{name}: {config_path}", 0, 0), data, None)


_READERS: dict[str, Callable[[str, Any, Any], Layer | None]] = {
    "file": _file,
    "pkg": _package_file,
    "fiddle": _recipe,
}


def _plain(result: Any) -> Data:
    return OmegaConf.to_container(result.config, resolve=False)


def shown(file: str) -> str:
    """How a file is named in places: from the current directory on, if it lies below it."""
    try:
        relative = os.path.relpath(file)
    except ValueError:
        return file  # another drive
    return file if relative.startswith(os.pardir) else relative
