"""Read a region's rows of a batch or of a whole cohort."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import schema, sealing
from genocloud.cohort.batch import KINDS, Batch, BatchReceipt, DamagedObject, PartReceipt, part_name
from genocloud.cohort.encoding import packed_names, unpack, unpacked_places
from genocloud.cohort.layout import Layout
from genocloud.cohort.row_groups import in_order
from genocloud.errors import scarcity
from genocloud.regions import Axis, Contig, Part, Region, parse_region
from genocloud.schema import numbers, with_columns
from genocloud.storage import ObjectMissing, Store, join, open_store

Positions = npt.NDArray[np.int32]


class StoredCohort(Protocol):
    """What reading needs of a manifest.Cohort, which itself reads regions."""

    @property
    def url(self) -> str: ...
    @property
    def layout(self) -> Layout: ...
    @property
    def contigs(self) -> tuple[Contig, ...]: ...
    @property
    def samples(self) -> tuple[str, ...]: ...
    @property
    def batches(self) -> tuple[Batch, ...]: ...
    def receipt(self, batch: Batch) -> BatchReceipt: ...


@dataclass(frozen=True, slots=True)
class BatchRows:
    """Rows of a batch, as schema.VARIANTS and schema.BLOCKS, sorted by sample and start."""

    variants: schema.Variants
    blocks: schema.Blocks


def read_rows(cohort: StoredCohort, batch: Batch, region: Region) -> BatchRows:
    """The batch's rows that overlap a region of one contig; see `rows_along`."""
    axis = cohort.layout.axis(region.contig)
    rows = rows_along(cohort, batch, axis.on(region))
    return BatchRows(_on_contig(rows.variants, axis, region), _on_contig(rows.blocks, axis, region))


def read_variants(cohort: StoredCohort, batch: Batch, region: Region) -> schema.Variants:
    """Only the variants of `read_rows`, without reading blocks."""
    axis = cohort.layout.axis(region.contig)
    return _on_contig(variants_along(cohort, batch, axis.on(region)), axis, region)


def rows_along(cohort: StoredCohort, batch: Batch, region: Region, sites: Positions | None = None) -> BatchRows:
    """The batch's rows that overlap the region, not clipped to it.

    The region, and the rows' start and stop, are on the axis of a part. With `sites`, sorted 0-based coordinates within
    the region, only rows that cover one of these, and variants whose REF reaches one from up to REACH_BP before, though
    a later record of the sample has cut them. Only row groups that may have such rows are read, one at a time. Blocks
    that were cut at a window's edge stay cut. Raises DamagedObject.
    """
    return BatchRows(
        _read(cohort, batch, "variants", region, sites),
        _read(cohort, batch, "blocks", region, sites),
    )


def variants_along(cohort: StoredCohort, batch: Batch, region: Region) -> schema.Variants:
    """Only the variants of `rows_along`, without reading blocks."""
    return _read(cohort, batch, "variants", region)


def variant_groups(
    cohort: StoredCohort, batch: Batch, region: Region, columns: Sequence[str]
) -> Iterator[schema.Variants]:
    """Place and `columns` of the rows of `variants_along`, one row group at a time; each sample's in order of start."""
    return _groups(cohort, batch, "variants", region, columns=[*_PLACES, *columns])


def rows_of_part(
    cohort: StoredCohort, batch: Batch, kind: str, part: Part, columns: Sequence[str]
) -> Iterator[schema.Records]:
    """Some columns of the batch's rows of a part, one row group at a time; contigs are their own.

    Each row comes once, a sample's in genome order. Blocks that were cut at a window's edge stay cut. `kind` is one of
    KINDS. Raises DamagedObject.
    """
    written = cohort.receipt(batch).part(kind, part.name)
    if written is None:
        return
    name, (stored, table) = part_name(batch.id, kind, written), _stored_columns(kind, columns)
    with _damage(join(cohort.url, name)), open_store(cohort.url).open(name) as stream:
        file = sealing.reader(stream, written.seal, pre_buffer=True)
        for group in range(len(written.group_rows)):
            yield unpack(kind, file.read_row_group(group, columns=stored), table)


