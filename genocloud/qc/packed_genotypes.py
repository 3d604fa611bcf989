"""Genotypes at sites with one ALT, two bits each: a matrix that fits in memory for thousands of people."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

MISSING = 3
"""The code of a genotype that is not called; the others are copies of the ALT, 0 to 2."""

PER_BYTE = 4

_SHIFTS = np.arange(0, 8, 2, dtype=np.uint8)


@dataclass(frozen=True, kw_only=True, eq=False)
class PackedGenotypes:
    """Genotypes of some samples at some sites.

    contigs    (sites,) names
    positions  (sites,) int64, 1-based
    refs, alts (sites,) bases
    ranks      (sites,) uint64; of several sites those of the lowest ranks are taken first
    packed     (sites, bytes) uint8; sample n is in byte n // 4, the first of a byte in its lowest bits
    samples    how many
    """

    contigs: npt.NDArray[np.str_]
    positions: npt.NDArray[np.int64]
    refs: npt.NDArray[np.str_]
    alts: npt.NDArray[np.str_]
    ranks: npt.NDArray[np.uint64]
    packed: npt.NDArray[np.uint8]
    samples: int

    def __len__(self) -> int:
        """The number of sites."""
        return len(self.positions)

    @classmethod
    def joined(cls, parts: Iterable["PackedGenotypes"], samples: int) -> "PackedGenotypes":
        """The sites of all parts, in their order."""
        several = list(parts)
        text, empty = np.zeros(0, np.str_), np.zeros((0, -(-samples // PER_BYTE)), np.uint8)
        return cls(
            contigs=np.concatenate([text, *(part.contigs for part in several)]),
            positions=np.concatenate([np.zeros(0, np.int64), *(part.positions for part in several)]),
            refs=np.concatenate([text, *(part.refs for part in several)]),
            alts=np.concatenate([text, *(part.alts for part in several)]),
            ranks=np.concatenate([np.zeros(0, np.uint64), *(part.ranks for part in several)]),
            packed=np.concatenate([empty, *(part.packed for part in several)]),
            samples=samples,
        )

    def at(self, sites: npt.NDArray[np.int64]) -> "PackedGenotypes":
        """Some of the sites."""
        return PackedGenotypes(
            contigs=self.contigs[sites],
            positions=self.positions[sites],
            refs=self.refs[sites],
            alts=self.alts[sites],
            ranks=self.ranks[sites],
            packed=self.packed[sites],
            samples=self.samples,
        )

    def lowest(self, most: int) -> "PackedGenotypes":
        """The sites of the lowest ranks, no more than `most`, in their order."""
        if len(self) <= most:
            return self
        return self.at(np.sort(np.argsort(self.ranks, kind="stable")[:most]))

    def blocks(self, sites: int) -> Iterator[npt.NDArray[np.uint8]]:
        """The codes, (sites, samples), so many sites at a time."""
        for start in range(0, len(self), sites):
            yield unpack(self.packed[start : start + sites], self.samples)


def pack(codes: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Codes (sites, samples) as (sites, bytes)."""
    sites, samples = codes.shape
    width = -(-samples // PER_BYTE)
    padded = np.zeros((sites, width * PER_BYTE), np.uint8)
    padded[:, :samples] = codes
    out: npt.NDArray[np.uint8] = np.bitwise_or.reduce(padded.reshape(sites, width, PER_BYTE) << _SHIFTS, axis=2)
    return out


def unpack(packed: npt.NDArray[np.uint8], samples: int) -> npt.NDArray[np.uint8]:
    """The inverse of `pack`."""
    codes = (packed[:, :, None] >> _SHIFTS) & 3
    return np.ascontiguousarray(codes.reshape(len(packed), packed.shape[1] * PER_BYTE)[:, :samples])


def frequencies(codes: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
    """The frequency of the ALT at each site, (sites,); NaN where nobody is called."""
    counts = [np.count_nonzero(codes == code, axis=1) for code in range(MISSING)]
    called = counts[0] + counts[1] + counts[2]
    out = np.full(len(codes), np.nan)
    np.divide(counts[1] + 2 * counts[2], 2 * called, out=out, where=called > 0)
    return out
