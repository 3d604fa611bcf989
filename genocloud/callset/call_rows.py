"""Sparse genotypes as rows of CALLS and of REFERENCE, cut into windows of sites, and back."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import schema
from genocloud.callset.local_genotypes import SparseGenotypes
from genocloud.kernels.cell_runs import CellRuns
from genocloud.kernels.dictionary import number_rows
from genocloud.kernels.row_places import find_sites, merge_rows, runs_between
from genocloud.kernels.stored_rows import split_runs

Span = tuple[int, int]
"""Half-open range of rows or sites."""

WINDOW_CELLS, LEAST_WINDOW = 1 << 20, 1 << 10
"""Genotypes of a window of sites, and its fewest sites: a region's readers and exporters hold a window of a batch."""


def window_of(samples: int) -> int:
    """Number of sites in each window of a batch of so many samples, a power of 2: `calls` and `reference` have one row
    group for each, in order.
    """
    return max(1 << ((WINDOW_CELLS // max(samples, 1)) or 1).bit_length() - 1, LEAST_WINDOW)


class SitePlaces(NamedTuple):
    """Where sites stand, in their order: contig by contig, in each sorted.

    contigs    names
    ranks      (sites,) int64; the place of its contig among these
    positions  (sites,) int64; 1-based
    """

    contigs: list[str]
    ranks: npt.NDArray[np.int64]
    positions: npt.NDArray[np.int64]

    @classmethod
    def of(cls, sites: schema.StoredSites) -> "SitePlaces":
        """From the columns `contig` and `pos`."""
        words = sites["contig"].unify_dictionaries().combine_chunks()
        codes, positions = schema.numbers(words.indices), schema.numbers(sites["pos"]).astype(np.int64)
        seen, firsts = np.unique(codes, return_index=True)
        order = np.argsort(firsts)
        ranks = np.zeros(len(words.dictionary), np.int64)
        ranks[seen[order]] = np.arange(len(seen))
        return cls(words.dictionary.take(pa.array(seen[order])).to_pylist(), ranks[codes], positions)

    def __len__(self) -> int:
        return len(self.positions)

    def at(self, sites: npt.NDArray[Any] | slice) -> "SitePlaces":
        """Some of the sites."""
        return SitePlaces(self.contigs, self.ranks[sites], self.positions[sites])

    @property
    def nth(self) -> npt.NDArray[np.int64]:
        """How many sites stand before each at the same position, (sites,): 0 but where a model shares positions."""
        numbers, is_first = np.arange(len(self)), np.ones(len(self), np.bool_)
        is_first[1:] = (np.diff(self.ranks) != 0) | (np.diff(self.positions) != 0)
        return np.asarray(numbers - np.maximum.accumulate(np.where(is_first, numbers, 0)))

    @property
    def is_shared(self) -> bool:
        """Whether several sites share a position."""
        return bool(self.nth.any())

    def nth_columns(self, *sites: npt.NDArray[Any]) -> dict[str, pa.Array]:
        """The columns of NTH of rows that begin, and end, at some sites; none where no position is shared."""
        numbers = self.nth.astype(np.int16)
        each = zip(schema.NTH.names, sites, strict=False) if numbers.any() else ()
        return {name: pa.array(numbers[at]) for name, at in each}

    def columns(self, sites: npt.NDArray[Any], *positions: npt.NDArray[Any]) -> list[pa.Array]:
        """The column `contig` of rows at some sites, and columns of the positions of sites."""
        words = pa.DictionaryArray.from_arrays(
            pa.array(self.ranks[sites].astype(np.int32)), pa.array(self.contigs, pa.string())
        )
        return [words, *(pa.array(self.positions[each].astype(np.int32)) for each in positions)]

    def repeated(self, times: int) -> list[pa.Array]:
        """The columns `contig` and `pos` of so many rows at each site."""
        ranks, positions = (np.repeat(each.astype(np.int32), times) for each in (self.ranks, self.positions))
        return [_words(ranks, pa.array(self.contigs, pa.string())), pa.array(positions)]

    def find(
        self, contigs: pa.ChunkedArray, positions: pa.ChunkedArray, nth: pa.ChunkedArray | None = None
    ) -> npt.NDArray[np.int32]:
        """The number of the site at each place, the nth of those there. Raises ValueError where there is none."""
        out = self._find(*self._bounds(contigs), positions)
        if (out < 0).any():
            raise ValueError("a row stands at no site")
        if nth is not None:
            of_site, last = self.nth, out.copy()
            out += (schema.numbers(nth) - of_site[last]).astype(np.int32)
            if (out < last - of_site[last]).any() or (out > last).any():
                raise ValueError("a row stands at a site beyond those of its position")
        return out

    def reach(self, runs: schema.ReferenceRuns) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """The first and the last site of runs; the first lies behind the last where a run has no site any more.

        Sites at which a run begins or ends may go when a callset grows: the run is stored as it was. Raises ValueError
        where runs have columns of NTH, which those of callsets that grow have not, and one stands at no site.
        """
        if "nth" in runs.column_names:
            ends = ("pos", "nth"), ("end", "end_nth")
            first, last = (self.find(runs["contig"], runs[name], runs[nth]) for name, nth in ends)
            return first, last
        return self.nearest(runs["contig"], runs["pos"], "left"), self.nearest(runs["contig"], runs["end"], "right")

    def nearest(
        self, contigs: pa.ChunkedArray, positions: pa.ChunkedArray, side: Literal["left", "right"]
    ) -> npt.NDArray[np.int32]:
        """The number of the site at each place or, where there is none, of the next one (left) or of the one before."""
        codes, firsts, stops = self._bounds(contigs)
        out = self._find(codes, firsts, stops, positions)
        gone = np.flatnonzero(out < 0)
        for code in np.unique(codes[gone]).tolist():
            rows, first = gone[codes[gone] == code], firsts[code]
            places = np.searchsorted(self.positions[first : stops[code]], schema.numbers(positions)[rows], side)
            out[rows] = first + places - (side == "right")
        return out

    def _bounds(
        self, contigs: pa.ChunkedArray
    ) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Each row's contig by number, and of each contig the first site and the one behind the last."""
        words = contigs.unify_dictionaries().combine_chunks()
        ranks = {name: rank for rank, name in enumerate(self.contigs)}
        wanted = np.array([ranks.get(name, -1) for name in words.dictionary.to_pylist()], np.int64)
        firsts, stops = (np.searchsorted(self.ranks, wanted + after) for after in (0, 1))
        return np.array(schema.numbers(words.indices)), firsts, stops

    def _find(
        self,
        codes: npt.NDArray[Any],
        firsts: npt.NDArray[np.int64],
        stops: npt.NDArray[np.int64],
        positions: pa.ChunkedArray,
    ) -> npt.NDArray[np.int32]:
        """The number of the site at each place, -1 where there is none."""
        places = np.array(schema.numbers(positions))
        return np.asarray(find_sites(codes, firsts, stops, self.positions, places))


class Windowed(NamedTuple):
    """Rows of CALLS or of REFERENCE, window after window, and how many each has, (windows,)."""

    table: pa.Table
    rows: npt.NDArray[np.int64]


class Windows(NamedTuple):
    """How some sites are cut into windows, and where runs end within these.

    windows  number of windows
    places   (sites,) int64; the window of each site, ascending
    numbers  (sites,) int64; the site's number among others, which runs must not reach over
    """

    windows: int
    places: npt.NDArray[np.int64]
    numbers: npt.NDArray[np.int64]

    @classmethod
    def of(cls, sites: int, window: int) -> "Windows":
        """Windows of so many sites each, where there are no other sites."""
        numbers = np.arange(sites)
        return cls(max(-(-sites // window), 1), numbers // window, numbers)

    def ends(self, ranks: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
        """Where the stretch of each site ends, whose contig is given: the sites that a run may have: (sites,)."""
        sites = len(ranks)
        is_last = np.ones(sites, np.bool_)
        is_last[:-1] = (np.diff(self.places) != 0) | (np.diff(self.numbers) != 1) | (np.diff(ranks) != 0)
        edges = np.flatnonzero(is_last)
        return np.repeat(edges + 1, np.diff(edges, prepend=-1)).astype(np.int32)


def split(genotypes: SparseGenotypes, places: SitePlaces, window: int | None = None) -> tuple[Windowed, Windowed]:
    """`split_into` windows of so many sites (None: one of all), with the longest runs.

    So equal genotypes give equal rows however they were made.
    """
    return split_into(genotypes, places, Windows.of(len(places), window or max(len(places), 1)), joins=True)


def split_into(
    genotypes: SparseGenotypes, places: SitePlaces, windows: Windows, *, joins: bool = False
) -> tuple[Windowed, Windowed]:
    """Rows of CALLS and of REFERENCE, by site, then sample; runs end with contigs and windows.

    joins  whether adjacent equal runs become one. In files they stay two: between them may be a record that covers no
           site yet
    """
    local = genotypes.distinct
    ids, representatives = reference_ids(local)
    samples = pa.array(list(genotypes.samples), pa.string())
    (member, site, number), runs = split_runs(genotypes.runs, ids, windows.ends(places.ranks), joins)
    columns = [*places.columns(site, site), _words(member, samples)]
    calls = _table(schema.CALLS, columns, _rows_at(local, number), places.nth_columns(site))
    columns = [*places.columns(runs.firsts, runs.firsts, runs.stops - 1), _words(runs.samples, samples)]
    of_any = _reference_columns(local.take(pa.array(representatives))).take(pa.array(runs.numbers))
    nth = places.nth_columns(runs.firsts, runs.stops - 1)
    reference = _table(schema.REFERENCE, columns, of_any, nth)
    return (
        Windowed(calls, np.bincount(windows.places[site], minlength=windows.windows)),
        Windowed(reference, np.bincount(windows.places[runs.firsts], minlength=windows.windows)),
    )


def _rows_at(table: schema.LocalGenotypes, rows: npt.NDArray[np.int32]) -> schema.LocalGenotypes:
    """The same as `take`, which takes three times as long where nearly all rows follow each other."""
    starts = np.flatnonzero(np.diff(rows, prepend=-2) != 1)
    if len(starts) * _LEAST_STRETCH > len(rows):
        return table.take(pa.array(rows))
    lengths = np.diff(np.append(starts, len(rows)))
    stretches = zip(rows[starts].tolist(), lengths.tolist(), strict=True)
    return pa.concat_tables([table.slice(*stretch) for stretch in stretches] or [table.slice(0, 0)]).combine_chunks()


_LEAST_STRETCH = 64


def _words(codes: npt.NDArray[Any], words: pa.Array) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32, copy=False)), words)


def _table(declared: pa.Schema, columns: Sequence[pa.Array], rest: pa.Table, nth: Mapping[str, pa.Array]) -> pa.Table:
    """A table of `columns`, the first of `declared`, then those others, and a model's, that `rest` has; then `nth`."""
    others = [
        field for field in [*declared, *schema.MODEL_GENOTYPES][len(columns) :] if field.name in rest.column_names
    ]
    values = [*columns, *(rest[field.name] for field in others), *nth.values()]
    return pa.table(values, pa.schema([*list(declared)[: len(columns)], *others, *map(schema.NTH.field, nth)]))


def _reference_columns(local: schema.LocalGenotypes) -> schema.ReferenceRuns:
    """The rows' columns of REFERENCE, beside their places and samples."""
    out = local.append_column("AD_minus_DP", schema.nullable(_depths_beyond_dp(local)[0], schema.INT32))
    out = out.select([name for name in out.column_names if name in (*schema.REFERENCE.names, *_MODEL_WORDS)])
    if "LPL" not in local.column_names:
        return out
    offsets, values = schema.ragged(local["LPL"])
    padded = np.append(values, np.zeros(3, np.int32))  # shorter lists have other rows' values here
    of_ref, second, third = (padded[offsets[:-1] + place] for place in range(3))
    is_usual = (np.diff(offsets) == 3) & (of_ref == 0) & (second == schema.numbers(local["GQ"]))
    is_usual &= third != schema.MISSING
    out = out.append_column("PL2", pa.array(third, mask=~is_usual))
    return out.append_column("PL", pc.if_else(pa.array(is_usual), None, local["LPL"]))


def _depths_beyond_dp(local: schema.LocalGenotypes) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.bool_]]:
    """(LAD of REF less DP, MISSING where that of other alleles is not 0; whether LAD is something else): (rows,)."""
    offsets, values = schema.ragged(local["LAD"])
    padded = np.append(values, [schema.MISSING, schema.MISSING])  # shorter lists have other rows' values here
    of_ref, depths = padded[offsets[:-1]], schema.numbers(local["DP"])
    is_pair = (np.diff(offsets) == 2) & (depths != schema.MISSING)
    is_pair &= (of_ref != schema.MISSING) & (padded[offsets[:-1] + 1] == 0)
    more = np.where(is_pair, of_ref - depths, schema.MISSING).astype(np.int32)
    return more, np.asarray(local["LAD"].is_valid()) & ~is_pair


def reference_ids(local: schema.LocalGenotypes) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """Which genotypes have values of no single ALT: (numbers (rows,), -1 for the others; the first row of each)."""
    more, has_others = _depths_beyond_dp(local)
    plain = (np.diff(schema.ragged(local["LAA"])[0]) == 0) & ~has_others
    for name in ("PGT", "PID", "PS", "SB", "RECORD_FILTER"):
        if name in local.column_names and local[name].null_count < len(local):
            plain &= np.asarray(local[name].is_null())
    rows = np.flatnonzero(plain)
    values = local.take(pa.array(rows)).append_column("AD_minus_DP", pa.array(more[rows]))
    numbers, firsts = number_values(values, "LPL")
    ids = np.full(len(local), -1, np.int32)
    ids[rows] = numbers
    return ids, rows[firsts]


def number_values(rows: pa.Table, likelihoods: str) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """Number rows by those of the values of REFERENCE that they have: (number of each, first row of each number)."""
    head = [_word_codes(rows[name]) for name in ("GT", *_MODEL_WORDS) if name in rows.column_names]
    head += [
        schema.numbers(rows[name]) for name in ("DP", "GQ", "PL2", "RGQ", "AD_minus_DP") if name in rows.column_names
    ]
    offsets, lists = np.zeros(len(rows) + 1, np.int64), np.zeros(0, np.int32)
    if likelihoods in rows.column_names:
        offsets, lists = schema.ragged(rows[likelihoods])
    columns = np.array(head, np.int32).reshape(len(head), len(rows))
    numbers, firsts = number_rows(columns, np.array(offsets), np.array(lists))
    return np.asarray(numbers), np.asarray(firsts)


def _word_codes(column: pa.ChunkedArray) -> npt.NDArray[np.int32]:
    """The same number for the same word; no word is null."""
    words = column.unify_dictionaries().combine_chunks()
    texts = schema.numbers(words.dictionary.dictionary_encode().indices)
    return np.asarray(texts[schema.numbers(words.indices)])


_MODEL_WORDS = ("RNC",)
"""Columns of MODEL_GENOTYPES that rows of REFERENCE have."""


def numbers_of(
    runs: schema.ReferenceRuns, local: schema.LocalGenotypes
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Numbers of rows of REFERENCE and of LOCAL_GENOTYPES, equal where genotypes are; -1 where one is a call."""
    ids, representatives = reference_ids(local)
    tables = [runs, _reference_columns(local.take(pa.array(representatives)))]
    every = pa.concat_tables([table.select(_REFERENCE_VALUES.names).cast(_REFERENCE_VALUES) for table in tables])
    of_runs, of_local = np.split(number_values(every.unify_dictionaries().combine_chunks(), "PL")[0], [len(runs)])
    return of_runs, np.where(ids >= 0, np.append(of_local, 0)[ids], -1).astype(np.int32)


_REFERENCE_VALUES = pa.schema(list(schema.REFERENCE)[4:])
"""The columns of a genotype of REFERENCE, without its place."""


class LocatedRows(NamedTuple):
    """Rows of CALLS and of REFERENCE by sample, then site: the inverse of `split`.

    distinct  genotypes; equal ones of REFERENCE once
    whole     the sites that each sample has
    offsets   (samples + 1,) int64; where each sample's rows begin
    starts, numbers  (rows,) int32; each row's first site, and genotype; it reaches to the sample's next row

    An exporter holds those of a window of each batch.
    """

    distinct: schema.LocalGenotypes
    whole: Span
    offsets: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int32]
    numbers: npt.NDArray[np.int32]

    @classmethod
    def of(
        cls, rows: tuple[schema.CallRows, schema.ReferenceRuns], places: SitePlaces, span: Span, samples: Sequence[str]
    ) -> "LocatedRows":
        """The rows of some samples, with the columns that both have, which are those of a span of the sites.

        Raises ValueError unless each cell is in one row, and the rows of each sample are by site.
        """
        (calls, of_calls), (reference, of_runs) = (of_samples(table, samples) for table in rows)
        numbers, representatives = number_values(reference, "PL")
        of_any = _as_local(reference.take(pa.array(representatives)), calls.schema)
        distinct = pa.concat_tables([calls.select(of_any.column_names), of_any])
        sites = places.find(calls["contig"], calls["pos"], calls["nth"] if "nth" in calls.column_names else None)
        firsts, lasts = places.reach(reference)
        if not (remains := firsts <= lasts).all():
            firsts, lasts, of_runs, numbers = (each[remains] for each in (firsts, lasts, of_runs, numbers))
        by_site, by_first = _order_of(sites), _order_of(firsts)  # the rows of segments come one after the other
        is_whole, offsets, starts, order = merge_rows(
            len(samples), *span, of_calls[by_site], sites[by_site], of_runs[by_first], firsts[by_first], lasts[by_first]
        )
        if not is_whole and span[0] < span[1]:
            raise ValueError("it has no genotype, or several, for a sample at a site")
        of_row = np.concatenate(
            [np.arange(len(calls), dtype=np.int32)[by_site], numbers[by_first] + np.int32(len(calls))]
        )
        return cls(distinct.unify_dictionaries().combine_chunks(), span, offsets, starts, of_row[order])

    def at(self, span: Span) -> tuple[schema.LocalGenotypes, CellRuns]:
        """The genotypes at a span of the sites, which is numbered from its first."""
        runs = runs_between(self.offsets, self.starts, self.numbers, self.whole[1], *span)
        if span == self.whole:
            return self.distinct, runs
        used = np.zeros(len(self.distinct), np.bool_)
        used[runs.numbers] = True
        numbers = (np.cumsum(used) - 1).astype(np.int32)[runs.numbers]
        return self.distinct.filter(pa.array(used)), runs._replace(numbers=numbers)


def _order_of(sites: npt.NDArray[np.int32]) -> npt.NDArray[np.int64] | slice:
    """The order by site, in which rows of one site stay as they are."""
    return slice(None) if (np.diff(sites) >= 0).all() else np.argsort(sites, kind="stable")


def of_samples(rows: pa.Table, samples: Sequence[str]) -> tuple[pa.Table, npt.NDArray[np.int32]]:
    """The rows of some samples, and the number of the sample of each."""
    members = members_of(rows, samples)
    wanted = members >= 0
    return (rows, members) if wanted.all() else (rows.filter(pa.array(wanted)), members[wanted])


def members_of(rows: pa.Table, samples: Sequence[str]) -> npt.NDArray[np.int32]:
    """The number of the sample of each row; -1 for another."""
    place = {sample: number for number, sample in enumerate(samples)}
    words = rows["sample"].unify_dictionaries().combine_chunks()
    members = np.array([place.get(name, -1) for name in words.dictionary.to_pylist()], np.int32)
    return np.asarray(members[schema.numbers(words.indices)])


REFERENCE_SOURCES = {
    "LAA": (),
    "LAD": ("DP", "AD_minus_DP"),
    "PGT": (),
    "PID": (),
    "LPL": ("GQ", "PL2", "PL"),
    "PS": (),
}
"""From which columns of REFERENCE one of LOCAL_GENOTYPES follows, where it is not one of them."""


def _as_local(reference: schema.ReferenceRuns, calls: pa.Schema) -> schema.LocalGenotypes:
    """Columns of LOCAL_GENOTYPES: those that rows of CALLS have."""
    rows, fields = len(reference), [field for field in calls if field.name in schema.WIDE_LOCAL_GENOTYPES.names]

    def column(field: pa.Field) -> pa.Array | pa.ChunkedArray:
        if field.name == "LAA":
            return pa.ListArray.from_arrays(pa.array(np.zeros(rows + 1, np.int32)), pa.array([], schema.INT32))
        if field.name == "LAD":
            return _depths(reference)
        if field.name == "LPL":
            return _likelihoods(reference)
        return reference[field.name] if field.name in reference.column_names else pa.nulls(rows, field.type)

    return pa.table([column(field) for field in fields], pa.schema(fields))


def _depths(reference: schema.ReferenceRuns) -> pa.ListArray:
    """LAD: that of REF and 0, or null."""
    more = schema.numbers(reference["AD_minus_DP"])
    has_depths = more != schema.MISSING
    values = np.zeros((np.count_nonzero(has_depths), 2), np.int32)
    values[:, 0] = (schema.numbers(reference["DP"]) + more)[has_depths]
    offsets = np.append(0, np.cumsum(2 * has_depths)).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(values.ravel()), mask=pa.array(~has_depths))


def _likelihoods(reference: schema.ReferenceRuns) -> pa.ListArray:
    """LPL: 0, GQ and PL2, or PL."""
    second, (offsets, values) = schema.numbers(reference["PL2"]), schema.ragged(reference["PL"])
    is_usual = second != schema.MISSING
    starts = np.append(0, np.cumsum(np.diff(offsets) + 3 * is_usual))
    out, usual = np.zeros(starts[-1], np.int32), starts[:-1][is_usual]
    is_other = np.ones(len(out), np.bool_)
    is_other[usual[:, None] + np.arange(3)] = False
    out[usual + 1], out[usual + 2] = schema.numbers(reference["GQ"])[is_usual], second[is_usual]
    out[is_other] = values
    return schema.list_column(starts, out)
