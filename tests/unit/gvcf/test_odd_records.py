"""Records that a clean gVCF would not have, as GATK 4.6.2.0 takes them; what is odd is counted, never lost."""

import itertools
import math
from pathlib import Path

import pytest

from genocloud import gvcf
from genocloud.errors import BadRecord
from genocloud.gvcf.rows import OVERLAP, PARTIAL, SYMBOLIC
from genocloud.regions import Contig
from tests.support import gvcf_reader

CONTIGS = (Contig("chr1", 2000),)
BLOCK = "GT:DP:GQ:MIN_DP:PL\t0/0:20:60:20:0,60,900"
TWO_ALTS = "GT:AD:DP:GQ:PL\t1/2:0,10,10,0:20:99:500,250,280,250,0,280,500,250,280,560"


def read(folder: Path, *lines: str, samples: str = "ann") -> gvcf.Rows:
    """The rows of the last of the samples of a file with some records, the same that the slow twin reads."""
    title = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t" + samples
    path = folder / "ann.g.vcf"
    path.write_text("\n".join(["##fileformat=VCFv4.2", '##ALT=<ID=NON_REF,Description="any">', title, *lines]) + "\n")
    sample = samples.split("\t")[-1]
    (rows,) = gvcf.read_rows(str(path), CONTIGS, sample)
    variants, blocks = gvcf_reader.read(path, CONTIGS, sample)
    assert rows.variants.to_pylist() == variants.to_pylist()
    assert rows.blocks.to_pylist() == blocks.to_pylist()
    return rows


def test_a_block_counts_from_its_first_base_even_within_another(tmp_path):
    """CombineGVCFs: bases 105 to 110 have the inner block's PL, 111 to 140 have no data: the outer one has ended."""
    rows = read(
        tmp_path,
        f"chr1\t100\t.\tG\t<NON_REF>\t.\t.\tEND=140\t{BLOCK}",
        f"chr1\t105\t.\tG\t<NON_REF>\t.\t.\tEND=110\t{BLOCK}",
        f"chr1\t141\t.\tG\t<NON_REF>\t.\t.\tEND=200\t{BLOCK}",
        f"chr1\t180\t.\tG\t<NON_REF>\t.\t.\tEND=300\t{BLOCK}",
    )
    stretches = list(zip(rows.blocks["start"].to_pylist(), rows.blocks["stop"].to_pylist(), strict=True))
    assert stretches == [(99, 104), (104, 110), (140, 179), (179, 300)]
    assert (rows.odd, rows.dropped) == ({OVERLAP: 2}, {})


@pytest.mark.parametrize("pl", ["250,0,250,.,.,.", ".,0,250,280,280,560"])
def test_a_pl_with_missing_values_is_no_pl(tmp_path, pl):
    """GenomicsDB: such a PL is none; the site is skipped unless GT is 0/0 or missing ("insufficient data")."""
    rows = read(tmp_path, f"chr1\t100\t.\tG\tA,<NON_REF>\t.\t.\tDP=20\tGT:DP:GQ:PL\t0/1:20:35:{pl}")
    assert (rows.variants["pl"].to_pylist(), rows.odd) == ([None], {PARTIAL: 1})


def test_a_pl_that_is_wholly_missing_is_not_odd(tmp_path):
    assert read(tmp_path, "chr1\t100\t.\tG\tA,<NON_REF>\t.\t.\tDP=20\tGT:DP:PL\t0/1:20:.,.,.,.,.,.").odd == {}


@pytest.mark.parametrize("ref", ["T", "TC"])
def test_gatk_3s_name_of_the_spanning_deletion_is_read_as_a_star(tmp_path, ref):
    rows = read(tmp_path, f"chr1\t102\t.\t{ref}\tA{ref[1:]},<*:DEL>,<NON_REF>\t.\t.\tDP=20\t{TWO_ALTS}")
    assert rows.variants["alts"].to_pylist() == [["A" + ref[1:], "*", "<NON_REF>"]]
    assert rows.variants["gt"].to_pylist() == [[1, 2]]
    assert rows.variants["stop"].to_pylist() == [101 + len(ref)]


@pytest.mark.parametrize(
    "symbol", ["<DEL>", "<CNV>", "<INS>", "<DUP:TANDEM>", "T[chr1:900[", "]chr1:900]T", "T.", ".T"]
)
@pytest.mark.parametrize("gt", ["1/2", "0/1", "2|2"])
def test_beside_a_symbolic_alt_the_genotype_is_missing_and_counted(tmp_path, symbol, gt):
    """GATK writes the symbol as an ALT; we do not genotype it, and without it 1/2 would become 0/1."""
    rows = read(
        tmp_path,
        f"chr1\t102\t.\tT\tA,{symbol},<NON_REF>\t.\t.\tDP=20\t{TWO_ALTS.replace('1/2', gt)}",
        f"chr1\t103\t.\tG\t<NON_REF>\t.\t.\tEND=2000\t{BLOCK}",
    )
    (row,) = rows.variants.to_pylist()
    assert (row["gt"], row["pl"], row["ad"], row["gq"], row["dp"]) == ([-1, -1], None, None, None, 20)
    assert row["alts"] == ["A", symbol, "<NON_REF>"]
    assert (rows.odd, rows.dropped) == ({SYMBOLIC: 1}, {})


