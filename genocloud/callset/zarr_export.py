"""Export a callset as VCF Zarr: groups of chunks written side by side, and what makes them a group last."""

import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import schema
from genocloud.callset import zarr_values
from genocloud.callset.arrays import most_alleles
from genocloud.callset.call_rows import Span
from genocloud.callset.layout import NOT_JSON
from genocloud.callset.local_genotypes import DenseGenotypes, take_rows
from genocloud.callset.reading import Callset
from genocloud.callset.shard_cells import ShardCells
from genocloud.callset.vcf_header import quoted
from genocloud.callset.zarr_arrays import GROUP_NAMES, Texts, ZarrArray, group_metadata
from genocloud.callset.zarr_chunks import Chunk, ChunkRow, check_kept, digest_of_cells, note_name
from genocloud.callset.zarr_plan import CHUNK_SITES, ChunkGroup, ZarrPlan, index_rows
from genocloud.regions import Region
from genocloud.storage import ObjectMissing, Store, open_store

_OBJECTS_AT_ONCE = 16
"""A disk or a bucket takes some 10 or 30 ms for an object, however small."""


class ShardSize(NamedTuple):
    """How many sites of a shard are written, the most alleles of one, with REF, and the largest integers by column."""

    shard: str
    sites: int
    alleles: int
    largest: Mapping[str, int]


@dataclass(frozen=True, kw_only=True)
class WrittenChunks:
    """A group whose chunks are there: bytes that were written, and that were there before; rows of region_index."""

    sites: int
    written: int
    kept: int
    index: Sequence[Sequence[int]] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class ZarrTask:
    """A group of chunks, and the callset restricted to each of the shards that have its sites."""

    group: ChunkGroup
    shards: Mapping[str, Callset]
    plan: ZarrPlan
    url: str
    regions: Sequence[Region] | None
    threads: int


def shard_size(callset: Callset, regions: Sequence[Region] | None, columns: Sequence[str]) -> ShardSize:
    """Of a one-shard callset; columns: those of genotypes that are written."""
    (shard,) = callset.shards
    sites = callset.sites(None if regions is None else shard.extent.met_by(regions), columns=["alts"])
    cells, largest = callset.cells(shard), dict[str, int]()
    for span in _spans(callset, cells, regions, (0, sites.num_rows)):
        for batch, members in callset.description.batches.items():
            for name, values in _integers(cells.read(batch, span, columns).distinct) if members else ():
                largest[name] = max(largest.get(name, 0), pc.max(values).as_py() or 0)
    return ShardSize(shard.name, sites.num_rows, most_alleles(sites), largest)


def _integers(distinct: schema.LocalGenotypes) -> Iterator[tuple[str, pa.Array]]:
    """Integers by column of GENOTYPES."""
    for name in distinct.column_names:
        column = distinct[name].combine_chunks()
        values = column.flatten() if pa.types.is_list(column.type) else column
        if pa.types.is_integer(values.type):
            yield {"LAD": "AD", "LPL": "PL"}.get(name, name), values


def held_chunk_samples(url: str) -> int:
    """Samples of a chunk of what lies at `url`, finished or not; 0 where there is no array of theirs."""
    try:
        chunks: list[int] = json.loads(open_store(url).read("sample_id/.zarray"))["chunks"]
        return int(chunks[0])
    except (ObjectMissing, *NOT_JSON, IndexError):
        return 0


def begin_zarr(url: str) -> None:
    """Make what lies at `url` no group any more."""
    store = open_store(url)
    for name in GROUP_NAMES:
        store.delete(name)


def write_chunks(task: ZarrTask) -> WrittenChunks:
    """Write those of a group's chunks that are not there yet. Raises DamagedFile, HighPloidy."""
    pieces, store = list(_pieces(task)), open_store(task.url)
    sites = pa.concat_tables([piece.sites for piece in pieces]).unify_dictionaries().combine_chunks()
    contigs, positions, lengths = _places(sites, task.plan)
    index, written, kept = [], 0, 0
    with ThreadPoolExecutor(task.threads) as pool:
        for start in range(0, task.group.sites, CHUNK_SITES):
            part, number = slice(start, start + CHUNK_SITES), (task.group.first + start) // CHUNK_SITES
            row = ChunkRow(store, number)
            written += sum(_in_turn(pool, task.threads, row.jobs(_chunks(task, pieces, sites, start))))
            kept += row.finish()
            index += index_rows(number, contigs[part], positions[part], lengths[part])
    return WrittenChunks(sites=len(sites), written=written, kept=kept, index=index)


