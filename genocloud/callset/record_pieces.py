"""Render and compress records piece by piece in threads, from a callset's files or from genotypes in memory."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache, partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import annotations, schema, sealing
from genocloud.callset import bgzf, parquet
from genocloud.callset.export_parts import Counts, Piece
from genocloud.callset.formats import ExportFormat
from genocloud.callset.layout import ShardEntry, rows_of
from genocloud.callset.local_genotypes import DenseGenotypes
from genocloud.callset.reading import Callset
from genocloud.callset.streaming import Span, stream_genotypes, stream_rows
from genocloud.callset.vcf_text import FORMAT_COLUMNS, GenotypeFields, lay_out
from genocloud.regions import Contig, Region

PIECE_GENOTYPES = 1 << 16
"""Genotypes rendered at once: some 4 MB of columns and as much text, which fit the CPU cache; bounds memory."""

PIECE_SITES = 1 << 13
"""Sites whose columns before FORMAT are rendered at once."""


class _Sites(NamedTuple):
    """Sites: each one's bytes before the genotypes, and its extent (0-based, half-open, (sites,) int64); see Piece."""

    texts: pa.Array
    contigs: list[tuple[int, str]]
    begin: npt.NDArray[np.int64]
    end: npt.NDArray[np.int64]


def called_pieces(
    form: ExportFormat,
    sites: schema.Sites,
    batches: Sequence[DenseGenotypes],
    *,
    contigs: Sequence[Contig],
    samples: Sequence[str],
    threads: int,
) -> Iterator[Piece]:
    """Records of a table SITES with the genotypes of all `samples`, which are in batches."""
    genotypes = lay_out([batch.distinct for batch in batches])
    place = {sample: number for number, sample in enumerate(samples)}
    columns = [np.array([place[sample] for sample in batch.samples], np.int64) for batch in batches]

    def render(piece: _Sites, start: int) -> Piece:
        cells, base = np.empty((len(piece.texts), len(samples)), np.int32), 0
        for batch, column in zip(batches, columns, strict=True):
            cells[:, column] = batch.cells(start, start + len(cells)) + np.int32(base)
            base += batch.distinct.num_rows
        return _render(form, piece, genotypes, cells)

    def tasks() -> Iterator[Callable[[], Piece]]:
        start = 0
        for piece in _texts(form, contigs, _slices(sites), _sites_at_once(samples)):
            yield partial(render, piece, start)
            start += len(piece.texts)

    with ThreadPoolExecutor(threads) as pool:
        yield from _in_order(pool, threads, tasks())


def _slices(sites: schema.Sites) -> Iterator[schema.Sites]:
    return (sites.slice(start, PIECE_SITES) for start in range(0, sites.num_rows, PIECE_SITES))


def stored_pieces(
    form: ExportFormat, callset: Callset, shard: ShardEntry, regions: Sequence[Region] | None, threads: int
) -> Iterator[Piece]:
    """Records of a callset's shard whose POS lies in `regions` (sorted, disjoint; None: all).

    Raises DamagedFile where a table differs from what was written.
    """
    spans = [(0, shard.sites.rows)] if regions is None else _spans(callset, shard, regions)
    with ThreadPoolExecutor(threads) as pool:
        tasks = (task for span in spans if span[0] < span[1] for task in _stored(form, callset, shard, span, pool))
        yield from _in_order(pool, threads, tasks)


def _spans(callset: Callset, shard: ShardEntry, regions: Sequence[Region]) -> list[tuple[int, int]]:
    """Row ranges of the shard's sites that lie in each region."""
    with parquet.open_table(callset.store, shard.sites, annotations.STORED_SITES) as stream:
        table = sealing.reader(stream).read(["contig", "pos"], use_threads=False)
    start, runs = schema.numbers(table["pos"]) - 1, _contig_runs(table["contig"])
    ends = [first for first, _ in runs[1:]] + [len(start)]
    stretches = {name: (first, end) for (first, name), end in zip(runs, ends, strict=True)}
    spans = []
    for region in shard.extent.met_by(regions):
        first, end = stretches.get(callset.contigs[region.contig].name, (0, 0))
        inside = first + start[first:end].searchsorted((region.start, region.end))
        spans.append((int(inside[0]), int(inside[1])))
    return spans


