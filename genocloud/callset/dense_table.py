"""Write a callset as one Parquet file with a row for each site and sample."""

from collections.abc import Sequence

from genocloud import schema, sealing
from genocloud.callset.formats import UnknownFormat
from genocloud.callset.parquet import ROW_GROUP_ROWS
from genocloud.callset.reading import Callset
from genocloud.regions import Region
from genocloud.storage import open_store, split

SUFFIX = ".parquet"
"""How the file's name ends."""


def check_dense_url(url: str) -> None:
    """Raise UnknownFormat unless the name is a Parquet file's."""
    if not url.endswith(SUFFIX):
        raise UnknownFormat(url, SUFFIX)


def write_dense(callset: Callset, url: str, regions: Sequence[Region] | None = None) -> int:
    """Write the table GENOTYPES of a callset, or of its sites in `regions`, atomically; returns the number of rows.

    It is made and written piece by piece, so that memory does not grow with the callset. Raises UnknownFormat.
    """
    check_dense_url(url)
    folder, name = split(url)
    rows = 0
    with (
        open_store(folder).writer(name) as sink,
        sealing.SealedWriter(sink, schema.GENOTYPES, compression="zstd", write_statistics=["contig", "pos"]) as out,
    ):
        for table in callset.tables(regions):
            rows += table.num_rows
            out.write_table(table, row_group_size=ROW_GROUP_ROWS)
    return rows
