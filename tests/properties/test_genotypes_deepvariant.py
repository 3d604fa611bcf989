"""Laws of the model deepvariant on random cohorts: what it emits, held to a slow twin, however the cohort is cut."""

from collections import Counter
from itertools import combinations_with_replacement

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genocloud.genotypes import Model
from genocloud.kernels import site_estimates
from tests.support.cohort_strategies import PLACES, SAMPLES, SEEDS, WHOLE, batches_of
from tests.support.deepvariant_cohorts import cohort
from tests.support.examples import examples
from tests.support.joint_cohorts import CONTIGS
from tests.support.joint_path import cut, joint

MODEL = Model(name="deepvariant")


def edit(ref, alt):
    while len(ref) > 1 and len(alt) > 1 and ref[-1] == alt[-1]:
        ref, alt = ref[:-1], alt[:-1]
    return ref, alt


def qualities(rows):
    """AQ of each ALT but `*` by its start and bases: the likeliest genotype with it over the likeliest without."""
    best = Counter()
    for variants, _ in rows.values():
        for row in variants.to_pylist():
            ploidy, alleles = len(row["gt"]), len(row["alts"]) + 1
            every = sorted(combinations_with_replacement(range(alleles), ploidy), key=lambda each: each[::-1])
            for number, alt in enumerate(row["alts"], 1):
                if row["pl"] and alt not in ("<*>", "*"):
                    known = list(zip(every, row["pl"], strict=True))
                    lacking = min(pl for genotype, pl in known if number not in genotype)
                    having = min(pl for genotype, pl in known if number in genotype)
                    key = row["start"], *edit(row["ref"], alt)
                    best[key] = max(best[key], lacking - having)
    return best


@given(seed=SEEDS)
@examples(60)
def test_what_is_emitted_is_what_carriers_say(seed):
    rows = cohort(seed)
    sites, genotypes, _ = joint(rows, CONTIGS, [WHOLE], [list(range(SAMPLES))], MODEL)
    expected, cells = qualities(rows), genotypes.to_pylist()
    for place, site in enumerate(sites.to_pylist()):
        keys = {(site["pos"] - 1, *edit(site["ref"], alt)) for alt in site["alts"] if alt != "*"}
        assert keys == {key for key, quality in expected.items() if key[0] == site["pos"] - 1 and quality > 0}
        assert site["qual"] == max(expected[key] for key in keys)
        assert (site["filter"] == "LowQual") == (site["qual"] < 10)
        texts = [cell["GT"].replace("|", "/").split("/") for cell in cells[place * SAMPLES : (place + 1) * SAMPLES]]
        called = Counter(allele for text in texts for allele in text if allele != ".")
        assert site["AN"] == called.total()
        assert site["AC"] == [called[str(number)] for number in range(1, len(site["alts"]) + 1)]
    assert len(set(sites["pos"].to_pylist())) == len(sites)
    for cell in cells:
        assert not (cell["DP"] == 0 and cell["GT"].replace("|", "/") in ("0", "0/0")), cell
        assert not set(cell["PL"] or ()) & {990}
        assert cell["PL"] is None or {*cell["PL"]} != {0}


def deleted_copies(row):
    return sum(
        number > 0 and not alt.startswith("<") and len(alt) < len(row["ref"])
        for number in row["gt"]
        for alt in [row["alts"][number - 1]]
    )


def one_haplotype(row):
    """Likelihood of each of a record's alleles on the one haplotype that its sample's deletion leaves."""
    every = sorted(combinations_with_replacement(range(len(row["alts"]) + 1), 2), key=lambda each: each[::-1])
    pl = dict(zip(every, row["pl"], strict=True))
    alleles = [(0, row["ref"]), *((n, alt) for n, alt in enumerate(row["alts"], 1) if alt != "<*>")]
    return {edit(row["ref"], text): min(pl[0, number], pl[number, number]) for number, text in alleles}


