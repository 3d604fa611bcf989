"""What a command costs: seconds, CPU seconds, and the most memory that it and its children had at a time."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

SAMPLE_SECONDS = 0.02


@dataclass(frozen=True)
class Cost:
    """`memory` is in bytes: the sum of PSS over all processes, sampled; where nobody watched RSS of the largest one."""

    seconds: float
    cpu_seconds: float
    memory: int


def cost_of(command: Sequence[str | Path], watch: bool) -> Cost:
    """Run a command to its end; raises CalledProcessError where it fails.

    To `watch` its memory is to walk its page tables again and again, which takes up to a third of its time.
    """
    os.sync()  # what the command before it wrote must not be paid for by its first fsync
    begin, peak = time.perf_counter(), 0
    with subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as child:
        os.set_blocking(child.stderr.fileno(), False)
        said = b""
        while True:
            pid, status, usage = os.wait4(child.pid, os.WNOHANG)
            said += child.stderr.read() or b""
            if pid:
                break
            if watch:
                peak = max(peak, sum(_pss(pid) for pid in _family(child.pid)))
            time.sleep(SAMPLE_SECONDS)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, command, stderr=said.decode(errors="replace"))
    return Cost(time.perf_counter() - begin, usage.ru_utime + usage.ru_stime, peak or usage.ru_maxrss * 1024)


def _family(pid: int) -> list[int]:
    try:
        threads = list(Path(f"/proc/{pid}/task").glob("*/children"))
        children = [int(child) for thread in threads for child in thread.read_text().split()]
    except OSError:  # it ended meanwhile
        return []
    return [pid, *(each for child in children for each in _family(child))]


def _pss(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def median(costs: Sequence[Cost]) -> Cost:
    """The medians of both times, and the most memory."""
    return Cost(
        statistics.median(cost.seconds for cost in costs),
        statistics.median(cost.cpu_seconds for cost in costs),
        max(cost.memory for cost in costs),
    )


def in_turn(works: dict[str, Callable[..., Cost]], repeats: int) -> dict[str, Cost]:
    """The medians of some works done in turn, so that whatever else the machine does meets all of them alike.

    Their memory is watched in one more round, whose times do not count.
    """
    costs: dict[str, list[Cost]] = {name: [] for name in works}
    for _ in range(repeats):
        for name, work in works.items():
            costs[name].append(work())
    medians = {name: median(each) for name, each in costs.items()}
    return {name: replace(medians[name], memory=work(watch=True).memory) for name, work in works.items()}


def genocloud(*words: str | Path) -> list[str]:
    """The command line of genocloud, as this interpreter has it and its entry point calls it."""
    return [sys.executable, "-c", "from genocloud.cli import run; run()", *map(str, words)]


def size(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def cost_text(cost: Cost) -> str:
    """A cost in words."""
    return f"{cost.seconds:8.2f} s  {cost.cpu_seconds:8.2f} CPU s  {cost.memory / 1e6:7.0f} MB"
