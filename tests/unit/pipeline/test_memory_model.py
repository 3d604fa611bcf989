"""What a task needs follows rows; where blocks have AD, and each cell is a genotype of its own, it follows cells."""

from genocloud.cohort import Stored
from genocloud.pipeline.memory_model import HELD_CELL_BYTES, HELD_ROW_BYTES, SiteCounts, need_of

COUNTS = SiteCounts(sites=5_000, observed=20_000, pairs=40_000)


def need(variants: int, blocks: int) -> int:
    stored = Stored(samples=100, variants=variants, blocks=blocks, variant_bytes=0, group_bytes=0)
    return need_of([stored], COUNTS, COUNTS, 0)


def test_blocks_with_ad_count_by_cell():
    blocks, with_ad = need(20_000, 100_000), need(120_000, 0)
    cells = COUNTS.sites * 100
    assert with_ad - need(20_000, 0) == cells * HELD_CELL_BYTES - 20_000 * HELD_ROW_BYTES
    assert blocks < with_ad
