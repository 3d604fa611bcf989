"""The display of progress that a run gets: bars in a terminal, lines elsewhere, none when quiet."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from genocloud.scatter.progress import Clock, Progress, Silent
from genocloud.scatter.progress_lines import PlainLines, _beating, _logging_above


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
        with _beating(PlainLines(stream, clock, said)) as lines:
            yield lines


def _draws(stream: TextIO) -> bool:
    return stream.isatty() and os.environ.get("TERM", "dumb") not in ("dumb", "unknown")
