"""Read bases of a BGZF-compressed reference by its index, with pysam's htslib."""

import pysam

from genocloud.errors import UnreadableFile


def compressed_bases(url: str, contig: str, start: int, end: int) -> str:
    """The bases start <= base < end of a BGZF-compressed FASTA, with its .fai and .gzi beside it.

    Raises UnreadableFile.
    """
    try:
        with pysam.FastaFile(url.removeprefix("file://")) as fasta:
            return str(fasta.fetch(contig, start, end))
    except (OSError, ValueError, KeyError) as error:
        remedy = "give the reference uncompressed, or index it: samtools faidx"
        raise UnreadableFile(url, f"contig {contig} cannot be read ({error})", remedy) from error
