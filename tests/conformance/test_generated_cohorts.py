"""A generated cohort, rich in every difficulty, from gVCF files to VCF: by `genocloud` and by GATK 4.6.2.0."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.conformance import categories, oracle
from tests.conformance.records import Comparison, Record, compare, read_records, strange_draws
from tests.support.joint_styles import SMALL, STYLES, styled_contig, wild_contig

pytestmark = [pytest.mark.conformance, pytest.mark.timeout(900)]
SAMPLES = [f"s{number:02}" for number in range(24)]
WILD = 40
WINDOW_BP, BATCH_SIZE = 800, 12
CUT = ("spanning", "ploidies", "small_many", "small_ragged")
CROWDED = ("--max-genotype-count", "100000", "--genomicsdb-max-alternate-alleles", "100")
FORCED = ("weak:1001-3000", "reblocked:300-1500")
LEAST = {
    "3 or more ALTs": 300,
    "7 or more seen": 100,
    "more than 50 seen": 20,
    "with *": 300,
    "with *, dropped or from an earlier shard": 100,
    "haploid or mixed ploidy": 300,
    "hom-refs without PL": 200,
    "QUAL 25 to 35": 100,
    "phased": 200,
    "annotations missing": 200,
    "FORMAT fields missing": 200,
}


class Generated:
    """The cohort's files, its lines, and what GATK made of it."""

    def __init__(self, folder: Path) -> None:
        made = {name: styled_contig(name, style, len(SAMPLES)) for name, style in (STYLES | SMALL).items()}
        for seed in range(WILD):
            name = f"wild{seed:02}"
            reference, lines = wild_contig(name, len(SAMPLES), seed)
            made[name] = reference, lines, lines
        self.contigs = {name: contig[0] for name, contig in made.items()}
        self.lines = {sample: [line for contig in made.values() for line in contig[1][sample]] for sample in SAMPLES}
        folded = {sample: [line for contig in made.values() for line in contig[2][sample]] for sample in SAMPLES}
        self.ours, self.theirs = folder / "ours", folder / "theirs"
        oracle.write_cohort(self.contigs, self.lines, self.ours)
        oracle.write_cohort(self.contigs, folded, self.theirs)
        oracle.gatk_import(self.theirs, list(self.contigs))

    def by_gatk(self, out: str, contigs: list[str], *options: str) -> list[Record]:
        return read_records(oracle.gatk_genotype(self.theirs, out, contigs, *options))


@pytest.fixture(scope="module")
def generated(tmp_path_factory) -> Generated:
    return Generated(tmp_path_factory.mktemp("generated"))


@pytest.fixture(scope="module")
def expected(generated) -> list[Record]:
    """GATK's records with both annotation groups; its limits are raised for the crowded contig alone."""
    others = [name for name in generated.contigs if name != "crowded"]
    plain = generated.by_gatk("plain.vcf", others, *oracle.BOTH_GROUPS)
    return plain + generated.by_gatk("crowded.vcf", ["crowded"], *oracle.BOTH_GROUPS, *CROWDED)


def test_fused(generated, expected, say):
    ours = read_records(oracle.joint(generated.ours, "joint.vcf.gz", *oracle.BOTH_GROUPS))
    comparison = compare(ours, expected)
    counts = categories_of(generated, ours)
    say("fused, both annotation groups", comparison.compared, counts)
    assert comparison.differing() == {}
    assert strange_draws(comparison.drawn) == []
    assert comparison.compared["sites"] > 4_000
    assert {kind: counts[kind] for kind in LEAST if counts[kind] < LEAST[kind]} == {}


def test_in_small_shards_and_batches(generated, expected, say):
    """Deletions reach from shard to shard; the samples of a batch are not all."""
    options = [*oracle.BOTH_GROUPS, *(word for name in CUT for word in ("-L", name))]
    ours = read_records(oracle.in_steps(generated.ours, "steps.vcf.gz", WINDOW_BP, BATCH_SIZE, *options))
    comparison = compare(ours, [record for record in expected if record.place[0] in CUT])
    counts = categories_of(generated, ours)
    say(f"in steps, shards of {WINDOW_BP} bases", comparison.compared, counts)
    assert comparison.differing() == {}
    assert counts["with *, from an earlier shard"] >= 20


def test_low_confidence(generated, say):
    """Without AS_ annotations, and down to a confidence of 20, where QUAL decides about each site."""
    options = ("--stand-call-conf", "20", "--annotate-with-num-discovered-alleles")
    ours, comparison = both(generated, ["weak", "spanning"], options)
    counts = categories_of(generated, ours)
    say("stand-call-conf 20", comparison.compared, counts)
    assert comparison.differing() == {}
    assert counts["QUAL 25 to 35"] >= 200


def test_other_settings(generated, say):
    """None of the model's numbers at its default."""
    numbers = {"--stand-call-conf": 60, "--max-alternate-alleles": 4}
    numbers |= {"--heterozygosity": 0.01, "--indel-heterozygosity": 0.002, "--heterozygosity-stdev": 0.02}
    options = [str(word) for pair in numbers.items() for word in pair]
    ours, comparison = both(generated, ["many", "ploidies"], options)
    say("other settings", comparison.compared, categories_of(generated, ours))
    assert comparison.differing() == {}
    assert comparison.compared["sites"] > 800


def test_all_sites(generated, say):
    ours, comparison = both(generated, ["ragged", "ploidies"], ("--include-non-variant-sites", *oracle.BOTH_GROUPS))
    variants = sum(bool(record.alleles) for record in ours)
    say("all sites", comparison.compared, Counter({"with an ALT": variants, "without": len(ours) - variants}))
    assert comparison.differing() == {}
    assert comparison.compared["sites"] > 9_000


def test_forced_intervals(generated, say):
    """Put out in some intervals whatever the evidence; but see `records` about deletions."""
    forced = [word for each in FORCED for word in ("--force-output-intervals", each)]
    ours, comparison = both(generated, ["weak", "reblocked"], forced, no_deletions=True)
    say("forced intervals", comparison.compared, categories_of(generated, ours))
    assert comparison.differing() == {}
    assert comparison.compared["sites"] > 1_500


def both(
    generated: Generated, contigs: list[str], options: Sequence[str], no_deletions: bool = False
) -> tuple[list[Record], Comparison]:
    """Some contigs with some options, called by genocloud and by GATK: ours, and what differs.

    `no_deletions`: only records that no other record's REF reaches over.
    """
    places = [word for name in contigs for word in ("-L", name)]
    ours = read_records(oracle.joint(generated.ours, "some.vcf.gz", *options, *places))
    theirs = generated.by_gatk("some.vcf", contigs, *options)
    if no_deletions:
        under = categories.Inputs(generated.lines).under
        ours, theirs = ([each for each in some if each.place not in under] for some in (ours, theirs))
    return ours, compare(ours, theirs)


def categories_of(generated: Generated, records: list[Record]) -> Counter[str]:
    return categories.count(records, categories.Inputs(generated.lines), WINDOW_BP)
