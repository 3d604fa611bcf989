"""Write gnomAD's table: a part for each shard beside the output, then the parts joined, with the global fields."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow.compute as pc

from genocloud import sealing, storage
from genocloud.callset import Callset, ShardEntry, parts_url, remove_parts
from genocloud.errors import SettingError
from genocloud.pipeline.gnomad.people import GroupSizes, TablePeople
from genocloud.pipeline.gnomad.rows import ROWS, SITE_FIELDS, frequency_groups, rows_of, table_globals
from genocloud.pipeline.gnomad.shard_counts import TableCounts, shard_counts, spans_of
from genocloud.pipeline.receipts import Receipt

SUFFIX = ".parquet"


@dataclass(frozen=True)
class TablePart:
    """A part of a table: its name beside the output, its rows, and the ALTs `*` that have none."""

    name: str
    rows: int
    stars: int


def check_table_url(url: str) -> None:
    """Raise SettingError for a name that does not end as Parquet's."""
    if not url.endswith(SUFFIX):
        raise SettingError(f"{url}: gnomAD's table is written as {SUFFIX}; name the output so")


def count_part(out_url: str, people: TablePeople, made: Callset) -> TablePart:
    """Count the only shard of a callset and write its part."""
    (shard,) = made.shards
    return write_part(out_url, made, shard_counts(made, shard, people), people.sizes)


def write_part(out_url: str, made: Callset, counts: Iterator[TableCounts], sizes: GroupSizes) -> TablePart:
    """Write the part of the only shard of a callset from the counts of its spans."""
    (shard,) = made.shards
    sites, name, rows = made.sites(columns=SITE_FIELDS), f"{shard.name}{SUFFIX}", 0
    stars = pc.sum(pc.equal(sites["alts"].combine_chunks().flatten(), "*")).as_py() or 0
    with (
        storage.open_store(parts_url(out_url)).writer(name) as stream,
        sealing.SealedWriter(stream, ROWS, compression="zstd") as out,
    ):
        for (first, end), total in zip(spans_of(shard), counts, strict=True):
            table = rows_of(sites.slice(first, end - first).combine_chunks(), total, sizes)
            out.write_table(table)
            rows += len(table)
    return TablePart(name, rows, stars)


def join_table(out_url: str, parts: Sequence[TablePart], sizes: GroupSizes) -> None:
    """Write the table from its parts, and remove them."""
    store, (folder, name) = storage.open_store(parts_url(out_url)), storage.split(out_url)
    declared = ROWS.with_metadata(table_globals(sizes))
    with (
        storage.open_store(folder).writer(name) as stream,
        sealing.SealedWriter(stream, declared, compression="zstd") as out,
    ):
        for part in parts:
            with store.open(part.name) as read:
                reader = sealing.reader(sealing.check(read))
                for group in range(reader.num_row_groups):
                    out.write_table(reader.read_row_group(group).replace_schema_metadata(declared.metadata))
    remove_parts(out_url)


def shards_with_sites(made: Callset) -> list[ShardEntry]:
    """The shards that a table has parts of."""
    return [shard for shard in made.shards if shard.sites.rows]


def table_account(receipt: Receipt, made: Callset, parts: Sequence[TablePart]) -> dict[str, Any]:
    """The balance of a table, in ALTs."""
    alts, rows = sum(shard.alts for shard in made.shards), sum(part.rows for part in parts)
    return receipt.account("ALTs", alts, rows, {"spanning deletion": sum(part.stars for part in parts)})


def group_sizes(sizes: GroupSizes) -> dict[str, int]:
    """The numbers of people in a table's groups, by the groups' names."""
    return {"all": sizes.everybody, **{"_".join(filter(None, each)): n for each, n in frequency_groups(sizes).items()}}
