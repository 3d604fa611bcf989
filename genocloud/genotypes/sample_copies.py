"""Diploid records of samples that have one copy of a place, or none, read as their caller would write them there."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import schema
from genocloud.kernels.alleles import any_other_alleles
from genocloud.kernels.merged_likelihoods import complete_vectors

Array = npt.NDArray[Any]

MOST_GQ = 99
"""The largest GQ that callers write."""

_NONE = np.iinfo(np.int32).max
"""Stands for the likelihood of an allele that does not count: larger than any other, phred."""


class SampleCopies(NamedTuple):
    """How many copies each sample has of the stretches of an axis; where there are two, records stay as they are.

    starts  (stretches,) int64, ascending: first base of each on the axis, the first at or before every row
    copies  (stretches, samples of the batch) int8: 0, 1 or 2
    """

    starts: npt.NDArray[np.int64]
    copies: npt.NDArray[np.int8]

    def at(self, places: Array) -> Array:
        """The stretch of each place."""
        return np.searchsorted(self.starts, places, side="right") - 1

    def of(self, rows: schema.Records) -> npt.NDArray[np.int8]:
        """How many copies there are of each row's first base in its sample."""
        stretches, samples = self.at(schema.numbers(rows["start"])), schema.numbers(rows["sample"])
        return np.asarray(self.copies[stretches, samples])


def with_copies(
    variants: schema.Variants, blocks: schema.Blocks, copies: SampleCopies, filler: int | None
) -> tuple[schema.Variants, schema.Blocks]:
    """The rows that samples have by their copies, as haploid ones where there is one copy; none where there is none.

    variants, blocks  VARIANTS and BLOCKS, sorted by (sample, start)
    filler            the PL of genotypes with `<*>` that says nothing; it stays

    A variant has the copies of its first base, a block those of each base. Of a diploid row of one copy the PL of two
    equal alleles are left, the smallest shifted to 0: GT is the likeliest of its named alleles, GQ by how much the
    likeliest allele beats the next one, as the row's own GQ weighs heterozygotes, which are not possible there.
    Without PL, GT is the allele that it has twice, else a no-call; a no-call stays one. There is no phase.
    """
    blocks = _cut_where_copies_change(blocks, copies)
    variants, blocks = (rows.filter(pa.array(copies.of(rows) > 0)).combine_chunks() for rows in (variants, blocks))
    single = (copies.of(variants) == 1) & (np.diff(schema.ragged(variants["gt"])[0]) == 2)
    if single.any():
        others, own = (variants.filter(pa.array(mask)).combine_chunks() for mask in (~single, single))
        order = np.argsort(np.concatenate([np.flatnonzero(~single), np.flatnonzero(single)]))
        variants = pa.concat_tables([others, _haploid_variants(own, filler)]).take(pa.array(order)).combine_chunks()
    return variants, _haploid_blocks(blocks, copies)


def _cut_where_copies_change(blocks: schema.Blocks, copies: SampleCopies) -> schema.Blocks:
    """The blocks, those cut in two that reach from one stretch into another of which their sample has more or fewer."""
    for stretch in range(1, len(copies.starts)):
        edge, sample = copies.starts[stretch], schema.numbers(blocks["sample"])
        starts, stops = schema.numbers(blocks["start"]), schema.numbers(blocks["stop"])
        changes = copies.copies[stretch] != copies.copies[stretch - 1]
        over = (starts < edge) & (stops > edge) & changes[sample]
        if over.any():
            cut = schema.with_column(blocks, "stop", pa.array(np.where(over, edge, stops).astype(np.int32)))
            rest = blocks.filter(pa.array(over))
            rest = schema.with_column(rest, "start", pa.array(np.full(len(rest), edge, np.int32)))
            blocks = pa.concat_tables([cut, rest]).sort_by([("sample", "ascending"), ("start", "ascending")])
    return blocks


