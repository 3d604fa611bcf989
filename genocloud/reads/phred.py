"""Phred likelihoods of a handful of alleles: folding, deriving, combining (plain Python: 2 to 28 values each)."""

from collections.abc import Callable, Sequence
from functools import cache
from itertools import combinations_with_replacement
from math import comb, isqrt, log10

Likelihoods = list[int]
"""Phred, smallest 0. Diploid: pl[b * (b + 1) // 2 + a] for alleles a <= b (VCF 4.3, 1.6.2). Haploid: one an allele."""

GQ_CAP = 99
"""GATK prints no genotype quality above it."""

ERRMOD_READS = 255
"""Where there are more, htslib's error model draws so many of them."""


@cache
def pairs(alleles: int) -> tuple[tuple[int, int], ...]:
    """The diploid genotypes (a, b), a <= b, in VCF order."""
    return tuple((a, b) for b in range(alleles) for a in range(b + 1))


def at(pl: Sequence[int], a: int, b: int) -> int:
    """The likelihood of the diploid genotype a/b, phred."""
    return pl[b * (b + 1) // 2 + a] if a <= b else pl[a * (a + 1) // 2 + b]


def shifted(pl: Sequence[int]) -> Likelihoods:
    """The same likelihoods with the best at 0."""
    best = min(pl)
    return [value - best for value in pl]


def diploid(alleles: int, likelihood: Callable[[int, int], int]) -> Likelihoods:
    """The vector of `likelihood(a, b)` over the genotypes of so many alleles."""
    return shifted([likelihood(a, b) for a, b in pairs(alleles)])


def haploid(pl: Sequence[int], alleles: int) -> Likelihoods:
    """What a diploid vector says where there is one copy: its homozygous entries."""
    return shifted([at(pl, allele, allele) for allele in range(alleles)])


def fold(pl: Sequence[int], groups: Sequence[Sequence[int]]) -> Likelihoods:
    """Diploid likelihoods of groups of alleles: each pair of groups is as likely as the likeliest of its pairs.

    An allele that is given up goes to the group of the symbolic allele, which so never looks less likely than what was
    given up: the conservative direction of GATK's ReblockGVCF, which keeps hom-ref quality from being overstated.
    """
    return diploid(len(groups), lambda i, j: min(at(pl, a, b) for a in groups[i] for b in groups[j]))


def reference_only(pl: Sequence[int]) -> Likelihoods:
    """The diploid vector folded to REF and the symbolic allele: `fold` to [[0], the rest], quicker."""
    with_ref, without = _by_reference(len(pl))
    return shifted([pl[0], min(pl[i] for i in with_ref), min(pl[i] for i in without)])


@cache
def _by_reference(genotypes: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Indices of the genotypes with one REF and with none."""
    alleles = (isqrt(8 * genotypes + 1) - 1) // 2
    listed = list(enumerate(pairs(alleles)))[1:]
    return tuple(i for i, (a, _) in listed if a == 0), tuple(i for i, (a, _) in listed if a > 0)


def genotype(pl: Sequence[int], alleles: int, ploidy: int) -> tuple[int, ...]:
    """The likeliest genotype of named alleles (the symbolic one, the last, is never called); the first on ties."""
    named = list(combinations_with_replacement(range(alleles - 1), ploidy))
    return min(named, key=lambda g: pl[g[0]] if ploidy == 1 else at(pl, *g))


def index_of(called: Sequence[int]) -> int:
    """Where a genotype, its alleles ascending, stands in its likelihoods."""
    return called[0] if len(called) == 1 else called[1] * (called[1] + 1) // 2 + called[0]


def quality(pl: Likelihoods, called: int) -> int:
    """How much worse the best other genotype is than the called one, phred; 0 if it is better, at most GQ_CAP."""
    others = min(pl[:called] + pl[called + 1 :])
    return max(0, min(GQ_CAP, others - pl[called]))


@cache
def _coin(depth: int, heads: int) -> float:
    """Phred probability of so many heads in `depth` throws of a fair coin: the reads of a heterozygote."""
    return -10 * (log10(comb(depth, heads)) - depth * log10(2))


def with_symbolic(pl: Sequence[int], depths: Sequence[int]) -> Likelihoods:
    """Append the symbolic allele to a vector that lacks it, as mpileup's own error model would have done.

    pl      diploid likelihoods of at least two alleles, phred, as mpileup gives them for indels
    depths  reads of each of those alleles

    In htslib's model a/a costs the errors of all reads that are not of a; a/b costs coin(reads of a, reads of b) and
    the errors of all others. Hence a/* = a/a + coin(reads of a, 0), and */* = the errors of all reads, which is
    sum(a/a) / (alleles - 1). mpileup has shifted the best to 0; as no a/b can cost less than its coin, the coins give
    the shift back (exactly, with two alleles). Source: htslib 1.24, errmod.c, errmod_cal.
    """
    count, reads = len(depths), sum(depths)
    if reads > ERRMOD_READS:
        depths = [depth * ERRMOD_READS // reads for depth in depths]
    coins = {(a, b): _coin(depths[a] + depths[b], depths[b]) for a, b in pairs(count) if a != b}
    shift = max(0.0, *(coin - at(pl, a, b) for (a, b), coin in coins.items()))
    homs = [at(pl, a, a) + shift for a in range(count)]
    with_one = [hom + _coin(depth, 0) for hom, depth in zip(homs, depths, strict=True)]
    neither = max(sum(homs) / (count - 1), max(homs))
    return shifted([*pl, *(round(value - shift) for value in (*with_one, neither))])


def side_by_side(
    snp: Sequence[int], bases: int, indel: Sequence[int], indels: int, alleles: Sequence[tuple[int, int]]
) -> Likelihoods:
    """Likelihoods of haplotypes that have a base and, right after it, an indel or none.

    snp      diploid likelihoods of `bases` bases and the symbolic allele, phred
    indel    diploid likelihoods of `indels` alleles (the first: none) and the symbolic allele, phred
    alleles  each haplotype as (index in snp, index in indel); this function appends the symbolic allele, which is
             another base with no indel, or the reference base with another indel, whichever is likelier

    The two vectors come from different features of the reads (the base itself; what is inserted or deleted after it),
    so they count as independent evidence: a pair of haplotypes has the sum of its phred likelihoods in the two.
    """
    groups = [*([allele] for allele in alleles), [(bases, 0), (0, indels)]]
    return diploid(
        len(groups),
        lambda i, j: min(at(snp, x[0], y[0]) + at(indel, x[1], y[1]) for x in groups[i] for y in groups[j]),
    )


def under_deletion(base: Sequence[int], alleles: int, deletion: Sequence[int]) -> Likelihoods:
    """Likelihoods at a base that lies under a deletion of the same sample, over (REF, ALTs, `*`, symbolic).

    base      diploid likelihoods of (REF, ALTs, symbolic) from the reads that have a base here
    alleles   their number
    deletion  diploid likelihoods of (not deleted, deleted) at this base, from the deletion's record

    mpileup leaves reads that have the deletion out of the base's pileup: beside a deleted copy, the reads that are
    there are haploid evidence. So
        a/b  costs a/b among the bases and no deleted copy,
        a/*  costs a/a among the bases and one deleted copy,
        */*  costs two deleted copies; the deletion's likelihoods have counted the reads that speak against it already.
    """
    star = alleles - 1

    def likelihood(i: int, j: int) -> int:
        present = [min(allele, star) for allele in (i, j) if allele != star]
        if not present:
            return deletion[2]
        return at(base, present[0], present[-1]) + deletion[2 - len(present)]

    return diploid(alleles + 1, likelihood)
