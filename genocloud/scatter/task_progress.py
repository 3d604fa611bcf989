"""Progress reports from within a task, in bytes, wherever the task runs."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")

OnBytes = Callable[[int], None]
"""Called with the number of bytes processed since the last call."""

REPORT_SECONDS = 1.0
"""The shortest time between two reports of a worker in another process."""

_ON_BYTES: ContextVar[OnBytes | None] = ContextVar("on_bytes", default=None)


def report_bytes(bytes: int) -> None:  # noqa: A002
    """Report that this task has processed so many more bytes; does nothing without a listener."""
    on_bytes = _ON_BYTES.get()
    if on_bytes:
        on_bytes(bytes)


@contextmanager
def reporting_to(on_bytes: OnBytes | None) -> Iterator[None]:
    """Pass what the enclosed code reports in this thread to `on_bytes`."""
    token = _ON_BYTES.set(on_bytes)
    try:
        yield
    finally:
        _ON_BYTES.reset(token)


def run_reporting(on_bytes: OnBytes | None, function: Callable[[Task], Result], task: Task) -> Result:
    """The function's result; what it reports goes to `on_bytes`."""
    with reporting_to(on_bytes):
        return function(task)


class ThrottledReporter:
    """Sums reported bytes and sends them at most once a second."""

    def __init__(self, send: OnBytes) -> None:
        self._deliver = send
        self._bytes, self._sent = 0, time.monotonic()

    def __call__(self, bytes: int) -> None:  # noqa: A002
        """Add bytes; send the sum if the last one was sent long enough ago."""
        self._bytes += bytes
        if time.monotonic() - self._sent >= REPORT_SECONDS:
            self.send()

    def send(self) -> None:
        """Send the sum."""
        self._deliver(self._bytes)
        self._bytes, self._sent = 0, time.monotonic()
