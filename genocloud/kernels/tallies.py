"""Counts of genotypes by sample, from numbers of distinct genotypes."""

from genocloud.kernels.kernel import kernel


@kernel("int32[:,::1], int64[::1], int64[::1], int64[::1], int64, int64[:,::1], int64[::1]")
def tally(numbers, classes, depths, qualities, kinds, counts, times):
    """Add up genotypes by sample, and how often each distinct one occurs.

    numbers    (sites, samples) int32; the number of each sample's distinct genotype
    classes    (genotypes,) int64; the class of each, 0 <= class < kinds
    depths     (genotypes,) int64, reads; negative where not counted
    qualities  (genotypes,) int64, phred; negative where not counted
    counts     (samples, kinds + 4) int64, added to: genotypes by class; sum and number of depths; of qualities
    times      (genotypes,) int64, added to
    """
    for site in range(numbers.shape[0]):
        for sample in range(numbers.shape[1]):
            number = numbers[site, sample]
            times[number] += 1
            counts[sample, classes[number]] += 1
            if depths[number] >= 0:
                counts[sample, kinds] += depths[number]
                counts[sample, kinds + 1] += 1
            if qualities[number] >= 0:
                counts[sample, kinds + 2] += qualities[number]
                counts[sample, kinds + 3] += 1
