"""The progress of a run by stages: tasks, sites, bytes and time left; displays implement `Progress`."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol

from genocloud.formatting import size_text

PHASES = {
    "compile": "translating the kernels for this machine, once",
    "headers": "reading the gVCFs' headers",
    "inputs": "checking the samples' files",
    "call": "calling genotypes",
    "ingest": "storing the gVCFs in the cohort",
    "observe": "listing the alleles of each batch",
    "discover": "merging alleles into sites",
    "summarise": "counting likelihoods in each batch",
    "take alleles": "copying alleles out of what was discovered",
    "estimate": "estimating allele frequencies and QUAL",
    "settle": "deciding which sites and alleles stay",
    "genotype": "calling and annotating every site",
    "training variants": "looking up which variants are known",
    "models": "training models of the scores",
    "filter": "judging sites and alleles",
    "frequencies": "choosing common sites",
    "gnomad_table": "counting alleles and genotypes by groups",
    "screen": "reading each sample's records",
    "compare": "comparing all samples",
    "qc": "counting each sample's genotypes",
    "kinship": "counting what pairs of samples share",
    "export": "writing the VCF",
    "count": "counting sites and genotypes",
    "verify": "reading everything again",
    "verify derived tables": "reading derived tables again",
    "rewrite": "writing batches anew",
    "compact": "storing genotypes sparse",
    "search": "searching the store for the person",
    "delete": "removing what no version needs",
    "calibrate": "measuring this machine",
}
"""A short description of each stage; a stage at a location is named `LOCATION: STAGE`."""

Clock = Callable[[], float]


class Stage(Protocol):
    """One stage of a run, as a worker sees it; any thread may call it."""

    def advance(self, tasks: int = 0, sites: int = 0, bytes: int = 0) -> None:  # noqa: A002
        """Add finished work."""


class Progress(Protocol):
    """A display of the stages of a run."""

    def stage(
        self,
        name: str,
        tasks: int,
        bytes: int | None = None,  # noqa: A002
        unit: str = "task",
    ) -> AbstractContextManager[Stage]:
        """Show a stage of `tasks` tasks, or of another `unit` of work (a word in the singular).

        Time left goes by `bytes`, the bytes expected in all, where that is known.
        """


class Silent:
    """Shows nothing: for callers of the library."""

    @contextmanager
    def stage(self, name: str, tasks: int, bytes: int | None = None, unit: str = "task") -> Iterator[Stage]:  # noqa: A002
        """A stage that is not shown."""
        yield StageProgress(name, tasks, bytes, 0.0, unit)


@dataclass(slots=True)
class StageProgress:
    """Expected and finished work of a stage; `started` and `now` in seconds of one clock."""

    name: str
    tasks: int
    expected_bytes: int | None
    started: float
    unit: str = "task"
    done: int = 0
    sites: int = 0
    bytes: int = 0

    def advance(self, tasks: int = 0, sites: int = 0, bytes: int = 0) -> None:  # noqa: A002
        """Add finished work."""
        self.done += tasks
        self.sites += sites
        self.bytes += bytes

    @property
    def finished(self) -> bool:
        """Whether every task is done."""
        return self.done >= self.tasks

    @property
    def fraction(self) -> float:
        """The share done, 0 to 1; below 1 while a task runs, as expected bytes may be an estimate."""
        if self.finished:
            return 1.0
        share = self.bytes / self.expected_bytes if self.expected_bytes else self.done / self.tasks
        return min(share, 0.99)

    def seconds_left(self, now: float) -> float | None:
        """Time left if the rest goes as fast as what is done; None before anything is done."""
        done = self.fraction
        return (now - self.started) * (1 - done) / done if done else None

    def counts(self) -> list[str]:
        """Sites and bytes as texts; empty for those that the stage does not count."""
        sites = [f"{self.sites:,} sites"] if self.sites else []
        return sites + ([size_text(self.bytes)] if self.bytes else [])


def explained(name: str) -> str:
    """A stage's description in parentheses, to follow its name; empty if it has none."""
    phase = PHASES.get(name.rpartition(": ")[2], "")
    return f" ({phase})" if phase else ""
