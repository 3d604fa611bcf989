"""Observations of all batches unified: the merged alleles of each site of a shard."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import schema
from genocloud.kernels.unifying import first_ranks, unify_sites
from genocloud.sites.observations import ORDERS


def unify(observations: Sequence[pa.Table], spans: Sequence[pa.Table]) -> pa.Table:
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
    columns = [seen["contig"].take(best), starts, seen["ref"].take(best), alts, observed.astype(np.int32)]
    return pa.table(columns, schema.ALLELES)


def _joined(tables: Sequence[pa.Table], columns: pa.Schema) -> pa.Table:
    return pa.concat_tables([columns.empty_table(), *tables]).combine_chunks()


def _own(arrays: Any) -> list[npt.NDArray[Any]]:
    """Writable copies: Arrow's arrays are read-only, which numba takes for another type and compiles again."""
    return [np.array(array) for array in arrays]
