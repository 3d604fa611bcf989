"""Write and open a callset's Parquet files: compression, row groups, canonical dictionaries, damage checks."""

import io
import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache, reduce
from operator import and_
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import annotations, schema, sealing
from genocloud.callset import packing
from genocloud.callset.layout import DamagedFile, FileEntry
from genocloud.errors import scarcity
from genocloud.storage import ObjectMissing, Store, join

ROW_GROUP_ROWS = 1 << 17
"""Bounds a reader's memory where the writer has no row groups of its own."""

PAGE_BYTES = 1 << 17

_LEVEL = 3

_SPLIT = "DP", "GQ", "packed_PL2", "packed_LAD.list.element", "packed_LPL.list.element", "PL.list.element"
"""Columns whose values compress best as first bytes, then second bytes, ... (BYTE_STREAM_SPLIT).

200 people x 4,233 sites (200 x 2,694 of 10,000): 8.6 (9.1) bytes a call and 4.9 (5.5) a run; sorted by sample, not by
site, 6.3 (6.5) a run; levels 6 and 9 8.4 (9.0) and 4.8 (5.3) in 1.4 times the time and more.
"""

_SEARCHED = "contig", "pos", "end"
"""Columns with statistics, by which readers skip row groups; statistics of all columns take a fifth of the time."""


def encode(table: pa.Table, declared: pa.Schema, groups: Sequence[int] | None = None) -> tuple[bytes, str]:
    """Encode a table as one Parquet file with the columns of `declared`, and its optional ones; return bytes and seal.

    groups  rows of each row group; None: ROW_GROUP_ROWS

    Equal content gives equal bytes, whatever the chunks and dictionaries of the table.
    """
    declared = _with_optional(declared, table.column_names)
    table, stored = table.select(declared.names).cast(declared), packing.packed_schema(declared)
    if groups is None:
        groups = [min(ROW_GROUP_ROWS, table.num_rows - at) for at in range(0, max(table.num_rows, 1), ROW_GROUP_ROWS)]
    return _encoded(table, stored, groups) if table.num_rows else _encoded_without_rows(declared, stored, len(groups))


@lru_cache(maxsize=16)
def _encoded_without_rows(declared: pa.Schema, stored: pa.Schema, groups: int) -> tuple[bytes, str]:
    """A file without rows, in so many row groups: of CALLS at few sites that are added most batches have such."""
    return _encoded(declared.empty_table(), stored, [0] * groups)


def _encoded(table: pa.Table, stored: pa.Schema, groups: Sequence[int]) -> tuple[bytes, str]:
    """`encode` of a table that has the declared columns, each of its type, as the stored ones."""
    sink = io.BytesIO()
    with sealing.SealedWriter(
        sink,
        stored,
        compression="zstd",
        compression_level=_LEVEL,
        data_page_size=PAGE_BYTES,
        write_statistics=[name for name in _SEARCHED if name in stored.names],
        use_dictionary=_dictionaries(stored),
        column_encoding={path: "BYTE_STREAM_SPLIT" for path in _SPLIT if path.split(".")[0] in stored.names},
        store_schema=stored == table.schema,  # of files for each batch it would be most of what they take without rows
    ) as out:
        for group in _groups(table, groups):
            out.write_table(packing.pack(group), row_group_size=max(group.num_rows, 1))
    return sink.getvalue(), out.seal


def _dictionaries(declared: pa.Schema) -> list[str]:
    """Columns of texts, and LAA. Most other values of a site are its own: dictionaries of these took a seventh."""
    paths = {schema.STRING: "{}", schema.WORD: "{}", schema.STRINGS: "{}.list.element"}
    texts = [paths[field.type].format(field.name) for field in declared if field.type in paths]
    return [*texts, "LAA.list.element"] if "LAA" in declared.names else texts


