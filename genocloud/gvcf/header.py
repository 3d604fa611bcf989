"""Parse a gVCF's header: contigs, samples, and the dialect of the caller that wrote it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from genocloud.errors import InputError, UnreadableFile, first_of
from genocloud.gvcf.bad_records import REFUSE, RecordPolicy
from genocloud.gvcf.dialects import NON_REF, STAR, Dialect, detect
from genocloud.gvcf.header_fields import CACHED, parse_fields, split_title
from genocloud.gvcf.text_source import MAX_HEADER_BYTES, VCF, split_text
from genocloud.regions import Contig

SYMBOLIC = ((NON_REF, "##ALT=<ID=NON_REF,"), (STAR, "##ALT=<ID=*,"))
COLUMNS = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT"]

FIRST_RECORDS_BYTES = 1 << 14
"""How much of the records is searched for marks of a dialect."""


class NotVcf(UnreadableFile):
    """A file that holds something else than VCF text."""


class NoSamples(UnreadableFile):
    """A VCF without genotypes, or with one sample name twice."""


class SampleNotChosen(InputError):
    """A file of several samples where none is named, or one without the named sample."""

    def __init__(self, url: str, sample: str | None, samples: tuple[str, ...]) -> None:
        self.url, self.sample, self.samples = url, sample, samples
        problem = f"sample {sample} is not in it" if sample else "it holds several samples"
        remedy = "name one of these as name_in_gvcf in the sample sheet"
        super().__init__(f"{url}: {problem} (it has {first_of(samples)}); {remedy}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """A parsed header.

    `contigs`: those declared with a length; `caller`: the dialect's name (dialects.DIALECTS); `symbolic`: the ALT for
    any other allele, or empty; `lines`: number of header lines.
    """

    contigs: tuple[Contig, ...]
    samples: tuple[str, ...]
    caller: str
    symbolic: str
    lines: int

    def column(self, url: str, sample: str | None) -> int:
        """Index of a sample, by default the only one, in `samples`; raises SampleNotChosen."""
        if sample is None and len(self.samples) == 1:
            return 0
        if sample not in self.samples:
            raise SampleNotChosen(url, sample, self.samples)
        return self.samples.index(sample)


def shared_contigs(header: Header, contigs: Sequence[Contig], policy: RecordPolicy = REFUSE) -> Iterator[Contig]:
    """The header's contigs that the reference has and the policy needs; others (decoys) are refused by record only."""
    wanted = {contig.name for number, contig in enumerate(contigs) if policy.wants(number)}
    return (contig for contig in header.contigs if contig.name in wanted)


def split_header(pieces: Iterator[bytes], url: str) -> tuple[Header, Dialect, bytes]:
    """The header at the start of a text, its dialect, and the text read beyond it."""
    head, beyond = split_text(pieces)
    above, title = split_title(head)
    if not head.startswith(VCF) or not title.startswith(b"#CHROM") or not head.endswith(b"\n"):
        if len(head) > MAX_HEADER_BYTES:
            problem = f"its header is longer than {MAX_HEADER_BYTES:,} bytes"
            raise NotVcf(url, problem, "remove header lines that are not needed (bcftools reheader)")
        raise NotVcf(url, "is not a VCF, or its header is cut off", "give a gVCF (plain, gzip or BGZF)")
    strange = _strange_line(above)
    if strange:
        raise NotVcf(url, f"line {strange:,} stands in the header but does not begin with ##", "mend the header")
    columns = title.removesuffix(b"\r").rstrip(b"\t").decode("utf-8", "replace").split("\t")  # GATK's end with a tab
    samples = tuple(columns[9:])
    if columns[:9] != COLUMNS or not samples:
        raise NoSamples(url, "its #CHROM line names no sample", "give a gVCF with genotypes")
    if len(set(samples)) < len(samples):
        raise NoSamples(url, "its #CHROM line names a sample twice", "rename one of them")
    fields = parse_fields(above)
    dialect = detect(fields.others, beyond[:FIRST_RECORDS_BYTES].decode("utf-8", "replace"))
    header = Header(
        contigs=fields.contigs,
        samples=samples,
        caller=dialect.name,
        symbolic=_symbolic(fields.others) or dialect.symbolic,
        lines=above.count(b"\n") + 2,
    )
    return header, dialect, beyond


@lru_cache(CACHED)
def _symbolic(others: str) -> str:
    """The ALT for any other allele that these header lines declare, or nothing."""
    return next((symbolic for symbolic, mark in SYMBOLIC if f"\n{mark}" in f"\n{others}"), "")


@lru_cache(CACHED)
def _strange_line(above: bytes) -> int | None:
    """The number of the first line above a title that is neither empty nor begins with ##."""
    if (b"\n" + above).count(b"\n##") == above.count(b"\n") + 1:
        return None
    lines = above.replace(b"\r\n", b"\n").split(b"\n")
    return next((number for number, line in enumerate(lines, 1) if line and not line.startswith(b"##")), None)
