"""The reference's bases, as a FASTA file has them, to hold REF to."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Sequence:
    """One contig's bases: `letters` (bytes,) uint8 of the FASTA from its first base on, and how its lines are cut.

    Base p (0-based) is letters[p // line_bases * line_bytes + p % line_bases], as a .fai index says it.
    """

    letters: npt.NDArray[np.uint8]
    line_bases: int
    line_bytes: int

    def __post_init__(self) -> None:
        """Hold the letters read-only, as a file's map is: kernels are compiled for one kind of array."""
        letters = self.letters[:]
        letters.flags.writeable = False
        object.__setattr__(self, "letters", letters)

    def between(self, start: int, end: int) -> str:
        """The bases start <= base < end."""
        places = np.arange(start, end)
        places = places // self.line_bases * self.line_bytes + places % self.line_bases
        return self.letters[places[places < self.letters.size]].tobytes().decode("ascii", "replace")


@dataclass(frozen=True, slots=True)
class Bases:
    """Sequences by contig name; a contig without one is not held to the reference."""

    sequences: Mapping[str, Sequence]
