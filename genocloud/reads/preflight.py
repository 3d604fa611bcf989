"""Check reads and reference before calling: contigs, read groups, index."""

import logging
import warnings
from collections.abc import Sequence
from pathlib import Path

import pysam

from genocloud.errors import InputError, UnreadableFile
from genocloud.regions import Contig, check_contigs

log = logging.getLogger(__name__)


class WrongSample(InputError):
    """The reads are of another sample than the sheet says."""

    def __init__(self, url: str, wanted: str, names: Sequence[str]) -> None:
        self.url, self.wanted, self.names = url, wanted, tuple(names)
        super().__init__(
            f"{url}: its read groups name {', '.join(names)}, not {wanted}; correct the name in the sample sheet, "
            "or the read groups with samtools addreplacerg"
        )


def reference_contigs(reference: str) -> tuple[Contig, ...]:
    """The contigs of an indexed FASTA file, in its order. Raises UnreadableFile."""
    try:
        with pysam.FastaFile(reference) as fasta:
            return tuple(map(Contig, fasta.references, fasta.lengths))
    except (OSError, ValueError) as error:
        raise UnreadableFile(reference, str(error), "give a FASTA file with its .fai (samtools faidx)") from error


def read_name(url: str, reference: str, contigs: Sequence[Contig], wanted: str) -> str | None:
    """Check the reads; the sample to pick if the file has several, None if it has one.

    Raises UnreadableFile, UnknownContig, MixedContigs or WrongSample.
    """
    with _open(url, url, reference) as reads:
        name = _name_in(reads, url, contigs, wanted)
        if not reads.has_index():
            raise UnreadableFile(url, "has no index", "make one with samtools index")
        if _is_empty(reads):
            raise UnreadableFile(url, "holds no aligned reads", "check how it was made, or leave the sample out")
    return name


def check_head(url: str, head: Path, contigs: Sequence[Contig], wanted: str) -> None:
    """Check contigs and sample names in the first bytes of reads, which are in the file `head`.

    Raises UnreadableFile, UnknownContig, MixedContigs or WrongSample.
    """
    verbosity = pysam.set_verbosity(0)  # htslib would warn that the file breaks off
    try:
        with warnings.catch_warnings(action="ignore"), _open(url, str(head), None) as reads:
            _name_in(reads, url, contigs, wanted)
    finally:
        pysam.set_verbosity(verbosity)


def _name_in(reads: pysam.AlignmentFile, url: str, contigs: Sequence[Contig], wanted: str) -> str | None:
    check_contigs(url, map(Contig, reads.references, reads.lengths), contigs)
    names = sorted({group["SM"] for group in reads.header.to_dict().get("RG", ()) if "SM" in group})
    if not names:
        log.warning("%s: no read group names a sample; all reads are taken as %s", url, wanted)
        return None
    if wanted not in names:
        raise WrongSample(url, wanted, names)
    return wanted if len(names) > 1 else None


def _open(url: str, path: str, reference: str | None) -> pysam.AlignmentFile:
    try:
        return pysam.AlignmentFile(path, reference_filename=reference, ignore_truncation=path != url)
    except (OSError, ValueError) as error:
        raise UnreadableFile(url, str(error), "give a BAM or CRAM file, sorted and indexed") from error


def _is_empty(reads: pysam.AlignmentFile) -> bool:
    try:
        return all(read.is_unmapped for read in reads.head(1, multiple_iterators=False))
    except (OSError, ValueError) as error:
        raise UnreadableFile(reads.filename.decode(), str(error), "it is damaged: make it again") from error
