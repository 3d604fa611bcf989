"""Allele-specific annotations (GATK's AS_StandardAnnotation): raw data by batch, merging, and final values."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import schema
from genocloud.genotypes.aligned_rows import AlignedRows, SiteArrays
from genocloud.kernels import allele_specific_sums as kernels
from genocloud.kernels.fixed_point import add_share_sums, share_sums
from genocloud.kernels.genotyping import Calls, Evidence
from genocloud.kernels.merged_likelihoods import START
from genocloud.kernels.site_statistics import (
    STRAND_LIMIT,
    fisher_strand,
    log_factorials,
    merge_runs,
    strand_odds_ratio,
)

Array = npt.NDArray[Any]

HISTOGRAMS = {
    "as_raw_base_q_rank_sum": "AS_BaseQRankSum",
    "as_raw_mq_rank_sum": "AS_MQRankSum",
    "as_raw_read_pos_rank_sum": "AS_ReadPosRankSum",
}
"""Columns of VARIANTS that hold histograms by allele, and the columns of SITES made from them."""
HIGH_QD, QD_WHEN_HIGH = 35.0, 30.0
"""GATK replaces QD of 35 and more by a random draw around 30 (standard deviation 3), so that the value is no tell-tale
of an artefact (QualByDepth.fixTooHighQD). We write the centre of that draw: the same in every run and under any cut.
AS_QD is so replaced where there is no depth, too."""
RAW = ("as_sb_table", "as_raw_mq", *HISTOGRAMS)
"""Columns of VARIANTS that hold raw data by allele, as text."""
MIN_INBRED = 10
"""AS_InbreedingCoeff needs as many called diploid samples with PL (AS_InbreedingCoeff.MIN_SAMPLES)."""


class Runs(NamedTuple):
    """Multisets of floats.

    at (multisets + 1,) int64; slices of counts, int32, and values, float32: the distinct ones, ascending
    """

    at: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int32]
    values: npt.NDArray[np.float32]


def add_runs(parts: Sequence[Runs]) -> Runs:
    """Merge the parts' multisets one by one; exact, in any order."""
    before = np.cumsum([0, *(len(part.counts) for part in parts[:-1])])
    return Runs(
        *merge_runs(
            np.stack([part.at + first for part, first in zip(parts, before, strict=True)]),
            np.concatenate([part.counts for part in parts]),
            np.concatenate([part.values for part in parts]),
        )
    )


class AlleleRawAnnotations(NamedTuple):
    """One batch's raw data for the allele-specific annotations; adding is exact, in any order.

    sums            (emitted alleles, kernels.SUMS) int64, REF too; samples (sites, 2) int64: as `kernels.add_genotypes`
    record_counts   (sites, 5) int64: records that have each raw column
    bins            HISTOGRAMS x emitted alleles: numbers of the bins of 0.1
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


def add(parts: Sequence[AlleleRawAnnotations]) -> AlleleRawAnnotations:
    """Merge several parts."""
    sums = np.sum([part.sums for part in parts], axis=0)
    sums[:, kernels.HETS :] = add_share_sums(np.stack([part.sums[:, kernels.HETS :] for part in parts]))
    return AlleleRawAnnotations(
        sums,
        np.sum([part.samples for part in parts], axis=0),
        np.sum([part.record_counts for part in parts], axis=0),
        add_runs([part.bins for part in parts]),
        np.concatenate([part.cells for part in parts]),
        np.concatenate([part.ranks for part in parts]),
        np.concatenate([part.squares for part in parts]),
    )


def allele_raw_annotations(
    rows: AlignedRows,
    sites: SiteArrays,
    kept: tuple[Array, Array],
    calls: Calls,
    evidence: Evidence,
    ranks: Array,
) -> AlleleRawAnnotations:
    """One batch's raw data, from its records and the result of `call_sites`; ranks of the active samples."""
    sums = np.zeros((kept[0][-1], kernels.SUMS), np.int64)
    samples = np.zeros((len(sites.positions), 2), np.int64)
    kernels.add_genotypes(calls, evidence.ad_at, kept[0], sums, samples)
    record_counts = np.zeros((len(sites.positions), len(RAW)), np.int64)

    starting = _starting(rows, sites.positions)

    def read(name: str, which: int) -> tuple[Array, ...]:
        raw_at, raw = (np.array(part) for part in schema.strings(rows.variants[name]))
        own, records = (evidence.merged_at, evidence.merged), np.zeros(len(sites.positions), np.int64)
        entries = kernels.read_raw(*starting, rows.facts, sites.alleles, *kept, *own, raw_at, raw, which, sums, records)
        record_counts[:, RAW.index(name)] = records
        return tuple(entries)

    read("as_sb_table", 0)
    cells, owners, squares = read("as_raw_mq", 1)
    histograms = [read(name, 2) for name in HISTOGRAMS]
    bins = _binned([cells + n * len(sums) for n, (cells, _, _) in enumerate(histograms)], histograms, 3 * len(sums))
    return AlleleRawAnnotations(
        sums, samples, record_counts, bins, cells, ranks[owners], squares[:, 0].astype(np.float32)
    )


