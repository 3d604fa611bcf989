"""Laws: the sites of several locations, united, are those of all samples in the locations' order."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from genocloud import schema, sites
from genocloud.regions import Region
from tests.support.examples import examples
from tests.support.joint_cohorts import CONTIGS, cohort
from tests.support.joint_path import batch_of

END, SAMPLES = CONTIGS[0].length, 6
REGIONS = st.tuples(st.integers(0, END - 1), st.integers(1, END)).map(
    lambda cut: Region(0, min(cut), max(*cut, cut[0] + 1))
)
PLACES = st.lists(st.integers(0, 3), min_size=SAMPLES, max_size=SAMPLES)


def seen_by_place(seed, places, region):
    """Observations and spans of each location's samples: with ranks of its own, and with ranks of the whole."""
    rows = list(cohort(seed, SAMPLES).values())
    own, whole, before = [], [], 0
    for place in range(max(places) + 1):
        here = [rows[n] for n in range(SAMPLES) if places[n] == place]
        ranks = np.arange(len(here), dtype=np.int32)
        variants = batch_of(here)[0] if here else schema.VARIANTS.empty_table()
        own.append(sites.observe(variants, ranks, region))
        whole.append(sites.observe(variants, ranks + np.int32(before), region))
        before += len(here)
    return own, whole


@given(seed=st.integers(0, 1 << 30), places=PLACES, region=REGIONS)
@examples(150)
def test_united_sites_are_those_of_everybody(seed, places, region):
    own, whole = seen_by_place(seed, places, region)
    united = sites.unite([sites.location_sites([observed], [spans]) for observed, spans in own])
    assert united.to_pylist() == sites.unify([each[0] for each in whole], [each[1] for each in whole]).to_pylist()
    assert united.schema.equals(schema.ALLELES, check_metadata=True)


@given(seed=st.integers(0, 1 << 30), places=PLACES, inside=st.sets(st.integers(0, END - 1)))
@examples(40)
def test_stretches_decide_and_force_as_spans_do(seed, places, inside):
    region = Region(0, 0, END)
    own, whole = seen_by_place(seed, places, region)
    parts, spans = [sites.location_sites([observed], [spans]) for observed, spans in own], [each[1] for each in whole]
    mask = np.isin(np.arange(END), list(inside))
    stretches = [part[1] for part in parts]
    assert np.array_equal(sites.deciding(mask, stretches, region), sites.deciding(mask, spans, region))
    alleles = sites.unite(parts)
    forced = [sites.force_output(alleles, mask, each, "ACGT" * END, region) for each in (stretches, spans)]
    assert forced[0].equals(forced[1])


def spans_of(*stretches):
    columns = {"contig": 0, "rank": 0}
    return pa.Table.from_pylist([columns | {"start": a, "stop": b} for a, b in stretches], schema=schema.SPANS)


def test_stretches_say_which_bases_and_no_more():
    _, stretches = sites.location_sites([], [spans_of((5, 9), (1, 3)), spans_of((2, 4), (9, 11), (20, 21))])
    assert [(row["start"], row["stop"]) for row in stretches.to_pylist()] == [(1, 4), (5, 11), (20, 21)]
    assert stretches.schema.names == ["contig", "start", "stop"]


def test_no_locations_and_empty_ones_have_no_sites():
    assert len(sites.unite([])) == len(sites.unite([sites.location_sites([], [])] * 2)) == 0
