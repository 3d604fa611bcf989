"""`genocloud joint --alleles` and GATK 4.6.2.0, which genotypes an allele that nobody carries only if a gVCF shows it.

GenotypeGVCFs has no list of alleles, so that a further person, the witness, shows them to it:

- a witness who is surely homozygous for each: GATK then writes the alleles, and says of the people (GT, AD, DP, GQ, PL)
  what we say without a witness. QUAL and INFO are of the witness, too, and are not compared;
- a witness who is surely REF, in records that list the alleles: GATK's EM then has what ours has where the witness
  comes with blocks, and QUAL is equal. --force-output-intervals writes the sites, but GATK drops ALTs that are not
  likely and says `.`, so that people's PL are lost: the difference that --alleles is for. GATK writes every base of a
  forced deletion, too, and under a deletion it counts a person once for each of their records (`records`).
"""

from collections import Counter
from pathlib import Path
from random import Random

import pytest

from tests.conformance import oracle
from tests.conformance.records import QUAL_TOLERANCE, Place, Record, read_records, stated_fields
from tests.support.joint_styles import SMALL, styled_contig

pytestmark = [pytest.mark.conformance, pytest.mark.timeout(900)]
BASES = "".join(Random(7).choices("ACGT", k=120))
OTHER = {"A": "C", "C": "G", "G": "T", "T": "A"}
THIRD = {"A": "G", "C": "T", "G": "A", "T": "C"}
WITNESS = "witness"
UNDER_A_DELETION = ("c", 42)
SAMPLES = [f"s{number:02}" for number in range(12)]
GENERATED = ("small_spanning", "small_reblocked", "small_weak", "small_ragged", "small_ploidies")
Lines = dict[str, list[str]]
Allele = tuple[str, int, str, str]
"""Contig, POS, REF, ALTs."""


def at(pos: int, length: int = 1) -> str:
    return BASES[pos - 1 : pos - 1 + length]


def block(start: int, end: int, cell: str = "0/0:30:84:28:0,84,900") -> str:
    return f"c\t{start}\t.\t{at(start)}\t<NON_REF>\t.\t.\tEND={end}\tGT:DP:GQ:MIN_DP:PL\t{cell}"


def variant(pos: int, ref: str, alts: str, cell: str, contig: str = "c") -> str:
    return f"{contig}\t{pos}\t.\t{ref}\t{alts},<NON_REF>\t50\t.\tDP=20\tGT:AD:DP:GQ:PL:SB\t{cell}"


HET = "0/1:10,10,0:20:99:200,0,210,230,240,470:5,5,5,5"
WEAK = "0/0:18,2,0:20:30:0,30,400,54,406,430:9,9,1,1"
HAPLOID = "0:20:99:18:0,450"
NO_DATA, NO_CONFIDENCE = (50, 59), (60, 69)
PEOPLE = {
    "ann": [block(1, 49), block(*NO_CONFIDENCE, "0/0:2:0:1:0,0,12"), block(70, 120)],
    "bob": [
        *(block(1, 19), variant(20, at(20), OTHER[at(20)], HET), block(21, 39)),
        *(variant(40, at(40, 4), at(40), HET), block(44, 74), variant(75, at(75), OTHER[at(75)], HET), block(76, 120)),
    ],
    "cai": [block(1, 19), variant(20, at(20), THIRD[at(20)], WEAK), block(21, 120)],
    "dee": [block(1, 120, HAPLOID)],
}
ALLELES = [
    (10, at(10), OTHER[at(10)]),  # everybody has blocks
    (20, at(20), THIRD[at(20)]),  # one person shows it weakly, another carries another ALT
    (30, at(30), at(30) + THIRD[at(30)] + OTHER[at(31)]),
    (33, at(33, 3), at(33)),
    (42, at(42), OTHER[at(42)]),  # under a deletion
    (55, at(55), OTHER[at(55)]),  # a person without data
    (65, at(65), OTHER[at(65)]),  # a person with GQ 0
    (75, at(75), OTHER[at(75)]),  # likely without the list
    (85, at(85), f"{OTHER[at(85)]},{THIRD[at(85)]}"),
]


def write_list(folder: Path, contigs: dict[str, str], alleles: list[tuple[str, int, str, str]]) -> Path:
    path = folder / "alleles.vcf"
    lines = ["##fileformat=VCFv4.2", *(f"##contig=<ID={name},length={len(text)}>" for name, text in contigs.items())]
    rows = [f"{contig}\t{pos}\t.\t{ref}\t{alts}\t.\t.\t." for contig, pos, ref, alts in alleles]
    path.write_text("\n".join([*lines, "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO", *rows]) + "\n")
    return path


