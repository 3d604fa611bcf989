"""Calling of emitted sites: genotypes, and a batch's raw data for the sites' annotations."""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genocloud.kernels.called_genotypes import (
    Scratch,
    begin_genotype,
    choose_local,
    empty_calls,
    genotype_kind,
    trimmed_calls,
    write_depths,
    write_local,
)
from genocloud.kernels.genotype_order import count_genotypes, write_genotype
from genocloud.kernels.genotype_runs import number_runs
from genocloud.kernels.kernel import compiled, kernel, uncounted
from genocloud.kernels.merged_likelihoods import (
    ALLELES,
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
    DIPLOID,
    HARDY,
    HOM_VAR,
    INBREEDING,
    MIXED,
    OLD_MQ,
    REGENOTYPED,
    SAMPLE_DEPTH,
    SHARED,
    TOTALS,
    add_carrier_depth,
    add_hardy,
    add_record,
    add_strands,
    add_weights,
    append_runs,
)
from genocloud.kernels.site_statistics import weighs_all

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


class SharedSums(NamedTuple):
    """What a cell with each of the shared genotypes adds to the raw data of its site.

    plain      (shared, raw_sums.SHARED, then called copies of REF and of the first ALT) int64
    shares     (shared, columns of `inbreeding`) int64
    weighs_all (shared,) bool; the shares and rounded counts of genotypes depend on the site's number of alleles, and
               are left out here (see `weigh_genotypes`)
    """

    plain: npt.NDArray[np.int64]
    shares: npt.NDArray[np.int64]
    weighs_all: npt.NDArray[np.bool_]


class SiteToCall(NamedTuple):
    """A site as a row is called there.

    position  first base, 0-based; alleles: merged alleles with REF; star: number of `*`, -1 if none
    kept      (emitted alleles,) int64: their merged numbers, REF first
    own_gq    whether GQ is never above that of the row
    """

    position: int
    alleles: int
    star: int
    kept: npt.NDArray[np.int64]
    own_gq: bool


@compiled
def depends_on_several(facts, pl, first_shared):
    """Whether the genotype of each row from first_shared on is another at sites of several ALTs: (rows,) bool.

    All ALTs have the row's NON_REF likelihoods. Where such a genotype is the likeliest there are several of them, so
    that GQ is 0; and where it alone keeps the vector from being flat, by 1, several of them do it beyond NOT_FLAT.
    """
    out = np.zeros(len(facts) - first_shared, np.bool_)
    for row in range(len(out)):
        fact = facts[first_shared + row]
        if fact[PL] < 0:
            continue
        at, total, least = np.int64(fact[PL]), np.int64(0), np.int64(pl[fact[PL]])
        for g in range(at, at + fact[PLOIDY] + 1):
            total += pl[g]
            least = min(least, np.int64(pl[g]))
        out[row] = pl[at] > least or total - (fact[PLOIDY] + 1) * least == 1
    return out


@uncounted
def cell_ploidy(fact, numbered, cell, ploidies, kind):
    """The ploidy of a variant's cell: of its GT, else that of a sample without a row."""
    return np.int64(fact[PLOIDY]) if fact[PLOIDY] > 0 else ploidies[kind, numbered.samples[cell]]


@uncounted
def _measure(facts, numbered, kept_at, ploidies, kinds):
    """Upper bounds: of the lengths of gt, of laa and ad, and of pl; of the alleles and of the PL of one genotype."""
    gts, ads, pls, most, longest = np.int64(0), np.int64(0), np.int64(0), np.int64(3), np.int64(6)
    for number in range(len(numbered.rows)):
        gts += numbered.copies[number]
        ads += 3
        pls += 6
    for site in range(len(kept_at) - 1):
        alleles = kept_at[site + 1] - kept_at[site]
        most = max(most, alleles)
        for cell in range(numbered.cell_at[site], numbered.cell_at[site + 1]):
            fact = facts[numbered.variants[cell]]
            ploidy = cell_ploidy(fact, numbered, cell, ploidies, kinds[site])
            local = min(alleles, np.int64(fact[ALLELES]) + 2)  # also an ALT that only GT has, and one for the others
            gts += ploidy
            ads += local
            if fact[PL] >= 0:
                longest = max(longest, count_genotypes(alleles, ploidy))
                pls += count_genotypes(local, ploidy)
    return gts, ads, pls, most, longest


@uncounted
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


