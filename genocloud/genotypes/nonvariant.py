"""Sites emitted without a likely variant: selection, raw annotations, and their place among the others."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import schema
from genocloud.genotypes.runs import Runs, add_runs

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class NonvariantRawAnnotations:
    """One batch's mergeable parts of the annotations of nonvariant sites; adding is exact, in any order.

    totals   (sites, kernels.nonvariant_genotypes.TOTALS) int64
    runs     sites x annotations.MEDIANS: the records' values
    ids      (site, ID) pairs, sorted and distinct
    """

    totals: npt.NDArray[np.int64]
    runs: Runs
    ids: tuple[tuple[int, str], ...]


def add_nonvariant(shares: Sequence[NonvariantRawAnnotations]) -> NonvariantRawAnnotations:
    """Merge several parts; exact, in any order and grouping."""
    return NonvariantRawAnnotations(
        np.sum([share.totals for share in shares], axis=0),
        add_runs([share.runs for share in shares]),
        tuple(sorted({named for share in shares for named in share.ids})),
    )


def is_nonvariant(sites: schema.Settled) -> npt.NDArray[np.bool_]:
    """Mask of the rows of SETTLED that are emitted without a variant: no ALT is kept, or nothing was estimated.

    Sites with forced ALTs have a genotype by these, whatever was estimated.
    """
    none_kept = np.diff(schema.ragged(sites["kept"])[0]) == 0
    return np.asarray((was_not_estimated(sites) & ~has_forced_alts(sites)) | none_kept)


def has_forced_alts(sites: schema.MergedSites) -> npt.NDArray[np.bool_]:
    """Mask of the sites with forced ALTs, which are emitted whatever the evidence: (sites,) bool."""
    return np.asarray(np.diff(schema.ragged(sites["forced_alts"])[0]) > 0)


def was_not_estimated(sites: schema.Settled) -> npt.NDArray[np.bool_]:
    """Mask of the rows of SETTLED without QUAL: no ALT was seen, or no sample had a read."""
    return np.asarray(np.isnan(schema.numbers(sites["qual"])))


def in_order(first: pa.Table, second: pa.Table, is_second: npt.NDArray[np.bool_]) -> pa.Table:
    """Interleave the rows of two tables: `is_second` is true for each row taken from the second."""
    if not len(second):
        return first
    take = np.empty(len(is_second), np.int64)
    take[~is_second], take[is_second] = np.arange(len(first)), len(first) + np.arange(len(second))
    return pa.concat_tables([first, second], promote_options="permissive").take(take).combine_chunks()


def with_unestimated(estimates: schema.Estimates, alleles: schema.Alleles) -> schema.Estimates:
    """Complete ESTIMATES of a shard's sites with ALTs by empty rows for its other sites."""
    none = has_no_alts(alleles)
    rest = alleles.filter(pa.array(none))
    nothing: dict[str, Any] = {
        "genotyped": np.zeros(len(rest), np.int32),
        "beyond": np.zeros(len(rest), bool),
        "absent_log10": pa.nulls(len(rest), schema.DOUBLE),
        "reason": pa.nulls(len(rest), schema.WORD),
    }
    for name in ("plausible", "mleac", "each_absent_log10"):
        kind = schema.ESTIMATES.field(name).type
        nothing[name] = pa.ListArray.from_arrays(np.zeros(len(rest) + 1, np.int32), pa.nulls(0, kind.value_type))
    columns = [rest[name] if name in rest.column_names else nothing[name] for name in schema.ESTIMATES.names]
    return in_order(estimates, pa.table(columns, schema.ESTIMATES), none)


def with_alts(alleles: schema.Alleles) -> schema.Alleles:
    """The sites of ALLELES with ALTs: those that can be estimated."""
    none = has_no_alts(alleles)
    return alleles.filter(pa.array(~none)).combine_chunks() if none.any() else alleles


def only_inside(settled: schema.Settled, inside: npt.NDArray[np.bool_], reason: str) -> schema.Settled:
    """SETTLED with the emitted rows that are not `inside`, (sites,) bool, dropped for `reason`."""
    reasons = settled["reason"].cast(schema.STRING).combine_chunks()
    reasons = pc.if_else(pc.or_(reasons.is_valid(), pa.array(inside)), reasons, reason)
    return schema.with_column(settled, "reason", reasons.dictionary_encode())


def has_no_alts(alleles: schema.Alleles) -> npt.NDArray[np.bool_]:
    """Mask of the sites without any ALT, where there is nothing to estimate: (sites,) bool."""
    return np.asarray(pc.equal(pc.list_value_length(alleles["alts"]), 0).to_numpy())
