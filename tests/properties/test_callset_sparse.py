"""Law: what is read of a sparse callset is the dense table that was written, value for value, whatever its cuts."""

from collections.abc import Sequence
from math import comb
from random import Random
from typing import Any
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from genocloud import annotations, callset, schema, storage
from genocloud.callset import call_rows
from genocloud.regions import Extent
from tests.support import callset_tables as make
from tests.support.examples import examples

BATCHES = {"b0": ("ann", "bob", "cat"), "b1": (), "b2": ("dan",)}
ALTS = ("C", "G", "*", "AT", "T", "<DEL>")


def site_rows(random: Random, contigs: int, most_alts: int) -> list[dict[str, Any]]:
    """Sites of some contigs, with none to some ALTs: as in all-sites mode."""
    rows = []
    for contig in make.CONTIGS[:contigs]:
        for pos in sorted(random.sample(range(1, 60), random.randrange(12))):
            alts = list(ALTS[: random.choice((0, 1, 1, random.randrange(most_alts + 1)))])
            rows.append({"contig": contig.name, "pos": pos, "ref": "A", "alts": alts})
    return rows


def block(random: Random, ploidy: int) -> dict[str, Any]:
    """What a reference block, or nothing, gives: it may stand at any site."""
    kind = random.choice(("block", "block", "nothing", "shallow", "RGQ", "silent"))
    if kind == "nothing":
        return {"GT": "/".join("." * ploidy)}
    dp = random.choice((None, 0, 7, 30))
    row = {"GT": "/".join(random.choice("000.") * ploidy), "DP": dp}
    if kind == "RGQ":
        return row | {"RGQ": random.choice((0, 9, 21))}
    if kind == "block":
        row |= {"GQ": random.choice((0, 1, 99)), "local_pl": [0, *(random.randrange(3) for _ in range(ploidy))]}
    return row if kind == "silent" else row | {"depth": dp}


def called(random: Random, ploidy: int, alts: int) -> dict[str, Any]:
    """Any genotype: PL and AD of few values, so that alleles may be alike; or not as long as they should be."""
    values = random.choice((1, 2, 3, 400))
    numbers = [random.choice((".", *map(str, range(alts + 1)))) for _ in range(ploidy)]
    row: dict[str, Any] = {
        "GT": random.choice("/|").join(numbers),
        "DP": random.randrange(3),
        "GQ": random.randrange(3),
    }
    if random.random() < 0.7:
        length = alts + 1 if random.random() < 0.9 else random.randrange(1, 4)
        row["AD"] = [random.choice((None, *range(values))) for _ in range(length)]
    if random.random() < 0.7:
        length = comb(alts + ploidy, ploidy) if random.random() < 0.9 else random.randrange(1, 7)
        row["PL"] = [random.randrange(values) for _ in range(length)]
    if random.random() < 0.2:
        row |= {"PGT": "0|1", "PID": "5_A_C", "PS": random.choice((None, 5))}
    return row


def at_site(row: dict[str, Any], ploidy: int, alts: int) -> dict[str, Any]:
    """A block's genotype at a site of so many ALTs."""
    row = dict(row)
    pl, depth = row.pop("local_pl", None), row.pop("depth", None)
    if depth:
        row["AD"] = [depth] + [0] * alts
    if pl:
        genotypes = sorted(
            (sorted(each, reverse=True), sum(allele > 0 for allele in each)) for each in genotypes_of(ploidy, alts)
        )
        row["PL"] = [pl[carried] for _, carried in genotypes]
    return row


def genotypes_of(ploidy: int, alts: int, least: int = 0) -> list[list[int]]:
    if not ploidy:
        return [[]]
    return [[first, *rest] for first in range(least, alts + 1) for rest in genotypes_of(ploidy - 1, alts, first)]


def genotype_rows(random: Random, sites: list[dict[str, Any]], samples: Sequence[str]) -> list[dict[str, Any]]:
    rows = []
    for sample in samples:
        ploidy = random.choice((1, 2, 2, 3))
        standing = block(random, ploidy)
        for site in sites:
            alts = len(site["alts"])
            if random.random() < 0.3:
                standing = block(random, ploidy)
            row = called(random, ploidy, alts) if random.random() < 0.2 else at_site(standing, ploidy, alts)
            rows.append((sites.index(site), samples.index(sample), site | row | {"sample": sample}))
    return [row for *_, row in sorted(rows, key=lambda each: each[:2])]


class Shard:
    name = "000"
    extent = Extent(0, 0, len(make.CONTIGS) - 1, make.CONTIGS[-1].length)


def equal_numbers(distinct: pa.Table) -> np.ndarray:
    """The first row that is equal to each: so that genotypes have runs."""
    texts = [str(row) for row in distinct.to_pylist()]
    return np.array([texts.index(text) for text in texts], np.int32)


def with_added(
    store: storage.Store, batch: str, sites: pa.Table, segment: callset.Segment, tables: callset.SegmentTables
) -> tuple[callset.Segment, ...]:
    """A segment with all other sites beside it; none where it has no site, or a run reaches over another genotype."""
    keys = schema.numbers(sites["key"])
    if not len(segment.keys) or len(segment.keys) + len(tables.places) < len(keys):
        return ()
    added = callset.write_added(
        store, Shard, batch, segment, sites=sites, genotypes=tables.genotypes, shares=tables.shares
    )
    if added is None:
        return ()
    reusable = callset.find_added(store, Shard, batch, segment, keys)
    assert reusable is not None
    assert reusable.genotypes == added.genotypes
    assert callset.shares_at(reusable, keys).to_pylist() == tables.shares.to_pylist()
    return callset.among((segment, added), sites, len(BATCHES[batch]))


