"""Render and compress records piece by piece in threads, from a callset's files or from genotypes in memory."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import annotations, schema
from genocloud.callset import bgzf
from genocloud.callset.allele_counts import CalledAlleles
from genocloud.callset.call_rows import Span
from genocloud.callset.export_parts import Counts, Piece
from genocloud.callset.filter_tables import NoFilters, with_filters
from genocloud.callset.formats import ExportFormat
from genocloud.callset.genotype_filters import ADJ_COLUMNS, with_genotype_filters
from genocloud.callset.left_alignment import in_order
from genocloud.callset.local_genotypes import DenseGenotypes, SparseGenotypes
from genocloud.callset.reading import Callset
from genocloud.callset.record_form import EVERY_RECORD, ChosenRecords, RecordForm, choose_records
from genocloud.callset.record_splitting import as_diploid, split_genotypes
from genocloud.callset.record_stretches import SiteStretch, cut_chunks, recut, sorted_chunks, stretches_in
from genocloud.callset.shard_cells import ShardCells
from genocloud.callset.streaming import stream_rows
from genocloud.callset.written_genotypes import WrittenGenotypes, as_written
from genocloud.kernels.cell_runs import at_sites
from genocloud.regions import Contig, Region

PIECE_GENOTYPES = 1 << 18
"""Genotypes rendered at once: some 6 MB of text; bounds memory. A piece's first line has none to copy from."""

PIECE_SITES = 1 << 13
"""Sites whose columns before FORMAT are rendered at once."""

CHUNK_GENOTYPES, CHUNK_SITES = 1 << 22, 1 << 13
"""Stored genotypes that are read and laid out at once: 4 bytes for each, and each distinct one's values. No reference
block goes on from a chunk to the next. A revision can make each of them a distinct one, so that there are fewer then.
"""


class _Sites(NamedTuple):
    """Sites: each one's bytes before the genotypes, and its extent (0-based, half-open, (sites,) int64); see Piece."""

    texts: pa.Array
    contigs: list[tuple[int, str]]
    begin: npt.NDArray[np.int64]
    end: npt.NDArray[np.int64]


def called_pieces(
    form: ExportFormat,
    sites: schema.Sites,
    batches: Sequence[DenseGenotypes | WrittenGenotypes],
    *,
    contigs: Sequence[Contig],
    samples: Sequence[str],
    threads: int,
) -> Iterator[Piece]:
    """Records of a table SITES with the genotypes of all `samples`, which are in batches, as the form has them."""
    encoders = form.encoders()
    genotypes = encoders.genotypes([encoders.batch(batch.distinct) for batch in batches])
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
    form: ExportFormat,
    callset: Callset,
    regions: Sequence[Region] | None,
    threads: int,
    *,
    records: RecordForm = EVERY_RECORD,
) -> Iterator[Piece]:
    """Records of a callset's sites whose POS lies in `regions` (sorted, disjoint; None: all).

    Raises DamagedFile where a table differs from what was written, ReferenceDiffers.
    """
    with ThreadPoolExecutor(threads) as pool:
        writing = _Writing(form=form, records=records, callset=callset)
        yield from _in_order(pool, threads, _stored(writing, stretches_in(callset, regions), pool))


def _contig_runs(column: pa.ChunkedArray) -> list[tuple[int, str]]:
    """(first row, name) of each contig of a sorted column."""
    if not len(column):
        return []
    words = column.unify_dictionaries().combine_chunks()
    firsts = np.flatnonzero(np.diff(schema.numbers(words.indices), prepend=-1))
    return list(zip(firsts.tolist(), words.take(pa.array(firsts)).to_pylist(), strict=True))


@dataclass(frozen=True, kw_only=True)
class _Writing:
    """What of a shard is written, and how."""

    form: ExportFormat
    records: RecordForm
    callset: Callset

    @property
    def by_adj(self) -> bool:
        """Whether FT has the filters of adj."""
        filters = self.callset.filter_set
        return self.form.fields.genotype_filters and filters is not None and filters.by_adj

    @property
    def columns(self) -> list[str]:
        """The columns of GENOTYPES that are read."""
        names = ["GT"] if self.records.sites_only else self.form.fields.sources()
        return list(dict.fromkeys([*names, *(ADJ_COLUMNS if self.by_adj else ())]))


