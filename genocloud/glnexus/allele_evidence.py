"""What a batch's records show of each ALT: the best qualities, copies by GQ, whether all carriers are filtered."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genocloud.errors import InputError
from genocloud.schema import ALLELE_EVIDENCE, MISSING, AlleleEvidence, Variants, numbers, ragged

Ints = npt.NDArray[np.integer]

BANDS = 10
"""GQ bands of width 10; the last has all from 90 on."""
QUALITIES = 10
"""Qualities that are kept of each ALT, the best first."""
MOST_QUALITY = 9999
_UNKNOWN = np.int64(1) << 40
"""A likelihood that is missing, larger than any other."""


class BeyondDiploid(InputError):
    """A genotype of more than two alleles, which GLnexus's model has no rule for."""

    def __init__(self, start: int, ploidy: int) -> None:
        self.start, self.ploidy = start, ploidy
        super().__init__(
            f"position {start + 1}: a genotype of {ploidy} alleles; GLnexus's model is made for one or two, use "
            "--model gatk"
        )


def observe(variants: Variants) -> AlleleEvidence:
    """ALLELE_EVIDENCE of rows of VARIANTS: each ALT of A, C, G, T that some sample calls; of any copies of its rows."""
    pairs = called_pairs(variants)
    first, second = pairs[:, 0], pairs[:, 1]
    widths, alts = numbers(pc.list_value_length(variants["alts"])).astype(np.int64), pc.list_flatten(variants["alts"])
    row = np.repeat(np.arange(len(variants)), widths)
    number = np.arange(len(row)) - np.repeat(np.cumsum(widths) - widths, widths) + 1
    carried = (first[row] == number).astype(np.int64) + (second[row] == number)
    real = np.asarray(pc.fill_null(pc.match_substring_regex(alts, "^[ACGT]+$"), False).to_numpy(zero_copy_only=False))
    wanted = np.flatnonzero((carried > 0) & real)
    row, number, carried = row[wanted], number[wanted], carried[wanted]
    band = np.clip(np.maximum(numbers(variants["gq"])[row], 0) // 10, 0, BANDS - 1)
    copies = np.zeros((len(row), 2 * BANDS), np.int32)
    copies[np.arange(len(row)), (carried - 1) * BANDS + band] = 1
    filters = pc.fill_null(variants["filter"], "PASS").take(pa.array(row))
    taken = variants.select(["start", "ref"]).take(pa.array(row))
    return _grouped(
        numbers(taken["start"]),
        [taken["ref"].combine_chunks(), pc.take(alts, pa.array(wanted)).combine_chunks()],
        np.asarray(pc.not_equal(filters, "PASS").to_numpy(zero_copy_only=False)),
        copies,
        (np.arange(len(row)), _qualities(variants, row, number)),
    )


def merge(tables: Sequence[AlleleEvidence]) -> AlleleEvidence:
    """ALLELE_EVIDENCE of all batches from that of each; in any order and grouping."""
    table = pa.concat_tables([ALLELE_EVIDENCE.empty_table(), *tables]).combine_chunks()
    offsets, values = ragged(table["qualities"])
    return _grouped(
        numbers(table["start"]),
        [table["ref"].combine_chunks(), table["alt"].combine_chunks()],
        np.asarray(table["filtered"].to_numpy()),
        ragged(table["copies"])[1].reshape(-1, 2 * BANDS),
        (np.repeat(np.arange(len(table)), np.diff(offsets)), values),
    )


def called_pairs(variants: Variants) -> Ints:
    """The two alleles of each GT, -1 for one that is not called: a haploid one is `.` and its allele, as in GLnexus."""
    offsets, alleles = ragged(variants["gt"])
    ploidy = np.diff(offsets)
    if (ploidy > 2).any():
        worst = int(np.argmax(ploidy))
        raise BeyondDiploid(int(numbers(variants["start"])[worst]), int(ploidy[worst]))
    pairs = np.full((len(ploidy), 2), -1, np.int64)
    alleles = np.append(alleles.astype(np.int64), -1)
    pairs[:, 1] = np.where(ploidy > 0, alleles[np.maximum(offsets[1:] - 1, 0)], -1)
    pairs[:, 0] = np.where(ploidy == 2, alleles[offsets[:-1]], -1)
    return pairs


def _qualities(variants: Variants, row: Ints, number: Ints) -> Ints:
    """AQ: by how much the likeliest genotype with the allele beats the likeliest without, phred; 0 without PL."""
    offsets, values = ragged(variants["pl"])
    alleles = numbers(pc.list_value_length(variants["alts"])).astype(np.int64) + 1
    quality = np.zeros(len(row), np.int64)
    for count in np.unique(alleles[row]).tolist():
        genotypes = count * (count + 1) // 2
        mine = np.flatnonzero((alleles[row] == count) & (np.diff(offsets)[row] == genotypes))
        if not len(mine):
            continue
        pl = values[offsets[row[mine]][:, None] + np.arange(genotypes)].astype(np.int64)
        pl[pl == MISSING] = _UNKNOWN
        high = np.repeat(np.arange(count), np.arange(1, count + 1))
        low = np.concatenate([np.arange(each + 1) for each in range(count)])
        has = (high == number[mine][:, None]) | (low == number[mine][:, None])
        best, best_without = (np.where(which, pl, _UNKNOWN).min(axis=1) for which in (has, ~has))
        gain = np.where(best == _UNKNOWN, 0, best_without - best)
        quality[mine] = np.clip(gain, 0, MOST_QUALITY)
    return quality


def _grouped(
    starts: Ints,
    alleles: Sequence[pa.Array],
    filtered: npt.NDArray[np.bool_],
    copies: Ints,
    qualities: tuple[Ints, Ints],
) -> AlleleEvidence:
    """One row for each distinct (start, ref, alt), sorted; `qualities` has (row, value) pairs."""
    texts = [each.dictionary_encode() for each in alleles]
    ranks = [np.argsort(np.argsort(np.asarray(text.dictionary.to_pylist(), object))) for text in texts]
    keys = [
        rank[numbers(text.indices)] if len(rank) else numbers(text.indices)
        for rank, text in zip(ranks, texts, strict=True)
    ]
    order = np.lexsort((keys[1], keys[0], starts))
    sorted_keys = np.stack([starts[order], keys[0][order], keys[1][order]])
    new = np.ones(len(order), bool)
    new[1:] = (sorted_keys[:, 1:] != sorted_keys[:, :-1]).any(axis=0)
    group = np.empty(len(order), np.int64)
    group[order] = np.cumsum(new) - 1
    first, count = order[new], int(new.sum())
    total = np.add.reduceat(copies[order], new.nonzero()[0]) if count else np.zeros((0, 2 * BANDS), np.int32)
    every = np.bincount(group[~filtered], minlength=count) == 0
    owner, value = group[qualities[0]], qualities[1]
    ranked = np.lexsort((-value, owner))
    owner, value = owner[ranked], value[ranked]
    place = np.arange(len(owner)) - np.searchsorted(owner, owner)
    owner, value = owner[place < QUALITIES], value[place < QUALITIES]
    at = pa.array(first, pa.int64())
    return pa.table(
        [
            pa.array(starts[first], pa.int32()),
            alleles[0].take(at),
            alleles[1].take(at),
            pa.array(every),
            pa.ListArray.from_arrays(np.arange(0, total.size + 1, 2 * BANDS, dtype=np.int32), total.ravel()),
            pa.ListArray.from_arrays(
                np.searchsorted(owner, np.arange(count + 1)).astype(np.int32), value.astype(np.int32)
            ),
        ],
        schema=ALLELE_EVIDENCE,
    )
