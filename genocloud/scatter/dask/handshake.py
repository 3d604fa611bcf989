"""The handshake with workers: nobody works who has another genocloud, Python, store schema or kernels than this one."""

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

_KERNELS = Path(__file__).parents[1] / "kernels"


class Different(SettingError):
    """Workers, or a scheduler, whose software would not do the same work."""

    def __init__(self, who: Mapping[str, str]) -> None:
        self.who = dict(who)
        told = [f"{one}: {problem}" for one, problem in self.who.items()]
        super().__init__("; ".join([*told[:MANY], *(["..."] if told[MANY:] else []), REMEDY]))


@cache
def identity() -> dict[str, str]:
    """What must be the same wherever this run's tasks work."""
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
    """How another's identity differs from that of whoever gives the tasks, in words; empty if it does not."""
    return ", ".join(
        f"{name} is {theirs.get(name, 'unknown')} there, {value} here"
        for name, value in ours.items()
        if theirs.get(name) != value
    )


def shake_hands(client: Any, workers: Mapping[str, str]) -> None:
    """Compare with workers (names by address). Raises Different, naming each that is."""
    answers = client.run(identity, workers=list(workers), on_error="return") if workers else {}
    problems = {address: _problem(answer, identity()) for address, answer in answers.items()}
    bad = {worker_name(workers[address], address): problem for address, problem in problems.items() if problem}
    if bad:
        raise Different(bad)


def worker_name(name: str, address: str) -> str:
    """A worker in a message; one that was given no name is called by its address."""
    return f"worker at {address}" if name == address else f"worker {name} at {address}"


def greet_scheduler(client: Any) -> None:
    """Compare with a client's scheduler, which unpacks tasks but does none of their work. Raises Different."""
    ours = {name: value for name, value in identity().items() if name != KERNELS}
    try:
        problem = _problem(client.run_on_scheduler(identity), ours)
    except Exception as error:  # whatever goes wrong there comes back as it was raised
        problem = _problem(error, ours)
    if problem:
        raise Different({f"the scheduler at {client.scheduler.address}": problem})


def _problem(answer: object, ours: Mapping[str, str]) -> str:
    if isinstance(answer, Mapping):
        return difference(answer, ours)
    if isinstance(answer, OSError):  # it has gone meanwhile; its tasks go elsewhere
        return ""
    return f"it cannot load genocloud {version('genocloud')} ({type(answer).__name__}: {answer})"
