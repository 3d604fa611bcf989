"""Word from within a task of how far it is, wherever it runs."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")

Heard = Callable[[int], None]
"""Takes a number of bytes that have been worked through since the last time."""

SECONDS = 1.0
"""From a worker elsewhere word comes at most so often."""

_HEARD: ContextVar[Heard | None] = ContextVar("heard", default=None)


def tell(bytes: int) -> None:  # noqa: A002
    """Say that this task has worked through so many more bytes; where nobody listens, nothing happens."""
    heard = _HEARD.get()
    if heard:
        heard(bytes)


@contextmanager
def listening(heard: Heard | None) -> Iterator[None]:
    """Let `heard` have what is told by the enclosed work, in this thread."""
    token = _HEARD.set(heard)
    try:
        yield
    finally:
        _HEARD.reset(token)


def work_heard(heard: Heard | None, function: Callable[[Task], Result], task: Task) -> Result:
    """The function's result, while `heard` has what it tells."""
    with listening(heard):
        return function(task)


class ThrottledReporter:
    """Bytes told in a worker elsewhere, sent on by `send` a second's together."""

    def __init__(self, send: Heard) -> None:
        self._deliver = send
        self._bytes, self._sent = 0, time.monotonic()

    def __call__(self, bytes: int) -> None:  # noqa: A002
        """Take these bytes; send what has come together, unless something was sent a moment ago."""
        self._bytes += bytes
        if time.monotonic() - self._sent >= SECONDS:
            self.send()

    def send(self) -> None:
        """Send what has come together."""
        self._deliver(self._bytes)
        self._bytes, self._sent = 0, time.monotonic()
