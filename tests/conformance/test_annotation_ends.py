"""Every annotation at its ends: everybody het or hom-alt, likelihoods as small as doubles hold, no read, all but one
missing, one person alone, hundreds of people. The real GATK's values are the expected ones.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import pysam
import pytest

from tests.conformance import oracle, records

pytestmark = [pytest.mark.conformance, pytest.mark.timeout(300)]
PEOPLE = [f"p{n:02d}" for n in range(12)]
HET, HOM_ALT = ((200, 0, 210), (10, 10)), ((600, 60, 0), (0, 20))
RAW = "AS_RAW_BaseQRankSum=|0.5,1|NaN;AS_RAW_MQ=36000.00|36000.00|0.00;AS_SB_TABLE=5,5|5,5|0,0"


def carrier(gt: str, pl: Sequence[int], ad: Sequence[int], *, sb: str = "5,5,5,5", info: str = f"DP=20;{RAW}") -> str:
    """INFO, FORMAT and cell of a record of one ALT A>C, with its `<NON_REF>`."""
    beyond = max(pl) + 40
    cell = ":".join(
        [gt, ",".join(map(str, [*ad, 0])), str(sum(ad)), "99", ",".join(map(str, [*pl, beyond, beyond, beyond])), sb]
    )
    return f"C,<NON_REF>\t500\t.\t{info}\tGT:AD:DP:GQ:PL:SB\t{cell}"


het, hom_alt = partial(carrier, "0/1", *HET), partial(carrier, "1/1", *HOM_ALT)


def alike(pl: Sequence[int]) -> str:
    """The likeliest genotype, with PL."""
    return carrier(("0/0", "0/1", "1/1")[pl.index(0)], pl, (10, 10))


def hom_ref(text: str = "30:90:28:0,84,900") -> str:
    """A reference block of one base."""
    return f"<NON_REF>\t.\t.\tEND={{end}}\tGT:DP:GQ:MIN_DP:PL\t0/0:{text}"


def two_alts(gt: str, pl: str, ad: str) -> str:
    """A record of A>C,G."""
    raw = "AS_RAW_MQ=0.00|72000.00|72000.00|0.00;AS_SB_TABLE=0,0|0,20|20,0|0,0"
    return f"C,G,<NON_REF>\t900\t.\tDP=40;{raw}\tGT:AD:DP:GQ:PL:SB\t{gt}:{ad}:40:99:{pl}:0,0,20,20"


def everybody(record: str) -> list[str]:
    """All have the same."""
    return [record] * len(PEOPLE)


def but_one(record: str, others: str = "") -> list[str]:
    """One has a record; the others another, or none."""
    return [record] + [others] * (len(PEOPLE) - 1)


_BOTH = "900,500,480,500,0,480,910,510,510,920"
SITES: Mapping[str, Sequence[str]] = {
    "all het": everybody(het()),
    "all het, certain": everybody(alike((99999, 0, 99999))),
    "all hom-alt": everybody(hom_alt()),
    "all hom-alt, 200 reads": everybody(alike((9000, 600, 0))),
    "all hom-alt, the smallest double": everybody(alike((32000, 3220, 0))),
    "all hom-alt, beyond doubles": everybody(alike((40000, 4000, 0))),
    "all hom-alt, a hundred millions": everybody(alike((100000000, 100000000, 0))),
    "all hom-alt, hom-ref likelier than het": everybody(alike((300, 600, 0))),
    "hom-alt, each less sure": [alike((k * 300 + 300, k * 150 + 150, 0)) for k in range(len(PEOPLE))],
    "hom-alt, one het": but_one(het(), hom_alt()),
    "hom-alt, one unsure": but_one(alike((60, 0, 0)), alike((9000, 600, 0))),
    "half hom-alt, half hom-ref": [hom_alt(), hom_ref()] * 6,
    "one het, others hom-ref": but_one(het(), hom_ref()),
    "one hom-alt, others certainly hom-ref": but_one(hom_alt(), hom_ref("2000:99:2000:0,6000,60000")),
    "one hom-alt, others hom-ref by GQ alone": but_one(hom_alt(), "<NON_REF>\t.\t.\tEND={end}\tGT:DP:GQ\t0/0:30:90"),
    "one het, others missing": but_one(het()),
    "one hom-alt, others missing": but_one(hom_alt()),
    "one hom-alt, others without reads": but_one(hom_alt(), hom_ref("0:0:0:0,0,0")),
    "nine hom-alt, others missing": [hom_alt()] * 9 + [""] * 3,
    "ten hom-alt, others missing": [hom_alt()] * 10 + [""] * 2,
    "all het of two ALTs": everybody(two_alts("1/2", _BOTH, "0,20,20,0")),
    "het of two ALTs, one het of REF": but_one(het(), two_alts("1/2", _BOTH, "0,20,20,0")),
    "haploid": everybody("C,<NON_REF>\t500\t.\tDP=20\tGT:AD:DP:GQ:PL:SB\t1:0,20,0:20:99:600,0,610:0,0,9,9"),
    "strands apart": everybody(het(sb="10,0,0,10")),
    "strands apart, deep": everybody(het(sb="5000,0,0,5000")),
    "strands, no read": everybody(het(sb="0,0,0,0")),
    "strands, two reads each": everybody(het(sb="1,0,1,0")),
    "strands, ALT alone": everybody(hom_alt(sb="0,0,20,0")),
    "strands, REF alone": everybody(het(sb="0,20,0,0")),
    "strands, one person": but_one(het(sb="3,0,0,0"), het(sb="0,0,0,0")),
    "MQ 0": everybody(het(info="DP=20;RAW_MQandDP=0,20")),
    "MQ of no read": everybody(het(info="DP=20;RAW_MQandDP=0,0")),
    "MQ, a thousand millions": everybody(het(info="DP=20;RAW_MQandDP=1000000000,277778")),
    "rank sums 0": everybody(het(info="DP=20;BaseQRankSum=0.000;MQRankSum=-0.000;ReadPosRankSum=0")),
    "rank sums, great": everybody(het(info="DP=20;BaseQRankSum=1234567.891;MQRankSum=-1234567.891")),
    "rank sums, small": everybody(het(info="DP=20;BaseQRankSum=0.0000001;MQRankSum=-0.00001;ReadPosRankSum=-1e-7")),
    "rank sums, one person": but_one(het(info="DP=20;BaseQRankSum=-0.004;MQRankSum=0.0049;ReadPosRankSum=9.9999")),
    "no depth": everybody(het(info=RAW)),
    "depth 0, but for one": but_one(het(info="DP=7"), het(info="DP=0")),
    "depth 0 in every field": everybody(carrier("0/1", HET[0], (0, 0), info="DP=0")),
    "AD 0": everybody(carrier("0/1", HET[0], (0, 0))),
    "AD of REF alone": everybody(carrier("0/1", HET[0], (20, 0))),
    "AD of ALT alone": everybody(carrier("1/1", HOM_ALT[0], (0, 1))),
    "AS, no ALT read": everybody(het(info="DP=20;AS_RAW_MQ=36000.00|0.00|0.00;AS_SB_TABLE=5,5|0,0|0,0")),
    "AS, strands apart": everybody(het(info="DP=20;AS_SB_TABLE=5000,0|0,5000|0,0")),
    "AS, rank sums none": everybody(het(info="DP=20;AS_RAW_BaseQRankSum=|NaN|NaN;AS_RAW_MQRankSum=||")),
    "AS, rank sums far": but_one(het(info="DP=20;AS_RAW_BaseQRankSum=|-31.4,1,31.4,1|NaN"), hom_alt()),
}
APART = 10


def lines_of(sites: Mapping[str, Sequence[str]], people: Sequence[str]) -> dict[str, list[str]]:
    """Each person's records, the sites APART bases from one another."""
    texts: dict[str, list[str]] = {person: [] for person in people}
    for number, cells in enumerate(sites.values()):
        pos = APART * (number + 1)
        for person, cell in zip(people, cells, strict=False):
            if cell:
                alts, qual, *rest = cell.format(end=pos).split("\t")
                texts[person].append("\t".join(["c", str(pos), ".", "A", alts, qual, *rest]))
    return texts


