"""Law: the VCF text of any tables is that of the slow twin, whatever the batches, pieces and shard cuts."""

import gzip
from collections.abc import Sequence
from itertools import pairwise
from random import Random
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genocloud import annotations, callset, schema, storage
from genocloud.callset import formats, record_pieces, vcf_text
from genocloud.kernels import vcf_columns
from genocloud.kernels.cell_runs import runs_of_cells
from genocloud.regions import Region
from tests.support import callset_tables as make
from tests.support import vcf_text as twin
from tests.support.examples import examples

SAMPLES = ("ann", "bob", "cat", "dan", "eve")
BATCHES = st.lists(st.integers(0, 2), min_size=len(SAMPLES), max_size=len(SAMPLES)).map(
    lambda places: [[name for name, place in zip(SAMPLES, places, strict=True) if place == batch] for batch in range(3)]
)
REALS = st.floats(-1e12, 1e12) | st.sampled_from(make.FLOATS) | st.floats()


def kernel_lines(sites: pa.Table, genotypes: Sequence[pa.Table], batches: Sequence[Sequence[str]]) -> str:
    samples = [sample for sample in SAMPLES if any(sample in batch for batch in batches)]
    held = [(start, len(batch)) for start, batch in zip(starts_of(batches, sites.num_rows), batches, strict=True)]
    place = {
        name: (start + at, step)
        for (start, step), batch in zip(held, batches, strict=True)
        for at, name in enumerate(batch)
    }
    first, step = np.array([place[name] for name in samples], np.int64).reshape(-1, 2).T
    cells = (first + np.arange(sites.num_rows)[:, None] * step).astype(np.int32)
    made = vcf_text.lines_of(vcf_text.site_texts(sites), vcf_text.texts_of(genotypes), cells)
    return made.data.tobytes().decode()


def starts_of(batches: Sequence[Sequence[str]], sites: int) -> list[int]:
    """The first row of each batch's table where the tables stand one behind the other."""
    return [sites * sum(map(len, batches[:number])) for number in range(len(batches))]


@given(st.integers(0, 2**32), st.integers(0, 6), BATCHES, st.sampled_from((0.0, 0.3, 1.0)))
@examples(80)
def test_lines_are_the_twins(seed: int, count: int, batches: list[list[str]], missing: float) -> None:
    sites, genotypes = make.tables(Random(seed), "chr1", range(100, 100 + count), batches, missing)
    assert kernel_lines(sites, genotypes, batches) == twin.lines(sites, genotypes, SAMPLES)


