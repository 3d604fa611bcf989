"""Genotypes of sites emitted without a likely variant, and a batch's raw data for their annotations."""

from itertools import accumulate
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genocloud.kernels.kernel import compiled, kernel
from genocloud.kernels.merged_likelihoods import (
    BLOCK,
    DP,
    GQ,
    MIN_DP,
    MISSING,
    OWN,
    PHASED,
    PLOIDY,
    SPANNING,
    START,
    depth_of,
    has_vector,
    own_alleles,
    sample_depth_of,
    tidied,
)
from genocloud.kernels.raw_sums import RAW_MQ, add_record, append_runs

SUMS = {"depth": 1, "raw_mq": 3, "sample_depth": 1}
"""The parts of a site's totals and how many columns each has; as in `raw_sums`."""
DEPTH, MAPPING, SAMPLE_DEPTH, TOTALS = accumulate(SUMS.values(), initial=0)
"""First column of each, and their number."""


class NonvariantCalls(NamedTuple):
    """Distinct genotypes, and the number of the one in each cell (site, sample).

    numbers (sites, samples) int32; the genotype of each cell
    gt_at, ad_at  (genotypes + 1,) int64; slices of gt int8 and ad int32 (empty: missing)
    phased  (genotypes,) bool; dp, rgq (genotypes,) int32
    row     (genotypes,) int32; the variant that PGT, PID and PS are copied from, -1 for none
    """

    numbers: npt.NDArray[np.int32]
    gt_at: npt.NDArray[np.int64]
    gt: npt.NDArray[np.int8]
    ad_at: npt.NDArray[np.int64]
    ad: npt.NDArray[np.int32]
    phased: npt.NDArray[np.bool_]
    dp: npt.NDArray[np.int32]
    rgq: npt.NDArray[np.int32]
    row: npt.NDArray[np.int32]


@compiled
def _best_depth(fact, estimated):
    """A row's MIN_DP, else DP; always DP where the site was estimated, since GATK's subsetting to REF loses MIN_DP."""
    if not estimated and fact[MIN_DP] != MISSING:
        return fact[MIN_DP]
    return fact[DP]


@compiled
def _room(facts, covering_row, kept_at, ploidies, first_block):
    """Upper bounds: genotypes; alleles of a genotype; depths of all genotypes."""
    sites, samples = covering_row.shape
    cells, depths, ploidy = 0, 0, np.int64(1)
    for site in range(sites):
        for sample in range(samples):
            row = covering_row[site, sample]
            if 0 <= row < first_block:
                cells += 1
                depths += kept_at[site + 1] - kept_at[site]
    for kind in range(len(ploidies)):
        for sample in range(samples):
            ploidy = max(ploidy, ploidies[kind, sample])
    for row in range(len(facts)):
        ploidy = max(ploidy, np.int64(facts[row][PLOIDY]))
    return cells + 2 * (len(facts) - first_block) + 2 * (ploidy + 1), ploidy, depths


