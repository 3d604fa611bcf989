"""The set of sites: what qualifies, what is linked, and that it does not depend on how the callset was made."""

from itertools import product
from math import comb

import numpy as np
import pytest

from genocloud import callset
from genocloud.pipeline.qc.sample_checks import CheckOptions, check_samples
from genocloud.qc.packed_genotypes import MISSING
from genocloud.qc.site_set import CHANCE_CHI2, SiteSetOptions, highest_rank, hwe_p, qualifying, ranks_of, unlinked
from genocloud.scatter.executors import Inline
from genocloud.scatter.progress import Silent
from tests.support.wild_callset import alleles_of, write


@pytest.mark.parametrize("counts", [(5, 0, 0), (3, 4, 1), (0, 7, 0), (2, 1, 5), (4, 4, 4), (0, 0, 1)])
def test_hwe_is_the_share_of_permutations_that_are_no_likelier(counts):
    _, het, hom_alt = counts
    people, alts = sum(counts), het + 2 * hom_alt

    def ways(hets: int) -> int:
        homs = (alts - hets) // 2
        return comb(people, hets) * comb(people - hets, homs) * 2**hets

    possible = [ways(hets) for hets in range(alts % 2, alts + 1, 2) if hets + (alts - hets) // 2 <= people]
    expected = sum(each for each in possible if each <= ways(het)) / sum(possible)
    assert hwe_p(*counts) == pytest.approx(expected)


def test_sites_are_common_called_and_in_equilibrium():
    codes = np.array([[0, 1, 2, 1] * 10, [0] * 40, [1] * 40, [0, MISSING] * 20, [0] * 39 + [1]], np.uint8)
    options = SiteSetOptions(min_frequency=0.02)
    assert qualifying(codes, options, diploid=True).tolist() == [True, False, False, False, False]
    assert qualifying(codes, options, diploid=False).tolist() == [True, False, True, False, False]


def test_linked_sites_are_left_out():
    random = np.random.default_rng(3)
    codes = random.integers(0, 3, (12, 200)).astype(np.uint8)
    codes[5], codes[7] = codes[4], 2 - codes[6]
    codes[8] = codes[0]
    positions = np.arange(12, dtype=np.int64) * 100
    positions[8:] += 1_000_000
    kept = unlinked(codes, positions, SiteSetOptions())
    assert np.flatnonzero(~kept).tolist() == [5, 7]
    r = np.corrcoef(codes.astype(float))
    pairs = [
        (a, b) for a, b in product(np.flatnonzero(kept), repeat=2) if a < b and positions[b] - positions[a] < 500_000
    ]
    assert max(r[pair] ** 2 for pair in pairs) <= max(0.1, CHANCE_CHI2 / 199)


def test_missing_genotypes_count_as_the_mean():
    codes = np.array([[0, 1, 2, 1, 0, 2] * 40, [0, 1, 2, 1, 0, 2] * 40], np.uint8)
    codes[1, ::7] = MISSING
    assert unlinked(codes, np.array([1, 2]), SiteSetOptions()).tolist() == [True, False]


def test_ranks_spread_evenly_and_bound_what_is_kept():
    ranks = ranks_of(["chr1"] * 20_000, np.arange(20_000))
    assert len(set(ranks.tolist())) == 20_000
    share = np.count_nonzero(ranks <= np.uint64(highest_rank(100, 40_000))) / 20_000
    assert share == pytest.approx(0.1, abs=0.01)
    assert highest_rank(25_000, 1000) == 2**64 - 1
    assert not np.array_equal(ranks, ranks_of(["chr2"] * 20_000, np.arange(20_000)))


LOOSE = SiteSetOptions(min_frequency=0.0, min_call_rate=0.0, min_inbreeding=-1e99, min_hwe_p=0.0, max_r2=2.0)


@pytest.mark.parametrize("seed", range(8))
def test_the_set_has_the_sites_that_a_loop_finds(seed, tmp_path):
    made = write(f"memory://{tmp_path}", seed, sites=40)
    options = CheckOptions(site_set=LOOSE)
    checked = check_samples(made, options, scatter=Inline(), progress=Silent(), name="wild")
    listed = [(row["contig"], row["pos"], row["AF"]) for row in checked.tables["sites"].to_pylist()]
    expected = sorted(looped(made), key=lambda row: row[0] == "chrX")
    assert [row[:2] for row in listed] == [row[:2] for row in expected]
    assert [row[2] for row in listed] == pytest.approx([row[2] for row in expected])


def looped(made: callset.Callset):
    """Bi-allelic SNVs of autosomes and X with both alleles called, with the frequency among usable genotypes."""
    cells = {}
    for row in made.genotypes().to_pylist():
        cells.setdefault((row["contig"], row["pos"]), []).append(alleles_of(row["GT"]))
    for site in made.sites().to_pylist():
        place = site["contig"], site["pos"]
        is_snv = len(site["alts"]) == 1 and {len(site["ref"]), len(site["alts"][0])} == {1} and site["alts"] != ["*"]
        if not is_snv or site["filter"] or place[0] not in ("chr1", "chr2", "chrX"):
            continue
        ploidies = (1, 2) if place[0] == "chrX" else (2,)
        used = [own for own in cells[place] if -1 not in own and len(own) in ploidies]
        copies = [sum(own) * 2 // len(own) for own in used]
        alts, total = sum(copies), 2 * len(copies)
        if 0 < alts < total and not too_rare(site):
            yield (*place, alts / total)


def too_rare(site: dict) -> bool:
    """Random AC may be more than AN, which says that the rarer allele has fewer than no copies."""
    return (
        site["AC"] is not None
        and site["AN"] is not None
        and min(site["AC"][0] or 0, site["AN"] - (site["AC"][0] or 0)) < 0
    )
