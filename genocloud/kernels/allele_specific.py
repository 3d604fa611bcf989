"""What a batch adds to the allele-specific annotations: the raw texts of its records, and depths by allele."""

import numpy as np
from numba import njit

from genocloud.kernels.calling import HOM_VAR, genotype_kind
from genocloud.kernels.likelihoods import NO_CALL, OTHER, OWN, START
from genocloud.kernels.site_statistics import FIXED, SHARES

BAR, COMMA, POINT, MINUS, ZERO = np.uint8(ord("|")), np.uint8(ord(",")), np.uint8(ord(".")), np.uint8(ord("-")), 48
FORWARD, REVERSE, STRANDED, DEPTH, CARRIED, HETS, HOMS, SUMS = 0, 1, 2, 3, 4, 5, 6, 7
"""Columns of `sums`, by allele put out: reads by strand; records that tell them; depth over samples with AD; over those
that AS_QD counts; samples as hets and as homozygotes of the allele in units of 2^-40."""
THOUSANDTHS, BIN, EPSILON = 1000.0, 0.1, 0.001
"""Raw rank sums are handed on with three decimals and binned by 0.1 (Histogram: floor((value + 0.001) / 0.1))."""


@njit(cache=True, nogil=True)
def _number(text, at, end):
    """A decimal number that ends at `end`, `,` or `|`: (value, where it ends); NaN for anything else."""
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


@njit(cache=True, nogil=True)
def _fields(text, at, end, starts):
    """Where each `|`-separated field of text[at:end] begins; their number."""
    count = 0
    starts[0] = at
    for k in range(at, end):
        if text[k] == BAR and count + 2 < len(starts):
            count += 1
            starts[count] = k + 1
    return count + 1


@njit(cache=True, nogil=True)
def read_raw(
    facts, speaking, positions, allele_counts, kept_at, kept, merged_at, merged, raw_at, raw, which, sums, told
):
    """The numbers that one raw field tells of each allele put out: (cells (n,) int64, samples (n,) int32, numbers
    (n, 2) float64), in the order of sites and samples.

    facts, speaking, positions, allele_counts, kept_at, kept   as in calling.call_sites
    merged_at, merged   as in calling.Evidence;  raw_at (variants + 1,) int64: slices of raw, uint8
    told   (sites,) int64; records that have the field are added
    which  0: AS_SB_TABLE, added to `sums`, nothing returned; 1: AS_RAW_MQ; 2: a histogram, value and count at a time

    Only records that start at the site tell anything. Source: gatk-model.md, section 2.
    """
    room = 16
    cells, samples, numbers, found = np.empty(room, np.int64), np.empty(room, np.int32), np.empty((room, 2)), 0
    starts = np.empty(64, np.int64)
    for site in range(len(positions)):
        begin, alleles = kept_at[site], kept_at[site + 1] - kept_at[site]
        place_of = np.full(allele_counts[site] + 1, -1, np.int64)
        for k in range(alleles):
            place_of[kept[begin + k]] = k
        for sample in range(speaking.shape[1]):
            row = speaking[site, sample]
            if row < 0 or row >= len(merged_at) or facts[row, START] != positions[site]:
                continue
            if raw_at[row] == raw_at[row + 1] or facts[row, OWN] < 0:
                continue
            told[site] += 1
            fields = _fields(raw, raw_at[row], raw_at[row + 1], starts)
            for own in range(fields):
                place = 0 if own == 0 else place_of[merged[merged_at[row] + own - 1]]
                if place < 0:
                    continue
                at, end = starts[own], raw_at[row + 1]
                first, seen = 0.0, 0
                while at < end and raw[at] != BAR:
                    value, at = _number(raw, at, end)
                    at += at < end and raw[at] == COMMA
                    seen += 1
                    if which != 1 and seen % 2 == 1:
                        first = value
                        continue
                    if np.isnan(value) or np.isnan(first):
                        continue
                    if which == 0:
                        sums[begin + place, FORWARD] += np.int64(first)
                        sums[begin + place, REVERSE] += np.int64(value)
                        sums[begin + place, STRANDED] += 1
                        continue
                    if found == room:
                        room *= 4
                        cells = np.concatenate((cells, np.empty(room - found, np.int64)))
                        samples = np.concatenate((samples, np.empty(room - found, np.int32)))
                        numbers = np.concatenate((numbers, np.empty((room - found, 2))))
                    cells[found], samples[found] = begin + place, sample
                    numbers[found, 0], numbers[found, 1] = (value, 1.0) if which == 1 else (first, value)
                    found += 1
    return cells[:found].copy(), samples[:found].copy(), numbers[:found].copy()


@njit(cache=True, nogil=True)
def add_genotypes(calls, ad_rows, kept_at, sums, samples):
    """Add what the genotypes tell to `sums`, and the called diploid samples with PL of each site to `samples`.

    calls    Calls;  ad_rows (variants + 1,) int64: where each record's own AD begins; empty where it has none
    samples  (sites, 2) int64: called diploid samples with PL; samples with AD

    Source: gatk-model.md, section 6 (AS_QualByDepth, AS_RMSMappingQuality, AS_InbreedingCoeff).
    """
    for site in range(calls.numbers.shape[0]):
        begin, alleles = kept_at[site], kept_at[site + 1] - kept_at[site]
        for number in calls.numbers[site]:
            at, ploidy = calls.gt_at[number], calls.gt_at[number + 1] - calls.gt_at[number]
            kind, row = genotype_kind(calls.gt, at, ploidy), calls.row[number]
            if row >= 0 and ad_rows[row + 1] > ad_rows[row]:
                samples[site, 1] += 1
                reads = 0
                for k in range(alleles):
                    depth = max(0, calls.ad[calls.ad_at[number] + k])
                    sums[begin + k, DEPTH] += depth
                    reads += depth if k > 0 else 0
                if (kind == OTHER or kind == HOM_VAR) and reads > 1:
                    for k in range(alleles):
                        sums[begin + k, CARRIED] += max(0, calls.ad[calls.ad_at[number] + k])
            if ploidy != 2 or kind == NO_CALL or calls.pl_at[number + 1] == calls.pl_at[number]:
                continue
            samples[site, 0] += 1
            _add_weights(calls.pl, calls.pl_at[number], alleles, begin, sums)


@njit(cache=True, nogil=True)
def _add_weights(pl, at, alleles, begin, sums):
    """Add a diploid sample's shares of each allele's hets and homozygotes; its PL begins at `at` and its least is 0."""
    total = 0.0
    for g in range(alleles * (alleles + 1) // 2):
        total += SHARES[pl[at + g]] if pl[at + g] < len(SHARES) else 10.0 ** (pl[at + g] / -10.0)
    g = at
    for b in range(alleles):
        for a in range(b + 1):
            share = SHARES[pl[g]] if pl[g] < len(SHARES) else 10.0 ** (pl[g] / -10.0)
            part = np.int64(share / total * FIXED + 0.5)
            if a == b:
                sums[begin + a, HOMS] += part
            else:
                sums[begin + a, HETS] += part
                sums[begin + b, HETS] += part
            g += 1


@njit(cache=True, nogil=True)
def sum_in_order(cells, values, count):
    """Sums of float32 in the order given, by cell: (count,) float32; NaN where there is none."""
    out = np.full(count, np.nan, np.float32)
    for k in range(len(cells)):
        before = out[cells[k]]
        out[cells[k]] = values[k] if np.isnan(before) else np.float32(before + values[k])
    return out


@njit(cache=True, nogil=True)
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
