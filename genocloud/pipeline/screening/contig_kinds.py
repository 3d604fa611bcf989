"""Which contigs are autosomes, X, Y and MT, and which stretches of these count for depth."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from genocloud.reads import SexContigs
from genocloud.regions import Contig, Region

Stretches = Sequence[tuple[int, int]]

Y_BY_LENGTH: Mapping[int, tuple[int, int]] = {
    59_373_566: (2_649_520, 28_819_361),  # GRCh37
    57_227_415: (2_781_479, 26_673_214),  # GRCh38
}
"""Y between its first pseudo-autosomal region and its heterochromatin, 0-based half-open, by its length.

What follows is N in the reference, and more than half of the contig. Source: UCSC, tables of gaps of chrY.
"""

MOST_AUTOSOMES = 100
"""Assemblies may have 100,000 numbered scaffolds: the longest ones say enough."""


@dataclass(frozen=True, kw_only=True)
class ContigKinds:
    """Numbers of contigs by what they are; all other contigs are not looked at."""

    autosomes: tuple[int, ...]
    x: tuple[int, ...]
    y: tuple[int, ...]
    mt: tuple[int, ...]

    @classmethod
    def of(cls, contigs: Sequence[Contig]) -> "ContigKinds":
        """By their names: 1, X, Y, MT or M, with or without chr. Without a numbered one, all others are autosomes."""
        special = SexContigs()
        x, y, mt = (
            tuple(number for number, contig in enumerate(contigs) if contig.name in names)
            for names in (special.x, special.y, special.mt)
        )
        others = [number for number in range(len(contigs)) if number not in {*x, *y, *mt}]
        numbered = [number for number in others if re.fullmatch(r"(chr)?\d+", contigs[number].name)]
        longest = sorted(numbered or others, key=lambda number: -contigs[number].length)[:MOST_AUTOSOMES]
        return cls(autosomes=tuple(sorted(longest)), x=x, y=y, mt=mt)

    @property
    def all(self) -> tuple[int, ...]:
        """All of them, in the reference's order."""
        return tuple(sorted({*self.autosomes, *self.x, *self.y, *self.mt}))


def counted_stretches(
    number: int, contigs: Sequence[Contig], kinds: ContigKinds, inside: Sequence[Region] | None
) -> Stretches | None:
    """The bases of a contig whose depth counts: targets, and of Y what is not N; None for all."""
    whole = Y_BY_LENGTH.get(contigs[number].length) if number in kinds.y else None
    if inside is None:
        return None if whole is None else [whole]
    first, end = whole or (0, contigs[number].length)
    clipped = [(max(region.start, first), min(region.end, end)) for region in inside if region.contig == number]
    return [(start, stop) for start, stop in clipped if start < stop]
