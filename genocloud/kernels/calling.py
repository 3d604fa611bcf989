"""Genotypes of the emitted sites, and what they add to each site's annotations."""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from genocloud.kernels.genotype_order import advance, count_genotypes
from genocloud.kernels.likelihoods import HOM_REF, MISSING, NO_CALL, OTHER, has_vector, own_alleles, project, tidied
from genocloud.kernels.site_statistics import FIXED, genotype_weights, rounded_counts, weights_of_quality
from genocloud.kernels.summaries import depth_of

NOT_FLAT = -0.1
"""GenotypeGVCFs trusts a best genotype only if the log10 likelihoods say more than this (GATKVariantContextUtils)."""
STRAND_READS = 2
"""FS counts samples with more reads than this (FisherStrand.MIN_COUNT)."""
FIELDS = 6
"""Columns of `Evidence.ranked`: BaseQRankSum ClippingRankSum MQRankSum ReadPosRankSum MQ ExcessHet."""
HOM_VAR = OTHER + 1
"""A genotype of one ALT only; OTHER keeps hets; MIXED is partly uncalled."""
MIXED = OTHER + 2
LOST = -2
"""Word of PGT that means `1|1`, for hom-var genotypes; -1 is none."""


class Evidence(NamedTuple):
    """What `Rows` (likelihoods) need in addition for calling.

    gt_at    (rows + 1,) int64; slices of gt, int8: own allele numbers, -1 for `.`; empty for blocks
    ad_at    (variants + 1,) int64; slices of ad, int32 reads; empty where absent
    merged   int32; merged number of each own ALT of the variants; merged_at (variants,) int64; its first ALT's entry
    sb       (variants, 4) int32 reads, MISSING where absent
    raw_mq   (variants, 2) int64; sum of squares and reads, negative where absent
    ranked   (variants, FIELDS) float32; NaN where absent
    """

    gt_at: npt.NDArray[np.int64]
    gt: npt.NDArray[np.int8]
    ad_at: npt.NDArray[np.int64]
    ad: npt.NDArray[np.int32]
    merged: npt.NDArray[np.int32]
    merged_at: npt.NDArray[np.int64]
    sb: npt.NDArray[np.int32]
    raw_mq: npt.NDArray[np.int64]
    ranked: npt.NDArray[np.float32]


class Calls(NamedTuple):
    """Genotypes, one cell each (site, sample), sites outermost.

    gt_at, ad_at, pl_at  (cells + 1,) int64; slices of gt int8, ad and pl int32 (empty: missing)
    phased  (cells,) bool;  dp, gq (cells,) int32
    row     (cells,) int32; the row that PGT, PID and PS are copied from, -1 for none
    homozygous  (cells,) bool; hom-var
    """

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


class Totals(NamedTuple):
    """What a batch adds to each site's annotations; all int64, so that adding is exact. (sites,) unless said.

    ac            (alleles,); called copies by allele, sites' alleles one after another, REF included
    regenotyped   called alleles before depthless genotypes were set to no-call (for MLEAF)
    depth         INFO/DP
    qd            (sites, 2); depth of ALT carriers: all, and those with more than one ALT read
    strands       (sites, 9); reads by strand of samples with more than 2 reads, of all samples; samples with SB
    raw_mq        (sites, 3); sum of squares, reads, samples
    hardy         (sites, 4); hom-ref, het, hom-alt as whole samples; called diploid samples with PL or GQ
    inbreeding    (sites, 3); hom-ref and het in units of 2^-40; usable samples
    """

    ac: npt.NDArray[np.int64]
    regenotyped: npt.NDArray[np.int64]
    depth: npt.NDArray[np.int64]
    qd: npt.NDArray[np.int64]
    strands: npt.NDArray[np.int64]
    raw_mq: npt.NDArray[np.int64]
    hardy: npt.NDArray[np.int64]
    inbreeding: npt.NDArray[np.int64]


@njit(cache=True, nogil=True)
def _measure(rows, speaking, kept_counts, ploidies):
    """Upper bounds of the lengths of gt, ad and pl."""
    gts, ads, pls = 0, 0, 0
    for site in range(speaking.shape[0]):
        alleles = kept_counts[site]
        for sample in range(speaking.shape[1]):
            row = speaking[site, sample]
            ploidy = rows.ploidies[row] if row >= 0 else ploidies[sample]
            gts += ploidy
            ads += alleles if row >= 0 else 0
            if row >= 0 and rows.pl_at[row] >= 0:
                pls += count_genotypes(alleles, ploidy)
    return gts, ads, pls


