"""How far a long command is: a bar on a terminal, a line now and then where nobody watches."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

import click

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

    from edge.training.trainer import Progress, Report

# What `Progress.stage` means, in the order in which the stages come.
STAGES = {
    "read": "reading pictures",
    "start": "starting TensorFlow",
    "load": "preparing pictures",
    "train": "training",
    "quantize": "quantizing",
    "calibrate": "calibrating",
    "golden": "golden vectors",
    "parity": "comparing runtimes",
    "score": "scoring on test pictures",
    "done": "writing",
}
LINES = 10  # that a long stage writes where there is no terminal


@contextmanager
def progress_bars(quiet: bool) -> "Iterator[Report]":
    """Give what hears how far a long command is; shows it on stderr unless `quiet`."""
    if quiet:
        yield lambda _: None
    elif sys.stderr.isatty():
        with _bars() as report:
            yield report
    else:
        yield _Lines()


@contextmanager
def _bars() -> "Iterator[Report]":
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description:<26}"),
        BarColumn(),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bars, _logs_to(sys.stderr):
        report = _Bars(bars)
        yield report
        report.finish()


class _Bars:
    """One bar a stage; the earlier ones stay as they ended."""

    def __init__(self, bars: "Bars") -> None:
        """Draw on `bars`, which are shown."""
        self._bars = bars
        self._task: TaskID | None = None
        self._stage = ""

    def __call__(self, progress: "Progress") -> None:
        """Show how far the stage is; a new stage ends the one before."""
        total = progress.epochs or None
        if self._task is None or progress.stage != self._stage:
            self.finish()
            text = STAGES.get(progress.stage, progress.stage)
            self._task = self._bars.add_task(text, total=total, note="")
            self._stage = progress.stage
        self._bars.update(self._task, completed=progress.epoch, total=total, note=note_of(progress))

    def finish(self) -> None:
        """Fill the bar of the stage that is over."""
        if self._task is not None:
            self._bars.update(self._task, total=1, completed=1)


class _Lines:
    """A line a stage, and ten on the way through a long one."""

    def __init__(self) -> None:
        """Begin before the first stage."""
        self._last = ("", -1)

    def __call__(self, progress: "Progress") -> None:
        """Write a line where a stage begins or another tenth of it is done."""
        many = progress.epochs > 1
        tenth = progress.epoch * LINES // progress.epochs if many else 0
        if (progress.stage, tenth) == self._last:
            return
        self._last = (progress.stage, tenth)
        text = STAGES.get(progress.stage, progress.stage)
        count = f" {progress.epoch} of {progress.epochs}" if many else ""
        note = note_of(progress)
        click.echo(f"{text}{count}{f', {note}' if note else ''}", err=True)


def note_of(progress: "Progress") -> str:
    """Return the best score so far and the minutes left, as far as they are known."""
    parts = []
    if progress.score is not None:
        parts.append(f"best {progress.score:.3f}")
    if progress.seconds_left is not None:
        minutes, seconds = divmod(round(progress.seconds_left), 60)
        parts.append(f"{minutes}:{seconds:02d} left")
    return ", ".join(parts)


@contextmanager
def _logs_to(stream: TextIO) -> Iterator[None]:
    """Send log lines through `stream`, above the bars, rather than across them."""
    handlers = [h for h in logging.getLogger().handlers if type(h) is logging.StreamHandler]
    before = [handler.setStream(stream) for handler in handlers]
    try:
        yield
    finally:
        for handler, old in zip(handlers, before, strict=True):
            if old is not None:
                handler.setStream(old)
