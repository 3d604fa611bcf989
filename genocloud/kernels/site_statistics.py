"""Statistics of a site: strand bias, Hardy-Weinberg excess, and likelihoods as genotype counts."""

import math

import numpy as np

from genocloud.kernels.kernel import compiled, kernel, uncounted
from genocloud.kernels.merged_likelihoods import MISSING

STRAND_LIMIT, STRAND_SCALE = 400, 200.0
"""A strand table larger than 400 reads is scaled to 200 (FisherStrand.makeTable, normalizeContingencyTable)."""
TIE_SLACK, SMALLEST_P = 1e-6, 1e-320
NO_P, PHRED_OF_NO_P = 1e-59, 160.0
"""ExcessHet is 160 where the test's p-value is 0 (ExcessHet.calculateEH), beyond the smallest that it reports."""
SHARES = np.array([10.0 ** (phred / -10.0) for phred in range(1000)])
"""10^(-phred / 10): powers take time."""
TIE = 1e-12
"""Shares that are half a sample but for this much are computed again as GATK computes them, before they are rounded."""
NEGLIGIBLE = 1e-16
"""Smaller than this, relative to the likeliest count of hets, counts as impossible (ExcessHet.exactTest)."""


@kernel()
def log_factorials(count):
    """ln n! of n below count: (count,) float64."""
    out = np.empty(count)
    for n in range(count):
        out[n] = math.lgamma(n + 1.0)
    return out


@kernel()
def fisher_strand(table, factorials):
    """Phred-scaled two-sided Fisher p-value of strand bias (FS).

    table       (4,) int64; reads: ref forward, ref reverse, alt forward, alt reverse
    factorials  (> STRAND_LIMIT,) float64; log_factorials

    Source: gatk-model.md, section 6 (FisherStrand, FisherExactTest).
    """
    cells, total, both = np.zeros(4, np.int64), 0, 0
    for k in range(4):
        total += table[k]
    for k in range(4):
        cells[k] = np.int64(table[k] / (total / STRAND_SCALE)) if total > STRAND_LIMIT else table[k]
        both += cells[k]
    ref, first = cells[0] + cells[1], cells[0] + cells[2]
    low, high = max(0, first - (both - ref)), min(ref, first)
    if low == high:
        return 0.0
    every = factorials[both] - factorials[first] - factorials[both - first]
    observed, p = 0.0, 0.0
    for k in range(low - 1, high + 1):  # first the table itself
        x = cells[0] if k < low else k
        y = first - x
        density = (
            (factorials[ref] - factorials[x] - factorials[ref - x])
            + (factorials[both - ref] - factorials[y] - factorials[both - ref - y])
            - every
        )
        if k < low:
            observed = density
        elif density <= observed * (1.0 - TIE_SLACK):
            p += math.exp(density)
    return abs(-10.0 * math.log10(max(min(p, 1.0), SMALLEST_P)))


@kernel()
def strand_odds_ratio(table):
    """Symmetric odds ratio of strand bias (SOR); one is added to each cell.

    table  (4,) int64, as in `fisher_strand`

    Source: gatk-model.md, section 6 (StrandOddsRatio).
    """
    a, b, c, d = table[0] + 1.0, table[1] + 1.0, table[2] + 1.0, table[3] + 1.0
    ratio = (a / b) * (d / c) + (b / a) * (c / d)
    return math.log(ratio) + math.log(min(a, b) / max(a, b)) - math.log(min(c, d) / max(c, d))


@compiled
def excess_het(refs, hets, homs):
    """Phred-scaled one-sided exact p-value of an excess of heterozygotes (ExcessHet).

    refs, hets, homs  int; samples

    Source: gatk-model.md, section 6 (ExcessHet; Wigginton, Cutler, Abecasis 2005).
    """
    total = refs + hets + homs
    rare = 2 * min(refs, homs) + hets
    if total < 2 or rare == 0:
        return 0.0
    middle = rare * (2 * total - rare) // (2 * total - 1)
    if middle % 2 != rare % 2:
        middle += 1
    p = np.zeros(rare + 1)
    p[middle] = 1.0
    h, r = middle, (rare - middle) // 2
    c = total - h - r
    while h >= 2:
        less = p[h] * h * (h - 1.0) / (4.0 * (r + 1.0) * (c + 1.0))
        if less < NEGLIGIBLE:
            break
        p[h - 2] = less
        h, r, c = h - 2, r + 1, c + 1
    h, r = middle, (rare - middle) // 2
    c = total - h - r
    while h <= rare - 2:
        more = p[h] * 4.0 * r * c / ((h + 2.0) * (h + 1.0))
        if more < NEGLIGIBLE:
            break
        p[h + 2] = more
        h, r, c = h + 2, r - 1, c - 1
    tail, every = 0.0, 0.0
    for h in range(rare + 1):
        every += p[h]
        if h >= hets:
            tail += p[h]
    value = tail / every
    if value < NO_P:
        return PHRED_OF_NO_P
    return abs(-10.0 * math.log10(min(1.0, value)))


