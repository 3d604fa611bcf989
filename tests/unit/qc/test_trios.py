"""Mendelian errors as a rule of two alleles, as bcftools has them, and the kinship that a pedigree gives."""

import shutil
import subprocess
from itertools import combinations, product

import numpy as np
import pytest

from genocloud.qc.genotype_words import GenotypeWords
from genocloud.qc.kinship import KingCounts
from genocloud.qc.relatives import ExpectedKinship, unrelated
from genocloud.qc.trios import COUNTED, VERDICTS, Trio, judge, mendelian_counts, trio_flags, trio_table
from genocloud.samples import PedigreePerson

WORDS = ("0/0", "0/1", "1|0", "1/1", "1/2", "0|2", "./.")


def test_a_child_has_an_allele_of_each_parent():
    assert judge((0, 1), (0, 0), (1, 1)) == "ngood_alt"
    assert judge((0, 0), (0, 0), (0, 0)) == "ngood"
    assert judge((1, 1), (0, 1), (0, 0)) == "nmerr"
    assert judge((0, 2), (0, 1), (1, 1)) == "nmerr"
    assert judge((1, 2), (2, 2), (0, 1)) == "ngood_alt"
    assert judge((0, -1), (0, 0), (0, 0)) == judge((0,), (0, 0), (0, 0)) == "nmissing"


@pytest.fixture
def genotypes():
    return np.array(list(product(range(len(WORDS)), repeat=3)), np.int64)


TRIO = Trio("child", "father", "mother")


def test_counts_are_sums_over_sites(genotypes):
    words = GenotypeWords.of(WORDS)
    passes = np.arange(len(genotypes)) % 3 > 0
    counts = mendelian_counts(words, genotypes, passes, TRIO, [TRIO, Trio("father", "child", "mother")])
    alleles = [tuple(row) for row in words.alleles.tolist()]
    for row, order in enumerate(((0, 1, 2), (1, 0, 2))):
        verdicts = [judge(*(alleles[site[place]] for place in order)) for site in genotypes.tolist()]
        expected = {name: verdicts.count(name) for name in VERDICTS}
        passing = [verdict for verdict, is_passing in zip(verdicts, passes, strict=True) if is_passing]
        expected |= {f"{name}_pass": passing.count(name) for name in ("ngood_alt", "nmerr")}
        expected["ngood"] += expected["ngood_alt"]
        assert dict(zip(COUNTED, counts.by_trio[row].tolist(), strict=True)) == expected
    own = [
        [judge(*(alleles[site[place]] for place in order)) for order in ((0, 1, 2), (1, 0, 2))] for site in genotypes
    ]
    assert counts.errors.tolist() == [verdicts.count("nmerr") for verdicts in own]
    assert counts.judged.tolist() == [2 - verdicts.count("nmissing") for verdicts in own]


