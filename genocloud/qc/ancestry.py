"""Ancestry of samples, by those of known ancestry that lie nearest to them in the components."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from genocloud.qc.components import Components
from genocloud.qc.tables import ANCESTRY, AncestryTable, table_of

NEAREST = 10
"""Neighbours that are asked; fewer where the smallest group has fewer others."""

LEAST_SHARE = 0.75
"""Of the neighbours, for one ancestry; below it is OTHER. gnomAD's least probability."""

OTHER = "other"

_ROWS_AT_ONCE = 1024


def ancestry_table(samples: Sequence[str], components: Components, known: Mapping[str, str]) -> AncestryTable:
    """The table ANCESTRY, in the samples' order; no rows where nobody's ancestry is known.

    Who is known is judged by the others, so that a wrong label is seen. Components count by their square-rooted
    eigenvalues, as genotypes differ along them.
    """
    labels = np.array([known.get(sample, "") for sample in samples], np.str_)
    rows = np.flatnonzero(labels != "")
    if not rows.size or not components.vectors.size:
        return ANCESTRY.empty_table()
    names, groups = np.unique(labels[rows], return_inverse=True)
    count = max(1, min(NEAREST, int(np.bincount(groups).min()) - 1))
    places = components.vectors * np.sqrt(np.maximum(components.values, 0))
    shares = np.concatenate(
        [
            _shares(places[start : start + _ROWS_AT_ONCE], start, places[rows], (rows, groups, len(names)), count)
            for start in range(0, len(places), _ROWS_AT_ONCE)
        ]
    )
    best, most = shares.argmax(axis=1), shares.max(axis=1)
    judged = np.where(most >= LEAST_SHARE, names[best], OTHER)
    columns = {"sample": list(samples), "known": [label or None for label in labels.tolist()]}
    return table_of(columns | {"ancestry": judged.tolist(), "share": most}, ANCESTRY)


def _shares(
    places: npt.NDArray[np.float64],
    start: int,
    of_known: npt.NDArray[np.float64],
    known: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], int],
    count: int,
) -> npt.NDArray[np.float64]:
    """The share of each group among the nearest known samples, (samples, groups); nobody is a neighbour of its own."""
    rows, groups, number = known
    apart = (places**2).sum(axis=1)[:, None] + (of_known**2).sum(axis=1) - 2 * places @ of_known.T
    apart[(np.arange(start, start + len(places))[:, None] == rows)] = np.inf
    order = np.argsort(apart, axis=1, kind="stable")[:, :count]
    nearest = np.where(np.isfinite(np.take_along_axis(apart, order, axis=1)), groups[order], -1)
    return np.stack([(nearest == group).mean(axis=1) for group in range(number)], axis=1)