@contextmanager
def open_table(store: Store, file: FileEntry, declared: pa.Schema | None) -> Iterator[BinaryIO]:
    """Open a Parquet file of a callset with the columns of `declared`, if not None; reads are checked against the seal.

    Raises DamagedFile, also for Arrow's errors within the `with` block.
    """
    url = join(store.url, file.name)
    try:
        with store.open(file.name) as stream:
            size = stream.seek(0, os.SEEK_END)
            if size != file.bytes:
                raise DamagedFile(url, f"holds {size:,} bytes, not the {file.bytes:,} that were written")
            if not file.seal:
                _check_whole(stream, file, url)
            checked = sealing.check(stream, file.seal)
            if declared is not None and not has_columns(sealing.reader(checked).schema_arrow, declared):
                raise DamagedFile(url, "has other columns than a callset's")
            checked.seek(0)
            yield checked
    except ObjectMissing:
        raise DamagedFile(url, "is missing") from None
    except (pa.ArrowException, OSError, ValueError, MemoryError) as error:  # some of Arrow's are two of these
        raise scarcity(error) or DamagedFile(url, f"is damaged ({_first_line(error)})") from error


_OPTIONAL = (*schema.MODEL_GENOTYPES, *schema.NTH, *annotations.MODEL_SITES)
"""Columns that stand behind the others, in files that have something to say there."""

_LACKING = frozenset({"FORCED", *(field.name for field in _OPTIONAL)})
"""Columns that files may lack, those of earlier genoclouds the first: they are read as null there."""


def _with_optional(declared: pa.Schema, names: Collection[str]) -> pa.Schema:
    """The declared columns, then those of _OPTIONAL with these names."""
    own = [field for field in declared if field not in _OPTIONAL]
    return pa.schema([*own, *(field for field in _OPTIONAL if field.name in names)])


def has_columns(stored: pa.Schema, declared: pa.Schema) -> bool:
    """Whether a file has the declared columns, packed or not, but for those that it may lack."""
    stored = packing.unpacked_schema(stored)
    lacking = _LACKING - set(stored.names)
    known = pa.schema([field for field in declared if field.name not in lacking])
    return bool(stored.equals(_with_optional(known, stored.names)))


def with_lacking_columns(table: pa.Table, declared: pa.Schema, columns: Sequence[str]) -> pa.Table:
    """A table that was read from a file, with those of the named columns that the file lacks."""
    for name in _LACKING.difference(table.column_names).intersection(columns):
        table = table.append_column(declared.field(name), pa.nulls(len(table), declared.field(name).type))
    return table


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


_whole: set[tuple[str, str]] = set()
"""Files without a seal (of earlier versions) whose sha256 this process has checked: URL and sha256."""


def _check_whole(stream: BinaryIO, file: FileEntry, url: str) -> None:
    if (url, file.sha256) in _whole:
        return
    stream.seek(0)
    if sealing.sha256_of(stream) != file.sha256:
        raise DamagedFile(url, "its sha256 is not the one that was noted when it was written")
    _whole.add((url, file.sha256))


def _groups(table: pa.Table, groups: Sequence[int]) -> Iterator[pa.Table]:
    table, start = table.unify_dictionaries(), 0
    for rows in groups:
        group = table.slice(start, rows).combine_chunks()
        start += rows
        yield pa.Table.from_arrays([_canonical(column) for column in group.columns], schema=table.schema)


def _canonical(column: pa.ChunkedArray) -> pa.Array:
    """Dictionary entries in order of first appearance, unused ones dropped, so that equal content gives equal bytes."""
    array = column.combine_chunks()
    if not pa.types.is_dictionary(array.type):
        return array
    codes = schema.numbers(array.indices)
    used = pc.unique(array.indices).drop_null()
    if len(used) == len(array.dictionary) and np.array_equal(used, np.arange(len(used))):
        return array
    places = np.zeros(len(array.dictionary) + 1, np.int32)  # the last element is for nulls: masked below
    places[used.to_numpy()] = np.arange(len(used), dtype=np.int32)
    missing = codes < 0
    indices = pa.array(places[np.where(missing, -1, codes)], mask=missing)
    return pa.DictionaryArray.from_arrays(indices, array.dictionary.take(used))