def _haploid_blocks(blocks: schema.Blocks, copies: SampleCopies) -> schema.Blocks:
    """The blocks, diploid ones of one copy as haploid ones."""
    ploidy = schema.numbers(blocks["ploidy"])
    single = (copies.of(blocks) == 1) & (ploidy == 2)
    ref, het, other = (schema.numbers(blocks[name]) for name in ("pl0", "pl1", "pl2"))
    known = single & (np.stack([ref, het, other]) != schema.MISSING).all(axis=0)
    least = np.minimum(ref, other)
    columns = {
        "pl0": np.where(known, ref - least, np.where(single, schema.MISSING, ref)),
        "pl1": np.where(known, other - least, np.where(single, schema.MISSING, het)),
        "pl2": np.where(single, schema.MISSING, other),
        "gq": np.where(known, np.minimum(np.abs(ref - other), MOST_GQ), schema.numbers(blocks["gq"])),
    }
    for name, values in columns.items():
        blocks = schema.with_column(blocks, name, schema.nullable(values.astype(np.int32), schema.INT32))
    return schema.with_column(blocks, "ploidy", pa.array(np.where(single, 1, ploidy).astype(np.int8)))


class _Haplotypes(NamedTuple):
    """Diploid records' likelihoods as those of one haplotype.

    usable      (records,) bool: their PL are complete
    offsets, pl  (records + 1,) int64: slices of pl, int32, phred; none where PL are not usable
    best        (records,) int64: the likeliest named allele
    margins     (records,) int32, phred: by how much the likeliest allele beats the next, MISSING where not known
    """

    usable: Array
    offsets: Array
    pl: Array
    best: Array
    margins: Array

    @classmethod
    def of(cls, variants: schema.Variants, filler: int | None) -> "_Haplotypes":
        alts = tuple(np.array(each) for each in schema.string_lists(variants["alts"]))
        alleles, others = np.diff(alts[0]) + 1, any_other_alleles(*alts)
        pl_at, pl = (np.array(each) for each in schema.ragged(variants["pl"]))
        begins = complete_vectors(pl_at, pl, alleles, np.full(len(alleles), 2))
        usable = begins >= 0
        offsets = np.concatenate([[0], np.cumsum(np.where(usable, alleles, 0))])
        out, best = np.empty(offsets[-1], np.int32), np.zeros(len(alleles), np.int64)
        margins = np.full(len(alleles), schema.MISSING)
        for count in np.unique(alleles[usable]).tolist():
            rows, number = np.flatnonzero(usable & (alleles == count)), np.arange(count)
            twice = pl[begins[rows, None] + number * (number + 3) // 2]  # PL of each allele with itself
            any_other = (number > 0) & (number == others[rows, None])
            filled = any_other & (twice == filler)
            known = np.where(filled, _NONE, twice)
            out[offsets[rows, None] + number] = np.where(filled, twice, twice - known.min(axis=1, keepdims=True))
            best[rows] = np.where(any_other, _NONE, twice).argmin(axis=1)
            known = np.sort(np.pad(known, ((0, 0), (0, 1)), constant_values=_NONE), axis=1)
            has_next = known[:, 1] < _NONE
            margins[rows[has_next]] = np.minimum(known[has_next, 1] - known[has_next, 0], MOST_GQ)
        return cls(usable, offsets, out, best, margins)


def _haploid_variants(variants: schema.Variants, filler: int | None) -> schema.Variants:
    """Diploid VARIANTS as haploid ones."""
    first, second = schema.ragged(variants["gt"])[1].reshape(-1, 2).T
    own = _Haplotypes.of(variants, filler)
    twice = np.where(first == second, first, schema.NO_CALL)
    gt = np.where(np.maximum(first, second) < 0, schema.NO_CALL, np.where(own.usable, own.best, twice)).astype(np.int8)
    gq = np.where(own.usable | (gt >= 0), schema.numbers(variants["gq"]), schema.MISSING)
    columns = {
        "gt": pa.ListArray.from_arrays(pa.array(np.arange(len(gt) + 1, dtype=np.int32)), pa.array(gt)),
        "phased": pa.array(np.zeros(len(gt), bool)),
        "pl": schema.list_column(own.offsets, own.pl),
        "gq": schema.nullable(np.where(own.margins == schema.MISSING, gq, own.margins), schema.INT32),
        **{name: pa.nulls(len(gt), variants[name].type) for name in ("pgt", "pid", "ps")},
    }
    for name, values in columns.items():
        variants = schema.with_column(variants, name, values)
    return variants
