"""The bridge's place among Hydra's plugins: the config source ``fiddle://`` and what puts recipes on search paths.

Every Hydra app on the machine imports this module when it looks for plugins, Hydra 1.3 even runs it twice. It must
therefore stay cheap and free of side effects. The classes live in the package, so that they are the same however
often this module runs. ``hydra_plugins`` itself has no ``__init__.py``: it is a namespace that all plugins share.
"""

from __future__ import annotations

from fiddle_hydra_bridge.recipes.config_source import RecipeSearchPath, RecipeSource

__all__ = ["RecipeSearchPath", "RecipeSource"]