@njit(cache=True, nogil=True)
def choose_genotype(pl, genotypes, ploidy, gt):
    """Call a genotype from likelihoods and shift them to start at 0: (called, second best as log10 (<= 0)).

    pl   (>= genotypes,) int32, phred; VCF order; shifted in place
    gt   (>= ploidy,) int8; the likeliest genotype's alleles, or -1s; untouched unless called

    Source: gatk-model.md, section 5, steps 1, 3 and 4 (AlleleSubsettingUtils.subsetAlleles, PREFER_PLS). Doubles are
    compared as GATK compares them: PL / -10.0 less their maximum.
    """
    best = 0
    for g in range(1, genotypes):
        if pl[g] < pl[best]:
            best = g
    highest = pl[best] / -10.0
    total, second = 0.0, -np.inf
    for g in range(genotypes):
        log10 = pl[g] / -10.0 - highest
        total += log10
        if g != best and log10 > second:
            second = log10
    for g in range(genotypes):
        pl[g] = np.int32(math.floor(-10.0 * (pl[g] / -10.0 - highest) + 0.5)) if g != best else pl[g]
    pl[best] = 0
    if total >= NOT_FLAT:
        return False, second
    if best == 0 and second > NOT_FLAT:
        gt[:ploidy] = -1
        return True, second
    genotype = np.zeros(ploidy, np.int64)
    for _ in range(best):
        advance(genotype, ploidy)
    for k in range(ploidy):
        gt[k] = genotype[k]
    return True, second


@njit(cache=True, nogil=True)
def genotype_kind(gt, ploidy):
    """HOM_REF, NO_CALL, HOM_VAR, OTHER (het, with or without REF) or MIXED (partly uncalled)."""
    unknown, refs, same = 0, 0, 0
    for k in range(ploidy):
        unknown += gt[k] < 0
        refs += gt[k] == 0
        same += gt[k] == gt[0]
    if unknown == ploidy:
        return NO_CALL
    if unknown > 0:
        return MIXED
    if refs == ploidy:
        return HOM_REF
    return HOM_VAR if same == ploidy else OTHER


@njit(cache=True, nogil=True)
def _keep_genotype(rows, evidence, row, position, star, places, gt, ploidy):
    """The record's own GT in the kept alleles: those not kept become REF, `.` stays."""
    if row >= len(rows.spanning):
        gt[:ploidy] = 0 if rows.states[row] == HOM_REF else -1
        return
    for k in range(ploidy):
        own = evidence.gt[evidence.gt_at[row] + k]
        if own <= 0:
            gt[k] = own
        elif rows.starts[row] != position:
            gt[k] = max(0, places[star]) if own == rows.spanning[row] and star > 0 else 0
        else:
            gt[k] = max(0, places[evidence.merged[evidence.merged_at[row] + own - 1]])


@njit(cache=True, nogil=True)
def _add_record(rows, evidence, row, position, site, totals, ranked, found):
    """What a record adds whatever becomes of its genotype: depth, raw MQ, rank sums."""
    totals.depth[site] += depth_of(rows, row)
    if row >= len(rows.spanning) or (rows.starts[row] != position and rows.spanning[row] > 0):
        return
    if evidence.raw_mq[row, 0] >= 0:
        totals.raw_mq[site, 0] += evidence.raw_mq[row, 0]
        totals.raw_mq[site, 1] += evidence.raw_mq[row, 1]
        totals.raw_mq[site, 2] += 1
    for field in range(FIELDS):
        if not np.isnan(evidence.ranked[row, field]):
            ranked[field, found[field]] = evidence.ranked[row, field]
            found[field] += 1


@njit(cache=True, nogil=True)
def _add_strands(evidence, row, site, totals):
    reads = 0
    for k in range(4):
        if evidence.sb[row, k] == MISSING:
            return
        reads += evidence.sb[row, k]
    totals.strands[site, 8] += 1
    for k in range(4):
        if reads > STRAND_READS:
            totals.strands[site, k] += evidence.sb[row, k]
        totals.strands[site, 4 + k] += evidence.sb[row, k]


