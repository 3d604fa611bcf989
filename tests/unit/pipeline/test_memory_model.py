"""What a task needs follows rows; where blocks have AD, and each cell is a genotype of its own, it follows cells."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from genocloud.cohort import Stored
from genocloud.pipeline.memory_model import (
    HELD_CELL_BYTES,
    HELD_ROW_BYTES,
    SHARE_BYTES,
    SiteCounts,
    _needed,
    need_of,
)
from genocloud.regions import Region

COUNTS = SiteCounts(sites=5_000, observed=20_000, pairs=40_000)


def need(variants: int, blocks: int, holds_genotypes: bool = True) -> int:
    stored = Stored(samples=100, variants=variants, blocks=blocks, variant_bytes=0, group_bytes=0)
    return need_of([stored], COUNTS, COUNTS, 0, holds_genotypes=holds_genotypes)


def test_blocks_with_ad_count_by_cell():
    blocks, with_ad = need(20_000, 100_000), need(120_000, 0)
    cells = COUNTS.sites * 100
    assert with_ad - need(20_000, 0) == cells * HELD_CELL_BYTES - 20_000 * HELD_ROW_BYTES
    assert blocks < with_ad


def test_only_a_shard_that_is_written_as_vcf_holds_all_genotypes():
    shares = COUNTS.observed * SHARE_BYTES
    assert need(20_000, 100_000) == 120_000 * HELD_ROW_BYTES + shares
    assert need(20_000, 0, holds_genotypes=False) == shares


def test_a_part_of_the_sites_has_its_share_of_the_blocks():
    stored = Stored(samples=100, variants=0, blocks=100_000, variant_bytes=0, group_bytes=0)
    tenth = SiteCounts(sites=500, observed=0, pairs=0)
    assert need_of([stored], tenth, COUNTS, 0, holds_genotypes=True) == (10_000 + 100) * HELD_ROW_BYTES


@given(st.lists(st.integers(0, 9), min_size=2, max_size=40), st.integers(9, 30))
def test_pieces_fit_and_no_two_neighbours_could_be_one(weights, most):
    region = Region(0, 0, len(weights))

    def fits(part: Region) -> bool:
        return sum(weights[part.start : part.end]) <= most

    edges = [0, *_needed(region, range(1, len(weights)), fits), len(weights)]
    assert all(fits(Region(0, *piece)) for piece in pairwise(edges))
    assert not any(fits(Region(0, start, end)) for start, end in zip(edges, edges[2:], strict=False))