def _contig_runs(column: pa.ChunkedArray) -> list[tuple[int, str]]:
    """(first row, name) of each contig of a sorted column."""
    if not len(column):
        return []
    words = column.unify_dictionaries().combine_chunks()
    firsts = np.flatnonzero(np.diff(schema.numbers(words.indices), prepend=-1))
    return list(zip(firsts.tolist(), words.take(pa.array(firsts)).to_pylist(), strict=True))


def _stored(
    form: ExportFormat, callset: Callset, shard: ShardEntry, span: tuple[int, int], pool: ThreadPoolExecutor
) -> Iterator[Callable[[], Piece]]:
    size = _sites_at_once(callset.samples)
    batches = {batch: members for batch, members in callset.description.batches.items() if members}
    columns = [_ahead(pool, _genotypes(callset, shard, batch, size, span)) for batch in batches]
    together = PIECE_SITES // size * size
    tables = stream_rows(
        callset.store, shard.sites, annotations.STORED_SITES, annotations.SITES.names, rows=together, span=span
    )
    rows = cache(partial(rows_of, list(batches.values()), callset.samples))
    for piece, *genotypes in zip(_texts(form, callset.contigs, tables, size), *columns, strict=True):
        yield partial(_render_stored, form, piece, genotypes, *rows(len(piece.texts)))


def _genotypes(callset: Callset, shard: ShardEntry, batch: str, size: int, span: Span) -> Iterator[schema.Genotypes]:
    samples = len(callset.description.batches[batch])
    with callset.store_of(batch) as store:
        yield from stream_genotypes(store, shard, batch, FORMAT_COLUMNS, samples=samples, sites=size, span=span)


def _sites_at_once(samples: Sequence[str]) -> int:
    return min(max(PIECE_GENOTYPES // max(len(samples), 1), 1), PIECE_SITES)


def _texts(
    form: ExportFormat, contigs: Sequence[Contig], tables: Iterable[schema.Sites], size: int
) -> Iterator[_Sites]:
    """Split rendered sites into pieces of `size`; rendering larger tables amortises the cost per column."""
    for table in tables:
        texts = form.encoders().sites(table, contigs)
        begin = schema.numbers(table["pos"]).astype(np.int64) - 1
        end = begin + np.diff(schema.strings(table["ref"])[0])
        for start in range(0, len(texts), size):
            part = slice(start, start + size)
            yield _Sites(texts[part], _contig_runs(table["contig"][part]), begin[part], end[part])


def _in_order(pool: ThreadPoolExecutor, threads: int, tasks: Iterable[Callable[[], Piece]]) -> Iterator[Piece]:
    """Run tasks in the pool and yield results in order; at most one more than `threads` are pending."""
    waiting: deque[Future[Piece]] = deque()
    for task in tasks:
        waiting.append(pool.submit(task))
        if len(waiting) > threads:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _ahead(pool: ThreadPoolExecutor, tables: Iterator[schema.Genotypes]) -> Iterator[schema.Genotypes]:
    """Prefetch: read the next table while the current one is used."""
    return _follow(pool, tables, pool.submit(next, tables, None))


def _follow(
    pool: ThreadPoolExecutor, tables: Iterator[schema.Genotypes], waiting: "Future[schema.Genotypes | None]"
) -> Iterator[schema.Genotypes]:
    while (table := waiting.result()) is not None:
        waiting = pool.submit(next, tables, None)
        yield table


def _render_stored(
    form: ExportFormat,
    sites: _Sites,
    genotypes: list[schema.Genotypes],
    first: npt.NDArray[np.int64],
    step: npt.NDArray[np.int64],
) -> Piece:
    rows = sum(table.num_rows for table in genotypes)
    if rows != len(sites.texts) * len(first):  # kernels do not check bounds
        raise ValueError(f"{rows} genotypes of {len(first)} samples at {len(sites.texts)} sites")
    cells = (first + np.arange(len(sites.texts))[:, None] * step).astype(np.int32)
    return _render(form, sites, lay_out(genotypes), cells)


def _render(form: ExportFormat, sites: _Sites, genotypes: GenotypeFields, cells: npt.NDArray[np.int32]) -> Piece:
    lines = form.encoders().records(sites.texts, genotypes, cells)
    counts = Counts(len(sites.texts), cells.size, len(lines.data))
    if form.bgzf:
        blocks = bgzf.compress(lines.data.data)
        data, places = blocks.data, bgzf.virtual(blocks, lines.starts)
    else:
        data, places = lines.data.tobytes(), lines.starts << 16
    return Piece(data, sites.contigs, sites.begin, sites.end, places, counts)