def _stored(
    writing: _Writing, stretches: Sequence[SiteStretch], pool: ThreadPoolExecutor
) -> Iterator[Callable[[], Piece]]:
    """Tasks that render stretches of sites; the genotypes of the next chunk are read meanwhile."""
    if not stretches:
        return
    form, callset, records = writing.form, writing.callset, writing.records
    size, together = _sites_at_once(callset.samples), _sites_together(callset)
    moves = records.aligned_to is not None
    chunks = sorted_chunks(callset, stretches, together, records) if moves else cut_chunks(stretches, together)
    stored = chain.from_iterable(_filtered_sites(callset, *each, together) for each in stretches)
    tables = recut(stored, [sum(each.sites for each in chunk) for chunk in chunks])
    read = (pool.submit(_chunk, writing, *each) for each in zip(chunks, tables, strict=True))
    coming = next(read)
    for _ in chunks:
        table, genotypes, numbers, counts = coming.result()
        coming = next(read, coming)
        start = 0
        for piece in _texts(form, callset.contigs, [table], size):
            yield partial(_render, form, piece, genotypes, numbers[start : start + len(piece.texts)])
            start += len(piece.texts)
        yield partial(_nothing_more, counts)


def _nothing_more(counts: Counts) -> Piece:
    """What the pieces of a chunk do not count, in one without records."""
    nothing = np.zeros(0, np.int64)
    return Piece(b"", [], nothing, nothing, nothing, counts)


def _filtered_sites(callset: Callset, cells: ShardCells, span: Span, rows: int) -> Iterator[schema.Sites]:
    """A span of SITES in tables of `rows` rows, with the callset's filters where it has some."""
    declared = callset.description.fields
    sites = _sites(callset, cells, span, rows, [*annotations.SITES.names, *(declared.info if declared else ())])
    if callset.filter_set is None:
        return sites
    filters = _stored_filters(callset, cells, span, rows, schema.FILTERS.names)
    return (with_filters(*each) for each in zip(sites, filters, strict=True))


def _sites(
    callset: Callset, cells: ShardCells, span: Span, rows: int, columns: Sequence[str]
) -> Iterator[schema.Sites]:
    return stream_rows(callset.store, cells.sites, annotations.STORED_SITES, columns, rows=rows, span=span)


def _stored_filters(
    callset: Callset, cells: ShardCells, span: Span, rows: int, columns: Sequence[str]
) -> Iterator[schema.Filters]:
    if callset.filter_set is None:
        raise NoFilters(callset.url)
    file = callset.filter_set.files[cells.shard]
    return stream_rows(callset.store, file, schema.FILTERS, columns, rows=rows, span=span)


class _Chunk(NamedTuple):
    """Records: SITES, all samples' distinct genotypes as a form writes them, the number of each cell's, (records,
    samples); and counts of what was read and left out.
    """

    rows: schema.Sites
    genotypes: Any
    numbers: npt.NDArray[np.int32]
    counts: Counts


def _chunk(writing: _Writing, stretches: Sequence[SiteStretch], sites: schema.Sites) -> _Chunk:
    """The records of some stretches, whose SITES these are."""
    firsts = np.cumsum([0, *(each.sites for each in stretches)]).tolist()
    made = [
        _records(writing, each, sites.slice(first, each.sites)) for each, first in zip(stretches, firsts, strict=False)
    ]
    bases = np.cumsum([0, *(each.distinct for each in made)], dtype=np.int32)
    rows, numbers, counts = made[0].rows, made[0].numbers, sum((each.counts for each in made), Counts())
    if len(made) > 1:
        rows = pa.concat_tables([each.rows for each in made]).unify_dictionaries()
        numbers = np.concatenate([each.numbers + base for each, base in zip(made, bases, strict=False)])
    if writing.records.aligned_to and (order := in_order(rows)) is not None:
        rows, numbers = rows.take(pa.array(order)), numbers[order]
    genotypes = writing.form.encoders().genotypes([batch for each in made for batch in each.batches])
    return _Chunk(rows, genotypes, numbers, counts)


class _StretchRecords(NamedTuple):
    """Records of a stretch, as in _Chunk, but the distinct genotypes batch by batch, and how many these are."""

    rows: schema.Sites
    batches: Sequence[Any]
    distinct: int
    numbers: npt.NDArray[np.int32]
    counts: Counts


