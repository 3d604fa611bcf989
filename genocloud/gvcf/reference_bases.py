"""The reference's bases as a FASTA file stores them, which REF is compared with."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Sequence:
    """One contig's bases: `data` (bytes,) uint8 of the FASTA from its first base on, and the length of its lines.

    Base p (0-based) is data[p // line_bases * line_bytes + p % line_bases], as in a .fai index.
    """

    data: npt.NDArray[np.uint8]
    line_bases: int
    line_bytes: int

    def __post_init__(self) -> None:
        """Make the bytes read-only, as a memory map is: kernels are compiled for one array type."""
        data = self.data[:]
        data.flags.writeable = False
        object.__setattr__(self, "data", data)

    def between(self, start: int, end: int) -> str:
        """The bases start <= base < end."""
        places = np.arange(start, end)
        places = places // self.line_bases * self.line_bytes + places % self.line_bases
        return self.data[places[places < self.data.size]].tobytes().decode("ascii", "replace")


@dataclass(frozen=True, slots=True)
class Bases:
    """Sequences by contig name; records on a contig without one are not compared."""

    sequences: Mapping[str, Sequence]
