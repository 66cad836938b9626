"""A module that cannot be imported."""

raise KeyError("a missing key")
