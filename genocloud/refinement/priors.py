"""Priors of a site's genotypes from allele counts: the callset's own, and those of other callsets."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from genocloud.errors import InputError

LEAST_SAMPLES = 10
"""Of fewer, the callset's own counts are used only where another has the site (PosteriorProbabilitiesUtils)."""

_Doubles = npt.NDArray[np.float64]


class UnlikeReference(InputError):
    """A supporting callset has other reference bases at a site."""

    def __init__(self, place: str, theirs: str, ours: str) -> None:
        self.place, self.theirs, self.ours = place, theirs, ours
        super().__init__(
            f"{place}: REF is {theirs}, where {ours} stands; use a supporting callset made for the callset's reference"
        )


@dataclass(frozen=True, kw_only=True)
class PriorOptions:
    """How counts become priors, by the names of GATK's CalculateGenotypePosteriors.

    global_prior_snp, global_prior_indel  pseudocounts of every allele
    num_reference_samples_if_no_call      genotypes of REF alone that no supporting callset has, where none has the site
    default_to_allele_count               AC where there is MLEAC, too
    ignore_input_samples                  only the supporting callsets' counts, at sites that they have
    discovered_allele_count_priors_off    nor the callset's own counts at other sites
    """

    global_prior_snp: float = 1e-3
    global_prior_indel: float = 1e-3
    num_reference_samples_if_no_call: int = 0
    default_to_allele_count: bool = False
    ignore_input_samples: bool = False
    discovered_allele_count_priors_off: bool = False


DEFAULT_PRIORS = PriorOptions()
"""GATK's."""


class AlleleCounts(NamedTuple):
    """How often the ALTs of a record were seen (MLEAC or AC), of how many `called` alleles (AN); its place."""

    place: str
    ref: str
    alts: Sequence[str]
    counts: Sequence[int]
    called: int


def pseudocounts(
    site: AlleleCounts, others: Sequence[AlleleCounts], samples: int, options: PriorOptions
) -> tuple[float, ...] | None:
    """The parameter of each of a site's alleles in the Dirichlet distribution of their frequencies; None where nothing
    is known, so that all genotypes are equally likely.

    others   records of supporting callsets that begin at the site
    samples  of the callset

    Source: PosteriorProbabilitiesUtils.calculatePosteriorProbs (GATK 4.6.2.0). Raises UnlikeReference.
    """
    absent = 0 if others else options.num_reference_samples_if_no_call
    alone = not options.discovered_allele_count_priors_off and (samples >= LEAST_SAMPLES or absent > 0)
    if not others and not alone and not absent:
        return None
    ref = _common_ref([*others, site])
    counted = [*others]
    if alone if not others else not options.ignore_input_samples:
        counted.append(site)
    totals = {ref: 2 * absent}
    for record in counted:
        ref_count = max(record.called - sum(record.counts), 0)
        for allele, count in zip(_extended(record, ref), (ref_count, *record.counts), strict=True):
            totals[allele] = totals.get(allele, 0) + count
    priors = options.global_prior_indel, options.global_prior_snp
    return tuple(priors[len(allele) == len(ref)] + totals.get(allele, 0) for allele in _extended(site, ref))


def _common_ref(records: Sequence[AlleleCounts]) -> str:
    """The longest REF."""
    *others, site = records
    longest = max((site.ref, *(record.ref for record in others)), key=len)
    for record in others:
        if len(record.ref) == len(longest) and record.ref != longest:
            raise UnlikeReference(record.place, record.ref, longest)
    return longest


def _extended(record: AlleleCounts, ref: str) -> list[str]:
    """REF and ALTs of a record by a longer REF; `*` and symbolic ones stay."""
    more = ref[len(record.ref) :]
    return [ref, *(alt if alt == "*" or alt.startswith("<") else alt + more for alt in record.alts)]


def genotype_priors(parameters: _Doubles) -> _Doubles:
    """log10 priors of diploid genotypes: (sites, genotypes), in VCF's order, by the Dirichlet-multinomial distribution.

    parameters  (sites, alleles)
    """
    second, first = np.tril_indices(parameters.shape[1])
    total = parameters.sum(axis=1, keepdims=True)
    a, b = parameters[:, first], parameters[:, second]
    ways: Any = np.where(first == second, a * (a + 1), 2 * a * b)
    return np.asarray(np.log10(ways / (total * (total + 1))))
