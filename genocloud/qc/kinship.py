"""Kinship of each two samples by KING-robust, in exact counts, and what kin they are.

One product of matrices of -1, 0 and 1 in 32-bit floats, which is exact below 2**24, bounds the kinship of all pairs of
two blocks of samples; those that may be related are counted.
"""

import math
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

NOISE, MOST_NOISE = 1.0, 5.0
"""Strangers' kinship scatters by less than NOISE / sqrt(sites) around 0 (0.7 to 0.95 seen); five times that is kin."""

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


def least_listed(sites: int) -> float:
    """The least kinship of pairs worth listing: the third degree, or what strangers do not have at so few sites."""
    return max(CUTOFFS["third degree"], MOST_NOISE * NOISE / math.sqrt(max(sites, 1)))


def count_pairs(blocks: BlockPair) -> KingCounts:
    """Each wanted pair of a sample of one block and a later one of the other.

    Which pairs may be related is bounded from one product of matrices; those are counted exactly.
    """
    first, second = blocks.starts
    highest = _highest_kinship(blocks)
    rows, columns = np.ogrid[first : first + highest.shape[0], second : second + highest.shape[1]]
    chosen = (rows < columns) & (highest >= blocks.least)
    for row, column in blocks.wanted:
        if first <= row < first + chosen.shape[0] and second <= column < second + chosen.shape[1]:
            chosen[row - first, column - second] = True
    pairs = _exact(blocks, np.nonzero(chosen))
    wanted = [pair in blocks.wanted for pair in zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)]
    return pairs.at((pairs.kinship >= blocks.least) | np.array(wanted, np.bool_))


def _highest_kinship(blocks: BlockPair) -> npt.NDArray[np.float64]:
    """What the kinship of each pair is at most, (samples, samples).

    With REF -1, heterozygous or missing 0, ALT 1, the squared differences of two samples add up to 4 IBS0 + HET1HOM2 +
    HET2HOM1, but for sites that one lacks and the other has homozygous: no more than the one lacks.
    """
    sizes = [min(SAMPLES_AT_ONCE, blocks.samples - start) for start in blocks.starts]
    product = np.zeros(sizes)
    hets, missing = ([np.zeros(size, np.int64) for size in sizes] for _ in range(2))
    for each in blocks.codes():
        values = [np.where(codes == MISSING, 0, codes.astype(np.int8) - 1).astype(np.float32) for codes in each]
        product += values[0].T @ values[1]
        for side, codes in enumerate(each):
            hets[side] += (codes == 1).sum(axis=0)
            missing[side] += (codes == MISSING).sum(axis=0)
    shown = [len(blocks.packed[0]) - own - 2 * gone for own, gone in zip(hets, missing, strict=True)]
    least = shown[0][:, None] + shown[1][None, :] - 2 * product
    fewest = np.minimum(hets[0][:, None], hets[1][None, :])
    with np.errstate(divide="ignore", invalid="ignore"):
        bound = np.where(least < 0, np.inf, 0.5 - least / (4 * fewest))
    return np.where(fewest > 0, bound, -np.inf)


def _exact(blocks: BlockPair, at: tuple[Any, ...]) -> KingCounts:
    """The counts of some pairs, by their places in the two blocks."""
    names = ("sites", "hethet", "ibs0", "het1hom2", "het2hom1", "homalts")
    sums = {name: np.zeros(len(at[0]), np.int64) for name in names}
    for codes in blocks.codes():
        by_sample = [np.ascontiguousarray(each.T) for each in codes]
        for start in range(0, len(at[0]), PAIRS_AT_ONCE):
            part = slice(start, start + PAIRS_AT_ONCE)
            one, other = by_sample[0][at[0][part]], by_sample[1][at[1][part]]
            both = (one != MISSING) & (other != MISSING)
            is_het = one == 1, other == 1
            sums["sites"][part] += both.sum(axis=1)
            sums["hethet"][part] += (is_het[0] & is_het[1]).sum(axis=1)
            sums["ibs0"][part] += (both & (one + other == 2) & (one != other)).sum(axis=1)
            sums["het1hom2"][part] += (is_het[0] & both & ~is_het[1]).sum(axis=1)
            sums["het2hom1"][part] += (is_het[1] & both & ~is_het[0]).sum(axis=1)
            sums["homalts"][part] += ((one == 2) & (other == 2)).sum(axis=1)
    return KingCounts(first=at[0] + blocks.starts[0], second=at[1] + blocks.starts[1], **sums)


PAIRS_AT_ONCE = 256


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
