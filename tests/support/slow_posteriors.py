"""Posteriors of genotypes one by one, in plain Python: twins of the room refinement."""

import math
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from itertools import combinations_with_replacement, product

Person = tuple[Sequence[int], bool, bool]
"""PL, whether the genotype is called, whether it has PL."""


def pairs(alleles: int) -> list[tuple[int, int]]:
    """Diploid genotypes in VCF's order."""
    return sorted(combinations_with_replacement(range(alleles), 2), key=lambda pair: pair[::-1])


def priors(parameters: Sequence[float]) -> list[float]:
    return [prior(parameters, *pair) for pair in pairs(len(parameters))]


def prior(parameters: Sequence[float], first: int, second: int) -> float:
    """By the gamma function, as GATK has it: log10 of the Dirichlet-multinomial distribution."""
    drawn = [(first == allele) + (second == allele) for allele in range(len(parameters))]
    total = sum(parameters)
    terms = [math.lgamma(n + x) - math.lgamma(x) - math.lgamma(n + 1) for n, x in zip(drawn, parameters, strict=True)]
    return (math.lgamma(3) + math.lgamma(total) - math.lgamma(total + 2) + sum(terms)) / math.log(10)


def call(pl: Sequence[int | None], log10_priors: Sequence[float]) -> tuple[list[int | None], int, int, bool]:
    """PP, the likeliest, GQ, whether it is no call; a PL of None is not known, and then PP is not."""
    pairs = zip(pl, log10_priors, strict=True)
    log10 = [-math.inf if each is None else -each / 10 + more for each, more in pairs]
    highest = max(log10)
    best = log10.index(highest)
    gap = min(highest - each for place, each in enumerate(log10) if place != best)
    pp = [None if each == -math.inf else rounded(10 * (highest - each)) for each in log10]
    return pp, best, rounded(10 * gap), best == 0 and gap < 0.1


def rounded(value: float) -> int:
    return int(Decimal(value).quantize(Decimal(1), ROUND_HALF_UP))


def mutations(mother: int, father: int, child: int) -> int:
    """The least number of new alleles that the child must have, but one at most where both alleles could be new."""
    if child == 1:
        return int({mother, father} in ({0}, {2}))
    wanted = child // 2
    return sum(wanted not in {0: (0,), 1: (0, 1), 2: (1,)}[parent] for parent in (mother, father))


def trio(people: Sequence[Person], prior: float) -> tuple[list[list[float]], list[float]]:
    """(log10 posteriors, JL and JP) of a mother, a father and a child: PL, called, has PL."""
    likelihoods = [
        [10 ** (-(each - min(pl)) / 10) for each in pl] if called and known else [1 / 3] * 3
        for pl, called, known in people
    ]
    sums = [[0.0] * 3 for _ in people]
    for states in product(range(3), repeat=3):
        new = mutations(*states)
        weight = prior**new if new else 1 - 10 * prior - prior * prior
        for person, state in enumerate(states):
            sums[person][state] += weight * math.prod(each[n] for each, n in zip(likelihoods, states, strict=True))
    log10 = [[math.log10(each / max(some)) for each in some] for some in sums]
    if not all(called and known for _, called, known in people):
        return log10, [-1, -1]
    best = [some.index(max(some)) for some in log10]
    before = math.prod(some[n] / sum(some) for some, n in zip(likelihoods, best, strict=True))
    after = math.prod(max(some) / sum(some) for some in sums)
    return log10, [min(-10 * math.log10(max(1 - each, 1e-300)), 127) for each in (before, after)]
