"""The slow, obvious twins of the genotyping kernels: plain Python over lists."""

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations_with_replacement
from math import comb, factorial, floor, fsum, log, log10, prod


def genotypes(alleles: int, ploidy: int) -> list[tuple[int, ...]]:
    """All genotypes in VCF order: by the highest allele, then the next highest, ..."""
    return sorted(combinations_with_replacement(range(alleles), ploidy), key=lambda genotype: genotype[::-1])


def project(pl: Sequence[int], own: Sequence[int], ploidy: int) -> list[int]:
    """PL of the genotypes of some alleles, `own` being their numbers in the sample's own vector."""
    place = {genotype: index for index, genotype in enumerate(genotypes(max(own) + 1, ploidy))}
    return [pl[place[tuple(sorted(own[a] for a in genotype))]] for genotype in genotypes(len(own), ploidy)]


def covering_row(rows: Sequence[tuple[int, int]], position: int) -> int:
    """The row (start, stop) that covers a position, -1 if none does."""
    return next((n for n, (start, stop) in enumerate(rows) if start <= position < stop), -1)


def distinct(keys: Sequence[tuple[Sequence[int], int]]) -> list[tuple[tuple[int, ...], int]]:
    """Keys with multiplicities added up, sorted."""
    counted: Counter[tuple[int, ...]] = Counter()
    for key, count in keys:
        counted[tuple(key)] += count
    return sorted(counted.items())


def posteriors(pl: Sequence[int], ploidy: int, frequencies: Sequence[float]) -> dict[tuple[int, ...], float]:
    """Probability of each genotype of one sample, exactly as fractions allow."""
    every = genotypes(len(frequencies), ploidy)
    weights = []
    for genotype, phred in zip(every, pl, strict=True):
        copies = Counter(genotype)
        ways = factorial(ploidy) // prod(factorial(count) for count in copies.values())
        prior = prod(Fraction(frequencies[a]) ** count for a, count in copies.items())
        weights.append(ways * prior * Fraction(10.0 ** ((min(pl) - phred) / 10)))
    return {genotype: weight / sum(weights) for genotype, weight in zip(every, weights, strict=True)}


Sample = tuple[int, Sequence[int], int]
"""Ploidy, PL, and how many samples have them."""


def expected_copies(samples: Sequence[Sample], pseudocounts: Sequence[float]) -> tuple[list[float], list[float]]:
    """(copies, frequencies) of the EM."""
    alleles = len(pseudocounts)
    frequencies, copies = [1 / alleles] * alleles, [0.0] * alleles
    while True:
        before = copies
        copies = [
            fsum(
                count * genotype.count(a) * float(p)
                for ploidy, pl, count in samples
                for genotype, p in posteriors(pl, ploidy, frequencies).items()
            )
            for a in range(alleles)
        ]
        total = fsum(pseudocounts) + fsum(copies)
        frequencies = [(prior + c) / total for prior, c in zip(pseudocounts, copies, strict=True)]
        if max(abs(a - b) for a, b in zip(copies, before, strict=True)) <= 0.1:
            return copies, frequencies


def absence(samples: Sequence[Sample], frequencies: Sequence[float], star: int) -> tuple[float, list[float]]:
    """log10 probabilities that nobody carries anything but REF and `*`, and that nobody carries each allele."""
    alleles = range(len(frequencies))

    def absent(banned: set[int]) -> float:
        return fsum(
            count * log10(sum(p for g, p in posteriors(pl, ploidy, frequencies).items() if not banned & set(g)))
            for ploidy, pl, count in samples
        )

    return absent(set(alleles) - {0, star}), [0.0] + [absent({a}) for a in alleles if a]


def scores(samples: Sequence[Sample], alleles: int) -> list[float]:
    """What each ALT gains in samples whose likeliest genotype holds it, log10: exact sums of doubles, rounded once."""
    out = [Fraction(0)] * alleles
    for ploidy, pl, count in samples:
        best = genotypes(alleles, ploidy)[pl.index(min(pl))]
        for a in set(best) - {0}:
            out[a] += count * Fraction(min(pl) / -10.0 - pl[0] / -10.0)
    return [float(gain) for gain in out]


def best_alleles(gains: Sequence[float], most: int) -> list[int]:
    alts = sorted(range(1, len(gains)), key=lambda a: -gains[a])
    return [0, *sorted(alts[:most])]


def choose(pl: Sequence[int], alleles: int, ploidy: int) -> tuple[list[int] | None, int, list[int]]:
    """(called genotype or None, GQ, PL) from the kept alleles' likelihoods."""
    log10s = [value / -10.0 for value in pl]
    log10s = [value - max(log10s) for value in log10s]
    shifted = [floor(-10.0 * value + 0.5) for value in log10s]
    best = log10s.index(0.0)
    second = max(log10s[:best] + log10s[best + 1 :])
    gq = floor(-10.0 * second + 0.5)
    if not sum(log10s) < -0.1:
        return None, gq, shifted
    if best == 0 and second > -0.1:
        return [-1] * ploidy, gq, shifted
    return list(genotypes(alleles, ploidy)[best]), gq, shifted


def fisher_p(table: Sequence[int]) -> float:
    """Two-sided p-value of a 2 x 2 table: the tables that are no likelier, but for GATK's slack of 1e-6 in logs."""
    a, b, c, d = table
    support = range(max(0, a - d), min(a + b, a + c) + 1)
    weights = {k: comb(a + b, k) * comb(c + d, a + c - k) for k in support}
    if len(weights) == 1:
        return 1.0
    total = sum(weights.values())
    logs = {k: log(weight) - log(total) for k, weight in weights.items()}
    return min(1.0, sum(weights[k] for k in support if logs[k] <= logs[a] * (1 - 1e-6)) / total)


def excess_het_p(refs: int, hets: int, homs: int) -> Fraction:
    """Probability of as many heterozygotes or more, given the copies of the rarer allele."""
    total, rare = refs + hets + homs, 2 * min(refs, homs) + hets
    ways = {
        h: 2**h * factorial(total) // (factorial(h) * factorial((rare - h) // 2) * factorial(total - (rare + h) // 2))
        for h in range(rare % 2, rare + 1, 2)
    }
    return Fraction(sum(way for h, way in ways.items() if h >= hets), sum(ways.values()))


def odds_ratio(table: Sequence[int]) -> float:
    a, b, c, d = (cell + 1 for cell in table)
    return log(a * d / (b * c) + b * c / (a * d)) + log(min(a, b) / max(a, b)) - log(min(c, d) / max(c, d))


def extended(alt: str, ref: str, merged_ref: str) -> str:
    return alt if alt == "*" or alt.startswith("<") else alt + merged_ref[len(ref) :]


def is_deletion(ref: str, alt: str) -> bool:
    if len(ref) == 1 or alt.startswith("<"):
        return False
    mismatches = sum(a != b for a, b in zip(ref, alt, strict=False)) if len(ref) == len(alt) else 0
    return alt == "*" or len(alt) < len(ref) or mismatches > 1
