"""Recipes that installed packages advertise: entry points of the group ``fiddle_hydra_bridge.recipes``.

In come the folders of ``sys.path``, out come plain rows for ``config_source``. Every start of every Hydra app asks, so
the files are read directly, and not even a class is made: ``importlib.metadata`` takes ten times as long.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

__all__ = ["entry_points"]

GROUP = "fiddle_hydra_bridge.recipes"


def entry_points() -> list[tuple[str, str, str]]:
    """Returns the entry points of all installed packages; of two installations of one, the first on the path.

    Returns:
        the name of the package, the config group that its recipes are offered below, and the dotted name of the
        module with the recipes.
    """
    found: dict[str, list[tuple[str, str, str]]] = {}
    for folder in dict.fromkeys(sys.path):
        for distribution, text in _texts(folder or os.curdir):
            if distribution not in found:
                found[distribution] = list(_parsed(distribution, text))
    return [point for points in found.values() for point in points]


def _texts(folder: str) -> Iterator[tuple[str, str]]:
    """Yields names and texts of the metadata in a folder that mention the group."""
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith((".dist-info", ".egg-info")))
    except OSError:
        # No folder: a zip archive, or nothing at all.
        return
    for name in names:
        try:
            with open(os.path.join(folder, name, "entry_points.txt"), encoding="utf-8", errors="replace") as file:
                text = file.read()
        except OSError:
            # Most packages have no entry points.
            continue
        if GROUP in text:
            yield name.partition("-")[0], text


def _parsed(distribution: str, text: str) -> Iterator[tuple[str, str, str]]:
    section = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            section = line.strip("[] ")
        elif section == GROUP and "=" in line and not line.startswith(("#", ";")):
            name, _, value = line.partition("=")
            yield distribution, name.strip(), value.strip()
