"""A batch's raw data for the allele-specific annotations: parsed raw texts of its records, and depths by allele."""

import numpy as np

from genocloud.kernels.called_genotypes import genotype_kind
from genocloud.kernels.fixed_point import add_share
from genocloud.kernels.kernel import compiled, kernel, uncounted
from genocloud.kernels.likelihood_keys import GQ_FACTOR
from genocloud.kernels.merged_likelihoods import ALLELES, MISSING, NO_CALL, OTHER, project
from genocloud.kernels.raw_sums import HOM_VAR
from genocloud.kernels.site_statistics import SHARES
from genocloud.kernels.widening import local_numbers

BAR, COMMA, POINT, MINUS, ZERO = np.uint8(ord("|")), np.uint8(ord(",")), np.uint8(ord(".")), np.uint8(ord("-")), 48
FORWARD, REVERSE, STRANDED, DEPTH, CARRIED, HETS, HOMS, SUMS = 0, 1, 2, 3, 4, 5, 8, 11
"""Columns of `sums`, by emitted allele: reads by strand; records that have them; depth over samples with AD; over those
that AS_QD counts; shares of hets and of homozygotes of the allele (added by `fixed_point.add_share_sum`)."""
THOUSANDTHS, BIN, EPSILON = 1000.0, 0.1, 0.001
"""Raw rank sums have three decimals and are binned by 0.1 (Histogram: floor((value + 0.001) / 0.1))."""


@uncounted
def _number(text, at, end):
    """Parse a decimal number up to `end`, `,` or `|`: (value, place after it); NaN for anything else."""
    sign, value, scale, digits, point = 1.0, 0.0, 1.0, 0, False
    if at < end and text[at] == MINUS:
        sign, at = -1.0, at + 1
    good = True
    while at < end and text[at] != COMMA and text[at] != BAR:
        if text[at] == POINT and not point:
            point = True
        elif ZERO <= text[at] <= ZERO + 9:
            value, digits = 10.0 * value + (text[at] - ZERO), digits + 1
            scale *= 10.0 if point else 1.0
        else:
            good = False
        at += 1
    return (sign * value / scale if good and digits > 0 else np.nan), at


@kernel()
def read_raw(
    sites, samples, rows, facts, allele_counts, kept_at, kept, merged_at, merged, raw_at, raw, which, sums,
    record_counts,
):  # fmt: skip
    """Parse one raw field by emitted allele: (cells (n,) int64, samples (n,) int32, numbers (n, 2) float64), sorted
    by site and sample.

    sites, samples, rows   (records,) int64: the records that start at each site, sorted by site and sample
    facts, allele_counts, kept_at, kept   as in genotyping.call_sites
    merged_at, merged   as in genotyping.Evidence;  raw_at (variants + 1,) int64: slices of raw, uint8
    record_counts   (sites,) int64; records that have the field are added
    which  0: AS_SB_TABLE, added to `sums`, nothing returned; 1: AS_RAW_MQ; 2: a histogram, value and count at a time

    Source: gatk-model.md, section 2.
    """
    room, most = 0, 1
    for record in range(len(rows)):
        most = max(most, allele_counts[sites[record]] + 1)
        room += (raw_at[rows[record] + 1] - raw_at[rows[record]] + 1) // 2 if which > 0 else 0
    cells, who, numbers, filled = np.empty(room, np.int64), np.empty(room, np.int32), np.empty((room, 2)), 0
    place_of, last, begin = np.empty(most, np.int64), -1, 0
    for record in range(len(rows)):
        row, site = rows[record], sites[record]
        at, end = raw_at[row], raw_at[row + 1]
        if at == end:
            continue
        record_counts[site] += 1
        if site != last:
            last, begin = site, kept_at[site]
            place_of[:] = -1
            for k in range(begin, kept_at[site + 1]):
                place_of[kept[k]] = k - begin
        own, place, first, seen = 0, 0, 0.0, 0
        while at < end:
            if raw[at] == BAR:
                at, own, first, seen = at + 1, own + 1, 0.0, 0
                place = place_of[merged[merged_at[row] + own - 1]] if own < facts[row][ALLELES] else -1
                continue
            value, at = _number(raw, at, end)
            at += at < end and raw[at] == COMMA
            seen += 1
            if which != 1 and seen % 2 == 1:
                first = value
            elif place < 0 or np.isnan(value) or np.isnan(first):
                continue
            elif which == 0:
                sums[begin + place, FORWARD] += np.int64(first)
                sums[begin + place, REVERSE] += np.int64(value)
                sums[begin + place, STRANDED] += 1
            else:
                cells[filled], who[filled] = begin + place, samples[record]
                numbers[filled, 0], numbers[filled, 1] = (value, 1.0) if which == 1 else (first, value)
                filled += 1
    return cells[:filled].copy(), who[:filled].copy(), numbers[:filled].copy()


