"""The process that compares a package with its YAML: ``python -m fiddle_hydra_bridge.migration.worker``.

In comes one request as JSON on the standard input, out go lines of JSON on the standard output, one for each config and
a last one for the whole; what recipes print goes to the standard error. ``migrate`` starts it.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import sys
import warnings
from pathlib import Path
from typing import Any

from fiddle_hydra_bridge.migration.scan import ConfigFile
from fiddle_hydra_bridge.migration.stand_ins import imported_modules, stand_in_modules
from fiddle_hydra_bridge.migration.verify import Comparison

__all__ = ["serve"]


def serve(request: dict[str, Any]) -> None:
    """Compares, and prints what it finds."""
    output, sys.stdout = sys.stdout, sys.stderr
    # Old trees use old spellings, which Hydra tells again for every config.
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    package = Path(request["package"])
    sys.path.insert(0, str(package.parent))
    stand_in_modules(imported_modules(package))
    comparison = Comparison(request["folder"], package.name, request["version_base"], request["dialect"])
    configs = [ConfigFile(Path(file), group, name) for file, group, name, _ in request["configs"]]
    packages = {config.path: row[3] for config, row in zip(configs, request["configs"], strict=True)}

    def say(message: dict[str, Any]) -> None:
        output.write(json.dumps(message) + "\n")
        output.flush()

    for row in comparison.rows(configs, packages):
        say(dataclasses.asdict(row))
    for name, overrides in request["cases"]:
        say({"case": name, **comparison.compared(name, overrides)._asdict()})
    say({"stand_ins": sorted(comparison.stand_ins)})


if __name__ == "__main__":
    serve(json.load(sys.stdin))
