"""Raw data of annotations, which a batch has for its samples and which add up over batches and locations."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from genocloud.annotations import MEDIANS, RAW, SITE_ANNOTATIONS
from genocloud.genotypes.allele_specific import AlleleRawAnnotations, add_allele_specific
from genocloud.genotypes.nonvariant import NonvariantRawAnnotations, add_nonvariant
from genocloud.genotypes.runs import Runs, add_runs
from genocloud.kernels import raw_sums
from genocloud.kernels.called_genotypes import Calls
from genocloud.kernels.cell_runs import at_sites, renumbered
from genocloud.kernels.fixed_point import add_share_sums
from genocloud.kernels.genotyping import SharedSums, weigh_genotypes
from genocloud.kernels.run_sums import sum_cells

FIRST_MEDIANS, FIRST_RAW = 7, 5
"""So many medians and raw columns stored raw data have had from the beginning: `layout` names what came later."""

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class RawAnnotations:
    """One batch's mergeable parts of the emitted sites' annotations; adding is exact, in any order.

    totals   (sites, sums of `sum_widths`) int64; ac int64: called copies of each emitted allele, REF too
    runs     sites x annotations.MEDIANS: the records' values
    samples  number of active samples of the batch
    alleles  the allele-specific part, where the AS_ annotations are enabled
    nonvariant   sites emitted without a likely variant; the other fields are of the other sites
    """

    totals: npt.NDArray[np.int64]
    ac: npt.NDArray[np.int64]
    runs: Runs
    samples: int
    alleles: AlleleRawAnnotations | None = None
    nonvariant: NonvariantRawAnnotations | None = None


def add(parts: Sequence[RawAnnotations]) -> RawAnnotations:
    """Merge several parts; exact, in any order and grouping."""
    if len(parts) == 1:
        return parts[0]
    alleles = [part.alleles for part in parts if part.alleles]
    nonvariant = [part.nonvariant for part in parts if part.nonvariant]
    totals, shares = np.sum([part.totals for part in parts], axis=0), slice(raw_sums.INBREEDING, raw_sums.TOTALS)
    totals[:, shares] = add_share_sums(np.stack([part.totals[:, shares] for part in parts]))
    return RawAnnotations(
        totals=totals,
        ac=np.sum([part.ac for part in parts], axis=0),
        runs=add_runs([part.runs for part in parts]),
        samples=sum(part.samples for part in parts),
        alleles=add_allele_specific(alleles) if alleles else None,
        nonvariant=add_nonvariant(nonvariant) if nonvariant else None,
    )


def sum_widths() -> dict[str, int]:
    """Name and number of columns of each part of RawAnnotations.totals, in their order."""
    return raw_sums.SUMS | dict(each.sums for each in SITE_ANNOTATIONS if each.sums)


def layout() -> tuple[int | str, ...]:
    """What tells whether stored raw data have all that the annotations need.

    The number of sums, and what is beyond the medians and raw columns that stores have had from the beginning.
    """
    own_sums = list(sum_widths())[len(raw_sums.SUMS) :]
    return sum(sum_widths().values()), *own_sums, *MEDIANS[FIRST_MEDIANS:], *RAW[FIRST_RAW:]


def with_own_sums(totals: Array, calls: Calls) -> Array:
    """The totals of a batch, followed by the annotations' own sums over the samples' genotypes."""
    own, none = [each for each in SITE_ANNOTATIONS if each.sums], np.zeros((len(calls.row), 0), np.int64)
    if not own:
        return totals
    sums = [sum_cells(calls.runs, len(totals), np.ascontiguousarray(each.count(calls)), none)[0] for each in own]
    return np.concatenate([totals, *sums], axis=1)


def add_shared(calls: Calls, shared: SharedSums, kept_at: Array, totals: Array, ac: Array) -> None:
    """Add the genotypes that cells share to the totals and allele counts of `call_sites`, which are of the others."""
    plain, shares = sum_cells(calls.runs, len(totals), shared.plain, shared.shares)
    totals[:, raw_sums.SHARED] += plain[:, :-2]
    ac[kept_at[:-1]] += plain[:, -2]
    ac[kept_at[:-1] + 1] += plain[:, -1]
    weighed = np.zeros(len(calls.row), bool)
    weighed[: calls.shared] = shared.weighs_all
    runs, numbers = renumbered(calls.runs, weighed)
    for alleles in np.unique(np.diff(kept_at)) if len(numbers) else ():
        here = np.diff(kept_at) == alleles
        counts, more = sum_cells(at_sites(runs, here), int(here.sum()), *weigh_genotypes(calls, numbers, alleles))
        totals[here, raw_sums.HARDY : raw_sums.HARDY + 3] += counts
        shares[here] = add_share_sums(np.stack([shares[here], more]))
    totals[:, raw_sums.INBREEDING :] = add_share_sums(np.stack([totals[:, raw_sums.INBREEDING :], shares]))
    totals[totals[:, raw_sums.DEPTH] > 0, raw_sums.SAMPLE_DEPTH] = 0


def by_name(totals: Array, widths: Mapping[str, int]) -> dict[str, Array]:
    """The parts of totals with these widths."""
    ends = np.cumsum([*widths.values()])
    return dict(zip(widths, np.split(totals, ends[:-1], axis=1), strict=True))
