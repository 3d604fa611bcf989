"""Sparse genotypes as an exported file has them: at all alleles, by local ones, or as reference blocks (SVCR)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import schema
from genocloud.callset.format_fields import FormatFields
from genocloud.callset.local_genotypes import DenseGenotypes, SparseGenotypes, ploidies, ragged
from genocloud.genotype_text import allele_numbers_of
from genocloud.kernels.cell_runs import CellRuns, fill_cells
from genocloud.kernels.dictionary import number_words
from genocloud.kernels.own_alleles import keep_own

_Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenGenotypes:
    """Genotypes of some samples at some sites by local alleles; cells are written for a span of sites at a time.

    distinct  FORMAT columns: those of LOCAL_GENOTYPES, and LEN of reference blocks
    """

    samples: Sequence[str]
    distinct: schema.LocalGenotypes
    runs: CellRuns

    def cells(self, start: int, stop: int) -> npt.NDArray[np.int32]:
        """The row of `distinct` in each cell of a span of the sites: (sites, samples)."""
        out = np.empty((stop - start, len(self.samples)), np.int32)
        fill_cells(self.runs, start, out)
        return out


def as_written(
    genotypes: SparseGenotypes, fields: FormatFields, sites: schema.Sites
) -> DenseGenotypes | WrittenGenotypes:
    """Genotypes at some sites (of which contig and pos are needed) as a file with these FORMAT fields has them."""
    if fields.reference_blocks:
        return block_view(genotypes, sites)
    return local_view(genotypes) if fields.has("LAA") else genotypes.dense()


def local_view(genotypes: SparseGenotypes) -> WrittenGenotypes:
    """Each cell by REF and the sample's own ALTs."""
    return WrittenGenotypes(samples=genotypes.samples, distinct=of_own_alleles(genotypes.distinct), runs=genotypes.runs)


def of_own_alleles(local: schema.LocalGenotypes) -> schema.LocalGenotypes:
    """Rows of LOCAL_GENOTYPES, or of some columns with GT and LAA, without the values of a site's other ALTs.

    An ALT that GT has without being the record's own becomes local, with those values.
    """
    laa_at, laa = ragged(local, "LAA")
    keys = np.unique(np.append(_row_of(laa_at) << 32 | laa, _called_alts(local["GT"])))
    kept = np.searchsorted(keys >> 32, np.arange(len(local) + 1)), (keys & 0xFFFFFFFF).astype(np.int32)
    nothing = np.zeros(len(local) + 1, np.int64), np.zeros(0, np.int32)
    values = [ragged(local, name) if name in local.column_names else nothing for name in ("LAD", "LPL")]
    lad_at, lad, lpl_at, lpl = keep_own(ploidies(local["GT"]), (laa_at, laa), kept, *values)
    columns = {
        "LAA": pa.ListArray.from_arrays(pa.array(kept[0].astype(np.int32)), pa.array(kept[1])),
        "LAD": schema.list_column(lad_at, lad),
        "LPL": schema.list_column(lpl_at, lpl),
    }
    return pa.table({name: columns.get(name, local[name]) for name in local.column_names})


def _row_of(offsets: _Ints) -> _Ints:
    """The row of each value of a ragged column."""
    return np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))


def _called_alts(genotypes: pa.ChunkedArray) -> _Ints:
    """row << 32 | ALT of each ALT in a GT."""
    words = genotypes.combine_chunks()
    alts = [
        sorted({number for number in allele_numbers_of(word) if number > 0}) for word in words.dictionary.to_pylist()
    ]
    codes = schema.numbers(words.indices)
    keys = [np.zeros(0, np.int64)]
    for code, called in enumerate(alts):
        if called:
            rows = np.flatnonzero(codes == code)
            keys += [rows << 32 | alt for alt in called]
    return np.concatenate(keys)


def block_view(genotypes: SparseGenotypes, sites: schema.Sites) -> WrittenGenotypes:
    """Cells of REF alone as blocks: LEN at the first site of each run, nothing at its others, nor where GT is no-call.

    Runs end with contigs. A half call of REF is no block: it stays as it is.

    Source: hail/vds/impex.py, import_vcf.
    """
    local = of_own_alleles(genotypes.distinct)
    words = local["GT"].combine_chunks()
    texts, codes = words.dictionary.to_pylist(), schema.numbers(words.indices)
    is_called = np.array(["." not in text for text in texts], np.bool_)[codes]
    has_ref = np.array(["0" in text for text in texts], np.bool_)[codes]
    is_plain = np.diff(ragged(local, "LAA")[0]) == 0
    is_block, is_empty = is_plain & is_called, is_plain & ~has_ref
    numbers = _same_blocks(local, is_block)[genotypes.runs.numbers]
    joined = _joined(genotypes.runs._replace(numbers=numbers), is_block)
    samples, firsts, stops, numbers = _cut_at_contigs(joined, sites["contig"])
    blocks = is_block[numbers]
    pos = schema.numbers(sites["pos"]).astype(np.int64)
    lengths = pos[stops[blocks] - 1] - pos[firsts[blocks]] + 1
    kinds, kind = np.unique(numbers[blocks] << 32 | lengths, return_inverse=True)
    nothing = len(local) + len(kinds)
    heads = np.where(is_empty[numbers], nothing, numbers)
    heads[blocks] = len(local) + kind
    tails = np.flatnonzero(blocks & (stops - firsts > 1))
    runs = _sorted(
        np.append(samples, samples[tails]),
        np.append(firsts, firsts[tails] + 1),
        np.append(np.where(blocks, firsts + 1, stops), stops[tails]),
        np.append(heads, np.full(len(tails), nothing)),
    )
    return WrittenGenotypes(samples=genotypes.samples, distinct=_with_blocks(local, kinds), runs=runs)


