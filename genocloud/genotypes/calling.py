"""One batch's genotypes at the emitted sites, and its raw data for their annotations."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import schema
from genocloud.annotations import MEDIANS
from genocloud.genotypes.aligned_rows import UNKNOWN_PL, AlignedRows, site_arrays
from genocloud.genotypes.allele_specific import allele_raw_annotations
from genocloud.genotypes.gq_calibration import kinds_of, mapped
from genocloud.genotypes.model import Model
from genocloud.genotypes.nonvariant import NonvariantRawAnnotations, is_nonvariant, was_not_estimated
from genocloud.genotypes.own_deletions import with_own_deletions
from genocloud.genotypes.raw_annotations import RawAnnotations, add_shared, with_own_sums
from genocloud.genotypes.runs import Runs
from genocloud.genotypes.sample_copies import SampleCopies
from genocloud.kernels.called_genotypes import Calls
from genocloud.kernels.cell_runs import CellRuns, at_sites, cut_runs, joined, spread
from genocloud.kernels.dictionary import number_words
from genocloud.kernels.genotyping import Evidence, call_sites
from genocloud.kernels.merged_likelihoods import START
from genocloud.kernels.nonvariant_genotypes import call_nonvariant_sites
from genocloud.kernels.run_sums import sum_cells
from genocloud.regions import Contig

Array = npt.NDArray[Any]


class DefaultPloidies(NamedTuple):
    """Ploidy of the no-call where a sample has no record; it depends on the contig, and on the stretch of X.

    ploidies  (kinds, samples of the batch) int8
    starts    (stretches,) int64, first base of each on the axis; kinds (stretches,) int64: its row of `ploidies`
    """

    ploidies: npt.NDArray[np.int8]
    starts: npt.NDArray[np.int64]
    kinds: npt.NDArray[np.int64]

    @classmethod
    def everywhere(cls, ploidies: npt.NDArray[np.int8]) -> "DefaultPloidies":
        """The same number on every contig: (samples of the batch,)."""
        return cls(ploidies[None, :], np.zeros(1, np.int64), np.zeros(1, np.int64))

    def within(self, copies: SampleCopies) -> "DefaultPloidies":
        """The same, but one where a sample has fewer copies than two."""
        starts = np.union1d(self.starts, copies.starts)
        ploidies = np.where(copies.copies[copies.at(starts)] < 2, 1, self.ploidies[self._kinds_at(starts)])
        return DefaultPloidies(ploidies.astype(np.int8), starts, np.arange(len(starts)))

    def at(self, sites: schema.MergedSites) -> npt.NDArray[np.int64]:
        """The row of `ploidies` for each site."""
        return self._kinds_at(schema.numbers(sites["start"]))

    def _kinds_at(self, places: Array) -> npt.NDArray[np.int64]:
        return self.kinds[np.searchsorted(self.starts, places, side="right") - 1]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchGenotypes:
    """One batch's genotypes at some sites of a contig, or of an axis, each distinct one once, by local alleles.

    contig     its name
    positions  (sites,) int32, 1-based
    samples    names
    alts       (sites,) int32; emitted ALTs of each
    distinct   the distinct genotypes
    runs       the row of `distinct` that each cell (site, sample) has
    """

    contig: str
    positions: npt.NDArray[np.int32]
    samples: tuple[str, ...]
    alts: npt.NDArray[np.int32]
    distinct: schema.LocalGenotypes
    runs: CellRuns

    def uncarried(self, sites: npt.NDArray[np.bool_]) -> "BatchGenotypes":
        """Genotypes as GATK writes them at sites, (sites,) bool, whose ALTs have no carrier.

        Source: GenotypeGVCFsEngine.cleanupGenotypeAnnotations, createRefGTs: GQ becomes RGQ, and what has no depth or
        no GQ becomes a no-call.
        """
        if not sites.any():
            return self
        runs, rewritten = cut_runs(self.runs, sites)
        runs = runs._replace(numbers=runs.numbers + rewritten * np.int32(len(self.distinct)))
        return replace(self, distinct=_concatenated(self.distinct, _as_reference(self.distinct)), runs=runs)

    def at(self, sites: npt.NDArray[np.bool_]) -> "BatchGenotypes":
        """The genotypes at a subset of the sites, (sites,) bool."""
        runs = at_sites(self.runs, sites)
        return replace(self, positions=self.positions[sites], alts=self.alts[sites], runs=runs)


def _as_reference(distinct: schema.LocalGenotypes) -> schema.LocalGenotypes:
    """Distinct genotypes rewritten as in `BatchGenotypes.uncarried`."""
    dp, gq = schema.numbers(distinct["DP"]), schema.numbers(distinct["GQ"])
    has_depth = (dp > 0) & (gq != schema.MISSING)
    words = distinct["GT"].combine_chunks()
    refs, unknown = ([re.sub(r"[^|/]+", allele, word) for word in words.dictionary.to_pylist()] for allele in "0.")
    numbers = schema.numbers(words.indices) + np.where(has_depth & (gq > 0), 0, len(refs)).astype(np.int32)
    columns = {
        "GT": _words(numbers, refs + unknown).dictionary_decode().dictionary_encode(),
        "DP": schema.nullable(np.where(has_depth, dp, schema.MISSING), schema.INT32),
        "GQ": pa.nulls(len(distinct), schema.INT32),
        "LPL": pa.nulls(len(distinct), schema.INTS),
        "RGQ": schema.nullable(np.where(has_depth, gq, schema.MISSING), schema.INT32),
    }
    table = schema.LOCAL_GENOTYPES
    return pa.table([columns.get(name, distinct[name]) for name in table.names], table)


def emitted(settled: schema.Settled) -> schema.Settled:
    """The rows of SETTLED that are emitted."""
    return settled.filter(pc.is_null(settled["reason"])).combine_chunks()


def call(
    rows: AlignedRows,
    samples: Sequence[str],
    emitted_sites: schema.Settled,
    contigs: Sequence[Contig],
    default_ploidies: DefaultPloidies,
    *,
    model: Model,
) -> tuple[BatchGenotypes, RawAnnotations]:
    """Genotype the active samples of one batch, in the batch's order, at emitted sites.

    rows              the batch's rows, aligned to these sites or more
    samples           (samples of the batch,): names
    emitted_sites     rows of `emitted`
    default_ploidies  ploidy where a sample has no record
    model             its rules, and whether to compute raw data for the AS_ annotations
    """
    nonvariant_mask = is_nonvariant(emitted_sites)
    sites = (
        emitted_sites.filter(pa.array(~nonvariant_mask)).combine_chunks() if nonvariant_mask.any() else emitted_sites
    )
    positions = _positions_of(emitted_sites)
    all_rows, ranks = _by_rules(rows.at_sites(emitted_sites), emitted_sites, model), rows.ranks
    variant_rows = all_rows.at_sites(sites)
    arrays = site_arrays(sites)
    kept_at, kept = _kept(sites)
    active = np.flatnonzero(ranks >= 0)
    evidence = _evidence(variant_rows)
    ploidies = np.ascontiguousarray(default_ploidies.ploidies[:, active], np.int64)
    calls, totals, ac, shared, *runs = call_sites(
        variant_rows.facts,
        variant_rows.pl,
        variant_rows.own,
        evidence,
        variant_rows.cover,
        arrays.positions,
        arrays.alleles,
        arrays.stars,
        kept_at,
        kept,
        ploidies,
        default_ploidies.at(sites),
        variant_rows.first_shared,
        model.rules.own_gq,
    )
    add_shared(calls, shared, kept_at, totals, ac)
    names = [samples[sample] for sample in active.tolist()]
    alleles = None
    if model.allele_specific:
        alleles = allele_raw_annotations(
            variant_rows, arrays, (kept_at, kept), calls=calls, evidence=evidence, ranks=ranks[active]
        )
    raw = RawAnnotations(
        totals=with_own_sums(totals, calls), ac=ac, runs=Runs(*runs), samples=len(names), alleles=alleles
    )
    contig = contigs[emitted_sites["contig"][0].as_py()].name if len(emitted_sites) else ""
    called = BatchGenotypes(
        contig=contig,
        positions=positions,
        samples=tuple(names),
        alts=np.diff(schema.ragged(emitted_sites["kept"])[0]).astype(np.int32),
        distinct=_distinct(calls, variant_rows, model),
        runs=calls.runs,
    )
    if not nonvariant_mask.any():
        return called, raw
    others = emitted_sites.filter(pa.array(nonvariant_mask)).combine_chunks()
    more, nonvariant = _call_nonvariant(
        all_rows.at_sites(others), others, evidence, ploidies, default_ploidies, model=model
    )
    return _with_nonvariant(called, more, nonvariant_mask), replace(raw, nonvariant=nonvariant)


def _by_rules(rows: AlignedRows, sites: schema.Settled, model: Model) -> AlignedRows:
    """The rows as the model's rules take them at these sites."""
    rules = model.rules
    rows = rows.with_own_no_calls() if rules.own_no_calls else rows
    rows = rows if rules.filler_pl is None else rows.with_unknown(rules.filler_pl)
    return with_own_deletions(rows, _starred(sites)) if rules.own_deletions else rows


