"""Not a group: there are no recipes here."""

from __future__ import annotations


def helper() -> dict[str, int]:
    return {}
