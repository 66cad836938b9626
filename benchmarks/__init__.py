"""What the bridge costs, measured: ``run`` for conversions, ``plugin`` for the start of Hydra apps.

The targets that the benchmarks' configs call stand here, so that both Hydra and Fiddle import them by one name. They do
next to nothing: what is measured is the way to them.
"""

from __future__ import annotations

from typing import Any

__all__ = ["Part", "Whole"]


class Part:
    """Three arguments, as most call nodes of a config have."""

    def __init__(self, a: Any = None, b: Any = None, c: Any = None) -> None:
        self.a = a
        self.b = b
        self.c = c


class Whole:
    """Any keyword arguments, as the larger classes of a training run have."""

    def __init__(self, **parts: Any) -> None:
        self.parts = parts
