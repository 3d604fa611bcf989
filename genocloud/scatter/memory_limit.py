"""Memory: how much a run may use, and tasks that wait until enough of it is free."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Generic, TypeVar

from genocloud.errors import SettingError

Task = TypeVar("Task")
Result = TypeVar("Result")

SHARE = 0.8
"""The share of free memory that a run uses by default: other programs need some, and needs are estimates."""

BASE_BYTES = 400_000_000
"""A process without tasks: Python, libraries, compiled kernels (PSS of 300 to 350 MB was measured)."""

LEAST_BYTES = 600_000_000
"""The least memory of a process that is of any use."""

_CGROUP, _FIRST_VERSION = Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/memory")
_ENDLESS = 1 << 60
"""Version 1 of cgroups writes a number near 2^63 where there is no limit."""


def free_memory() -> int:
    """Bytes that this process may still take: what the machine has, or its control group's limit leaves."""
    import psutil  # what only lists things need not load it

    return min(int(psutil.virtual_memory().available), _group_leaves())


def room_by_default() -> int:
    """Bytes for the tasks of a process without a --memory."""
    return max(int(SHARE * free_memory()), LEAST_BYTES) - BASE_BYTES


def room_in(memory: int | None, processes: int = 1) -> int:
    """Bytes for the tasks of each of some processes that share a budget. Raises SettingError if that is too small."""
    if memory is None:
        return max(BASE_BYTES, room_by_default() // processes)
    if memory < processes * LEAST_BYTES:
        raise SettingError(
            f"{memory:,} bytes of memory for {processes} processes: each needs {LEAST_BYTES:,} at least; give more "
            "--memory, or fewer processes"
        )
    return memory // processes - BASE_BYTES


def _group_leaves() -> int:
    """Bytes left by the limits of the process's cgroup and its parents; page cache counts as free."""
    with suppress(OSError):
        lines = Path("/proc/self/cgroup").read_text().splitlines()
        return min([_ENDLESS, *(_leaves(*line.split(":", 2)[1:]) for line in lines)])
    return _ENDLESS


def _leaves(controllers: str, path: str) -> int:
    if controllers not in ("", "memory"):
        return _ENDLESS
    names = ("memory.limit_in_bytes", "memory.usage_in_bytes") if controllers else ("memory.max", "memory.current")
    top = _FIRST_VERSION if controllers else _CGROUP
    folder = top / path.lstrip("/")
    return min(_limit_leaves(each, *names) for each in [folder, *folder.parents] if each.is_relative_to(top))


def _limit_leaves(folder: Path, limit: str, usage: str) -> int:
    try:
        most, used = (int((folder / name).read_text()) for name in (limit, usage))
        statistics = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):  # no such group here, or its limit is `max`
        return _ENDLESS
    return max(0, most - used + int(statistics.get("inactive_file", 0)))


class Room:
    """Bytes shared by the tasks in this process's threads; a task waits until its need is free."""

    def __init__(self, total: int) -> None:
        self._total, self._taken = total, 0
        self._changed = threading.Condition()

    @contextmanager
    def take(self, need: int) -> Iterator[None]:
        """Hold `need` bytes while the enclosed code runs."""
        need = min(need, self._total)
        with self._changed:
            self._changed.wait_for(lambda: self._taken + need <= self._total)
            self._taken += need
        try:
            yield
        finally:
            with self._changed:
                self._taken -= need
                self._changed.notify_all()


@lru_cache
def _room(total: int) -> Room:
    """This process's Room of that size, shared by threads and Dask tasks."""
    return Room(total)


@dataclass(frozen=True)
class Needing(Generic[Task, Result]):
    """Wraps a function: takes (bytes needed, task) and waits for room in this process first."""

    function: Callable[[Task], Result]
    total: int

    def __call__(self, needing: tuple[int, Task]) -> Result:
        need, task = needing
        with _room(self.total).take(need):
            return self.function(task)


def largest_first(needs: Sequence[int]) -> list[int]:
    """The places of tasks in the order to begin them: the largest first, so that none is left alone at the end."""
    return sorted(range(len(needs)), key=lambda place: (-needs[place], place))
