"""Raw data of the allele-specific annotations (GATK's AS_StandardAnnotation): a batch's own, merging."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from genocloud import schema
from genocloud.annotations import ALLELE_ANNOTATIONS, HISTOGRAMS, RAW, SQUARED, AlleleData
from genocloud.genotypes.aligned_rows import AlignedRows, SiteArrays
from genocloud.genotypes.runs import Runs, add_runs
from genocloud.kernels import allele_specific_sums as kernels
from genocloud.kernels.called_genotypes import Calls
from genocloud.kernels.cell_runs import at_sites, renumbered
from genocloud.kernels.fixed_point import add_share_sums
from genocloud.kernels.genotyping import Evidence
from genocloud.kernels.merged_likelihoods import START
from genocloud.kernels.run_sums import sum_cells

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlleleRawAnnotations:
    """One batch's raw data for the allele-specific annotations; adding is exact, in any order.

    sums            (emitted alleles, kernels.SUMS) int64, REF too; samples (sites, 2) int64: as `kernels.add_genotypes`
    record_counts   (sites, annotations.RAW) int64: records that have each raw column
    bins            annotations.HISTOGRAMS x emitted alleles: numbers of the bins of 0.1
    cells, ranks, squares  (n,) int64, int32, float32: ASRAW_MQ of each emitted allele in each record, with the
                    sample's cohort rank: GenomicsDB adds them up in float32, in the samples' order
    """

    sums: npt.NDArray[np.int64]
    samples: npt.NDArray[np.int64]
    record_counts: npt.NDArray[np.int64]
    bins: Runs
    cells: npt.NDArray[np.int64]
    ranks: npt.NDArray[np.int32]
    squares: npt.NDArray[np.float32]


def add_allele_specific(parts: Sequence[AlleleRawAnnotations]) -> AlleleRawAnnotations:
    """Merge several parts."""
    sums = np.sum([part.sums for part in parts], axis=0)
    sums[:, kernels.HETS :] = add_share_sums(np.stack([part.sums[:, kernels.HETS :] for part in parts]))
    return AlleleRawAnnotations(
        sums=sums,
        samples=np.sum([part.samples for part in parts], axis=0),
        record_counts=np.sum([part.record_counts for part in parts], axis=0),
        bins=add_runs([part.bins for part in parts]),
        cells=np.concatenate([part.cells for part in parts]),
        ranks=np.concatenate([part.ranks for part in parts]),
        squares=np.concatenate([part.squares for part in parts]),
    )


def allele_raw_annotations(
    rows: AlignedRows,
    sites: SiteArrays,
    kept: tuple[Array, Array],
    *,
    calls: Calls,
    evidence: Evidence,
    ranks: Array,
) -> AlleleRawAnnotations:
    """One batch's raw data, from its records and the result of `call_sites`; ranks of the active samples."""
    sums = np.zeros((kept[0][-1], kernels.SUMS), np.int64)
    samples = np.zeros((len(sites.positions), 2), np.int64)
    kernels.add_genotypes(calls, evidence.ad_at, kept[0], sums, samples)
    _add_shared(calls, evidence.ad_at, kept[0], sums, samples)
    record_counts = np.zeros((len(sites.positions), len(RAW)), np.int64)

    starting = _starting(rows, sites.positions)

    def read(name: str, holds: int) -> tuple[Array, ...]:
        raw_at, raw = (np.array(part) for part in schema.strings(rows.variants[name]))
        own, records = (evidence.merged_at, evidence.merged), np.zeros(len(sites.positions), np.int64)
        entries = kernels.read_raw(*starting, rows.facts, sites.alleles, *kept, *own, raw_at, raw, holds, sums, records)
        record_counts[:, RAW.index(name)] = records
        return tuple(entries)

    entries = {each.raw: read(each.raw, each.holds) for each in ALLELE_ANNOTATIONS if each.raw}
    cells, owners, squares = entries[SQUARED]
    histograms = [entries[name] for name in HISTOGRAMS]
    bins = _binned(
        [cells + n * len(sums) for n, (cells, _, _) in enumerate(histograms)], histograms, len(HISTOGRAMS) * len(sums)
    )
    return AlleleRawAnnotations(
        sums=sums,
        samples=samples,
        record_counts=record_counts,
        bins=bins,
        cells=cells,
        ranks=ranks[owners],
        squares=squares[:, 0].astype(np.float32),
    )


