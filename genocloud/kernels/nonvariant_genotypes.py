"""Genotypes of sites emitted without a likely variant, and a batch's raw data for their annotations."""

from itertools import accumulate

import numpy as np

from genocloud.kernels.called_genotypes import (
    Scratch,
    begin_genotype,
    choose_local,
    empty_calls,
    trimmed_calls,
    write_depths,
    write_local,
)
from genocloud.kernels.genotype_runs import number_runs
from genocloud.kernels.genotyping import SiteToCall, cell_ploidy
from genocloud.kernels.kernel import kernel, uncounted
from genocloud.kernels.merged_likelihoods import (
    BLOCK,
    DP,
    GQ,
    MIN_DP,
    MISSING,
    OWN,
    PHASED,
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


@uncounted
def _best_depth(fact, estimated):
    """A row's MIN_DP, else DP; always DP where the site was estimated, since GATK's subsetting to REF loses MIN_DP."""
    if not estimated and fact[MIN_DP] != MISSING:
        return fact[MIN_DP]
    return fact[DP]


@uncounted
def _measure(facts, numbered, kept_at, ploidies, kinds):
    """Upper bounds: of the lengths of gt, and of laa and ad; of the emitted alleles of a site."""
    gts, ads, most = np.int64(0), np.int64(0), np.int64(1)
    for number in range(len(numbered.rows)):
        gts += numbered.copies[number]
    for site in range(len(kept_at) - 1):
        alleles = kept_at[site + 1] - kept_at[site]
        most = max(most, alleles)
        for cell in range(numbered.cell_at[site], numbered.cell_at[site + 1]):
            gts += cell_ploidy(facts[numbered.variants[cell]], numbered, cell, ploidies, kinds[site])
            ads += alleles
    return gts, ads, most


@uncounted
def _call_row(facts, pl, own_numbers, evidence, row, site, estimated, number, calls, rgq, total, scratch):
    """Call the genotype of a row at a site, which is `number` of calls, and add it to the site's total (TOTALS,)."""
    fact, alleles = facts[row], len(site.kept)
    depth, gq, own, mine, ad = _best_depth(fact, estimated), fact[GQ], scratch.own, scratch.mine, scratch.ad
    total[DEPTH] += depth_of(fact) if estimated else max(np.int32(0), _best_depth(fact, False))
    total[SAMPLE_DEPTH] += sample_depth_of(fact)
    own_alleles(fact, own_numbers, site.position, site.alleles, site.star, own)
    _, phase_kept, emptied = tidied(fact, pl, own, site.alleles, has_vector(fact, site.alleles, own))
    if emptied:
        return
    gt, first, last = calls.gt, calls.gt_at[number], calls.gt_at[number + 1]
    if depth > 0 and gq != MISSING:
        for k in range(first, last):
            gt[k] = 0 if gq > 0 else -1
        calls.dp[number], rgq[number] = depth, gq
    if fact[OWN] == BLOCK or estimated:
        return
    calls.row[number], calls.phased[number] = row, fact[PHASED] and phase_kept
    for k in range(alleles):
        mine[k] = own[site.kept[k]]
    depths = write_depths(evidence.ad_at[row], evidence.ad_at[row + 1], evidence.ad, mine, alleles, ad)
    if depths > 0:
        count, local = choose_local(mine, own[site.alleles], alleles, gt, first, last - first, scratch.local)
        write_local(calls, number, scratch.local, count, local, ad, depths)


@kernel()
def call_nonvariant_sites(
    facts, pl, own_numbers, evidence, cover, positions, allele_counts, stars, kept_at, kept, estimated, ploidies,
    kinds, first_block,
):  # fmt: skip
    """Call the genotypes of nonvariant sites and sum the raw data of their annotations.

    facts, pl, own_numbers   the batch's rows (merged_likelihoods.COLUMNS); evidence: genotyping.Evidence
    cover            CellRuns of rows; -1 for none
    positions        (sites,) int32
    allele_counts    (sites,) int64: merged alleles with REF; stars (sites,) int64: number of `*`, -1 if none
    kept_at          (sites + 1,) int64; slices of kept, int64: merged numbers of the emitted alleles, REF first
    estimated        (sites,) bool; whether the site had a likelihood estimate, and lost all of its ALTs by it
    ploidies         (kinds, samples) int64; where a sample has no row, or its row no GT
    kinds            (sites,) int64; the row of ploidies for the site
    first_block      the first row that is a block: these are called once for all sites, and once for estimated ones
                     where that matters; a reference record is called site by site, as it has AD only at some

    Returns (called_genotypes.Calls, rgq (genotypes,) int32; totals (sites, TOTALS) int64 of variants' cells, and what a
    cell of each shared genotype adds to them (shared, TOTALS) int64; run_at (sites x fields + 1,) int64: slices of runs
    int32 and values float32: the distinct values, ascending, how often each).
    Source: gatk-model.md, section 8 (GenotypeGVCFsEngine.cleanupGenotypeAnnotations, createRefGTs).
    """
    sites, merged, split = len(positions), np.int64(2), np.empty(len(facts) - first_block, np.bool_)
    for site in range(sites):
        merged = max(merged, allele_counts[site])
    for block in range(len(split)):
        fact = facts[first_block + block]
        split[block] = _best_depth(fact, True) != _best_depth(fact, False)
    numbered = number_runs(facts, cover, estimated.astype(np.int64), split, ploidies, kinds, first_block)
    gts, ads, most = _measure(facts, numbered, kept_at, ploidies, kinds)
    calls, shared = empty_calls(numbered, gts, ads, 0), np.zeros((len(numbered.rows), TOTALS), np.int64)
    scratch = Scratch(
        np.empty(merged + 1, np.int32), np.empty(most, np.int32), np.empty(most, np.int32), np.empty(0, np.int32),
        np.empty(most, np.int32),
    )  # fmt: skip
    rgq, only_ref = np.full(len(calls.row), MISSING, np.int32), np.zeros(1, np.int64)
    for number in range(len(shared)):
        row = np.int64(numbered.rows[number])
        begin_genotype(calls, number, np.int64(numbered.copies[number]))
        if row >= 0:
            site = SiteToCall(np.int64(-1), np.int64(2), np.int64(-1), only_ref, False)
            is_estimated = numbered.classes[number] == 1
            _call_row(
                facts, pl, own_numbers, evidence, row, site, is_estimated, number, calls, rgq, shared[number], scratch
            )
    fields, samples = evidence.ranked.shape[1], ploidies.shape[1]
    totals, run_at = np.zeros((sites, TOTALS), np.int64), np.zeros(sites * fields + 1, np.int64)
    runs = np.empty(len(numbered.variants) * fields, np.int32)
    values = np.empty(len(numbered.variants) * fields, np.float32)
    ranked, ranks = np.empty((fields, samples), np.float32), np.zeros(fields, np.int64)
    squares = np.zeros(RAW_MQ + 3, np.int64)
    for place in range(sites):
        kept_here = kept[kept_at[place] : kept_at[place + 1]]
        site = SiteToCall(np.int64(positions[place]), allele_counts[place], stars[place], kept_here, False)
        ranks[:], squares[:] = 0, 0
        for cell in range(numbered.cell_at[place], numbered.cell_at[place + 1]):
            row, number = np.int64(numbered.variants[cell]), calls.shared + cell
            begin_genotype(calls, number, cell_ploidy(facts[row], numbered, cell, ploidies, kinds[place]))
            if facts[row][START] == site.position or facts[row][SPANNING] == 0:
                add_record(evidence.raw_mq, evidence.ranked, row, squares, ranked, ranks)
            _call_row(
                facts, pl, own_numbers, evidence, row, site, estimated[place], number, calls, rgq, totals[place],
                scratch,
            )  # fmt: skip
        if estimated[place]:
            totals[place, MAPPING : MAPPING + 3] = squares[RAW_MQ : RAW_MQ + 3]
        append_runs(ranked, ranks, run_at, runs, values, place * fields)
    count = run_at[sites * fields]
    return trimmed_calls(calls), rgq, totals, shared, run_at, runs[:count].copy(), values[:count].copy()
