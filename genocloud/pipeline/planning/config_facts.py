"""Facts of a config's files that a plan depends on: people, workload, starts of processes and jobs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from genocloud import regions
from genocloud.cohort import Layout
from genocloud.costs.model import Portion, Starts
from genocloud.federation.config import Config, Location
from genocloud.pipeline.filtering.filter_options import FilterOptions
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

    @cached_property
    def checks(self) -> dict[str, str]:
        """The rates of the checks that the config asks for, by step. Raises BadFilter, BadExpression."""
        settings = self.config.settings
        checks = {step: step for step in ("screen", "qc") if settings[step]}
        if any(settings["filter"].values()):
            needs_genotypes = FilterOptions.of_config(settings["filter"], settings["reference"]).needs_genotypes
            checks["filter"] = "filter genotypes" if needs_genotypes else "filter"
        return checks

    def starts(self, width: int) -> Starts:
        """The processes and jobs that the workflow starts, on so many cores.

        One job per sample with reads, then inputs, ingest, discover and genotype of each part, the commit of the
        callset, a job of each check, export and report; jobs of different parts run side by side, each with a Dask
        cluster, as ingest has. A small cohort has one job each for discover and genotype (which commits), and no
        cluster; a hybrid run has one job from ingest to the commit.
        """
        calls, checks = sum(bool(person.reads) for person in self.sheet), len(self.checks)
        if not self._alone:
            jobs, rounds = calls + 3 + checks, math.ceil(calls / width) + 3 + checks
            return Starts(runs=1, jobs=jobs, commands=jobs, clusters=len(self.config.sites), rounds=rounds)
        if are_small(self.sheet, int(self.config.settings["small_cohort_bytes"])):
            jobs, rounds = calls + 6 + checks, math.ceil(calls / width) + 6 + checks
            return Starts(runs=1, jobs=jobs, commands=jobs, clusters=0, rounds=rounds)
        parts = len(regions.parts(self.reference.contigs, int(self.config.settings["part_bp"])))
        at_once = max(1, width // JOB_CORES)
        jobs = calls + 5 + checks + 2 * parts
        rounds = math.ceil(calls / width) + 5 + checks + 2 * math.ceil(parts / at_once)
        return Starts(runs=1, jobs=jobs, commands=jobs, clusters=1 + checks + 2 * parts, rounds=rounds)

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