@given(st.integers(0, 2**32), st.integers(0, 9), BATCHES, st.integers(1, 12), st.integers(1, 40), st.integers(1, 3))
@examples(60)
def test_a_distinct_genotype_has_one_text_wherever_it_stands(
    seed: int, count: int, batches: list[list[str]], most_sites: int, most_genotypes: int, threads: int
) -> None:
    """Few distinct genotypes, of which some cells have the same, at sites that differ in what stands there."""
    random, pos = Random(seed), range(100, 100 + count)
    samples = [sample for sample in SAMPLES if any(sample in batch for batch in batches)]
    sites, _ = make.tables(random, "chr1", pos, batches)
    few = [make.tables(random, "chr1", range(3), [batch], random.choice((0.0, 0.5)))[1][0] for batch in batches]
    numbers = [
        np.array([[random.randrange(len(table)) for _ in batch] for _ in pos], np.int32).reshape(count, len(batch))
        for table, batch in zip(few, batches, strict=True)
    ]
    called = [callset.GenotypeMatrix(*each) for each in zip(batches, few, numbers, strict=True)]
    views = [
        callset.DenseGenotypes(
            samples=batch.samples,
            distinct=batch.distinct,
            runs=runs_of_cells(batch.numbers),
            places=np.arange(len(batch.distinct), dtype=np.int32)[None],
            kinds=np.zeros(count, np.int32),
        )
        for batch in called
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(record_pieces, "PIECE_SITES", most_sites)
        patch.setattr(record_pieces, "PIECE_GENOTYPES", most_genotypes)
        form = formats.form_of("x.vcf.gz")
        pieces = list(
            record_pieces.called_pieces(form, sites, views, contigs=make.CONTIGS, samples=samples, threads=threads)
        )
    written = gzip.decompress(b"".join(piece.data for piece in pieces)) if count else b""
    assert written.decode() == twin.lines(sites, [spread(batch, pos) for batch in called], samples)


def spread(batch: callset.GenotypeMatrix, positions: Sequence[int]) -> pa.Table:
    """GENOTYPES, a row for each cell."""
    rows = batch.distinct.to_pylist()
    cells = [
        rows[number] | {"pos": pos, "sample": sample}
        for pos, line in zip(positions, batch.numbers.tolist(), strict=True)
        for sample, number in zip(batch.samples, line, strict=True)
    ]
    return make.as_table(cells, schema.GENOTYPES)


@given(st.integers(0, 2**32))
@examples(10)
def test_interpreted_kernel_writes_the_same_lines(seed: int) -> None:
    sites, genotypes = make.tables(Random(seed), "chr1", range(3), [SAMPLES])
    texts, fields = vcf_text.site_texts(sites), vcf_text.texts_of(genotypes)
    rows = [[0, 1, 2, 3, 2], [0, 1, 4, 4, 2], [0, 1, 5, 0, 2]]  # rows that stay, come back, or stand side by side
    cells = [np.arange(15, dtype=np.int32).reshape(3, 5), np.array(rows, np.int32)]
    compiled = [vcf_text.lines_of(texts, fields, each).data.tobytes() for each in cells]
    with pytest.MonkeyPatch.context() as patch:
        for name, kernel in vars(vcf_columns).copy().items():
            if hasattr(kernel, "py_func"):
                patch.setattr(vcf_columns, name, kernel.py_func)
        fields = vcf_text.texts_of(genotypes)
        assert [vcf_text.lines_of(texts, fields, each).data.tobytes() for each in cells] == compiled


@given(REALS, st.integers(0, 6))
@examples(300)
def test_decimals_are_the_twins(value: float, decimals: int) -> None:
    assert written(value, f"%.{decimals}f") == twin.java_fixed(value, decimals)
    assert written(value, "") == twin.gatk_default(value)


def written(value: float, form: str) -> str:
    return str(annotations.decimals(pa.array([value], pa.float64(), from_pandas=False), form)[0].as_py())


@given(
    st.integers(0, 2**32),
    BATCHES,
    st.sets(st.integers(1, 39), max_size=3),
    st.integers(1, 20),
    st.integers(1, 50),
    st.integers(1, 3),
)
@examples(20)
def test_shard_cuts_pieces_and_threads_do_not_change_records(
    seed: int, batches: list[list[str]], cuts: set[int], most_sites: int, most_genotypes: int, threads: int
) -> None:
    sites, genotypes = make.tables(Random(seed), "chr1", range(1, 41), batches)
    store = storage.open_store(f"memory://{uuid4()}")
    names = {f"b{number}": tuple(batch) for number, batch in enumerate(batches)}
    edges = [0, *sorted(cuts), 600_000_000]
    entries = []
    for number, (start, end) in enumerate(pairwise(edges)):
        shard = make.Shard(f"000-chr1-{number:05d}", Region(0, start, end))
        inside = [within(table, start, end) for table in (sites, *genotypes)]
        entries.append(callset.write_shard(store, shard, "key", inside[0], dict(zip(names, inside[1:], strict=True))))
    stored_callset = callset.commit(store, make.description(names), reversed(entries))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(record_pieces, "PIECE_SITES", most_sites)
        patch.setattr(record_pieces, "PIECE_GENOTYPES", most_genotypes)
        counts = callset.write_vcf(stored_callset, f"{store.url}/calls.vcf.gz", threads)
    records = gzip.decompress(store.read("calls.vcf.gz")).decode().partition("#CHROM")[2].partition("\n")[2]
    assert records == twin.lines(sites, genotypes, SAMPLES)
    assert (counts.records, counts.genotypes, counts.text_bytes) == (40, 200, len(records))
    assert stored_callset.genotypes().to_pylist() == sorted_rows(genotypes)


def within(table: pa.Table, start: int, end: int) -> pa.Table:
    pos = schema.numbers(table["pos"])
    return table.filter(pa.array((pos > start) & (pos <= end)))


def sorted_rows(genotypes: Sequence[pa.Table]) -> list[dict[str, object]]:
    rows = [row for table in genotypes for row in table.to_pylist()]
    return sorted(rows, key=lambda row: (row["pos"], row["sample"]))


def test_known_decimals_of_the_real_gatk() -> None:
    default = {-0.7: "-7.000e-01", 0.005: "5.000e-03", 0.0: "0.00", 1.0: "1.00", 0.999: "0.999", 9.995: "10.00"}
    default |= {12.345: "12.35", 0.0625: "0.063", 1e-21: "0.00", 0.00099999: "1.000e-03", 58.3: "58.30"}
    assert {value: written(value, "") for value in default} == default
    assert [written(value, "%.2f") for value in (1.005, 30.6, 588.0, np.inf, np.nan)] == [
        "1.01", "30.60", "588.00", "Infinity", "NaN",
    ]  # fmt: skip
    assert [written(value, "%.3f") for value in (0.0005, 0.00049, 0.9999, -0.0004)] == [
        "0.001",
        "0.000",
        "1.000",
        "-0.000",
    ]
