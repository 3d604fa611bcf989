"""Records at their leftmost place with the shortest alleles there, as `bcftools norm -f` has them."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import schema
from genocloud.errors import InputError

_Ints = npt.NDArray[np.int64]

_STRETCH_BITS = 20
"""Sites of so many bits of POS share a stretch of bases."""

_BEFORE = 1000
"""Bases before a stretch that are read with it: few records move further."""

_LETTERS = str.maketrans("URYSWKMBDHV", "TACCAGACAAA")
"""Ambiguous letters become the first base that they stand for (VCF 4.3 specification, section 1.6.1; bcftools)."""


class ReferenceBases(Protocol):
    """The bases that records are aligned to; it is sent to workers."""

    @property
    def settings(self) -> Any:
        """All that they follow from, as JSON."""

    def between(self, contig: str, start: int, end: int) -> str:
        """The bases start <= base < end of a contig, in any case."""


class ReferenceDiffers(InputError):
    """A site whose REF is not what the reference has there."""

    def __init__(self, contig: str, pos: int, ref: str, bases: str) -> None:
        self.contig, self.pos, self.ref, self.bases = contig, pos, ref, bases
        super().__init__(
            f"{contig}:{pos}: REF is {ref}, the reference has {bases or 'no bases'} there; "
            "name the FASTA that the samples were called against"
        )


def left_aligned(sites: schema.Sites, reference: ReferenceBases) -> schema.Sites:
    """Rows of SITES with pos, ref and alts of the leftmost place, in the same order.

    Records with `*` or letters other than ACGTN among their ALTs stay as they are, those with `*` as in bcftools, which
    refuses the others. Raises ReferenceDiffers.
    """
    contigs, pos = sites["contig"].to_pylist(), schema.numbers(sites["pos"]).astype(np.int64)
    alleles = [
        [ref, *(alts or ())] for ref, alts in zip(sites["ref"].to_pylist(), sites["alts"].to_pylist(), strict=True)
    ]
    for first, last in _stretches(sites, pos):
        stretch = _BasesAround(reference, contigs[first], alleles[first:last], pos[first:last])
        for row in range(first, last):
            start, alleles[row] = stretch.aligned(int(pos[row]) - 1, alleles[row])
            pos[row] = start + 1
    columns = {
        "pos": pa.array(pos, sites.schema.field("pos").type),
        "ref": pa.array([each[0] for each in alleles], sites.schema.field("ref").type),
        "alts": pa.array([each[1:] for each in alleles], sites.schema.field("alts").type),
    }
    for name, column in columns.items():
        sites = schema.with_column(sites, name, column)
    return sites


def in_order(sites: schema.Sites) -> _Ints | None:
    """The rows of aligned SITES by contig and pos, in their order where these are equal; None where they are so."""
    words = sites["contig"].unify_dictionaries().combine_chunks()
    codes = schema.numbers(words.indices).astype(np.int64)
    contig = np.cumsum(np.append(0, np.diff(codes) != 0))[: len(codes)]
    keys = contig << 32 | schema.numbers(sites["pos"]).astype(np.int64)
    return None if (np.diff(keys) >= 0).all() else np.argsort(keys, kind="stable")


def _stretches(sites: schema.Sites, pos: _Ints) -> Iterator[tuple[int, int]]:
    """Rows of one contig that share a stretch of bases: first, and last + 1."""
    codes = schema.numbers(sites["contig"].unify_dictionaries().combine_chunks().indices)
    edges = np.flatnonzero((np.diff(codes) != 0) | (np.diff(pos >> _STRETCH_BITS) != 0)) + 1
    bounds = [0, *edges.tolist(), len(pos)]
    return ((first, last) for first, last in pairwise(bounds) if first < last)


class _BasesAround:
    """Bases around some neighbouring sites of a contig."""

    def __init__(self, reference: ReferenceBases, contig: str, alleles: Sequence[Sequence[str]], pos: _Ints) -> None:
        self._reference, self._contig = reference, contig
        ends = [int(start) - 1 + len(ref) for start, (ref, *_) in zip(pos, alleles, strict=True)]
        self._first = max(int(pos[0]) - 1 - _BEFORE, 0)
        self._bases = self._between(self._first, max(ends))

    def aligned(self, start: int, alleles: list[str]) -> tuple[int, list[str]]:
        """0-based start and alleles of a record. Raises ReferenceDiffers."""
        ref, *alts = alleles
        plain, at = _plain(ref), start - self._first
        bases = self._bases[at : at + len(ref)]
        if plain != bases:
            raise ReferenceDiffers(self._contig, start + 1, ref, bases)
        upper = [alt.upper() for alt in alts]
        if not alts or len(plain) == 1 == max(map(len, alts)) or any(set(alt) - set("ACGTN") for alt in upper):
            return start, [plain, *alts]
        moved, short = self._moved(start, [plain, *upper])
        return (start, [plain, *alts]) if (moved, short[0]) == (start, plain) else (moved, short)

    def _moved(self, start: int, alleles: list[str]) -> tuple[int, list[str]]:
        """Without the last bases that all share, and more bases in front where an allele has no other; then without
        the first ones.
        """
        while len({allele[-1] for allele in alleles}) == 1 and (start or min(map(len, alleles)) > 1):
            alleles = [allele[:-1] for allele in alleles]
            if not all(alleles):
                start -= 1
                alleles = [self._base(start) + allele for allele in alleles]
        shared = 0
        while min(map(len, alleles)) > shared + 1 and len({allele[shared] for allele in alleles}) == 1:
            shared += 1
        return start + shared, [allele[shared:] for allele in alleles]

    def _base(self, place: int) -> str:
        if place < self._first:
            first = max(self._first - (_BEFORE << 4), 0)
            self._bases = self._between(first, self._first) + self._bases
            self._first = first
        return self._bases[place - self._first]

    def _between(self, start: int, end: int) -> str:
        return _plain(self._reference.between(self._contig, start, end))


def _plain(bases: str) -> str:
    """Upper case, without ambiguous letters but N."""
    return bases.upper().translate(_LETTERS)
