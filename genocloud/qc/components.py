"""Principal components of the samples, of genotypes scaled by their variance in equilibrium."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from genocloud.qc.packed_genotypes import MISSING, PackedGenotypes, frequencies

MOST_EXACT = 2048
"""Up to so many samples their matrix of relationships is decomposed whole; of more, by random projections."""

OVERSAMPLED, ROUNDS, SEED = 20, 8, 20_260_714
"""Columns beyond the wanted ones, rounds of the randomised decomposition, and the seed of its random numbers."""

SITES_AT_ONCE = 2048


@dataclass(frozen=True, kw_only=True, eq=False)
class Components:
    """Components, the largest first.

    values   (components,) eigenvalues of the matrix of relationships
    vectors  (samples, components); of those used of length 1, their entry largest in size is positive
    """

    values: npt.NDArray[np.float64]
    vectors: npt.NDArray[np.float64]


def components(
    genotypes: PackedGenotypes,
    number: int,
    used: npt.NDArray[np.bool_] | None = None,
    *,
    most_exact: int = MOST_EXACT,
) -> Components:
    """The components of Z'Z / sites, where Z is (g - 2p) / sqrt(2p(1 - p)), 0 where g is missing.

    used  (samples,) bool; those that frequencies and components are of, as relatives make components of their own. The
          others are projected: what is missing of them counts as the mean, which draws them to the middle

    Source: Price 2006; plink2 --pca (with meanimpute), and Hail's hwe_normalized_pca.
    """
    chosen = np.flatnonzero(np.ones(genotypes.samples, np.bool_) if used is None else used)
    number = min(number, len(chosen), len(genotypes))
    if not number:
        return Components(values=np.zeros(0), vectors=np.zeros((genotypes.samples, 0)))
    if len(chosen) <= most_exact:
        values, vectors = np.linalg.eigh(_times(genotypes, np.eye(len(chosen)), chosen)[chosen])
    else:
        values, vectors = _randomised(genotypes, number, chosen)
    order = np.argsort(values)[::-1][:number]
    values, vectors = values[order], vectors[:, order]
    out = np.zeros((genotypes.samples, number))
    if len(chosen) < genotypes.samples:
        shown = values > values[:1].max(initial=0) * NOTHING
        out[:, shown] = _times(genotypes, vectors[:, shown], chosen) / values[shown]
    out[chosen] = vectors
    signs = np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(number)])
    return Components(values=values, vectors=out * np.where(signs == 0, 1, signs))


NOTHING = 1e-10
"""Components whose share of the largest is smaller are rounding: nobody is projected on them."""


def _times(
    genotypes: PackedGenotypes, right: npt.NDArray[np.float64], used: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """The relationships of all samples with those used, times (used, columns)."""
    out, sites = np.zeros((genotypes.samples, right.shape[1])), 0
    for codes in genotypes.blocks(SITES_AT_ONCE):
        p = frequencies(codes[:, used])
        varies = (p > 0) & (p < 1)
        p, kept = p[varies, None], codes[varies]
        scaled = np.where(kept == MISSING, 0.0, (kept - 2 * p) / np.sqrt(2 * p * (1 - p)))
        out += scaled.T @ (scaled[:, used] @ right)
        sites += len(kept)
    return out / max(sites, 1)


def _randomised(
    genotypes: PackedGenotypes, number: int, used: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Eigenvalues and vectors by subspace iteration with the Krylov space of all rounds (Musco and Musco 2015)."""
    width = min(number + OVERSAMPLED, len(used))
    block = np.random.default_rng(SEED).standard_normal((len(used), width))
    spaces = []
    for _ in range(ROUNDS):
        block = np.linalg.qr(_times(genotypes, block, used)[used])[0]
        spaces.append(block)
    basis = np.linalg.qr(np.concatenate(spaces, axis=1)[:, : len(used)])[0]
    values, small = np.linalg.eigh(basis.T @ _times(genotypes, basis, used)[used])
    return values, basis @ small
