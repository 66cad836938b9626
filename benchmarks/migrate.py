"""How migration grows with a tree: ``python -m benchmarks.migrate``.

Makes trees of more and more files, migrates them with and without ``inline``, and compares the time of each file, and
the most memory that the processes take. An option of a group is a call node with eight others in it; it is composed
with a primary config of ten groups.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import tempfile
import time
from pathlib import Path

import hydra

import fiddle_hydra_bridge as fhb

GROUPS = 10
LAYERS = "".join(f"k{index}: {{_target_: app.nets.Layer, a: {index}, b: '${{..dim}}'}}\n" for index in range(8))


def write_tree(conf: Path, options: int) -> None:
    """Writes a tree of so many options, in ten groups, and a primary config."""
    for index in range(options):
        file = conf / f"g{index % GROUPS}" / f"o{index // GROUPS}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"_target_: app.nets.Net{index % GROUPS}\ndim: 8\nhidden: ${{seed}}\n{LAYERS}")
    defaults = ", ".join(f"g{index}: o0" for index in range(GROUPS))
    (conf / "config.yaml").write_text(f"defaults: [{defaults}, _self_]\nseed: 1\n")


def measured(
    conf: str, package: str, inline: bool, answer: multiprocessing.SimpleQueue[tuple[float, int, int]]
) -> None:
    """Migrates a tree; answers with seconds, and the most memory here and in the process that compares, in kB."""
    start = time.perf_counter()
    report = fhb.migrate(conf, package, inline=inline)
    seconds = time.perf_counter() - start
    assert report.ok and not report.count("alike"), report
    usage = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    answer.put((seconds, *usage))


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.migrate", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[50, 200, 1000], help="how many options")
    sizes = parser.parse_args().sizes
    print(f"Hydra {hydra.__version__}\n")
    print(f"{'files':>6}{'inline':>8}{'seconds':>9}{'ms a file':>11}{'MB here':>9}{'MB comparing':>14}")
    context = multiprocessing.get_context("spawn")
    for inline in (False, True):
        for size in sizes:
            with tempfile.TemporaryDirectory() as folder:
                write_tree(Path(folder, "conf"), size)
                answer = context.SimpleQueue()
                arguments = (f"{folder}/conf", f"{folder}/recipes", inline, answer)
                process = context.Process(target=measured, args=arguments)
                process.start()
                process.join()
                seconds, here, comparing = answer.get()
            cells = f"{seconds:9.1f}{seconds / (size + 1) * 1e3:11.0f}{here / 1024:9.0f}{comparing / 1024:14.0f}"
            print(f"{size + 1:6}{'yes' if inline else 'no':>8}{cells}", flush=True)


if __name__ == "__main__":
    main()