@pytest.mark.parametrize("symbol", ["<DEL>", "<INS>", "T[chr1:900[", ".T"])
def test_wherever_the_symbol_stands_no_genotype_becomes_another_one(tmp_path, symbol):
    """Each place among the ALTs, each genotype of one, two and three copies, phased or not."""
    lines, ploidies = [], []
    for place, ploidy, sign in itertools.product(range(3), (1, 2, 3), "/|"):
        alts = ["A", "C"]
        alts.insert(place, symbol)
        likelihoods = ",".join(map(str, range(0, 10 * math.comb(4 + ploidy, ploidy), 10)))
        for alleles in itertools.combinations_with_replacement("01234", ploidy):
            values = f"{sign.join(alleles)}:1,2,3,4,5:15:40:{likelihoods}"
            lines.append(
                f"chr1\t{len(lines) + 1}\t.\tT\t{','.join(alts)},<NON_REF>\t9\t.\tDP=15\tGT:AD:DP:GQ:PL\t{values}"
            )
            ploidies.append(ploidy)
    rows = read(tmp_path, *lines)
    assert rows.variants["gt"].to_pylist() == [[-1] * ploidy for ploidy in ploidies]
    for name in ("pl", "ad", "gq"):
        assert rows.variants[name].null_count == len(lines)
    assert (len(lines), rows.odd, rows.dropped) == (330, {SYMBOLIC: 330}, {})


@pytest.mark.parametrize("symbol", ["<NON_REF>", "<*>"])
def test_a_block_of_vcf_4_5_is_as_long_as_its_len(tmp_path, symbol):
    rows = read(
        tmp_path,
        f"chr1\t1\t.\tG\t{symbol}\t.\t.\t.\tGT:DP:GQ:LEN:PL\t0/0:20:60:99:0,60,900",
        f"chr1\t100\t.\tG\tA,{symbol}\t.\t.\tDP=20\tGT:DP:LEN\t0/1:20:.",
        f"chr1\t101\t.\tG\t{symbol}\t.\t.\t.\tGT:DP:LEN\t0/0:20:1900",
    )
    assert rows.blocks["stop"].to_pylist() == [99, 2000]
    assert rows.variants["stop"].to_pylist() == [100]


def test_each_sample_of_vcf_4_5_has_a_len_of_its_own(tmp_path):
    """END is the largest LEN of all samples; one whose block begins beside another's variant reaches on."""
    rows = read(
        tmp_path,
        "chr1\t1\t.\tG\t<*>\t.\t.\tEND=200\tGT:DP:LEN\t0/0:20:200\t0/0:20:50",
        "chr1\t100\t.\tGT\tG,<*>\t.\t.\t.\tGT:DP:LEN\t0/1:20:.\t0/0:20:30",
        samples="bob\tann",
    )
    assert rows.blocks["stop"].to_pylist() == [50]
    assert rows.variants["stop"].to_pylist() == [129]


@pytest.mark.parametrize("length", ["0", "-3", "2001", "x"])
def test_a_len_that_cannot_be_is_refused(tmp_path, length):
    with pytest.raises(BadRecord) as caught:
        read(tmp_path, f"chr1\t1\t.\tG\t<*>\t.\t.\t.\tGT:LEN\t0/0:{length}")
    assert caught.value.place == "line 4 (chr1:1)"


def test_codes_of_several_bases_are_n_in_ref_and_alt(tmp_path):
    """GATK reads such codes of a reference as N, and refuses a VCF that has them ("unparsable vcf record")."""
    rows = read(
        tmp_path,
        "chr1\t100\t.\tGCtgB\tG,<NON_REF>\t.\t.\tDP=20\tGT:DP\t0/1:20",
        "chr1\t200\t.\tr\tC,<NON_REF>\t.\t.\tDP=20\tGT:DP\t0/1:20",
        "chr1\t300\t.\tRYSWKMBDHVN\tCYSWKMBDHVN,<NON_REF>\t.\t.\tDP=20\tGT:DP\t0/1:20",
    )
    assert rows.variants["ref"].to_pylist() == ["GCTGN", "N", "N" * 11]
    assert [alts[0] for alts in rows.variants["alts"].to_pylist()] == ["G", "C", "C" + "N" * 10]
