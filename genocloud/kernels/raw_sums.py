"""A batch's raw data for the annotations of sites: sums over samples, and the records' values for medians."""

import math
from itertools import accumulate

from genocloud.kernels.fixed_point import SHARE_SUM, add_share
from genocloud.kernels.kernel import uncounted
from genocloud.kernels.merged_likelihoods import MISSING, NO_CALL, OTHER
from genocloud.kernels.site_statistics import genotype_weights, rounded_counts, weights_of_quality

HOM_VAR = OTHER + 1
"""A genotype of one ALT only; OTHER keeps hets."""
MIXED = OTHER + 2
"""A genotype that is partly uncalled."""
STRAND_READS = 2
"""FS counts samples with more reads than this (FisherStrand.MIN_COUNT)."""

SUMS = {
    "depth": 1,
    "regenotyped": 1,
    "carried": 2,
    "strands": 9,
    "raw_mq": 3,
    "hardy": 4,
    "old_mq": 3,
    "diploid": 1,
    "sample_depth": 1,
    "inbreeding": 2 * SHARE_SUM,
}
"""The parts of a site's totals, int64, and how many columns each has, in their order; all but `inbreeding`, the last,
are plain sums (that is added by `fixed_point.add_share_sum`); either way adding is exact.

depth        INFO/DP, and the depth of samples without one
regenotyped  called alleles before depthless genotypes were set to no-call (for MLEAF)
carried      2: depth of ALT carriers for QD: all, and those with more than one ALT read
strands      9: reads by strand of samples with more than 2 reads, of all samples; samples with SB
raw_mq       3: sum of squares, reads, samples
hardy        4: hom-ref, het, hom-alt as whole samples; called diploid samples with PL or GQ
old_mq       3: sum of squares of records without its number of reads (GATK 3's RAW_MQ), such records, depth of hom-refs
diploid      diploid samples with PL or GQ (for InbreedingCoeff)
sample_depth the samples' own depths, which count where `depth` is 0 (GenomicsDB); 0 where it is not
inbreeding   6: hom-ref and het shares of these (fixed_point.SHARE_SUM)
"""
DEPTH, REGENOTYPED, CARRIED, STRANDS, RAW_MQ, HARDY, OLD_MQ, DIPLOID, SAMPLE_DEPTH, INBREEDING, TOTALS = accumulate(
    SUMS.values(), initial=0
)
"""First column of each, and their number."""
SHARED = DEPTH, REGENOTYPED, CARRIED, HARDY, HARDY + 1, HARDY + 2, HARDY + 3, OLD_MQ + 2, DIPLOID, SAMPLE_DEPTH
"""The plain sums that a sample in a reference block adds to; it has no strands, and no values of a record."""


@uncounted
def add_record(raw_mq, ranked, row, total, values, value_counts):
    """Add a record's raw MQ and rank sums, which count even if its genotype is emptied."""
    if raw_mq[row, 0] >= 0 and raw_mq[row, 1] >= 0:
        total[RAW_MQ] += raw_mq[row, 0]
        total[RAW_MQ + 1] += raw_mq[row, 1]
        total[RAW_MQ + 2] += 1
    for field in range(ranked.shape[1]):
        if not math.isnan(ranked[row, field]):
            values[field, value_counts[field]] = ranked[row, field]
            value_counts[field] += 1


@uncounted
def add_strands(sb, row, total):
    reads = 0
    for k in range(4):
        if sb[row, k] == MISSING:
            return
        reads += sb[row, k]
    total[STRANDS + 8] += 1
    for k in range(4):
        if reads > STRAND_READS:
            total[STRANDS + k] += sb[row, k]
        total[STRANDS + 4 + k] += sb[row, k]


@uncounted
def add_hardy(kind, pl, at, vector, alleles, gq, total):
    """Add a diploid genotype to the total of ExcessHet and InbreedingCoeff; its PL begins at `at`."""
    called = kind != NO_CALL and kind != MIXED
    if not vector and not (called and gq != MISSING):
        return
    total[HARDY + 3] += called
    total[DIPLOID] += 1
    if vector:
        add_weights(pl, at, alleles, total)
    else:
        aa, ab, _ = weights_of_quality(gq)
        total[HARDY] += 1
        add_share(total, INBREEDING, aa, 1)
        add_share(total, INBREEDING + SHARE_SUM, ab, 1)


@uncounted
def add_weights(pl, at, alleles, total):
    """Add a diploid sample's likelihoods, from `at` on, to a site's total, (TOTALS,) int64: hom-ref, het, hom-alt."""
    aa, ab, bb = genotype_weights(pl, at, alleles)
    refs, hets, homs = rounded_counts(aa, ab, bb)
    total[HARDY] += refs
    total[HARDY + 1] += hets
    total[HARDY + 2] += homs
    add_share(total, INBREEDING, aa, 1)
    add_share(total, INBREEDING + SHARE_SUM, ab, 1)


@uncounted
def add_carrier_depth(kind, ad, at, depths, dp, total):
    """Add the depth of a het or hom-var genotype for QD; its AD is ad[at : at + depths]."""
    if kind != OTHER and kind != HOM_VAR:
        return
    reads = 0
    for k in range(at, at + depths):
        reads += max(0, ad[k])
    if reads > 0:
        total[CARRIED] += reads
        if reads - ad[at] > 1:
            total[CARRIED + 1] += reads
    elif dp != MISSING:
        total[CARRIED] += dp


@uncounted
def _sort(values, field, count):
    """Sort values[field, :count] (Shell sort: few values, quick to compile)."""
    gap = count // 2
    while gap > 0:
        for i in range(gap, count):
            value, j = values[field, i], i
            while j >= gap and values[field, j - gap] > value:
                values[field, j] = values[field, j - gap]
                j -= gap
            values[field, j] = value
        gap //= 2


@uncounted
def append_runs(ranked, value_counts, run_at, runs, values, last):
    """Append each field's distinct values, ascending, and their counts behind the first run_at[last] of both."""
    for field in range(len(ranked)):
        _sort(ranked, field, value_counts[field])
        end = run_at[last + field]
        for k in range(value_counts[field]):
            if k > 0 and ranked[field, k] == ranked[field, k - 1]:
                runs[end - 1] += 1
                continue
            runs[end], values[end] = 1, ranked[field, k]
            end += 1
        run_at[last + field + 1] = end
