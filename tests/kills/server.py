"""A process that has genocloud ready, and runs each command that it is told in a child, which it may kill.

Lines of JSON come on standard input: words (the command's), said (a file for what it says), and, if it is to be
killed, after (seconds) or at (as it syncs or removes something for the n-th time, or right after that: n + 0.5). Each
is answered by a line with code (-9: killed) and seconds.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

from genocloud import gvcf
from genocloud.cli import main
from genocloud.pipeline.reference import read_reference
from tests.support.fork_server import assert_no_threads, end_as_program


class Killing:
    """Kills this process as it syncs or removes a file or folder for the n-th time, or right after that."""

    def __init__(self, at: float) -> None:
        self.left = at
        os.fsync, os.unlink = self.counted(os.fsync), self.counted(os.unlink)

    def counted(self, act: Callable[..., None]) -> Callable[..., None]:
        def step(*arguments: Any, **more: Any) -> None:
            self.left -= 1
            if self.left > 0:
                act(*arguments, **more)
            if self.left <= 0.5:
                os.kill(os.getpid(), signal.SIGKILL)

        return step


def serve(words: list[str], said: str, after: float | None = None, at: float | None = None) -> dict[str, float]:
    """Run a command in a child, killed after some seconds, or at a place, unless it has ended."""
    start = time.perf_counter()
    child = os.fork()
    if not child:
        if at is not None:
            Killing(at)
        end_as_program(lambda: main(words), said, said)
    if after is not None:
        time.sleep(after)
        os.kill(child, signal.SIGKILL)  # one that has ended is still there to be waited for
    _, status = os.waitpid(child, 0)
    return {"code": os.waitstatus_to_exitcode(status), "seconds": time.perf_counter() - start}


def warm(url: str, reference: str) -> None:
    """Load the kernels."""
    for _ in gvcf.read_rows(url, read_reference(reference).contigs):
        pass
    assert_no_threads()


if __name__ == "__main__":
    warm(*sys.argv[1:])
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(serve(**json.loads(line))), flush=True)
