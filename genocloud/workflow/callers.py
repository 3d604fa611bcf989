"""Programs that the config's `caller` can name: one entry each, with what it needs and how its jobs run."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WHOLE = "whole.g.vcf.gz"
"""The gVCF's name in the job's folder."""

Commands = list[list[str]]
"""Commands that run one after another, each as its words."""


@dataclass(frozen=True, kw_only=True)
class ProgramJob:
    """One sample's job of a program, which writes WHOLE in `folder`; `beds` are haploid, diploid and par."""

    sample: str
    reads: str
    reference: str
    beds: Mapping[str, str]
    haploid_contigs: Sequence[str]
    ploidies: Sequence[int]
    folder: str
    threads: int
    memory_mb: int
    settings: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Launch:
    """How a program's jobs run, on files of this machine: their commands, what brings it, and what a job needs.

    image     of its container, with settings in braces
    conda     its environment, as the rule names it; None if there is none
    settings  keys of the config, other than par, that its outcome depends on
    version   a pattern that finds the version in the header of its gVCF
    """

    commands: Callable[[ProgramJob], Commands]
    image: str
    conda: str | None = None
    settings: tuple[str, ...] = ()
    version: re.Pattern[str]
    threads: int
    memory_mb: int
    runtime_minutes: int

    def container(self, settings: Mapping[str, Any]) -> str:
        """The URL of its container."""
        return f"docker://{self.image.format_map(settings)}"


@dataclass(frozen=True, kw_only=True)
class CallerProgram:
    """A program that calls one sample's reads to a gVCF.

    name          the config's word for it
    title         its own name, for people
    dialect       the dialect of gVCF that it writes
    program       executable that must be on the PATH where neither conda nor a container brings it; empty if none
    install_hint  how a user gets it
    dictionary    whether the reference needs a sequence dictionary beside it
    launch        how its jobs run; None for the embedded one, which is `genocloud call`
    """

    name: str
    title: str
    dialect: str
    program: str = ""
    install_hint: str = ""
    dictionary: bool = False
    launch: Launch | None = None

    def outcome(self, settings: Mapping[str, Any]) -> list[Any]:
        """What a gVCF depends on, apart from the sample's files: a change calls again. Two programs never share it."""
        launched = self.launch and [self.launch.container(settings), *(settings[key] for key in self.launch.settings)]
        return [self.name, *(launched or [])]


def _gatk(job: ProgramJob) -> Commands:
    """A run for each ploidy: in one (with --ploidy-regions) a block may extend into the region of another ploidy."""
    gatk = ["env", f"JAVA_TOOL_OPTIONS=-Xmx{job.memory_mb * 3 // 4}m", "gatk"]
    caller = [*gatk, "HaplotypeCaller", "--emit-ref-confidence", "GVCF", "--reference", job.reference]
    caller += ["--input", job.reads, "--sample-name", job.sample, "--native-pair-hmm-threads", str(job.threads)]
    beds = {1: job.beds["haploid"], 2: job.beds["diploid"]}
    parts = {ploidy: f"{job.folder}/{ploidy}.g.vcf.gz" for ploidy in job.ploidies}
    runs = [
        [*caller, "--sample-ploidy", str(ploidy), "--intervals", beds[ploidy], "--output", part]
        for ploidy, part in parts.items()
    ]
    inputs = [word for part in parts.values() for word in ("--INPUT", part)]
    return [*runs, [*gatk, "MergeVcfs", *inputs, "--OUTPUT", f"{job.folder}/{WHOLE}"]]


def _deepvariant(job: ProgramJob) -> Commands:
    options = {
        "model_type": job.settings["deepvariant_model"],
        "num_shards": str(job.threads),
        "ref": job.reference,
        "reads": job.reads,
        "sample_name": job.sample,
        "regions": f"{job.beds['diploid']} {job.beds['haploid']}",
        "haploid_contigs": ",".join(job.haploid_contigs),
        "par_regions_bed": job.beds["par"],
        "intermediate_results_dir": job.folder,
        "output_vcf": f"{job.folder}/whole.vcf.gz",
        "output_gvcf": f"{job.folder}/{WHOLE}",
    }
    return [["/opt/deepvariant/bin/run_deepvariant", *(f"--{name}={value}" for name, value in options.items())]]


CALLER_PROGRAMS = (
    CallerProgram(name="bcftools", title="the embedded bcftools", dialect="bcftools"),
    CallerProgram(
        name="gatk",
        title="GATK HaplotypeCaller",
        dialect="gatk",
        program="gatk",
        install_hint="put GATK's launcher on the PATH, or run with --sdm conda or --sdm apptainer",
        dictionary=True,
        launch=Launch(
            commands=_gatk,
            image="broadinstitute/gatk:4.6.2.0",
            conda="../envs/gatk.yaml",
            version=re.compile(r'##GATKCommandLine=<ID=HaplotypeCaller,.*Version="([^"]+)"'),
            threads=2,
            memory_mb=4000,  # three quarters of it become Java's heap
            runtime_minutes=2880,
        ),
    ),
    CallerProgram(
        name="deepvariant",
        title="DeepVariant",
        dialect="deepvariant",
        install_hint="run with --sdm apptainer",
        launch=Launch(
            commands=_deepvariant,
            image="google/deepvariant:{deepvariant_version}",
            settings=("deepvariant_model", "deepvariant_version"),
            version=re.compile(r"##DeepVariant_version=(\S+)"),
            threads=16,
            memory_mb=32000,
            runtime_minutes=1440,
        ),
    ),
)

BY_NAME = {caller.name: caller for caller in CALLER_PROGRAMS}

NONE = "none"
"""The config's word where every sample comes as a gVCF."""
