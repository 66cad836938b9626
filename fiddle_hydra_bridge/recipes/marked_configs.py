"""Configs on Hydra's search path, read with places.

In come config paths, out come their data with the place of every key: from the text of YAML files, and from Fiddle's
history of what recipes return. ``hydra_loader`` stands above and finds them, ``layers`` below puts them in order.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from fiddle_hydra_bridge.convert.files import read_text
from fiddle_hydra_bridge.convert.tree import Data, Mark, Marks
from fiddle_hydra_bridge.convert.yaml_text import parse
from fiddle_hydra_bridge.errors import BridgeError
from fiddle_hydra_bridge.recipes.hydra_loader import Repository
from fiddle_hydra_bridge.recipes.spelling import marked

__all__ = ["MarkedConfig", "MarkedConfigs", "file_of", "read_file", "shown"]


@dataclass(frozen=True)
class MarkedConfig:
    """A config and its places.

    Attributes:
        name: the config path, e.g. ``model/llama3_tiny``.
        mark: the place of the whole.
        data: what it holds, for text with its defaults list.
        shadow: data of the same form, which ``lines`` speaks of; it keeps their ids valid.
        lines: by ``id`` of a container in ``shadow``, by key or index: the place.
    """

    name: str
    mark: Mark
    data: Data
    shadow: Data
    lines: dict[int, dict[Any, Mark]]

    def place(self, path: tuple[Any, ...]) -> Mark:
        """Returns the place of a key, or of the nearest container around it that has one."""
        data, mark = self.shadow, self.mark
        for step in path:
            mark = self.lines.get(id(data), {}).get(step, mark)
            data = data[step] if type(data) in (dict, list) else None
        return mark


class MarkedConfigs:
    """The configs of a repository, each read once.

    Args:
        repository: where they are found.
    """

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self._known: dict[str, MarkedConfig | None] = {}

    def get(self, config_path: str) -> MarkedConfig | None:
        """Returns a config, None if there is none of that name."""
        if config_path not in self._known:
            source = self.repository.source(config_path)
            self._known[config_path] = None if source is None else self._read(config_path, source)
        return self._known[config_path]

    def _read(self, config_path: str, source: Any) -> MarkedConfig:
        file = file_of(config_path, source)
        found = None if file is None else read_file(config_path, file)
        if found is not None:
            return found
        result = self.repository.load(config_path)
        if source.scheme() == "fiddle":
            return _recipe(config_path, result)
        return _stored(config_path, source, result)

    def schema(self, config_path: str) -> MarkedConfig | None:
        """Returns the ConfigStore's config of the same name."""
        source = self.repository.schema()
        return _stored(config_path, source, source.load_config(config_path)) if source.is_config(config_path) else None


#: By the scheme of a source of files: the folders that it looks into. Hydra has imported the package of a ``pkg://``.
_FOLDERS: dict[str, Callable[[Any], list[str]]] = {
    "file": lambda source: [source.path],
    "pkg": lambda source: list(getattr(sys.modules.get(source.path), "__path__", ())),
}


def file_of(config_path: str, source: Any) -> str | None:
    """Returns the file of a config, None if its source holds no files, or if they lie in a zip archive."""
    name = config_path if config_path.endswith((".yaml", ".yml")) else f"{config_path}.yaml"
    folders = _FOLDERS.get(source.scheme(), lambda source: [])(source)
    return next(filter(os.path.isfile, (os.path.join(folder, *name.split("/")) for folder in folders)), None)


def read_file(config_path: str, file: str) -> MarkedConfig | None:
    """Reads a config from a file, None if the bridge's reader refuses the text."""
    try:
        data, marks = parse(read_text(Path(file), file), source=shown(file))
    except BridgeError:
        return None  # where Hydra has read it, a corner of YAML in which it and the bridge differ
    return MarkedConfig(config_path, (marks.source, *marks.root), data, data, marks.lines)


def _recipe(config_path: str, result: Any) -> MarkedConfig:
    try:
        shadow, marks = marked(result.graph, result.names)
    except BridgeError:
        # It was served in another way than by the spelling of its graph, which is all that has places.
        shadow, marks = {}, Marks("")
    lines = {
        container: {key: (shown(file), line, column) for key, (file, line, column) in known.items()}
        for container, known in marks.lines.items()
    }
    root = lines.get(id(shadow), {})
    mark = root.get("_target_") or min(root.values(), default=(f"recipe: {config_path}", 0, 0))
    return MarkedConfig(config_path, mark, _plain(result), shadow, lines)


def _stored(config_path: str, source: Any, result: Any) -> MarkedConfig:
    """A config that is no text: of Hydra's ConfigStore, or of somebody else's source."""
    name = "ConfigStore" if source.scheme() == "structured" else f"{source.scheme()}://{source.path}"
    return MarkedConfig(config_path, (f"{name}: {config_path}", 0, 0), _plain(result), None, {})


def _plain(result: Any) -> Data:
    return OmegaConf.to_container(result.config, resolve=False)


def shown(file: str) -> str:
    """How a file is named in places: from the current directory on, if it lies below it."""
    try:
        relative = os.path.relpath(file)
    except ValueError:
        return file  # another drive
    return file if relative.startswith(os.pardir) else relative