@njit(cache=True, nogil=True)
def _add_hardy(kind, pl, vector, alleles, gq, site, totals):
    """A diploid genotype's share of ExcessHet and InbreedingCoeff."""
    called = kind != NO_CALL and kind != MIXED
    if not vector and not (called and gq != MISSING):
        return
    if called:
        totals.hardy[site, 3] += 1
    totals.inbreeding[site, 2] += 1
    if vector:
        aa, ab, bb = genotype_weights(pl, alleles)
        refs, hets, homs = rounded_counts(aa, ab, bb)
    else:
        aa, ab, bb = weights_of_quality(gq)
        refs, hets, homs = 1, 0, 0
    totals.hardy[site, 0] += refs
    totals.hardy[site, 1] += hets
    totals.hardy[site, 2] += homs
    totals.inbreeding[site, 0] += np.int64(math.floor(aa * FIXED + 0.5))
    totals.inbreeding[site, 1] += np.int64(math.floor(ab * FIXED + 0.5))


@njit(cache=True, nogil=True)
def _add_carrier_depth(kind, ad, dp, site, totals):
    """Depth for QD, of het and hom-var genotypes."""
    if kind != OTHER and kind != HOM_VAR:
        return
    reads = 0
    for k in range(len(ad)):
        reads += max(0, ad[k])
    if reads > 0:
        totals.qd[site, 0] += reads
        if reads - ad[0] > 1:
            totals.qd[site, 1] += reads
    elif dp != MISSING:
        totals.qd[site, 0] += dp


@njit(cache=True, nogil=True)
def _write_depths(evidence, row, variants, kept, alleles, ad):
    """AD of the kept alleles into ad; returns how many entries, 0 if the record has none."""
    if row >= variants or evidence.ad_at[row] == evidence.ad_at[row + 1]:
        return 0
    for k in range(alleles):
        place = evidence.ad_at[row] + kept[k]
        ad[k] = evidence.ad[place] if kept[k] >= 0 and place < evidence.ad_at[row + 1] else MISSING
    return alleles


@njit(cache=True, nogil=True)
def _append_runs(site, ranked, found, runs, values, count):
    """Each field's values sorted and counted into (runs (n, 3): site, field, count; values); returns the new length."""
    for field in range(FIELDS):
        ordered = np.sort(ranked[field, : found[field]])
        for k in range(len(ordered)):
            if k > 0 and ordered[k] == ordered[k - 1]:
                runs[count - 1, 2] += 1
                continue
            runs[count, 0], runs[count, 1], runs[count, 2] = site, field, 1
            values[count] = ordered[k]
            count += 1
    return count


