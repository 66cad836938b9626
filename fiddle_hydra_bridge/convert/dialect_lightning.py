"""LightningCLI's and jsonargparse's spelling: ``class_path``, ``init_args`` and ``dict_kwargs``.

In come the entries of a mapping, out go those that Hydra would have: the target, then its arguments beside it. The
``class_path`` must be a full path; the short names that LightningCLI knows for subclasses need its classes.
``dialects`` calls this for every mapping.
"""

from __future__ import annotations

import re

from fiddle_hydra_bridge.convert.dialect import Entries

__all__ = ["entries", "link"]

_KEYS = frozenset({"class_path", "init_args", "dict_kwargs"})
_STEP = re.compile(r"\.(?:init_args|dict_kwargs)(?=[.\[}])")
_INTERPOLATION = re.compile(r"\$\{[^{}]*\}")


def entries(found: Entries) -> Entries:
    """Returns the entries in Hydra's words."""
    if not found or not found.keys() <= _KEYS:
        return found
    # Without a class_path it is an overlay: it changes arguments of what another file names.
    made = {"_target_": found["class_path"]} if "class_path" in found else {}
    for key in ("init_args", "dict_kwargs"):
        if key in found:
            made |= found[key].entries()
    return made


def link(expression: str) -> str:
    """Returns an interpolation without the steps that Hydra's spelling does not have.

    >>> link("${model.init_args.dim}/${seed}")
    '${model.dim}/${seed}'
    """
    return _INTERPOLATION.sub(lambda found: _STEP.sub("", found[0]), expression)
