"""Genotypes of trios at bi-allelic sites, refined by one another's."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from genocloud import refinement
from genocloud.callset import GenotypeMatrix
from genocloud.pipeline.refining.genotype_rows import GenotypeRows, joined

_STATES = 3


def refine_trios(
    genotypes: GenotypeMatrix,
    alts: npt.NDArray[np.int32],
    trios: Sequence[refinement.TrioNames],
    de_novo_prior: float,
) -> GenotypeMatrix:
    """Genotypes with posteriors of the trios' people at sites with one ALT (`*` too), each of whom is of one trio.

    alts  (sites,) how many each site has

    Trios with a called genotype that is not diploid stay as they are, as does one with some PL only: its person has
    one haplotype there.
    """
    sites = np.flatnonzero(alts == 1)
    if not len(sites) or not trios:
        return genotypes
    place = {sample: number for number, sample in enumerate(genotypes.samples)}
    people = np.array([[place[sample] for sample in trio] for trio in trios])
    cells = genotypes.numbers[sites[:, None, None], people]
    used, which = np.unique(cells, return_inverse=True)
    which = which.reshape(cells.shape).astype(np.int64)
    packed = (which[..., 0] * len(used) + which[..., 1]) * len(used) + which[..., 2]
    kinds, kind = np.unique(packed, return_inverse=True)
    triples = used[np.stack([kinds // len(used) ** 2, kinds // len(used) % len(used), kinds % len(used)], axis=1)]
    rows = GenotypeRows.of(genotypes.distinct)
    pl, known, fits = _likelihoods(rows)
    called = rows.is_called[triples]
    posteriors = refinement.trio_posteriors(pl[triples], called, known[triples], de_novo_prior)
    changed = posteriors.changed & (fits[triples] | ~called).all(axis=1)[:, None]
    numbers = np.array(triples)
    numbers[changed] = len(rows) + np.arange(changed.sum())
    joint = np.repeat(posteriors.joint[:, None], 3, axis=1)[changed]
    table = rows.called(triples[changed], refinement.call(posteriors.log10[changed]), joint)
    out = genotypes.numbers.copy()
    out[sites[:, None, None], people] = numbers[kind.reshape(cells.shape[:2])]
    return GenotypeMatrix(genotypes.samples, joined([rows.table, table]), out)


def _likelihoods(
    rows: GenotypeRows,
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """PL (rows, 3); which rows have it whole; which are diploid with it whole or without."""
    offsets, values = rows.pl
    lengths = np.diff(offsets)
    known = (lengths == _STATES) & (rows.known == _STATES)
    pl = np.zeros((len(rows), _STATES), np.int32)
    pl[known] = values[offsets[:-1][known, None] + np.arange(_STATES)]
    return pl, known, rows.is_diploid & (known | (lengths == 0))