@uncounted
def _without_ref(pl, at, alleles):
    """Whether the likeliest diploid genotype (the first on ties) holds no REF."""
    best, no_ref = pl[at], False
    genotype = at
    for b in range(alleles):
        for a in range(b + 1):
            if pl[genotype] < best:
                best, no_ref = pl[genotype], a > 0
            genotype += 1
    return no_ref


@uncounted
def _share(phred):
    return SHARES[phred] if phred < len(SHARES) else 10.0 ** (phred / -10.0)


@uncounted
def _weights_in_logs(pl, at, alleles, place, het):
    """`genotype_weights` in GATK's own steps, so that ties at one half round as in GATK, to the last bit."""
    best = at
    for g in range(at, at + alleles * (alleles + 1) // 2):
        if pl[g] < pl[best]:
            best = g
    highest, total = pl[best] / -10.0, 1.0
    for g in range(at, at + alleles * (alleles + 1) // 2):
        if g != best:
            total += 10.0 ** (pl[g] / -10.0 - highest)
    whole = highest + math.log10(total)
    aa, ab = 10.0 ** (pl[at] / -10.0 - whole), 10.0 ** (pl[place] / -10.0 - whole)
    bb = 10.0 ** (pl[place + het] / -10.0 - whole)
    if alleles > 2:
        whole = aa + ab + bb
        return aa / whole, ab / whole, bb / whole
    return aa, ab, bb


@uncounted
def _best_het(pl, at, alleles):
    """The ALT whose het with REF is likeliest, the first on ties."""
    het = np.int64(1)
    for b in range(2, alleles):
        if pl[at + b * (b + 1) // 2] < pl[at + het * (het + 1) // 2]:
            het = b
    return het


@uncounted
def _three_weights(pl, at, het):
    """Shares of hom-ref, of the het of REF and an ALT, and of that ALT's homozygote, among these three."""
    place = at + het * (het + 1) // 2
    lowest = min(pl[at], pl[place], pl[place + het])
    aa, ab, bb = _share(pl[at] - lowest), _share(pl[place] - lowest), _share(pl[place + het] - lowest)
    total = aa + ab + bb
    return aa / total, ab / total, bb / total


@uncounted
def _is_tie(aa, ab):
    return abs(ab - 0.5) < TIE or abs(aa - 0.5) < TIE


@uncounted
def weighs_all(pl, at, alleles):
    """Whether `genotype_weights` depends on the likelihoods of all genotypes, in its last bits: there is a tie."""
    if alleles > 2 and _without_ref(pl, at, alleles):
        return False
    aa, ab, _ = _three_weights(pl, at, _best_het(pl, at, alleles))
    return _is_tie(aa, ab)


@uncounted
def genotype_weights(pl, at, alleles):
    """A diploid sample as shares of hom-ref, het and hom-alt: (aa, ab, bb) float64.

    pl  int32, phred; the sample's vector begins at `at`; VCF order

    Of several ALTs only the best het's count; a best genotype without REF counts as hom-alt.
    Source: gatk-model.md, section 6 (GenotypeUtils.computeDiploidGenotypeCounts).
    """
    if alleles > 2 and _without_ref(pl, at, alleles):
        return 0.0, 0.0, 1.0
    het = _best_het(pl, at, alleles)
    aa, ab, bb = _three_weights(pl, at, het)
    if _is_tie(aa, ab):
        return _weights_in_logs(pl, at, alleles, at + het * (het + 1) // 2, het)
    return aa, ab, bb


@uncounted
def weights_of_quality(gq):
    """A diploid hom-ref without PL as shares of hom-ref, het and hom-alt, from its GQ (InbreedingCoeff only)."""
    if gq == 0 or gq == MISSING:
        return 1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0
    ref = 1.0 - 10.0 ** (gq / -10.0)
    return ref, 1.0 - ref, 0.0


@uncounted
def rounded_counts(aa, ab, bb):
    """Shares as whole samples: half and more is one; of two equal ones the het or hom-alt share gives none."""
    refs = np.int64(math.floor(aa + 0.5))
    hets = np.int64(math.floor(ab + 0.5)) if aa != ab else 0
    homs = np.int64(math.floor(bb + 0.5)) if bb != ab else 0
    return refs, hets, homs


@uncounted
def inbreeding_coefficient(refs, hets, samples):
    """1 - observed / expected heterozygotes; NaN, as GATK has it, where no sample has any likelihood of an allele.

    refs, hets  float64; shares summed over `samples`

    Source: gatk-model.md, section 6 (InbreedingCoeff).
    """
    p = (2.0 * refs + hets) / (2.0 * samples)
    expected = 2.0 * p * (1.0 - p) * samples
    return 1.0 - hets / expected if expected != 0.0 else np.nan


@kernel("int64[:,::1]")
def strand_biases(strands):
    """FS and SOR of many sites: (sites, 2) float64; strands (sites, 8) int64: the tables of FS, then of SOR."""
    out, factorials = np.empty((len(strands), 2)), log_factorials(STRAND_LIMIT + 1)
    for site in range(len(out)):
        out[site, 0] = fisher_strand(strands[site, :4], factorials)
        out[site, 1] = strand_odds_ratio(strands[site, 4:])
    return out


@kernel("int64[:,::1]")
def excess_hets(hardy):
    """ExcessHet of many sites: (sites,) float64; hardy (sites, 3) int64: hom-ref, het and hom-alt samples."""
    out = np.empty(len(hardy))
    for site in range(len(out)):
        out[site] = excess_het(hardy[site, 0], hardy[site, 1], hardy[site, 2])
    return out


@kernel("float64[:,::1], int64[::1]")
def inbreeding_coefficients(shares, samples):
    """InbreedingCoeff of many sites: (sites,) float64, NaN without samples.

    shares  (sites, 2) float64; of hom-ref and het, summed over samples;  samples (sites,) int64
    """
    out = np.full(len(shares), np.nan)
    for site in range(len(out)):
        if samples[site] > 0:
            out[site] = inbreeding_coefficient(shares[site, 0], shares[site, 1], samples[site])
    return out


@kernel("int64[:,::1], int32[::1], float32[::1]")
def merge_runs(run_at, runs, values):
    """Add up several parts' counts of equal values: (run_at, runs, values) of one.

    run_at  (parts, cells + 1) int64; each part's slices of runs, int32, and values, float32, ascending in a slice
    """
    parts, cells = run_at.shape[0], run_at.shape[1] - 1
    out_at, out_runs, out_values = np.zeros(cells + 1, np.int64), np.empty_like(runs), np.empty_like(values)
    place = run_at[:, 0].copy()
    for cell in range(cells):
        end = out_at[cell]
        while True:
            least = np.float32(np.inf)
            for part in range(parts):
                if place[part] < run_at[part, cell + 1]:
                    least = min(least, values[place[part]])
            if least == np.inf:
                break
            out_values[end], out_runs[end] = least, 0
            for part in range(parts):
                if place[part] < run_at[part, cell + 1] and values[place[part]] == least:
                    out_runs[end] += runs[place[part]]
                    place[part] += 1
            end += 1
        out_at[cell + 1] = end
    return out_at, out_runs[: out_at[cells]].copy(), out_values[: out_at[cells]].copy()


@kernel("int64[::1], int32[::1], float32[::1]")
def medians(run_at, runs, values):
    """Element n // 2 of each cell's sorted values: (cells,) float32, NaN where there are none; arrays as above."""
    out = np.full(len(run_at) - 1, np.nan, np.float32)
    for cell in range(len(out)):
        total = 0
        for k in range(run_at[cell], run_at[cell + 1]):
            total += runs[k]
        left = total // 2
        for k in range(run_at[cell], run_at[cell + 1]):
            if left < runs[k]:
                out[cell] = values[k]
                break
            left -= runs[k]
    return out
