"""One batch's genotypes at the sites put out, and its share of their annotations."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import schema
from genocloud.genotypes.aligned_rows import Lines, places
from genocloud.genotypes.allele_specific import AlleleShares, Runs, allele_shares
from genocloud.genotypes.nonvariant import NonvariantRawAnnotations, is_nonvariant, was_not_estimated
from genocloud.kernels.dictionary import number_words
from genocloud.kernels.genotyping import Calls, Evidence, call_sites
from genocloud.kernels.merged_likelihoods import START
from genocloud.kernels.nonvariant_genotypes import call_nonvariant_sites
from genocloud.regions import Contig

RANKED = {
    "base_q_rank_sum": "BaseQRankSum",
    "clipping_rank_sum": "ClippingRankSum",
    "mq_rank_sum": "MQRankSum",
    "read_pos_rank_sum": "ReadPosRankSum",
    "mq": "MQ",
    "mq0": "MQ0",
    "excess_het": "ExcessHet",
}
"""Columns of VARIANTS of which a site keeps the median, in the order of `Evidence.ranked`; what SITES calls them."""
Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class RawAnnotations:
    """What one batch adds to the annotations of the sites put out; adding is exact, in any order.

    totals   (sites, kernels.calling.TOTALS) int64; ac int64: called copies of each allele put out, REF too
    runs     sites x fields of RANKED: what the records say
    samples  how many of the batch are in force
    alleles  the allele-specific part, where it was asked for
    nonvariant   the sites put out without a likely variant; all else is of the others
    """

    totals: npt.NDArray[np.int64]
    ac: npt.NDArray[np.int64]
    runs: Runs
    samples: int
    alleles: AlleleShares | None = None
    nonvariant: NonvariantRawAnnotations | None = None


class Copies(NamedTuple):
    """How many `.` to write where a sample has no record at all; on a part of many contigs it depends on the contig.

    ploidies  (kinds, samples of the batch) int8
    starts    (contigs,) int64, where each begins on the axis; kinds (contigs,) int64: its row of `ploidies`
    """

    ploidies: npt.NDArray[np.int8]
    starts: npt.NDArray[np.int64]
    kinds: npt.NDArray[np.int64]

    @classmethod
    def everywhere(cls, ploidies: npt.NDArray[np.int8]) -> "Copies":
        """The same number on every contig: (samples of the batch,)."""
        return cls(ploidies[None, :], np.zeros(1, np.int64), np.zeros(1, np.int64))

    def at(self, sites: pa.Table) -> npt.NDArray[np.int64]:
        """The row of `ploidies` that each site has."""
        return self.kinds[np.searchsorted(self.starts, schema.numbers(sites["start"]), side="right") - 1]


@dataclass(frozen=True, slots=True)
class Called:
    """One batch's genotypes at some sites of a contig, or of an axis, each distinct one once.

    contig     its name
    positions  (sites,) int32, 1-based
    samples    names
    distinct   the distinct genotypes: GENOTYPES' columns but `contig`, `pos` and `sample`
    numbers    (sites, samples) int32: the row of `distinct` that each cell has
    """

    contig: str
    positions: npt.NDArray[np.int32]
    samples: tuple[str, ...]
    distinct: pa.Table
    numbers: npt.NDArray[np.int32]

    def table(self) -> pa.Table:
        """GENOTYPES: sites in order, within each the samples; sites x samples rows."""
        sites, samples = self.numbers.shape
        numbers = pa.array(self.numbers.ravel())
        return pa.table(
            [
                _words(np.zeros(len(numbers), np.int32), [self.contig]),
                np.repeat(self.positions, samples),
                _words(np.tile(np.arange(samples, dtype=np.int32), sites), list(self.samples)),
                *(column.take(numbers) for column in self.distinct.columns),
            ],
            schema.GENOTYPES,
        )

    def uncarried(self, sites: npt.NDArray[np.bool_]) -> "Called":
        """As GATK writes them at some sites, (sites,) bool, whose ALTs turned out to be carried by nobody.

        Source: GenotypeGVCFsEngine.cleanupGenotypeAnnotations, createRefGTs: GQ becomes RGQ, and what has no depth or
        no GQ becomes a no-call.
        """
        if not sites.any():
            return self
        numbers = self.numbers.copy()
        numbers[sites] += np.int32(len(self.distinct))
        return replace(self, distinct=_concatenated(self.distinct, _as_reference(self.distinct)), numbers=numbers)

    def at(self, sites: npt.NDArray[np.bool_]) -> "Called":
        """Those at some of the sites only: sites (sites,) bool."""
        return replace(self, positions=self.positions[sites], numbers=self.numbers[sites])


def _as_reference(distinct: pa.Table) -> pa.Table:
    """Genotypes as `Called.uncarried` says."""
    dp, gq = schema.numbers(distinct["DP"]), schema.numbers(distinct["GQ"])
    told = (dp > 0) & (gq != schema.MISSING)
    words = distinct["GT"].combine_chunks()
    refs, unknown = ([re.sub(r"[^|/]+", allele, word) for word in words.dictionary.to_pylist()] for allele in "0.")
    numbers = schema.numbers(words.indices) + np.where(told & (gq > 0), 0, len(refs)).astype(np.int32)
    columns = {
        "GT": _words(numbers, refs + unknown).dictionary_decode().dictionary_encode(),
        "DP": schema.nullable(np.where(told, dp, schema.MISSING), schema.INT32),
        "GQ": pa.nulls(len(distinct), schema.INT32),
        "PL": pa.nulls(len(distinct), schema.INTS),
        "RGQ": schema.nullable(np.where(told, gq, schema.MISSING), schema.INT32),
    }
    return pa.table([columns.get(name, distinct[name]) for name in _FORMAT.names], _FORMAT)


def emitted(settled: pa.Table) -> pa.Table:
    """The rows of SETTLED that are put out."""
    return settled.filter(pc.is_null(settled["reason"])).combine_chunks()


def call(
    rows: Lines,
    samples: Sequence[str],
    settled: pa.Table,
    contigs: Sequence[Contig],
    copies: Copies,
    allele_specific: bool = False,
) -> tuple[Called, RawAnnotations]:
    """Genotype one batch at the sites of SETTLED that are put out, its samples in force in the batch's order.

    rows              the batch's rows, lined up under these sites or more
    samples           (samples of the batch,): names
    copies            how many `.` to write where a sample has no record at all
    allele_specific   whether the shares hold what the AS_ annotations need
    """
    everywhere = emitted(settled)
    quiet = is_nonvariant(everywhere)
    sites = everywhere.filter(pa.array(~quiet)).combine_chunks() if quiet.any() else everywhere
    positions = _positions_of(everywhere)
    all_lines, ranks = rows.under(everywhere), rows.ranks
    lines = replace(all_lines, speaking=all_lines.speaking[~quiet]) if quiet.any() else all_lines
    under = places(sites)
    kept_at, kept = _kept(sites)
    in_force = np.flatnonzero(ranks >= 0)
    evidence = _evidence(lines)
    ploidies = np.ascontiguousarray(copies.ploidies[:, in_force], np.int64)
    calls, totals, ac, *runs = call_sites(
        lines.facts,
        lines.pl,
        lines.own,
        evidence,
        lines.speaking,
        under.positions,
        under.alleles,
        under.stars,
        kept_at,
        kept,
        ploidies,
        copies.at(sites),
        len(lines.variants),
    )
    names = [samples[sample] for sample in in_force.tolist()]
    alleles = None
    if allele_specific:
        alleles = allele_shares(lines, under, (kept_at, kept), calls, evidence, ranks[in_force])
    shares = RawAnnotations(totals, ac, Runs(*runs), len(names), alleles)
    contig = contigs[everywhere["contig"][0].as_py()].name if len(everywhere) else ""
    called = Called(contig, positions, tuple(names), _distinct(calls, lines.variants), calls.numbers)
    if not quiet.any():
        return called, shares
    silent = replace(all_lines, speaking=all_lines.speaking[quiet])
    more, nonvariant = _call_nonvariant(silent, everywhere.filter(pa.array(quiet)), evidence, ploidies, copies)
    return _with_nonvariant(called, more, quiet), replace(shares, nonvariant=nonvariant)


def _positions_of(sites: pa.Table) -> Array:
    return schema.numbers(sites["start"]) + np.int32(1)


def _call_nonvariant(
    lines: Lines, sites: pa.Table, evidence: Evidence, ploidies: Array, copies: Copies
) -> tuple[tuple[pa.Table, Array], NonvariantRawAnnotations]:
    """(distinct genotypes, number of each cell's) at sites put out without a likely variant, and their shares."""
    under, kept = places(sites), _kept(sites)
    calls, totals, *runs = call_nonvariant_sites(
        lines.facts,
        lines.pl,
        lines.own,
        evidence,
        lines.speaking,
        under.positions,
        under.alleles,
        under.stars,
        *kept,
        ~was_not_estimated(sites),
        ploidies,
        copies.at(sites),
        len(lines.variants),
    )
    missing, nothing = np.full(len(calls.dp), schema.MISSING), np.zeros(len(calls.dp), bool)
    pl_at, pl = np.zeros(len(calls.gt_at), np.int64), np.zeros(0, np.int32)
    told = calls._asdict() | {"pl_at": pl_at, "pl": pl, "gq": missing, "homozygous": nothing}
    rgq = schema.nullable(told.pop("rgq"), schema.INT32)
    distinct = schema.with_column(_distinct(Calls(**told), lines.variants), "RGQ", pa.chunked_array([rgq]))
    shares = NonvariantRawAnnotations(totals, Runs(*runs), _ids(lines, under.positions))
    return (distinct, calls.numbers), shares


def _with_nonvariant(called: Called, more: tuple[pa.Table, Array], quiet: Array) -> Called:
    """The genotypes at all sites, of which `quiet` (sites,) bool are the others."""
    distinct, others = more
    numbers = np.empty((len(quiet), len(called.samples)), np.int32)
    numbers[~quiet], numbers[quiet] = called.numbers, others + np.int32(len(called.distinct))
    return replace(called, distinct=_concatenated(called.distinct, distinct), numbers=numbers)


def _concatenated(*tables: pa.Table) -> pa.Table:
    """Tables one behind the other, with one dictionary for each column of words."""
    return pa.concat_tables(tables).unify_dictionaries().combine_chunks()


def _kept(sites: pa.Table) -> tuple[Array, Array]:
    """Merged numbers of the alleles put out, REF first: (offsets (sites + 1,) int64, numbers int64)."""
    lists, numbers = schema.ragged(sites["kept"])
    offsets = lists + np.arange(len(lists))
    kept = np.zeros(offsets[-1], np.int64)
    is_alt = np.ones(len(kept), bool)
    is_alt[offsets[:-1]] = False
    kept[is_alt] = numbers
    return offsets, kept


def _evidence(lines: Lines) -> Evidence:
    variants = lines.variants
    gt_at, gt = schema.ragged(variants["gt"])
    ad_at, ad = schema.ragged(variants["ad"])
    raw_mq = np.stack([schema.numbers(variants[name]) for name in ("raw_mq", "raw_mq_dp")], axis=1)
    return Evidence(
        gt_at=gt_at,
        gt=np.array(gt),
        ad_at=ad_at,
        ad=np.array(ad),
        merged_at=lines.merged_at,
        merged=lines.merged,
        sb=_strands(variants["sb"]),
        raw_mq=raw_mq,
        ranked=np.stack(
            [schema.numbers(variants[name].cast(schema.DOUBLE)).astype(np.float32) for name in RANKED], axis=1
        ),
    )


def _strands(column: pa.ChunkedArray) -> Array:
    """SB as (rows, 4) int32, MISSING where it is absent or has another length."""
    offsets, values = schema.ragged(column)
    out = np.full((len(column), 4), schema.MISSING)
    whole = np.flatnonzero(np.diff(offsets) == 4)
    out[whole] = values[offsets[whole][:, None] + np.arange(4)]
    return out


def _ids(lines: Lines, positions: Array) -> tuple[tuple[int, str], ...]:
    """IDs of the records that speak where they start."""
    named = np.flatnonzero(lines.variants["id"].is_valid().to_numpy())
    if not len(named):
        return ()
    speaks = np.zeros(len(lines.facts) + 1, bool)
    speaks[lines.speaking] = True
    named = named[speaks[named] & np.isin(lines.facts[START][named], positions)]
    sites = np.searchsorted(positions, lines.facts[START][named])
    return tuple(sorted(set(zip(sites.tolist(), lines.variants["id"].take(named).to_pylist(), strict=True))))


_FORMAT = pa.schema(list(schema.GENOTYPES)[3:])


def _distinct(calls: Calls, variants: pa.Table) -> pa.Table:
    columns = (
        _genotypes(calls),
        _lists(calls.ad_at, calls.ad),
        schema.nullable(calls.dp, schema.INT32),
        schema.nullable(calls.gq, schema.INT32),
        _copied_phase(calls, variants["pgt"]),
        _copied(calls, variants["pid"]),
        _lists(calls.pl_at, calls.pl),
        _positions(calls, variants["ps"]),
        pa.nulls(len(calls.dp), schema.INT32),
    )
    return pa.table(columns, _FORMAT)


def _words(numbers: Array, words: list[str]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(numbers, mask=numbers < 0), pa.array(words, pa.string()))


def _genotypes(calls: Calls) -> pa.DictionaryArray:
    """GT as words: phase is made part of each genotype, as a last allele number of its own, and taken off again."""
    offsets = calls.gt_at + np.arange(len(calls.gt_at))
    marked = np.empty(offsets[-1], np.int8)
    is_mark = np.zeros(len(marked), bool)
    is_mark[offsets[1:] - 1] = True
    marked[is_mark], marked[~is_mark] = calls.phased, calls.gt
    numbers, firsts = number_words(offsets, marked)
    return _words(numbers, [_genotype(marked[offsets[first] : offsets[first + 1]].tolist()) for first in firsts])


def _genotype(marked: list[int]) -> str:
    *alleles, phased = marked
    return "/|"[phased].join("." if allele < 0 else str(allele) for allele in alleles)


def _lists(offsets: Array, values: Array) -> pa.ListArray:
    """Slices of values as lists; an empty one is null. Missing values become null entries."""
    empty = pa.array(offsets[1:] == offsets[:-1])
    entries = schema.nullable(values, schema.INT32)
    return pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), entries, mask=empty)


def _copied(calls: Calls, column: pa.ChunkedArray) -> pa.DictionaryArray:
    words = column.combine_chunks().dictionary_encode()
    numbers = np.append(schema.numbers(words.indices), schema.MISSING)[calls.row]
    return _words(np.maximum(numbers, -1), words.dictionary.to_pylist())


def _copied_phase(calls: Calls, column: pa.ChunkedArray) -> pa.DictionaryArray:
    """PGT; GATK writes `1|1` at hom-var genotypes that have one."""
    words = _copied(calls, column)
    numbers = np.where(words.indices.is_valid(), words.indices.fill_null(-1), -1)
    dictionary = words.dictionary.to_pylist()
    both = dictionary.index("1|1") if "1|1" in dictionary else len(dictionary)
    numbers = np.where(calls.homozygous & (numbers >= 0), both, numbers).astype(np.int32)
    return _words(numbers, dictionary + ["1|1"] * (both == len(dictionary)))


def _positions(calls: Calls, column: pa.ChunkedArray) -> pa.Array:
    return schema.nullable(np.append(schema.numbers(column), schema.MISSING)[calls.row].astype(np.int32), schema.INT32)
