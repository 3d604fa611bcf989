"""Genotypes of emitted sites, and a batch's raw data for the sites' annotations."""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genocloud.kernels.genotype_order import count_genotypes, write_genotype
from genocloud.kernels.kernel import compiled, kernel
from genocloud.kernels.merged_likelihoods import (
    BLOCK,
    DP,
    GQ,
    HOM_REF,
    MIN_DP,
    MISSING,
    NO_CALL,
    OTHER,
    OWN,
    PHASED,
    PL,
    PLOIDY,
    SPANNING,
    START,
    depth_of,
    has_vector,
    own_alleles,
    project,
    sample_depth_of,
    tidied,
)
from genocloud.kernels.raw_sums import (
    DEPTH,
    HOM_VAR,
    MIXED,
    OLD_MQ,
    REGENOTYPED,
    SAMPLE_DEPTH,
    TOTALS,
    add_carrier_depth,
    add_hardy,
    add_record,
    add_strands,
    add_up,
    append_runs,
)

NOT_FLAT = -0.1
"""GenotypeGVCFs calls a best genotype only if the sum of log10 likelihoods is below this (GATKVariantContextUtils)."""


class Evidence(NamedTuple):
    """Fields of the variants that calling reads in addition to merged_likelihoods.COLUMNS.

    gt_at    (variants + 1,) int64; slices of gt, int8: own allele numbers, -1 for `.`
    ad_at    (variants + 1,) int64; slices of ad, int32 reads; empty where absent
    merged_at (variants,) int64; the entry of the first ALT in merged, int32: merged number of each own ALT
    sb       (variants, 4) int32 reads, MISSING where absent
    raw_mq   (variants, 2) int64; sum of squares and reads, negative where absent
    ranked   (variants, fields) float32: values of which a site keeps the median; NaN where absent
    """

    gt_at: npt.NDArray[np.int64]
    gt: npt.NDArray[np.int8]
    ad_at: npt.NDArray[np.int64]
    ad: npt.NDArray[np.int32]
    merged_at: npt.NDArray[np.int64]
    merged: npt.NDArray[np.int32]
    sb: npt.NDArray[np.int32]
    raw_mq: npt.NDArray[np.int64]
    ranked: npt.NDArray[np.float32]


class Calls(NamedTuple):
    """Distinct genotypes, and the number of the one in each cell (site, sample).

    numbers (sites, samples) int32; the genotype of each cell
    gt_at, ad_at, pl_at  (genotypes + 1,) int64; slices of gt int8, ad and pl int32 (empty: missing)
    phased  (genotypes,) bool;  dp, gq (genotypes,) int32
    row     (genotypes,) int32; the variant that PGT, PID and PS are copied from, -1 for none
    homozygous  (genotypes,) bool; hom-var
    """

    numbers: npt.NDArray[np.int32]
    gt_at: npt.NDArray[np.int64]
    gt: npt.NDArray[np.int8]
    ad_at: npt.NDArray[np.int64]
    ad: npt.NDArray[np.int32]
    pl_at: npt.NDArray[np.int64]
    pl: npt.NDArray[np.int32]
    phased: npt.NDArray[np.bool_]
    dp: npt.NDArray[np.int32]
    gq: npt.NDArray[np.int32]
    row: npt.NDArray[np.int32]
    homozygous: npt.NDArray[np.bool_]


