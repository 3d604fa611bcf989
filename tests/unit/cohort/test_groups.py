"""A window with many rows becomes several row groups, whatever pieces its rows came in; few of them have a region."""

import numpy as np
import pyarrow as pa
import pytest

from genocloud import cohort, gvcf, sealing
from genocloud.cohort import encoding, gathering
from genocloud.cohort.encoding import decoded_bytes
from genocloud.regions import Contig, Region
from genocloud.scatter.executors import Inline
from genocloud.scatter.progress import Silent
from genocloud.steps import compact
from genocloud.storage import open_store
from tests.support.earlier_cohorts import rewrite_as, without_places
from tests.support.stored_cohorts import COLUMNS, LAYOUT, REFERENCE, block, one_batch, source

REGION = Region(0, 0, 5000)


def rows_of(stored_cohort: cohort.Cohort) -> list:
    return [cohort.read_rows(stored_cohort, batch, REGION) for batch in stored_cohort.batches]


@pytest.fixture
def few(monkeypatch):
    """Row groups of a few rows."""
    monkeypatch.setitem(encoding.GROUP_ROWS, "blocks", 3)
    monkeypatch.setitem(encoding.GROUP_ROWS, "variants", 2)


def test_row_groups_are_capped_and_their_rows_the_same(tmp_path, monkeypatch):
    (tmp_path / "whole").mkdir()
    whole = one_batch(tmp_path / "whole", "abcde")
    monkeypatch.setitem(encoding.GROUP_ROWS, "blocks", 3)
    monkeypatch.setitem(encoding.GROUP_ROWS, "variants", 2)
    (tmp_path / "cut").mkdir()
    cut = one_batch(tmp_path / "cut", "abcde")
    assert rows_of(whole) == rows_of(cut)
    for part in cut.receipt(cut.batches[0]).parts:
        assert sum(part.group_rows) == sum(part.rows)
        assert max(part.group_rows) <= encoding.GROUP_ROWS[part.kind]
        for rows, groups in zip(part.rows, part.groups(), strict=True):
            assert sum(part.group_rows[group] for group in groups) == rows
    assert any(len(groups) > 1 for part in cut.receipt(cut.batches[0]).parts for groups in part.groups())


@pytest.mark.parametrize("piece_rows", [1, 2, 5])
def test_pieces_do_not_change_a_byte(tmp_path, monkeypatch, few, piece_rows):
    contents = []
    for name, rows in (("whole", 1 << 20), ("pieces", piece_rows)):
        (tmp_path / name).mkdir()
        monkeypatch.setattr(gathering, "PIECE_ROWS", rows)
        stored_cohort = one_batch(tmp_path / name, "abcde")
        contents.append(
            {each: open_store(stored_cohort.url).read(each) for each in open_store(stored_cohort.url).list("batches/")}
        )
    assert contents[0] == contents[1]


def test_compacting_gives_the_row_groups_of_one_ingest(tmp_path, few):
    (tmp_path / "grown").mkdir()
    (tmp_path / "fresh").mkdir()
    store = open_store(str(tmp_path / "grown" / "cohort"))
    for names in ("ab", "cde"):
        receipt = cohort.write_batch(store, [source(tmp_path, name, ord(name)) for name in names], LAYOUT)
        cohort.append(store, [receipt], LAYOUT, REFERENCE)
    compact(store.url, batch_size=200, scatter=Inline(), progress=Silent())
    grown, fresh = cohort.open_cohort(store.url), one_batch(tmp_path / "fresh", "abcde")
    assert grown.receipt(grown.batches[0]) == fresh.receipt(fresh.batches[0])


def test_a_group_of_variants_at_a_time_gives_the_same_rows(tmp_path, few):
    stored_cohort = one_batch(tmp_path, "abcde")
    region = Region(0, 2005, 2006)
    columns = ["sample", "dp", "qual"]  # two of these are stored as differences from others
    tables = list(cohort.variant_groups(stored_cohort, stored_cohort.batches[0], region, columns))
    assert len(tables) == 3
    whole = cohort.read_variants(stored_cohort, stored_cohort.batches[0], region)
    assert whole.num_rows > 0
    together = pa.concat_tables(tables).sort_by([("sample", "ascending"), ("start", "ascending")])
    assert together.equals(whole.select(["contig", "start", "stop", *columns]))


