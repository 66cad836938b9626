"""Hydra's reserved keys and the bridge's own: what the reader and the writer of call nodes both know.

``hydra_reader`` and ``hydra_writer`` stand on either side; their methods follow the same order, so that the reader
and the writer of one rule are found at the same height.
"""

from __future__ import annotations

from typing import Any

__all__ = ["CONTROL", "DEFERRED_TARGET", "MODES", "RESERVED", "SHARED_PARTIAL", "SHARED_TARGET", "normal_mode"]

#: Hydra's conversion modes.
MODES = ("none", "partial", "object", "all")
#: Keys of a call node that are not arguments, on either Hydra line; ``_call_`` is NeMo-Run's.
CONTROL = frozenset({"_target_", "_partial_", "_args_", "_convert_", "_recursive_", "_isolate_", "_call_"})
#: Where a ``share`` node keeps the call that it makes in the end, and whether it makes a partial of it.
SHARED_TARGET = "_shared_target_"
SHARED_PARTIAL = "_shared_partial_"
#: Where a ``partial`` or ``arg_factory`` node keeps its function.
DEFERRED_TARGET = "_deferred_target_"
#: Keys that a call node cannot have as arguments.
RESERVED = CONTROL | {SHARED_TARGET, SHARED_PARTIAL, DEFERRED_TARGET, "_ref_", "_execution_whitelist_"}


def normal_mode(mode: Any) -> Any:
    """Returns a ``_convert_`` in lower case: Hydra takes names and members of its enum, whatever their case."""
    value = getattr(mode, "value", mode)
    return value.lower() if isinstance(value, str) else value
