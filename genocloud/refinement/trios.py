"""Posteriors of a mother's, a father's and a child's genotypes from one another's likelihoods."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

DE_NOVO_PRIOR = 1e-6
"""Of a new mutation, as GATK's CalculateGenotypePosteriors has it."""

_LOG10_OF_ONE_THIRD = -0.4771213
_HIGHEST = 127
"""JL and JP are at most this, as they are bytes in GATK."""

_Doubles = npt.NDArray[np.float64]


class TrioNames(NamedTuple):
    """Names of samples."""

    mother: str
    father: str
    child: str


class TrioPosteriors(NamedTuple):
    """Trios at bi-allelic sites, each of whom has REF alone, both alleles, or ALT alone.

    log10    (trios, 3 people, 3 states), the highest is 0
    joint    (trios, 2) int32: JL and JP, phred; -1 where not all three have likelihoods
    changed  (trios, 3 people) bool: who gets posteriors
    """

    log10: _Doubles
    joint: npt.NDArray[np.int32]
    changed: npt.NDArray[np.bool_]


def trios_of(
    relatives: Iterable[tuple[str, str, str, str]], samples: Collection[str]
) -> tuple[tuple[TrioNames, ...], tuple[str, ...]]:
    """The trios of a pedigree among some samples, and children who are in none, though both parents are samples.

    relatives  family, sample, father, mother of each; none is empty

    As in GATK, a family counts if exactly three of its people are samples. Parents without a line of their own are of
    their child's family. Source: FamilyLikelihoods.setTrios (GATK 4.6.2.0).
    """
    parents: dict[str, tuple[str, str]] = {}
    family_of: dict[str, str] = {}
    rows = list(relatives)
    for family, sample, father, mother in rows:
        parents[sample], family_of[sample] = (mother, father), family
    for family, _, father, mother in rows:
        for parent in filter(None, (father, mother)):
            family_of.setdefault(parent, family)
    families = defaultdict[str, set[str]](set)
    for sample in filter(family_of.__contains__, samples):
        families[family_of[sample]].add(sample)
    trios, others, known = [], [], set(samples)
    for sample in filter(parents.__contains__, samples):
        mother, father = parents[sample]
        members = families[family_of[sample]] if family_of[sample] not in _NO_FAMILY else set()
        if not {mother, father} <= known:
            continue
        if len(members) == 3 and {mother, father} <= members:
            trios.append(TrioNames(mother, father, sample))
        else:
            others.append(sample)
    return tuple(trios), tuple(others)


_NO_FAMILY = frozenset(("", "0", "-9"))


def _violations() -> npt.NDArray[np.int64]:
    """New mutations of each genotype (mother, father, child), by number of ALTs.

    Source: FamilyLikelihoods.getCombinationMVCount.
    """
    mother, father, child = np.indices((3, 3, 3))
    without_ref = (mother == 2).astype(int) + (father == 2)
    without_alt = (mother == 0).astype(int) + (father == 0)
    return np.select([child == 0, child == 2], [without_ref, without_alt], (without_ref == 2) | (without_alt == 2))


def trio_posteriors(
    pl: npt.NDArray[np.int32], called: npt.NDArray[np.bool_], known: npt.NDArray[np.bool_], de_novo_prior: float
) -> TrioPosteriors:
    """Posteriors of trios.

    pl      (trios, 3 people, 3 states) int32, phred: mother, father, child
    called  (trios, 3 people) bool: who has a genotype without `.`
    known   (trios, 3 people) bool: who has PL; others' are not read

    Nothing changes where the child, or both parents, are not called. Source: FamilyLikelihoods (GATK 4.6.2.0).
    """
    is_known = called & known
    own = np.where(is_known[..., None], pl / -10.0, 0.0)
    own -= own.max(axis=2, keepdims=True)
    log10 = np.where(is_known[..., None], own, _LOG10_OF_ONE_THIRD)
    violations = _violations()
    none = 1.0 - 10 * de_novo_prior - de_novo_prior * de_novo_prior
    prior = np.log10(np.where(violations > 0, de_novo_prior**violations, none))
    mother, father, child = log10[:, 0, :, None, None], log10[:, 1, None, :, None], log10[:, 2, None, None, :]
    together = prior + (mother + father + child)
    marginal = np.stack([_log10_sum(together, axes) for axes in ((2, 3), (1, 3), (1, 2))], axis=1)
    posterior = marginal - marginal.max(axis=2, keepdims=True)
    parents_called = called[:, 0] | called[:, 1]
    changed = called & (called[:, 2] & parents_called)[:, None]
    return TrioPosteriors(posterior, _joint(own, posterior, np.asarray(is_known.all(axis=1))), changed)


def _log10_sum(values: _Doubles, axes: tuple[int, int]) -> _Doubles:
    highest = values.max(axis=axes, keepdims=True)
    return np.asarray(np.log10((10.0 ** (values - highest)).sum(axis=axes)) + highest.squeeze(axes))


def _linear(log10: _Doubles) -> _Doubles:
    values = 10.0 ** (log10 - log10.max(axis=-1, keepdims=True))
    return np.asarray(values / values.sum(axis=-1, keepdims=True))


def _joint(likelihoods: _Doubles, posterior: _Doubles, complete: npt.NDArray[np.bool_]) -> npt.NDArray[np.int32]:
    """How surely the three genotypes are right together: before the priors, JL, and after, JP."""
    after = _linear(posterior)
    chosen = np.take_along_axis(_linear(likelihoods), after.argmax(axis=2)[..., None], axis=2)[..., 0]
    products = np.stack([chosen.prod(axis=1), after.max(axis=2).prod(axis=1)], axis=1)
    with np.errstate(divide="ignore"):
        phreds = np.abs(-10.0 * np.log10(1 - np.minimum(products, 1.0)))
    return np.where(complete[:, None], np.minimum(phreds, _HIGHEST), -1.0).astype(np.int32)
