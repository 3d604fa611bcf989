"""Options of a job's command, from the config's settings and from the job's resources."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from shlex import quote
from typing import Any

from genocloud.scatter.executor_kinds import is_dask

MODEL = (
    "model",
    "preset",
    "stand_call_conf",
    "heterozygosity",
    "indel_heterozygosity",
    "heterozygosity_stdev",
    "max_alternate_alleles",
    "annotation_group",
    "annotate_with_num_discovered_alleles",
    "allow_old_rms_mapping_quality_annotation_data",
    "par",
    "gq_calibration",
)
INTERVALS = ("intervals", "interval_padding", "exclude_intervals", "interval_exclusion_padding")
SITES = (*INTERVALS, "include_non_variant_sites", "force_output_intervals", "alleles")

STEPS_IN_PARTS = ("discover", "genotype")
"""Steps with a job for each part of the genome; such a job for the whole genome has the step's name as its part."""

SNAKEMAKE_MB = 400
"""Memory of Snakemake's two processes around the command in a job of Slurm's, measured."""


@dataclass(frozen=True)
class JobOptions:
    """Options of jobs; the methods with `wildcards` are parameters of rules.

    `small` cohorts run in the job's own process; `remote_job` is set in a job that a batch system runs.
    """

    settings: Mapping[str, Any]
    small: bool
    remote_job: bool

    def of(self, *names: str) -> list[str]:
        """Settings as options: `batch_size: 200` becomes `--batch-size 200`.

        A list gives its option several times; true gives it alone; false, or an empty text, not at all.
        """
        return [each for name in names for each in spelled(f"--{name.replace('_', '-')}", self.settings[name])]

    def scatter(self, wildcards: Any, threads: int, resources: Any) -> str:  # noqa: ARG002 Snakemake passes it
        """The executor of a step's tasks: the profile's (resource `scatter`), else a Dask cluster on this machine.

        The cluster is one process, whose threads share what they read, within the job's memory. A small cohort runs in
        the job's own process: a cluster takes some 2 s to start and end. As the value depends on resources, Snakemake
        does not count it among the settings whose change makes a job run again.
        """
        return str(resources.get("scatter", self._default_scatter(threads, self._memory_mb(resources))))

    def memory(self, wildcards: Any, resources: Any) -> str:  # noqa: ARG002
        """The job's memory as the budget of tasks in its own process; empty for Dask, whose workers have limits."""
        scatter = resources.get("scatter", self._default_scatter(1, 1))
        return "" if is_dask(scatter) else f"--memory {self._memory_mb(resources)}MB"

    def memory_mb(self, wildcards: Any, resources: Any) -> int:  # noqa: ARG002
        """The job's memory, MB; less Snakemake's own share in a batch system's job."""
        return self._memory_mb(resources)

    def part(self, wildcards: Any) -> str:
        """The option for the job's part of the genome; empty for the whole."""
        return "" if is_whole(wildcards.part) else f"--part {wildcards.part}"

    def _default_scatter(self, threads: int, memory_mb: int) -> str:
        return f"threads:{threads}" if self.small else f"local:processes=1,threads={threads},memory={memory_mb}MB"

    def _memory_mb(self, resources: Any) -> int:
        memory: int = resources.mem_mb - (SNAKEMAKE_MB if self.remote_job else 0)
        return memory


def is_whole(part: str) -> bool:
    """Whether the wildcard `part` is the whole genome: then it is a step's name; names of parts begin with a number."""
    return part in STEPS_IN_PARTS


def spelled(option: str, value: Any) -> Iterator[str]:
    """A setting as an option: several times for a list, alone for true, not at all for false or an empty text."""
    if isinstance(value, bool) or value == "":
        yield from [option] * bool(value)
    else:
        for each in value if isinstance(value, list) else [value]:
            yield f"{option} {quote(str(each))}"