def _read(
    cohort: StoredCohort, batch: Batch, kind: str, region: Region, sites: Positions | None = None
) -> schema.Records:
    groups = _groups(cohort, batch, kind, region, sites=sites)
    return in_order(pa.concat_tables([KINDS[kind].empty_table(), *groups]))


def _groups(
    cohort: StoredCohort,
    batch: Batch,
    kind: str,
    region: Region,
    *,
    sites: Positions | None = None,
    columns: Sequence[str] | None = None,
) -> Iterator[schema.Records]:
    """The rows of each row group that overlap the region.

    They have some `columns`, by default all. With `sites`, rows that speak for one of them, and no group without such
    rows: a callset that grows reads the few new sites of all its batches, where these seldom have variants. Of other
    rows only the places are decoded.
    """
    written, groups = _find_groups(cohort, batch, kind, region)
    if not written or not groups:
        return
    name, axis = part_name(batch.id, kind, written), cohort.layout.axis(region.contig)
    stored, table = _stored_columns(kind, KINDS[kind].names if columns is None else columns)
    first = packed_names(kind, [*_PLACES, "ref"]) if sites is not None and kind == "variants" else stored
    rest = [column for column in stored if column not in first]
    with _damage(join(cohort.url, name)), open_store(cohort.url).open(name) as stream:
        file = sealing.reader(stream, written.seal, pre_buffer=True)
        for group in groups:
            packed = file.read_row_group(group, first)
            rows = _overlap(packed, axis, region, sites)
            if sites is not None and not rows.any():
                continue
            if rest:
                packed = with_columns(packed, file.read_row_group(group, rest))
            yield _along(unpack(kind, packed, table, rows), axis)


_PLACES = ("contig", "start", "stop")


def _stored_columns(kind: str, columns: Sequence[str]) -> tuple[list[str], pa.Schema]:
    """The stored columns from which some columns of a table are decoded, and the schema of these."""
    return packed_names(kind, columns), pa.schema([KINDS[kind].field(column) for column in columns])


def _find_groups(cohort: StoredCohort, batch: Batch, kind: str, region: Region) -> tuple[PartReceipt | None, list[int]]:
    """An object's receipt, and the row groups that may have rows that overlap the region."""
    part = cohort.layout.part_of(region.contig)
    written = cohort.receipt(batch).part(kind, part.name)
    return written, written.groups_over(region, cohort.layout.stretches(part)) if written else []


def _along(table: schema.Records, axis: Axis) -> schema.Records:
    """Map rows from their contig to their part's axis."""
    if axis.alone:
        return table
    contigs = numbers(table["contig"])
    for name in ("start", "stop"):
        table = schema.with_column(table, name, pa.array(axis.onto(contigs, numbers(table[name])).astype(np.int32)))
    return schema.with_column(table, "contig", pa.array(np.full(len(table), axis.first, np.int32)))


def _on_contig(table: schema.Records, axis: Axis, region: Region) -> schema.Records:
    """Map rows from an axis back to the region's contig."""
    if axis.alone:
        return table
    begin = axis.on(Region(region.contig, 0, 0)).start
    for name in ("start", "stop"):
        table = schema.with_column(table, name, pa.array((numbers(table[name]) - begin).astype(np.int32)))
    return schema.with_column(table, "contig", pa.array(np.full(len(table), region.contig, np.int32)))


def read_windows(
    store: Store, receipt: BatchReceipt, part: Part, layout: Layout
) -> Generator[dict[str, list[schema.Records]], None, None]:
    """A batch's rows of a part, window by window: for each kind a table for each row group.

    Raises DamagedObject or ObjectMissing.
    """
    with ExitStack() as stack:
        readers = {kind: _Windows(store, receipt, kind, part, stack) for kind in KINDS}
        for number in range(len(layout.windows(part))):
            yield {kind: each.read(number) for kind, each in readers.items()}