@pytest.mark.skipif(not shutil.which("bcftools"), reason="bcftools is not on the PATH")
def test_bcftools_counts_the_same_errors(genotypes, tmp_path):
    """Of sites where all three are called: +mendelian judges the others by one parent, +mendelian2 does not."""
    genotypes = genotypes[(genotypes < WORDS.index("./.")).all(axis=1)]
    lines = ["##fileformat=VCFv4.2", "##contig=<ID=1>", '##FORMAT=<ID=GT,Number=1,Type=String,Description="">']
    lines.append("\t".join(["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *TRIO]))
    for pos, site in enumerate(genotypes.tolist(), 1):
        lines.append("\t".join(["1", str(pos), ".", "A", "C,G", ".", ".", ".", "GT", *(WORDS[word] for word in site)]))
    vcf = tmp_path / "trio.vcf"
    vcf.write_text("\n".join(lines) + "\n")
    command = ["bcftools", "+mendelian", str(vcf), "-t", "mother,father,child", "-m", "c"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "mendelian" in done.stderr and "not find" in done.stderr:
        pytest.skip("bcftools has no plugin mendelian")
    good, bad = next(
        map(int, line.split()[:2]) for line in (done.stdout + done.stderr).splitlines() if line[:1].isdigit()
    )
    counts = mendelian_counts(GenotypeWords.of(WORDS), genotypes, np.ones(len(genotypes), np.bool_), TRIO, [TRIO])
    ours = dict(zip(COUNTED, counts.by_trio[0].tolist(), strict=True))
    assert (ours["ngood"], ours["nmerr"]) == (good, bad)


def test_many_errors_are_flagged_and_few_sites_are_not():
    table = trio_table([TRIO, TRIO], np.array([[500, 200, 20, 0, 180, 2], [50, 20, 20, 0, 0, 0]]))
    assert [flag.sample for flag in trio_flags(table)] == ["child"]
    assert table["error_rate_pass"].to_pylist() == [2 / 182, None]
    assert not list(trio_flags(table, frozenset(["mother"])))


def pedigree(*rows: str) -> ExpectedKinship:
    people = [row.split() for row in rows]
    return ExpectedKinship.of(
        [PedigreePerson(family="f", sample=s, father=f.strip("-"), mother=m.strip("-")) for s, f, m in people]
    )


def test_a_pedigree_gives_kinship():
    kin = pedigree(
        "dad - -",
        "mum - -",
        "son dad mum",
        "girl dad mum",
        "wife - -",
        "kid son wife",
        "cousin girl -",
        "inbred kid cousin",
    )
    assert kin.of_pair("son", "dad") == (0.25, "parent and child")
    assert kin.of_pair("girl", "son") == (0.25, "siblings")
    assert kin.of_pair("kid", "mum") == (0.125, "second degree")
    assert kin.of_pair("kid", "cousin") == (0.0625, "third degree")
    assert kin.of_pair("dad", "mum") == (0.0, "unrelated")
    assert kin.of_pair("inbred", "kid")[0] == pytest.approx(0.25 + 0.0625 / 2)
    assert np.isnan(kin.of_pair("son", "stranger")[0])
    others = sorted(kin.people - {"inbred"})  # a great-grandparent twice over is no near kin
    second = {pair for pair in combinations(others, 2) if kin.of_pair(*pair)[0] >= 0.125}
    assert second <= kin.near


def test_people_who_are_their_own_ancestors_do_not_hang():
    kin = pedigree("a b -", "b a -")
    assert "a" in kin.people


@pytest.mark.parametrize("seed", range(20))
def test_people_without_relatives_are_left_in_the_order_of_a_loop(seed):
    random = np.random.default_rng(seed)
    pairs = sorted({tuple(sorted(random.choice(12, 2, replace=False).tolist())) for _ in range(14)})
    kin = {n: {a + b - n for a, b in pairs if n in (a, b)} for n in range(12)}
    left = set(range(12))
    while most := max((len(kin[n] & left), n) for n in left)[0]:
        left.discard(max(n for n in left if len(kin[n] & left) == most))
    first, second = np.array(pairs, np.int64).T
    some = np.full(len(pairs), 1000)
    none = np.zeros(len(pairs), np.int64)
    counts = {"sites": some, "hethet": some, "ibs0": none, "het1hom2": none, "het2hom1": none, "homalts": none}
    used = unrelated(12, KingCounts(first=first, second=second, **counts))
    assert set(np.flatnonzero(used).tolist()) == left


def test_a_pedigree_of_thousands_in_one_family_is_no_work():
    random = np.random.default_rng(2)
    parents = [[f"a{random.integers(max(n - 400, 0), n)}" if n > 50 else "-" for _ in range(2)] for n in range(3000)]
    rows = [" ".join([f"a{n}", *both]) for n, both in enumerate(parents)]
    kin = pedigree(*rows)
    assert len(kin.near) < 100_000
    assert kin.of_pair("a2998", "a2999")[0] < 0.5