def _starred(sites: schema.Settled) -> npt.NDArray[np.bool_]:
    """The sites that emit `*`: (sites,) bool."""
    lists, kept = schema.ragged(sites["kept"])
    site = np.repeat(np.arange(len(sites)), np.diff(lists))
    return np.bincount(site[kept == site_arrays(sites).stars[site]], minlength=len(sites)) > 0


def _positions_of(sites: schema.Settled) -> Array:
    return schema.numbers(sites["start"]) + np.int32(1)


def _call_nonvariant(
    rows: AlignedRows,
    sites: schema.Settled,
    evidence: Evidence,
    ploidies: Array,
    default_ploidies: DefaultPloidies,
    *,
    model: Model,
) -> tuple[tuple[schema.LocalGenotypes, CellRuns], NonvariantRawAnnotations]:
    """(distinct genotypes, their runs) at sites emitted without a likely variant, and their raw data."""
    arrays, kept = site_arrays(sites), _kept(sites)
    calls, rgq, totals, shared, *runs = call_nonvariant_sites(
        rows.facts,
        rows.pl,
        rows.own,
        evidence,
        rows.cover,
        arrays.positions,
        arrays.alleles,
        arrays.stars,
        *kept,
        ~was_not_estimated(sites),
        ploidies,
        default_ploidies.at(sites),
        len(rows.variants),
    )
    totals += sum_cells(calls.runs, len(sites), shared, np.zeros((len(shared), 0), np.int64))[0]
    of_row = pa.chunked_array([schema.nullable(rgq, schema.INT32)])
    distinct = schema.with_column(_distinct(calls, rows, model), "RGQ", of_row)
    return (distinct, calls.runs), NonvariantRawAnnotations(totals, Runs(*runs), _ids(rows, arrays.positions))