@pytest.fixture(scope="module", params=[len(PEOPLE), 1], ids=["twelve people", "one person"])
def called(request, tmp_path_factory) -> tuple[list[records.Record], list[records.Record]]:
    """Our records and GATK's."""
    folder = tmp_path_factory.mktemp("ends")
    people = PEOPLE[: request.param]
    contigs = {"c": "A" * APART * (len(SITES) + 2)}
    oracle.write_cohort(contigs, lines_of(SITES, people), folder)
    oracle.gatk_import(folder, ["c"])
    theirs = oracle.gatk_genotype(folder, "gatk.vcf", ["c"], *oracle.BOTH_GROUPS)
    ours = oracle.joint(folder, "ours.vcf.gz", *oracle.BOTH_GROUPS)
    return records.read_records(ours), records.read_records(theirs)


MANY = 300
CROWD: Mapping[str, Sequence[str]] = {
    "all het": [het(info="DP=20")] * MANY,
    "all hom-alt": [hom_alt(info="DP=20;RAW_MQandDP=72000,20")] * MANY,
    "all hom-alt, 200 reads": [carrier("1/1", (9000, 600, 0), (0, 200), sb="0,0,99,101", info="DP=200")] * MANY,
    "half het, half hom-ref": [het(info="DP=20"), hom_ref()] * (MANY // 2),
    "half hom-alt, half hom-ref": [hom_alt(info="DP=20"), hom_ref()] * (MANY // 2),
    "one het, others hom-ref": [het(info="DP=20")] + [hom_ref()] * (MANY - 1),
    "one het, others missing": [het(info="DP=20")] + [""] * (MANY - 1),
} | {f"{k} het, others missing": [het(info="DP=20")] * k + [""] * (MANY - k) for k in range(50, 66)}
"""ExcessHet rises to 166.2585 with 59 hets; from 60 on GATK's p-value is 0, and ExcessHet 160."""


def combined(lines: Mapping[str, Sequence[str]], folder: Path) -> Path:
    """All records as one gVCF of many people (importing a file a person would take GATK minutes).

    INFO/DP and RAW_MQandDP are the sums that GenomicsDB would hand on; who has no record is `./.`.
    """
    by_place: dict[str, dict[str, list[str]]] = {}
    for person, texts in lines.items():
        for text in texts:
            by_place.setdefault(text.split("\t")[1], {})[person] = text.split("\t")
    rows = []
    for cells in by_place.values():
        first = next(iter(cells.values()))
        infos = [dict(word.split("=") for word in cell[7].split(";")) for cell in cells.values()]
        depth = sum(int(info.get("DP", 28)) for info in infos)
        raw = [[int(n) for n in info["RAW_MQandDP"].split(",")] for info in infos if "RAW_MQandDP" in info]
        info = f"DP={depth}" + (f";RAW_MQandDP={','.join(str(sum(n)) for n in zip(*raw, strict=True))}" if raw else "")
        keys = "GT:AD:DP:GQ:MIN_DP:PL:SB"
        fields = {who: dict(zip(cell[8].split(":"), cell[9].split(":"), strict=True)) for who, cell in cells.items()}
        texts = [
            ":".join(fields[who].get(key, ".") for key in keys.split(":")) if who in fields else "./." for who in lines
        ]
        rows.append("\t".join([*first[:5], *first[5:7], info, keys, *texts]))
    declared = [*oracle.HEADER, f"##contig=<ID=c,length={APART * 1000}>"]
    columns = "\t".join(["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *lines])
    (folder / "all.g.vcf").write_text("\n".join([*declared, columns, *rows]) + "\n")
    return Path(pysam.tabix_index(str(folder / "all.g.vcf"), preset="vcf", keep_original=True))


def test_annotations_of_hundreds_of_people_are_gatks(tmp_path, say):
    people = [f"p{n:04d}" for n in range(MANY)]
    lines = lines_of(CROWD, people)
    oracle.write_cohort({"c": "A" * APART * 1000}, lines, tmp_path)
    file = combined(lines, tmp_path)
    theirs = tmp_path / "gatk.vcf"
    oracle.run(oracle.GATK, "GenotypeGVCFs", "-R", tmp_path / "ref.fa", "-V", file, "-O", theirs)
    comparison = records.compare(
        records.read_records(oracle.joint(tmp_path, "ours.vcf.gz")), records.read_records(theirs)
    )
    say("annotations of hundreds of people", comparison.compared)
    assert comparison.differing() == {}


def test_annotations_at_their_ends_are_gatks(called, say):
    comparison = records.compare(*called)
    say("annotations at their ends", comparison.compared)
    assert comparison.differing() == {}
    assert records.strange_draws(comparison.drawn) == []
