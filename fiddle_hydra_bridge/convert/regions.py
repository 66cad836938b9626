"""What ``hydra_reader`` knows below one ``share`` node while it reads it.

In come the node's data, out goes the answer to two questions: what a ref names, and whether ``_partial_: true`` only
defers a call. ``hydra_writer`` has the counterpart.
"""

from __future__ import annotations

import copy

from fiddle_hydra_bridge.convert.paths import Path
from fiddle_hydra_bridge.convert.tree import Data, Tree

__all__ = ["Region"]


class Region:
    """What is known below one ``share`` node while it is read: its data, by path, and the nodes read so far.

    Attributes:
        calls: the calls in slots, by path: whether the share node makes them.
        slotted: whether what is read now stands in a slot.
    """

    def __init__(self, data: dict[str, Data], path: Path, outer: Region | None, calls: dict[Path, bool]) -> None:
        self.data = data
        self.path = path
        self.outer = outer
        self.calls = calls
        self.slotted = False
        self.nodes: dict[int, Tree] = {}
        #: The nodes that are being read: a ref to one of them would contain itself.
        self.open = {id(data)}

    def at(self, steps: Path) -> Region:
        """Returns the same share node for what stands at a path from it on."""
        if not self.calls:
            return self
        slotted = any(steps[: len(slot)] == slot for slot in self.calls)
        if slotted is self.slotted:
            return self
        view = copy.copy(self)
        view.slotted = slotted
        return view

    def defers(self, path: Path) -> bool:
        """Whether ``_partial_: true`` at a path only defers the call."""
        return not self.slotted or self.calls.get(path[len(self.path) :], False)
