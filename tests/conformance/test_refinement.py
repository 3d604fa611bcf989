"""Refined genotypes by the real CalculateGenotypePosteriors and by ours: each record's text is the same."""

import gzip
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random

import pysam
import pytest

import genocloud
from tests.conformance import oracle
from tests.conformance.dialect_files import Source, write_dialects
from tests.support.joint_styles import STYLES, styled_contig, wild_contig

pytestmark = [pytest.mark.conformance, pytest.mark.timeout(900)]
SHARED = Path(os.environ.get("GENOCLOUD_SHARED", Path(__file__).resolve().parents[3] / "shared"))
REAL = SHARED / "data" / "1kg_chr22"
SAMPLES = [f"s{number:02}" for number in range(24)]
WILD = 6
FORCED = ("weak:1001-3000", "reblocked:300-1500")
SUPPORTING, PEDIGREE = "--supporting", "--pedigree"
OURS_FOR_GATKS = {"-ped": PEDIGREE, "-supporting": SUPPORTING}
CHOICES: dict[str, list[str]] = {
    "population": [],
    "AC": ["--default-to-allele-count"],
    "absent": ["--num-reference-samples-if-no-call", "1000"],
    "own counts off": ["--discovered-allele-count-priors-off"],
    "supporting": ["-supporting", "known", "-supporting", "more"],
    "supporting alone": [
        *("-supporting", "known", "--ignore-input-samples", "--discovered-allele-count-priors-off"),
        *("--num-reference-samples-if-no-call", "500"),
    ],
    "supporting by AC": ["-supporting", "more", "--default-to-allele-count"],
    "family": ["-ped", "people", "--skip-population-priors"],
    "family and population": ["-ped", "people"],
    "all": ["-ped", "people", "-supporting", "known", "-supporting", "more"],
}


class Called:
    """A callset of ours; its VCF without what GATK refuses, other VCFs with counts of its sites, and a pedigree."""

    def __init__(self, folder: Path, callset: Path, vcf: Path) -> None:
        self.folder, self.callset, self.vcf = folder, callset, folder / "diploid.vcf"
        with gzip.open(vcf, "rt") as lines:
            kept = [line for line in lines if line.startswith("#") or _is_fit(line)]
        self.vcf.write_text("".join(kept))
        self.places = {tuple(line.split("\t")[:2]) for line in kept if not line.startswith("#")}
        self.files = {name: folder / f"{name}.vcf.gz" for name in ("known", "more")} | {"people": folder / "people.ped"}
        samples = genocloud.open_callset(callset).samples
        for name in ("known", "more"):
            write_known(self.files[name], [line for line in kept if not line.startswith("#")], Random(name))
        self.files["people"].write_text(pedigree(samples))

    def words(self, choice: str) -> list[str]:
        """GATK's options; files by their names."""
        return [str(self.files.get(word, word)) for word in CHOICES[choice]]

    def theirs(self, choice: str) -> list[str]:
        out = self.folder / "theirs.vcf"
        words = ("CalculateGenotypePosteriors", "-V", self.vcf, "-O", out, *self.words(choice))
        oracle.run(oracle.GATK, *words)
        return [line for line in out.read_text().splitlines() if not line.startswith("#")]

    def ours(self, choice: str) -> list[str]:
        out = self.folder / "ours.vcf.gz"
        words = [OURS_FOR_GATKS.get(word, word) for word in self.words(choice)]
        oracle.run(oracle.GENOCLOUD, "export", self.callset, out, "--refined", *words)
        with gzip.open(out, "rt") as lines:
            records = [line.rstrip("\n") for line in lines if not line.startswith("#")]
        return [line for line in records if tuple(line.split("\t")[:2]) in self.places]


def _is_fit(line: str) -> bool:
    """Diploid throughout, and without `MLEAC=.`, as records without an ALT have it."""
    return "MLEAC=.;" not in line and all(
        len(re.split("[/|]", cell.split(":")[0])) == 2 for cell in line.rstrip("\n").split("\t")[9:]
    )


def pedigree(samples: Sequence[str]) -> str:
    """Three trios, one of them without its parents' lines; and families that GATK does not refine by."""
    names = iter(samples)
    mother, father, child = next(names), next(names), next(names)
    lines = [("f1", child, father, mother), ("f1", father, "0", "0"), ("f1", mother, "0", "0")]
    mother, father, child = next(names), next(names), next(names)
    lines += [("f2", child, father, mother)]
    mother, father, child, stranger = next(names), next(names), next(names), "someone"
    lines += [("f3", child, father, mother), ("f3", father, stranger, "0")]
    mother, father, child, other = next(names), next(names), next(names), next(names)
    lines += [("f4", child, father, mother), ("f4", other, father, mother)]  # two children
    father, child = next(names), next(names)
    lines += [("f5", child, father, "0"), ("f5", next(names), "0", "0")]  # no trio
    return "".join("\t".join((*line, "0", "0")) + "\n" for line in lines)


