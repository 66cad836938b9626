"""What all tests share: the Hypothesis profiles and the corpus of real config trees."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

PROJECT = Path(__file__).resolve().parents[1]

# No deadlines: how long an example takes depends on the machine and says nothing about the bridge.
settings.register_profile("fast", max_examples=50, deadline=None)
# The same examples every time, so that a change is only ever refused for what it changed.
settings.register_profile("ci", max_examples=200, deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "fast")


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder with the config trees of public projects, one folder a project."""
    folder = PROJECT.parent / "shared" / "corpus"
    if not folder.is_dir():
        pytest.skip("the corpus of real config trees is not there: it is kept beside the checkout, in ../shared/corpus")
    return folder
