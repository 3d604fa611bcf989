"""Posteriors of genotypes from their likelihoods and priors: PP, the likeliest genotype and its GQ."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from genocloud import schema

NO_CALL_GAP = 0.1
"""log10 by which REF alone must be likelier than any other genotype to be called; SUM_GL_THRESH_NOCALL in GATK."""

_Doubles = npt.NDArray[np.float64]
_Ints = npt.NDArray[np.int32]


class Called(NamedTuple):
    """Genotypes after their posteriors.

    pp         (genotypes, states) int32, phred; 0 is the likeliest, schema.MISSING what is not known
    best       (genotypes,) the likeliest's place in VCF's order, the first of equal ones
    gq         (genotypes,) int32, phred, uncapped
    no_call    (genotypes,) REF alone is the likeliest, but hardly
    """

    pp: _Ints
    best: _Ints
    gq: _Ints
    no_call: npt.NDArray[np.bool_]


def call(log10: _Doubles) -> Called:
    """Genotypes of log10 posteriors, up to a constant: (genotypes, states), at least two known; -inf is not known.

    Source: GATKVariantContextUtils.makeGenotypeCall, USE_PLS_TO_ASSIGN (GATK 4.6.2.0).
    """
    best = log10.argmax(axis=1)
    highest = log10.max(axis=1, keepdims=True)
    others = log10.copy()
    others[np.arange(len(log10)), best] = -np.inf
    gap = highest[:, 0] - others.max(axis=1, initial=-np.inf)
    pp = np.where(np.isneginf(log10), schema.MISSING, _rounded(10 * (highest - log10)))
    return Called(pp, best.astype(np.int32), _rounded(10 * gap), (best == 0) & (gap < NO_CALL_GAP))


def normalised(log10: _Doubles) -> _Doubles:
    """log10 probabilities of which each row's have the sum 1.

    Differences between them lose their last bit so, which decides where REF alone is exactly NO_CALL_GAP ahead, as it
    is of PL 0,1: added in MathUtils.log10SumLog10's order (GATK 4.6.2.0).
    """
    best, highest = log10.argmax(axis=1), log10.max(axis=1)
    powers = 10.0 ** (log10 - highest[:, None])
    powers[np.arange(len(log10)), best] = 0.0
    total = np.ones(len(log10))
    for state in powers.T:
        total += state
    return np.asarray(log10 - (highest + np.log10(total))[:, None])


def phred(log10: _Doubles) -> _Ints:
    """log10 probabilities as PL has them: the highest is 0."""
    return np.asarray(_rounded(10 * (log10.max(axis=-1, keepdims=True) - log10)))


def _rounded(values: _Doubles) -> Any:
    """As Java rounds: halves up."""
    return np.floor(np.minimum(values, np.iinfo(np.int32).max - 1) + 0.5).astype(np.int32)
