"""Shares of distinct genotypes are those that calling adds for a sample with such a genotype."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from genocloud.kernels import fixed_point, genotype_shares, site_statistics
from genocloud.kernels.merged_likelihoods import MISSING
from tests.support.kernel_twins import both

LIKELIHOODS = st.sampled_from((0, 1, 2, 3, 6, 10, 15)).flatmap(
    lambda length: st.lists(st.integers(-1, 60) | st.just(0), min_size=length, max_size=length)
)
GENOTYPES = st.lists(
    st.tuples(LIKELIHOODS, st.integers(0, 99) | st.just(int(MISSING)), st.booleans(), st.booleans()), max_size=6
)


def weights(pl: list[int], gq: int, diploid: bool, called: bool) -> tuple[float, float]:
    """Shares of hom-ref and het."""
    if not diploid:
        return 0.0, 0.0
    if not pl:
        return site_statistics.weights_of_quality(gq)[:2] if called and gq != MISSING else (0.0, 0.0)
    alleles = {3: 2, 6: 3, 10: 4, 15: 5}.get(len(pl))
    if alleles is None or min(pl) < 0:
        return 0.0, 0.0
    return site_statistics.genotype_weights(np.array(pl, np.int32), 0, alleles)[:2]


@both(genotype_shares.share_genotypes)
@given(GENOTYPES)
def test_shares_of_genotypes(run, genotypes):
    expected = np.zeros((len(genotypes), 2 * fixed_point.SHARE_SUM), np.int64)
    for row, genotype in zip(expected, genotypes, strict=True):
        of_ref, of_het = weights(*genotype)
        fixed_point.add_share(row, 0, of_ref, 1)
        fixed_point.add_share(row, fixed_point.SHARE_SUM, of_het, 1)
    pl_at = np.cumsum([0, *(len(pl) for pl, *_ in genotypes)])
    pl = np.array([value for pl, *_ in genotypes for value in pl], np.int32)
    gq, diploid, called = (np.array([genotype[place] for genotype in genotypes]) for place in (1, 2, 3))
    assert (run(pl_at, pl, gq.astype(np.int32), diploid.astype(bool), called.astype(bool)) == expected).all()
