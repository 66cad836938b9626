"""Hydra's YAML and Fiddle's configs, interchangeable: ``import fiddle_hydra_bridge as fhb``.

This module is the face of the package: names only. Each is loaded when it is first used, so that importing the
package imports neither fiddle nor hydra, and changes nothing global.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0.dev0"

if TYPE_CHECKING:
    from fiddle_hydra_bridge.convert.bridge import from_hydra, from_yaml, to_hydra, to_yaml
    from fiddle_hydra_bridge.convert.codec import Codec
    from fiddle_hydra_bridge.convert.compare import equivalent, same_graph
    from fiddle_hydra_bridge.convert.files import load, save
    from fiddle_hydra_bridge.convert.instantiation import instantiate
    from fiddle_hydra_bridge.convert.links import build, link, resolve
    from fiddle_hydra_bridge.convert.printing import to_python
    from fiddle_hydra_bridge.convert.runtime import (
        arg_factory,
        partial,
        ref,
        section,
        share,
        structured,
        tagged,
        value,
    )
    from fiddle_hydra_bridge.convert.targets import LazyTarget
    from fiddle_hydra_bridge.errors import (
        BridgeError,
        ExpansionError,
        LinkError,
        ParameterError,
        Place,
        Problem,
        RefusedTargetError,
        ShareError,
        SyntaxProblemError,
        TargetError,
        UnsupportedValueError,
    )
    from fiddle_hydra_bridge.migration.migrate import migrate
    from fiddle_hydra_bridge.recipes.app import main
    from fiddle_hydra_bridge.recipes.call_node import node
    from fiddle_hydra_bridge.recipes.checking import check_recipes
    from fiddle_hydra_bridge.recipes.compose import compose, explain
    from fiddle_hydra_bridge.recipes.config_store import store_recipe
    from fiddle_hydra_bridge.recipes.overrides import override
    from fiddle_hydra_bridge.recipes.registry import recipe, register
    from fiddle_hydra_bridge.vocabulary.autoconvert import autoconvert
    from fiddle_hydra_bridge.vocabulary.config import Config, Partial, broadcast, walk
    from fiddle_hydra_bridge.vocabulary.script import Script, ScriptError

__all__ = [
    "BridgeError",
    "Codec",
    "Config",
    "ExpansionError",
    "LazyTarget",
    "LinkError",
    "ParameterError",
    "Partial",
    "Place",
    "Problem",
    "RefusedTargetError",
    "Script",
    "ScriptError",
    "ShareError",
    "SyntaxProblemError",
    "TargetError",
    "UnsupportedValueError",
    "arg_factory",
    "autoconvert",
    "broadcast",
    "build",
    "check_recipes",
    "compose",
    "equivalent",
    "explain",
    "from_hydra",
    "from_yaml",
    "instantiate",
    "link",
    "load",
    "main",
    "migrate",
    "node",
    "override",
    "partial",
    "recipe",
    "ref",
    "register",
    "resolve",
    "same_graph",
    "save",
    "section",
    "share",
    "store_recipe",
    "structured",
    "tagged",
    "to_hydra",
    "to_python",
    "to_yaml",
    "value",
    "walk",
]

_ERRORS = "fiddle_hydra_bridge.errors"
_CONVERT = "fiddle_hydra_bridge.convert."
_VOCABULARY = "fiddle_hydra_bridge.vocabulary."
_HOMES = {
    **dict.fromkeys(["from_hydra", "from_yaml", "to_hydra", "to_yaml"], _CONVERT + "bridge"),
    **dict.fromkeys(["build", "link", "resolve"], _CONVERT + "links"),
    **dict.fromkeys(["load", "save"], _CONVERT + "files"),
    **dict.fromkeys(
        ["arg_factory", "partial", "ref", "section", "share", "structured", "tagged", "value"], _CONVERT + "runtime"
    ),
    **dict.fromkeys(["equivalent", "same_graph"], _CONVERT + "compare"),
    **dict.fromkeys(["Config", "Partial", "broadcast", "walk"], _VOCABULARY + "config"),
    **dict.fromkeys(["Script", "ScriptError"], _VOCABULARY + "script"),
    **dict.fromkeys(["compose", "explain"], "fiddle_hydra_bridge.recipes.compose"),
    **dict.fromkeys(["recipe", "register"], "fiddle_hydra_bridge.recipes.registry"),
    "main": "fiddle_hydra_bridge.recipes.app",
    "check_recipes": "fiddle_hydra_bridge.recipes.checking",
    "node": "fiddle_hydra_bridge.recipes.call_node",
    "migrate": "fiddle_hydra_bridge.migration.migrate",
    "override": "fiddle_hydra_bridge.recipes.overrides",
    "store_recipe": "fiddle_hydra_bridge.recipes.config_store",
    "autoconvert": _VOCABULARY + "autoconvert",
    "Codec": _CONVERT + "codec",
    "LazyTarget": _CONVERT + "targets",
    "instantiate": _CONVERT + "instantiation",
    "to_python": _CONVERT + "printing",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(importlib.import_module(_HOMES.get(name, _ERRORS)), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