@uncounted
def _keep_genotype(fact, row, evidence, site, gt, at, ploidy):
    """The record's own GT in the emitted alleles into gt from `at`: those not emitted become REF, `.` stays."""
    for k in range(ploidy):
        own, merged = np.int64(evidence.gt[evidence.gt_at[row] + k]), np.int64(-1)
        if own > 0 and fact[START] == site.position:
            merged = np.int64(evidence.merged[evidence.merged_at[row] + own - 1])
        elif own > 0 and site.star > 0 and own == fact[SPANNING]:
            merged = site.star
        gt[at + k] = min(own, 0)
        for place in range(1, len(site.kept)):
            if site.kept[place] == merged:
                gt[at + k] = place


@uncounted
def clear(values, first, end):
    """Set values[first:end] to 0: an assignment to a slice takes a second to compile."""
    for k in range(first, end):
        values[k] = 0


@uncounted
def _call_row(facts, pl, own_numbers, evidence, row, ploidy, site, number, calls, total, scratch):
    """Call the genotype of a row at a site, which is `number` of calls, and add it to the site's total (TOTALS,)."""
    alleles, fact = len(site.kept), facts[row]
    block = fact[OWN] == BLOCK
    own, mine, ad, vector_out = scratch.own, scratch.mine, scratch.ad, scratch.pl
    gt, g0, p0 = calls.gt, calls.gt_at[number], calls.pl_at[number]
    total[DEPTH] += depth_of(fact)
    total[SAMPLE_DEPTH] += sample_depth_of(fact)
    own_alleles(fact, own_numbers, site.position, site.alleles, site.star, own)
    vector = has_vector(fact, site.alleles, own)
    state, phase_kept, emptied = tidied(fact, pl, own, site.alleles, vector)
    silent = state != OTHER and fact[GQ] == 0
    if emptied or (silent and fact[DP] == 0):
        return
    for k in range(alleles):
        mine[k] = own[site.kept[k]]
    called, second = False, 0.0
    if vector:
        genotypes = project(pl, np.int64(fact[PL]), mine, alleles, ploidy, vector_out, np.int64(0))
        called, second = choose_genotype(vector_out, np.int64(0), genotypes, ploidy, gt, g0)
    if not called and state != NO_CALL and not silent:
        if block:
            for k in range(ploidy):
                gt[g0 + k] = 0
        else:
            _keep_genotype(fact, row, evidence, site, gt, g0, ploidy)
    gq, dp = fact[GQ], fact[DP]
    if called or (vector and gq != MISSING):
        gq = np.int32(math.floor(-10.0 * second + 0.5))
        if site.own_gq and fact[GQ] != MISSING:
            gq = min(gq, fact[GQ])
    kind = genotype_kind(gt, g0, ploidy)
    if kind == HOM_REF:
        total[OLD_MQ + 2] += fact[MIN_DP] if fact[MIN_DP] != MISSING else max(np.int32(0), dp)
    depthless = (kind == HOM_REF or kind == NO_CALL) and (dp == MISSING or dp == 0) and gq == 0
    for k in range(g0, g0 + ploidy):
        if gt[k] >= 0:
            total[REGENOTYPED] += 1
            if depthless:
                gt[k], kind = -1, NO_CALL
    depths = 0
    if not block:
        depths = write_depths(evidence.ad_at[row], evidence.ad_at[row + 1], evidence.ad, mine, alleles, ad)
        add_strands(evidence.sb, row, total)
        calls.row[number] = row
    add_carrier_depth(kind, ad, 0, depths, dp, total)
    if ploidy == 2:
        add_hardy(kind, vector_out, np.int64(0), vector, alleles, gq, total)
    if fact[MIN_DP] != MISSING:
        dp = fact[MIN_DP]
    if depths == 0 and dp > 0:
        clear(ad, 0, alleles)
        ad[0], depths = dp, alleles
    count, local = choose_local(mine, own[site.alleles], alleles, gt, g0, ploidy, scratch.local)
    if vector:
        calls.pl_at[number + 1] += project(vector_out, np.int64(0), scratch.local, count, ploidy, calls.pl, p0)
    if vector or depths > 0 or kind == OTHER or kind == HOM_VAR or kind == MIXED:
        write_local(calls, number, scratch.local, count, local, ad, depths)
    calls.phased[number] = fact[PHASED] and phase_kept
    calls.dp[number], calls.gq[number], calls.homozygous[number] = dp, gq, kind == HOM_VAR