def _records(writing: _Writing, stretch: SiteStretch, sites: schema.Sites) -> _StretchRecords:
    form, records, callset, (cells, span) = writing.form, writing.records, writing.callset, stretch
    encoders = form.encoders()
    judged = _judged_alts(callset, cells, span) if form.fields.genotype_filters else None
    if callset.revision:
        matrix, revised = callset.revised(cells, span, writing.columns)
        chosen = choose_records(schema.with_columns(sites, revised), records, None)
        blocks = iter([_Block(slice(None), matrix.distinct, matrix.numbers[chosen.used])])
    else:
        genotypes, called = _genotypes(writing, stretch)
        if called is not None and callset.recounted:
            sites = schema.with_columns(sites, called.columns())
        chosen = choose_records(sites, records, called)
        blocks = _batches(writing, stretch, genotypes, chosen)
    width = 0 if records.sites_only else len(callset.samples)
    numbers = np.empty((len(chosen.rows), width), np.int32)
    kept, base, own_alts = [], 0, chosen.alts[chosen.used]
    for columns, distinct, own in blocks if width and len(chosen.rows) else ():
        if judged is not None:
            of_used = judged.filter(pa.array(chosen.used))
            distinct, own = with_genotype_filters(distinct, own, of_used, by_adj=writing.by_adj)
        if records.split:
            distinct, own = split_genotypes(distinct, own, chosen.among_used, own_alts)
        if records.diploid:
            distinct = as_diploid(distinct)
        numbers[:, columns] = own + np.int32(base)
        kept.append(encoders.batch(distinct))
        base += distinct.num_rows
    return _StretchRecords(chosen.rows, kept, base, numbers, chosen.counts)


class _Block(NamedTuple):
    """The genotypes of some samples of a chunk: where the callset has these, and as in GenotypeMatrix."""

    columns: list[int] | slice
    distinct: schema.DistinctGenotypes
    numbers: npt.NDArray[np.int32]


def _genotypes(writing: _Writing, stretch: SiteStretch) -> tuple[Iterable[SparseGenotypes], CalledAlleles | None]:
    """Each batch's genotypes at a stretch of sites; and the alleles called in them where records depend on these.

    Only then all batches' are held.
    """
    callset, records, (cells, span) = writing.callset, writing.records, stretch
    needs_counts = callset.recounted or (records.min_ac > 0 and callset.description.subset is not None)
    genotypes = (cells.read(batch, span, writing.columns) for batch in callset.description.batches)
    if not needs_counts:
        return genotypes, None
    held = list(genotypes)
    return held, CalledAlleles.none(cells.alts(span)).plus(map(CalledAlleles.of, held))


def _batches(
    writing: _Writing, stretch: SiteStretch, batches: Iterable[SparseGenotypes], chosen: ChosenRecords
) -> Iterator[_Block]:
    """Each batch's genotypes at the sites that have a record, as a form writes them."""
    callset, (cells, span), used = writing.callset, stretch, chosen.used
    place = {sample: number for number, sample in enumerate(callset.samples)}
    among = np.arange(*span)[used]
    sites = pa.table(cells.places.columns(among, among), ["contig", "pos"])
    for genotypes in batches:
        if not used.all():
            genotypes = genotypes._replace(runs=at_sites(genotypes.runs, used), alts=genotypes.alts[used])
        written = as_written(genotypes, writing.form.fields, sites)
        columns = _slice([place[sample] for sample in genotypes.samples])
        yield _Block(columns, written.distinct, written.cells(0, len(among)))


def _judged_alts(callset: Callset, cells: ShardCells, span: Span) -> schema.Sites:
    """REF, ALTs and AS_FilterStatus of a span of sites."""
    rows = span[1] - span[0]
    sites = _sites(callset, cells, span, rows, ["ref", "alts"])
    filters = _stored_filters(callset, cells, span, rows, ["AS_FilterStatus"])
    return next(sites).append_column("AS_FilterStatus", next(filters)["AS_FilterStatus"])


def _slice(places: list[int]) -> list[int] | slice:
    """Places that follow one another as a slice: to copy there takes a quarter of the time."""
    follow = places == list(range(places[0], places[0] + len(places))) if places else False
    return slice(places[0], places[-1] + 1) if follow else places


def _sites_together(callset: Callset) -> int:
    """Sites of a chunk: a power of 2, as the windows of the files are, so that each window is decoded once."""
    genotypes = CHUNK_GENOTYPES >> 3 if callset.revision else CHUNK_GENOTYPES
    return min(1 << max(genotypes // max(len(callset.samples), 1), 1).bit_length() - 1, CHUNK_SITES)


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


def _render(form: ExportFormat, sites: _Sites, genotypes: Any, cells: npt.NDArray[np.int32]) -> Piece:
    lines = form.encoders().records(sites.texts, genotypes, cells)
    counts = Counts(records=len(sites.texts), genotypes=cells.size, text_bytes=len(lines.data))
    if form.bgzf:
        blocks = bgzf.compress(lines.data.data)
        data, places = blocks.data, bgzf.virtual(blocks, lines.starts)
    else:
        data, places = lines.data.tobytes(), lines.starts << 16
    return Piece(data, sites.contigs, sites.begin, sites.end, places, counts, genotypes.longest_block)
