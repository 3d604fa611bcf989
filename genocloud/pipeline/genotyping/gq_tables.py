"""Tables of GQ as measured on truth: written, and read for a model."""

import csv
import io

import numpy as np
import numpy.typing as npt

from genocloud import storage
from genocloud.genotypes.gq_calibration import KINDS, fitted, map_from_rows, map_text

COLUMNS = "kind", "gq", "genotypes", "wrong", "measured", "calibrated"


def gq_map(url: str) -> str:
    """The map of a table with tabs between, its columns kind, gq and calibrated. Raises BadCalibration, StoreError."""
    with storage.open_file(url) as file:
        text = file.read().decode()
    return map_text(map_from_rows(list(csv.DictReader(io.StringIO(text), delimiter="\t"))))


def curve_text(counts: npt.NDArray[np.int64], *, by_table: bool) -> str:
    """The table of counts by kind and GQ: how many genotypes, how many wrong, what that is in phred, what GQ becomes.

    counts    (KINDS, GQS, 2), as of count_wrong
    by_table  GQ is that of a table already: what it becomes is `.`, with which gq_map refuses the table

    It has the GQs that are seen, and those that become another.
    """
    lines = ["\t".join(COLUMNS)]
    for kind, seen, becomes in zip(KINDS, counts.tolist(), fitted(counts).tolist(), strict=True):
        for gq, (genotypes, wrong) in enumerate(seen):
            if genotypes or (becomes[gq] != gq and not by_table):
                measured = f"{-10 * np.log10(wrong / genotypes):.1f}" if wrong else "."
                calibrated = "." if by_table else becomes[gq]
                lines.append("\t".join(map(str, (kind, gq, genotypes, wrong, measured, calibrated))))
    return "\n".join([*lines, ""])
