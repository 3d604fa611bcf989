"""The sex of samples by X's heterozygosity and by the depths of X and Y, against what the sheet says."""

from collections.abc import Iterator, Mapping, Sequence, Set

import numpy as np
import numpy.typing as npt

from genocloud.qc.flags import Flag
from genocloud.qc.inbreeding import Homozygosity
from genocloud.qc.sample_counts import SampleCounts
from genocloud.qc.tables import SEXES, SampleSexes, table_of

Floats = npt.NDArray[np.float64]

MOST_F_OF_XX, LEAST_F_OF_XY = 0.5, 0.75
"""seqr's: F is about 0 with two X, 1 with one."""

FEWEST_SITES, FEWEST_X_ALTS = 25, 10
"""F of fewer genotypes, depths of fewer sites of Y, and of fewer genotypes with an ALT on X, are not looked at.

Hom-ref genotypes have the least DP of a block, so that the mean of a few depends on how many are.
"""

FEWEST_OF_A_SEX = 5
"""So many samples that look like one sex by F tell what depth a copy of X or Y has in this cohort."""

X_EDGES, Y_EDGES = (0.5, 1.5, 2.5, 3.5), (0.35, 1.5, 2.5)
"""Between 0, 1, 2 ... copies by depth; Y has regions without a read in every man."""

KARYOTYPES = {(2, 0): "XX", (1, 1): "XY", (1, 0): "X0", (2, 1): "XXY", (3, 0): "XXX", (1, 2): "XYY"}
"""By copies of X and of Y."""

SEX_OF = {"XX": "female", "X0": "female", "XXX": "female", "XY": "male", "XXY": "male", "XYY": "male"}


def sample_sexes(
    samples: Sequence[str], counts: SampleCounts, x: Homozygosity, sheet: Mapping[str, str]
) -> SampleSexes:
    """The table SEXES; sheet: male, female or unknown by sample."""
    f = np.where(x.called >= FEWEST_SITES, x.coefficient, np.nan)
    ploidies = {
        "X": _ploidy(counts, ("alt_dp", "alts"), "X", FEWEST_X_ALTS),
        "Y": _ploidy(counts, ("dp", "sites"), "Y", FEWEST_SITES),
    }
    copies_x, copies_y = _copies(ploidies["X"], f, X_EDGES, (2.0, 1.0)), _copies(ploidies["Y"], f, Y_EDGES, (0.0, 1.0))
    karyotypes = [_karyotype(*each) for each in zip(copies_x, copies_y, f.tolist(), strict=True)]
    depth = np.full(len(samples), np.nan)
    np.divide(counts["alt_dp_autosomes"], counts["alts_autosomes"], out=depth, where=counts["alts_autosomes"] > 0)
    columns = {
        "sample": list(samples),
        "sheet_sex": [sheet.get(sample, "unknown") for sample in samples],
        "sex": [SEX_OF.get(karyotype or "", "unknown") for karyotype in karyotypes],
        "karyotype": karyotypes,
        "F": x.coefficient,
        "x_calls": x.called,
        "x_hets": x.hets,
        "x_hom_alts": x.hom_alts,
        "x_ploidy": ploidies["X"],
        "y_ploidy": ploidies["Y"],
        "autosome_depth": depth,
    }
    return table_of(columns, SEXES)


def _ploidy(counts: SampleCounts, columns: tuple[str, str], where: str, fewest: int) -> Floats:
    """Copies by depth, (samples,); NaN where there are too few genotypes, or none on autosomes.

    columns  the sum of depths and the number of genotypes. Of X genotypes with an ALT: the DP of a reference block is
             the least of its bases, and blocks are longer where there is one copy. Of Y all: women have no ALT there
    """
    total, number = columns
    out = np.full(len(counts.counts), np.nan)
    here, depth = counts[f"{number}_{where}"], counts[f"{total}_autosomes"]
    known = (here >= fewest) & (depth > 0)
    scaled = 2.0 * counts[f"{total}_{where}"][known] * counts[f"{number}_autosomes"][known]
    out[known] = scaled / (here[known] * depth[known].astype(np.float64))
    return out


def _copies(ploidy: Floats, f: Floats, edges: Sequence[float], of_sex: tuple[float, float]) -> list[int | None]:
    """Whole copies; depths are scaled so that those of one sex by F, if there are enough, have its copies.

    Each sex has its own scale where both have one, as callers filter reads of one copy and of two differently. Others
    have the scale that there is.

    of_sex  copies in XX and in XY
    """
    scale = np.full(len(ploidy), np.nan)
    for copies, group in zip(of_sex, (f < MOST_F_OF_XX, f > LEAST_F_OF_XY), strict=True):
        here = group & np.isfinite(ploidy)
        if copies and np.count_nonzero(here) >= FEWEST_OF_A_SEX and np.median(ploidy[here]) > 0:
            factor = copies / np.median(ploidy[here])
            scale = np.where(group | np.isnan(scale), factor, scale)
    scaled = ploidy * np.where(np.isnan(scale), 1.0, scale)
    places = np.searchsorted(edges, scaled)
    return [int(place) if np.isfinite(value) else None for place, value in zip(places, scaled, strict=True)]


def _karyotype(x: int | None, y: int | None, f: float) -> str | None:
    """By both depths where there are any; else by F alone."""
    by_f = "XX" if f < MOST_F_OF_XX else "XY" if f > LEAST_F_OF_XY else None if np.isnan(f) else "ambiguous"
    if x is None or y is None:
        return by_f
    by_depth = KARYOTYPES.get((x, y), "ambiguous")
    if by_f is None or by_depth == "ambiguous":
        return by_depth
    has_one_x = x == 1
    return by_depth if by_f == ("XY" if has_one_x else "XX") or by_depth == "XXX" else "ambiguous"


def sex_flags(sexes: SampleSexes, explained: Set[str] = frozenset()) -> Iterator[Flag]:
    """Samples of another sex than the sheet says, and those whose sex is not plain."""
    for row in sexes.to_pylist():
        if row["sample"] in explained:
            continue
        karyotype, sheet = row["karyotype"], row["sheet_sex"]
        if karyotype not in ("XX", "XY", None):
            yield Flag(
                sample=row["sample"],
                check="karyotype",
                value=karyotype,
                limit="XX or XY",
                advice="look at the depths of X and Y; suspect contamination where F and depth disagree",
            )
        elif "unknown" not in (sheet, row["sex"]) and sheet != row["sex"]:
            yield Flag(
                sample=row["sample"],
                check="sex",
                value=row["sex"],
                limit=sheet,
                advice="look for a swap with a sample of the other sex in the same batch, then correct the sheet",
            )