def stored_segments(
    store: storage.Store, batch: str, sites: pa.Table, table: pa.Table, parts: list[list[int]]
) -> tuple[callset.Segment, ...]:
    """Write some segments, then one that is merged from them, unless the second can stand beside the first."""
    samples, written = BATCHES[batch], []
    for number, part in enumerate(parts):
        rows = (np.array(part, np.int64)[:, None] * len(samples) + np.arange(len(samples))).ravel()
        places = sites.take(pa.array(part, pa.int64()))
        numbers = np.arange(len(rows), dtype=np.int32).reshape(len(part), len(samples))
        distinct = table.take(pa.array(rows)).select(schema.GENOTYPES.names[3:]).combine_chunks()
        matrix = callset.GenotypeMatrix(samples, distinct, equal_numbers(distinct)[numbers])
        alts = schema.numbers(pc.list_value_length(places["alts"]))
        shares = pa.table({"n": pa.array([0] * len(part), pa.int64())})
        tables = callset.SegmentTables.of(places, callset.localise(matrix, alts), shares)
        if number and (grown := with_added(store, batch, sites, written[0], tables)):
            return grown
        label = f"s{number}" if number else ""
        written.append(callset.write_segment(store, Shard, batch, tables, made="", label=label))
    keys = schema.numbers(sites["key"])
    held = [callset.load_segment(store, each, keys, samples=samples) for each in written]
    return (callset.write_segment(store, Shard, batch, callset.merge_segments(held, keys), made="", label="merged"),)


@given(st.integers(0, 2**32), st.integers(1, 3), st.integers(1, 6), st.integers(1, 3), st.integers(1, 40))
@examples(80)
def test_the_dense_view_is_what_was_written(seed: int, contigs: int, most_alts: int, files: int, window: int) -> None:
    random = Random(seed)
    rows = site_rows(random, contigs, most_alts)
    sites = make.as_table(rows, annotations.SITES)
    keyed = sites.append_column(schema.SITE_KEY.field, pa.array(range(1, len(rows) + 1), schema.INT64))
    tables = {
        batch: make.as_table(genotype_rows(random, rows, samples), schema.GENOTYPES)
        for batch, samples in BATCHES.items()
    }
    store = storage.open_store(f"memory://{uuid4()}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(call_rows, "LEAST_WINDOW", 1)
        patch.setattr(call_rows, "WINDOW_CELLS", window)
        callset.begin_shard(store, Shard)
        made = {}
        for batch, table in tables.items():
            which = [random.randrange(files) for _ in rows]
            parts = [[place for place, file in enumerate(which) if file == number] for number in range(files)]
            made[batch] = stored_segments(store, batch, keyed, table, parts)
        entry = callset.complete_shard(
            store,
            Shard,
            "key",
            keyed,
            {batch: [segment.genotypes for segment in each] for batch, each in made.items()},
            shares={batch: [segment.shares for segment in each] for batch, each in made.items()},
        )
        stored = callset.commit(store, make.description(BATCHES), [entry])
        every = [row for table in tables.values() for row in table.to_pylist()]
        order = {(row["contig"], row["pos"]): number for number, row in enumerate(rows)}
        every.sort(key=lambda row: (order[row["contig"], row["pos"]], row["sample"]))
        assert stored.genotypes().to_pylist() == every
        assert callset.check_shard(store, entry, BATCHES) == []
        names = random.sample(schema.GENOTYPES.names, random.randrange(1, 5))
        start, end = sorted(random.sample(range(1, 62), 2))
        chosen = random.sample(stored.samples, 2)
        inside = [
            {name: row[name] for name in names}
            for sites_at in (order,)
            for place in sites_at
            if place[0] == "chr1" and start <= place[1] <= end
            for sample in chosen
            for row in every
            if (row["contig"], row["pos"], row["sample"]) == (*place, sample)
        ]
        assert stored.genotypes(f"chr1:{start}-{end}", chosen, columns=names).to_pylist() == inside
        cells = stored.calls().num_rows + sum(
            order[row["contig"], row["end"]] - order[row["contig"], row["pos"]] + 1
            for row in stored.reference().to_pylist()
        )
        assert cells == len(every)
        for region in (None, f"chr1:{start}-{end}"):
            expected = make.rows_of_genotypes(stored, region, chosen)
            read = stored.calls(region, chosen), stored.reference(region, chosen)
            assert [table.to_pylist() for table in read] == expected
            depths = stored.calls(region, chosen, columns=["DP", "pos"]).to_pylist()
            assert depths == [{"DP": row["DP"], "pos": row["pos"]} for row in expected[0]]


@given(st.integers(0, 2**32))
@examples(30)
def test_equal_genotypes_give_equal_bytes_however_their_runs_are_cut(seed: int) -> None:
    random = Random(seed)
    rows = site_rows(random, 2, 3)
    sites = make.as_table(rows, annotations.SITES)
    table = make.as_table(genotype_rows(random, rows, BATCHES["b0"]), schema.GENOTYPES)
    distinct = table.select(schema.GENOTYPES.names[3:]).combine_chunks()
    numbers = np.arange(len(table), dtype=np.int32).reshape(len(rows), len(BATCHES["b0"]))
    alts = schema.numbers(pc.list_value_length(sites["alts"]))
    single = callset.localise(callset.GenotypeMatrix(BATCHES["b0"], distinct, numbers), alts)
    matrix = callset.GenotypeMatrix(BATCHES["b0"], distinct, equal_numbers(distinct)[numbers])
    joined = callset.localise(matrix, alts)
    places = call_rows.SitePlaces.of(sites)
    for one, other in zip(call_rows.split(single, places, 5), call_rows.split(joined, places, 5), strict=True):
        assert one.table.to_pylist() == other.table.to_pylist()
        assert one.rows.tolist() == other.rows.tolist()
