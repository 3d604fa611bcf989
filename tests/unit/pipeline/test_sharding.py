"""How windows become shards: which share one, by contigs, rows and what is forced, whatever the intervals."""

import pytest

from genocloud.cohort import Layout
from genocloud.pipeline import sharding
from genocloud.pipeline.sharding import EVERYTHING, GenomeRows, Shard, Targets, cut_windows
from genocloud.regions import Contig, Region

WINDOW_BP = 1_000
LENGTHS = {"chr1": 12_000, "alt1": 800, "alt2": 700, "alt3": 600, "long": 2_500, "alt4": 900, "alt5": 800, "alt6": 750}
CONTIGS = tuple(Contig(name, length) for name, length in LENGTHS.items())
LAYOUT = Layout(CONTIGS, part_bp=10_000, window_bp=WINDOW_BP)
"""chr1 is a part with 12 windows; each of the others is a window, but for `long`, which is three."""
SHORT = "001-alt1-and-6-more"


def known(rows: dict[int, int], blocks: dict[int, int] | None = None, with_ends: bool = True) -> GenomeRows:
    """So many rows of variants, and of blocks, in windows of the short contigs, and ten in each of chr1's."""
    variants, quiet = {("000-chr1", number): 10 for number in range(12)}, {}
    variants |= {(SHORT, number): count for number, count in rows.items()}
    quiet |= {(SHORT, number): count for number, count in (blocks or {}).items()}
    every = {window: variants.get(window, 0) + quiet.get(window, 0) for window in {*variants, *quiet}}
    return GenomeRows(
        layout=LAYOUT,
        variants=variants,
        blocks=quiet,
        reach=lambda bases: [base for _, base in bases],
        rows=every if with_ends else None,
    )


def short(known: GenomeRows, targets: Targets = EVERYTHING) -> list[str]:
    """The shards of short contigs, as the contigs that each begins and ends with."""
    return [_contigs(shard) for shard in cut_windows(known, targets=targets).owned if shard.name.startswith("001")]


def _contigs(shard: Shard) -> str:
    first, last = CONTIGS[shard.extent.contig].name, CONTIGS[shard.extent.last].name
    return first if first == last else f"{first} to {last}"


@pytest.fixture(autouse=True)
def hundred(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sharding, "FEW_ROWS", 100)


EACH = dict.fromkeys(range(9), 30)


def test_windows_of_whole_contigs_share_a_shard_while_they_have_few_rows():
    assert short(known(EACH)) == ["alt1 to alt3", "long", "long", "long", "alt4 to alt6"]
    assert short(known(EACH | {1: 71})) == ["alt1", "alt2", "alt3", "long", "long", "long", "alt4 to alt6"]
    assert short(known(EACH | {1: 70})) == ["alt1 to alt2", "alt3", "long", "long", "long", "alt4 to alt6"]


def test_blocks_count_as_rows():
    assert short(known(EACH, {2: 11})) == ["alt1 to alt2", "alt3", "long", "long", "long", "alt4 to alt6"]


def test_windows_without_variants_at_the_ends_of_a_shard_are_left_out():
    assert short(known({1: 5}, {0: 5, 2: 5, 6: 5})) == ["alt2"]
    assert short(known({0: 5, 2: 5})) == ["alt1 to alt3"]


def test_windows_of_a_long_contig_stay_apart():
    names = [shard.name for shard in cut_windows(known({})).owned]
    assert names == [f"000-chr1.00000.{start:010d}-{start + 1000:010d}" for start in range(0, 12_000, 1_000)]


def test_windows_stay_apart_where_sites_do_not_say_how_many_rows_they_have():
    assert len(short(known(EACH, with_ends=False))) == 9


def test_forced_sites_keep_windows_apart():
    """There are as many of them as bases, however few the rows."""
    forced = Targets.of(None, [Region(2, 0, 700)])
    assert short(known(EACH), forced) == ["alt1", "alt2", "alt3", "long", "long", "long", "alt4 to alt6"]
    everywhere = Targets.of(None, [Region(number, 0, contig.length) for number, contig in enumerate(CONTIGS)])
    assert len(short(known(EACH), everywhere)) == 9


@pytest.mark.parametrize("contig", range(1, 8))
def test_a_contig_alone_is_in_the_stretch_that_it_is_in_without_intervals(contig):
    region = Region(contig, 0, CONTIGS[contig].length)
    whole = [shard.region for shard in cut_windows(known(EACH)).owned]
    for shard in cut_windows(known(EACH), targets=Targets.of([region], [])).owned:
        around = [each for each in whole if each.contig == 1 and each.start <= shard.region.start < each.end]
        assert [shard.region.end <= each.end for each in around] == [True]
