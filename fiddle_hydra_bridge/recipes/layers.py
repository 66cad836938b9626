"""What Hydra puts together, one layer after the other, with places.

In come the name of a primary config and overrides, in an initialised Hydra; out come the entries of the defaults list
as Hydra itself computes it, then the overrides, each as data with places and with what brought it in.
``marked_configs`` stands above and reads the configs, ``replay`` below merges them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from fiddle_hydra_bridge.convert.tree import Data, Mark
from fiddle_hydra_bridge.recipes.hydra_loader import IS_HYDRA_13, DefaultsList, Repository
from fiddle_hydra_bridge.recipes.marked_configs import MarkedConfig, MarkedConfigs

__all__ = ["Layer", "command_line", "entry_for", "layers_of"]


@dataclass(frozen=True)
class Layer:
    """What one entry of the defaults list, or one override, writes.

    Attributes:
        name: the config path, e.g. ``model/llama3_tiny``, or ``command line: model.dim=3``.
        mark: the place of the whole.
        data: what is written.
        shadow: data of the same form, which ``lines`` speaks of.
        lines: by ``id`` of a container in ``shadow``, by key or index: the place.
        package: the keys below which it is written.
        brought_in: the place of the entry in a defaults list, or of the override, that chose the config; then what
            chose the config in which that entry stands, and so on.
        override: Hydra's parsed override, for an override.
    """

    name: str
    mark: Mark
    data: Data
    shadow: Data = None
    lines: dict[int, dict[Any, Mark]] = field(default_factory=dict)
    package: tuple[str, ...] = ()
    brought_in: tuple[Mark, ...] = ()
    override: Any = None


def layers_of(config_name: str | None, overrides: Sequence[str]) -> list[Layer]:
    """Returns the layers of a config, in the order in which Hydra merges them."""
    repository = Repository(config_name, overrides)
    defaults = repository.defaults_list()
    stack = _Stack(repository, defaults)
    found = [layer for entry in defaults.entries for layer in stack.layers(entry)]
    for override in defaults.config_overrides:
        mark = command_line(override)
        found.append(Layer(mark[0], mark, override.value(), override=override))
    return found


def command_line(override: Any) -> Mark:
    """The place of an override."""
    return f"command line: {override.input_line}", 0, 0


class _Stack:
    """The entries of a defaults list, and who chose them."""

    def __init__(self, repository: Repository, defaults: DefaultsList) -> None:
        self.repository = repository
        self.configs = MarkedConfigs(repository)
        self.defaults = defaults
        self.entries: dict[str, Any] = {}
        for entry in defaults.entries:
            self.entries.setdefault(entry.config_path, entry)

    def layers(self, entry: Any) -> Iterator[Layer]:
        """Yields the layers of an entry: the config, and before it the schema that Hydra 1.3 merges it into."""
        result = self.repository.load(entry.config_path)
        package = result.header["package"] if entry.package is None else entry.package
        keys = tuple(filter(None, (package or "").split(".")))
        brought_in = tuple(self._brought_in(entry))
        for config in (self._schema(entry.config_path, result), self.configs.get(entry.config_path)):
            if config is not None:
                data = config.data
                if type(data) is dict:
                    data = {key: value for key, value in data.items() if key != "defaults"}
                yield Layer(config.name, config.mark, data, config.shadow, config.lines, keys, brought_in)

    def _schema(self, config_path: str, result: Any) -> MarkedConfig | None:
        if result.is_schema_source or not IS_HYDRA_13:
            return None
        return self.configs.schema(config_path)

    def _brought_in(self, entry: Any) -> Iterator[Mark]:
        """Yields the places that chose a config, the nearest first; none for the primary config."""
        seen: set[str] = set()
        while entry is not None and not entry.primary and entry.config_path not in seen:
            seen.add(entry.config_path)
            typed = self._typed(entry)
            if typed is not None:
                yield command_line(typed)
                return
            containing = self._overridden_in(entry)
            chooser = self.entries.get(entry.parent if containing is None else containing)
            config = None if chooser is None else self.configs.get(chooser.config_path)
            if config is not None:
                found = entry_for(config, entry.config_path, entry.override_key, containing is not None)
                yield config.mark if found is None else found
            entry = chooser

    def _typed(self, entry: Any) -> Any:
        """The override that chose a config, if the command line did."""
        for override in self.repository.overrides:
            group = override.key_or_group
            key = group if override.package is None else f"{group}@{override.package}"
            if _is_chosen(entry, key, override.value()):
                return override
        return None

    def _overridden_in(self, entry: Any) -> str | None:
        """The config that chose an option in the place of another one, by ``override``."""
        for key, options in self.defaults.choices.items():
            if _is_chosen(entry, key, options):
                return self.defaults.choosers[key]
        return None


def _is_chosen(entry: Any, key: str, options: Any) -> bool:
    """Whether a choice brought an entry in. A config with defaults of its own does not know its key."""
    group = key.partition("@")[0]
    chosen = options if isinstance(options, list) else [options]
    return entry.override_key in (key, None) and entry.config_path in {f"{group}/{option}" for option in chosen}


def entry_for(
    config: MarkedConfig, config_path: str, override_key: str | None = None, overrides: bool = False
) -> Mark | None:
    """Returns the place of the entry in a config's defaults list that names another config, None if none does.

    Args:
        config: the config with the list.
        config_path: the config that the entry names.
        override_key: Hydra's key for the choice, which tells apart entries for several packages.
        overrides: whether to look for ``override`` entries, or for all others.
    """
    entries = config.shadow.get("defaults") if type(config.shadow) is dict else None
    if type(entries) is not list:
        return None
    group = config.name.rpartition("/")[0]
    package = (override_key or "").partition("@")[2]
    ranked = [
        (_likeness(entry, group, config_path, package) if _is_override(entry) == overrides else 0, -index)
        for index, entry in enumerate(entries)
    ]
    best, index = max(ranked, default=(0, 0))
    return config.place(("defaults", -index)) if best else None


def _is_override(entry: Data) -> bool:
    return type(entry) is dict and any("override" in str(key).split(" ")[:-1] for key in entry)


def _likeness(entry: Data, group: str, config_path: str, package: str) -> int:
    """How well an entry of a defaults list fits the config that it may have brought in; 0 if it does not."""
    if type(entry) is dict and len(entry) == 1:
        ((key, option),) = entry.items()
        folder, at, own_package = str(key).split(" ")[-1].partition("@")
    elif type(entry) is str:
        path, at, own_package = entry.partition("@")
        folder, _, option = path.rpartition("/")
        folder = f"/{folder}" if path.startswith("/") and not folder.startswith("/") else folder
    else:
        return 0
    folder = folder[1:] if folder.startswith("/") else "/".join(filter(None, (group, folder)))
    if folder and not config_path.startswith(f"{folder}/"):
        return 0
    rest = config_path.removeprefix(f"{folder}/") if folder else config_path
    # The option of a group may be chosen elsewhere, or be an interpolation.
    fits = 2 if rest in (option if type(option) is list else [option]) else 1 if type(entry) is dict else 0
    return 2 * fits + (own_package == package or not at) if fits else 0
