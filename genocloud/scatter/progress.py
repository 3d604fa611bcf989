"""How far a run is: bars in a terminal, a few plain lines anywhere else; sites, bytes and time left, on stderr."""

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol, TextIO

from rich import progress as bars
from rich.console import Console, RenderableType
from rich.table import Column
from rich.text import Text

from genocloud.report.words import clock_text, seconds_text, short_count, size_text

STEPS = 10
"""A plain line is due each time another one of this many equal steps of a stage is done."""

HEARTBEAT_SECONDS = 30.0
"""A plain line is due after this long even when nothing was done: a slow run must not look dead."""

SHORTEST_SECONDS = 1.0
"""Plain lines of one stage are at least this far apart, so that a stage of a second does not print eleven."""

WIDE_COLUMNS, NARROW_COLUMNS = 100, 70
"""Terminals below the first width get short numbers and no elapsed time; below the second no bytes either."""

Clock = Callable[[], float]


class Stage(Protocol):
    """One stage of a run, as a worker sees it; any thread may call it."""

    def advance(self, tasks: int = 0, sites: int = 0, bytes: int = 0) -> None:  # noqa: A002
        """Say that this much more has been done."""


class Progress(Protocol):
    """A display of the stages of a run."""

    def stage(
        self,
        name: str,
        tasks: int,
        bytes: int | None = None,  # noqa: A002
        unit: str = "task",
    ) -> AbstractContextManager[Stage]:
        """Show a stage of `tasks` tasks, or of another `unit` of work (a word in the singular).

        Time left goes by `bytes`, the bytes expected in all, where that is known.
        """


@contextmanager
def open_progress(
    stream: TextIO | None = None, clock: Clock = time.monotonic, quiet: bool = False
) -> Iterator[Progress]:
    """A display that suits `stream` (default stderr): bars in a terminal, lines elsewhere, nothing if `quiet`.

    `clock` gives seconds from any origin.
    """
    stream = stream or sys.stderr
    if quiet:
        yield Silent()
    elif _draws(stream):
        with Bars(stream, clock) as drawn, _logging_above(stream):
            yield drawn
    else:
        with _beating(Lines(stream, clock)) as lines:
            yield lines


def _draws(stream: TextIO) -> bool:
    return stream.isatty() and os.environ.get("TERM", "dumb") not in ("dumb", "unknown")


class Silent:
    """Shows nothing: for callers of the library."""

    @contextmanager
    def stage(self, name: str, tasks: int, bytes: int | None = None, unit: str = "task") -> Iterator[Stage]:  # noqa: A002
        """A stage nobody sees."""
        yield Tally(name, tasks, bytes, 0.0, unit)


@dataclass(slots=True)
class Tally:
    """What a stage was to do and has done; `started` and `now` in seconds of one clock."""

    name: str
    tasks: int
    expected_bytes: int | None
    started: float
    unit: str = "task"
    done: int = 0
    sites: int = 0
    bytes: int = 0

    def advance(self, tasks: int = 0, sites: int = 0, bytes: int = 0) -> None:  # noqa: A002
        """Add what has been done."""
        self.done += tasks
        self.sites += sites
        self.bytes += bytes

    @property
    def finished(self) -> bool:
        """Whether every task is done."""
        return self.done >= self.tasks

    @property
    def fraction(self) -> float:
        """The share done, 0 to 1; below 1 while a task runs, as expected bytes may be an estimate."""
        if self.finished:
            return 1.0
        share = self.bytes / self.expected_bytes if self.expected_bytes else self.done / self.tasks
        return min(share, 0.99)

    def seconds_left(self, now: float) -> float | None:
        """Time left if the rest goes as fast as what is done; None before anything is done."""
        done = self.fraction
        return (now - self.started) * (1 - done) / done if done else None

    def counts(self) -> list[str]:
        """Sites and bytes in words; a stage that counts none of them does not speak of them."""
        sites = [f"{self.sites:,} sites"] if self.sites else []
        return sites + ([size_text(self.bytes)] if self.bytes else [])


class Lines:
    """Plain lines: at the start, at the end, and in between every tenth of the work or half minute."""

    def __init__(self, stream: TextIO, clock: Clock) -> None:
        self._stream, self._clock = stream, clock
        self._lock = threading.Lock()
        self._running: list[_Line] = []

    @contextmanager
    def stage(self, name: str, tasks: int, bytes: int | None = None, unit: str = "task") -> Iterator[Stage]:  # noqa: A002
        """A stage in lines; the last one says `done`, or `stopped` when an error leaves the stage."""
        now = self._clock()
        line = _Line(self, Tally(name, tasks, bytes, now, unit), now)
        with self._lock:
            self._running.append(line)
            self._say(f"{name}: started, {_work_text(line.tally)}")
        outcome = "stopped"
        try:
            yield line
            outcome = "done"
        finally:
            with self._lock:
                self._running.remove(line)
                self._say(f"{name}: {outcome}, {_closing(line.tally, self._clock())}")

    def advance(self, line: "_Line", tasks: int, sites: int, bytes: int) -> None:  # noqa: A002
        """Count, and print a line if enough has been done since the last."""
        with self._lock:
            tally = line.tally
            tally.advance(tasks, sites, bytes)
            due = _steps(tally) > line.printed_steps and not tally.finished
            if due and self._clock() - line.printed >= SHORTEST_SECONDS:
                self._print(line)

    def beat(self) -> None:
        """Print a line for each stage that has been silent for long."""
        with self._lock:
            for line in self._running:
                if self._clock() - line.printed >= HEARTBEAT_SECONDS:
                    self._print(line)

    def _print(self, line: "_Line") -> None:
        line.printed, line.printed_steps = self._clock(), _steps(line.tally)
        self._say(f"{line.tally.name}: {_standing(line.tally, line.printed)}")

    def _say(self, text: str) -> None:
        self._stream.write(text + "\n")
        self._stream.flush()


