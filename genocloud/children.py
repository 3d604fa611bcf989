"""A pool of child processes that end with their parent, unwind on signals, and are replaced when one freezes."""

import ctypes
import logging
import math
import os
import signal
import struct
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, TypeVar

import psutil

from genocloud.errors import SettingError

Task = TypeVar("Task")
Result = TypeVar("Result")

_log = logging.getLogger(__name__)

FROZEN_VARIABLE = "GENOCLOUD_FROZEN_SECONDS"

FROZEN_SECONDS = 45.0
"""A worker without heartbeat or CPU time for so long counts as frozen; with a 5 s check, reported within 60 s."""

LOOK_SECONDS = 1.0
"""Interval of heartbeats and of checks."""

MOST_REPLACED = 3
"""Replacements of a pool before giving up."""

_MESSAGE = struct.Struct("<qq")
"""Process and bytes done. Far below PIPE_BUF, so that writers need no lock, which a frozen one could hold."""

_DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG of Linux's prctl. It fires when the *thread* that made the child ends: pools are made by threads
that live as long as the pool."""

_END_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class WorkerKilled(SettingError):
    """A worker process was killed by a signal from outside."""

    def __init__(self) -> None:
        super().__init__(
            "a worker process was killed, most likely for lack of memory; use fewer processes, or cut smaller "
            "batches or shards, and run this again"
        )


class KeepsFreezing(SettingError):
    """Worker processes freeze again and again."""

    def __init__(self, times: int) -> None:
        self.times = times
        super().__init__(
            f"worker processes froze {times} times; see what stops them (a debugger, a control group, a file system "
            f"that hangs), or allow more than {frozen_seconds():g} s with {FROZEN_VARIABLE}, and run this again"
        )


def frozen_seconds() -> float:
    """Seconds without a sign of life after which a worker counts as frozen. Raises SettingError."""
    text = os.environ.get(FROZEN_VARIABLE, "")
    try:
        seconds = float(text) if text else FROZEN_SECONDS
    except ValueError:
        seconds = math.nan
    if not 1 <= seconds < math.inf:
        raise SettingError(f"{FROZEN_VARIABLE}={text}: not a number of seconds from 1 on; unset it, or set 45")
    return seconds


def end_with_parent(parent: int, beat: Callable[[], None] | None = None) -> None:
    """End this process when `parent` is no longer its parent, however that ended; `beat` is called every second.

    On Linux the kernel sees to it, also of a process that is stopped or busy in C; elsewhere a thread does.
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)

    def watch() -> None:
        while os.getppid() == parent:
            if beat:
                beat()
            time.sleep(LOOK_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, name="parent", daemon=True).start()


_OUTBOX: ContextVar[Connection | None] = ContextVar("outbox", default=None)
"""In a child's main thread, which runs its tasks: the pipe to its pool."""


def report(bytes: int) -> None:  # noqa: A002
    """In a child, in the thread of a task: report bytes that it has processed to the pool."""
    if outbox := _OUTBOX.get():
        _send(outbox, bytes)


def _send(outbox: Connection, done: int) -> None:
    """Send bytes done to the pool; 0 is a heartbeat."""
    with suppress(OSError):
        os.write(outbox.fileno(), _MESSAGE.pack(os.getpid(), done))


def _begin(outbox: Connection, parent: int) -> None:
    """In a child, before its first task: reset the parent's signal handlers and start the heartbeat."""
    _OUTBOX.set(outbox)
    _settle()
    end_with_parent(parent, lambda: _send(outbox, 0))


