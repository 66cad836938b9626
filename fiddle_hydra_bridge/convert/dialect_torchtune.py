"""torchtune's spelling: ``_component_`` is ``_target_``; the arguments stand beside it, as in Hydra.

In come the entries of a mapping, out go those that Hydra would have. ``dialects`` calls this for every mapping.
"""

from __future__ import annotations

from fiddle_hydra_bridge.convert.dialect import Entries

__all__ = ["entries"]


def entries(found: Entries) -> Entries:
    """Returns the entries in Hydra's words."""
    return {"_target_" if key == "_component_" else key: entry for key, entry in found.items()}