@compiled
def _number_cells(facts, covering_row, kept_at, ploidies, kinds, first_block):
    """Number the cells so that those with the same row have one number: equal blocks, and samples without a row.

    Returns numbers (sites, samples) int32, in the order of first appearance, and of each number: row, site and ploidy
    (int32), and whether several cells may have it (bool).
    """
    sites, samples = covering_row.shape
    most, highest = 0, 0
    for site in range(sites):
        most = max(most, kept_at[site + 1] - kept_at[site])
    for kind in range(len(ploidies)):
        for sample in range(samples):
            highest = max(highest, ploidies[kind, sample])
    numbers = np.empty((sites, samples), np.int32)
    rows, places = np.empty(sites * samples, np.int32), np.empty(sites * samples, np.int32)
    copies, shared = np.empty(sites * samples, np.int32), np.empty(sites * samples, np.bool_)
    absent = np.full(highest + 1, -1, np.int32)
    known = np.full((most + 1, len(facts) - first_block if first_block < len(facts) else 0), -1, np.int32)
    count = 0
    for site in range(sites):
        kept = kept_at[site + 1] - kept_at[site]
        for sample in range(samples):
            row, number = covering_row[site, sample], -1
            ploidy = np.int64(0) if row < 0 else np.int64(facts[row][PLOIDY])
            if ploidy == 0:
                ploidy = ploidies[kinds[site], sample]
            if row < 0:
                number = absent[ploidy]
            elif row >= first_block:
                number = known[kept, row - first_block]
            if number < 0:
                number = count
                rows[count], places[count], copies[count], shared[count] = row, site, ploidy, True
                if row < 0:
                    absent[ploidy] = count
                elif row >= first_block:
                    known[kept, row - first_block] = count
                else:
                    shared[count] = False
                count += 1
            numbers[site, sample] = number
    return numbers, rows[:count].copy(), places[:count].copy(), copies[:count].copy(), shared[:count].copy()


@compiled
def _measure(facts, rows, places, copies, kept_at):
    """Upper bounds of the lengths of gt, ad and pl."""
    gts, ads, pls = 0, 0, 0
    for number in range(len(rows)):
        gts += copies[number]
        if rows[number] >= 0:
            alleles = kept_at[places[number] + 1] - kept_at[places[number]]
            ads += alleles
            if facts[rows[number]][PL] >= 0:
                pls += count_genotypes(alleles, np.int64(copies[number]))
    return gts, ads, pls


@compiled
def choose_genotype(pl, at, genotypes, ploidy, gt, gt_at):
    """Call a genotype from likelihoods and shift them to start at 0: (called, second best as log10 (<= 0)).

    pl   int32, phred; `genotypes` of them from `at` on, VCF order; shifted in place
    gt   int8; from gt_at on the likeliest genotype's alleles, or -1s; untouched unless called

    Source: gatk-model.md, section 5, steps 1, 3 and 4 (AlleleSubsettingUtils.subsetAlleles, PREFER_PLS). Doubles are
    compared as GATK compares them: PL / -10.0 less their maximum.
    """
    best = np.int64(0)
    for g in range(1, genotypes):
        if pl[at + g] < pl[at + best]:
            best = g
    highest = pl[at + best] / -10.0
    total, second = 0.0, -math.inf
    for g in range(genotypes):
        log10 = pl[at + g] / -10.0 - highest
        total += log10
        if g != best:
            second = max(second, log10)
        pl[at + g] = np.int32(math.floor(-10.0 * log10 + 0.5))
    if total >= NOT_FLAT:
        return False, second
    if best > 0 or second <= NOT_FLAT:
        write_genotype(best, ploidy, gt, gt_at)
    else:
        for k in range(gt_at, gt_at + ploidy):
            gt[k] = -1
    return True, second


@compiled
def genotype_kind(gt, at, ploidy):
    """HOM_REF, NO_CALL, HOM_VAR, OTHER (any het) or MIXED (partly uncalled) of gt[at : at + ploidy]."""
    unknown, refs, same = 0, 0, 0
    for k in range(at, at + ploidy):
        unknown += gt[k] < 0
        refs += gt[k] == 0
        same += gt[k] == gt[at]
    if unknown == ploidy:
        return NO_CALL
    if unknown > 0:
        return MIXED
    if refs == ploidy:
        return HOM_REF
    return HOM_VAR if same == ploidy else OTHER


@compiled
def _keep_genotype(fact, own_at, own_gt, merged_at, merged, position, star, places, gt, at, ploidy):
    """The record's own GT in the kept alleles into gt from `at`: those not kept become REF, `.` stays.

    own_at, merged_at  where the record begins in own_gt and merged; places (alleles + 1,) int64: kept number of each
    merged allele, -1 for the others
    """
    for k in range(ploidy):
        own = np.int64(own_gt[own_at + k])
        place = -1
        if own > 0 and fact[START] == position:
            place = places[merged[merged_at + own - 1]]
        elif own > 0 and star > 0 and own == fact[SPANNING]:
            place = places[star]
        gt[at + k] = max(0, place) if own > 0 else own


