"""How Hydra merges one config over another, for plain data: what comes out, and what must go in to get it.

In come and out go dicts, lists and leaves in Hydra's spelling; ``slots`` stands below. The rules are those of
``OmegaConf.merge`` for untyped configs: mappings go into mappings, everything else is replaced whole, ``???`` replaces
nothing, and a list and a mapping do not go together.
"""

from __future__ import annotations

from fiddle_hydra_bridge.convert.compare import first_difference
from fiddle_hydra_bridge.convert.paths import Path, format_path
from fiddle_hydra_bridge.convert.tree import MISSING, Data, Link

__all__ = ["NotPlainError", "merged", "overlay", "put"]


class NotPlainError(Exception):
    """A change that no merge makes.

    Args:
        path: the place of the change.
        reason: what happens there.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{format_path(path)} {reason}")
        self.path = path


def put(data: Data, path: Path) -> Data:
    """Returns the config that holds data at a path and nothing else.

    >>> put(3, ("model", "dim"))
    {'model': {'dim': 3}}
    """
    for step in reversed(path):
        data = {step: data}
    return data


def merged(old: Data, new: Data) -> Data:
    """Returns what one config merged over another gives; the two are not changed.

    >>> merged({"a": {"b": 1, "c": [1, 2]}}, {"a": {"c": [3]}})
    {'a': {'b': 1, 'c': [3]}}
    """
    if type(old) is dict and type(new) is dict:
        return {**old, **{key: merged(old[key], value) if key in old else value for key, value in new.items()}}
    return old if new is MISSING else new


def overlay(old: dict[str, Data], new: dict[str, Data], path: Path = ()) -> dict[str, Data]:
    """Returns the smallest config that gives ``new`` when it is merged over ``old``.

    Args:
        old: a config.
        new: what is to become of it.
        path: where the two stand.

    Raises:
        NotPlainError: if there is no such config: an entry is gone or unset again, or a call node is another call,
            which would keep entries of the old one.

    >>> overlay({"a": {"b": 1, "c": [1, 2]}}, {"a": {"b": 1, "c": [3]}})
    {'a': {'c': [3]}}
    """
    for key in old:
        if key not in new:
            raise NotPlainError((*path, key), "is taken away again")
    changes: dict[str, Data] = {}
    for key, value in new.items():
        place = (*path, key)
        before = old.get(key, MISSING)
        if type(before) is dict and type(value) is dict:
            below = overlay(before, value, place)
            if below:
                changes[key] = below
        elif key not in old or first_difference(before, value) is not None:
            if key in old and value is MISSING:
                raise NotPlainError(place, "is unset again")
            if key in old and key == "_target_":
                raise NotPlainError(path, "is replaced by another call")
            if type(before) is Link and type(value) is dict:
                raise NotPlainError(place, "is a link that is replaced by a node")
            if {type(before), type(value)} == {dict, list}:
                raise NotPlainError(place, "is a list in the place of a mapping, or a mapping in that of a list")
            changes[key] = value
    return changes
