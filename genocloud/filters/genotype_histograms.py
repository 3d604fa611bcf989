"""What gnomAD's table counts of genotypes: alleles in groups of people, and histograms of GQ, DP, balance and age."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache, partial
from math import comb

import numpy as np
import numpy.typing as npt

from genocloud import schema
from genocloud.filters.frequencies import count_alleles
from genocloud.filters.site_metrics import allele_numbers, along, alt_cells, each_once, is_adj
from genocloud.genotype_text import NO_CALL
from genocloud.kernels.adj import PAD, reads_of
from genocloud.kernels.cell_runs import CellRuns

_Ints = npt.NDArray[np.int64]
_Kept = npt.NDArray[np.bool_]

BINS, AGE_BINS = 22, 12
"""Bins of the histograms: what is smaller, 20 (ages: 10) bins, what is larger.

Source: gnomad_methods, annotations.py (qual_hist_expr: 0 to 100, allele balance 0 to 1; age_hists_expr: 30 to 80).
"""
YOUNGEST, AGE_STEP = 30, 5
MAX_GQ = 99
"""As VCF has it."""
HISTOGRAM_COLUMNS = ["GT", "AD", "DP", "GQ", "PL"]
"""Columns of GENOTYPES that all of this follows from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistogramCounts:
    """Counts over some people by name, which add up; those of adj genotypes stand before those of all.

    of_sites  (sites, columns): AN (adj, all, then adj of each group); gq_all, dp_all (adj, all: BINS each);
              VarDP, QUALapprox (1)
    of_alts   (ALTs, columns): AC, homozygote_count (as AN); gq_alt, dp_alt, ab_alt (adj, all: BINS each); age_het,
              age_hom (AGE_BINS); AS_VarDP, AS_QUALapprox (1)
    balance   (ALTs,) float64: largest p of a binomial test of a heterozygote's reads; NaN without heterozygotes

    Of a genotype with several ALTs each ALT's row says what hl.split_multi makes of it: the ALT, and others.
    """

    of_sites: Mapping[str, _Ints]
    of_alts: Mapping[str, _Ints]
    balance: npt.NDArray[np.float64]

    def __add__(self, more: "HistogramCounts") -> "HistogramCounts":
        return HistogramCounts(
            of_sites={name: each + more.of_sites[name] for name, each in self.of_sites.items()},
            of_alts={name: each + more.of_alts[name] for name, each in self.of_alts.items()},
            balance=np.fmax(self.balance, more.balance),
        )


