"""Laws of the store: how samples are batched and the genome is cut does not change what is read."""

import tempfile

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from genocloud import cohort, gvcf, schema
from genocloud.regions import Contig, Region
from genocloud.storage import open_store
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