def under_own_deletion(rows):
    """By sample and start: the likelihoods of records that begin under a deletion of one haplotype."""
    for name, (variants, _) in rows.items():
        table = variants.to_pylist()
        for row in table:
            over = [
                each
                for each in table
                if each["start"] < row["start"] < each["start"] + len(each["ref"])
                and len(each["gt"]) == 2
                and deleted_copies(each) == 1
            ]
            judged = len(row["gt"]) == 2 and row["pl"] and {*row["gt"]} != {-1} and "*" not in row["alts"]
            two_alts = 0 not in row["gt"] and len({*row["gt"]}) > 1
            is_block = row["alts"] == ["<*>"]  # what lies under a deletion as a reference block stays
            if over and judged and not is_block and not two_alts and not (set(row["gt"]) == {0} and row["dp"] == 0):
                yield name, row["start"], one_haplotype(row)


def checked_under_deletions(seed):
    rows = cohort(seed)
    sites, genotypes, _ = joint(rows, CONTIGS, [WHOLE], [list(range(SAMPLES))], MODEL)
    by_pos = {site["pos"]: site for site in sites.to_pylist()}
    cells = {(cell["sample"], cell["pos"]): cell for cell in genotypes.to_pylist()}
    count = 0
    for name, start, likelihoods in under_own_deletion(rows):
        site, cell = by_pos.get(start + 1), cells.get((name, start + 1))
        if site is None or cell["PL"] is None:
            continue
        edits = [edit(site["ref"], text) for text in [site["ref"], *site["alts"]]]
        star = site["alts"].index("*") + 1 if "*" in site["alts"] else 0
        order = sorted(combinations_with_replacement(range(len(edits)), 2), key=lambda each: each[::-1])
        known = {
            (min(number, star), max(number, star)): likelihoods[each]
            for number, each in enumerate(edits)
            if each in likelihoods and (number != star or star == 0)
        }
        least = min(known.values())
        assert cell["PL"] == [known[each] - least if each in known else None for each in order], (site, cell)
        best = [each for each, value in known.items() if value == least]
        if len(best) == 1:
            assert cell["GT"].replace("|", "/") == "/".join(map(str, best[0]))
        count += 1
    return count


@given(seed=SEEDS)
@examples(60)
def test_under_its_own_deletion_a_sample_has_one_haplotype(seed):
    checked_under_deletions(seed)


def test_the_cohorts_have_records_under_own_deletions():
    assert sum(checked_under_deletions(seed) for seed in range(20)) > 5


@given(seed=SEEDS, places=PLACES, cuts=st.sets(st.integers(1, WHOLE.end - 1), max_size=8), random=st.randoms())
@examples(40)
def test_neither_cuts_nor_the_order_of_people_matter(seed, places, cuts, random):
    rows = cohort(seed)
    whole = joint(rows, CONTIGS, [WHOLE], [list(range(SAMPLES))], MODEL)
    turned = dict(random.sample(list(rows.items()), SAMPLES))
    cut_up = joint(turned, CONTIGS, cut(WHOLE, sorted(cuts)), batches_of(places, random), MODEL)
    assert repr(cut_up[0].to_pylist()) == repr(whole[0].to_pylist())
    by_name = [("pos", "ascending"), ("sample", "ascending")]
    assert cut_up[1].sort_by(by_name).to_pylist() == whole[1].sort_by(by_name).to_pylist()
    assert cut_up[2] == whole[2]


@pytest.mark.parametrize("seed", range(3))
def test_the_kernel_says_the_same_in_python(seed, monkeypatch):
    rows = cohort(seed)
    compiled = joint(rows, CONTIGS, [WHOLE], [list(range(SAMPLES))], MODEL)
    monkeypatch.setattr(site_estimates, "judge_carriers", site_estimates.judge_carriers.py_func)
    plain = joint(rows, CONTIGS, [WHOLE], [list(range(SAMPLES))], MODEL)
    assert [repr(table.to_pylist()) for table in plain[:2]] == [repr(table.to_pylist()) for table in compiled[:2]]
