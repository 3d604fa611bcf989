"""Write and open a callset's Parquet files: compression, row groups, canonical dictionaries, damage checks."""

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import schema, sealing
from genocloud.callset.layout import DamagedFile, FileEntry
from genocloud.errors import scarcity
from genocloud.storage import ObjectMissing, Store, join

ROW_GROUP_ROWS = 1 << 17
"""Bounds a reader's memory (some 10 MB of genotypes); half as many rows cost 4 % more bytes."""

PAGE_BYTES = 1 << 17
"""An exporter holds one page of each column of each batch: 50 batches of 10,000 genomes need some 100 MB."""

_LEVEL = (
    3  # 2,000 sites x 200 samples: 3.72 bytes a genotype; level 9 3.64, level 1 3.90; plain or delta integers 4.4-5.5
)

_SEARCHED = "contig", "pos"
"""Columns with statistics, by which readers skip row groups; statistics of all columns take a fifth of the time."""


def encode(table: pa.Table, declared: pa.Schema, stride: int = 1) -> tuple[bytes, str]:
    """Encode a table as one Parquet file with the columns of `declared`; return the bytes and the seal.

    Row groups end at multiples of `stride` rows. Equal content gives equal bytes, whatever the chunks and dictionaries
    of the table.
    """
    table = table.select(declared.names).cast(declared)
    sink = io.BytesIO()
    with sealing.SealedWriter(
        sink,
        declared,
        compression="zstd",
        compression_level=_LEVEL,
        data_page_size=PAGE_BYTES,
        write_statistics=[name for name in _SEARCHED if name in declared.names],
    ) as out:
        for group in _groups(table, max(ROW_GROUP_ROWS // stride, 1) * stride):
            out.write_table(group, row_group_size=max(group.num_rows, 1))
    return sink.getvalue(), out.seal


@contextmanager
def open_table(store: Store, file: FileEntry, declared: pa.Schema) -> Iterator[BinaryIO]:
    """Open a Parquet file of a callset with the columns of `declared`; reads are checked against the seal.

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
            if not sealing.reader(checked).schema_arrow.equals(declared):
                raise DamagedFile(url, "has other columns than a callset's")
            checked.seek(0)
            yield checked
    except ObjectMissing:
        raise DamagedFile(url, "is missing") from None
    except (pa.ArrowException, OSError, ValueError, MemoryError) as error:  # some of Arrow's are two of these
        raise scarcity(error) or DamagedFile(url, f"is damaged ({_first_line(error)})") from error


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


def _groups(table: pa.Table, rows: int) -> Iterator[pa.Table]:
    table = table.unify_dictionaries()
    for start in range(0, max(table.num_rows, 1), rows):
        group = table.slice(start, rows).combine_chunks()
        yield pa.Table.from_arrays([_canonical(column) for column in group.columns], schema=table.schema)


def _canonical(column: pa.ChunkedArray) -> pa.Array:
    """Dictionary entries in order of first appearance, unused ones dropped, so that equal content gives equal bytes."""
    array = column.combine_chunks()
    if not pa.types.is_dictionary(array.type):
        return array
    codes = schema.numbers(array.indices)
    used = pc.unique(array.indices).drop_null()
    places = np.zeros(len(array.dictionary) + 1, np.int32)  # the last element is for nulls: masked below
    places[used.to_numpy()] = np.arange(len(used), dtype=np.int32)
    missing = codes < 0
    indices = pa.array(places[np.where(missing, -1, codes)], mask=missing)
    return pa.DictionaryArray.from_arrays(indices, array.dictionary.take(used))
