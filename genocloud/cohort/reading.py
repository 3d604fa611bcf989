"""A region's rows out of a batch."""

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from genocloud.cohort.batch import KINDS, PartReceipt, part_name
from genocloud.cohort.encoding import unpack
from genocloud.cohort.layout import Window
from genocloud.cohort.manifest import Batch, Cohort
from genocloud.objects import open_store
from genocloud.regions import Part, Region


@dataclass(frozen=True, slots=True)
class BatchRows:
    """Rows of a batch, as schema.VARIANTS and schema.BLOCKS, sorted by sample and start."""

    variants: pa.Table
    blocks: pa.Table


def read_rows(cohort: Cohort, batch: Batch, region: Region) -> BatchRows:
    """The batch's rows that speak for any base of the region, those that begin before it too; they are not clipped.

    Only the windows where such rows can begin are read. A block that was cut at a window's edge stays cut.
    """
    part = cohort.layout.part_of(region.contig)
    return BatchRows(*(_read(cohort, batch, kind, part, region) for kind in KINDS))


def _read(cohort: Cohort, batch: Batch, kind: str, part: Part, region: Region) -> pa.Table:
    written = cohort.receipt(batch).part(kind, part.name)
    if written is None:
        return KINDS[kind].empty_table()
    # blocks are cut at windows' edges, so that none reaches into a later window
    reach = written.longest if kind == "variants" else 1
    wanted = Region(region.contig, max(0, region.start - reach + 1), region.end)
    groups = _row_groups(cohort.layout.windows(part), written, wanted)
    if not groups:
        return KINDS[kind].empty_table()
    with open_store(cohort.url).open(part_name(batch.id, kind, part)) as stream:
        file = pq.ParquetFile(stream)
        tables = [unpack(kind, file.read_row_group(group), KINDS[kind]) for group in groups]
    return _speaking(pa.concat_tables(tables), region, sort=len(groups) > 1).combine_chunks()


def _row_groups(windows: tuple[Window, ...], written: PartReceipt, wanted: Region) -> list[int]:
    """Which row groups hold rows that begin in a region; windows without rows have none."""
    groups, group = [], 0
    for window, rows in zip(windows, written.rows, strict=True):
        if rows and any(_meet(region, wanted) for region in window):
            groups.append(group)
        group += rows > 0
    return groups


def _meet(a: Region, b: Region) -> bool:
    return a.contig == b.contig and a.start < b.end and b.start < a.end


def _speaking(table: pa.Table, region: Region, sort: bool) -> pa.Table:
    inside = pc.and_(pc.less(table["start"], region.end), pc.greater(table["stop"], region.start))
    table = table.filter(pc.and_(inside, pc.equal(table["contig"], region.contig)))
    return table.sort_by([("sample", "ascending"), ("start", "ascending")]) if sort else table
