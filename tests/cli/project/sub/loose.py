"""Recipes in a folder that is no package."""

import fiddle as fdl


def pair() -> fdl.Config:
    return fdl.Config(dict, left=1, right=2)
