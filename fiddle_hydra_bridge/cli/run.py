"""``fiddle-hydra run``: a config as a Hydra app.

In come a config argument, overrides and Hydra's own flags; out goes what the config builds, called if it is a partial
or a script. Composition, output folders, sweeps and launchers are Hydra's, by way of ``fhb.main``.
"""

from __future__ import annotations

import functools
import os
import re
import sys
from dataclasses import replace
from typing import Any

import fiddle_hydra_bridge as fhb
from fiddle_hydra_bridge.cli.options import Options, Words

__all__ = ["run"]


def run(*words: Words, options: Options = Options()) -> None:
    """Build a config in a Hydra app, and call what it builds if that is a partial or a script.

    Behind the config, Hydra's own flags work as in any app: --multirun, --cfg job, --info, --hydra-help.
    Without --config-name, --config-dir is Hydra's too: a folder with more options.
    """
    from fiddle_hydra_bridge.cli.finding import find_configs

    more: list[str] = []
    if options.config_name is None and options.config_dir is not None:
        more = ["--config-dir", str(options.config_dir)]
        options = replace(options, config_dir=None)
    (config,), arguments = find_configs(words, options, flags=True)
    path, name = config.primary(options)
    sys.argv = [sys.argv[0], *more, *arguments]
    # The job is called like the config, and not like this module; errors come as they are, to be shown by the command.
    job = re.sub(r"[^\w-]", "_", name.rpartition("/")[2])
    os.environ.update(HYDRA_MAIN_MODULE=job, HYDRA_FULL_ERROR="1")
    app = fhb.main(path, name, share=options.share, convert=options.convert, allow=options.allow)
    app(functools.partial(build_and_call, allow=options.allow))()


def build_and_call(graph: Any, allow: list[str] | None = None) -> Any:
    """Builds a graph, calls a partial, runs a script; what it returns is a sweeper's to judge.

    Args:
        graph: the graph.
        allow: patterns of targets for nodes that links reach.
    """
    import fiddle as fdl

    from fiddle_hydra_bridge.vocabulary.tree_view import short

    # Not `fhb.build`, which says what it knows of a node that fails: the app knows its line.
    built = fdl.build(fhb.resolve(graph, allow=allow))
    if isinstance(built, fhb.Script):
        built.run()
        return None
    result = built() if isinstance(built, functools.partial) else built
    if result is not None:
        print(short(result))
    return result
