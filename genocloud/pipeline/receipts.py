"""The receipt of a step: inputs, outputs, balance, cost; the file that Snakemake's DAG is made of."""

import json
import resource
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from genocloud import json_digest, storage
from genocloud.errors import GenocloudError, StoreError

if TYPE_CHECKING:
    import psutil


class Unbalanced(GenocloudError):
    """A step whose input is not its output plus what it dropped: a bug in genocloud."""

    def __init__(self, step: str, balance: Mapping[str, Any]) -> None:
        self.step, self.balance = step, dict(balance)
        super().__init__(f"{step} does not balance: {dict(balance)}; this is a bug in genocloud, please report it")


class DamagedReceipt(StoreError):
    """A receipt that differs from what its step wrote."""

    def __init__(self, url: str, problem: str) -> None:
        self.url, self.problem = url, problem
        super().__init__(f"{url}: this receipt is damaged ({problem}); run its step again, or remove it")


@dataclass
class Receipt:
    """Inputs, balance, outputs and cost of one step.

    `inputs` maps names to checksums; `balance` holds `taken`, `kept` and `dropped` (by reason) in the step's `unit`,
    with taken == kept + sum(dropped); `figures` has further counts. `outputs` has the bytes of each finished file by
    path or URL; of a file in a bucket, this is all that a later run knows. `finished` is when the step
    ended (UTC, ISO 8601), `command` what was run, as a shell takes it, without secrets; empty where a library ran it.
    """

    step: str
    inputs: dict[str, str] = field(default_factory=dict)
    balance: dict[str, Any] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_memory_bytes: int = 0
    finished: str = ""
    command: str = ""

    def balanced(self, unit: str, taken: int, kept: int, dropped: Mapping[str, int]) -> None:
        """Enter the balance; raises Unbalanced where taken != kept + sum(dropped)."""
        self.balance = self.account(unit, taken, kept, dropped)

    def account(self, unit: str, taken: int, kept: int, dropped: Mapping[str, int]) -> dict[str, Any]:
        """A balance in any unit; raises Unbalanced where taken != kept + sum(dropped)."""
        nonzero = {reason: count for reason, count in sorted(dropped.items()) if count}
        balance = {"unit": unit, "taken": taken, "kept": kept, "dropped": nonzero}
        if taken != kept + sum(nonzero.values()):
            raise Unbalanced(self.step, balance)
        return balance

    def vouch(self, *urls: str) -> None:
        """Enter files that were written; raises StoreFailed for one that is not there."""
        self.outputs |= {url: _size(url) for url in urls}

    def as_json(self) -> str:
        """The receipt as one JSON object, keys in declared order, behind their digest (json_digest)."""
        from genocloud.version import __version__  # seldom needed, and slow to look up

        fields = json.loads(json.dumps({"version": __version__, **self.__dict__}))  # keys are text in JSON
        return json.dumps(json_digest.sealed_json(fields), indent=1) + "\n"


@contextmanager
def receipt_of(step: str) -> Iterator[Receipt]:
    """A receipt whose times and memory are those of the enclosed work."""
    receipt = Receipt(step)
    start, cpu = time.perf_counter(), _cpu_seconds()
    yield receipt
    receipt.seconds = round(time.perf_counter() - start, 3)
    receipt.cpu_seconds = round(_cpu_seconds() - cpu, 3)
    receipt.peak_memory_bytes = _peak_memory_bytes()
    receipt.finished = datetime.now(UTC).isoformat(timespec="seconds")


def write_receipt(receipt: Receipt, url: str) -> None:
    """Write the receipt atomically, after everything that it names."""
    folder, name = storage.split(url)
    storage.open_store(folder).write(name, receipt.as_json().encode())


def lost_outputs(url: str, wanted: Sequence[str] | None = None) -> list[str]:
    """The wanted files that a receipt does not list, or that are missing or of another size since; None: all it lists.

    Empty where there is no receipt; a receipt that cannot be read is lost itself. Raises StoreFailed.
    """
    if wanted == []:
        return []
    folder, name = storage.split(url)
    try:
        outputs = json_digest.open_json(storage.open_store(folder).read(name)).get("outputs")
    except storage.ObjectMissing:
        return []
    except ValueError:
        outputs = None
    if not isinstance(outputs, dict):
        return [url] if wanted is None else list(wanted)
    files = outputs if wanted is None else wanted
    return [file for file in files if file not in outputs or outputs[file] != _size(file, absent=-1)]


def _size(url: str, absent: int | None = None) -> int:
    folder, name = storage.split(url)
    try:
        return storage.open_store(folder).size(name)
    except storage.ObjectMissing:
        if absent is None:
            raise
        return absent


def _usages() -> list[resource.struct_rusage]:
    return [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]


def _workers() -> "list[psutil.Process]":
    """Running child processes: none where nothing has loaded what starts them, which itself takes long to load."""
    multiprocessing = sys.modules.get("multiprocessing")
    if multiprocessing is None or not multiprocessing.active_children():
        return []
    import psutil

    pids = (child.pid for child in multiprocessing.active_children())
    return [psutil.Process(pid) for pid in pids if pid and psutil.pid_exists(pid)]


def _cpu_seconds() -> float:
    """Of this process, its children that have ended, and those that run."""
    ended = sum(usage.ru_utime + usage.ru_stime for usage in _usages())
    return ended + sum(float(sum(worker.cpu_times()[:2])) for worker in _workers())


def _peak_memory_bytes() -> int:
    """The largest resident set: of this process or of a finished child at any time, of a running child now."""
    running = [int(worker.memory_info().rss) for worker in _workers()]
    return max([usage.ru_maxrss * 1024 for usage in _usages()] + running)  # Linux counts in KiB