@kernel()
def call_nonvariant_sites(
    facts, pl, own_numbers, evidence, covering_row, positions, allele_counts, stars, kept_at, kept, estimated, ploidies,
    kinds, first_block,
):  # fmt: skip
    """Call the genotypes of nonvariant sites and sum the raw data of their annotations.

    facts, pl, own_numbers   the batch's rows (merged_likelihoods.COLUMNS); evidence: genotyping.Evidence
    covering_row     (sites, samples) int32; -1 for none
    positions        (sites,) int32
    allele_counts    (sites,) int64: merged alleles with REF; stars (sites,) int64: number of `*`, -1 if none
    kept_at          (sites + 1,) int64; slices of kept, int64: merged numbers of the emitted alleles, REF first
    estimated        (sites,) bool; whether the site had a likelihood estimate, and lost all of its ALTs by it
    ploidies         (kinds, samples) int64; where a sample has no row, or its row no GT
    kinds            (sites,) int64; the row of ploidies for the site
    first_block      the first row that is a block: these are called once for all sites

    Returns (NonvariantCalls, totals (sites, TOTALS) int64, run_at (sites x fields + 1,) int64: slices of runs int32 and
    values float32: the distinct values, ascending, how often each).
    Source: gatk-model.md, section 8 (GenotypeGVCFsEngine.cleanupGenotypeAnnotations, createRefGTs).
    """
    sites, samples = covering_row.shape
    room, most, depths = _room(facts, covering_row, kept_at, ploidies, first_block)
    numbers, blocks = np.empty((sites, samples), np.int32), len(facts) - first_block
    gt_at, gt = np.zeros(room + 1, np.int64), np.full(room * most, -1, np.int8)
    ad_at, ad = np.zeros(room + 1, np.int64), np.empty(depths, np.int32)
    phased, row_out = np.zeros(room, np.bool_), np.full(room, -1, np.int32)
    dp_out, rgq_out = np.full(room, MISSING, np.int32), np.full(room, MISSING, np.int32)
    shares, depths_of = np.zeros(room, np.int64), np.zeros(room, np.int64)
    absent, known = np.full(most + 1, -1, np.int32), np.full((2, max(1, blocks)), -1, np.int32)
    fields = evidence.ranked.shape[1]
    totals, run_at = np.zeros((sites, TOTALS), np.int64), np.zeros(sites * fields + 1, np.int64)
    runs, values = np.empty(room * fields, np.int32), np.empty(room * fields, np.float32)
    ranked, ranks = np.empty((fields, samples), np.float32), np.zeros(fields, np.int64)
    squares, own, genotypes = np.zeros((1, RAW_MQ + 3), np.int64), np.empty(64, np.int32), 0
    for site in range(sites):
        position, alleles, judged = positions[site], allele_counts[site], estimated[site]
        if alleles >= len(own):
            own = np.empty(alleles + 1, np.int32)
        ranks[:], squares[:] = 0, 0
        for sample in range(samples):
            row = np.int64(covering_row[site, sample])
            ploidy = np.int64(0) if row < 0 else np.int64(facts[row][PLOIDY])
            if ploidy == 0:
                ploidy = ploidies[kinds[site], sample]
            number = absent[ploidy] if row < 0 else known[int(judged), row - first_block] if row >= first_block else -1
            if number >= 0:
                numbers[site, sample] = number
                totals[site, DEPTH] += shares[number]
                totals[site, SAMPLE_DEPTH] += depths_of[number]
                continue
            number = numbers[site, sample] = genotypes
            gt_at[number + 1], ad_at[number + 1] = gt_at[number] + ploidy, ad_at[number]
            genotypes += 1
            if row < 0:
                absent[ploidy] = number
                continue
            fact = facts[row]
            block = fact[OWN] == BLOCK
            depth, gq = _best_depth(fact, judged), fact[GQ]
            shares[number] = depth_of(fact) if judged else max(np.int32(0), _best_depth(fact, False))
            depths_of[number] = sample_depth_of(fact)
            totals[site, DEPTH] += shares[number]
            totals[site, SAMPLE_DEPTH] += depths_of[number]
            if block:
                known[int(judged), row - first_block] = number
            elif fact[START] == position or fact[SPANNING] == 0:
                add_record(evidence.raw_mq, evidence.ranked, row, squares, 0, ranked, ranks)
            own_alleles(fact, own_numbers, position, alleles, stars[site], own)
            _, phase_kept, emptied = tidied(fact, pl, own, alleles, has_vector(fact, alleles, own))
            if emptied:
                continue
            if depth > 0 and gq != MISSING:
                for k in range(gt_at[number], gt_at[number + 1]):
                    gt[k] = 0 if gq > 0 else -1
                dp_out[number], rgq_out[number] = depth, gq
            if block or judged:
                continue
            row_out[number], phased[number] = row, fact[PHASED] and phase_kept
            first, last, at = evidence.ad_at[row], evidence.ad_at[row + 1], ad_at[number]
            if last > first:
                for k in range(kept_at[site], kept_at[site + 1]):
                    place = np.int64(own[kept[k]])
                    ad[at] = evidence.ad[first + place] if 0 <= place < last - first else MISSING
                    at += 1
                ad_at[number + 1] = at
        if judged:
            for k in range(3):
                totals[site, MAPPING + k] = squares[0, RAW_MQ + k]
        append_runs(ranked, ranks, run_at, runs, values, site * fields)
    calls = NonvariantCalls(
        numbers, gt_at[: genotypes + 1].copy(), gt[: gt_at[genotypes]].copy(), ad_at[: genotypes + 1].copy(),
        ad[: ad_at[genotypes]].copy(), phased[:genotypes].copy(), dp_out[:genotypes].copy(), rgq_out[:genotypes].copy(),
        row_out[:genotypes].copy(),
    )  # fmt: skip
    count = run_at[sites * fields]
    return calls, totals, run_at, runs[:count].copy(), values[:count].copy()
