"""What all tests of recipes need."""

from __future__ import annotations

import pytest

from fiddle_hydra_bridge.recipes.registry import REGISTRY, Registry


@pytest.fixture(autouse=True)
def empty_registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    """The registry, emptied: recipes that other tests have imported are on offer in this process, too."""
    monkeypatch.setattr(REGISTRY, "entries", {})
    monkeypatch.setattr(REGISTRY, "modules", [])
    return REGISTRY
