"""Sums over all batches of a cohort by shard, kept for later versions: a grown cohort's begin with an earlier one's."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import storage
from genocloud.cohort import Batch, Cohort, open_cohort, versions
from genocloud.errors import StoreError
from genocloud.pipeline.cached_tables import cached_tables
from genocloud.pipeline.sharding import Shard
from genocloud.schema import numbers

_LABEL = "all"

MOST_VERSIONS = 4
"""So many earlier versions are looked at: a cohort seldom grows more often between two of its callsets."""


@dataclass(frozen=True, kw_only=True)
class StoredTotal:
    """Sums over all batches of a version of the cohort, a row for each site, with its key in the column `key`."""

    cohort: Cohort
    table: pa.Table

    @property
    def keys(self) -> npt.NDArray[np.int64]:
        """The sites' keys."""
        return numbers(self.table["key"])

    @property
    def ranks(self) -> npt.NDArray[np.int32]:
        """Of its samples, which are the same in every version that may begin with it."""
        return np.arange(len(self.cohort.samples), dtype=np.int32)

    def has(self, batch: Batch) -> bool:
        """Whether it counts a batch."""
        return any(each.id == batch.id for each in self.cohort.batches)


def read_total(cohort: Cohort, shard: Shard, kind: str, *settings: Any) -> StoredTotal | None:
    """The newest total of one kind, of this version or of one all of whose samples are in it under the same ranks."""
    for version in (cohort, *_earlier(cohort)):
        table = cached_tables(version, kind, *settings).piece(shard, _LABEL)
        if table is not None:
            return StoredTotal(cohort=version, table=table)
    return None


def write_total(cohort: Cohort, shard: Shard, kind: str, *settings: Any, table: pa.Table) -> None:
    """Keep the sums over all batches of a version; `table` has the column `key`."""
    cached_tables(cohort, kind, *settings).write_piece(shard, _LABEL, table)


def _earlier(cohort: Cohort) -> Iterator[Cohort]:
    ranks = {batch.id: batch.ranks for batch in cohort.batches}
    before = [number for number in versions(storage.open_store(cohort.url)) if number < cohort.version]
    for number in before[: -MOST_VERSIONS - 1 : -1]:
        with suppress(StoreError):
            version = open_cohort(cohort.url, number)
            if all(np.array_equal(ranks.get(batch.id, ()), batch.ranks) for batch in version.batches):
                yield version
