"""A region's rows out of a batch."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from genocloud import schema
from genocloud.cohort.batch import KINDS, BatchReceipt, DamagedObject, PartReceipt, part_name
from genocloud.cohort.encoding import unpack
from genocloud.cohort.layout import Layout, Window
from genocloud.cohort.manifest import Batch, Cohort
from genocloud.objects import ObjectMissing, Store, join, open_store
from genocloud.regions import Part, Region, parse_region


@dataclass(frozen=True, slots=True)
class BatchRows:
    """Rows of a batch, as schema.VARIANTS and schema.BLOCKS, sorted by sample and start."""

    variants: pa.Table
    blocks: pa.Table


def read_rows(cohort: Cohort, batch: Batch, region: Region) -> BatchRows:
    """The batch's rows that speak for any base of the region, those that begin before it too; they are not clipped.

    Only the windows where such rows can begin are read. A block that was cut at a window's edge stays cut. Raises
    DamagedObject.
    """
    return BatchRows(read_variants(cohort, batch, region), _read(cohort, batch, "blocks", region))


def read_variants(cohort: Cohort, batch: Batch, region: Region) -> pa.Table:
    """The variants of `read_rows` alone, without reading blocks."""
    return _read(cohort, batch, "variants", region)


def _read(cohort: Cohort, batch: Batch, kind: str, region: Region) -> pa.Table:
    part = cohort.layout.part_of(region.contig)
    written = cohort.receipt(batch).part(kind, part.name)
    if written is None:
        return KINDS[kind].empty_table()
    # blocks are cut at windows' edges, so that none reaches into a later window
    reach = written.longest if kind == "variants" else 1
    wanted = Region(region.contig, max(0, region.start - reach + 1), region.end)
    groups = _row_groups(cohort.layout.windows(part), written, wanted)
    if not groups:
        return KINDS[kind].empty_table()
    tables = _row_group_tables(cohort.url, part_name(batch.id, kind, part), kind, groups)
    return _speaking(pa.concat_tables(tables), region, sort=len(groups) > 1).combine_chunks()


def read_windows(
    store: Store, receipt: BatchReceipt, part: Part, layout: Layout
) -> Generator[dict[str, pa.Table], None, None]:
    """A batch's rows of a part as write_part takes them: for each window a table of each kind, one window in memory.

    Raises DamagedObject or ObjectMissing.
    """
    with ExitStack() as stack:
        opened = {kind: _Windows(store, receipt, kind, part, stack) for kind in KINDS}
        for number in range(len(layout.windows(part))):
            yield {kind: each.read(number) for kind, each in opened.items()}


class _Windows:
    """One object's windows, read in order; an object that was not needed has them empty."""

    def __init__(self, store: Store, receipt: BatchReceipt, kind: str, part: Part, stack: ExitStack) -> None:
        self.kind, self.written, self.groups = kind, receipt.part(kind, part.name), 0
        self.url = join(store.url, part_name(receipt.id, kind, part))
        if self.written:
            with _damage(self.url):
                stream = stack.enter_context(store.open(part_name(receipt.id, kind, part)))
                self.file = pq.ParquetFile(stream, page_checksum_verification=True)

    def read(self, number: int) -> pa.Table:
        if not self.written or not self.written.rows[number]:
            return KINDS[self.kind].empty_table()
        self.groups += 1
        with _damage(self.url):
            return unpack(self.kind, self.file.read_row_group(self.groups - 1), KINDS[self.kind])


@contextmanager
def _damage(url: str) -> Iterator[None]:
    try:
        yield
    except ObjectMissing as error:
        raise DamagedObject(url, "it is missing") from error
    except (pa.ArrowException, OSError, ValueError, LookupError) as error:
        raise DamagedObject(url, str(error)) from error


def _row_group_tables(url: str, name: str, kind: str, groups: list[int]) -> list[pa.Table]:
    with _damage(join(url, name)), open_store(url).open(name) as stream:
        file = pq.ParquetFile(stream, page_checksum_verification=True)
        return [unpack(kind, file.read_row_group(group), KINDS[kind]) for group in groups]


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


def read_region(cohort: Cohort, region: str | Region) -> BatchRows:
    """The rows of everybody in force that speak for any base of a region (`chr1:1-2000`, or a Region).

    As `read_rows`, with names in the columns `sample` and `contig`; sorted by cohort rank and start.
    """
    place = parse_region(region, cohort.contigs) if isinstance(region, str) else region
    batches = [(batch, read_rows(cohort, batch, place)) for batch in cohort.batches]
    return BatchRows(
        _named(cohort, place, [(batch, rows.variants) for batch, rows in batches], schema.VARIANTS),
        _named(cohort, place, [(batch, rows.blocks) for batch, rows in batches], schema.BLOCKS),
    )


def _named(cohort: Cohort, region: Region, tables: Sequence[tuple[Batch, pa.Table]], columns: pa.Schema) -> pa.Table:
    """Batches' rows in one table, by rank, with names for numbers."""
    ranked = [
        schema.with_column(table, "sample", pa.array(batch.ranks).take(table["sample"])) for batch, table in tables
    ]
    table = pa.concat_tables([columns.empty_table(), *ranked])
    table = table.filter(pc.greater_equal(table["sample"], 0)).sort_by(
        [("sample", "ascending"), ("start", "ascending")]
    )
    people = pa.DictionaryArray.from_arrays(table["sample"].combine_chunks(), pa.array(cohort.samples, pa.string()))
    contig = pa.DictionaryArray.from_arrays(
        pa.array([0] * table.num_rows, pa.int32()), pa.array([cohort.contigs[region.contig].name])
    )
    return schema.with_column(schema.with_column(table, "sample", people), "contig", contig)
