"""The whole path from rows to callset tables in one process, as the steps compose it: any batches, any shard cuts."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import genotypes, schema, sites
from genocloud.regions import Contig, Region
from tests.support.called_genotypes import genotype_table

Rows = tuple[pa.Table, pa.Table]


def batch_of(rows: Sequence[Rows]) -> Rows:
    """Samples' rows (each with sample = 0) as one batch's tables."""
    return tuple(pa.concat_tables([_numbered(row[kind], n) for n, row in enumerate(rows)]) for kind in (0, 1))


def _numbered(table: pa.Table, sample: int) -> pa.Table:
    place = table.schema.get_field_index("sample")
    return table.set_column(place, table.schema.field(place), pa.array(np.full(len(table), sample, np.int32)))


def within(table: pa.Table, region: Region) -> pa.Table:
    """The rows that speak for any base of the region, and records whose REF reaches it."""
    stops = pc.max_element_wise(table["stop"], schema.reaches(table)) if "ref" in table.column_names else table["stop"]
    reaches = pc.and_(pc.greater(stops, region.start), pc.less(table["start"], region.end))
    return table.filter(pc.and_(reaches, pc.equal(table["contig"], region.contig)))


def cut(region: Region, places: Sequence[int]) -> list[Region]:
    """The region cut before each of some places."""
    edges = sorted({region.start, *(place for place in places if region.start < place < region.end), region.end})
    return [Region(region.contig, low, high) for low, high in pairwise(edges)]


def joint(
    rows: dict[str, Rows],
    contigs: tuple[Contig, ...],
    shards: Sequence[Region],
    batches: Sequence[Sequence[int]],
    model: genotypes.Model | None = None,
    forced: str | None = None,
    copies: genotypes.SampleCopies | None = None,
) -> tuple[pa.Table, pa.Table, Counter[str]]:
    """(SITES, GENOTYPES sorted by site and sample, dropped sites) of samples, ranked in the order of `rows`.

    `batches` lists each batch's samples by rank; `forced`: the contig's bases, to emit every site that has a row;
    `copies`: those of all samples by rank, by which records are read.
    """
    model = model or genotypes.Model()
    copies = copies or genotypes.SampleCopies(np.zeros(1, np.int64), np.full((1, len(rows)), 2, np.int8))
    own_copies = [copies._replace(copies=copies.copies[:, list(batch)]) for batch in batches]
    names, tables = list(rows), [batch_of([list(rows.values())[rank] for rank in batch]) for batch in batches]
    ranks = [np.array(batch, dtype=np.int32) for batch in batches]
    read = [
        genotypes.with_copies(*table, own, model.rules.filler_pl) for table, own in zip(tables, own_copies, strict=True)
    ]
    alleles, estimates = [], []
    for shard in shards:
        seen = [sites.observe(within(table[0], shard), rank, shard) for table, rank in zip(tables, ranks, strict=True)]
        alleles.append(sites.unify([each[0] for each in seen], [each[1] for each in seen]))
        if forced is not None:
            under = np.any([sites.covered(table, rank, shard) for table, rank in zip(tables, ranks, strict=True)], 0)
            bases = forced[shard.start : shard.end]
            alleles[-1] = sites.force_output(alleles[-1], under, [each[1] for each in seen], bases, shard)
        seen_alts = genotypes.with_alts(alleles[-1])
        summaries = [
            genotypes.summarise(
                genotypes.align_rows(*(within(kind, shard) for kind in table), rank, alleles[-1]), seen_alts
            )
            for table, rank in zip(read, ranks, strict=True)
        ]
        estimates.append(genotypes.with_unestimated(genotypes.estimate(summaries, seen_alts, model), alleles[-1]))
    annotated, called, dropped = [], [], Counter()
    for shard, settled in zip(shards, genotypes.settle(estimates, model), strict=True):
        parts = [
            genotypes.call(
                genotypes.align_rows(*(within(kind, shard) for kind in table), rank, genotypes.emitted(settled)),
                [names[n] for n in batch],
                genotypes.emitted(settled),
                contigs,
                genotypes.DefaultPloidies.everywhere(np.full(len(batch), 2, np.int8)).within(own),
                model=model,
            )
            for table, rank, batch, own in zip(read, ranks, batches, own_copies, strict=True)
        ]
        kept, lost = genotypes.annotate(settled, genotypes.add([share for _, share in parts]), contigs, model)
        assert len(settled) == len(kept) + sum(lost.values())
        annotated.append(kept)
        remaining = np.isin(pc.add(genotypes.emitted(settled)["start"], 1), kept["pos"])
        called += [genotype_table(part.at(remaining).uncarried(genotypes.uncarried(kept))) for part, _ in parts]
        dropped += lost
    seen = sum(pc.sum(table["observed"]).as_py() or 0 for table in alleles)
    assert forced is not None or seen >= sum(len(table) for table in alleles)
    rows_out = [_decoded(table) for table in called]
    everything = pa.concat_tables(rows_out)
    order = [("contig", "ascending"), ("pos", "ascending"), ("rank", "ascending")]
    rank_of = pa.array([names.index(name) for name in everything["sample"].to_pylist()], pa.int32())
    everything = everything.append_column("rank", rank_of).sort_by(order).drop_columns("rank")
    sites_out = pa.concat_tables([_decoded(table) for table in annotated])
    assert len(everything) == len(sites_out) * len(names)
    return sites_out, everything, dropped


def _decoded(table: pa.Table) -> pa.Table:
    """Words as plain strings: a dictionary's order is no part of the result."""
    return pa.table(
        {
            name: table[name].cast(pa.string()) if pa.types.is_dictionary(table[name].type) else table[name]
            for name in table.column_names
        }
    )