def age_bins(ages: npt.NDArray[np.float64]) -> npt.NDArray[np.int32]:
    """The bin of each age in years, of AGE_BINS; -1 of NaN. The last bin has its upper edge, too."""
    top = YOUNGEST + (AGE_BINS - 2) * AGE_STEP
    bins = np.where(ages > top, AGE_BINS - 1, np.clip((ages - YOUNGEST) // AGE_STEP + 1, 0, AGE_BINS - 2))
    return np.where(np.isnan(ages), -1, bins).astype(np.int32)


def count_histograms(
    local: schema.LocalGenotypes,
    runs: CellRuns,
    alts: npt.NDArray[np.int32],
    members: Sequence[npt.NDArray[np.bool_]],
    ages: npt.NDArray[np.int32],
) -> HistogramCounts:
    """The counts of a batch: LOCAL_GENOTYPES and the runs of sites that have each.

    alts     (sites,) int32; the number of ALTs of each site
    members  of each group (samples,): who is in it
    ages     (samples,) int32; `age_bins` of each
    """
    sites = len(alts)
    alleles = allele_numbers(local["GT"])
    high = is_adj(local, alleles) & ~np.asarray((alleles == NO_CALL).any(axis=1))
    depth, quality = (schema.numbers(local[name]).astype(np.int64) for name in ("DP", "GQ"))
    bins = {"gq": _quality_bins(np.minimum(quality, MAX_GQ)), "dp": _quality_bins(depth)}
    has_alt = np.asarray((alleles > 0).any(axis=1))
    likelihoods, known_depth = _first_likelihood(local), np.maximum(depth, 0)
    places, run, rows, slot = alt_cells(runs, each_once(alleles), alts)
    alt_rows = int(alts.sum())
    het, hom = _zygosity(alleles)
    het_cells = np.flatnonzero(het[rows])
    by_local = schema.ragged(local["LAA"]), schema.ragged(local["LAD"])
    reads = reads_of(*by_local, rows[het_cells], alleles[rows[het_cells], slot[het_cells]])
    balance_bins = np.full(len(rows), -1, np.int64)
    balance_bins[het_cells] = _balance_bins(reads, depth[rows[het_cells]])
    of_sites, of_alts = _group_counts(local, runs, alts, [np.ones(len(ages), np.bool_), *members])
    for name, each in bins.items():
        of_sites[f"{name}_all"] = _both(partial(_along_sites, runs, each, sites), high)
        of_alts[f"{name}_alt"] = _both(partial(_by_alt, places, each[rows], alt_rows, BINS), high[rows])
    of_alts["ab_alt"] = _both(partial(_by_alt, places, balance_bins, alt_rows, BINS), high[rows])
    age = ages[runs.samples[run]].astype(np.int64)
    for name, is_so in (("age_het", het), ("age_hom", hom)):
        of_alts[name] = _by_alt(places, age, alt_rows, AGE_BINS, (high & is_so)[rows])
    for name, values in (("VarDP", known_depth), ("QUALapprox", likelihoods)):
        of_sites[name] = along(runs, np.where(has_alt, values, 0), sites)[:, None]
        of_alts[f"AS_{name}"] = _with_local_alt(local, runs, alts, np.where(has_alt, values, -1))[:, None]
    return HistogramCounts(
        of_sites=of_sites,
        of_alts=of_alts,
        balance=_largest_p(places[het_cells], reads, _all_reads(local)[rows[het_cells]], alt_rows),
    )


def _group_counts(
    local: schema.LocalGenotypes, runs: CellRuns, alts: npt.NDArray[np.int32], members: Sequence[npt.NDArray[np.bool_]]
) -> tuple[dict[str, _Ints], dict[str, _Ints]]:
    """AN by site, AC and homozygotes by ALT: of everybody adj and all, then of each group adj."""
    counted = count_alleles(local, runs, alts, members)
    chosen = [counted[0][1], counted[0][0], *(adj for _, adj in counted[1:])]
    return {"AN": np.stack([each.called for each in chosen], axis=1)}, {
        "AC": np.stack([each.counts for each in chosen], axis=1),
        "homozygote_count": np.stack([each.homozygotes for each in chosen], axis=1),
    }


def _both(histogram: Callable[[_Kept], _Ints], high: _Kept) -> _Ints:
    """A histogram of adj genotypes beside that of all."""
    return np.concatenate([histogram(high), histogram(np.ones(len(high), np.bool_))], axis=1)


def _quality_bins(values: _Ints) -> _Ints:
    """Bins of 5 up to 100, the last with its upper edge; -1 where there is no value."""
    return np.where(values < 0, -1, np.where(values > 100, BINS - 1, np.minimum(values // 5, BINS - 3) + 1))


def _balance_bins(reads: _Ints, depth: _Ints) -> _Ints:
    """Bins of 0.05 of reads / depth; -1 where it is not known. As Hail divides: 0.6 / 0.05 is below 12."""
    steps = (reads / np.maximum(depth, 1) / (1 / (BINS - 2))).astype(np.int64)
    bins = np.where(reads > depth, BINS - 1, np.minimum(steps, BINS - 3) + 1)
    return np.where((reads < 0) | (depth <= 0), -1, bins)


def _zygosity(alleles: _Ints) -> tuple[_Kept, _Kept]:
    """(With several alleles, of one allele only) among genotypes that are called whole; haploids are of one."""
    whole = ~np.asarray((alleles == NO_CALL).any(axis=1))
    same = np.asarray(((alleles == alleles[:, :1]) | (alleles == PAD)).all(axis=1))
    return whole & ~same, whole & same


def _along_sites(runs: CellRuns, bins: _Ints, sites: int, kept: _Kept) -> _Ints:
    """(sites, BINS): how many of each site's genotypes that are kept are in each bin."""
    of_runs = np.where(kept, bins, -1)[runs.numbers]
    known = of_runs >= 0
    steps = np.zeros((sites + 1) * BINS, np.int64)
    for sign, place in ((1, runs.firsts), (-1, runs.stops)):
        cells = place[known].astype(np.int64) * BINS + of_runs[known]
        steps += sign * np.bincount(cells, minlength=len(steps))
    return np.cumsum(steps.reshape(sites + 1, BINS)[:-1], axis=0)


def _by_alt(places: _Ints, bins: _Ints, alts: int, width: int, kept: _Kept) -> _Ints:
    """(ALTs, bins): how many of the cells that are kept are in each bin."""
    known = kept & (bins >= 0)
    counts = np.bincount(places[known] * width + bins[known], minlength=alts * width)
    return np.asarray(counts, np.int64).reshape(alts, width)


def _first_likelihood(local: schema.LocalGenotypes) -> _Ints:
    """PL of REF alone, 0 where it is not known."""
    at, values = schema.ragged(local["LPL"])
    first = np.append(values, 0)[at[:-1]].astype(np.int64)
    return np.where((np.diff(at) > 0) & (first != schema.MISSING), first, 0)


def _with_local_alt(local: schema.LocalGenotypes, runs: CellRuns, alts: npt.NDArray[np.int32], values: _Ints) -> _Ints:
    """(ALTs,): sums of the values of genotypes whose own record has the ALT; negative ones are none.

    Source: gnomad_methods, sparse_mt.py (get_as_info_expr, `LA.contains`).
    """
    at, laa = schema.ragged(local["LAA"])
    lengths = np.diff(at)
    own = np.full((len(local), max(int(lengths.max(initial=0)), 1)), PAD, np.int64)
    row = np.repeat(np.arange(len(local)), lengths)
    own[row, np.arange(len(laa)) - at[row]] = laa
    own[values < 0] = PAD
    places, _, rows, _ = alt_cells(runs, own, alts)
    sums = np.zeros(int(alts.sum()), np.int64)
    np.add.at(sums, places, values[rows])
    return sums


def _all_reads(local: schema.LocalGenotypes) -> _Ints:
    """The sum of each genotype's AD, that of alleles which its record does not have left out."""
    at, values = schema.ragged(local["LAD"])
    own = schema.ragged(local["LAA"])[0]
    ends = np.minimum(at[1:], at[:-1] + np.diff(own) + 1)
    sums = np.append(0, np.cumsum(np.maximum(values, 0), dtype=np.int64))
    return np.asarray(sums[ends] - sums[at[:-1]])


def _largest_p(places: _Ints, reads: _Ints, whole: _Ints, alts: int) -> npt.NDArray[np.float64]:
    largest = np.full(alts, -1.0)
    known = (reads >= 0) & (reads <= whole) & (whole > 0)
    pairs, back = np.unique(np.stack([reads[known], whole[known]], axis=1), axis=0, return_inverse=True)
    values = np.array([two_sided_p(*pair) for pair in pairs.tolist()], np.float64)
    np.maximum.at(largest, places[known], values[back.ravel()])
    return np.where(largest < 0, np.nan, largest)


@lru_cache(maxsize=1 << 16)
def two_sided_p(successes: int, trials: int) -> float:
    """p of a two-sided binomial test of a half, the same to the last bit on every machine."""
    fewer = min(successes, trials - successes)
    return min(1.0, float(Fraction(2 * sum(comb(trials, each) for each in range(fewer + 1)), 2**trials)))
