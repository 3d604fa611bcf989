"""Homozygosity against its expectation: the .het table of plink2, and F of X for the sex."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genocloud.qc.packed_genotypes import MISSING, PackedGenotypes, frequencies

SITES_AT_ONCE = 4096


@dataclass(frozen=True, kw_only=True, eq=False)
class Homozygosity:
    """By sample: homozygous calls, those expected at the cohort's frequencies, calls, heterozygous and ALT ones."""

    observed: npt.NDArray[np.int64]
    expected: npt.NDArray[np.float64]
    called: npt.NDArray[np.int64]
    hom_alts: npt.NDArray[np.int64]

    @property
    def coefficient(self) -> npt.NDArray[np.float64]:
        """F = (observed - expected) / (called - expected), (samples,); NaN without a site of two alleles."""
        out = np.full(len(self.called), np.nan)
        room = self.called - self.expected
        np.divide(self.observed - self.expected, room, out=out, where=room > 0)
        return out

    @property
    def hets(self) -> npt.NDArray[np.int64]:
        """Heterozygous calls."""
        return np.asarray(self.called - self.observed)


def homozygosity(genotypes: PackedGenotypes) -> Homozygosity:
    """Over all sites. A site's expectation is 1 - 2p(1 - p), p the frequency among the samples, as plink2 has it."""
    observed, called, hom_alts = (np.zeros(genotypes.samples, np.int64) for _ in range(3))
    expected = np.zeros(genotypes.samples)
    for codes in genotypes.blocks(SITES_AT_ONCE):
        p = np.nan_to_num(frequencies(codes))
        is_called = codes != MISSING
        observed += ((codes == 0) | (codes == 2)).sum(axis=0)
        hom_alts += (codes == 2).sum(axis=0)
        called += is_called.sum(axis=0)
        expected += (1 - 2 * p * (1 - p)) @ is_called
    return Homozygosity(observed=observed, expected=expected, called=called, hom_alts=hom_alts)
