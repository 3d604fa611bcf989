"""Shards that are cut into pieces give what whole ones give, and what cannot be cut is said before it starts."""

import shutil
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genocloud import pipeline, steps
from genocloud.callset import open_callset
from genocloud.cohort import Cohort, Stored, open_cohort
from genocloud.genotypes import Model
from genocloud.pipeline import memory_model
from genocloud.pipeline.cached_tables import read_alleles
from genocloud.pipeline.memory_model import ShardTooHeavy, SiteCounts, SiteLoad, need_of
from genocloud.pipeline.sharding import written_pieces
from genocloud.scatter.executors import Inline, open_scatter
from genocloud.scatter.progress import Silent
from tests.conftest import DATA, Made, sample_map
from tests.support.decoded_callsets import records, tables

GIGABYTE = 1_000_000_000


@pytest.fixture
def stored_cohort(tmp_path: Path, made: Made) -> Cohort:
    """A copy of the test data's cohort, discovered."""
    shutil.copytree(made.cohort, tmp_path / "cohort")
    return open_cohort(str(tmp_path / "cohort"))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch):
    """Tasks may need little, so that shards are cut into many pieces."""
    monkeypatch.setattr(memory_model, "GROUP_COPIES", 0)

    def most(size: int) -> None:
        monkeypatch.setattr(memory_model, "SHARD_BYTES", size)

    return most


def test_pieces_give_the_whole_shards_values(tmp_path, made, stored_cohort, small):
    small(900_000)
    out = tmp_path / "split.vcf.gz"
    with open_scatter("threads:3", GIGABYTE) as scatter:
        whole = pipeline.cut_genome(stored_cohort)
        assert len(pipeline.split_to_memory(stored_cohort, whole, scatter).owned) > len(whole.owned)
        steps.genotype(
            stored_cohort, str(tmp_path / "split"), model=Model(), cut=whole, scatter=scatter, progress=Silent()
        )
        steps.export(str(tmp_path / "split"), str(out), scatter=scatter, progress=Silent())
    assert tables(str(tmp_path / "split")) == tables(made.callset)
    assert records(out) == records(made.vcf)
    names = [shard.name for shard in open_callset(str(tmp_path / "split")).shards]
    assert names == sorted(names)


def test_a_fused_run_in_pieces_gives_the_same_records(tmp_path, made, gvcfs, small):
    small(1_500_000)
    out = tmp_path / "fused.vcf.gz"
    steps.joint(
        pipeline.JointOptions(
            listed=str(sample_map(tmp_path, gvcfs)),
            reference_url=str(DATA / "reference.fa"),
            out_url=str(out),
            threads=2,
        ),
        progress=Silent(),
    )
    assert records(out) == records(made.vcf)


def test_pieces_tile_their_shard_and_each_has_a_site(stored_cohort, small):
    small(20_000)
    cut, whole = (
        pipeline.split_to_memory(stored_cohort, pipeline.cut_genome(stored_cohort), Inline(GIGABYTE)),
        pipeline.cut_genome(stored_cohort),
    )
    for shard in whole.owned:
        pieces = [piece for piece in cut.owned if shard in (piece, piece.discovered_shard)]
        assert (pieces[0].region.start, pieces[-1].region.end) == (shard.region.start, shard.region.end)
        assert all(before.region.end == after.region.start for before, after in pairwise(pieces))
        piece_tables = [read_alleles(stored_cohort, piece) for piece in pieces]
        assert sum(len(table) for table in piece_tables) == len(read_alleles(stored_cohort, shard))
        assert all(len(table) for table in piece_tables)


def test_a_site_that_cannot_fit_is_said_with_what_to_do(stored_cohort, monkeypatch):
    monkeypatch.setattr(memory_model, "KEY_BYTES", GIGABYTE)
    with pytest.raises(ShardTooHeavy, match=r"chr1:\d+-\d+: about [\d,]+ bytes .* give more --memory") as caught:
        pipeline.split_to_memory(stored_cohort, pipeline.cut_genome(stored_cohort), Inline(GIGABYTE))
    assert caught.value.need > caught.value.budget == GIGABYTE
    assert caught.value.exit_code == 5


def test_like_budgets_cut_alike(stored_cohort, small):
    small(1 << 17)
    cuts = [
        [
            shard.name
            for shard in pipeline.split_to_memory(
                stored_cohort, pipeline.cut_genome(stored_cohort), Inline(memory)
            ).owned
        ]
        for memory in (1 << 20, GIGABYTE)
    ]
    assert cuts[0] == cuts[1]


