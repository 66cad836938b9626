"""``allow=``: a whitelist of target paths that means the same on every Hydra line.

In come patterns, paths and what the paths stand for, out come refusals. ``callables`` stands above (the identity of
an object), ``targets`` asks before it imports anything and again afterwards.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Iterable, Iterator
from typing import Any

from fiddle_hydra_bridge.convert.callables import identity_of
from fiddle_hydra_bridge.convert.tree import HELPERS
from fiddle_hydra_bridge.errors import Problem, RefusedTargetError, TargetError

__all__ = [
    "check_identity",
    "check_name",
    "normalise_allow",
]


def normalise_allow(allow: str | Iterable[str] | None) -> tuple[str, ...] | None:
    """Returns the patterns of ``allow=`` as a tuple.

    Args:
        allow: exact target paths, or packages with a trailing ``.*``; ``None`` leaves the choice to Hydra's policy.

    Raises:
        TargetError: if a pattern is neither.
    """
    if allow is None:
        return None
    patterns = (allow,) if isinstance(allow, str) else tuple(allow)
    for pattern in patterns:
        name = pattern.removesuffix(".*") if isinstance(pattern, str) else ""
        if not all(name.split(".")) or "*" in name:
            raise TargetError(
                Problem(
                    f"{pattern!r} is not a pattern for allow=",
                    hint="write a target path such as 'my_app.Model' or a package such as 'my_app.*'",
                    kind=TargetError,
                )
            )
    return patterns


def _is_allowed(name: str, allow: tuple[str, ...]) -> bool:
    return any(name.startswith(pattern[:-1]) if pattern.endswith(".*") else name == pattern for pattern in allow)


def check_name(path: str, allow: tuple[str, ...]) -> None:
    if not _is_allowed(path, allow):
        raise RefusedTargetError(f"{path!r} is not in allow={list(allow)}")


def check_identity(path: str, value: object, allow: tuple[str, ...]) -> None:
    """Refuses what a wildcard reaches through a name that only leads out of the package.

    An exact entry is authoritative: it may name a re-export. Values that are neither callable nor modules have no
    identity of their own, so that only the modules on the way to them count.
    """
    if path in allow:
        return
    is_named = callable(value) or isinstance(value, types.ModuleType)
    if is_named and identity_of(value).startswith("fiddle_hydra_bridge.") and identity_of(value) not in HELPERS:
        # `fiddle_hydra_bridge.*` means the helpers: the converters would call anything, under no whitelist at all.
        raise RefusedTargetError(f"{path!r} is no helper that configuration may name")
    if is_named and not _is_allowed(identity_of(value), allow):
        raise RefusedTargetError(f"{path!r} stands for {identity_of(value)!r}, which is not in allow={list(allow)}")
    for prefix, owner in _modules_along(path):
        name = identity_of(owner)
        if name != prefix and not _is_allowed(f"{name}.*", allow):
            raise RefusedTargetError(f"{path!r} leads through {name!r}, which is not in allow={list(allow)}")


def _modules_along(path: str) -> Iterator[tuple[str, types.ModuleType]]:
    names = path.split(".")
    value: Any = sys.modules.get(names[0])
    for index, name in enumerate(names[1:], 1):
        if isinstance(value, types.ModuleType):
            yield ".".join(names[:index]), value
        value = getattr(value, name, None)
