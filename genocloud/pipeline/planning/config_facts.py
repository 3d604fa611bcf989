"""Facts of a config's files that a plan depends on: people, workload, starts of processes and jobs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from genocloud import regions
from genocloud.cohort import Layout
from genocloud.costs.model import Portion, Starts
from genocloud.federation.config import Config, Location
from genocloud.pipeline.planning.workload import Sampled, portion_of, sample_gvcfs
from genocloud.pipeline.reference import Reference
from genocloud.samples import Sample, are_small

JOB_CORES = 4
"""Of a job of ingest, discover or genotype (`threads` in workflow/rules)."""


@dataclass(frozen=True)
class ConfigFacts:
    """The facts of a config's files that a plan depends on."""

    config: Config
    sheet: Sequence[Sample]
    reference: Reference

    def portion(self, location: Location) -> Portion:
        """The workload of the people whose gVCFs a location holds."""
        return portion_of(_cohort(self.config, location), self._people(location), lambda: self.sampled, self._genome_bp)

    @cached_property
    def sampled(self) -> Sampled:
        """Statistics of a sample of the gVCFs."""
        people = [person for person in self.sheet if person.gvcf] or list(self.sheet)
        part_bp, window_bp = (int(self.config.settings[name]) for name in ("part_bp", "window_bp"))
        return sample_gvcfs(self.config.samples, people, Layout(self.reference.contigs, part_bp, window_bp))

    def starts(self, width: int) -> Starts:
        """The processes and jobs that the workflow starts, on so many cores.

        One job per sample with reads, then inputs, ingest, discover and genotype of each part, the commit of the
        callset, export and report; jobs of different parts run side by side, each with a Dask cluster, as ingest has. A
        small cohort has one job each for discover and genotype (which commits), and no cluster; a hybrid run has one
        job from ingest to the commit.
        """
        calls = sum(bool(person.reads) for person in self.sheet)
        if not self._alone:
            called = math.ceil(calls / width)
            return Starts(
                runs=1, jobs=calls + 3, commands=calls + 3, clusters=len(self.config.sites), rounds=called + 3
            )
        if are_small(self.sheet, int(self.config.settings["small_cohort_bytes"])):
            return Starts(runs=1, jobs=calls + 6, commands=calls + 6, clusters=0, rounds=math.ceil(calls / width) + 6)
        parts = len(regions.parts(self.reference.contigs, int(self.config.settings["part_bp"])))
        at_once = max(1, width // JOB_CORES)
        jobs, rounds = calls + 5 + 2 * parts, math.ceil(calls / width) + 5 + 2 * math.ceil(parts / at_once)
        return Starts(runs=1, jobs=jobs, commands=jobs, clusters=1 + 2 * parts, rounds=rounds)

    def _people(self, location: Location) -> list[Sample]:
        return [each for each in self.sheet if (each.site or self.config.coordinator) == location.name or self._alone]

    @property
    def _alone(self) -> bool:
        return len(self.config.sites) == 1

    @property
    def _genome_bp(self) -> int:
        return sum(contig.length for contig in self.reference.contigs)


def _cohort(config: Config, location: Location) -> str:
    return str(config.settings["cohort"]) if len(config.sites) == 1 else location.cohort
