"""Estimate the bytes that a planned task needs, and how many pieces its shard is split into."""

import math
from collections.abc import Sequence

from genocloud.cohort import GROUP_ROWS, Stored
from genocloud.costs.model import Needs, Portion, Shape
from genocloud.costs.rates import Rates
from genocloud.pipeline.memory_model import GROUP_COPIES, OBSERVATION_BYTES, SHARD_BYTES, SiteCounts, need_of

INGEST_ROW_BYTES = 250
"""A row of a batch's window while it is ingested: with its text, its columns, and these packed (benchmarks A and B)."""

MOST_THREADS = 64
"""A pool of more cores is several processes."""


def needs(rates: Rates, shape: Shape, portion: Portion, sites: float, width: int) -> Needs:
    """Bytes that a task of each step needs, and the pieces that a shard is split into, by memory_model's estimates.

    Where shards are few, a task takes all cores of a process.
    """
    threads = width if shape.shards < 4 * width and width <= MOST_THREADS else 1
    batch = min(shape.batch_size, portion.people)
    share = batch / max(1, portion.people) / shape.shards
    rows = {"variants": portion.observations * share}
    rows["blocks"] = max(0.0, portion.records * share - rows["variants"])
    sizes = rates.costs["bytes row"]
    group = int(max(min(rows[kind], GROUP_ROWS[kind]) * sizes[kind] for kind in rows))
    variants = int(rows["variants"])
    stored = Stored(
        samples=batch,
        variants=variants,
        blocks=int(rows["blocks"]),
        variant_bytes=int(variants * sizes["variants"]),
        group_bytes=group,
    )
    observed = int(portion.observations / shape.shards)
    counts = SiteCounts(int(sites / shape.shards), observed, observed)
    calling = split_need([stored] * math.ceil(portion.people / max(1, batch)), counts, threads)
    pieces = max(1, math.ceil(sum(calling.values()) / SHARD_BYTES))
    piece = {part: need / pieces for part, need in calling.items()}
    discovering = threads * group * GROUP_COPIES + variants * OBSERVATION_BYTES
    return {
        "ingest": ({"batch": sum(rows.values()) * INGEST_ROW_BYTES, "merged": 0.0}, 1),
        "discover": ({"batch": float(discovering), "merged": 0.0}, 1),
        "estimate": (piece, pieces),
        "genotype": (piece, pieces),
    }


def split_need(stored: Sequence[Stored], counts: SiteCounts, threads: int) -> dict[str, float]:
    """Bytes that calling a shard takes: for the concurrent batches, and for the merged counts."""
    merged = need_of(stored, counts, counts, 0)
    return {"batch": need_of(stored, counts, counts, min(threads, len(stored))) - merged, "merged": merged}