def _in_turn(pool: ThreadPoolExecutor, threads: int, jobs: Iterator[Callable[[], int]]) -> Iterator[int]:
    """Results of jobs, of which at most one more than `threads` hold their values."""
    waiting: deque[Future[int]] = deque()
    for job in jobs:
        waiting.append(pool.submit(job))
        if len(waiting) > threads:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


class _Piece(NamedTuple):
    """Neighbouring sites of a shard, and their genotypes by batch."""

    sites: schema.Sites
    batches: Sequence[DenseGenotypes]


def _pieces(task: ZarrTask) -> Iterator[_Piece]:
    columns = task.plan.fields.sources()
    for name, (first, stop) in task.group.pieces.items():
        callset = task.shards[name]
        cells = callset.cells(callset.shards[0])
        for span in _spans(callset, cells, task.regions, (first, stop)):
            batches = [
                cells.read(batch, span, columns).dense()
                for batch, members in callset.description.batches.items()
                if members
            ]
            yield _Piece(_sites(callset, cells, span), batches)


def _spans(callset: Callset, cells: ShardCells, regions: Sequence[Region] | None, wanted: Span) -> Iterator[Span]:
    """The sites of the file that are those from first to end among those in `regions`."""
    spans = [cells.whole]
    if regions is not None:
        places = callset.shards[0].extent.met_by(regions)
        spans = [cells.span(callset.contigs[place.contig].name, place) for place in places]
    before = 0
    for start, end in spans:
        first, stop = max(wanted[0] - before, 0) + start, min(wanted[1] - before + start, end)
        before += end - start
        if first < stop:
            yield first, stop


def _sites(callset: Callset, cells: ShardCells, span: Span) -> schema.Sites:
    """A span of SITES, with filters, and counts of a subset, where the callset has them."""
    number = {contig.name: place for place, contig in enumerate(callset.contigs)}
    ranks, positions = (each[slice(*span)] for each in (cells.places.ranks, cells.places.positions))
    firsts = np.flatnonzero(np.diff(ranks, prepend=-1)).tolist()
    regions = [
        Region(number[cells.places.contigs[ranks[first]]], int(positions[first]) - 1, int(positions[stop - 1]))
        for first, stop in zip(firsts, [*firsts[1:], len(ranks)], strict=True)
    ]
    return callset.sites(regions)


def _places(sites: schema.Sites, plan: ZarrPlan) -> tuple[npt.NDArray[np.int32], ...]:
    """Contigs, positions, and bases of REF."""
    number = {contig.name: place for place, contig in enumerate(plan.description.contigs)}
    words = sites["contig"].combine_chunks()
    names = np.array([number[name] for name in words.dictionary.to_pylist()], np.int32)
    contigs = names[schema.numbers(words.indices)]
    return contigs, schema.numbers(sites["pos"]), schema.numbers(pc.binary_length(sites["ref"]))


def _chunks(task: ZarrTask, pieces: Sequence[_Piece], sites: schema.Sites, start: int) -> Iterator[Chunk]:
    """All chunks of the row of them whose first site is `start`."""
    stop, number = min(start + CHUNK_SITES, task.group.sites), (task.group.first + start) // CHUNK_SITES
    arrays = task.plan.arrays(0)
    for name, values in _site_values(task.plan, sites.slice(start, stop - start)):
        yield Chunk(arrays[name], (number,), values)
    if task.plan.description.samples:
        yield from _call_chunks(task.plan, arrays, number, _block(task.plan, pieces, (start, stop)))


def _site_values(plan: ZarrPlan, sites: schema.Sites) -> Iterator[tuple[str, zarr_values.Values]]:
    contigs, positions, lengths = _places(sites, plan)
    yield from zip(("variant_contig", "variant_position", "variant_length"), (contigs, positions, lengths), strict=True)
    columns = {column.vcf: column for column in zarr_values.FIXED}
    yield "variant_id", zarr_values.column_values(columns["ID"], sites["id"], 1)
    yield "variant_id_mask", schema.numbers(pc.is_null(sites["id"].combine_chunks()))
    yield "variant_allele", zarr_values.alleles_of(sites, plan.alleles)
    yield "variant_quality", zarr_values.column_values(columns["QUAL"], sites["qual"], 1)
    yield "variant_filter", zarr_values.filters_of_sites(sites, list(plan.filter_lines))
    for key, of_key in plan.info().items():
        yield f"variant_{key}", zarr_values.first_values(of_key, sites, plan.width(of_key[0]))


class _CellBlock(NamedTuple):
    """Distinct genotypes of some sites, and the row of each cell: (sites, samples)."""

    distinct: schema.DistinctGenotypes
    numbers: npt.NDArray[np.int32]


