"""Laws of the store: how samples are batched and the genome is cut does not change what is read."""

import tempfile

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genocloud import cohort, gvcf, schema
from genocloud.cohort import encoding
from genocloud.cohort.verifying import check_part
from genocloud.regions import Contig, Region
from genocloud.storage import open_store
from tests.support.earlier_cohorts import rewrite_as, without_places
from tests.support.examples import examples

CONTIGS = (Contig("chr1", 1000), Contig("chr2", 120), Contig("chr3", 80), Contig("chr4", 700))
HEADER = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tann\n"


@st.composite
def gvcfs(draw):
    """A sample's file: blocks and deletions of any length, with gaps and overlaps."""
    lines = []
    for contig in CONTIGS:
        pos = draw(st.integers(1, 400))
        while pos <= contig.length and draw(st.integers(0, 8)):
            end = min(contig.length, pos + draw(st.integers(0, 300)))
            depth = draw(st.integers(0, 50))
            if draw(st.booleans()):
                lines.append(f"{contig.name}\t{pos}\t.\tA\t<*>\t.\t.\tEND={end}\tGT:DP\t0/0:{depth}\n")
            else:
                ref = "A" * min(end - pos + 1, 60)
                alt = "A" if len(ref) > 1 else "C"
                lines.append(f"{contig.name}\t{pos}\t.\t{ref}\t{alt},<*>\t.\t.\tDP=3\tGT:DP\t0/1:{depth}\n")
            pos += draw(st.integers(1, 200))
    return HEADER + "".join(lines or ["chr4\t700\t.\tA\t<*>\t.\t.\t.\tGT:DP\t0/0:7\n"])


def ingest(folder, texts, batches, layout):
    """The cohort of some samples; `batches` says which batch each is in. Batches follow one another by name."""
    store = open_store(folder)
    receipts = []
    for batch in sorted(set(batches)):
        sources = []
        for number, text in enumerate(texts):
            if batches[number] == batch:
                open_store(folder + "-in").write(f"{number}.g.vcf", text.encode())
                url = f"{folder}-in/{number}.g.vcf"
                sources.append(
                    cohort.Source(
                        sample=f"s{number}", fingerprint=gvcf.fingerprint(url), rows=gvcf.read_rows(url, CONTIGS)
                    )
                )
        receipts.append(cohort.write_batch(store, sources, layout))
    return cohort.append(store, receipts, layout, {})


def read(stored_cohort, region):
    """Variants by rank, and for each rank and base of the region the depth of the block that speaks for it."""
    variants, depths = [], np.full((len(stored_cohort.samples), region.end - region.start), -1)
    for batch in stored_cohort.batches:
        rows = cohort.read_rows(stored_cohort, batch, region)
        assert rows.variants.schema.equals(schema.VARIANTS)
        for table in (rows.variants, rows.blocks):
            keys = [(row["sample"], row["start"]) for row in table.select(["sample", "start"]).to_pylist()]
            assert keys == sorted(keys)
        ranks = pa.array(batch.ranks[rows.variants["sample"].to_numpy()])
        variants.append(rows.variants.drop_columns("sample").append_column("rank", ranks))
        for row in rows.blocks.to_pylist():
            assert row["start"] < region.end
            assert row["stop"] > region.start
            inside = slice(max(0, row["start"] - region.start), row["stop"] - region.start)
            assert (depths[batch.ranks[row["sample"]], inside] == -1).all()
            depths[batch.ranks[row["sample"]], inside] = row["dp"]
    return pa.concat_tables(variants).sort_by([("rank", "ascending"), ("start", "ascending")]), depths


@examples(25)
@given(st.data(), st.lists(gvcfs(), min_size=1, max_size=4), st.integers(1, 1200), st.integers(10, 1500))
def test_neither_batches_nor_parts_nor_windows_change_what_is_read(data, texts, part_bp, window_bp):
    batches = sorted(data.draw(st.lists(st.integers(0, 2), min_size=len(texts), max_size=len(texts))))
    contig = data.draw(st.integers(0, len(CONTIGS) - 1))
    start = data.draw(st.integers(0, CONTIGS[contig].length - 1))
    region = Region(contig, start, data.draw(st.integers(start + 1, CONTIGS[contig].length)))
    with tempfile.TemporaryDirectory() as folder:
        whole = ingest(f"{folder}/whole", texts, [0] * len(texts), cohort.Layout(CONTIGS, 10_000, 10_000))
        cut = ingest(f"{folder}/cut", texts, batches, cohort.Layout(CONTIGS, part_bp, window_bp))
        assert whole.samples == cut.samples
        (variants, depths), (cut_variants, cut_depths) = read(whole, region), read(cut, region)
    assert variants.equals(cut_variants)
    assert (depths == cut_depths).all()


