"""Tasks in processes of this machine: for work whose Python would make threads wait for one another."""

import gc
import multiprocessing
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from genocloud.errors import SettingError
from genocloud.scatter.pools import run_in
from genocloud.scatter.telling import Heard, Letters, listening

Task = TypeVar("Task")
Result = TypeVar("Result")

_outbox: Any = None
"""In a worker: the queue that what its tasks tell goes into."""


@dataclass(frozen=True)
class Processes:
    """A pool of processes, which know what this one had loaded when they were made."""

    pool: ProcessPoolExecutor
    inbox: Any
    memory: int
    threads = 1
    spread = False

    def run(
        self,
        function: Callable[[Task], Result],
        tasks: Sequence[Task],
        done: Callable[[Result], None],
        heard: Heard | None = None,
    ) -> list[Result]:
        """Run the tasks in the pool. Raises SettingError where a process was killed."""
        try:
            with _reading(self.inbox, heard):
                return run_in(self.pool, partial(_told, function), tasks, done)
        except BrokenProcessPool as error:
            raise SettingError(
                "a worker process was killed, most likely for lack of memory; use fewer processes, or cut smaller "
                "batches or shards, and run this again"
            ) from error


def _told(function: Callable[[Task], Result], task: Task) -> Result:
    """In a worker: the result. Ctrl-C may break in only here, so that drafts are removed, and nobody says a word."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    letters = Letters(_outbox.put)
    try:
        with listening(letters):
            result = function(task)
        letters.send()
        return result
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def _reading(inbox: Any, heard: Heard | None) -> Iterator[None]:
    """Hand on what workers tell, until all of it has come."""

    def read() -> None:
        while (told := inbox.get()) is not None:
            if heard:
                heard(told)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        yield
    finally:
        inbox.put(None)
        reader.join()


def _begin(outbox: Any) -> None:
    global _outbox
    _outbox = outbox
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def open_processes(count: int, memory: int) -> Iterator[Processes]:
    """A pool of `count` processes, forked at once: before this process has threads; `memory` is each one's."""
    context = multiprocessing.get_context("fork")
    gc.freeze()  # what is here stays: a collection in a child would touch it, and so copy it
    letters = context.SimpleQueue()
    with ProcessPoolExecutor(count, context, _begin, (letters,)) as pool:
        pool.submit(int).result()
        yield Processes(pool, letters, memory)
