"""Hydra's reserved keys and the bridge's own: what the reader and the writer of call nodes both know.

``hydra_reader`` and ``hydra_writer`` stand on either side; their methods follow the same order, so that the reader
and the writer of one rule are found at the same height.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "CONTROL",
    "DEFERRED_TARGET",
    "MODES",
    "NOT_DATA",
    "RESERVED",
    "ROOT_CONTROL",
    "SHARED_PARTIAL",
    "SHARED_REFS",
    "SHARED_SLOTS",
    "SHARED_TARGET",
    "normal_mode",
]

#: Hydra's conversion modes.
MODES = ("none", "partial", "object", "all")
#: What Hydra takes away from a mapping at the root; elsewhere it leaves all but ``_target_``.
ROOT_CONTROL = frozenset({"_target_", "_convert_", "_recursive_", "_partial_"})
#: Keys of a call node that are not arguments, on either Hydra line; ``_call_`` is NeMo-Run's.
CONTROL = ROOT_CONTROL | {"_args_", "_isolate_", "_call_"}
#: Keys that make a mapping something else than data, in Hydra (on either line) or in NeMo-Run.
NOT_DATA = CONTROL | {"_execution_whitelist_"}
#: Where a ``share`` node keeps the call that it makes in the end, and whether it makes a partial of it.
SHARED_TARGET = "_shared_target_"
SHARED_PARTIAL = "_shared_partial_"
#: Where it says which nodes below it other configs give (true: the call is left to it, false: Hydra makes it), and
#: where it keeps the refs that stand in those: an interpolation replaces a node whole, which a ref itself cannot.
SHARED_SLOTS = "_shared_slots_"
SHARED_REFS = "_shared_refs_"
#: Where a ``partial`` or ``arg_factory`` node keeps its function.
DEFERRED_TARGET = "_deferred_target_"
#: Keys that a call node cannot have as arguments.
RESERVED = NOT_DATA | {SHARED_TARGET, SHARED_PARTIAL, SHARED_SLOTS, SHARED_REFS, DEFERRED_TARGET, "_ref_"}


def normal_mode(mode: Any) -> Any:
    """Returns a ``_convert_`` in lower case: Hydra takes names and members of its enum, whatever their case."""
    value = getattr(mode, "value", mode)
    return value.lower() if isinstance(value, str) else value
