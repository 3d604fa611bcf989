"""How the store's columns are laid out in Parquet."""

from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

ZSTD_LEVEL = 3


def open_writer(stream: BinaryIO, table: pa.Schema) -> pq.ParquetWriter:
    """A Parquet writer whose every `write_table` call becomes one row group."""
    return pq.ParquetWriter(
        stream,
        table,
        compression="zstd",
        compression_level=ZSTD_LEVEL,
        write_statistics=False,  # the receipt knows rows by window; statistics of 40 columns swell the footer
    )