def test_only_rows_that_speak_for_a_site_are_read(tmp_path, few):
    stored_cohort = one_batch(tmp_path, "abc")
    (batch,) = stored_cohort.batches
    everything, region = cohort.read_rows(stored_cohort, batch, REGION), REGION
    starts = everything.variants["start"].to_numpy().tolist()
    of_blocks = sorted(set(everything.blocks["start"].to_numpy().tolist()) - set(starts))
    for sites in ([], starts[:1], starts[-1:], of_blocks[:1], sorted({*starts, *of_blocks})):
        rows = cohort.rows_along(stored_cohort, batch, region, np.array(sites, np.int64))
        for table, whole in ((rows.variants, everything.variants), (rows.blocks, everything.blocks)):
            covering = [row for row in whole.to_pylist() if any(row["start"] <= site < row["stop"] for site in sites)]
            assert table.to_pylist() == covering


def test_stored_rows_are_counted_by_receipts(tmp_path, few):
    stored_cohort = one_batch(tmp_path, "abc")
    (stored,) = cohort.stored_rows(stored_cohort, Region(0, 2000, 2500))
    rows = cohort.read_rows(stored_cohort, stored_cohort.batches[0], Region(0, 1500, 2500))
    assert (stored.samples, stored.variants) == (3, rows.variants.num_rows)
    assert stored.variant_bytes == decoded_bytes(rows.variants)
    assert stored.group_bytes > 0


@pytest.mark.parametrize("kind", ["variants", "blocks"])
def test_some_columns_of_each_part_are_together_all_rows_once(tmp_path, few, kind):
    stored_cohort = one_batch(tmp_path, "abcde")
    (batch,), columns = stored_cohort.batches, ["contig", "sample", "start", "stop", "dp"]
    rows = []
    for part in LAYOUT.parts():
        for table in cohort.rows_of_part(stored_cohort, batch, kind, part, columns):
            assert table.column_names == columns
            rows += table.to_pylist()
    whole = [
        getattr(cohort.read_rows(stored_cohort, batch, Region(number, 0, contig.length)), kind)
        for number, contig in enumerate(LAYOUT.contigs)
    ]
    expected = [row for table in whole for row in table.select(columns).to_pylist()]
    assert sorted(map(str, rows)) == sorted(map(str, expected))


def groups_read(monkeypatch) -> list[int]:
    """The row groups that are read from now on; each of variants is read once for places and once for the rest."""
    read, unsealed = [], sealing.reader

    def reader(*arguments, **options):
        file = unsealed(*arguments, **options)
        whole = file.read_row_group
        file.read_row_group = lambda group, *more, **columns: read.append(group) or whole(group, *more, **columns)
        return file

    monkeypatch.setattr(sealing, "reader", reader)
    return read


@pytest.mark.parametrize("is_noted", [True, False])
def test_only_row_groups_that_overlap_a_region_are_read(tmp_path, few, monkeypatch, is_noted):
    """Of a window with the blocks of five samples at 20 places, 3 a group; without places all groups of the window."""
    contigs = (Contig("chr1", 1000),)
    records = "".join(block("chr1", pos, pos + 49, 7) for pos in range(1, 1000, 50))
    (tmp_path / "a.g.vcf").write_text(COLUMNS + records)
    store, layout = open_store(str(tmp_path / "cohort")), cohort.Layout(contigs)
    sources = [
        cohort.Source(sample=name, fingerprint=name, rows=gvcf.read_rows(str(tmp_path / "a.g.vcf"), contigs))
        for name in "abcde"
    ]
    monkeypatch.setattr("genocloud.cohort.layout.TILES", 20_000 if is_noted else 1)
    stored_cohort = cohort.append(store, [cohort.write_batch(store, sources, layout)], layout, REFERENCE)
    if not is_noted:
        rewrite_as(store, 5, without_places)
        stored_cohort = cohort.open_cohort(store.url)
    (batch,) = stored_cohort.batches
    (written,) = stored_cohort.receipt(batch).parts
    assert len(written.group_rows) == (40 if is_noted else 34)
    read = groups_read(monkeypatch)
    rows = cohort.read_rows(stored_cohort, batch, Region(0, 460, 510))
    assert rows.blocks["start"].to_pylist() == [450, 500] * 5
    assert read == ([18, 19, 20, 21] if is_noted else list(range(34)))
    (stored,) = cohort.stored_rows(stored_cohort, Region(0, 460, 510))
    assert stored.blocks == (10 if is_noted else 100)


def test_a_window_with_few_rows_is_one_row_group(tmp_path):
    stored_cohort = one_batch(tmp_path, "abcde")
    for part in stored_cohort.receipt(stored_cohort.batches[0]).parts:
        assert [len(groups) for groups in part.groups()] == [int(rows > 0) for rows in part.rows]
