"""A region of a cohort as everybody's rows, with names."""

from pathlib import Path

from genocloud import open_cohort, read_region
from genocloud.regions import Region


def test_a_region_names_everybody_in_rank_order(made):
    cohort = open_cohort(made.cohort)
    rows = read_region(cohort, "chr2:30,001-31,000")
    for table in (rows.variants, rows.blocks):
        people = table["sample"].to_pylist()
        ranks = [cohort.samples.index(name) for name in people]
        places = list(zip(ranks, table["start"].to_pylist(), strict=True))
        assert places == sorted(places)
        assert set(table["contig"].to_pylist()) == {"chr2"}
        assert max(table["start"].to_pylist()) < 31_000
        assert min(table["stop"].to_pylist()) > 30_000
    assert set(rows.blocks["sample"].to_pylist()) == set(cohort.samples)
    assert read_region(cohort, Region(1, 30_000, 31_000)).blocks == rows.blocks


def test_a_cohort_shows_itself_in_three_lines(made):
    lines = repr(open_cohort(Path(made.cohort))).splitlines()
    assert lines[0] == f"Cohort {made.cohort}, version {open_cohort(made.cohort).version}"
    assert lines[1].startswith("8 samples in ")
    assert len(lines) == 3
