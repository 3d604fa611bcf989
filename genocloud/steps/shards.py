"""How a cohort's genome is cut into shards, and the keys that its derived tables are named by."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from genocloud import objects
from genocloud.cohort import Batch, Cohort, read_variants
from genocloud.errors import SettingError, StoreError
from genocloud.regions import Region, region_text
from genocloud.schema import VERSION, numbers


@dataclass(frozen=True)
class Shard:
    """A stretch of the genome with a name that sorts in genome order."""

    name: str
    region: Region


@dataclass(frozen=True)
class Cut:
    """The work of a run: shards that it genotypes, and shards upstream of them that only decide about their `*`.

    `scope` names what is genotyped in all, by this run or by others; `whole`: by this run, so that it ends the callset.
    """

    scope: str
    whole: bool
    owned: tuple[Shard, ...]
    upstream: tuple[Shard, ...] = ()

    @property
    def settled(self) -> list[Shard]:
        """All of them in genome order."""
        return sorted(self.owned + self.upstream, key=lambda shard: shard.region)


def cut_genome(cohort: Cohort, part: str | None = None) -> Cut:
    """The shards of the whole genome, or of one part of it: the windows in which the cohort holds a variant record.

    Raises SettingError for a part that the reference does not have.
    """
    known = cohort.layout.parts()
    chosen = [item for item in known if part in (None, item.name)]
    if not chosen:
        raise SettingError(f"no part {part!r}; the reference has {', '.join(item.name for item in known)}")
    busy = _busy_windows(cohort)
    regions = [
        region
        for item in chosen
        for number, window in enumerate(cohort.layout.windows(item))
        if (item.name, number) in busy
        for region in window
    ]
    return Cut("genome", part is None, tuple(_shard(cohort, region) for region in regions))


def _busy_windows(cohort: Cohort) -> set[tuple[str, int]]:
    """Windows, as part and number in it, where a site can be: thousands of decoys have none."""
    written = [part for batch in cohort.batches for part in cohort.receipt(batch).parts if part.kind == "variants"]
    return {(part.name, number) for part in written for number, rows in enumerate(part.rows) if rows}


def cut_regions(cohort: Cohort, regions: Sequence[Region]) -> Cut:
    """The shards of some regions, with what lies upstream as far as deletions may reach into them.

    What a region then gives is exactly what the whole genome gives there: which `*` stays hangs on the deletions that
    are put out upstream, whose own `*` hangs on those further up, until a base that no record spans.
    """
    joined = _joined(regions)
    owned, upstream, before = [], [], Region(-1, 0, 0)
    for region in joined:
        owned += [_shard(cohort, piece) for piece in _windows(region, cohort.layout.window_bp)]
        reach = max(_reach(cohort, region), before.end if before.contig == region.contig else 0)
        if reach < region.start:
            upstream.append(_shard(cohort, Region(region.contig, reach, region.start)))
        before = region
    scope = " ".join(region_text(region, cohort.contigs) for region in joined)
    return Cut(scope, True, tuple(owned), tuple(upstream))


def _shard(cohort: Cohort, region: Region) -> Shard:
    """Named after its part and its place: names sort in genome order, and no two shards share one."""
    part = cohort.layout.part_of(region.contig)
    return Shard(f"{part.name}.{region.contig:05d}.{region.start:010d}-{region.end:010d}", region)


def _joined(regions: Sequence[Region]) -> list[Region]:
    """The regions in genome order, overlapping and adjacent ones made one."""
    joined: list[Region] = []
    for region in sorted(regions):
        last = joined[-1] if joined else None
        if last and last.contig == region.contig and region.start <= last.end:
            joined[-1] = Region(last.contig, last.start, max(last.end, region.end))
        else:
            joined.append(region)
    return joined


def _windows(region: Region, window_bp: int) -> Iterator[Region]:
    start = region.start
    while start < region.end:
        end = min(region.end, (start // window_bp + 1) * window_bp)
        yield Region(region.contig, start, end)
        start = end


def _reach(cohort: Cohort, region: Region) -> int:
    """The start of the chain of overlapping variant rows that reaches into the region; its own start without one."""
    start = region.start
    while True:
        base = Region(region.contig, start, start + 1)
        starts = [row_start for batch in cohort.batches for row_start in _variant_starts(cohort, batch, base)]
        if min(starts, default=start) >= start:
            return start
        start = min(starts)


def _variant_starts(cohort: Cohort, batch: Batch, base: Region) -> list[int]:
    return list(numbers(read_variants(cohort, batch, base)["start"]))


def derived_key(cohort: Cohort, *settings: Any) -> str:
    """The name of what is derived from just these samples, in this order, with these settings, by this genocloud."""
    samples = [[batch.id, batch.ranks.tolist()] for batch in cohort.batches]
    content = [VERSION, version("genocloud"), cohort.layout.window_bp, samples, settings]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:20]


def cohort_inputs(cohort: Cohort) -> dict[str, str]:
    """What a receipt says of a cohort that a step read."""
    return {f"cohort, version {cohort.version}": f"content:{derived_key(cohort)}"}


@dataclass(frozen=True)
class Derived:
    """A folder of tables, one a shard, under COHORT/derived: rebuildable, written once, never edited."""

    url: str
    kind: str

    def counts(self, shard: Shard) -> dict[str, int] | None:
        """What was counted while the shard's table was made; None where it has not been made."""
        store = objects.open_store(self.url)
        if not store.exists(self._name(shard)):
            return None
        with store.open(self._name(shard)) as file:
            counts: dict[str, int] = json.loads(pq.read_schema(file).metadata[_COUNTS])
        return counts

    def read(self, shard: Shard, made_by: str) -> pa.Table:
        """The shard's table. Raises StoreError naming the step that makes it."""
        store = objects.open_store(self.url)
        if not store.exists(self._name(shard)):
            raise StoreError(f"{self.url}: no {self._name(shard)}; run `genocloud {made_by}` on this cohort first")
        try:
            with store.open(self._name(shard)) as file:
                return read_table(file)
        except (pa.ArrowException, OSError) as error:
            url = objects.join(self.url, self._name(shard))
            raise StoreError(
                f"{url}: it is damaged ({error}); delete it, discover and genotype make it again"
            ) from error

    def write(self, shard: Shard, table: pa.Table, counts: dict[str, int]) -> None:
        """Write the shard's table with its counts, whole or not at all."""
        told = table.replace_schema_metadata({_COUNTS: json.dumps(counts)})
        with objects.open_store(self.url).writer(self._name(shard)) as file:
            pq.write_table(told, file, compression="zstd", write_page_checksum=True)

    def _name(self, shard: Shard) -> str:
        return f"{self.kind}/{shard.name}.parquet"


_COUNTS = b"genocloud:counts"


def read_table(file: BinaryIO) -> pa.Table:
    """A derived table, its pages' checksums compared; Arrow's own threads, which may outlive main, are kept out."""
    return pq.ParquetFile(file, pre_buffer=False, page_checksum_verification=True).read(use_threads=False)


def derived(cohort: Cohort, kind: str, *settings: Any) -> Derived:
    """The folder of one kind of derived tables of a cohort; the first part of its name tells which versions need it."""
    folder = f"derived/{derived_key(cohort)}/{derived_key(cohort, *settings)}"
    return Derived(objects.join(cohort.url, folder), kind)
