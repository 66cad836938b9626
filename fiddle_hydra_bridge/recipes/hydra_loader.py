"""Hydra's config loader, asked for what its public API does not tell: which configs it takes, from where.

In comes an initialised Hydra, out come its repository of configs and its defaults list. This is the one module that
knows the loader's internals, with a test of its own on both Hydra lines. What it says is checked besides:
``provenance`` compares every value with what ``hydra.compose`` returns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import hydra
from hydra.core.global_hydra import GlobalHydra

__all__ = ["IS_HYDRA_13", "DefaultsList", "Repository", "sources"]

#: Hydra 1.3 and 1.4 differ in corners.
IS_HYDRA_13 = hydra.__version__.startswith("1.3.")


def sources() -> list[Any]:
    """Returns the initialised Hydra's config sources, without those that a ``hydra.searchpath`` adds."""
    return list(GlobalHydra.instance().config_loader().get_sources())


class Repository:
    """The configs as Hydra finds them for one composition, each loaded once.

    Args:
        config_name: the primary config, whose ``hydra.searchpath`` counts.
        overrides: the overrides.

    Attributes:
        overrides: Hydra's parsed overrides.
        loaded: the config paths that were asked for, in order.
    """

    def __init__(self, config_name: str | None, overrides: Sequence[str]) -> None:
        loader: Any = GlobalHydra.instance().config_loader()
        self.overrides, self._repository = loader._parse_overrides_and_create_caching_repo(config_name, list(overrides))
        self._config_name = config_name
        self.loaded: list[str] = []
        load = self._repository.load_config

        def noted(config_path: str) -> Any:
            self.loaded.append(config_path)
            return load(config_path=config_path)

        self._repository.load_config = noted

    def load(self, config_path: str) -> Any:
        """Returns Hydra's ``ConfigResult``, None if there is no such config."""
        return self._repository.load_config(config_path=config_path)

    def source(self, config_path: str) -> Any:
        """Returns the ``ConfigSource`` that has a config, None if none has."""
        return next((source for source in self.sources if source.is_config(config_path)), None)

    @property
    def sources(self) -> list[Any]:
        """All config sources, in the order in which Hydra asks them."""
        return list(self._repository.get_sources())

    def schema(self) -> Any:
        """Returns the ``ConfigSource`` of the schemas: what the ConfigStore holds."""
        return self._repository.get_schema_source()

    def defaults_list(self) -> DefaultsList:
        """Computes the defaults list, as ``--info defaults`` does.

        Raises:
            HydraException: if it cannot be computed; RecursionError for lists that include each other.
        """
        from hydra._internal.defaults_list import create_defaults_list

        found = create_defaults_list(
            repo=self._repository,
            config_name=self._config_name,
            overrides_list=self.overrides,
            prepend_hydra=True,
            skip_missing=False,
        )
        made = found.overrides
        choosers = {key: made.override_metadata[key].containing_config_path for key in made.override_choices}
        return DefaultsList(found.defaults, found.config_overrides, made.override_choices, choosers)


@dataclass(frozen=True)
class DefaultsList:
    """What a config is composed of.

    Attributes:
        entries: Hydra's ``ResultDefault`` rows, in the order in which they are merged.
        config_overrides: the overrides that choose no config, but set values.
        choices: by ``group`` or ``group@package``: the option or options that were chosen in place of those that a
            defaults list names.
        choosers: by the same keys: the config whose defaults list chose, None for the command line.
    """

    entries: list[Any]
    config_overrides: list[Any]
    choices: dict[str, Any]
    choosers: dict[str, str | None]