def _same_blocks(local: schema.LocalGenotypes, is_block: npt.NDArray[np.bool_]) -> npt.NDArray[np.int32]:
    """Of each block's genotype the first one that is the same block, as LPL, which blocks lack, may differ; of others
    itself.
    """
    rows = np.flatnonzero(is_block)
    local, own = local.take(pa.array(rows)), np.arange(len(is_block), dtype=np.int32)
    values = [_codes(local[name]) for name in local.column_names if name not in ("LAA", "LAD", "LPL")]
    if "LAD" in local.column_names:
        offsets, depths = ragged(local, "LAD")
        has = np.diff(offsets) > 0
        of_ref = np.zeros(len(local), np.int32)
        of_ref[has] = depths[offsets[:-1][has]]
        values += [of_ref, has.astype(np.int32)]
    words = np.stack(values, axis=1).astype(np.int32)
    numbers, firsts = number_words(np.arange(len(words) + 1) * words.shape[1], words.ravel())
    own[rows] = rows[firsts[numbers]]
    return own


def _codes(column: pa.ChunkedArray) -> npt.NDArray[np.int32]:
    """The numbers of a column, or of its words or lists; equal ones for equal values."""
    if pa.types.is_list(column.type):
        return np.asarray(number_words(*map(np.array, schema.ragged(column)))[0])
    if pa.types.is_dictionary(column.type):
        column = column.cast(pa.string()).combine_chunks().dictionary_encode().indices
    return schema.numbers(column)


def _joined(runs: CellRuns, is_block: npt.NDArray[np.bool_]) -> CellRuns:
    """The runs with neighbouring ones of one block joined."""
    follows = np.zeros(len(runs.numbers), np.bool_)
    follows[1:] = (runs.samples[1:] == runs.samples[:-1]) & (runs.numbers[1:] == runs.numbers[:-1])
    heads = np.flatnonzero(~(follows & is_block[runs.numbers]))
    stops = runs.stops[np.append(heads[1:], len(follows))[: len(heads)] - 1]
    return CellRuns(runs.samples[heads], runs.firsts[heads], stops, runs.numbers[heads])


def _cut_at_contigs(runs: CellRuns, contigs: pa.ChunkedArray) -> tuple[Any, Any, Any, Any]:
    """Samples, firsts, stops and numbers of the runs, int64, none of which crosses from a contig to the next."""
    words = contigs.unify_dictionaries().combine_chunks()
    edges = np.append(np.flatnonzero(np.diff(schema.numbers(words.indices), prepend=-1)), len(words))
    begin = np.searchsorted(edges, runs.firsts, "right") - 1
    pieces = np.searchsorted(edges, runs.stops, "left") - begin
    of = np.repeat(np.arange(len(pieces)), pieces)
    contig = begin[of] + np.arange(len(of)) - (np.cumsum(pieces) - pieces)[of]
    firsts = np.maximum(runs.firsts[of], edges[contig])
    stops = np.minimum(runs.stops[of], edges[contig + 1])
    return runs.samples[of], firsts.astype(np.int64), stops.astype(np.int64), runs.numbers[of].astype(np.int64)


def _sorted(samples: Any, firsts: Any, stops: Any, numbers: Any) -> CellRuns:
    order = np.lexsort((firsts, samples))
    return CellRuns(*(np.ascontiguousarray(each[order], np.int32) for each in (samples, firsts, stops, numbers)))


def _with_blocks(local: schema.LocalGenotypes, kinds: _Ints) -> schema.LocalGenotypes:
    """The genotypes; then each block, row << 32 | bases, without LPL, which would be of REF alone; then a row of
    nothing.
    """
    rows = np.concatenate([np.arange(len(local)), kinds >> 32, [0]])
    is_block = np.zeros(len(rows), np.bool_)
    is_block[len(local) : -1] = True
    lengths = np.zeros(len(rows), np.int32)
    lengths[is_block] = kinds & 0xFFFFFFFF
    nothing = np.arange(len(rows)) == len(rows) - 1
    table = local.take(pa.array(rows, mask=nothing))
    if "LPL" in table.column_names:
        likelihoods = local["LPL"].take(pa.array(rows, mask=nothing | is_block))
        table = table.set_column(table.column_names.index("LPL"), "LPL", likelihoods)
    return table.append_column("LEN", pa.array(lengths, mask=~is_block))
