"""Progress as bars that redraw in place, for terminals."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TextIO

from rich import progress as bars
from rich.console import Console, RenderableType
from rich.table import Column
from rich.text import Text

from genocloud.formatting import clock_text, short_count, size_text
from genocloud.scatter.progress import Clock, Stage, StageProgress, explained

WIDE_COLUMNS, NARROW_COLUMNS = 100, 70
"""Terminals below the first width get short numbers and no elapsed time; below the second no bytes either."""

EXPLAINING_COLUMNS = 120
"""Terminals from this width on also get what each stage does; in narrower ones the bar would have no room."""


class Bars:
    """Bars that redraw in place; what is written to `sys.stderr` meanwhile appears above them."""

    def __init__(self, stream: TextIO, clock: Clock, said: Callable[[], str] | None = None) -> None:
        console = Console(file=stream)
        self._clock = clock
        self._lock = threading.Lock()
        self._bars = bars.Progress(
            _Spinner("line" if console.options.ascii_only else "dots"),
            bars.TextColumn("{task.description}", markup=False),
            bars.BarColumn(bar_width=None),
            bars.TaskProgressColumn(),
            _Details(console, clock, said),
            console=console,
            expand=True,
            # Standard output may be a pipe that someone reads; only stderr is ours to reroute.
            redirect_stdout=False,
            refresh_per_second=5,
            get_time=clock,
        )

    def __enter__(self) -> "Bars":
        self._bars.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bars.stop()

    @contextmanager
    def stage(self, name: str, tasks: int, bytes: int | None = None, unit: str = "task") -> Iterator[Stage]:  # noqa: A002
        """A stage as a bar, which stays, stopped, when the stage is left."""
        tally = StageProgress(name, tasks, bytes, self._clock(), unit)
        title = f"{name}{explained(name)}" if self._bars.console.width >= EXPLAINING_COLUMNS else name
        bar = _Bar(self, tally, self._bars.add_task(title, total=1.0, tally=tally))
        bar.advance()
        try:
            yield bar
        finally:
            self._bars.stop_task(bar.row)

    def advance(self, bar: "_Bar", tasks: int, sites: int, bytes: int) -> None:  # noqa: A002
        """Count, and move the bar."""
        with self._lock:
            bar.tally.advance(tasks, sites, bytes)
            self._bars.update(bar.row, completed=bar.tally.fraction)


@dataclass(slots=True)
class _Bar:
    """A stage of `Bars`: its tally and its row."""

    display: Bars
    tally: StageProgress
    row: bars.TaskID

    def advance(self, tasks: int = 0, sites: int = 0, bytes: int = 0) -> None:  # noqa: A002
        self.display.advance(self, tasks, sites, bytes)


class _Spinner(bars.SpinnerColumn):
    """Turns while the stage runs; rich's own goes on turning beside a stage that has failed."""

    def render(self, task: bars.Task) -> RenderableType:
        return Text(" ") if task.stop_time is not None else super().render(task)


class _Details(bars.ProgressColumn):
    """The text beside a bar, shorter in a narrow terminal."""

    def __init__(self, console: Console, clock: Clock, said: Callable[[], str] | None) -> None:
        super().__init__(Column(no_wrap=True))  # the bar gives way, never the words
        self._console, self._clock, self._said = console, clock, said

    def render(self, task: bars.Task) -> Text:
        tally: StageProgress = task.fields["tally"]
        now = tally.started + (task.elapsed or 0.0)
        time_words = _time_over(tally, now) if task.stop_time is not None else self._time_going(tally, now)
        spent = [self._said()] if self._said and task.stop_time is None else []
        return Text(", ".join([f"{tally.done:,}/{tally.tasks:,}", *self._counts(tally), *time_words, *spent]))

    def _counts(self, tally: StageProgress) -> list[str]:
        if self._console.width >= WIDE_COLUMNS:
            return tally.counts()
        sites = [f"{short_count(tally.sites)} sites"] if tally.sites else []
        size = [size_text(tally.bytes)] if tally.bytes and self._console.width >= NARROW_COLUMNS else []
        return sites + size

    def _time_going(self, tally: StageProgress, now: float) -> list[str]:
        left = tally.seconds_left(now)
        spent = [clock_text(now - tally.started)] if self._console.width >= WIDE_COLUMNS or left is None else []
        return spent + ([f"{clock_text(left)} left"] if left is not None else [])


def _time_over(tally: StageProgress, now: float) -> list[str]:
    return [("in " if tally.finished else "stopped after ") + clock_text(now - tally.started)]
