"""gnomAD's adj: whether genotypes have the quality, the depth and the balance of alleles to be relied on."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from genocloud.genotype_text import allele_numbers_of

_Ints = npt.NDArray[np.int64]
_Ragged = tuple[npt.NDArray[np.int64], npt.NDArray[Any]]

MIN_GQ, MIN_DP, MIN_HAPLOID_DP, MIN_BALANCE = 20, 10, 5, 0.2
"""GQ, DP, DP of haploid genotypes, and AD / DP of each ALT of a heterozygote.

Source: gnomad_methods, annotations.py (get_adj_expr, get_het_ab_adj_expr).
"""
PAD = -2
"""No allele, where a genotype has fewer than another."""

_BIG = np.iinfo(np.int64).max


def allele_table(texts: Sequence[str]) -> _Ints:
    """Allele numbers of each GT, as long as the longest: (GTs, alleles)."""
    table = np.full((len(texts), max((text.count("/") + text.count("|") + 1 for text in texts), default=1)), PAD)
    for row, text in zip(table, texts, strict=True):
        numbers = allele_numbers_of(text)
        row[: len(numbers)] = numbers
    return table


def adj_failures(
    quality: _Ints, depth: _Ints, alleles: _Ints, local_alts: _Ragged | None, reads: _Ragged
) -> npt.NDArray[np.bool_]:
    """Which of quality, depth and balance each genotype lacks: (rows, 3). What is missing is lacking.

    quality, depth  (rows,) GQ and DP, reads; negative: missing
    alleles         (rows, alleles) allele numbers; negative: not called, or PAD
    local_alts      the ALTs that AD is by, as offsets (rows + 1,) and sorted values; None: all of the site
    reads           AD, likewise: of REF, then of each of these ALTs
    """
    haploid = np.asarray(alleles != PAD).sum(axis=1) == 1
    het = np.flatnonzero((alleles.max(axis=1, initial=PAD) > smallest(alleles)) & (depth >= 0))
    whole, lacks = np.maximum(depth[het], 1), np.zeros(len(alleles), bool)
    for allele in alleles.T:
        lacks[het] |= (allele[het] > 0) & (reads_of(local_alts, reads, het, allele[het]) / whole < MIN_BALANCE)
    return np.stack([quality < MIN_GQ, depth < np.where(haploid, MIN_HAPLOID_DP, MIN_DP), lacks], axis=1)


def smallest(alleles: _Ints) -> _Ints:
    """The smallest called allele of each genotype."""
    return np.asarray(np.where(alleles < 0, _BIG, alleles).min(axis=1, initial=_BIG))


def reads_of(local_alts: _Ragged | None, reads: _Ragged, rows: _Ints, alleles: _Ints) -> _Ints:
    """AD of an allele of each of some rows, as in adj_failures; -1 where AD is missing.

    An ALT that is not local has the last entry.
    """
    starts, values = reads
    lengths = np.diff(starts)[rows]
    place = np.maximum(alleles, 0) if local_alts is None else _local_place(local_alts, rows, alleles, lengths)
    has = (place < lengths) & (lengths > 0)
    return np.where(has, np.append(values, 0)[np.where(has, starts[rows] + place, len(values))], -1)


def _local_place(local_alts: _Ragged, rows: _Ints, alleles: _Ints, lengths: _Ints) -> _Ints:
    starts, alts = local_alts
    keys = np.repeat(np.arange(len(starts) - 1), np.diff(starts)) << 32 | alts.astype(np.int64)
    wanted = rows << 32 | np.maximum(alleles, 0)
    at = np.searchsorted(keys, wanted)
    is_local = np.append(keys, -1)[at] == wanted
    return np.where(alleles == 0, 0, np.where(is_local, at - starts[rows] + 1, lengths - 1))
