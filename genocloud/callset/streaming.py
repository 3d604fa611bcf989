"""Stream rows of a callset's file in tables of so many rows."""

from collections.abc import Iterator, Sequence

import pyarrow as pa

from genocloud import sealing
from genocloud.callset import parquet
from genocloud.callset.call_rows import Span
from genocloud.callset.layout import FileEntry
from genocloud.storage import Store


def stream_rows(
    store: Store, file: FileEntry, declared: pa.Schema, columns: Sequence[str], *, rows: int, span: Span
) -> Iterator[pa.Table]:
    """Lazily read columns of a span of a Parquet file in tables of `rows` rows, the last shorter.

    Single-threaded, as other batches' files are read at the same time. Raises DamagedFile.
    """
    start, end = span
    with parquet.open_table(store, file, declared) as stream:
        parquet_file = sealing.reader(stream)
        groups, at = parquet.row_groups(parquet_file.metadata, span)
        held: list[pa.Table] = []
        count = 0
        for batch in parquet_file.iter_batches(rows, row_groups=groups, columns=list(columns), use_threads=False):
            inside = batch[max(start - at, 0) : max(end - at, 0)]
            at += batch.num_rows
            held.append(parquet.with_lacking_columns(pa.Table.from_batches([inside]), declared, columns))
            count += inside.num_rows
            while count >= rows:
                table = pa.concat_tables(held)
                yield table.slice(0, rows)
                held, count = [table.slice(rows)], count - rows
        if count:
            yield pa.concat_tables(held)