@kernel()
def add_genotypes(calls, ad_rows, kept_at, sums, samples):
    """Add depths and genotype shares of cells with a genotype of their own to `sums`, counts of samples to `samples`.

    calls    Calls;  ad_rows (variants + 1,) int64: where each record's own AD begins; empty where it has none
    samples  (sites, 2) int64: called diploid samples with PL or GQ; samples with AD

    Source: gatk-model.md, section 6 (AS_QualByDepth, AS_RMSMappingQuality, AS_InbreedingCoeff).
    """
    most = np.int64(1)
    for site in range(len(kept_at) - 1):
        most = max(most, kept_at[site + 1] - kept_at[site])
    own, pl = np.empty(most, np.int32), np.empty(most * (most + 1) // 2, np.int32)
    for run in range(len(calls.runs.numbers)):
        number, site = calls.runs.numbers[run], calls.runs.firsts[run]
        if number < calls.shared:
            continue
        begin, alleles, row = kept_at[site], kept_at[site + 1] - kept_at[site], calls.row[number]
        local_numbers(calls.laa, calls.laa_at[number], calls.laa_at[number + 1], alleles - 1, own)
        ploidy = calls.gt_at[number + 1] - calls.gt_at[number]
        kind = genotype_kind(calls.gt, calls.gt_at[number], ploidy)
        if row >= 0 and ad_rows[row + 1] > ad_rows[row]:
            samples[site, 1] += 1
            at, reads = calls.ad_at[number], 0
            for k in range(alleles):
                depth = max(0, calls.ad[at + own[k]])
                sums[begin + k, DEPTH] += depth
                reads += depth if k > 0 else 0
            if (kind == OTHER or kind == HOM_VAR) and reads > 1:
                for k in range(alleles):
                    sums[begin + k, CARRIED] += max(0, calls.ad[at + own[k]])
        samples[site, 0] += _add_shares(calls, number, kind, own, alleles, pl, sums, begin)


@kernel()
def weigh_shared(calls, ad_rows, numbers, alleles):
    """What a cell with each of some shared genotypes adds to the sums of a site of so many alleles.

    calls  Calls; ad_rows as in add_genotypes; numbers (genotypes,) int64

    Returns (genotypes, 4) int64: 1 for a called diploid sample with PL or GQ, 1 for a sample with AD, its depth of REF,
    and of any ALT; and (genotypes, 2 x 2 x SHARE_SUM) int64: shares of hets and of homozygotes of REF, then of any ALT.
    All ALTs are alike in a block and in a reference record.
    """
    counts, shares = np.zeros((len(numbers), 4), np.int64), np.empty((len(numbers), 2 * (SUMS - HETS)), np.int64)
    own, pl = np.empty(alleles, np.int32), np.empty(alleles * (alleles + 1) // 2, np.int32)
    sums = np.zeros((alleles, SUMS), np.int64)
    for k in range(len(numbers)):
        number = numbers[k]
        sums[:] = 0
        local_numbers(calls.laa, calls.laa_at[number], calls.laa_at[number + 1], alleles - 1, own)
        kind = genotype_kind(calls.gt, calls.gt_at[number], calls.gt_at[number + 1] - calls.gt_at[number])
        counts[k, 0] = _add_shares(calls, number, kind, own, alleles, pl, sums, 0)
        row, at = calls.row[number], calls.ad_at[number]
        if row >= 0 and ad_rows[row + 1] > ad_rows[row]:
            counts[k, 1] = 1
            for allele in range(2):
                counts[k, 2 + allele] = max(0, calls.ad[at + own[allele]])
        for allele in range(2):
            shares[k, allele * (SUMS - HETS) : (allele + 1) * (SUMS - HETS)] = sums[allele, HETS:]
    return counts, shares


@compiled
def _add_shares(calls, number, kind, own, alleles, pl, sums, begin):
    """Add the shares of a called diploid genotype with PL or GQ; 1 if it is one, else 0.

    own  (alleles,) int32; local number of each allele;  pl  int32; room for the PL of all alleles
    """
    vector = calls.pl_at[number + 1] > calls.pl_at[number]
    diploid = calls.gt_at[number + 1] - calls.gt_at[number] == 2
    if not diploid or kind == NO_CALL or not (vector or calls.gq[number] != MISSING):
        return 0
    if vector:
        project(calls.pl, calls.pl_at[number], own, alleles, np.int64(2), pl, np.int64(0))
        _add_weights(pl, alleles, begin, sums)
    else:
        _add_weights(_pl_of_quality(calls.gq[number], alleles), alleles, begin, sums)
    return 1


@compiled
def _pl_of_quality(gq, alleles):
    """The PL that GATK assumes for a diploid sample with GQ only: (genotypes,) int32.

    Source: GenotypeUtils.makeApproximateDiploidLog10LikelihoodsFromGQ (gatk-model.md, section 2).
    """
    out = np.full(alleles * (alleles + 1) // 2, GQ_FACTOR * gq, np.int32)
    for b in range(alleles):
        out[b * (b + 1) // 2] = gq if b > 0 else 0
    return out


@uncounted
def _add_weights(pl, alleles, begin, sums):
    """Add shares of each allele's hets and homozygotes, of a diploid sample with PL, its least 0."""
    total, g = 0.0, 0
    for k in range(alleles * (alleles + 1) // 2):
        total += SHARES[pl[k]] if pl[k] < len(SHARES) else 10.0 ** (pl[k] / -10.0)
    for b in range(alleles):
        for a in range(b + 1):
            share = SHARES[pl[g]] if pl[g] < len(SHARES) else 10.0 ** (pl[g] / -10.0)
            part = share / total
            if a == b:
                add_share(sums[begin + a], HOMS, part, 1)
            else:
                add_share(sums[begin + a], HETS, part, 1)
                add_share(sums[begin + b], HETS, part, 1)
            g += 1


@kernel()
def sum_in_order(cells, values, count):
    """Sums in float32, in the order of the values, by cell: (count,) float32; NaN for cells without values."""
    out = np.full(count, np.nan, np.float32)
    for k in range(len(cells)):
        before = out[cells[k]]
        out[cells[k]] = values[k] if np.isnan(before) else np.float32(before + values[k])
    return out


@kernel()
def median_bins(at, counts, values):
    """Medians of histograms, the mean of the middle two of an even count: (histograms,) float64; NaN where empty.

    at, counts, values   as site_statistics.merge_runs; values are numbers of bins
    """
    out = np.full(len(at) - 1, np.nan)
    for cell in range(len(out)):
        total = 0
        for k in range(at[cell], at[cell + 1]):
            total += counts[k]
        if total == 0:
            continue
        seen, low, high, have = 0, 0.0, 0.0, False
        for k in range(at[cell], at[cell + 1]):
            seen += counts[k]
            if not have and seen > (total - 1) // 2:
                low, have = np.float64(values[k]), True
            if seen > total // 2:
                high = np.float64(values[k])
                break
        out[cell] = (low + high) / 2.0 * BIN
    return out
