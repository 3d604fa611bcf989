"""Dialects of gVCF: one table of how variant callers are recognised and what each writes differently."""

import re
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Dialect:
    """One caller's gVCFs.

    `mark` is a pattern that matches the start of a header line, `records` one that the first records contain.
    `symbolic` is the ALT of reference blocks where the header declares none. `doubles`: several records of a sample at
    one position are legal, and the one with most evidence is kept. `strays`: a GT may name an allele that only an
    earlier record has; such a record is dropped. `likelihoods`: records may have PL or GL; files of a caller that
    writes neither are refused before they are read.
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

DIALECTS = (
    Dialect("bcftools", r"##source=genocloud(?! \d)|##bcftoolsCommand=mpileup|##bcftools_callCommand=", STAR),
    Dialect("deepvariant", r"##DeepVariant_version=|##FILTER=<ID=RefCall,", STAR),
    Dialect("dragen", r"##source=DRAGEN|##DRAGENCommandLine=|##FILTER=<ID=DRAGENHardQUAL,", NON_REF),
    Dialect("sentieon", r"##SentieonCommandLine", NON_REF, doubles=False),
    Dialect("strelka2", r"##source=strelka"),
    Dialect("xatlas", r"##source=\S*xatlas", strays=True),
    Dialect("clair3", r"##source=Clair3", NON_REF),
    Dialect("genocloud joint vcf", r"##source=genocloud \d"),
    Dialect("octopus", r"##octopus=|##source=octopus", STAR, likelihoods=False),
    Dialect("mutect2", r"##source=Mutect2|##GATKCommandLine=<ID=Mutect2", NON_REF, likelihoods=False),
    Dialect("wecall", r"##source=weCall", NON_REF),
    Dialect("gatk reblocked", r"##source=ReblockGVCF|##GATKCommandLine=<ID=ReblockGVCF", NON_REF, doubles=False),
    Dialect("gatk combined", r"##source=CombineGVCFs|##GATKCommandLine=<ID=CombineGVCFs", NON_REF, doubles=False),
    Dialect("gatk 3", r"##GATKCommandLine\.HaplotypeCaller=", NON_REF, doubles=False),
    Dialect("gatk base-pair", GATK, NON_REF, doubles=False, records=WITHOUT_END),
    Dialect("gatk", GATK, NON_REF, doubles=False),
)
"""In order of precedence: GATK's marks come last, because its tools leave them in files of other callers."""

UNKNOWN = Dialect("unknown", "")

LINES = re.compile(r"^##(?!contig=|INFO=|FORMAT=).*", re.MULTILINE)
"""Header lines that can name a caller, without the contigs, which may be thousands."""

WECALL = 'Source="weCall"'
"""In the FORMAT and INFO lines of weCall's VCF 4.2, also where its `##source=weCall v` was removed."""

CALL_WITH = "call the reads with HaplotypeCaller -ERC GVCF, DeepVariant or bcftools"
ADVICE = {
    "bcftools": "call it again with qualities: bcftools mpileup -g 0 -a AD,DP | bcftools call -m -g 0 -f GQ",
    "genocloud joint vcf": "this is a callset of genocloud, not a gVCF: give the gVCFs that it was made from",
    "mutect2": f"Mutect2 looks for somatic variants and writes no genotype likelihoods: {CALL_WITH}",
    "octopus": f"Octopus writes no genotype likelihoods (PL): {CALL_WITH}",
    "strelka2": f"Strelka2's blocks do not say how sure they are: {CALL_WITH}, or join with --model glnexus --preset "
    "DeepVariant_unfiltered, which takes 0/0 as it is written",
}
"""Remedies for files of callers that the gatk model cannot use."""

WITHOUT_LIKELIHOODS = frozenset(dialect.name for dialect in DIALECTS if not dialect.likelihoods)

MARKS = tuple(dict.fromkeys(dialect.mark for dialect in DIALECTS))
ANY = re.compile("|".join(f"({mark})" for mark in MARKS))


def detect(header: str, records: str = "") -> Dialect:
    """The dialect of a file with this header text and these first records (any part of them)."""
    marks = _marks_in(header)
    dialect = _first_match(marks, records)
    if dialect is UNKNOWN and f"{NON_REF}\t" in records:  # as only GATK and its like write it
        dialect = _first_match(marks | {GATK}, records)
    return dialect


@lru_cache(8)
def _marks_in(header: str) -> frozenset[str]:
    """The marks of dialects in a header; cached, as files of a cohort have the same lines above the title."""
    lines = LINES.findall(header)
    if WECALL in header:
        lines.append("##source=weCall")
    matches = filter(None, map(ANY.match, lines))
    return frozenset(MARKS[match.lastindex - 1] for match in matches if match.lastindex)


def _first_match(marks: frozenset[str], records: str) -> Dialect:
    marked = (dialect for dialect in DIALECTS if dialect.mark in marks)
    return next((each for each in marked if not each.records or re.search(each.records, records)), UNKNOWN)
