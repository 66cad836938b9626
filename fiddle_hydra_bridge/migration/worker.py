"""The process that compares a package with its YAML: ``python -m fiddle_hydra_bridge.migration.worker``.

In comes one request as JSON on the standard input, out go lines of JSON on the standard output, one for each config and
a last one for the whole; what recipes print goes to the standard error. ``client`` starts it.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hydra.errors import HydraException
from hydra.version import setbase

from fiddle_hydra_bridge.errors import first_line
from fiddle_hydra_bridge.migration.constants import Survey
from fiddle_hydra_bridge.migration.scan import ConfigFile
from fiddle_hydra_bridge.migration.stand_ins import imported_modules, stand_in_modules
from fiddle_hydra_bridge.migration.verify import Comparison

__all__ = ["serve"]


def serve(request: dict[str, Any]) -> None:
    """Does what is asked, and prints what it finds."""
    output, sys.stdout = sys.stdout, sys.stderr
    # Old trees use old spellings, which Hydra tells again for every config.
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    package = Path(request["package"])
    problem = _problem(package.name, request["version_base"])
    if problem is not None:
        output.write(json.dumps({"refused": problem}) + "\n")
        return
    sys.path.insert(0, str(package.parent))
    stand_in_modules(imported_modules(package))
    comparison = Comparison(
        request["folder"],
        package.name,
        request["primaries"],
        version_base=request["version_base"],
        dialect=request["dialect"],
        inline=request["inline"],
    )
    configs = [ConfigFile(Path(file), group, name) for file, group, name in request["configs"]]
    for answer in _survey(comparison, configs) if request["survey"] else _compare(comparison, configs, request):
        output.write(json.dumps(answer) + "\n")
        output.flush()


def _problem(package: str, version_base: str | None) -> str | None:
    """Why nothing can be composed, if so."""
    if package in sys.modules or package in sys.stdlib_module_names:
        return f"there is another module of the name {package!r}, which the package would hide: choose another name"
    if version_base is not None:
        try:
            setbase(version_base)
        except (HydraException, ValueError) as error:  # a word that is no version is a ValueError
            return f"version_base={version_base!r}: {first_line(error)}"
    return None


def _survey(comparison: Comparison, configs: list[ConfigFile]) -> Iterator[dict[str, Any]]:
    survey = Survey(configs)
    for command_line in comparison.survey(configs, survey):
        yield {"surveyed": command_line}
    yield {"constants": survey.constants().to_rows()}


def _compare(comparison: Comparison, configs: list[ConfigFile], request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for row in comparison.rows(configs):
        yield dataclasses.asdict(row)
    for name, overrides in request["cases"]:
        yield {"case": name, **comparison.compared(name, overrides)._asdict()}
    yield {"stand_ins": sorted(comparison.stand_ins)}


if __name__ == "__main__":
    serve(json.load(sys.stdin))