def row_groups(metadata: sealing.FileMetaData, rows: tuple[int, int]) -> tuple[list[int], int]:
    """The row groups that overlap a range of rows, and the first row of the first of them."""
    edges = np.cumsum([0, *(metadata.row_group(group).num_rows for group in range(metadata.num_row_groups))])
    groups = np.flatnonzero((edges[:-1] < rows[1]) & (edges[1:] > rows[0]))
    return groups.tolist(), int(edges[groups[0]]) if len(groups) else rows[0]


def read_where(
    store: Store,
    file: FileEntry,
    declared: pa.Schema,
    conditions: Sequence[pc.Expression] = (),
    columns: list[str] | None = None,
) -> pa.Table:
    """Columns of a file's rows that meet all conditions."""
    with open_table(store, file, declared) as stream:
        return sealing.read_where(stream, columns, reduce(and_, conditions) if conditions else None, declared)


def read_groups(
    store: Store,
    file: FileEntry,
    declared: pa.Schema,
    columns: Collection[str] | None = None,
    groups: Sequence[int] | None = None,
) -> pa.Table:
    """Columns of a file of CALLS or of REFERENCE (None: all; those that it lacks are left out), in some row groups."""
    with open_table(store, file, declared) as stream:
        reader = sealing.reader(stream)
        chosen = range(reader.num_row_groups) if groups is None else groups
        return pa.concat_tables([_read_group(reader, group, columns) for group in chosen]).combine_chunks()


def _read_group(
    reader: sealing.ParquetFile, group: int, columns: Collection[str] | None, rows: slice = slice(None)
) -> pa.Table:
    held = reader.schema_arrow
    wanted = packing.unpacked_schema(held).names if columns is None else columns
    names = packing.stored_names(wanted, held.names)
    return packing.unpack(reader.read_row_group(group, names, use_threads=False)[rows], wanted)


def read_place(
    store: Store, file: FileEntry, declared: pa.Schema, place: tuple[str, int, int], columns: list[str]
) -> pa.Table:
    """Columns of a file's rows at a place: contig, start and end; rows are sorted by contig and pos.

    Of row groups without such rows only `contig` and `pos` are read, of most not even these: few people have a rare
    variant, and their batches are few, too. LPL, which comes from all rows of a row group, cannot be among the columns.
    """
    _, start, end = place
    others = [name for name in columns if name not in _PLACE]
    tables = [declared.empty_table().select(columns)]
    with open_table(store, file, declared) as stream:
        reader = sealing.reader(stream)
        for group in range(reader.num_row_groups):
            pos = reader.metadata.row_group(group).column(declared.names.index("pos")).statistics
            if pos is None or pos.max <= start or pos.min > end:  # None: a window without rows
                continue
            places = reader.read_row_group(group, _PLACE, use_threads=False)
            rows = _rows_at(places["contig"], schema.numbers(places["pos"]), place)
            if len(rows):
                chosen = slice(int(rows[0]), int(rows[0]) + len(rows))
                table = with_lacking_columns(_read_group(reader, group, others, chosen), declared, others)
                values = [(places[chosen] if name in _PLACE else table)[name] for name in columns]
                tables.append(pa.table(values, tables[0].schema))
    return pa.concat_tables(tables)


_PLACE = ["contig", "pos"]


def _rows_at(
    contigs: pa.ChunkedArray, positions: npt.NDArray[np.int32], place: tuple[str, int, int]
) -> npt.NDArray[np.int64]:
    """Which rows, (rows,) of each `contig` and `pos`, stand at a place."""
    contig, start, end = place
    words = contigs.unify_dictionaries().combine_chunks()
    names = words.dictionary.to_pylist()
    if contig not in names:
        return np.zeros(0, np.int64)
    on_contig = schema.numbers(words.indices) == names.index(contig)
    return np.flatnonzero(on_contig & (positions > start) & (positions <= end))
