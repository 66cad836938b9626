"""``fiddle-hydra migrate``: a tree of YAML configs becomes a package of recipes, compared config by config.

In come two folders and options, out goes the report. A progress bar is drawn on standard error, if that is a terminal.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

import fiddle_hydra_bridge as fhb
from fiddle_hydra_bridge.cli.failures import PROBLEMS, UsageError
from fiddle_hydra_bridge.cli.options import Dialect

__all__ = ["migrate"]


def migrate(
    conf_dir: Annotated[Path, Parameter(name="CONF_DIR", help="The folder of the configs, as the app names it.")],
    out_package: Annotated[Path, Parameter(name="OUT_PACKAGE", help="The folder of the package that is written.")],
    /,
    *,
    force: Annotated[bool, Parameter(help="Replace a folder that is not empty, with all that is in it.")] = False,
    lazy: Annotated[bool, Parameter(help="Write placeholders for targets, which import when they are called.")] = False,
    inline: Annotated[
        bool, Parameter(help="Make Python variables of interpolations that mean the same in every config.")
    ] = False,
    dialect: Annotated[Dialect | None, Parameter(help="Whose words the configs speak.")] = None,
    version_base: Annotated[str | None, Parameter(help="The version_base of the app's hydra.main.")] = None,
    format: Annotated[Literal["text", "json"], Parameter(help="How the report is written.")] = "text",
) -> int:
    """Write a package of Python recipes that runs in place of a folder of YAML configs, and compare the two."""
    # The app's own modules are found as `python -m` finds them; they are looked up, and not imported.
    sys.path.insert(0, os.getcwd())
    try:
        with _progress_bar() as progress:
            report = fhb.migrate(
                conf_dir,
                out_package,
                force=force,
                lazy=lazy,
                inline=inline,
                dialect=dialect,
                version_base=version_base,
                progress=progress,
            )
    except fhb.ParameterError as error:
        raise UsageError(str(error)) from error
    print(report.to_json() if format == "json" else report, end="" if format == "json" else "\n")
    return 0 if report.ok else PROBLEMS


@contextmanager
def _progress_bar() -> Iterator[Callable[[str, int, int], None] | None]:
    """Draws how far the work is, and takes it away again at the end; draws nothing where nobody looks."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        tasks = {}

        def show(doing: str, done: int, total: int) -> None:
            if doing not in tasks:
                tasks[doing] = bar.add_task(doing, total=total)
            bar.update(tasks[doing], completed=done)

        yield show
