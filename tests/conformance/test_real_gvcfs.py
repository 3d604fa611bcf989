"""Real gVCFs, of 24 people and of every GATK dialect, from files to VCF: by `genocloud` and by GATK 4.6.2.0."""

import os
from collections import Counter
from pathlib import Path

import pytest

from tests.conformance import oracle
from tests.conformance.dialect_files import DIALECTS, Source, write_dialects
from tests.conformance.records import compare, read_records, strange_draws

pytestmark = [pytest.mark.conformance, pytest.mark.timeout(900)]
SHARED = Path(os.environ.get("GENOCLOUD_SHARED", Path(__file__).resolve().parents[3] / "shared"))
REAL = SHARED / "data" / "1kg_chr22"
DATA = SHARED / "data" / "dialects"
OLD_MQ = "--allow-old-rms-mapping-quality-annotation-data"
ALL_SITES = ["chr22:10678000-10680000"]
COMBINED, ONE = "chr22:10678000-10690000", "HG01058"


@pytest.fixture(scope="module")
def people() -> list[Source]:
    """The 24."""
    if not REAL.exists():
        pytest.skip(f"no {REAL}: the real gVCFs are not here")
    lines = [line.split() for line in (REAL / "map.tsv").read_text().splitlines()]
    return [Source(name, str(REAL / Path(place).name)) for name, place in lines]


@pytest.fixture(scope="module")
def folder(people, tmp_path_factory) -> Path:
    """The 24 as GATK has imported them."""
    folder = tmp_path_factory.mktemp("real")
    write_dialects(people, DATA, folder)
    oracle.gatk_import(folder, ["chr22"])
    return folder


@pytest.mark.parametrize(("name", "groups"), [("", ()), (".as", oracle.BOTH_GROUPS)])
def test_people(folder, name, groups, say):
    theirs = read_records(oracle.gatk_genotype(folder, f"theirs{name}.vcf", ["chr22"], *groups))
    comparison = compare(read_records(oracle.joint(folder, f"ours{name}.vcf.gz", *groups)), theirs)
    say(f"24 real gVCFs{name}", comparison.compared)
    assert comparison.differing() == {}
    assert strange_draws(comparison.drawn) == []
    assert comparison.compared["sites"] == 257
    committed = read_records(REAL / f"expected.gatk-4.6.2.0{name}.vcf.gz")
    assert committed == theirs


def test_people_combined_into_one_file(people, tmp_path, say):
    """All 24 of a file of CombineGVCFs: as GATK; one of them: but for DP, which SelectVariants makes that person's."""
    write_dialects(people, DATA, tmp_path)
    files = [word for each in people for word in ("-V", tmp_path / f"{each.name}.g.vcf.gz")]
    reference, combined = ("-R", tmp_path / "ref.fa"), tmp_path / "all.g.vcf.gz"
    oracle.run(oracle.GATK, "CombineGVCFs", *reference, "-O", combined, "-L", COMBINED, *files)
    oracle.run(oracle.GATK, "SelectVariants", *reference, "-V", combined, "-O", tmp_path / "one.g.vcf.gz", "-sn", ONE)
    for file, names, kinds in ((combined, [each.name for each in people], set()), ("one.g.vcf.gz", [ONE], {"DP"})):
        theirs = tmp_path / f"theirs.{len(names)}.vcf"
        oracle.run(oracle.GATK, "GenotypeGVCFs", *reference, "-V", tmp_path / file, "-O", theirs)
        (tmp_path / "map.tsv").write_text("".join(f"{name}\t{combined}\n" for name in names))
        comparison = compare(read_records(oracle.joint(tmp_path, f"ours.{len(names)}.vcf.gz")), read_records(theirs))
        say(f"{len(names)} of a combined file", comparison.compared)
        assert comparison.differing().keys() == kinds
        assert comparison.compared["sites"] > 10


def test_people_at_all_sites(folder, say):
    options = ("--include-non-variant-sites",)
    theirs = read_records(oracle.gatk_genotype(folder, "all.vcf", ALL_SITES, *options))
    ours = read_records(oracle.joint(folder, "all.ours.vcf.gz", *options, "-L", *ALL_SITES))
    comparison = compare(ours, theirs)
    say("24 real gVCFs, all sites of an interval", comparison.compared)
    assert comparison.differing() == {}
    assert comparison.compared["sites"] > 1_900


def test_dialects(people, tmp_path, say):
    """Each file alone on its contigs; the reblocked one also side by side with the 24."""
    write_dialects([*DIALECTS, *people], DATA, tmp_path)
    contigs = [line.split("\t")[0] for line in (tmp_path / "ref.fa.fai").read_text().splitlines()]
    oracle.gatk_import(tmp_path, contigs)
    theirs = read_records(oracle.gatk_genotype(tmp_path, "theirs.vcf", contigs, *oracle.BOTH_GROUPS, OLD_MQ))
    comparison = compare(read_records(oracle.joint(tmp_path, "ours.vcf.gz", *oracle.BOTH_GROUPS, OLD_MQ)), theirs)
    by_contig = Counter(record.place[0] for record in theirs)
    say("every GATK dialect", comparison.compared, by_contig)
    assert comparison.differing() == {}
    assert by_contig.keys() >= {"chr20", "chr21", "chr22", "20", "chr22_reblocked", "chrY", "chr1"}