@examples(25)
@given(
    st.data(),
    st.lists(gvcfs(), min_size=1, max_size=4),
    st.tuples(st.integers(1, 1200), st.integers(10, 1500), st.integers(1, 40)),
    st.tuples(st.integers(1, 6), st.integers(1, 6), st.integers(1, 9)),
    st.booleans(),
)
def test_a_region_has_the_rows_that_overlap_it_however_rows_are_grouped(data, texts, cuts, rows, earlier):
    """Of any tiles and row groups, their places noted or not; bytes do not depend on the pieces in which rows came."""
    part_bp, window_bp, tiles = cuts
    variant_rows, block_rows, piece_rows = rows
    contig = data.draw(st.integers(0, len(CONTIGS) - 1))
    start = data.draw(st.integers(0, CONTIGS[contig].length - 1))
    region = Region(contig, start, data.draw(st.integers(start + 1, CONTIGS[contig].length)))
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr("genocloud.cohort.layout.TILES", 1 if earlier else tiles)
        patch.setitem(encoding.GROUP_ROWS, "variants", variant_rows)
        patch.setitem(encoding.GROUP_ROWS, "blocks", block_rows)
        layout, contents = cohort.Layout(CONTIGS, part_bp, window_bp), []
        for pieces in (1 << 18, piece_rows):
            patch.setattr("genocloud.cohort.gathering.PIECE_ROWS", pieces)
            stored_cohort = ingest(f"{folder}/{pieces}", texts, [0] * len(texts), layout)
            store = open_store(stored_cohort.url)
            contents.append({name: store.read(name) for name in store.list("batches/")})
        assert contents[0] == contents[1]
        if earlier:
            rewrite_as(store, 5, without_places)
            stored_cohort = cohort.open_cohort(store.url)
        check(stored_cohort, region, data)


def check(stored_cohort, region, data):
    """What is read of a region, and of some bases of it, against all rows of the contig; verify finds all sound."""
    (batch,) = stored_cohort.batches
    receipt = stored_cohort.receipt(batch)
    written = {entry.name for entry in receipt.parts}
    for part in (each for each in stored_cohort.layout.parts() if each.name in written):
        assert check_part(open_store(stored_cohort.url), receipt, stored_cohort.layout, part).damage == ()
    whole = Region(region.contig, 0, CONTIGS[region.contig].length)
    everything = cohort.read_rows(stored_cohort, batch, whole)
    tables = [everything.variants.to_pylist(), everything.blocks.to_pylist()]
    stored = [rows for entry in receipt.parts for rows in entry.rows]
    assert sum(stored) == sum(
        len(table)
        for number, contig in enumerate(CONTIGS)
        for rows in [cohort.read_rows(stored_cohort, batch, Region(number, 0, contig.length))]
        for table in (rows.variants, rows.blocks)
    )
    expected = [[row for row in rows if row["start"] < region.end and row["stop"] > region.start] for rows in tables]
    here = cohort.read_rows(stored_cohort, batch, region)
    assert [here.variants.to_pylist(), here.blocks.to_pylist()] == expected
    axis = stored_cohort.layout.axis(region.contig)
    along = axis.on(region)
    sites = sorted(data.draw(st.sets(st.integers(along.start, along.end - 1), max_size=3)))
    some = cohort.rows_along(stored_cohort, batch, along, np.array(sites, np.int64))
    begin = along.start - region.start
    for table, rows in ((some.variants, tables[0]), (some.blocks, tables[1])):
        covering = [
            (row["sample"], row["start"] + begin)
            for row in rows
            for stop in [max(row["stop"], row["start"] + len(row.get("ref", "")))]
            if stop > region.start and any(row["start"] + begin <= site < stop + begin for site in sites)
        ]
        assert [(row["sample"], row["start"]) for row in table.to_pylist()] == covering


@examples(25)
@given(st.data(), st.lists(gvcfs(), min_size=1, max_size=5), st.integers(1, 1200), st.integers(10, 1500))
def test_samples_read_together_are_stored_as_those_read_one_by_one(data, texts, part_bp, window_bp):
    layout = cohort.Layout(CONTIGS, part_bp=part_bp, window_bp=window_bp)
    first = data.draw(st.integers(0, len(texts)))
    past = data.draw(st.integers(first, len(texts)))
    with tempfile.TemporaryDirectory() as folder:
        inputs = open_store(f"{folder}/in")
        urls = []
        for number, text in enumerate(texts):
            inputs.write(f"{number}.g.vcf", text.encode())
            urls.append(f"{folder}/in/{number}.g.vcf")
        together = gvcf.read_together([gvcf.SmallFile(url, None) for url in urls[first:past]], CONTIGS)
        stored = []
        for name in ("alone", "together"):
            sources = [
                cohort.Source(
                    sample=f"s{number}",
                    fingerprint=gvcf.fingerprint(url),
                    rows=together if name == "together" and first <= number < past else gvcf.read_rows(url, CONTIGS),
                )
                for number, url in enumerate(urls)
            ]
            store = open_store(f"{folder}/{name}")
            cohort.write_batch(store, sources, layout)
            stored.append({each: store.read(each) for each in store.list()})
    assert stored[0] == stored[1]
