"""Merge the observations of all batches into the sites of a shard and their alleles."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import schema
from genocloud.kernels.unifying import first_ranks, unify_sites
from genocloud.sites.observations import ORDERS

AT_ONCE = 8
"""Observations that are held before they are merged."""


def unify(observations: Sequence[schema.Observations], spans: Sequence[schema.Spans]) -> schema.Alleles:
    """Merge the batches' observations and spans of one shard into its sites (ALLELES), sorted by start.

    The order of the batches does not matter. REF is the longest REF of the site's records; shorter records' ALTs get
    the missing tail. ALTs stand in the order of the first sample that carries them, then of its record; `*` takes part
    with the first sample whose earlier deletion reaches over the site (gatk-model.md, section 1).
    """
    seen, under = _joined(observations, schema.OBSERVATIONS), _joined(spans, schema.SPANS)
    if not len(seen):
        return schema.ALLELES.empty_table()
    start = schema.numbers(seen["start"])
    rows = np.argsort(start, kind="stable")
    begins = np.flatnonzero(np.diff(start[rows], prepend=-1))
    starts = start[rows[begins]]
    first = schema.numbers(seen["rank"]).astype(np.int64) * ORDERS + schema.numbers(seen["order"])
    best, lists, offsets, text = unify_sites(
        np.append(begins, len(rows)),
        rows,
        *_own(schema.strings(seen["ref"])),
        *_own(schema.strings(seen["alt"])),
        first,
        first_ranks(starts, *_own([schema.numbers(under[name]) for name in ("start", "stop", "rank")])),
    )
    words = pa.StringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(text))
    observed = np.add.reduceat(schema.numbers(seen["observed"])[rows], begins)
    alts = pa.ListArray.from_arrays(pa.array(lists), words)
    columns = [seen["contig"].take(best), starts, seen["ref"].take(best), alts, *nothing_forced(len(starts))]
    return pa.table([*columns, observed.astype(np.int32)], schema.ALLELES)


def nothing_forced(sites: int) -> tuple[pa.Array, pa.Array]:
    """The columns `forced` and `forced_alts` of ALLELES of which none is forced."""
    none = pa.ListArray.from_arrays(np.zeros(sites + 1, np.int32), pa.nulls(0, schema.INT32))
    return pa.array(np.zeros(sites, bool)), none


def merge(seen: Iterable[tuple[schema.Observations, schema.Spans]]) -> tuple[schema.Observations, schema.Spans]:
    """Merge results of `observe` for parts of a batch, or for batches: distinct OBSERVATIONS and SPANS.

    In any order and grouping; at most AT_ONCE are held at a time.
    """
    held: list[tuple[schema.Observations, schema.Spans]] = []
    for each in seen:
        held.append(each)
        if len(held) == AT_ONCE:
            held = [_merged(held)]
    return held[0] if len(held) == 1 else _merged(held)


def _merged(seen: Sequence[tuple[schema.Observations, schema.Spans]]) -> tuple[schema.Observations, schema.Spans]:
    observations = _joined([each for each, _ in seen], schema.OBSERVATIONS)
    first = schema.numbers(observations["rank"]).astype(np.int64) * ORDERS + schema.numbers(observations["order"])
    merged = _distinct(
        observations.append_column("first", pa.array(first)), _ALLELE, {"first": "min", "observed": "sum"}
    )
    first = schema.numbers(merged["first_min"])
    columns = {"rank": first // ORDERS, "order": first % ORDERS, "observed": schema.numbers(merged["observed_sum"])}
    spans = _distinct(_joined([each for _, each in seen], schema.SPANS), _SPAN, {"rank": "min"})
    return _table(schema.OBSERVATIONS, merged, columns), _table(schema.SPANS, spans, {"rank": spans["rank_min"]})


_ALLELE, _SPAN = ["contig", "start", "ref", "alt"], ["contig", "start", "stop"]


def _distinct(table: pa.Table, keys: list[str], sums: dict[str, str]) -> pa.Table:
    grouped = table.group_by(keys, use_threads=False).aggregate(list(sums.items()))
    return grouped.sort_by([(key, "ascending") for key in keys])


def _table(declared: pa.Schema, keys: pa.Table, columns: Mapping[str, Any]) -> pa.Table:
    return pa.table(
        [
            keys[field.name] if field.name in keys.column_names else pa.array(columns[field.name]).cast(field.type)
            for field in declared
        ],
        declared,
    )


def _joined(tables: Sequence[pa.Table], columns: pa.Schema) -> pa.Table:
    return pa.concat_tables([columns.empty_table(), *tables]).combine_chunks()


def _own(arrays: Any) -> list[npt.NDArray[Any]]:
    """Writable copies: Arrow's arrays are read-only, another type for numba, which would compile again."""
    return [np.array(array) for array in arrays]
