"""Excluded intervals (-XL) by `genocloud joint` and by GATK 4.6.2.0: a base, a base under a deletion, a contig."""

from pathlib import Path

import pytest

from tests.conformance import oracle
from tests.conformance.records import compare, read_records

pytestmark = [pytest.mark.conformance, pytest.mark.timeout(600)]
HET = "GT:AD:DP:GQ:PL:SB\t0/1:10,10,0:20:99:200,0,210,230,240,470:5,5,5,5"


def snp(contig: str, pos: int, ref: str = "A", alt: str = "C") -> str:
    return f"{contig}\t{pos}\t.\t{ref}\t{alt},<NON_REF>\t200\t.\tDP=20\t{HET}"


def block(contig: str, start: int, end: int) -> str:
    return f"{contig}\t{start}\t.\tA\t<NON_REF>\t.\t.\tEND={end}\tGT:DP:GQ:MIN_DP:PL\t0/0:30:84:28:0,84,900"


PEOPLE = {
    "s1": [
        *(block("c", 1, 19), snp("c", 20), block("c", 21, 39), snp("c", 40, "AAAA", "A"), block("c", 44, 59)),
        *(snp("c", 60), snp("c", 61), snp("c", 62), block("c", 63, 100), snp("d", 10), block("d", 11, 100)),
    ],
    "s2": [block("c", 1, 41), snp("c", 42), snp("c", 43), block("c", 44, 100), block("d", 1, 49), snp("d", 50)],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """The two as GATK has imported them."""
    folder = tmp_path_factory.mktemp("excluded")
    oracle.write_cohort({"c": "A" * 100, "d": "A" * 100}, PEOPLE, folder)
    oracle.gatk_import(folder, ["c", "d"])
    return folder


def both(folder: Path, name: str, inside: list[str], excluded: list[str]):
    """Where records are, and what differs."""
    words = [word for interval in excluded for word in ("-XL", interval)]
    theirs = read_records(oracle.gatk_genotype(folder, f"{name}.gatk.vcf", inside, *words))
    ours = read_records(oracle.joint(folder, f"{name}.vcf.gz", "-L", *inside, *words))
    return [record.place for record in ours], compare(ours, theirs).differing()


def test_a_base_one_under_a_deletion_and_a_contig_are_left_out(folder):
    places, differences = both(folder, "several", ["c", "d"], ["c:61", "c:42", "d"])
    assert (places, differences) == ([("c", pos) for pos in (20, 40, 43, 60, 62)], {})


def test_beside_intervals_what_is_excluded_is_taken_out_of_them(folder):
    places, differences = both(folder, "beside", ["c:15-65", "d:5-20"], ["c:60-61"])
    assert (places, differences) == ([*(("c", pos) for pos in (20, 40, 42, 43, 62)), ("d", 10)], {})


def test_where_a_deletion_begins_outside_ours_keeps_its_star(folder):
    """GATK has no `*` under a deletion whose first base is excluded; ours are the whole genome's records."""
    places, differences = both(folder, "start", ["c", "d"], ["c:40"])
    assert ("c", 40) not in places
    assert differences == {"alleles": (2, ("alleles", ("c", 42), ("A", "*,C"), ("A", "C")))}
