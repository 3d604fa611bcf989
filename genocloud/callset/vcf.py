"""Export to VCF: streamed shard by shard, rendered and compressed in threads, whole or not at all."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, fields
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from genocloud import objects, schema
from genocloud.callset import bgzf, parquet
from genocloud.callset.header import header_text
from genocloud.callset.index import Index, index_names
from genocloud.callset.layout import FileEntry, ShardEntry, rows_of
from genocloud.callset.lines import FORMAT_COLUMNS, lines_of
from genocloud.callset.reading import Callset
from genocloud.errors import SettingError, StoreError

PIECE_GENOTYPES = 1 << 18
"""Genotypes rendered at once: some 10 MB of columns and as much text; bounds memory whatever the cohort."""

PIECE_SITES = 1 << 13
"""Sites rendered at once where samples are few."""


class NotGzipped(SettingError):
    """A name for the exported VCF that does not say that it is compressed."""

    def __init__(self, url: str) -> None:
        self.url = url
        super().__init__(f"{url}: the VCF is written compressed, with an index; choose a name that ends in .vcf.gz")


class ShortCallset(StoreError):
    """A callset whose files hold less, or more, than its manifest says."""

    def __init__(self, url: str, said: int, found: int) -> None:
        self.url, self.said, self.found = url, said, found
        super().__init__(f"{url}: {found:,} sites in the files, {said:,} in the manifest; run genotype again")


@dataclass(frozen=True)
class Counts:
    """What an export wrote."""

    records: int = 0
    genotypes: int = 0
    text_bytes: int = 0

    def __add__(self, more: "Counts") -> "Counts":
        return Counts(*(getattr(self, each.name) + getattr(more, each.name) for each in fields(self)))


class _Piece(NamedTuple):
    """A run of neighbouring sites of one contig, compressed; places are virtual offsets from its first block."""

    contig: str
    blocks: bgzf.Blocks
    begin: npt.NDArray[np.int64]
    end: npt.NDArray[np.int64]
    places: npt.NDArray[np.int64]
    counts: Counts


def write_vcf(
    callset: Callset, url: str, threads: int = 1, advance: Callable[[Counts], None] = lambda _: None
) -> Counts:
    """Write the callset as BGZF-compressed VCF at `url`, and its index beside it (.tbi; .csi beyond 512 Mb contigs).

    The VCF appears whole, then its index: an old index goes first, so that none ever stands beside a VCF that it does
    not belong to, and an index says that the VCF is finished. `advance` is told the counts of each piece written.
    Returns the totals; raises ShortCallset where they are not the manifest's, DamagedFile where a table is not as it
    was written, and what check_vcf_url raises.
    """
    store, name = _place(url)
    for old in index_names(name):
        store.delete(old)
    index, total = Index(callset.contigs), Counts()
    with store.writer(name) as sink:
        head = bgzf.compress(header_text(callset.description).encode())
        sink.write(head.data)
        written = len(head.data)
        for piece in _in_order(threads, _pieces(callset)):
            sink.write(piece.blocks.data)
            index.add(piece.contig, piece.begin, piece.end, piece.places + (written << 16))
            written += len(piece.blocks.data)
            total += piece.counts
            advance(piece.counts)
        sink.write(bgzf.END)
        if (total.records, total.genotypes) != (callset.counts["sites"], callset.counts["genotypes"]):
            raise ShortCallset(callset.url, callset.counts["sites"], total.records)
    store.write(f"{name}{index.suffix}", index.encode())
    return total


def check_vcf_url(url: str) -> None:
    """Whether a VCF can have this name, to be asked before the work.

    Raises NotGzipped for a name without .vcf.gz, StoreFailed for a folder's, UnknownScheme.
    """
    _place(url)


def _place(url: str) -> tuple[objects.Store, str]:
    folder, name = objects.split(url)
    if not name.endswith(".vcf.gz"):
        raise NotGzipped(url)
    store = objects.open_store(folder)
    for file in (name, *index_names(name)):
        _check_no_folder(store, file)
    return store, name


def _check_no_folder(store: objects.Store, name: str) -> None:
    try:
        store.open(name).close()
    except objects.ObjectMissing as error:
        if error.problem != objects.ObjectMissing(error.url).problem:
            raise


def _in_order(threads: int, tasks: Iterable[Callable[[], _Piece]]) -> Iterator[_Piece]:
    """Results in the order of their tasks, of which a few more than there are threads are held at a time."""
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[_Piece]] = deque()
        for task in tasks:
            waiting.append(pool.submit(task))
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _pieces(callset: Callset) -> Iterator[Callable[[], _Piece]]:
    for shard in callset.shards:
        if shard.sites.rows:
            yield from _shard_pieces(callset, shard)


def _shard_pieces(callset: Callset, shard: ShardEntry) -> Iterator[Callable[[], _Piece]]:
    size = min(max(PIECE_GENOTYPES // max(len(callset.samples), 1), 1), PIECE_SITES)
    batches = {batch: members for batch, members in callset.description.batches.items() if members}
    columns = [
        _cut(callset.store, shard.genotypes[batch], schema.GENOTYPES, FORMAT_COLUMNS, size * len(members))
        for batch, members in batches.items()
    ]
    sites = _cut(callset.store, shard.sites, schema.SITES, schema.SITES.names, size)
    contig = callset.contigs[shard.region.contig].name
    for piece, *genotypes in zip(sites, *columns, strict=True):
        first, step = rows_of(list(batches.values()), callset.samples, piece.num_rows)
        yield partial(_render, contig, piece, genotypes, first, step)


def _cut(
    store: objects.Store, file: FileEntry, declared: pa.Schema, columns: list[str], rows: int
) -> Iterator[pa.Table]:
    """A Parquet file's columns in tables of `rows` rows, the last shorter, read as they are asked for."""
    with parquet.opened(store, file, declared) as stream:
        held: list[pa.Table] = []
        count = 0
        for batch in pq.ParquetFile(stream).iter_batches(rows, columns=columns):
            held.append(pa.Table.from_batches([batch]))
            count += batch.num_rows
            while count >= rows:
                table = pa.concat_tables(held)
                yield table.slice(0, rows)
                held, count = [table.slice(rows)], count - rows
        if count:
            yield pa.concat_tables(held)


def _render(
    contig: str,
    sites: pa.Table,
    tables: list[pa.Table],
    first: npt.NDArray[np.int64],
    step: npt.NDArray[np.int64],
) -> _Piece:
    empty = schema.GENOTYPES.empty_table().select(FORMAT_COLUMNS)
    genotypes = pa.concat_tables([empty, *tables]).unify_dictionaries()
    lines = lines_of(sites, genotypes, first, step)
    blocks = bgzf.compress(lines.data.data)
    begin = schema.numbers(sites["pos"]).astype(np.int64) - 1
    end = begin + np.diff(schema.strings(sites["ref"])[0])
    counts = Counts(sites.num_rows, genotypes.num_rows, len(lines.data))
    return _Piece(contig, blocks, begin, end, bgzf.virtual(blocks, lines.starts), counts)
