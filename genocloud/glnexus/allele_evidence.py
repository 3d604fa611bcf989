"""What a batch's records show of each ALT: its best quality, its copies, whether all carriers are filtered."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genocloud.errors import InputError
from genocloud.glnexus.merge_rules import MergeRules
from genocloud.schema import ALLELE_EVIDENCE, MISSING, AlleleEvidence, Variants, numbers, ragged, with_columns

Ints = npt.NDArray[np.integer]

LAST_BAND = 9
"""GQ counts in bands of width 10, as in GLnexus; the last has all from 90 on."""
ENOUGH = 2
"""Carriers that are sure enough are counted up to here: GLnexus asks for the second best."""
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


def observe(variants: Variants, rules: MergeRules) -> AlleleEvidence:
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
    counts = _band(np.maximum(numbers(variants["gq"])[row], 0)) >= _band(rules.min_GQ)
    taken = variants.select(["start", "ref", "filter"]).take(pa.array(row)).combine_chunks()
    filtered = pc.not_equal(pc.fill_null(taken["filter"], "PASS"), "PASS")
    quality = _qualities(variants, row, number)
    by_row = {
        "start": taken["start"],
        "ref": taken["ref"],
        "alt": pc.take(alts, pa.array(wanted)),
        "filtered": pc.and_(filtered, rules.drop_filtered),
        "copies": np.where(counts, carried, 0),
        "quality": np.where(quality >= min(rules.min_AQ1, rules.min_AQ2), quality, 0),
        "sure": (quality >= rules.min_AQ2).astype(np.int64),
    }
    return merge([pa.table(by_row).cast(ALLELE_EVIDENCE)])


def _band(gq: Any) -> Any:
    return np.minimum(gq // 10, LAST_BAND)


def merge(tables: Sequence[AlleleEvidence]) -> AlleleEvidence:
    """ALLELE_EVIDENCE of all batches from that of each by the same rules; in any order and grouping."""
    table = pa.concat_tables([ALLELE_EVIDENCE.empty_table(), *tables]).combine_chunks()
    texts = [table[name].combine_chunks().dictionary_encode() for name in ("ref", "alt")]
    ranks = [np.argsort(np.argsort(np.asarray(text.dictionary.to_pylist(), object))) for text in texts]
    keys = [
        rank[numbers(text.indices)] if len(rank) else numbers(text.indices)
        for rank, text in zip(ranks, texts, strict=True)
    ]
    starts = numbers(table["start"])
    order = np.lexsort((keys[1], keys[0], starts))
    sorted_keys = np.stack([starts[order], keys[0][order], keys[1][order]])
    new = np.ones(len(order), bool)
    new[1:] = (sorted_keys[:, 1:] != sorted_keys[:, :-1]).any(axis=0)
    firsts = np.flatnonzero(new)
    copies, quality, sure = (numbers(table[name])[order] for name in ("copies", "quality", "sure"))
    merged = {
        "filtered": np.logical_and.reduceat(np.asarray(table["filtered"].to_numpy())[order], firsts),
        "copies": np.add.reduceat(copies, firsts),
        "quality": np.maximum.reduceat(quality, firsts),
        "sure": np.minimum(np.add.reduceat(sure, firsts), ENOUGH),
    }
    first_rows = table.take(pa.array(order[firsts], pa.int64()))
    return with_columns(first_rows, pa.table(merged)).cast(ALLELE_EVIDENCE).combine_chunks()


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