def _starting(rows: AlignedRows, positions: Array) -> tuple[Array, Array, Array]:
    """The records that cover the site where they start: (sites, samples, rows), sorted so, int64."""
    site, sample = np.nonzero((rows.covering_row >= 0) & (rows.covering_row < len(rows.variants)))
    row = rows.covering_row[site, sample].astype(np.int64)
    starts = rows.facts[START][row] == positions[site]
    return site[starts], sample[starts], row[starts]


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


def annotations(raw: AlleleRawAnnotations, offsets: Array, absent_log10: Array, an: Array) -> dict[str, pa.Array]:
    """The AS_ columns of SITES; an (sites,) int64.

    offsets       (sites + 1,) int64: the sites' slices of the emitted ALTs
    absent_log10  (emitted ALTs,) float64: log10 probability that no sample carries it
    """
    first = offsets + np.arange(len(offsets))
    is_alt = np.ones(first[-1], bool)
    is_alt[first[:-1]] = False
    alt, ref = np.flatnonzero(is_alt), np.repeat(first[:-1], np.diff(offsets))
    site = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    has_records, lists = raw.record_counts > 0, _Lists(offsets.astype(np.int32))
    medians = kernels.median_bins(*raw.bins).reshape(len(HISTOGRAMS), -1)[:, alt]
    columns = {
        name: lists.column(medians[n], ~np.isnan(medians[n]), has_records[:, 2 + n])
        for n, name in enumerate(HISTOGRAMS.values())
    }
    strands = np.concatenate([raw.sums[ref, :2], raw.sums[alt, :2]], axis=1)
    has_strands = raw.sums[alt, kernels.STRANDED] > 0
    factorials = log_factorials(STRAND_LIMIT + 1)
    fisher = np.array([fisher_strand(table, factorials) for table in strands])
    odds = np.array([strand_odds_ratio(table) for table in strands])
    depth = raw.sums[ref, kernels.CARRIED] + raw.sums[alt, kernels.CARRIED]
    with np.errstate(divide="ignore", invalid="ignore"):
        by_depth = np.floor(-10.0 * absent_log10 + 0.5) / depth
        by_depth = np.where(by_depth < HIGH_QD, by_depth, QD_WHEN_HIGH)
        squares = _squares(raw)[alt] / raw.sums[alt, kernels.DEPTH]
    enough = raw.samples[:, 0] >= MIN_INBRED
    return columns | {
        "AS_FS": lists.column(fisher, has_strands, has_records[:, 0]),
        "AS_InbreedingCoeff": lists.column(_inbreeding(raw, ref, alt, site, an), enough[site], enough),
        "AS_MQ": lists.column(np.sqrt(squares), np.ones(len(alt), bool), has_records[:, 1]),
        "AS_QD": lists.column(by_depth, np.ones(len(alt), bool), raw.samples[:, 1] > 0),
        "AS_SOR": lists.column(odds, has_strands, has_records[:, 0]),
    }


class _Lists:
    """Builder of columns with one value for each ALT."""

    def __init__(self, offsets: npt.NDArray[np.int32]) -> None:
        self.offsets = offsets

    def column(self, values: Array, present: Array, sites: Array) -> pa.Array:
        """Values, null where not `present`; null lists where not `sites`."""
        return pa.ListArray.from_arrays(
            pa.array(self.offsets), pa.array(values, pa.float64(), mask=~present), mask=pa.array(~sites)
        )


def _squares(raw: AlleleRawAnnotations) -> Array:
    """ASRAW_MQ as GenomicsDB writes it: added in float32 in the samples' order, three decimals; 0 without data."""
    order = np.lexsort((raw.ranks, raw.cells))
    sums = kernels.sum_in_order(raw.cells[order], raw.squares[order], len(raw.sums))
    return np.asarray(np.nan_to_num(np.round(sums.astype(np.float64), 3)))


def _inbreeding(raw: AlleleRawAnnotations, ref: Array, alt: Array, site: Array, an: Array) -> Array:
    """1 - observed / expected heterozygotes of each ALT (AS_InbreedingCoeff.calculateIC)."""
    hets, homs = share_sums(raw.sums[:, kernels.HETS :].copy()).T
    copies = hets + 2.0 * homs
    alone = np.bincount(site, minlength=len(raw.samples))[site] == 1
    with np.errstate(divide="ignore", invalid="ignore"):
        refs = copies[ref] / (copies[alt] + copies[ref])  # of one ALT; never 1 - q, which would lose a tiny share
        alts = copies[alt] / an[site]
        share_of_one = np.where(alone, refs, alts)
        return np.asarray(1.0 - hets[alt] / (2.0 * share_of_one * (1.0 - share_of_one) * raw.samples[site, 0]))
