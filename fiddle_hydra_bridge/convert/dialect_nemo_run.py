"""NeMo-Run's spelling: ``_call_`` says whether a target is called, or is itself the value.

In come the entries of a mapping, out go those that plain Hydra would have. ``from_hydra`` reads ``_call_`` without a
dialect, too; with it the result is Hydra's own spelling, which other tools read. ``dialects`` calls this for every
mapping.
"""

from __future__ import annotations

from dataclasses import replace

from fiddle_hydra_bridge.convert.dialect import Entries

__all__ = ["entries"]


def entries(found: Entries) -> Entries:
    """Returns the entries in Hydra's words."""
    if "_call_" not in found or "_target_" not in found:
        return found
    others = {key: entry for key, entry in found.items() if key != "_call_"}
    if found["_call_"].value is not False:
        return others
    target = found["_target_"]
    return {"_target_": replace(target, value="hydra.utils.get_object"), "path": target}
