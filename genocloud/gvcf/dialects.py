"""What each variant caller writes differently, as one table."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caller:
    """One dialect of gVCF.

    `mark` is a pattern that a line of its header matches from its start, `records` one that its first records contain.
    `symbolic` is the ALT of its reference blocks, where the header does not declare one. `doubles`: several records of
    a sample at one position are legal, and the one with most evidence is kept. `strays`: a GT may name an allele that
    the record lacks (it stands in an earlier record); such a record is dropped. `likelihoods`: its records may have PL
    or GL; files of a caller that writes neither are refused before they are read.
    """

    name: str
    mark: str
    symbolic: str = ""
    doubles: bool = True
    strays: bool = False
    records: str = ""
    likelihoods: bool = True


NON_REF, STAR = "<NON_REF>", "<*>"
GATK = r"##GATKCommandLine|##GVCFBlock|##ALT=<ID=NON_REF,"
WITHOUT_END = rf"\A(?![\s\S]*?[\t;]END=)[\s\S]*?\t{NON_REF}\t"
"""Reference records, but none with an END."""

CALLERS = (
    Caller("bcftools", r"##source=genocloud(?! \d)|##bcftoolsCommand=mpileup|##bcftools_callCommand=", STAR),
    Caller("deepvariant", r"##DeepVariant_version=|##FILTER=<ID=RefCall,", STAR),
    Caller("dragen", r"##source=DRAGEN|##DRAGENCommandLine=|##FILTER=<ID=DRAGENHardQUAL,", NON_REF),
    Caller("sentieon", r"##SentieonCommandLine", NON_REF, doubles=False),
    Caller("strelka2", r"##source=strelka"),
    Caller("xatlas", r"##source=\S*xatlas", strays=True),
    Caller("clair3", r"##source=Clair3", NON_REF),
    Caller("genocloud joint vcf", r"##source=genocloud \d"),
    Caller("octopus", r"##octopus=|##source=octopus", STAR, likelihoods=False),
    Caller("mutect2", r"##source=Mutect2|##GATKCommandLine=<ID=Mutect2", NON_REF, likelihoods=False),
    Caller("wecall", r"##source=weCall", NON_REF),
    Caller("gatk reblocked", r"##source=ReblockGVCF|##GATKCommandLine=<ID=ReblockGVCF", NON_REF, doubles=False),
    Caller("gatk combined", r"##source=CombineGVCFs|##GATKCommandLine=<ID=CombineGVCFs", NON_REF, doubles=False),
    Caller("gatk 3", r"##GATKCommandLine\.HaplotypeCaller=", NON_REF, doubles=False),
    Caller("gatk base-pair", GATK, NON_REF, doubles=False, records=WITHOUT_END),
    Caller("gatk", GATK, NON_REF, doubles=False),
)
"""Sought from top to bottom: GATK's marks come last, because its tools leave them in files of other callers."""

UNKNOWN = Caller("unknown", "")

LINES = re.compile(r"^##(?!contig=|INFO=|FORMAT=).*", re.MULTILINE)
"""The lines of a header that can name a caller: few, where contigs may be thousands."""

WECALL = 'Source="weCall"'
"""Stands in the FORMAT and INFO lines of weCall's VCF 4.2, also where its own `##source=weCall v` was taken out."""

CALL_WITH = "call the reads with HaplotypeCaller -ERC GVCF, DeepVariant or bcftools"
ADVICE = {
    "bcftools": "call it again with qualities: bcftools mpileup -g 0 -a AD,DP | bcftools call -m -g 0 -f GQ",
    "genocloud joint vcf": "this is a callset of genocloud, not a gVCF: give the gVCFs that it was made from",
    "mutect2": f"Mutect2 looks for somatic variants and writes no genotype likelihoods: {CALL_WITH}",
    "octopus": f"Octopus writes no genotype likelihoods (PL): {CALL_WITH}",
    "strelka2": f"Strelka2's blocks do not say how sure they are: {CALL_WITH}",
}
"""What to do about a caller's files that the gatk model cannot use."""

WITHOUT_LIKELIHOODS = frozenset(caller.name for caller in CALLERS if not caller.likelihoods)

MARKS = tuple(dict.fromkeys(caller.mark for caller in CALLERS))
ANY = re.compile("|".join(f"({mark})" for mark in MARKS))


def detect(header: str, records: str = "") -> Caller:
    """The caller that wrote a file with this header text and these first records (a part of them does)."""
    lines = LINES.findall(header)
    if WECALL in header:
        lines.append("##source=weCall")
    found = _first(lines, records)
    if found is UNKNOWN and f"{NON_REF}\t" in records:  # as only GATK and its like write it
        found = _first([*lines, "##ALT=<ID=NON_REF,"], records)
    return found


def _first(lines: list[str], records: str) -> Caller:
    marks = {MARKS[match.lastindex - 1] for line in lines if (match := ANY.match(line)) and match.lastindex}
    found = (caller for caller in CALLERS if caller.mark in marks and re.search(caller.records, records))
    return next(found, UNKNOWN)