def _add_shared(calls: Calls, ad_at: Array, kept_at: Array, sums: Array, samples: Array) -> None:
    """Add what the shared genotypes do, which depends on the number of alleles: sites of each number by themselves."""
    counts, shared = np.diff(kept_at), np.arange(len(calls.row)) < calls.shared
    for alleles in np.unique(counts):
        here = counts == alleles
        runs, numbers = renumbered(at_sites(calls.runs, here), shared)
        plain, shares = sum_cells(runs, int(here.sum()), *kernels.weigh_shared(calls, ad_at, numbers, alleles))
        samples[here] += plain[:, :2]
        of_ref, of_alts = np.split(shares, 2, axis=1)
        more = np.stack([of_ref, *[of_alts] * (alleles - 1)], axis=1).reshape(-1, kernels.SUMS - kernels.HETS)
        rows = (kept_at[:-1][here][:, None] + np.arange(alleles)).ravel()
        sums[rows, kernels.DEPTH] += np.concatenate([plain[:, 2:3], np.repeat(plain[:, 3:], alleles - 1, 1)], 1).ravel()
        sums[rows, kernels.HETS :] = add_share_sums(np.stack([sums[rows, kernels.HETS :], more]))


def _starting(rows: AlignedRows, positions: Array) -> tuple[Array, Array, Array]:
    """The records that cover the site where they start: (sites, samples, rows), sorted so, int64."""
    cover = rows.cover
    of_variant = np.flatnonzero((cover.numbers >= 0) & (cover.numbers < len(rows.variants)))
    starts = rows.facts[START][cover.numbers[of_variant]] == positions[cover.firsts[of_variant]]
    runs = of_variant[starts]
    runs = runs[np.lexsort((cover.samples[runs], cover.firsts[runs]))]
    return tuple(each[runs].astype(np.int64) for each in (cover.firsts, cover.samples, cover.numbers))


def _binned(cells: list[Array], histograms: Sequence[tuple[Array, ...]], count: int) -> Runs:
    """Histograms with bins of 0.1 from values with three decimals and their counts."""
    cell, numbers = np.concatenate(cells), np.concatenate([numbers for _, _, numbers in histograms])
    exact = np.floor(numbers[:, 0] * kernels.THOUSANDTHS + 0.5) / kernels.THOUSANDTHS
    bins = np.floor((exact + kernels.EPSILON) / kernels.BIN)
    order = np.lexsort((bins, cell))
    cell, bins, counts = cell[order], bins[order], numbers[order, 1].astype(np.int64)
    first = np.flatnonzero((np.diff(cell, prepend=-1) != 0) | (np.diff(bins, prepend=0.0) != 0))
    added = np.add.reduceat(counts, first) if len(first) else counts
    at = np.searchsorted(cell[first], np.arange(count + 1))
    return Runs(at, added.astype(np.int32), bins[first].astype(np.float32))


def allele_data(
    raw: AlleleRawAnnotations, offsets: Array, absent_log10: Array, *, called: Array, carried: Array
) -> AlleleData:
    """What the allele-specific annotations are computed from; offsets, absent_log10 ... as in AlleleData."""
    first = offsets + np.arange(len(offsets))
    is_alt = np.ones(first[-1], bool)
    is_alt[first[:-1]] = False
    medians = kernels.median_bins(*raw.bins).reshape(len(HISTOGRAMS), -1)
    return AlleleData(
        offsets=offsets,
        alt=np.flatnonzero(is_alt),
        ref=np.repeat(first[:-1], np.diff(offsets)),
        site=np.repeat(np.arange(len(offsets) - 1), np.diff(offsets)),
        sums=raw.sums,
        squares=_squares(raw),
        medians=dict(zip(HISTOGRAMS, medians, strict=True)),
        has_records=dict(zip(RAW, (raw.record_counts > 0).T, strict=True)),
        samples=raw.samples,
        absent_log10=absent_log10,
        called=called,
        carried=carried,
    )


def _squares(raw: AlleleRawAnnotations) -> Array:
    """ASRAW_MQ as GenomicsDB writes it: added in float32 in the samples' order, three decimals; 0 without data."""
    order = np.lexsort((raw.ranks, raw.cells))
    sums = kernels.sum_in_order(raw.cells[order], raw.squares[order], len(raw.sums))
    return np.asarray(np.nan_to_num(np.round(sums.astype(np.float64), 3)))
