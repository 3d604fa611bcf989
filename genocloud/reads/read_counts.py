"""Count the reads of an indexed BAM or CRAM."""

import pysam

from genocloud.errors import UnreadableFile


def count_reads(path: str) -> int:
    """Reads in a file, aligned or not; of a BAM its index has them, a CRAM is read through. Raises UnreadableFile."""
    try:
        rows = pysam.idxstats(path).splitlines()
    except pysam.SamtoolsError as error:
        problem = " ".join(str(error).split())
        raise UnreadableFile(path, problem, "give a BAM or CRAM file, sorted and indexed") from error
    return sum(int(count) for row in rows for count in row.split("\t")[2:4])