@compiled
def _call_shared(facts, pl, own_numbers, evidence, numbered, calls, scratch, own_gq):
    """Call the shared genotypes: SharedSums."""
    count, one_alt, two_alts = len(numbered.rows), np.zeros(2, np.int64), np.zeros(3, np.int64)
    one_alt[1], two_alts[1], two_alts[2] = 1, 1, 2
    plain, shares = np.zeros((count, len(SHARED) + 2), np.int64), np.zeros((count, TOTALS - INBREEDING), np.int64)
    weighs = np.zeros(count, np.bool_)
    total = np.zeros(TOTALS, np.int64)
    for number in range(count):
        row, ploidy = np.int64(numbered.rows[number]), np.int64(numbered.copies[number])
        begin_genotype(calls, number, ploidy)
        if row < 0:
            continue
        kept = two_alts if numbered.classes[number] == 1 else one_alt
        clear(total, 0, TOTALS)
        site = SiteToCall(np.int64(-1), len(kept), np.int64(-1), kept, own_gq)
        _call_row(facts, pl, own_numbers, evidence, row, ploidy, site, number, calls, total, scratch)
        if total[DIPLOID] > 0 and calls.pl_at[number + 1] > calls.pl_at[number]:
            weighs[number] = weighs_all(scratch.pl, np.int64(0), len(kept))
        if weighs[number]:
            clear(total, HARDY, HARDY + 3)
            clear(total, INBREEDING, TOTALS)
        for k in range(len(SHARED)):
            plain[number, k] = total[SHARED[k]]
        for k in range(INBREEDING, TOTALS):
            shares[number, k - INBREEDING] = total[k]
        for k in range(calls.gt_at[number], calls.gt_at[number + 1]):
            if calls.gt[k] >= 0:
                plain[number, len(SHARED) + calls.gt[k]] += 1
    return SharedSums(plain, shares, weighs)


