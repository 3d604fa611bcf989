"""FILTER of sites, and AS_FilterStatus of their alleles, from the filters that hold."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genocloud.filters.allele_values import AlleleValues
from genocloud.filters.presets import SiteFilter

PASS = "PASS"
NOT_JUDGED = "overlap"
"""The TYPE that does not decide what becomes of its site: `*`."""


def judge(filters: Sequence[SiteFilter], values: AlleleValues) -> tuple[pa.Array, pa.Array]:
    """The columns `filter` and AS_FilterStatus of FILTERS.

    values  of SITES, whose own `filter` stays in force, and of all tables that the filters name columns of

    A site passes if one of its ALTs does, as in GATK: FILTER reflects the most lenient status of its alleles. `*` does
    not count unless it is alone. Else the site has the filters of all its ALTs. Raises BadExpression.
    """
    names, masks = _masks(filters, values)
    codes, texts = _texts(names, masks, "&")
    passes = ~masks.any(axis=0)
    counts = _counting(values)
    starts = values.offsets[:-1]
    any_passes = np.logical_or.reduceat(passes & counts, starts) if len(starts) else np.zeros(0, bool)
    union = np.logical_or.reduceat(masks & counts, starts, axis=1) if len(starts) else masks
    site_codes, site_texts = _texts(names, union & ~any_passes, ";")
    return site_texts.take(pa.array(site_codes)), _by_alt(values, texts.take(pa.array(codes)))


def _masks(filters: Sequence[SiteFilter], values: AlleleValues) -> tuple[list[str], npt.NDArray[np.bool_]]:
    """Names, and whether each holds for each allele: (names, alleles)."""
    stored = values["FILTER"] if "FILTER" in values else np.full(values.offsets[-1], "", object)
    own = sorted({name for text in set(stored) for name in text.split(";") if name not in ("", PASS)})
    masks = {name: np.array([name in text.split(";") for text in stored], bool) for name in own}
    for each in filters:
        masks[each.name] = masks.get(each.name, False) | each.expression.holds(values)
    return list(masks), np.array(list(masks.values()), bool).reshape(len(masks), values.offsets[-1])


def _texts(names: Sequence[str], masks: npt.NDArray[np.bool_], joint: str) -> tuple[npt.NDArray[np.int64], pa.Array]:
    """The number of each column's text, and the texts: names with `joint` between, or PASS."""
    kinds, codes = np.unique(masks, axis=1, return_inverse=True)
    texts = [joint.join(name for name, holds in zip(names, kind, strict=True) if holds) or PASS for kind in kinds.T]
    return np.asarray(codes, np.int64).ravel(), pa.array(texts, pa.string())


def _counting(values: AlleleValues) -> npt.NDArray[np.bool_]:
    """Alleles that decide about their site."""
    counts = np.asarray(values["TYPE"] != NOT_JUDGED, bool)
    if not len(counts):
        return counts
    alone = ~np.logical_or.reduceat(counts, values.offsets[:-1])
    return np.asarray(counts | alone[values.site], bool)


def _by_alt(values: AlleleValues, texts: pa.Array) -> pa.Array:
    """Entries of ALTs as lists; empty for a site without."""
    offsets = np.concatenate([[0], np.cumsum(values.counts)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), texts.filter(pa.array(values.is_alt)))


def count_filters(filters: pa.ChunkedArray | pa.Array) -> dict[str, int]:
    """How many sites each value of FILTER has, by value."""
    counted = pc.value_counts(filters).to_pylist()
    return {
        each["values"]: each["counts"] for each in sorted(counted, key=lambda each: (-each["counts"], each["values"]))
    }