def _with_nonvariant(
    called: BatchGenotypes, more: tuple[schema.LocalGenotypes, CellRuns], nonvariant_mask: Array
) -> BatchGenotypes:
    """The genotypes at all sites: those of `more` where `nonvariant_mask`, (sites,) bool, is true."""
    distinct, others = more
    others = others._replace(numbers=others.numbers + np.int32(len(called.distinct)))
    runs = joined(spread(called.runs, ~nonvariant_mask), spread(others, nonvariant_mask))
    return replace(called, distinct=_concatenated(called.distinct, distinct), runs=runs)


def _concatenated(*tables: schema.LocalGenotypes) -> schema.LocalGenotypes:
    """Concatenated tables with one dictionary for each dictionary column."""
    return pa.concat_tables(tables).unify_dictionaries().combine_chunks()


def _kept(sites: schema.Settled) -> tuple[Array, Array]:
    """Merged numbers of the emitted alleles, REF first: (offsets (sites + 1,) int64, numbers int64)."""
    lists, numbers = schema.ragged(sites["kept"])
    offsets = lists + np.arange(len(lists))
    kept = np.zeros(offsets[-1], np.int64)
    is_alt = np.ones(len(kept), bool)
    is_alt[offsets[:-1]] = False
    kept[is_alt] = numbers
    return offsets, kept


