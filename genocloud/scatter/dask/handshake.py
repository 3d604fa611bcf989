"""Check that workers and scheduler have the same genocloud, Python, store schema and kernels as this process."""

import hashlib
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from genocloud.errors import MANY, SettingError

REMEDY = "install the same genocloud there (the same image, or the same constraints.txt), and start it anew"

KERNELS = "kernels' source"

_KERNELS = Path(__file__).parents[2] / "kernels"


class SoftwareMismatch(SettingError):
    """Workers, or a scheduler, with other software than this process."""

    def __init__(self, who: Mapping[str, str]) -> None:
        self.who = dict(who)
        texts = [f"{one}: {problem}" for one, problem in self.who.items()]
        super().__init__("; ".join([*texts[:MANY], *(["..."] if texts[MANY:] else []), REMEDY]))


@cache
def identity() -> dict[str, str]:
    """The versions that must be the same in all processes of a run."""
    from genocloud import schema  # slow to import, and needed here only

    return {
        "genocloud": version("genocloud"),
        "python": ".".join(map(str, sys.version_info[:2])),
        "dask's distributed": version("distributed"),
        "store schema": str(schema.VERSION),
        KERNELS: _stamp(sorted(_KERNELS.glob("*.py"))),
    }


def _stamp(sources: Sequence[Path]) -> str:
    return hashlib.sha256(b"\0".join(source.read_bytes() for source in sources)).hexdigest()[:12]


def difference(theirs: Mapping[str, str], ours: Mapping[str, str]) -> str:
    """How another process's identity differs from ours, as text; empty if it does not."""
    return ", ".join(
        f"{name} is {theirs.get(name, 'unknown')} there, {value} here"
        for name, value in ours.items()
        if theirs.get(name) != value
    )


def check_workers(client: Any, workers: Mapping[str, str]) -> None:
    """Compare identities with workers (names by address). Raises SoftwareMismatch, which names each that differs."""
    answers = client.run(identity, workers=list(workers), on_error="return") if workers else {}
    problems = {address: _problem(answer, identity()) for address, answer in answers.items()}
    bad = {worker_name(workers[address], address): problem for address, problem in problems.items() if problem}
    if bad:
        raise SoftwareMismatch(bad)


def worker_name(name: str, address: str) -> str:
    """A worker's name for texts; one without a name is called by its address."""
    return f"worker at {address}" if name == address else f"worker {name} at {address}"


def check_scheduler(client: Any) -> None:
    """Compare identities, without kernels, with a client's scheduler (it unpickles tasks). Raises SoftwareMismatch."""
    ours = {name: value for name, value in identity().items() if name != KERNELS}
    try:
        problem = _problem(client.run_on_scheduler(identity), ours)
    except Exception as error:  # whatever goes wrong there comes back as it was raised
        problem = _problem(error, ours)
    if problem:
        raise SoftwareMismatch({f"the scheduler at {client.scheduler.address}": problem})


def _problem(answer: object, ours: Mapping[str, str]) -> str:
    if isinstance(answer, Mapping):
        return difference(answer, ours)
    if isinstance(answer, OSError):  # it has gone meanwhile; its tasks go elsewhere
        return ""
    return f"it cannot load genocloud {version('genocloud')} ({type(answer).__name__}: {answer})"