def _settle() -> None:
    """Signal handlers between tasks: SIGINT is the parent's, SIGTERM ends this process; ignored signals stay so."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


def _work(function: Callable[[Task], Result], task: Task) -> Result:
    """In a child: run a task. A signal raises in it, so that drafts are removed; SIGTERM then ends the child."""
    received: list[int] = []

    def unwind(number: int, _frame: Any) -> None:
        for each in _END_SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        received.append(number)
        raise KeyboardInterrupt

    for each in _END_SIGNALS:
        if each == signal.SIGINT or signal.getsignal(each) is not signal.SIG_IGN:
            signal.signal(each, unwind)
    try:
        return function(task)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if received and received[0] != signal.SIGINT:
            signal.signal(received[0], signal.SIG_DFL)
            signal.raise_signal(received[0])
        _settle()


class Children:
    """A pool of local worker processes; made by `open_children`."""

    def __init__(self, count: int, method: str, tasks_each: int | None) -> None:
        self._count, self._tasks_each = count, tasks_each
        self._frozen_checks = max(1, round(frozen_seconds() / LOOK_SECONDS))
        self._report: Callable[[int], None] | None = None
        self._drained = threading.Event()
        self._replaced = 0
        self._open(method)

    def _open(self, method: str) -> None:
        context: Any = get_context(method)
        self._inbox, self._outbox = context.Pipe(duplex=False)
        self._frozen = self._over = False
        self._missed_checks: dict[int, int] = {}
        self._pool = ProcessPoolExecutor(
            self._count, context, _begin, (self._outbox, os.getpid()), max_tasks_per_child=self._tasks_each
        )
        self._pool.submit(int).result()
        self._watcher = threading.Thread(target=self._watch, name="children", daemon=True)
        self._watcher.start()

    def run(
        self,
        function: Callable[[Task], Result],
        tasks: Sequence[Task],
        report: Callable[[int], None] | None = None,
    ) -> Generator[tuple[int, Result]]:
        """Yield (index, result) of tasks as they finish; `report` receives bytes that tasks report, in any thread.

        After an error no task is started. Raises WorkerKilled and KeepsFreezing.
        """
        left = dict(enumerate(tasks))
        self._report = report
        try:
            while left:
                try:
                    yield from self._finished(function, left)
                except BrokenProcessPool as error:
                    if not self._frozen:
                        raise WorkerKilled from error
                    self._replace(len(left))
            self._drain()
        finally:
            self._report = None

    def _finished(self, function: Callable[[Task], Result], left: dict[int, Task]) -> Iterator[tuple[int, Result]]:
        futures: dict[Future[Result], int] = {}
        try:
            for place, task in left.items():
                futures[self._pool.submit(_work, function, task)] = place
            for future in as_completed(futures):
                result = future.result()
                del left[futures[future]]
                yield futures[future], result
        finally:
            for future in futures:
                future.cancel()

    def _drain(self) -> None:
        """Wait until all messages sent so far have been delivered."""
        self._drained.clear()
        os.write(self._outbox.fileno(), _MESSAGE.pack(os.getpid(), 0))
        self._drained.wait()

    def _watch(self) -> None:
        """Read the children's messages and check their heartbeats."""
        due, cpu = time.monotonic() + LOOK_SECONDS, dict[int, float]()
        while not self._over:
            if self._inbox.poll(LOOK_SECONDS):
                self._take(*_MESSAGE.unpack(os.read(self._inbox.fileno(), _MESSAGE.size)))
            if time.monotonic() >= due:
                self._check_heartbeats(cpu)
                due = time.monotonic() + LOOK_SECONDS

    def _take(self, process: int, done: int) -> None:
        if process == os.getpid():
            self._drained.set()
            return
        self._missed_checks[process] = 0
        if done and self._report:
            self._report(done)

    def _check_heartbeats(self, cpu: dict[int, float]) -> None:
        """Count checks without heartbeat or CPU time: checks, not seconds, as this process may be stopped too."""
        for process in list(self._pool._processes or ()):
            self._missed_checks.setdefault(process, 0)
        for process in list(self._missed_checks):
            try:
                times = psutil.Process(process).cpu_times()
            except psutil.Error:
                del self._missed_checks[process]
                continue
            used = times.user + times.system
            self._missed_checks[process] = 0 if used != cpu.get(process) else self._missed_checks[process] + 1
            cpu[process] = used
            if self._missed_checks[process] > self._frozen_checks:
                self._end_frozen(process)

    def _end_frozen(self, process: int) -> None:
        _log.warning(
            "worker process %d has shown no life for %.0f s (stopped, or waiting for a device): it is ended, and "
            "what was not finished begins again in new processes",
            process,
            self._frozen_checks * LOOK_SECONDS,
        )
        self._frozen = True
        del self._missed_checks[process]
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)

    def _replace(self, left: int) -> None:
        """Replace the pool by spawned processes (not forked: this process has threads by now)."""
        self._replaced += 1
        if self._replaced > MOST_REPLACED:
            raise KeepsFreezing(self._replaced)
        self.close()
        self._open("spawn")
        _log.warning("new worker processes are there; tasks not done: %s", f"{left:,}")

    def interrupt(self) -> None:
        """Interrupt running tasks, in stopped processes too; they remove their drafts."""
        for process in list(self._pool._processes or ()):
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGTERM)
                os.kill(process, signal.SIGCONT)

    def close(self) -> None:
        """Wait for running tasks, cancel the others, and end the processes."""
        self._pool.shutdown(cancel_futures=True)
        self._over = True
        os.write(self._outbox.fileno(), _MESSAGE.pack(os.getpid(), 0))
        self._watcher.join()
        self._inbox.close()
        self._outbox.close()


@contextmanager
def open_children(count: int, method: str, tasks_each: int | None = None) -> Iterator[Children]:
    """A pool by multiprocessing's `method`: `fork` (immediately, before this process has threads) or `spawn`.

    Each process is replaced after `tasks_each` tasks. Raises SettingError for an invalid GENOCLOUD_FROZEN_SECONDS.
    """
    children = Children(count, method, tasks_each)
    try:
        yield children
    except KeyboardInterrupt:
        children.interrupt()
        raise
    finally:
        children.close()