def _evidence(rows: AlignedRows) -> Evidence:
    variants = rows.variants
    gt_at, gt = schema.ragged(variants["gt"])
    ad_at, ad = schema.ragged(variants["ad"])
    raw_mq = np.stack([schema.numbers(variants[name]) for name in ("raw_mq", "raw_mq_dp")], axis=1)
    return Evidence(
        gt_at=gt_at,
        gt=np.array(gt),
        ad_at=ad_at,
        ad=np.array(ad),
        merged_at=rows.merged_at,
        merged=rows.merged,
        sb=_strands(variants["sb"]),
        raw_mq=raw_mq,
        ranked=np.stack(
            [schema.numbers(variants[name].cast(schema.DOUBLE)).astype(np.float32) for name in MEDIANS], axis=1
        ),
    )


def _strands(column: pa.ChunkedArray) -> Array:
    """SB as (rows, 4) int32, MISSING where it is absent or has another length."""
    offsets, values = schema.ragged(column)
    out = np.full((len(column), 4), schema.MISSING)
    whole = np.flatnonzero(np.diff(offsets) == 4)
    out[whole] = values[offsets[whole][:, None] + np.arange(4)]
    return out


def _ids(rows: AlignedRows, positions: Array) -> tuple[tuple[int, str], ...]:
    """IDs of the records that cover their own start in some sample."""
    named = np.flatnonzero(rows.variants["id"].is_valid().to_numpy())
    if not len(named):
        return ()
    covers_any = np.zeros(len(rows.facts) + 1, bool)
    covers_any[rows.cover.numbers] = True
    named = named[covers_any[named] & np.isin(rows.facts[START][named], positions)]
    sites = np.searchsorted(positions, rows.facts[START][named])
    return tuple(sorted(set(zip(sites.tolist(), rows.variants["id"].take(named).to_pylist(), strict=True))))


def _distinct(calls: Calls, rows: AlignedRows, model: Model) -> schema.LocalGenotypes:
    variants, unknown = rows.variants, UNKNOWN_PL // 2
    pl_at, pl = calls.pl_at, np.where(calls.pl > unknown, schema.MISSING, calls.pl)
    gq = np.where(calls.gq > unknown, schema.MISSING, calls.gq)
    if model.gq_calibration:
        gq = mapped(model.gq_calibration, kinds_of(calls, rows.indels), gq)
    if model.rules.filler_pl is not None:
        pl_at, pl = _telling(pl_at, pl)
    columns = (
        _genotypes(calls),
        pa.ListArray.from_arrays(pa.array(calls.laa_at.astype(np.int32)), pa.array(calls.laa)),
        _lists(calls.ad_at, calls.ad),
        schema.nullable(calls.dp, schema.INT32),
        schema.nullable(gq, schema.INT32),
        _copied_phase(calls, variants["pgt"]),
        _copied(calls, variants["pid"]),
        _lists(pl_at, pl),
        _positions(calls, variants["ps"]),
        pa.nulls(len(calls.dp), schema.INT32),
    )
    return pa.table(columns, schema.LOCAL_GENOTYPES)


def _telling(offsets: Array, values: Array) -> tuple[Array, Array]:
    """Lists of PL without those that only have zeros, which say nothing: offsets and values."""
    owner = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    tells = np.bincount(owner, values > 0, len(offsets) - 1) > 0
    lengths = np.where(tells, np.diff(offsets), 0)
    return np.concatenate([[0], np.cumsum(lengths)]).astype(offsets.dtype), values[tells[owner]]


def _words(numbers: Array, words: list[str]) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(pa.array(numbers, mask=numbers < 0), pa.array(words, pa.string()))


def _genotypes(calls: Calls) -> pa.DictionaryArray:
    """GT texts; the phase is appended to each genotype's allele numbers, so that it takes part in the numbering."""
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