def witness(contig: str, pos: int, ref: str, alts: str, *, carrier: bool) -> str:
    """A record that shows ALTs, one or two: all of them are carried, or surely none is."""
    two = "," in alts
    likelihoods, depths = [3000] * (10 if two else 6), ["0"] * (4 if two else 3)
    carried = ((1, 2) if two else (1, 1)) if carrier else (0, 0)
    likelihoods[carried[1] * (carried[1] + 1) // 2 + carried[0]] = 0
    for allele in carried:
        depths[allele] = "50" if two or not carrier else "100"
    texts = ",".join(map(str, likelihoods))
    return variant(pos, ref, alts, f"{carried[0]}/{carried[1]}:{','.join(depths)}:100:99:{texts}:0,0,50,50", contig)


def import_with_witness(folder: Path, people: Lines, contigs: dict[str, str], lines: list[str]) -> Path:
    """The people and the witness, as GATK has imported them."""
    folder.mkdir()
    oracle.write_cohort(contigs, people | {WITNESS: lines}, folder)
    oracle.gatk_import(folder, list(contigs))
    return folder


def listed(alleles: list[Allele], vcf: Path) -> list[Record]:
    """The records at the list's places."""
    places = {each[:2] for each in alleles}
    return [record for record in read_records(vcf) if record.place in places]


def alleles_of(records: list[Record]) -> list[tuple[Place, str, str]]:
    return [(record.place, record.ref, record.alts) for record in records]


def people_of(records: list[Record]) -> list[tuple[Place, dict[str, dict[str, str]]]]:
    """What is said of everybody but the witness, in each record."""
    return [
        (record.place, {name: stated_fields(cell) for name, cell in record.cells.items() if name != WITNESS})
        for record in records
    ]


class Cohort:
    """The people of `PEOPLE` as files, with the list, and our records."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.contigs = folder, {"c": BASES}
        self.alleles = [("c", *each) for each in ALLELES]
        oracle.write_cohort(self.contigs, PEOPLE, folder / "people")
        self.list = write_list(folder, self.contigs, self.alleles)
        self.ours = read_records(oracle.joint(folder / "people", "ours.vcf.gz", "--alleles", self.list))


@pytest.fixture(scope="module")
def cohort(tmp_path_factory) -> Cohort:
    return Cohort(tmp_path_factory.mktemp("forced"))


def test_people_are_genotyped_as_where_somebody_else_carries_the_alleles(cohort):
    lines = [witness(*each, carrier=True) for each in cohort.alleles]
    folder = import_with_witness(cohort.folder / "carrier", PEOPLE, cohort.contigs, lines)
    theirs = read_records(oracle.gatk_genotype(folder, "gatk.vcf", ["c"]))
    assert alleles_of(cohort.ours) == alleles_of(theirs)
    assert people_of(cohort.ours) == people_of(theirs)
    assert len(cohort.ours) == len(ALLELES) + 1  # and the deletion that one of them lies under


def test_sites_have_the_confidence_that_gatk_has_where_it_is_shown_the_alleles(cohort):
    blocks = {pos: block(pos, pos, "0/0:100:99:100:0,3000,3000") for pos in range(1, len(BASES) + 1)}
    shown = {pos: witness("c", pos, ref, alts, carrier=False) for pos, ref, alts in ALLELES}
    under = {pos + further for pos, ref, _ in ALLELES for further in range(1, len(ref))}
    lines = [line for pos, line in (blocks | shown).items() if pos not in under]
    folder = import_with_witness(cohort.folder / "shown", PEOPLE, cohort.contigs, lines)
    forced = ("--force-output-intervals", cohort.list)
    theirs = {each.place: each for each in read_records(oracle.gatk_genotype(folder, "gatk.vcf", ["c"], *forced))}
    oracle.write_cohort(cohort.contigs, PEOPLE | {WITNESS: list(blocks.values())}, cohort.folder / "blocks")
    ours = read_records(oracle.joint(cohort.folder / "blocks", "ours.vcf.gz", "--alleles", cohort.list))
    assert theirs.keys() - {each.place for each in ours} == {("c", pos) for pos in under}
    for each in ours:
        gatk = theirs[each.place]
        carried = {alt for alt, count in zip(each.alleles, each.info["AC"].split(","), strict=True) if count != "0"}
        if each.place == UNDER_A_DELETION:
            assert (carried, gatk.alts) == ({"*"}, ".")
        else:
            assert carried == set(gatk.alleles)
            assert float(each.qual) == pytest.approx(float(gatk.qual), abs=QUAL_TOLERANCE + 1e-9)


def test_people_of_generated_cohorts_are_genotyped_so_too(tmp_path, say):
    """Every third base has an SNP of the list, among records of every kind and other ALTs."""
    made = {name: styled_contig(name, SMALL[name], len(SAMPLES)) for name in GENERATED}
    contigs = {name: contig[0] for name, contig in made.items()}
    people = {sample: [line for contig in made.values() for line in contig[1][sample]] for sample in SAMPLES}
    alleles = [
        (name, pos + 1, bases[pos], OTHER[bases[pos]])
        for name, bases in contigs.items()
        for pos in range(0, len(bases), 3)
    ]
    oracle.write_cohort(contigs, people, tmp_path / "people")
    forced = ("--alleles", write_list(tmp_path, contigs, alleles))
    ours = listed(alleles, oracle.joint(tmp_path / "people", "ours.vcf.gz", *forced))
    lines = [witness(*each, carrier=True) for each in alleles]
    folder = import_with_witness(tmp_path / "carrier", people, contigs, lines)
    theirs = listed(alleles, oracle.gatk_genotype(folder, "gatk.vcf", list(contigs)))
    more_alts = sum(len(each.alleles) > 1 for each in ours)
    counts = {"sites": len(ours), "genotypes": len(ours) * len(SAMPLES), "sites with more ALTs": more_alts}
    say("forced alleles", Counter(counts))
    assert alleles_of(ours) == alleles_of(theirs)
    assert people_of(ours) == people_of(theirs)
    assert len(ours) == len(alleles)
    assert more_alts >= 40
