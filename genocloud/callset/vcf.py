"""Export to VCF: streamed shard by shard, rendered and compressed in threads, whole or not at all."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, fields
from functools import cache, partial
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
from genocloud.callset.lines import FORMAT_COLUMNS, lines_of, site_texts
from genocloud.callset.reading import Callset
from genocloud.errors import SettingError, StoreError

PIECE_GENOTYPES = 1 << 16
"""Genotypes rendered at once: some 4 MB of columns and as much text, which stay in the cache; bounds memory whatever
the cohort."""

PIECE_SITES = 1 << 13
"""Sites rendered at once where samples are few; where they are many, the columns before FORMAT are."""


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
    with store.writer(name) as sink, ThreadPoolExecutor(threads) as pool:
        head = bgzf.compress(header_text(callset.description).encode())
        sink.write(head.data)
        written = len(head.data)
        for piece in _in_order(pool, threads, _pieces(callset, pool)):
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


def _in_order(pool: ThreadPoolExecutor, threads: int, tasks: Iterable[Callable[[], _Piece]]) -> Iterator[_Piece]:
    """Results in the order of their tasks, of which a few more than there are threads are held at a time."""
    waiting: deque[Future[_Piece]] = deque()
    for task in tasks:
        waiting.append(pool.submit(task))
        if len(waiting) > threads:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _pieces(callset: Callset, pool: ThreadPoolExecutor) -> Iterator[Callable[[], _Piece]]:
    for shard in callset.shards:
        if shard.sites.rows:
            yield from _shard_pieces(callset, shard, pool)


def _shard_pieces(callset: Callset, shard: ShardEntry, pool: ThreadPoolExecutor) -> Iterator[Callable[[], _Piece]]:
    size = min(max(PIECE_GENOTYPES // max(len(callset.samples), 1), 1), PIECE_SITES)
    batches = {batch: members for batch, members in callset.description.batches.items() if members}
    columns = [
        _ahead(pool, _cut(callset.store, shard.genotypes[batch], schema.GENOTYPES, FORMAT_COLUMNS, size * len(members)))
        for batch, members in batches.items()
    ]
    together = PIECE_SITES // size * size
    sites = _texts(_cut(callset.store, shard.sites, schema.SITES, schema.SITES.names, together), size)
    contig = callset.contigs[shard.region.contig].name
    rows = cache(partial(rows_of, list(batches.values()), callset.samples))
    for piece, *genotypes in zip(sites, *columns, strict=True):
        yield partial(_render, contig, piece, genotypes, *rows(len(piece.texts)))


class _Sites(NamedTuple):
    """Some sites: the text of each, and its bases, (sites,) int64, 0-based half-open."""

    texts: pa.Array
    begin: npt.NDArray[np.int64]
    end: npt.NDArray[np.int64]


def _texts(tables: Iterable[pa.Table], size: int) -> Iterator[_Sites]:
    """Sites in pieces of `size`, made from larger ones: a column's text costs as much for few sites as for many."""
    for table in tables:
        texts = site_texts(table)
        begin = schema.numbers(table["pos"]).astype(np.int64) - 1
        end = begin + np.diff(schema.strings(table["ref"])[0])
        for start in range(0, len(texts), size):
            part = slice(start, start + size)
            yield _Sites(texts[part], begin[part], end[part])


def _ahead(pool: ThreadPoolExecutor, tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """The tables, of which the next one is read while the last one is used."""
    return _follow(pool, tables, pool.submit(next, tables, None))


def _follow(
    pool: ThreadPoolExecutor, tables: Iterator[pa.Table], waiting: "Future[pa.Table | None]"
) -> Iterator[pa.Table]:
    while (table := waiting.result()) is not None:
        waiting = pool.submit(next, tables, None)
        yield table


def _cut(
    store: objects.Store, file: FileEntry, declared: pa.Schema, columns: list[str], rows: int
) -> Iterator[pa.Table]:
    """A Parquet file's columns in tables of `rows` rows, the last shorter, read as they are asked for.

    By one thread: other batches' files are read beside it.
    """
    with parquet.opened(store, file, declared) as stream:
        held: list[pa.Table] = []
        count = 0
        for batch in pq.ParquetFile(stream).iter_batches(rows, columns=columns, use_threads=False):
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
    sites: _Sites,
    genotypes: list[pa.Table],
    first: npt.NDArray[np.int64],
    step: npt.NDArray[np.int64],
) -> _Piece:
    rows = sum(table.num_rows for table in genotypes)
    if rows != len(sites.texts) * len(first):  # kernels do not look whether an index is inside
        raise ValueError(f"{contig}: {rows} genotypes of {len(first)} samples at {len(sites.texts)} sites")
    lines = lines_of(sites.texts, genotypes, first, step)
    blocks = bgzf.compress(lines.data.data)
    counts = Counts(len(sites.texts), rows, len(lines.data))
    return _Piece(contig, blocks, sites.begin, sites.end, bgzf.virtual(blocks, lines.starts), counts)
