"""Shares as files hold them, so that they compress: without what others predict, each sum of all sites together."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import annotations, schema
from genocloud.callset.local_genotypes import SparseGenotypes, ploidies, ragged
from genocloud.kernels.genotype_shares import share_genotypes
from genocloud.kernels.raw_sums import (
    CARRIED,
    DEPTH,
    DIPLOID,
    HARDY,
    INBREEDING,
    OLD_MQ,
    RAW_MQ,
    REGENOTYPED,
    STRANDS,
    TOTALS,
)
from genocloud.kernels.run_sums import sum_cells
from genocloud.kernels.thousandths import exchange_thousandths

Sums = npt.NDArray[np.int64]

_USUAL_MQ = 60

_PREDICTED: Mapping[int, Mapping[int, int]] = {
    REGENOTYPED: {HARDY + 3: 2},
    HARDY: {HARDY + 3: 1, HARDY + 1: -1, HARDY + 2: -1},
    DIPLOID: {HARDY + 3: 1},
    STRANDS + 8: {HARDY + 1: 1, HARDY + 2: 1},
    **{STRANDS + 4 + k: {STRANDS + k: 1} for k in range(4)},
    RAW_MQ + 2: {STRANDS + 8: 1},
    CARRIED: {STRANDS + k: 1 for k in range(4)},
    CARRIED + 1: {CARRIED: 1},
    RAW_MQ + 1: {CARRIED: 1},
    RAW_MQ: {RAW_MQ + 1: _USUAL_MQ**2},
    DEPTH: {OLD_MQ + 2: 1, CARRIED: 1},
}
"""Columns of `totals` at sites with a variant, and which others, known before them, they mostly are how many times.

Most carriers are whole diploids whose records have SB, and whose reads all have the same mapping quality; others are in
reference blocks. A site of 200 people takes 10 bytes instead of 17, beside `inbreeding`. Its sums are as good as random
digits, 20 bytes: what the genotypes give is taken off.
"""

_MULTISETS = frozenset(
    field.name
    for field in (*annotations.SHARES, *annotations.ALLELE_SHARES)
    if field.type == pa.list_(schema.FLOAT) and field.name != "squares"
)
"""Columns of floats, ascending within each multiset: nearly all are thousandths."""


def packed(shares: schema.Shares, inbreeding: Sums | None) -> schema.StoredShares:
    """Shares as they are written. Lists of floats become differences; of others, all rows' first numbers come first.

    inbreeding  `inbreeding_of` the genotypes, which are there where shares are read; None: they are not
    """
    columns = dict(zip(shares.column_names, shares.columns, strict=True))
    if "totals" in columns:
        columns["totals"] = _totals(shares, inbreeding, -1)
    for name, column in columns.items():
        if name in _MULTISETS:
            offsets, values = schema.ragged(column)
            codes = exchange_thousandths(np.array(values).view(np.int32))
            columns[name] = _lists(offsets, np.diff(codes, prepend=np.int32(0)))
        elif _is_turned(column):
            offsets, values = schema.ragged(column)
            columns[name] = _lists(offsets, values[_by_place(offsets)])
    return pa.table(columns)


def unpacked(table: schema.StoredShares, inbreeding: Sums | None) -> schema.Shares:
    """The inverse of `packed`."""
    columns = dict(zip(table.column_names, table.columns, strict=True))
    for name, column in columns.items():
        if name in _MULTISETS:
            offsets, differences = schema.ragged(column)
            codes = np.cumsum(differences, dtype=np.int32)
            columns[name] = _lists(offsets, exchange_thousandths(codes).view(np.float32))
        elif _is_turned(column):
            offsets, turned = schema.ragged(column)
            values = np.empty_like(turned)
            values[_by_place(offsets)] = turned
            columns[name] = _lists(offsets, values)
    if "totals" in columns:
        columns["totals"] = _totals(pa.table(columns), inbreeding, 1)
    return pa.table(columns)


def _is_turned(column: pa.ChunkedArray) -> bool:
    return bool(column.type == schema.COUNTS)


def _by_place(offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The order of a ragged column's values by their place in their row."""
    rows, width = len(offsets) - 1, int(offsets[1]) if len(offsets) > 1 else 0
    if offsets[-1] == rows * width and (offsets == np.arange(rows + 1) * width).all():
        return np.arange(rows * width).reshape(rows, width).T.ravel()
    places = np.arange(offsets[-1]) - np.repeat(offsets[:-1], np.diff(offsets))
    return np.argsort(places.astype(np.int32), kind="stable")


def _totals(shares: schema.Shares, inbreeding: Sums | None, sign: int) -> pa.ListArray:
    """The column `totals` with what is predicted taken off (-1) or added (1)."""
    offsets, values = schema.ragged(shares["totals"])
    rows = np.flatnonzero(~schema.numbers(shares["quiet"]))
    starts, values = offsets[:-1][rows], values.copy()
    whole = values[starts[:, None] + np.arange(TOTALS)]
    changed = whole.copy()
    for column, others in _PREDICTED.items():
        known = whole if sign < 0 else changed
        for other, times in others.items():
            changed[:, column] += sign * times * known[:, other]
    if inbreeding is not None:
        changed[:, INBREEDING:] += sign * inbreeding[rows]
    values[starts[:, None] + np.arange(TOTALS)] = changed
    return _lists(offsets, values)


def inbreeding_of(genotypes: SparseGenotypes) -> Sums:
    """(sites, columns): `inbreeding` of `totals` by the genotypes at each site, as nearly always it is."""
    distinct, words = genotypes.distinct, genotypes.distinct["GT"].combine_chunks()
    is_called = np.array(["." not in word for word in words.dictionary.to_pylist()], np.bool_)
    shares = share_genotypes(
        *ragged(distinct, "LPL"),
        schema.numbers(distinct["GQ"]),
        ploidies(distinct["GT"]) == 2,
        np.take(is_called, schema.numbers(words.indices)),
    )
    return np.asarray(sum_cells(genotypes.runs, len(genotypes.alts), np.zeros((len(shares), 0), np.int64), shares)[1])


def _lists(offsets: npt.NDArray[np.int64], values: npt.NDArray[Any]) -> pa.ListArray:
    return pa.ListArray.from_arrays(pa.array(offsets.astype(np.int32)), pa.array(values))
