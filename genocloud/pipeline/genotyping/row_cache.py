"""A batch's rows aligned under a shard's sites, cached between estimating and calling in one process."""

from threading import Lock

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import genotypes
from genocloud.cohort import Batch, Cohort, rows_along
from genocloud.genotypes import Model
from genocloud.pipeline.genotyping.batch_copies import copies_in_batch
from genocloud.pipeline.sharding import Shard
from genocloud.schema import VARIANT_COLUMNS, MergedSites, Variants, numbers, with_column

KEPT_BYTES = 384 << 20
"""Bytes cached at most: 1,000 samples over 1 Mb take 130 MB, and reading them again 0.8 core-seconds."""
KEPT_SHARE = 8
"""At most one eighth of the memory for tasks; what a process leaves of memory_limit.BASE_BYTES holds the most of it."""

_Key = tuple[str, int, str, str]


class RowCache:
    """Aligned rows of batches, each put once and taken once, up to a share of the memory for tasks.

    A step that estimates and calls makes one, and its tasks have it, in this process: pickled, it is an empty cache
    that keeps nothing. While full it takes no more.
    """

    def __init__(self, memory: int = 0) -> None:
        self._lock, self._limit, self._size = Lock(), min(KEPT_BYTES, memory // KEPT_SHARE), 0
        self._kept: dict[_Key, genotypes.AlignedRows] = {}

    def __reduce__(self) -> tuple[type["RowCache"], tuple[()]]:
        """Pickle as an empty cache."""
        return RowCache, ()

    def aligned_rows(
        self, cohort: Cohort, batch: Batch, shard: Shard, sites: MergedSites, model: Model
    ) -> genotypes.AlignedRows:
        """The batch's rows aligned under sites of the shard, with start, ref and alts; or under a superset of these.

        They are as the model reads them by their samples' copies; a cache is for one model.
        """
        key = cohort.url, cohort.version, batch.id, shard.name
        if (kept := self._take(key)) is not None:
            try:
                return kept.at_sites(sites)
            except LookupError:
                pass
        rows = rows_along(cohort, batch, shard.region, np.array(numbers(sites["start"])))
        variants = _info_once(rows.variants, cohort.repeated(batch))
        blocks, copies = rows.blocks, copies_in_batch(cohort, batch, shard, model)
        if copies is not None:
            variants, blocks = genotypes.with_copies(variants, blocks, copies, model.rules.filler_pl)
        made = genotypes.align_rows(variants, blocks, batch.ranks, sites)
        self._put(key, made)
        return made

    def _put(self, key: _Key, rows: genotypes.AlignedRows) -> None:
        with self._lock:
            if key not in self._kept and self._size + rows.nbytes <= self._limit:
                self._kept[key] = rows
                self._size += rows.nbytes

    def _take(self, key: _Key) -> genotypes.AlignedRows | None:
        with self._lock:
            rows = self._kept.pop(key, None)
            self._size -= rows.nbytes if rows else 0
            return rows


def _info_once(variants: Variants, repeated: npt.NDArray[np.bool_]) -> Variants:
    """VARIANTS without the INFO of repeated samples (bool, by place in the batch), whose records count for another one.

    A depth is 0 there, as without one FORMAT's would count.
    """
    mask = repeated[numbers(variants["sample"])]
    if not mask.any():
        return variants
    other = pa.array(mask)
    for column in VARIANT_COLUMNS:
        if column.vcf.startswith("INFO/"):
            values = variants[column.name]
            instead = pc.multiply(values, 0) if column.vcf == "INFO/DP" else pa.nulls(len(variants), column.type)
            values = pc.if_else(other, instead, values).cast(column.type)
            variants = with_column(variants, column.name, values.combine_chunks())
    return variants
