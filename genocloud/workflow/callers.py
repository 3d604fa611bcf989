"""Programs that the config's `caller` can name: one entry each, with what it needs; each has a rule in call.smk."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class CallerProgram:
    """A program that calls one sample's reads to a gVCF.

    name          the config's word for it
    title         its own name, for people
    dialect       the dialect of gVCF that it writes
    program       executable that must be on the PATH where neither conda nor a container brings it; empty if none
    install_hint  how a user gets it
    local_files   whether it reads files of this machine alone
    dictionary    whether the reference needs a sequence dictionary beside it
    ploidy_beds   whether it takes the stretches of each ploidy as BED files
    """

    name: str
    title: str
    dialect: str
    program: str = ""
    install_hint: str = ""
    local_files: bool = True
    dictionary: bool = False
    ploidy_beds: bool = True


CALLER_PROGRAMS = (
    CallerProgram(
        name="bcftools",
        title="the embedded bcftools",
        dialect="bcftools",
        local_files=False,
        ploidy_beds=False,
    ),
    CallerProgram(
        name="gatk",
        title="GATK HaplotypeCaller",
        dialect="gatk",
        program="gatk",
        install_hint="put GATK's launcher on the PATH, or run with --sdm conda or --sdm apptainer",
        dictionary=True,
    ),
    CallerProgram(
        name="deepvariant",
        title="DeepVariant",
        dialect="deepvariant",
        install_hint="run with --sdm apptainer",
    ),
)

BY_NAME = {caller.name: caller for caller in CALLER_PROGRAMS}

NONE = "none"
"""The config's word where every sample comes as a gVCF."""
