"""Kinship of each two samples by KING-robust, in exact counts, and what kin they are.

Sites by what both samples have there are counted by products of matrices of 0 and 1 in 32-bit floats, which are exact
below 2**24: sites are taken a block at a time.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from genocloud.qc.packed_genotypes import MISSING, PER_BYTE, PackedGenotypes, frequencies, unpack

Counts = npt.NDArray[np.int64]

SITES_AT_ONCE = 4096
SAMPLES_AT_ONCE = 1024
"""Of a task: two blocks of so many samples; a multiple of PER_BYTE."""

CUTOFFS = {"duplicate": 2**-1.5, "first degree": 2**-2.5, "second degree": 2**-3.5, "third degree": 2**-4.5}
"""The least kinship of each degree: half way, on the scale of powers of two, from the expected value to the next."""

MOST_IBS0_OF_PARENT = 0.1
"""Of those of first degree, IBS0 over what unrelated people have at these sites: siblings 0.25, a parent but errors."""


@dataclass(frozen=True, kw_only=True, eq=False)
class KingCounts:
    """Counts over the sites that both samples of a pair have, (pairs,) each.

    first, second  places of the samples, first < second
    sites          sites that both have
    hethet, ibs0   both heterozygous; homozygous for different alleles
    het1hom2       the first heterozygous, the second not; het2hom1 the other way round
    homalts        both homozygous for the ALT
    """

    first: Counts
    second: Counts
    sites: Counts
    hethet: Counts
    ibs0: Counts
    het1hom2: Counts
    het2hom1: Counts
    homalts: Counts

    @classmethod
    def joined(cls, parts: Iterable["KingCounts"]) -> "KingCounts":
        """All pairs, sorted."""
        names, several = list(cls.__dataclass_fields__), list(parts)
        columns = {
            name: np.concatenate([np.zeros(0, np.int64), *(getattr(part, name) for part in several)]) for name in names
        }
        order = np.lexsort((columns["second"], columns["first"]))
        return cls(**{name: column[order] for name, column in columns.items()})

    def at(self, pairs: Any) -> "KingCounts":
        """Some of the pairs."""
        return KingCounts(**{name: getattr(self, name)[pairs] for name in self.__dataclass_fields__})

    @property
    def kinship(self) -> npt.NDArray[np.float64]:
        """KING-robust of people of different families, (pairs,); NaN where one has no heterozygous site.

        Source: Manichaikul 2010, equation 11, as plink2 and Hail have it.
        """
        differing = 4 * self.ibs0 + self.het1hom2 + self.het2hom1
        fewest = self.hethet + np.minimum(self.het1hom2, self.het2hom1)
        out = np.full(len(self.sites), np.nan)
        np.divide(differing, 4 * fewest, out=out, where=fewest > 0)
        return 0.5 - out

    @property
    def ibs2(self) -> Counts:
        """Sites at which both have the same genotype."""
        return self.sites - self.ibs0 - self.het1hom2 - self.het2hom1


@dataclass(frozen=True, kw_only=True, eq=False)
class BlockPair:
    """Two blocks of samples, of a matrix of packed genotypes, and which of their pairs are wanted.

    packed   their columns, (sites, bytes) uint8 each
    starts   the places of their first samples
    samples  how many there are in all
    least    the least kinship of a pair that is kept
    wanted   pairs that are kept whatever their kinship
    """

    packed: tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]
    starts: tuple[int, int]
    samples: int
    least: float
    wanted: frozenset[tuple[int, int]] = frozenset()

    def codes(self) -> Iterator[tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]]:
        """The codes of both, (sites, samples), SITES_AT_ONCE at a time."""
        sizes = [min(SAMPLES_AT_ONCE, self.samples - start) for start in self.starts]
        for start in range(0, len(self.packed[0]), SITES_AT_ONCE):
            first, second = (block[start : start + SITES_AT_ONCE] for block in self.packed)
            yield unpack(first, sizes[0]), unpack(second, sizes[1])


def block_pairs(
    packed: npt.NDArray[np.uint8], samples: int, least: float, wanted: Iterable[tuple[int, int]] = ()
) -> Iterator[BlockPair]:
    """The blocks of all pairs of samples, as tasks: each pair is in one of them."""
    starts, width = range(0, samples, SAMPLES_AT_ONCE), SAMPLES_AT_ONCE // PER_BYTE
    columns = {start: packed[:, start // PER_BYTE :][:, :width] for start in starts}
    ordered = frozenset((min(pair), max(pair)) for pair in wanted)
    for one in starts:
        for other in range(one, samples, SAMPLES_AT_ONCE):
            block = columns[one], columns[other]
            yield BlockPair(packed=block, starts=(one, other), samples=samples, least=least, wanted=ordered)


def count_pairs(blocks: BlockPair) -> KingCounts:
    """Each wanted pair of a sample of one block and a later one of the other."""
    sums: Any = 0
    for one, other in blocks.codes():
        sums = sums + _products(one, other)
    first, second = blocks.starts
    nothing = np.zeros(0, np.int64)
    if isinstance(sums, int):
        return KingCounts(**dict.fromkeys(KingCounts.__dataclass_fields__, nothing))
    hethet, het_called, called_het, ibs0 = sums
    rows, columns = np.ogrid[first : first + hethet.shape[0], second : second + hethet.shape[1]]
    fewest = np.minimum(het_called, called_het)
    differing = 4 * ibs0 + het_called + called_het - 2 * hethet
    kept = (rows < columns) & (fewest > 0) & (differing <= (0.5 - blocks.least) * 4 * fewest)
    for row, column in blocks.wanted:
        if first <= row < first + kept.shape[0] and second <= column < second + kept.shape[1]:
            kept[row - first, column - second] = True
    at = np.nonzero(kept)
    both, homalts = _further(blocks, at)
    return KingCounts(
        first=at[0] + first,
        second=at[1] + second,
        sites=both,
        hethet=hethet[at],
        ibs0=ibs0[at],
        het1hom2=(het_called - hethet)[at],
        het2hom1=(called_het - hethet)[at],
        homalts=homalts,
    )


def _products(one: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8]) -> Counts:
    """Sites where both are heterozygous; one is, and the other called; that reversed; IBS0: (4, samples, samples)."""
    ref, het, alt = (tuple((codes == code).astype(np.float32) for codes in (one, other)) for code in range(MISSING))
    called = tuple((codes != MISSING).astype(np.float32) for codes in (one, other))
    hethet = het[0].T @ het[1]
    if called[0].all() and called[1].all():
        het_called = np.broadcast_to(het[0].sum(axis=0)[:, None], hethet.shape)
        called_het = np.broadcast_to(het[1].sum(axis=0)[None, :], hethet.shape)
    else:
        het_called, called_het = het[0].T @ called[1], called[0].T @ het[1]
    ibs0 = ref[0].T @ alt[1] + alt[0].T @ ref[1]
    return np.stack([hethet, het_called, called_het, ibs0]).astype(np.int64)


def _further(blocks: BlockPair, at: tuple[Any, ...]) -> tuple[Counts, Counts]:
    """Sites that both samples of some pairs have, and those where both are homozygous for the ALT."""
    both, homalts = np.zeros(len(at[0]), np.int64), np.zeros(len(at[0]), np.int64)
    for one, other in blocks.codes():
        for start in range(0, len(at[0]), PAIRS_AT_ONCE):
            part = slice(start, start + PAIRS_AT_ONCE)
            codes = one[:, at[0][part]], other[:, at[1][part]]
            both[part] += ((codes[0] != MISSING) & (codes[1] != MISSING)).sum(axis=0)
            homalts[part] += ((codes[0] == 2) & (codes[1] == 2)).sum(axis=0)
    return both, homalts


PAIRS_AT_ONCE = 1024


def relationship(kinship: float, ibs0_ratio: float) -> str:
    """What two samples are by their kinship and by IBS0 over what unrelated people have."""
    degree = next((name for name, least in CUTOFFS.items() if kinship >= least), "unrelated")
    if degree != "first degree":
        return degree
    return "parent and child" if ibs0_ratio < MOST_IBS0_OF_PARENT else "siblings"


def unrelated_ibs0(genotypes: PackedGenotypes) -> float:
    """The share of sites without a common allele that two unrelated people have: the mean of 2 p^2 (1 - p)^2."""
    total = 0.0
    for codes in genotypes.blocks(SITES_AT_ONCE):
        p = np.nan_to_num(frequencies(codes))
        total += float((2 * p**2 * (1 - p) ** 2).sum())
    return total / max(len(genotypes), 1)
