"""Karyotypes by depth and F, and flags against the sheet."""

import numpy as np
import pytest

from genocloud.qc.inbreeding import Homozygosity
from genocloud.qc.sample_counts import COUNTS, SampleCounts
from genocloud.qc.sex import sample_sexes, sex_flags

SITES = {"autosomes": 1000, "X": 200, "Y": 50}


def counts_of(copies: list[tuple[float, float]], depth: int = 30) -> SampleCounts:
    """Of samples with so many copies of X and Y."""
    out = SampleCounts.empty(len(copies))
    for row, (x, y) in enumerate(copies):
        for where, number in (("autosomes", 2), ("X", x), ("Y", y)):
            out.counts[row, COUNTS.index(f"sites_{where}")] = SITES[where]
            out.counts[row, COUNTS.index(f"dp_{where}")] = round(SITES[where] * depth * number / 2)
            out.counts[row, COUNTS.index(f"alts_{where}")] = SITES[where] // 3
            out.counts[row, COUNTS.index(f"alt_dp_{where}")] = round(SITES[where] // 3 * depth * number / 2)
    return out


def x_of(f: list[float], called: int = 200) -> Homozygosity:
    expected = np.full(len(f), 0.6 * called)
    observed = np.round(expected + np.array(f) * (called - expected)).astype(np.int64)
    none = np.zeros(len(f), np.int64)
    return Homozygosity(observed=observed, expected=expected, called=np.full(len(f), called), hom_alts=none)


def karyotypes(copies, f, **options) -> list:
    names = [f"s{n}" for n in range(len(f))]
    return sample_sexes(names, counts_of(copies), x_of(f, **options), {})["karyotype"].to_pylist()


@pytest.mark.parametrize(
    ("copies", "f", "karyotype"),
    [
        ((2, 0), 0.0, "XX"),
        ((1, 1), 1.0, "XY"),
        ((1, 0), 1.0, "X0"),
        ((2, 1), 0.0, "XXY"),
        ((3, 0), -0.3, "XXX"),
        ((1, 2), 1.0, "XYY"),
        ((2, 0), 1.0, "ambiguous"),
        ((1, 1), 0.1, "ambiguous"),
        ((1.9, 0.1), 0.1, "XX"),
    ],
)
def test_a_sample_alone(copies, f, karyotype):
    assert karyotypes([copies], [f]) == [karyotype]


def test_depths_are_scaled_by_those_of_one_sex():
    """A cohort in which X and Y have half of the reads that they should have."""
    copies = [(1.0, 0.02)] * 6 + [(0.5, 0.4)] * 6 + [(1.0, 0.4)]
    assert karyotypes(copies, [0.0] * 6 + [1.0] * 6 + [0.0]) == ["XX"] * 6 + ["XY"] * 6 + ["XXY"]


def test_each_sex_has_its_own_scale():
    """Men's X has a quarter of the autosomes' depth where it should have half: their reads are filtered otherwise."""
    copies = [(2.0, 0.0)] * 6 + [(0.5, 0.5)] * 6 + [(2.0, 0.5), (3.1, 0.0), (0.5, 0.0), (0.5, 1.0)]
    f = [0.0] * 6 + [1.0] * 6 + [0.0, -0.3, 1.0, 1.0]
    assert karyotypes(copies, f) == ["XX"] * 6 + ["XY"] * 6 + ["XXY", "XXX", "X0", "XYY"]


def test_without_depths_f_decides_and_without_genotypes_nothing():
    empty = SampleCounts.empty(3)
    table = sample_sexes(["a", "b", "c"], empty, x_of([0.0, 1.0, 0.6]), {})
    assert table["karyotype"].to_pylist() == ["XX", "XY", "ambiguous"]
    nothing = sample_sexes(["a"], SampleCounts.empty(1), x_of([0.0], called=0), {})
    assert nothing.select(["sex", "karyotype", "F"]).to_pylist() == [{"sex": "unknown", "karyotype": None, "F": None}]


def test_the_sheet_is_compared():
    sheet = {"ann": "female", "bob": "female", "cat": "unknown", "dan": "male"}
    table = sample_sexes(list(sheet), counts_of([(2, 0), (1, 1), (2, 0), (2, 1)]), x_of([0.0, 1.0, 0.0, 0.0]), sheet)
    assert [(flag.sample, flag.check, flag.value) for flag in sex_flags(table)] == [
        ("bob", "sex", "male"),
        ("dan", "karyotype", "XXY"),
    ]


def test_blocks_do_not_make_x_shallow():
    """Hom-ref genotypes have the least depth of their blocks, which are long where there is one copy."""
    counts = counts_of([(1, 1), (2, 0)])
    counts.counts[0, COUNTS.index("dp_X")] //= 3
    table = sample_sexes(["bob", "ann"], counts, x_of([1.0, 0.0]), {})
    assert table["x_ploidy"].to_pylist() == pytest.approx([1, 2], abs=0.02)