def _block(plan: ZarrPlan, pieces: Sequence[_Piece], span: Span) -> _CellBlock:
    """The genotypes of a span of all pieces' sites."""
    place = {sample: number for number, sample in enumerate(plan.description.samples)}
    numbers = np.empty((span[1] - span[0], len(place)), np.int32)
    before, base, tables = 0, 0, []
    for piece in pieces:
        first, stop = max(span[0] - before, 0), min(span[1] - before, len(piece.sites))
        for batch in piece.batches if first < stop else ():
            rows = slice(before + first - span[0], before + stop - span[0])
            own = batch.cells(first, stop)
            used, own = _renumbered(own, len(batch.distinct))
            numbers[rows, [place[sample] for sample in batch.samples]] = own + np.int32(base)
            tables.append(take_rows(batch.distinct, used))
            base += len(used)
        before += len(piece.sites)
    return _CellBlock(pa.concat_tables(tables).unify_dictionaries().combine_chunks(), numbers)


def _renumbered(cells: npt.NDArray[np.int32], rows: int) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """The rows, of so many, that cells have, and their numbers among these."""
    has = np.zeros(rows, np.bool_)
    has[cells] = True
    return np.flatnonzero(has).astype(np.int32), (np.cumsum(has) - 1).astype(np.int32)[cells]


def _call_chunks(plan: ZarrPlan, arrays: Mapping[str, ZarrArray], row: int, block: _CellBlock) -> Iterator[Chunk]:
    size = plan.chunk_samples
    for number, first in enumerate(range(0, block.numbers.shape[1], size)):
        cells, distinct = block.numbers[:, first : first + size], block.distinct
        if size < block.numbers.shape[1]:
            used, cells = _renumbered(cells, len(distinct))
            distinct = take_rows(distinct, used)
        values = dict(_call_values(plan, distinct))
        digest = digest_of_cells(list(values.values()), cells)
        for name, each in values.items():
            yield Chunk(arrays[name], (row, number), each, cells, digest)


def _call_values(plan: ZarrPlan, distinct: schema.DistinctGenotypes) -> Iterator[tuple[str, zarr_values.Values]]:
    """Of each distinct genotype."""
    alleles, is_phased = zarr_values.allele_numbers(distinct["GT"].combine_chunks())
    yield "call_genotype", alleles
    yield "call_genotype_mask", alleles < 0
    yield "call_genotype_phased", is_phased
    for key, column in plan.format().items():
        yield f"call_{key}", zarr_values.column_values(column, distinct[column.name], plan.width(column))


def finish_zarr(plan: ZarrPlan, parts: Sequence[WrittenChunks], url: str) -> None:
    """Write what has no chunks by site, then what makes the objects a group; remove those of an earlier, larger one.

    Raises StoreFailed where a chunk that was there has gone.
    """
    store, index = open_store(url), np.array([row for part in parts for row in part.index], np.int32)
    arrays, filters = plan.arrays(len(index)), plan.filter_lines
    contigs = plan.description.contigs
    whole: dict[str, zarr_values.Values] = {
        "contig_id": _texts([contig.name for contig in contigs]),
        "contig_length": np.array([contig.length for contig in contigs], np.int64),
        "filter_id": _texts(list(filters)),
        "filter_description": _texts([quoted(text) for text in filters.values()]),
        "region_index": index.reshape(arrays["region_index"].shape),
    }
    for name, values in whole.items():
        if 0 not in arrays[name].shape:
            _write(arrays[name], store, (), values)
    for number in range(len(arrays["sample_id"].chunk_names())):
        first = number * plan.chunk_samples
        _write(arrays["sample_id"], store, (number,), _texts(plan.description.samples[first:][: plan.chunk_samples]))
    metadata = group_metadata(list(arrays.values()), plan.attributes())
    chunks = {name for array in arrays.values() for name in array.chunk_names()}
    last, held = [name for name in metadata if name in GROUP_NAMES], set(store.list())
    check_kept(store, chunks - held)
    wanted = {*metadata, *chunks, *map(note_name, range(-(-plan.sites // CHUNK_SITES)))}
    with ThreadPoolExecutor(_OBJECTS_AT_ONCE) as pool:
        list(pool.map(store.delete, held - wanted))
        list(pool.map(lambda name: store.write(name, metadata[name]), (name for name in metadata if name not in last)))
    for name in last:
        store.write(name, metadata[name])


def _write(array: ZarrArray, store: Store, places: tuple[int, ...], values: zarr_values.Values) -> None:
    store.write(array.chunk_name(places), array.encode(values))


def _texts(texts: Sequence[str]) -> Texts:
    return Texts.of(pa.array(list(texts), pa.string()), (len(texts),))