class _Windows:
    """Reader of one object's windows in order; all are empty where the object was not written."""

    def __init__(self, store: Store, receipt: BatchReceipt, kind: str, part: Part, stack: ExitStack) -> None:
        self.kind, self.written = kind, receipt.part(kind, part.name)
        self.groups = self.written.groups() if self.written else []
        self.url = join(store.url, part_name(receipt.id, kind, part))
        if self.written:
            with _damage(self.url):
                stream = stack.enter_context(store.open(part_name(receipt.id, kind, part)))
                self.file = sealing.reader(stream, self.written.seal, pre_buffer=True)

    def read(self, number: int) -> list[schema.Records]:
        if not self.written:
            return []
        with _damage(self.url):
            return [unpack(self.kind, self.file.read_row_group(each), KINDS[self.kind]) for each in self.groups[number]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """Rows and decoded bytes of a batch with `samples` active samples in the row groups that a region's reader loads.

    `group_bytes` is that of the largest row group.
    """

    samples: int
    variants: int
    blocks: int
    variant_bytes: int
    group_bytes: int


def stored_rows(cohort: StoredCohort, region: Region) -> list[Stored]:
    """Rows and bytes that reading a region of an axis would load from each batch, from the receipts alone."""
    return [_stored(cohort, batch, region) for batch in cohort.batches]


def _stored(cohort: StoredCohort, batch: Batch, region: Region) -> Stored:
    sizes: dict[str, tuple[int, int, int]] = {}
    for kind in KINDS:
        written, groups = _find_groups(cohort, batch, kind, region)
        group_sizes = [(written.group_rows[group], written.group_bytes[group]) for group in groups] if written else []
        rows, size = (sum(each) for each in zip(*group_sizes, strict=True)) if group_sizes else (0, 0)
        sizes[kind] = rows, size, max((each for _, each in group_sizes), default=0)
    variants, blocks = sizes["variants"], sizes["blocks"]
    in_force = int((batch.ranks >= 0).sum())
    return Stored(
        samples=in_force,
        variants=variants[0],
        blocks=blocks[0],
        variant_bytes=variants[1],
        group_bytes=max(variants[2], blocks[2]),
    )


@contextmanager
def _damage(url: str) -> Iterator[None]:
    try:
        yield
    except ObjectMissing as error:
        raise DamagedObject(url, "it is missing") from error
    except (pa.ArrowException, OSError, ValueError, LookupError, MemoryError, RuntimeError) as error:
        if scarce := scarcity(error):
            raise scarce from error
        if isinstance(error, RuntimeError):
            raise
        raise DamagedObject(url, str(error)) from error


def _overlap(packed: schema.Records, axis: Axis, region: Region, sites: Positions | None) -> npt.NDArray[np.bool_]:
    """Which packed rows overlap the region and, with sites, speak for one, as far as REF reaches: (rows,) bool."""
    start, stop = unpacked_places(packed)
    if sites is not None and "ref" in packed.column_names:
        stop = np.maximum(stop, schema.reaches(pa.table({"start": start, "ref": packed["ref"]})))
    if not axis.alone:
        contigs = numbers(packed["contig"])
        start, stop = axis.onto(contigs, start), axis.onto(contigs, stop)
    overlaps = (start < region.end) & (stop > region.start)
    if sites is not None:
        overlaps &= np.append(sites, np.iinfo(np.int64).max)[np.searchsorted(sites, start)] < stop
    return np.asarray(overlaps)


def read_region(cohort: StoredCohort, region: str | Region) -> BatchRows:
    """The stored gVCF records of all active samples that overlap a region (`chr1:1-2000`, or a Region).

    `variants` and `blocks` are pyarrow tables (schema.VARIANTS, schema.BLOCKS), sorted by cohort rank and start, with
    names in the columns `sample` and `contig`; `start` and `stop` are 0-based, half-open. Records are not clipped to
    the region. Raises UnknownContig, InputError for a region outside its contig, DamagedObject.

        rows = genocloud.read_region(cohort, "chr1:1-2,000")
    """
    place = parse_region(region, cohort.contigs, clip=True) if isinstance(region, str) else region
    batches = [(batch, read_rows(cohort, batch, place)) for batch in cohort.batches]
    return BatchRows(
        _named(cohort, place, [(batch, rows.variants) for batch, rows in batches], schema.VARIANTS),
        _named(cohort, place, [(batch, rows.blocks) for batch, rows in batches], schema.BLOCKS),
    )


def _named(
    cohort: StoredCohort, region: Region, tables: Sequence[tuple[Batch, schema.Records]], columns: pa.Schema
) -> schema.Records:
    """Concatenate batches' rows by rank, with names of samples and contig."""
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
