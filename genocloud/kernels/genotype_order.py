"""The order of genotypes in likelihood vectors, for any ploidy (VCF 4.3, section 1.6.2)."""

from genocloud.kernels.kernel import uncounted

MANY = 1 << 40
"""Upper limit of `count_genotypes`, so that absurd ploidies do not overflow."""


@uncounted
def count_genotypes(alleles, ploidy):
    """Number of unordered genotypes: C(alleles + ploidy - 1, ploidy), at most MANY."""
    if ploidy == 2:  # divisions take time
        return alleles * (alleles + 1) // 2
    count = 1
    for k in range(1, ploidy + 1):
        count = count * (alleles + k - 1) // k
        if count > MANY:
            return MANY
    return count


@uncounted
def genotype_index(genotype, ploidy):
    """Place of a genotype in VCF order.

    genotype  (>= ploidy,) int; allele numbers in ascending order

    Source: VCF 4.3, section 1.6.2: sum over k of C(a_k + k - 1, k), k from 1.
    """
    index = 0
    for k in range(ploidy):
        if genotype[k] > 0:
            index += count_genotypes(genotype[k], k + 1)
    return index


@uncounted
def advance(genotype, ploidy):
    """Turn a genotype (ascending allele numbers) into the next one in VCF order, in place."""
    k = 0
    while k < ploidy - 1 and genotype[k] == genotype[k + 1]:
        genotype[k] = 0
        k += 1
    genotype[k] += 1


@uncounted
def write_genotype(index, ploidy, out, at):
    """Write the genotype with an index of VCF order into out[at : at + ploidy]; the reverse of `genotype_index`."""
    for k in range(ploidy - 1, -1, -1):
        allele = 0
        while count_genotypes(allele + 1, k + 1) <= index:
            allele += 1
        if allele > 0:
            index -= count_genotypes(allele, k + 1)
        out[at + k] = allele
