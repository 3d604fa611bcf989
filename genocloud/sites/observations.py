"""Observations of one batch in one shard: its records' alleles, and the spans of its deletions."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import schema
from genocloud.kernels.alleles import spanning_alleles
from genocloud.regions import Region

Array = npt.NDArray[Any]
ORDERS = 1 << 16
"""Factor that packs a rank and a place in the ALT list into one integer, so that one minimum orders by both."""

OBSERVED = ("sample", "ref", "alts")
"""The columns of VARIANTS that `observe` reads, apart from contig, start and stop."""


def observe(
    variants: schema.Variants, ranks: npt.NDArray[np.int32], region: Region
) -> tuple[schema.Observations, schema.Spans]:
    """The alleles and deletions of a batch in a shard: (OBSERVATIONS, SPANS), each sorted and distinct.

    `variants` (VARIANTS) holds the rows that cover any base of the region, also those that start before it;
    `ranks` (samples of the batch,) int32: cohort ranks, -1 for inactive samples. Observations are of the records that
    start in the region; spans of those that reach into it. Rows that cover no base, because a later record of the
    sample starts at the same one (stop <= start), are not observed.
    """
    start, stop = schema.numbers(variants["start"]), schema.numbers(variants["stop"])
    rank = ranks[schema.numbers(variants["sample"])]
    active = (schema.numbers(variants["contig"]) == region.contig) & (stop > start) & (rank >= 0) & (start < region.end)
    alleles = variants.select(["ref", "alts"])
    begun, reaching = active & (start >= region.start), active & (stop > start + 1) & (stop > region.start)
    observations = _observations(alleles.filter(pa.array(begun)), start[begun], rank[begun], region)
    return observations, _spans(
        alleles.filter(pa.array(reaching)), start[reaching] + 1, stop[reaching], rank[reaching], region
    )


def _observations(alleles: schema.Variants, start: Array, rank: Array, region: Region) -> schema.Observations:
    lists, _, _ = schema.string_lists(alleles["alts"])
    row = np.repeat(np.arange(len(alleles)), np.diff(lists))
    alts = pc.list_flatten(alleles["alts"])
    order = np.arange(len(row)) - lists[row]
    exploded = pa.table(
        {
            "start": start[row],
            "ref": alleles["ref"].take(row),
            "alt": alts,
            "first": rank[row].astype(np.int64) * ORDERS + order,
        }
    ).filter(pc.invert(pc.starts_with(alts, "<")))
    grouped = exploded.group_by(["start", "ref", "alt"]).aggregate([("first", "min"), ("first", "count")])
    grouped = grouped.sort_by([("start", "ascending"), ("ref", "ascending"), ("alt", "ascending")])
    first = schema.numbers(grouped["first_min"])
    return _table(
        schema.OBSERVATIONS,
        contig=np.full(len(grouped), region.contig, np.int32),
        start=grouped["start"],
        ref=grouped["ref"],
        alt=grouped["alt"],
        rank=(first // ORDERS).astype(np.int32),
        order=(first % ORDERS).astype(np.int16),
        observed=schema.numbers(grouped["first_count"]).astype(np.int32),
    )


def _spans(alleles: schema.Variants, start: Array, stop: Array, rank: Array, region: Region) -> schema.Spans:
    deleted = _has_deletion(alleles)
    spans = pa.table({"start": start[deleted], "stop": stop[deleted], "rank": rank[deleted]})
    grouped = spans.group_by(["start", "stop"]).aggregate([("rank", "min")])
    grouped = grouped.sort_by([("start", "ascending"), ("stop", "ascending")])
    contig = np.full(len(grouped), region.contig, np.int32)
    return _table(schema.SPANS, contig=contig, start=grouped["start"], stop=grouped["stop"], rank=grouped["rank_min"])


def _has_deletion(rows: schema.Variants) -> npt.NDArray[np.bool_]:
    no_offsets, no_pls = np.zeros(len(rows) + 1, np.int64), np.zeros(0, np.int32)
    alleles = [np.array(part) for part in (*schema.strings(rows["ref"]), *schema.string_lists(rows["alts"]))]
    return np.asarray(spanning_alleles(*alleles, np.ones(len(rows), np.int64), no_offsets, no_pls) > 0)


def _table(columns: pa.Schema, **values: Any) -> pa.Table:
    return pa.table([values[field.name] for field in columns], columns)