def write_known(place: Path, lines: Sequence[str], random: Random) -> None:
    """Three fifths of the sites, with what makes counting hard: longer REFs, other ALTs, several records, no counts."""
    contigs = dict.fromkeys(line.split("\t")[0] for line in lines)
    header = ["##fileformat=VCFv4.2", *(f"##contig=<ID={contig}>" for contig in contigs)]
    header += [f'##INFO=<ID={key},Number=A,Type=Integer,Description="d">' for key in ("AC", "MLEAC")]
    header += ['##INFO=<ID=AN,Number=1,Type=Integer,Description="d">', '##FILTER=<ID=bad,Description="d">']
    header += ['##FORMAT=<ID=GT,Number=1,Type=String,Description="d">']
    header += ["#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tx\ty"]
    rows = [row for line in lines if random.random() < 0.6 for row in _known(line.split("\t")[:5], random)]
    place.with_suffix("").write_text("\n".join([*header, *rows]) + "\n")
    pysam.tabix_index(str(place.with_suffix("")), preset="vcf", force=True)


def _known(fields: list[str], random: Random) -> Iterator[str]:
    contig, pos, _, ref, alt = fields
    for _ in range(random.choice((1, 1, 1, 2))):
        alts, kind = [each for each in alt.split(",") if each != "."], random.randrange(6)
        if kind == 0:
            alts = alts[1:]
        elif kind == 1:
            ref, alts = ref + "AC", [each if each == "*" else each + "AC" for each in alts]
        elif kind == 2:
            alts = [*alts, "<DEL>"]
        alts = list(dict.fromkeys([*alts, ref + "GG"]))
        count = random.choice((3, 200, 100_000))
        values = {"AN": str(count * 2)}
        for key in random.sample(("AC", "MLEAC"), random.choice((1, 1, 2))):
            values[key] = ",".join(str(random.randrange(count)) for _ in alts)
        if random.random() < 0.2:
            values = {"AC": values["AC"]} if random.random() < 0.5 and "AC" in values else {}
        info = ";".join(f"{key}={value}" for key, value in values.items()) or "."
        cells = [random.choice(("0/0", "0/1", "1|1", "./.", "0/.", "1")) for _ in range(2)]
        filters = random.choice((".", "PASS", "bad"))
        yield "\t".join([contig, pos, ".", ref, ",".join(alts), ".", filters, info, "GT", *cells])


@pytest.fixture(scope="module")
def real(tmp_path_factory) -> Called:
    """24 real people."""
    if not REAL.exists():
        pytest.skip(f"no {REAL}: the real gVCFs are not here")
    folder = tmp_path_factory.mktemp("real")
    lines = [line.split() for line in (REAL / "map.tsv").read_text().splitlines()]
    sources = [Source(name, str(REAL / Path(place).name)) for name, place in lines]
    write_dialects(sources, REAL.parent / "dialects", folder)
    vcf = oracle.joint(folder, "people.vcf.gz", "--callset", folder / "callset")
    return Called(folder, folder / "callset", vcf)


@pytest.fixture(scope="module")
def wild(tmp_path_factory) -> Called:
    """Generated people: many ALTs, `*`, phases, missing values, other ploidies."""
    folder = tmp_path_factory.mktemp("wild") / "cohort"
    made = {name: styled_contig(name, style, len(SAMPLES)) for name, style in STYLES.items() if name != "crowded"}
    made |= {f"wild{seed:02}": (*wild_contig(f"wild{seed:02}", len(SAMPLES), seed), None) for seed in range(WILD)}
    lines = {sample: [line for contig in made.values() for line in contig[1][sample]] for sample in SAMPLES}
    oracle.write_cohort({name: contig[0] for name, contig in made.items()}, lines, folder)
    forced = [word for place in FORCED for word in ("--force-output-intervals", place)]
    vcf = oracle.joint(folder, "people.vcf.gz", "--callset", folder / "callset", *forced)
    return Called(folder, folder / "callset", vcf)


def changes(called: Called, records: Sequence[str]) -> Counter[str]:
    """How many genotypes have PP, or another GT than they were called with."""
    before = dict(_cells(called.vcf.read_text().splitlines()))
    seen = Counter[str]()
    for key, values in _cells(records):
        seen["PP"] += values.get("PP", ".") != "."
        seen["GT"] += values["GT"] != before[key]["GT"]
        seen["JL"] += values.get("JL", ".") != "."
    return seen


def _cells(lines: Sequence[str]) -> Iterator[tuple[tuple[str, str, int], dict[str, str]]]:
    for line in lines:
        if not line.startswith("#"):
            fields = line.split("\t")
            for number, cell in enumerate(fields[9:]):
                yield (*fields[:2], number), dict(zip(fields[8].split(":"), cell.split(":"), strict=False))


@pytest.mark.parametrize("choice", CHOICES)
def test_real_people(real: Called, choice: str, say: Callable[..., None]) -> None:
    ours = real.ours(choice)
    say(choice, changes(real, ours))
    assert ours == real.theirs(choice)


@pytest.mark.parametrize("choice", ["absent", "supporting", "supporting by AC", "family", "all"])
def test_wild_people(wild: Called, choice: str, say: Callable[..., None]) -> None:
    ours = wild.ours(choice)
    say(choice, changes(wild, ours))
    assert ours == wild.theirs(choice)
