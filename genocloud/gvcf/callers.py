"""What each variant caller writes differently, as one table."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caller:
    """One dialect of gVCF.

    `mark` is a pattern that its header matches; `symbolic` the ALT of its reference blocks, where the header does not
    declare one. `doubles`: several records of a sample at one position are legal, and the one with most evidence is
    kept. `strays`: a GT may name an allele that the record lacks (it stands in an earlier record); such a record is
    dropped.
    """

    name: str
    mark: str
    symbolic: str = ""
    doubles: bool = True
    strays: bool = False


NON_REF, STAR = "<NON_REF>", "<*>"

CALLERS = (
    Caller("bcftools", r"##source=genocloud|##bcftoolsCommand=mpileup|##bcftools_callCommand=", STAR),
    Caller("deepvariant", r"##DeepVariant_version=|##FILTER=<ID=RefCall,", STAR),
    Caller("dragen", r"##source=DRAGEN|##DRAGENCommandLine=|##FILTER=<ID=DRAGENHardQUAL,", NON_REF),
    Caller("sentieon", r"##SentieonCommandLine", NON_REF, doubles=False),
    Caller("strelka2", r"##source=strelka"),
    Caller("xatlas", r"##source=\S*xatlas", strays=True),
    Caller("clair3", r"##source=Clair3", NON_REF),
    Caller("wecall", r"##source=weCall", STAR),
    Caller("gatk", r"##GATKCommandLine|##GVCFBlock|##ALT=<ID=NON_REF,", NON_REF, doubles=False),
)
"""Sought from top to bottom: GATK's marks come last, because its tools leave them in files of other callers."""

UNKNOWN = Caller("unknown", "")


def detect(header: str) -> Caller:
    """The caller that wrote a file with this header text."""
    found = (caller for caller in CALLERS if re.search(rf"^(?:{caller.mark})", header, re.MULTILINE))
    return next(found, UNKNOWN)
