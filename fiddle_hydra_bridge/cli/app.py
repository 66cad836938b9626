"""The commands, and what they have in common: parsing, errors, exit codes.

In come the words of a command line, out goes an exit code. Each command is one module with one function, whose
parameters are its options and whose docstring is its help. A new command is a new module and a row in ``COMMANDS``.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from cyclopts import App, CycloptsError, Parameter

from fiddle_hydra_bridge import __version__
from fiddle_hydra_bridge.cli.convert import python, yaml
from fiddle_hydra_bridge.cli.explain import explain
from fiddle_hydra_bridge.cli.failures import CLOSED_PIPE, WRONG_USE, origin_of, report, say
from fiddle_hydra_bridge.cli.migrate import migrate
from fiddle_hydra_bridge.cli.options import Options
from fiddle_hydra_bridge.cli.output import console
from fiddle_hydra_bridge.cli.run import run as run_config
from fiddle_hydra_bridge.cli.show import show
from fiddle_hydra_bridge.cli.verify import verify

__all__ = ["run"]

_CONFIG = "CONFIG [OVERRIDES]..."
#: By name: the function, and what its usage says of its words.
COMMANDS: dict[str, tuple[Callable[..., Any], str]] = {
    "show": (show, _CONFIG),
    "yaml": (yaml, _CONFIG),
    "python": (python, _CONFIG),
    "explain": (explain, f"KEY {_CONFIG}"),
    "run": (run_config, f"{_CONFIG} [HYDRA'S FLAGS]..."),
    "verify": (verify, "CONFIG [CONFIG] [OVERRIDES]..."),
    "migrate": (migrate, "CONF_DIR OUT_PACKAGE"),
}


def run(words: Sequence[str]) -> int:
    """Runs the command that the words name, and returns its exit code.

    Args:
        words: the words behind the name of the program.
    """
    debug = False
    try:
        command, bound, _ = _app().parse_args(words, exit_on_error=False, print_error=False)
        debug = any(isinstance(value, Options) and value.debug for value in bound.arguments.values())
        with warnings.catch_warnings():
            # Hydra 1.4 says so of each single target that was resolved without a whitelist, which --allow gives.
            warnings.filterwarnings("ignore", message=r"hydra\.utils\.instantiate\(\) resolved _target_")
            code = command(*bound.args, **bound.kwargs)
        sys.stdout.flush()
        return int(code or 0)
    except CycloptsError as error:
        say(str(error))
        return WRONG_USE
    except Exception as error:  # a command runs user code, which may raise anything; it is shown
        if isinstance(error, BrokenPipeError) and origin_of(error) is None:
            # Whoever reads the output has seen enough. Python would complain when it writes the rest at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return CLOSED_PIPE
        return report(error, debug)


def _app() -> App:
    app = App(
        name="fiddle-hydra",
        help="Show, convert, explain, run and compare configs: Hydra's YAML and Fiddle's recipes.",
        version=__version__,
        default_parameter=Parameter(negative=(), show_default=lambda value: None if value is False else value),
        console=console(),
        help_formatter="default" if sys.stdout.isatty() else "plain",
        help_format="plaintext",
    )
    for position, (name, (function, usage)) in enumerate(COMMANDS.items()):
        app.command(function, name=name, usage=f"Usage: fiddle-hydra {name} [OPTIONS] {usage}", sort_key=position)
    app.register_install_completion_command()
    return app
