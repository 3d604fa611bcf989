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

TOTAL = "all"
"""The label of a total among the tables of a shard."""

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
        table = cached_tables(version, kind, *settings).piece(shard, TOTAL)
        if table is not None:
            return StoredTotal(cohort=version, table=table)
    return None


def write_total(cohort: Cohort, shard: Shard, kind: str, *settings: Any, table: pa.Table) -> None:
    """Keep the sums over all batches of a version; `table` has the column `key`."""
    cached_tables(cohort, kind, *settings).write_piece(shard, TOTAL, table)


def remove_earlier_totals(cohort: Cohort, shard: Shard, kind: str, *settings: Any) -> None:
    """Remove the totals of the versions before: this version's stands in their place."""
    for version in _before(cohort):
        tables = cached_tables(version, kind, *settings)
        if TOTAL in tables.labels(shard):
            tables.remove_piece(shard, TOTAL)


@dataclass(frozen=True, kw_only=True)
class NearestTotal:
    """The total of a version of the cohort, this one or an earlier one, and how the versions' batches differ.

    keys    (sites,) int64: of the sites that it has
    joined  batches of this version that it does not count, or not with the same samples
    left    batches that it counts and this version has not, or not with the same samples
    """

    version: Cohort
    keys: npt.NDArray[np.int64]
    joined: tuple[Batch, ...]
    left: tuple[Batch, ...]

    def has(self, batch: Batch) -> bool:
        """Whether it counts a batch of this version."""
        return all(each.id != batch.id for each in self.joined)


def nearest_total(cohort: Cohort, shard: Shard, kind: str, *settings: Any) -> NearestTotal | None:
    """The newest total of sums that know no ranks; None where as many batches differ as this version has."""
    for version in (cohort, *_before(cohort)):
        tables = cached_tables(version, kind, *settings)
        with suppress(StoreError):  # a total or a version that is damaged is none
            if TOTAL in tables.labels(shard):
                joined, left = _unlike(cohort, version), _unlike(version, cohort)
                if len(joined) + len(left) < len(cohort.batches):
                    keys = numbers(tables.read_piece(shard, TOTAL, ["key"])["key"])
                    return NearestTotal(version=version, keys=keys, joined=joined, left=left)
    return None


def _unlike(cohort: Cohort, other: Cohort) -> tuple[Batch, ...]:
    """The batches of a version of which another one counts other samples, or none."""
    if cohort is other:
        return ()
    samples = {batch.id: _counted_samples(other, batch) for batch in other.batches}
    return tuple(
        batch
        for batch in cohort.batches
        if not np.array_equal(samples.get(batch.id, ()), _counted_samples(cohort, batch))
    )


def _counted_samples(cohort: Cohort, batch: Batch) -> npt.NDArray[np.int8]:
    """Of each sample of a batch whether it is active, and whether its INFO counts: (2, samples)."""
    return np.stack([batch.ranks >= 0, cohort.repeated(batch)]).astype(np.int8)


def _earlier(cohort: Cohort) -> Iterator[Cohort]:
    """The versions before all of whose samples are in this one under the same ranks."""
    ranks = {batch.id: batch.ranks for batch in cohort.batches}
    for version in _before(cohort):
        if all(np.array_equal(ranks.get(batch.id, ()), batch.ranks) for batch in version.batches):
            yield version


def _before(cohort: Cohort) -> Iterator[Cohort]:
    """The last versions before this one that can be read, the newest first."""
    before = [number for number in versions(storage.open_store(cohort.url)) if number < cohort.version]
    for number in before[: -MOST_VERSIONS - 1 : -1]:
        with suppress(StoreError):
            yield open_cohort(cohort.url, number)