@njit(cache=True, nogil=True)
def call_sites(rows, evidence, speaking, positions, allele_counts, stars, kept_at, kept, ploidies):
    """Genotypes of some sites and their share of the annotations.

    rows, evidence   the batch's rows, as likelihoods.Rows and Evidence
    speaking         (sites, samples) int32; rows, -1 for none
    positions        (sites,) int32; allele_counts (sites,) int64: merged alleles with REF; stars (sites,) int64, -1: none
    kept_at          (sites + 1,) int64; the sites' slices of kept, int64: merged numbers of the alleles put out, REF first
    ploidies         (samples,) int8; where a sample has no row

    Returns (Calls, Totals, runs (n, 3) int64: site, field, count; values (n,) float32).
    Source: gatk-model.md, sections 5 and 6 (GenotypeGVCFsEngine.regenotypeVC, cleanupGenotypeAnnotations).
    """
    sites, samples = speaking.shape
    variants, cells = len(rows.spanning), sites * samples
    gts, ads, pls = _measure(rows, speaking, kept_at[1:] - kept_at[:-1], ploidies)
    gt_at, ad_at, pl_at = np.zeros(cells + 1, np.int64), np.zeros(cells + 1, np.int64), np.zeros(cells + 1, np.int64)
    gt, ad, pl = np.full(gts, -1, np.int8), np.zeros(ads, np.int32), np.empty(pls, np.int32)
    phased, homozygous = np.zeros(cells, np.bool_), np.zeros(cells, np.bool_)
    dp_out, gq_out = np.full(cells, MISSING, np.int32), np.full(cells, MISSING, np.int32)
    row_out = np.full(cells, -1, np.int32)
    totals = Totals(
        np.zeros(kept_at[sites], np.int64), np.zeros(sites, np.int64), np.zeros(sites, np.int64),
        np.zeros((sites, 2), np.int64), np.zeros((sites, 9), np.int64), np.zeros((sites, 3), np.int64),
        np.zeros((sites, 4), np.int64), np.zeros((sites, 3), np.int64),
    )  # fmt: skip
    ranked, found = np.empty((FIELDS, samples), np.float32), np.zeros(FIELDS, np.int64)
    speakers = np.sum((speaking >= 0) & (speaking < variants))
    runs, values, count = np.empty((speakers * FIELDS, 3), np.int64), np.empty(speakers * FIELDS, np.float32), 0
    most = max(1, allele_counts.max()) if sites else 1
    own, places, mine = np.empty(most, np.int32), np.empty(most + 1, np.int64), np.empty(most, np.int32)
    cell = -1
    for site in range(sites):
        position, star, begin = positions[site], stars[site], kept_at[site]
        alleles = kept_at[site + 1] - begin
        places[:] = -1
        for k in range(alleles):
            places[kept[begin + k]] = k
        found[:] = 0
        for sample in range(samples):
            cell += 1
            row = speaking[site, sample]
            ploidy = rows.ploidies[row] if row >= 0 else ploidies[sample]
            g0, a0, p0 = gt_at[cell], ad_at[cell], pl_at[cell]
            gt_at[cell + 1], ad_at[cell + 1], pl_at[cell + 1] = g0 + ploidy, a0, p0
            if row < 0:
                continue
            _add_record(rows, evidence, row, position, site, totals, ranked, found)
            own_alleles(rows, row, position, allele_counts[site], star, own)
            vector = has_vector(rows, row, allele_counts[site], own)
            state, phase_kept, emptied = tidied(rows, row, own, allele_counts[site], vector)
            silent = state != OTHER and rows.gq[row] == 0
            if emptied or (silent and rows.dp[row] == 0):
                continue
            for k in range(alleles):
                mine[k] = own[kept[begin + k]]
            called, second, genotypes = False, 0.0, 0
            if vector:
                genotypes = project(rows.pl, rows.pl_at[row], mine, alleles, ploidy, pl[p0:])
                pl_at[cell + 1] = p0 + genotypes
                called, second = choose_genotype(pl[p0:], genotypes, ploidy, gt[g0:])
            if not called and state != NO_CALL and not silent:
                _keep_genotype(rows, evidence, row, position, star, places, gt[g0:], ploidy)
            phased[cell] = rows.phased[row] and phase_kept
            gq = rows.gq[row]
            if called or (vector and gq != MISSING):
                gq = np.int32(math.floor(-10.0 * second + 0.5))
            dp = rows.dp[row]
            kind = genotype_kind(gt[g0:], ploidy)
            for k in range(ploidy):
                totals.regenotyped[site] += gt[g0 + k] >= 0
            if (kind == HOM_REF or kind == NO_CALL) and (dp == MISSING or dp == 0) and gq == 0:
                gt[g0 : g0 + ploidy] = -1
                kind = NO_CALL
            for k in range(ploidy):
                if gt[g0 + k] >= 0:
                    totals.ac[begin + gt[g0 + k]] += 1
            depths = _write_depths(evidence, row, variants, mine, alleles, ad[a0:])
            _add_carrier_depth(kind, ad[a0 : a0 + depths], dp, site, totals)
            if row < variants:
                _add_strands(evidence, row, site, totals)
                row_out[cell] = row
            if ploidy == 2:
                _add_hardy(kind, pl[p0:], vector, alleles, gq, site, totals)
            if rows.min_dp[row] != MISSING:
                dp = rows.min_dp[row]
            if depths == 0 and dp > 0:
                ad[a0], depths = dp, alleles
                ad[a0 + 1 : a0 + alleles] = 0
            ad_at[cell + 1] = a0 + depths
            dp_out[cell], gq_out[cell], homozygous[cell] = dp, gq, kind == HOM_VAR
        count = _append_runs(site, ranked, found, runs, values, count)
    calls = Calls(
        gt_at, gt[: gt_at[cells]], ad_at, ad[: ad_at[cells]].copy(), pl_at, pl[: pl_at[cells]].copy(),
        phased, dp_out, gq_out, row_out, homozygous,
    )  # fmt: skip
    return calls, totals, runs[:count].copy(), values[:count].copy()