@kernel(
    "merged_likelihoods.FACTS[::1], int32[::1], int32[::1], genotyping.Evidence(int64[::1], int8[::1], int64[::1], "
    "int32[::1], int64[::1], int32[::1], int32[:,::1], int64[:,::1], float32[:,::1]), "
    "cell_runs.CellRuns(int32[::1], int32[::1], int32[::1], int32[::1]), int32[::1], "
    "int64[::1], int64[::1], int64[::1], int64[::1], int64[:,::1], int64[::1], int64, boolean"
)
def call_sites(
    facts, pl, own_numbers, evidence, cover, positions, allele_counts, stars, kept_at, kept, ploidies, kinds,
    first_shared, own_gq,
):  # fmt: skip
    """Call the genotypes of some sites and sum the raw data of their annotations.

    facts, pl, own_numbers   the batch's rows (merged_likelihoods.COLUMNS); evidence: Evidence
    cover            CellRuns of rows; -1 for none
    positions        (sites,) int32
    allele_counts    (sites,) int64: merged alleles with REF; stars (sites,) int64: number of `*`, -1 if none
    kept_at          (sites + 1,) int64; slices of kept, int64: merged numbers of the emitted alleles, REF first
    ploidies         (kinds, samples) int64; where a sample has no row, or its row no GT
    kinds            (sites,) int64; the row of ploidies for the site
    first_shared     the first row that is called once for all sites of one ALT, and for those of several where that
                     matters
    own_gq           whether GQ is never above that of the row

    Returns (Calls; totals (sites, TOTALS) int64, ac int64: called copies of each kept allele, REF too, both without the
    cells of shared genotypes; SharedSums of these; run_at (sites x fields + 1,) int64: slices of runs int32 and values
    float32: the distinct values, ascending, how often each).
    Source: gatk-model.md, sections 5 and 6 (GenotypeGVCFsEngine.regenotypeVC, cleanupGenotypeAnnotations).
    """
    sites, several = len(positions), np.empty(len(positions), np.int64)
    merged = np.int64(3)
    for number in range(sites):
        several[number] = kept_at[number + 1] - kept_at[number] > 2
        merged = max(merged, allele_counts[number])
    split = depends_on_several(facts, pl, first_shared)
    numbered = number_runs(facts, cover, several, split, ploidies, kinds, first_shared)
    gts, ads, pls, most, longest = _measure(facts, numbered, kept_at, ploidies, kinds)
    calls = empty_calls(numbered, gts, ads, pls)
    scratch = Scratch(
        np.empty(merged + 1, np.int32), np.empty(most, np.int32), np.empty(most, np.int32),
        np.empty(longest, np.int32), np.empty(most, np.int32),
    )  # fmt: skip
    shared = _call_shared(facts, pl, own_numbers, evidence, numbered, calls, scratch, own_gq)
    totals, ac = np.zeros((sites, TOTALS), np.int64), np.zeros(kept_at[sites], np.int64)
    fields, samples = evidence.ranked.shape[1], ploidies.shape[1]
    ranked, value_counts = np.empty((fields, samples), np.float32), np.zeros(fields, np.int64)
    run_at, room = np.zeros(sites * fields + 1, np.int64), len(numbered.variants) * fields
    runs, values = np.empty(room, np.int32), np.empty(room, np.float32)
    raw_mq = evidence.raw_mq
    for number in range(sites):
        position, begin = positions[number], kept_at[number]
        emitted = kept[begin : kept_at[number + 1]]
        site = SiteToCall(np.int64(position), allele_counts[number], stars[number], emitted, own_gq)
        clear(value_counts, 0, fields)
        for cell in range(numbered.cell_at[number], numbered.cell_at[number + 1]):
            row = np.int64(numbered.variants[cell])
            fact, genotype = facts[row], calls.shared + cell
            begin_genotype(calls, genotype, cell_ploidy(fact, numbered, cell, ploidies, kinds[number]))
            if fact[START] == position or fact[SPANNING] == 0:
                add_record(raw_mq, evidence.ranked, row, totals[number], ranked, value_counts)
                if raw_mq[row, 0] >= 0 and raw_mq[row, 1] < 0:
                    totals[number, OLD_MQ] += raw_mq[row, 0]
                    totals[number, OLD_MQ + 1] += 1
            ploidy = calls.gt_at[genotype + 1] - calls.gt_at[genotype]
            _call_row(facts, pl, own_numbers, evidence, row, ploidy, site, genotype, calls, totals[number], scratch)
            for k in range(calls.gt_at[genotype], calls.gt_at[genotype + 1]):
                if calls.gt[k] >= 0:
                    ac[begin + calls.gt[k]] += 1
        append_runs(ranked, value_counts, run_at, runs, values, number * fields)
    count = run_at[sites * fields]
    return trimmed_calls(calls), totals, ac, shared, run_at, runs[:count].copy(), values[:count].copy()


@kernel(
    "called_genotypes.Calls(cell_runs.CellRuns(int32[::1], int32[::1], int32[::1], int32[::1]), int64, int64[::1], "
    "int8[::1], int64[::1], int32[::1], int64[::1], int32[::1], int64[::1], int32[::1], boolean[::1], int32[::1], "
    "int32[::1], int32[::1], boolean[::1]), int64[::1], int64"
)
def weigh_genotypes(calls, numbers, alleles):
    """Likelihoods of shared genotypes as hom-ref, het and hom-alt at sites of so many alleles.

    calls    Calls; numbers (genotypes,) int64: shared ones, diploid, with PL

    Returns rounded counts (genotypes, 3) and shares (genotypes, columns of `inbreeding`), int64, as in SharedSums.
    """
    counts, shares = np.zeros((len(numbers), 3), np.int64), np.zeros((len(numbers), TOTALS - INBREEDING), np.int64)
    pl, total = np.empty(alleles * (alleles + 1) // 2, np.int32), np.zeros(TOTALS, np.int64)
    for k in range(len(numbers)):
        clear(total, 0, TOTALS)
        widen_shared(calls, numbers[k], alleles, pl)
        add_weights(pl, np.int64(0), alleles, total)
        for column in range(3):
            counts[k, column] = total[HARDY + column]
        for column in range(INBREEDING, TOTALS):
            shares[k, column - INBREEDING] = total[column]
    return counts, shares


@uncounted
def widen_shared(calls, number, alleles, pl):
    """PL of a shared diploid genotype at a site of so many alleles, into pl: ALTs have those of the last local one."""
    first, last = calls.pl_at[number], calls.pl_at[number + 1]
    het, hom = calls.pl[first + 1], calls.pl[last - 1]
    g = 0
    for b in range(alleles):
        for a in range(b + 1):
            pl[g] = calls.pl[first] if b == 0 else het if a == 0 else hom
            g += 1
