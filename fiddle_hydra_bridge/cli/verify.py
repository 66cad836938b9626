"""``fiddle-hydra verify``: whether two configs build the same, or one config by Fiddle and by plain Hydra.

In come config arguments and options, out goes a verdict, with the place where they part.
"""

from __future__ import annotations

import fiddle_hydra_bridge as fhb
from fiddle_hydra_bridge.cli.failures import PROBLEMS
from fiddle_hydra_bridge.cli.options import Options, Words

__all__ = ["verify"]


def verify(*words: Words, options: Options = Options()) -> int:
    """Build two configs, or one by Fiddle and by plain Hydra, and say whether the results are equivalent.

    Overrides stand behind the configs and hold for both. With --config-name, the composed config is the last one.
    """
    from fiddle_hydra_bridge.cli.finding import find_configs
    from fiddle_hydra_bridge.convert.compare import first_difference

    configs, overrides = find_configs(words, options, most=2)
    # Reading the graph comes first: it refuses the targets that --allow does not allow.
    built = [fhb.build(config.graph(overrides, options), allow=options.allow) for config in configs]
    if len(configs) == 1:
        built.append(configs[0].by_hydra(overrides, options))
    difference = first_difference(*built)
    print("equivalent" if difference is None else f"not equivalent: {difference}")
    return 0 if difference is None else PROBLEMS
