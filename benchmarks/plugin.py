"""What the plugin costs: ``python -m benchmarks.plugin``.

Starts Hydra apps in processes of their own, in turns, and compares the processor time of the fastest start of each:
an app that does not use recipes, with and without the plugin; and an app that uses one recipe of 1 and of 1,000.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]

#: The search path of plugins without ours, as if it were not installed.
WITHOUT_PLUGIN = """
import os, hydra_plugins
hydra_plugins.__path__ = [
    folder for folder in hydra_plugins.__path__ if not os.path.isdir(os.path.join(folder, "fiddle_hydra_bridge"))
]
"""

APP = """
import time
import hydra

@hydra.main(config_path=None, version_base="1.3")
def main(config):
    pass

main()
print(time.process_time())
"""

RECIPE = '''

def {name}() -> fdl.Config[Fraction]:
    """A fraction."""
    return fdl.Config(
        Fraction,
        numerator={number},
        denominator=3,
    )
'''


def write_recipes(folder: Path, package: str, modules: int, recipes: int) -> None:
    """Writes a package of modules with recipes each, and the primary config of an app."""
    (folder / package).mkdir(parents=True)
    (folder / package / "__init__.py").touch()
    for module in range(modules):
        body = "".join(RECIPE.format(name=f"recipe_{number}", number=number) for number in range(recipes))
        head = "from fractions import Fraction\n\nimport fiddle as fdl\n"
        (folder / package / f"group_{module}.py").write_text(head + body)
    (folder / f"{package}.yaml").write_text(f"hydra:\n  searchpath: ['fiddle://{package}']\n")


def seconds(code: str, folder: Path, *words: str) -> float:
    """Runs an app, and returns the processor time from the start of Python to its end."""
    # An installed package has its bytecode, so the first round writes it.
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = str(folder / "bytecode")
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, *words, "hydra.run.dir=.", "hydra.output_subdir=null"],
        cwd=folder,
        env={**environment, "PYTHONPATH": os.pathsep.join([str(PROJECT), str(folder)])},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(result.stdout.splitlines()[-1])


def fastest(cases: dict[str, tuple[str, list[str]]], folder: Path, rounds: int) -> dict[str, float]:
    """Runs the cases in turns, so that a busy moment of the machine hits all alike."""
    times: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(rounds):
        for name, (code, words) in cases.items():
            times[name].append(seconds(code, folder, *words))
    return {name: min(each) for name, each in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_recipes(folder, "one", 1, 1)
        write_recipes(folder, "many_modules", 50, 20)
        write_recipes(folder, "one_module", 1, 1000)
        choice = ["--config-dir", str(folder), "+group_0=recipe_0"]
        times = fastest(
            {
                "without": (WITHOUT_PLUGIN + APP, []),
                "with": (APP, []),
                **{
                    package: (APP, ["--config-name", package, *choice])
                    for package in ("one", "many_modules", "one_module")
                },
            },
            folder,
            rounds,
        )
    print(f"start of a Hydra app without the plugin     {times['without'] * 1e3:7.1f} ms")
    print(f"the same with the plugin, unused            {times['with'] * 1e3:7.1f} ms", end="")
    print(f"   {(times['with'] - times['without']) * 1e3:+.1f} ms")
    print(f"an app with one recipe on offer             {times['one'] * 1e3:7.1f} ms")
    for package, words in {
        "many_modules": "1,000 recipes in 50 modules",
        "one_module": "1,000 recipes in one module",
    }.items():
        print(f"the same with {words:30}{times[package] * 1e3:7.1f} ms   {times[package] / times['one']:.2f} times")


if __name__ == "__main__":
    main()