@compiled
def _write_depths(own_at, own_end, own_ad, kept, alleles, ad, at):
    """Write AD of the kept alleles into ad from `at`; returns the number of entries, 0 if the record has none."""
    if own_at == own_end:
        return 0
    for k in range(alleles):
        ad[at + k] = own_ad[own_at + kept[k]] if kept[k] >= 0 and own_at + kept[k] < own_end else MISSING
    return alleles


@kernel(
    "merged_likelihoods.FACTS[::1], int32[::1], int32[::1], genotyping.Evidence(int64[::1], int8[::1], int64[::1], "
    "int32[::1], int64[::1], int32[::1], int32[:,::1], int64[:,::1], float32[:,::1]), int32[:,::1], int32[::1], "
    "int64[::1], int64[::1], int64[::1], int64[::1], int64[:,::1], int64[::1], int64"
)
def call_sites(
    facts, pl, own_numbers, evidence, covering_row, positions, allele_counts, stars, kept_at, kept, ploidies, kinds,
    first_block,
):  # fmt: skip
    """Call the genotypes of some sites and sum the raw data of their annotations.

    facts, pl, own_numbers   the batch's rows (merged_likelihoods.COLUMNS); evidence: Evidence
    covering_row     (sites, samples) int32; -1 for none
    positions        (sites,) int32
    allele_counts    (sites,) int64: merged alleles with REF; stars (sites,) int64: number of `*`, -1 if none
    kept_at          (sites + 1,) int64; slices of kept, int64: merged numbers of the emitted alleles, REF first
    ploidies         (kinds, samples) int64; where a sample has no row, or its row no GT
    kinds            (sites,) int64; the row of ploidies for the site
    first_block      the first row that is a block: these are called once for each number of emitted alleles

    Returns (Calls, totals (sites, TOTALS) int64, ac int64: called copies of each kept allele, REF too; run_at (sites x
    fields + 1,) int64: slices of runs int32 and values float32: the distinct values, ascending, how often each).
    Source: gatk-model.md, sections 5 and 6 (GenotypeGVCFsEngine.regenotypeVC, cleanupGenotypeAnnotations).
    """
    sites, samples = covering_row.shape
    numbers, rows, places, copies, shared = _number_cells(facts, covering_row, kept_at, ploidies, kinds, first_block)
    cells = len(rows)
    gts, ads, pls = _measure(facts, rows, places, copies, kept_at)
    gt_at, ad_at, pl_at = np.zeros(cells + 1, np.int64), np.zeros(cells + 1, np.int64), np.zeros(cells + 1, np.int64)
    gt, ad, pl_out = np.full(gts, -1, np.int8), np.zeros(ads, np.int32), np.empty(pls, np.int32)
    phased, homozygous = np.zeros(cells, np.bool_), np.zeros(cells, np.bool_)
    dp_out, gq_out = np.full(cells, MISSING, np.int32), np.full(cells, MISSING, np.int32)
    row_out = np.full(cells, -1, np.int32)
    share, share_of = 0, np.full(cells, -1, np.int64)
    for cell in range(cells):
        share += shared[cell]
    totals, ac = np.zeros((sites + share, TOTALS), np.int64), np.zeros(kept_at[sites], np.int64)
    fields = evidence.ranked.shape[1]
    ranked, value_counts = np.empty((fields, samples), np.float32), np.zeros(fields, np.int64)
    times, distinct = np.zeros(cells, np.int64), np.empty(samples, np.int32)
    room = (cells - share) * fields
    run_at = np.zeros(sites * fields + 1, np.int64)
    runs, values = np.empty(room, np.int32), np.empty(room, np.float32)
    raw_mq, sb, row_values = evidence.raw_mq, evidence.sb, evidence.ranked
    own_gt_at, own_gt, own_ad_at, own_ad = evidence.gt_at, evidence.gt, evidence.ad_at, evidence.ad
    merged_at, merged = evidence.merged_at, evidence.merged
    cell, share = 0, sites  # each shared genotype has a row of its own in totals, behind the sites
    for site in range(sites):
        position, star, begin = positions[site], stars[site], kept_at[site]
        alleles = kept_at[site + 1] - begin
        own, mine = np.empty(allele_counts[site] + 1, np.int32), np.empty(alleles, np.int32)
        place_of = np.full(allele_counts[site] + 1, -1, np.int64)
        for k in range(alleles):
            place_of[kept[begin + k]] = k
        value_counts[:] = 0
        while cell < cells and places[cell] == site:
            row, ploidy, into = np.int64(rows[cell]), np.int64(copies[cell]), site
            if shared[cell]:
                share_of[cell], into = share, share
                share += 1
            g0, a0, p0 = gt_at[cell], ad_at[cell], pl_at[cell]
            gt_at[cell + 1], ad_at[cell + 1], pl_at[cell + 1] = g0 + ploidy, a0, p0
            cell += 1
            if row < 0:
                continue
            fact = facts[row]
            block = fact[OWN] == BLOCK
            totals[into, DEPTH] += depth_of(fact)
            totals[into, SAMPLE_DEPTH] += sample_depth_of(fact)
            if not block and (fact[START] == position or fact[SPANNING] == 0):
                add_record(raw_mq, row_values, row, totals, into, ranked, value_counts)
                if raw_mq[row, 0] >= 0 and raw_mq[row, 1] < 0:
                    totals[into, OLD_MQ] += raw_mq[row, 0]
                    totals[into, OLD_MQ + 1] += 1
            own_alleles(fact, own_numbers, position, allele_counts[site], star, own)
            vector = has_vector(fact, allele_counts[site], own)
            state, phase_kept, emptied = tidied(fact, pl, own, allele_counts[site], vector)
            silent = state != OTHER and fact[GQ] == 0
            if emptied or (silent and fact[DP] == 0):
                continue
            for k in range(alleles):
                mine[k] = own[kept[begin + k]]
            called, second = False, 0.0
            if vector:
                genotypes = project(pl, np.int64(fact[PL]), mine, alleles, ploidy, pl_out, p0)
                pl_at[cell] = p0 + genotypes
                called, second = choose_genotype(pl_out, p0, genotypes, ploidy, gt, g0)
            if not called and state != NO_CALL and not silent:
                if block:
                    for k in range(ploidy):
                        gt[g0 + k] = 0
                else:
                    _keep_genotype(
                        fact, own_gt_at[row], own_gt, merged_at[row], merged, position, star, place_of, gt, g0, ploidy
                    )  # fmt: skip
            gq, dp = fact[GQ], fact[DP]
            if called or (vector and gq != MISSING):
                gq = np.int32(math.floor(-10.0 * second + 0.5))
            kind = genotype_kind(gt, g0, ploidy)
            if kind == HOM_REF:
                totals[into, OLD_MQ + 2] += fact[MIN_DP] if fact[MIN_DP] != MISSING else max(np.int32(0), dp)
            depthless = (kind == HOM_REF or kind == NO_CALL) and (dp == MISSING or dp == 0) and gq == 0
            for k in range(g0, g0 + ploidy):
                if gt[k] >= 0:
                    totals[into, REGENOTYPED] += 1
                    if depthless:
                        gt[k], kind = -1, NO_CALL
            depths = 0
            if not block:
                depths = _write_depths(own_ad_at[row], own_ad_at[row + 1], own_ad, mine, alleles, ad, a0)
                add_strands(sb, row, totals, into)
                row_out[cell - 1] = row
            add_carrier_depth(kind, ad, a0, depths, dp, totals, into)
            if ploidy == 2:
                add_hardy(kind, pl_out, p0, vector, alleles, gq, totals, into)
            if fact[MIN_DP] != MISSING:
                dp = fact[MIN_DP]
            if depths == 0 and dp > 0:
                ad[a0], depths = dp, alleles
            ad_at[cell] = a0 + depths
            phased[cell - 1] = fact[PHASED] and phase_kept
            dp_out[cell - 1], gq_out[cell - 1], homozygous[cell - 1] = dp, gq, kind == HOM_VAR
        add_up(numbers[site], times, distinct, gt_at, gt, share_of, totals, site, ac, begin)
        if totals[site, DEPTH] > 0:
            totals[site, SAMPLE_DEPTH] = 0
        append_runs(ranked, value_counts, run_at, runs, values, site * fields)
    calls = Calls(
        numbers, gt_at, gt, ad_at, ad[: ad_at[cells]].copy(), pl_at, pl_out[: pl_at[cells]].copy(),
        phased, dp_out, gq_out, row_out, homozygous,
    )  # fmt: skip
    count = run_at[sites * fields]
    return calls, totals[:sites].copy(), ac, run_at, runs[:count].copy(), values[:count].copy()
