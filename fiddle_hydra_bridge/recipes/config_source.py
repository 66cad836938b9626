"""The config source ``fiddle://``: recipes, answered to Hydra as if they were YAML files.

In come Hydra's questions about paths, out go answers from the ``listing`` of modules and from the ``registry``; what
is chosen is evaluated by ``serving``. ``fiddle://my_pkg.recipes`` offers the recipes of a module or package,
``fiddle://my_pkg.recipes@mine`` the same below the group ``mine``, ``fiddle://`` what this process has registered.

Every Hydra app on the machine imports this module through ``hydra_plugins``, so it imports only what Hydra has loaded
already. The rest is loaded by the first question that needs it.
"""

from __future__ import annotations

import builtins
import posixpath
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.object_type import ObjectType
from hydra.plugins.config_source import ConfigResult, ConfigSource
from hydra.plugins.search_path_plugin import SearchPathPlugin

if TYPE_CHECKING:
    from fiddle_hydra_bridge.recipes.listing import Listing, Option
    from fiddle_hydra_bridge.recipes.registry import Entry

__all__ = ["RecipeResult", "RecipeSearchPath", "RecipeSource"]

_REGISTRY = "fiddle_hydra_bridge.recipes.registry"


@dataclass
class RecipeResult(ConfigResult):
    """A served recipe, with the graph it returned: the graph's history knows the lines."""

    graph: Any = None
    #: Of a verbatim recipe, what its module has imported; otherwise None.
    names: dict[str, Any] | None = None


class RecipeSource(ConfigSource):
    """Recipes as configs.

    Args:
        provider: who has put the source on the search path.
        path: ``fiddle://``, then the dotted name of a module, then perhaps ``@`` and a group.
    """

    @staticmethod
    def scheme() -> str:
        return "fiddle"

    def __init__(self, provider: str, path: str) -> None:
        super().__init__(provider, path)
        self._module, _, self._group = self.path.partition("@")
        self._known: dict[tuple[str, str], Listing] = {}

    def load_config(self, config_path: str) -> ConfigResult:
        from fiddle_hydra_bridge.recipes.serving import serve

        found = self.find(config_path)
        config, package, graph, names = serve(config_path, self, found)
        return RecipeResult(self.provider, self.full_path(), config, {"package": package}, graph=graph, names=names)

    def is_config(self, config_path: str) -> bool:
        return self.find(config_path) is not None

    def is_group(self, config_path: str) -> bool:
        config_path = _straight(config_path)
        if config_path == "":
            return self.available()
        return any(entry.startswith(f"{config_path}/") for entry in self._entries()) or any(
            listing.is_group(config_path) for listing in self._listings
        )

    def available(self) -> bool:
        return not self._module or self._listings[0].available()

    def list(self, config_path: str, results_filter: ObjectType | None) -> builtins.list[str]:
        from fiddle_hydra_bridge.recipes.registry import names_in

        config_path = _straight(config_path)
        groups, options = names_in(config_path, self._entries())
        for listing in self._listings:
            for found, more in zip((groups, options), listing.names(config_path), strict=True):
                found.update(more)
        wanted = {ObjectType.GROUP: groups, ObjectType.CONFIG: options, None: groups | options}
        return sorted(wanted[results_filter])

    def path_of(self, recipe: Any) -> str | None:
        """Returns the config path under which a function is on offer here."""
        for path, entry in self._entries().items():
            if entry.recipe is recipe and not entry.verbatim:
                return path
        module, name = getattr(recipe, "__module__", None), getattr(recipe, "__qualname__", None)
        if not isinstance(module, str) or not isinstance(name, str):
            return None
        return next(filter(None, (listing.path_of(module, name) for listing in self._listings)), None)

    def is_typed(self, path: str) -> bool:
        """Whether the recipe of a config path is served as a structured config."""
        found = self.find(path)
        return found is not None and found.typed

    def recipes_in(self, group: str) -> Iterator[tuple[str, Any]]:
        """Yields the names and the recipes of a group, but for those that cannot be imported."""
        from fiddle_hydra_bridge.recipes.serving import recipe_of

        for name in self.list(group, ObjectType.CONFIG):
            found = self.find(f"{group}/{name}")
            try:
                # What is served verbatim is like a YAML file: not what its function's graph is spelled as.
                recipe = recipe_of(found) if found is not None and not found.verbatim else None
            except Exception:  # a module of recipes is user code: choosing from it is an error of its own
                continue
            if recipe is not None:
                yield name, recipe

    def find(self, config_path: str) -> Option | Entry | None:
        """Returns the recipe with a config path, None if there is none."""
        # Hydra lets users write the name of a primary config with the extension of a file.
        path = _straight(config_path.removesuffix(".yaml"))
        if path in self._entries():
            return self._entries()[path]
        return next(filter(None, (listing.find(path) for listing in self._listings)), None)

    def _entries(self) -> dict[str, Entry]:
        """The recipes that were registered one by one; more may be registered at any time."""
        if self._module:
            return {}
        from fiddle_hydra_bridge.recipes.registry import REGISTRY

        return REGISTRY.entries

    @property
    def _listings(self) -> builtins.list[Listing]:
        """What lists the recipes of modules: of the one in the path, or of those that were registered whole."""
        from fiddle_hydra_bridge.recipes.listing import Listing
        from fiddle_hydra_bridge.recipes.registry import REGISTRY

        wanted = [(self._group, self._module)] if self._module else REGISTRY.modules
        for group, module in wanted:
            if (group, module) not in self._known:
                self._known[group, module] = Listing(module, group)
        return [self._known[each] for each in wanted]

    def __deepcopy__(self, memo: dict[int, Any]) -> RecipeSource:
        # Hydra copies its sources for every composition; what was listed stays listed.
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """Launchers send their sources to the processes of the jobs: that is how the registry travels."""
        registry = sys.modules.get(_REGISTRY)
        state = registry.REGISTRY.state() if registry is not None and not self._module else None
        return _restored, (self.provider, self.path, state)


def _restored(provider: str, path: str, state: Any) -> RecipeSource:
    if state is not None:
        from fiddle_hydra_bridge.recipes.registry import REGISTRY

        REGISTRY.restore(state)
    return RecipeSource(provider, f"fiddle://{path}")


class RecipeSearchPath(SearchPathPlugin):
    """Puts onto the search path what needs no ``hydra.searchpath``: the registry, and installed packages' recipes."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        for element in search_path.get_path():
            if element.provider == "main":
                element.path = _meant(element.path)
        # Who has registered nothing has not imported the registry.
        if _REGISTRY in sys.modules:
            search_path.append("fiddle_hydra_bridge", "fiddle://")
        from fiddle_hydra_bridge.recipes.entry_points import entry_points

        for distribution, group, module in entry_points():
            search_path.append(distribution, f"fiddle://{module}@{group}")


def _straight(config_path: str) -> str:
    """Returns a config path without steps up: a defaults list may say ``../engine: small``, as folders can be asked."""
    straight = posixpath.normpath(config_path) if ".." in config_path else config_path
    return "" if straight == "." else straight


def _meant(path: str) -> str:
    """Returns ``fiddle://x`` for what Hydra makes of it: a folder of an odd name beside the app."""
    folder, scheme, rest = path.replace("\\", "/").rpartition("fiddle:/")
    return f"fiddle://{rest.lstrip('/')}" if scheme and (not folder or folder.endswith("/")) else path
