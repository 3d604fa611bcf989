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

from genocloud.report.words import seconds_text, size_text

STEPS = 10
"""A plain line is due each time another one of this many equal steps of a stage is done."""

HEARTBEAT_SECONDS = 30.0
"""A plain line is due after this long even when nothing was done: a slow run must not look dead."""

SHORTEST_SECONDS = 1.0
"""Plain lines of one stage are at least this far apart, so that a stage of a second does not print eleven."""

PHASES = {
    "compile": "translating the kernels for this machine, once",
    "headers": "reading the gVCFs' headers",
    "inputs": "checking the samples' files",
    "call": "calling genotypes",
    "ingest": "storing the gVCFs in the cohort",
    "observe": "listing the alleles of each batch",
    "discover": "merging alleles into sites",
    "summarise": "counting likelihoods in each batch",
    "take alleles": "copying alleles out of what was discovered",
    "estimate": "estimating allele frequencies and QUAL",
    "settle": "deciding which sites and alleles stay",
    "genotype": "calling and annotating every site",
    "export": "writing the VCF",
    "count": "counting sites and genotypes",
    "verify": "reading everything again",
    "verify derived tables": "reading derived tables again",
    "rewrite": "writing batches anew",
    "search": "searching the store for the person",
    "delete": "removing what no version needs",
    "calibrate": "measuring this machine",
}
"""What each stage of a run does, in a few words; a stage at a site is named `SITE: STAGE`."""

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
    stream: TextIO | None = None,
    clock: Clock = time.monotonic,
    quiet: bool = False,
    said: Callable[[], str] | None = None,
) -> Iterator[Progress]:
    """A display that suits `stream` (default stderr): bars in a terminal, lines elsewhere, nothing if `quiet`.

    `clock` gives seconds from any origin; what is `said` ends each line: what was spent so far, say.
    """
    stream = stream or sys.stderr
    if quiet:
        yield Silent()
    elif _draws(stream):
        from genocloud.scatter.bars import Bars  # slow to import, and needed in terminals only

        with Bars(stream, clock, said) as drawn, _logging_above(stream):
            yield drawn
    else:
        with _beating(Lines(stream, clock, said)) as lines:
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

    def __init__(self, stream: TextIO, clock: Clock, said: Callable[[], str] | None = None) -> None:
        self._stream, self._clock, self._said = stream, clock, said
        self._lock = threading.Lock()
        self._running: list[_Line] = []

    @contextmanager
    def stage(self, name: str, tasks: int, bytes: int | None = None, unit: str = "task") -> Iterator[Stage]:  # noqa: A002
        """A stage in lines; the last one says `done`, or `stopped` when an error leaves the stage."""
        now = self._clock()
        line = _Line(self, Tally(name, tasks, bytes, now, unit), now)
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


def explained(name: str) -> str:
    """What a stage does, to stand behind its name; nothing for one that speaks for itself."""
    phase = PHASES.get(name.rpartition(": ")[2], "")
    return f" ({phase})" if phase else ""
