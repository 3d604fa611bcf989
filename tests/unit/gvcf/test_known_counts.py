"""Allele counts of known variants: of INFO's first key, of genotypes where it has none; what is wrong is named."""

import pysam
import pytest

from genocloud.errors import BadRecord
from genocloud.gvcf import read_known_counts

HEAD = """##fileformat=VCFv4.2
##contig=<ID=chr1,length=100>
#CHROM	POS	ID	REF	ALT	QUAL	FILTER	INFO	FORMAT	x	y
"""


def write(folder, *rows):
    path = folder / "known.vcf"
    path.write_text(HEAD + "".join(row.replace(" ", "\t") + "\n" for row in rows))
    return pysam.tabix_index(str(path), preset="vcf")


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("chr1 7 . A C . . AC=3;AN=10;MLEAC=4", (7, "A", ("C",), (4,), 10)),
        ("chr1 7 . a c,<DEL> . q10 AN=10;AC=3,1", (7, "A", ("C", "<DEL>"), (3, 1), 10)),
        ("chr1 7 . A C . . AC=3 GT 0/1 ./.", (7, "A", ("C",), (3,), 2)),
        ("chr1 7 . A C,G . . . GT:PL 0|2:1,2 1:3,4", (7, "A", ("C", "G"), (1, 1), 3)),
        ("chr1 7 . A C . . AN=100 GT 0|1 1", (7, "A", ("C",), (2,), 100)),
        ("chr1 7 . A C . . DB", (7, "A", ("C",), (0,), 0)),
        ("chr1 7 . A . . . AN=8", (7, "A", (), (), 8)),
    ],
)
def test_counts(tmp_path, row, expected):
    url = write(tmp_path, "chr1 5 . A C . . AC=3;AN=10", row, "chr1 8 . A C . . AC=none")
    assert read_known_counts(url, "chr1", [7], ["MLEAC", "AC"]) == [expected]
    assert read_known_counts(url, "chr1", [], ["AC"]) == []


@pytest.mark.parametrize(("info", "problem"), [("AC=1,2;AN=9", "2 counts for 1 ALT"), ("AC=.;AN=9", "invalid")])
def test_other_counts_than_alts_are_refused(tmp_path, info, problem):
    url = write(tmp_path, f"chr1 7 . A C . . {info}")
    with pytest.raises(BadRecord, match=rf"known.vcf.gz: chr1:7: {problem}"):
        read_known_counts(url, "chr1", [7], ["AC"])
