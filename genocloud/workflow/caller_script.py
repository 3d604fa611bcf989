"""The shell script of a job of a caller's program, and what it leaves beside the gVCF: what was run, and its cost."""

from dataclasses import dataclass
from pathlib import Path
from shlex import join, quote
from typing import Any

from genocloud.workflow.callers import WHOLE, Commands, Launch, ProgramJob
from genocloud.workflow.ploidy_beds import haploid_contigs
from genocloud.workflow.study import Study

WORK = "results/call/partial"
"""The jobs' folders, by sample: beside outputs, the folder of a sample `a.g.vcf.gz` would be the gVCF of `a`."""


def caller_script(study: Study, launch: Launch, *, wildcards: Any, output: Any, threads: int, resources: Any) -> str:
    """The shell script of a sample's job, which writes the gVCF and, as `output.run`, what was run and its cost."""
    sample = study.samples[wildcards.sample]
    stretches = study.stretches(sample.sex)
    job = ProgramJob(
        sample=sample.sample,
        reads=str(sample.reads),
        reference=study.settings["reference"],
        beds=study.ploidy_beds(wildcards),
        haploid_contigs=haploid_contigs(stretches),
        ploidies=sorted({stretch.ploidy for _, stretch in stretches}),
        folder=f"{WORK}/{sample.sample}",
        threads=threads,
        memory_mb=resources.mem_mb,
        settings=study.settings,
    )
    return script_of(launch.commands(job), job.folder, str(output.gvcf), str(output.run))


def script_of(commands: Commands, folder: str, gvcf: str, run: str) -> str:
    """A bash script: the commands in a folder of their own, so that nothing unfinished has a final name.

    The last line of the file `run` is what they took (seconds, and the processors' in user and in system mode), those
    above are the commands.
    """
    text = "\n".join(map(join, commands))
    return f"""set -euo pipefail
rm -rf {quote(folder)} && mkdir -p {quote(folder)}
printf '%s\\n' {quote(text)} > {quote(run)}
TIMEFORMAT='%3R %3U %3S'
{{ time {{
{text}
}} 2>&1; }} 2>> {quote(run)}
mv {quote(f"{folder}/{WHOLE}")} {quote(gvcf)}
rm -r {quote(folder)}"""


@dataclass(frozen=True)
class ProgramRun:
    """What a job ran, and what it took."""

    command: str
    seconds: float
    cpu_seconds: float


def read_run(file: Path) -> ProgramRun:
    """What the script left in its file `run`."""
    *commands, cost = file.read_text().splitlines()
    seconds, user, system = (float(number.replace(",", ".")) for number in cost.split())  # some locales have a comma
    return ProgramRun("\n".join(commands), seconds, user + system)
