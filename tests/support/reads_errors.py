"""mpileup's error model, plain: a genotype is charged for the errors of the reads that it does not explain."""

from collections.abc import Sequence
from math import comb, log10


def likelihoods(errors: Sequence[Sequence[float]]) -> list[float]:
    """Diploid likelihoods, phred, not shifted, from the errors (phred) of each allele's reads."""
    return [_likelihood(errors, a, b) for b in range(len(errors)) for a in range(b + 1)]


def _likelihood(errors: Sequence[Sequence[float]], a: int, b: int) -> float:
    unexplained = sum(sum(reads) for allele, reads in enumerate(errors) if allele not in (a, b))
    if a == b:
        return unexplained
    here, there = len(errors[a]), len(errors[b])
    return unexplained - 10 * log10(comb(here + there, there) * 0.5 ** (here + there))
