"""What a run leaves behind: ``loss.csv``, ``loss.png`` and ``checkpoint.npz``; and its progress on the screen."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from matplotlib.figure import Figure
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from examples.pretrain.checkpoint import TrainingState, atomic_write, save_checkpoint

__all__ = ["Logger"]


class Logger:
    """Writes the files of a run.

    Args:
        log_dir: the directory for them; made if it is not there.
        save_every: steps between two saves; the last step is always saved.
    """

    def __init__(self, log_dir: str, save_every: int = 100) -> None:
        self.log_dir = log_dir
        self.save_every = save_every

    @contextmanager
    def progress(self, max_steps: int) -> Iterator[Callable[[TrainingState], None]]:
        """Gives the function to call after every step: it shows the progress and saves the state when it is time.

        On a terminal the progress is a bar, otherwise a line for every save.
        """
        console = Console()
        columns = (MofNCompleteColumn(), BarColumn(), TextColumn("loss {task.fields[loss]:.3f}"), TimeRemainingColumn())
        with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
            task = bar.add_task("training", total=max_steps, loss=float("nan"))

            def step_done(state: TrainingState) -> None:
                steps, (loss, _) = len(state.history), state.history[-1]
                bar.update(task, completed=steps, loss=loss)
                if steps % self.save_every == 0 or steps == max_steps:
                    self.save(state)
                    if not console.is_terminal:
                        print(f"step {steps}/{max_steps}  loss {loss:.3f}", flush=True)

            yield step_done

    def save(self, state: TrainingState) -> None:
        """Writes the checkpoint and the loss curve."""
        directory = Path(self.log_dir)
        save_checkpoint(state, directory / "checkpoint.npz")
        with atomic_write(directory / "loss.csv") as file:
            file.write(_csv(state).encode())
        with atomic_write(directory / "loss.png") as file:
            _curve(state).savefig(file, format="png", dpi=120)


def _csv(state: TrainingState) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["step", "loss", "lr"])
    writer.writerows([step, loss, lr] for step, (loss, lr) in enumerate(state.history, start=1))
    return text.getvalue()


def _curve(state: TrainingState) -> Figure:
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot(range(1, len(state.history) + 1), [loss for loss, _ in state.history], linewidth=1)
    axes.set(title="Training loss", xlabel="step", ylabel="loss (nats per character)")
    axes.grid(alpha=0.3)
    return figure
