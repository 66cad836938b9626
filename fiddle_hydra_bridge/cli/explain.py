"""``fiddle-hydra explain``."""

from fiddle_hydra_bridge.cli.options import Options, Words

__all__ = ["explain"]


def explain(key: str, /, *words: Words, options: Options = Options()) -> None:
    """Say where the value of a key comes from."""
