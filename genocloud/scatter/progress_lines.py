"""Progress as plain log lines, for anything but a terminal."""

import logging
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TextIO

from genocloud.formatting import seconds_text
from genocloud.scatter.progress import Clock, Stage, StageProgress, explained

STEPS = 10
"""A plain line is due each time another one of this many equal steps of a stage is done."""


HEARTBEAT_SECONDS = 30.0
"""A plain line is due after this long even when nothing was done: a slow run must not look dead."""


SHORTEST_SECONDS = 1.0
"""Plain lines of one stage are at least this far apart, so that a stage of a second does not print eleven."""


class PlainLines:
    """Plain lines: at the start, at the end, and in between every tenth of the work or half minute."""

    def __init__(self, stream: TextIO, clock: Clock, said: Callable[[], str] | None = None) -> None:
        self._stream, self._clock, self._said = stream, clock, said
        self._lock = threading.Lock()
        self._running: list[_Line] = []

    @contextmanager
    def stage(self, name: str, tasks: int, bytes: int | None = None, unit: str = "task") -> Iterator[Stage]:  # noqa: A002
        """A stage in lines; the last one says `done`, or `stopped` when an error leaves the stage."""
        now = self._clock()
        line = _Line(self, StageProgress(name, tasks, bytes, now, unit), now)
        with self._lock:
            self._running.append(line)
            self._say(f"{name}: started, {_work_text(line.tally)}{explained(name)}")
        outcome = "stopped"
        try:
            yield line
            outcome = "done"
        finally:
            with self._lock:
                self._running.remove(line)
                self._say(f"{name}: {outcome}, {_closing(line.tally, self._clock())}{self._ending()}")

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
        self._say(f"{line.tally.name}: {_standing(line.tally, line.printed)}{self._ending()}")

    def _ending(self) -> str:
        return f", {self._said()}" if self._said else ""

    def _say(self, text: str) -> None:
        self._stream.write(text + "\n")
        self._stream.flush()


@dataclass(slots=True, eq=False)
class _Line:
    """A stage of `Lines`: its tally, and when and after how many steps it was last printed."""

    display: PlainLines
    tally: StageProgress
    printed: float
    printed_steps: int = 0

    def advance(self, tasks: int = 0, sites: int = 0, bytes: int = 0) -> None:  # noqa: A002
        self.display.advance(self, tasks, sites, bytes)


def _steps(tally: StageProgress) -> int:
    return int(tally.fraction * STEPS)


@contextmanager
def _beating(lines: PlainLines) -> Iterator[PlainLines]:
    """Call `beat` every second from a thread, until the display is left."""
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(1.0):
            lines.beat()

    thread = threading.Thread(target=beat, name="progress", daemon=True)
    thread.start()
    try:
        yield lines
    finally:
        stop.set()
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


def _standing(tally: StageProgress, now: float) -> str:
    left = tally.seconds_left(now)
    time_left = "time left not known yet" if left is None else f"about {seconds_text(left)} left"
    done = f"{tally.done:,} of {_work_text(tally)} ({tally.fraction:.0%})"
    return ", ".join([done, *tally.counts(), seconds_text(now - tally.started), time_left])


def _closing(tally: StageProgress, now: float) -> str:
    done = _work_text(tally) if tally.finished else f"{tally.done:,} of {_work_text(tally)}"
    return ", ".join([done, *tally.counts()]) + f" in {seconds_text(now - tally.started)}"


def _work_text(tally: StageProgress) -> str:
    plural = "" if tally.tasks == 1 else "es" if tally.unit.endswith("ch") else "s"
    return f"{tally.tasks:,} {tally.unit}{plural}"
