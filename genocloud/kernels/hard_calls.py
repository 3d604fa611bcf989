"""Genotypes of bi-allelic variants in two bits each, as PGEN has them, from runs of cells."""

from genocloud.kernels.kernel import kernel

HOM_REF, HET, HOM_ALT, NO_CALL = range(4)
"""Codes of a genotype. Source: PGEN specification, section 3.1."""


@kernel()
def put_hard_calls(runs, words, codes, columns, men, haploid, firsts, alts, out):
    """Write the genotypes of some samples into `out`, which is 0 (all hom-ref) where they stand.

    runs     CellRuns
    words    (genotypes,) int32; the GT of each number of a run
    codes    (words, alleles) int8; the code of a GT at the variant of an ALT; column 0: whether all others are HOM_REF
    columns  (samples,) int32; where each sample of the runs stands in `out`
    men      (samples,) bool
    haploid  (sites,) bool; where men have one copy, so that a het of theirs is no call
    firsts   (sites + 1,) int32; each site's first variant
    alts     (variants,) int32; number of the ALT
    out      (variants, bytes) uint8; four genotypes in a byte, the first lowest
    """
    for run in range(len(runs.samples)):
        code = codes[words[runs.numbers[run]]]
        if code[0]:
            continue
        sample = runs.samples[run]
        place = columns[sample]
        byte, shift = place >> 2, 2 * (place & 3)
        for site in range(runs.firsts[run], runs.stops[run]):
            for variant in range(firsts[site], firsts[site + 1]):
                value = code[alts[variant]]
                if value == HET and haploid[site] and men[sample]:
                    value = NO_CALL
                out[variant, byte] |= value << shift