def test_written_pieces_are_all_of_a_shard_or_none(stored_cohort, small):
    small(20_000)
    whole = pipeline.cut_genome(stored_cohort)
    split = pipeline.split_to_memory(stored_cohort, whole, Inline(GIGABYTE))
    names, layout = sorted(piece.name for piece in split.owned), stored_cohort.layout
    for shard in whole.owned:
        pieces = [piece for piece in split.owned if shard in (piece, piece.discovered_shard)]
        assert written_pieces(layout, shard, names) == pieces
        assert written_pieces(layout, shard, sorted([*names, shard.name])) == [shard]
        for lost in pieces:
            assert written_pieces(layout, shard, [name for name in names if name != lost.name]) == []
        assert written_pieces(layout, shard, sorted(f"{name}.0a1b2c3d" for name in names)) == []  # with other targets


def test_growth_keeps_the_pieces_of_the_callset_whatever_memory_and_threads_there_are(tmp_path, gvcfs, small, made):
    cohort_url, callset_url = str(tmp_path / "cohort"), str(tmp_path / "callset")

    def grown(people: list[Path], choice: str, most: int) -> dict[str, int]:
        small(most)
        with open_scatter(choice, GIGABYTE) as scatter:
            listed = str(sample_map(tmp_path, people))
            options = pipeline.IngestOptions()
            steps.ingest(
                cohort_url, listed, str(DATA / "reference.fa"), options=options, scatter=scatter, progress=Silent()
            )
            stored = open_cohort(cohort_url)
            cut = pipeline.cut_genome(stored)
            steps.discover(stored, cut, scatter=scatter, progress=Silent())
            steps.genotype(stored, callset_url, model=Model(), cut=cut, scatter=scatter, progress=Silent())
        files = (tmp_path / "callset" / "calls").rglob("*.parquet")
        return {f"{file.parent.name}/{file.name}": file.stat().st_mtime_ns for file in files}

    first = grown(gvcfs[:-1], "threads:1", 300_000)
    shards = [shard.name for shard in open_callset(callset_url).shards]
    second = grown(gvcfs[-1:], "threads:3", GIGABYTE)
    assert [shard.name for shard in open_callset(callset_url).shards] == shards
    assert len(shards) > len(pipeline.cut_genome(open_cohort(cohort_url)).owned)
    stayed = [name for name, written in first.items() if second.get(name) == written]
    assert len(stayed) > len(first) // 2
    assert tables(callset_url) == tables(made.callset)


STORED = st.builds(
    Stored,
    samples=st.integers(1, 300),
    variants=st.integers(0, 10**6),
    blocks=st.integers(0, 10**6),
    variant_bytes=st.integers(0, 10**9),
    group_bytes=st.integers(0, 10**8),
)


@given(st.lists(STORED, min_size=1, max_size=5), st.data(), st.integers(1, 8))
def test_fewer_sites_or_threads_never_need_more(stored, data, threads):
    numbers = st.integers(0, 10**5)
    whole = SiteCounts(*(data.draw(numbers) for _ in range(3)))
    part = SiteCounts(*(data.draw(st.integers(0, each)) for each in (whole.sites, whole.observed, whole.pairs)))
    need = need_of(stored, part, whole, threads)
    assert 0 <= need <= need_of(stored, whole, whole, threads)
    assert need_of(stored, part, whole, 1) <= need


def test_a_load_adds_up_over_regions(stored_cohort):
    (shard, *_) = pipeline.cut_genome(stored_cohort).owned
    load = SiteLoad.of(read_alleles(stored_cohort, shard))
    middle = int(load.positions[len(load.positions) // 2])
    halves = [
        load.in_region(type(shard.region)(shard.region.contig, *span)) for span in ((0, middle), (middle, 1 << 30))
    ]
    assert load.whole == SiteCounts(
        *(sum(getattr(half, name) for half in halves) for name in ("sites", "observed", "pairs"))
    )


def test_that_a_shard_is_cut_is_logged_when_it_is_and_not_when_its_pieces_are_kept(stored_cohort, small, caplog):
    small(20_000)
    caplog.set_level("INFO", memory_model.__name__)
    whole, scatter = pipeline.cut_genome(stored_cohort), Inline(GIGABYTE)
    split = pipeline.split_to_memory(stored_cohort, whole, scatter)
    assert "too heavy for one task, cut into" in caplog.text
    caplog.clear()
    assert pipeline.split_to_memory(stored_cohort, whole, scatter, [piece.name for piece in split.owned]) == split
    assert not caplog.text