@dataclass(slots=True, eq=False)
class _Line:
    """A stage of `Lines`: its tally, and when and after how many steps it was last printed."""

    display: Lines
    tally: Tally
    printed: float
    printed_steps: int = 0

    def advance(self, tasks: int = 0, sites: int = 0, bytes: int = 0) -> None:  # noqa: A002
        self.display.advance(self, tasks, sites, bytes)


def _steps(tally: Tally) -> int:
    return int(tally.fraction * STEPS)


@contextmanager
def _beating(lines: Lines) -> Iterator[Lines]:
    """Call `beat` every second from a thread, until the display is left."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(1.0):
            lines.beat()

    thread = threading.Thread(target=beat, name="progress", daemon=True)
    thread.start()
    try:
        yield lines
    finally:
        over.set()
        thread.join()


@contextmanager
def _logging_above(stream: TextIO) -> Iterator[None]:
    """Send the log to `sys.stderr` as it is now: while bars are drawn that is rich's, which writes above them."""
    handlers = [one for one in logging.root.handlers if isinstance(one, logging.StreamHandler) and one.stream is stream]
    for handler in handlers:
        handler.setStream(sys.stderr)
    try:
        yield
    finally:
        for handler in handlers:
            handler.setStream(stream)


class Bars:
    """Bars that redraw in place; what is written to `sys.stderr` meanwhile appears above them."""

    def __init__(self, stream: TextIO, clock: Clock) -> None:
        console = Console(file=stream)
        self._clock = clock
        self._lock = threading.Lock()
        self._bars = bars.Progress(
            _Spinner("line" if console.options.ascii_only else "dots"),
            bars.TextColumn("{task.description}", markup=False),
            bars.BarColumn(bar_width=None),
            bars.TaskProgressColumn(),
            _Details(console, clock),
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
        tally = Tally(name, tasks, bytes, self._clock(), unit)
        bar = _Bar(self, tally, self._bars.add_task(name, total=1.0, tally=tally))
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
    tally: Tally
    row: bars.TaskID

    def advance(self, tasks: int = 0, sites: int = 0, bytes: int = 0) -> None:  # noqa: A002
        self.display.advance(self, tasks, sites, bytes)


class _Spinner(bars.SpinnerColumn):
    """Turns while the stage runs; rich's own goes on turning beside a stage that has failed."""

    def render(self, task: bars.Task) -> RenderableType:
        return Text(" ") if task.stop_time is not None else super().render(task)


class _Details(bars.ProgressColumn):
    """The words beside a bar, short ones in a narrow terminal."""

    def __init__(self, console: Console, clock: Clock) -> None:
        super().__init__(Column(no_wrap=True))  # the bar gives way, never the words
        self._console, self._clock = console, clock

    def render(self, task: bars.Task) -> Text:
        tally: Tally = task.fields["tally"]
        now = tally.started + (task.elapsed or 0.0)
        time_words = _time_over(tally, now) if task.stop_time is not None else self._time_going(tally, now)
        return Text(", ".join([f"{tally.done:,}/{tally.tasks:,}", *self._counts(tally), *time_words]))

    def _counts(self, tally: Tally) -> list[str]:
        if self._console.width >= WIDE_COLUMNS:
            return tally.counts()
        sites = [f"{short_count(tally.sites)} sites"] if tally.sites else []
        size = [size_text(tally.bytes)] if tally.bytes and self._console.width >= NARROW_COLUMNS else []
        return sites + size

    def _time_going(self, tally: Tally, now: float) -> list[str]:
        left = tally.seconds_left(now)
        spent = [clock_text(now - tally.started)] if self._console.width >= WIDE_COLUMNS or left is None else []
        return spent + ([f"{clock_text(left)} left"] if left is not None else [])


def _time_over(tally: Tally, now: float) -> list[str]:
    return [("in " if tally.finished else "stopped after ") + clock_text(now - tally.started)]


def _standing(tally: Tally, now: float) -> str:
    left = tally.seconds_left(now)
    time_left = "time left not known yet" if left is None else f"about {seconds_text(left)} left"
    done = f"{tally.done:,} of {_work_text(tally)} ({tally.fraction:.0%})"
    return ", ".join([done, *tally.counts(), seconds_text(now - tally.started), time_left])


def _closing(tally: Tally, now: float) -> str:
    done = _work_text(tally) if tally.finished else f"{tally.done:,} of {_work_text(tally)}"
    return ", ".join([done, *tally.counts()]) + f" in {seconds_text(now - tally.started)}"


def _work_text(tally: Tally) -> str:
    plural = "" if tally.tasks == 1 else "es" if tally.unit.endswith("ch") else "s"
    return f"{tally.tasks:,} {tally.unit}{plural}"
