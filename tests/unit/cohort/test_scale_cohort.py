"""Invented people of large cohorts: as many records and sites as real ones, each person the same in every cohort."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from genocloud import cohort
from genocloud.pipeline.planning.whole_genomes import GENOME_BP, WHOLE_GENOME, genome_sites
from genocloud.regions import Region
from genocloud.scatter.executors import Inline
from tests.benchmarks.scale_cohort import CONTIG, ScaleCohort, draw_frequencies

LENGTH, PEOPLE = 30_000, 20
BASES = 2_000_000


@pytest.fixture(scope="module")
def scale_cohort():
    return ScaleCohort(LENGTH)


@pytest.fixture(scope="module")
def rows(scale_cohort):
    return scale_cohort.rows(range(PEOPLE))


def test_sites_grow_with_people_as_was_published():
    frequencies = draw_frequencies(BASES, np.random.default_rng(1))
    for people in (3_202, 10_000, 150_119):
        variants = (1 - (1 - frequencies) ** (2 * people)).sum() / BASES * GENOME_BP
        assert variants == pytest.approx(genome_sites(people), rel=0.03)
    carried = (1 - (1 - frequencies) ** 2).sum() / BASES * GENOME_BP
    assert carried == pytest.approx(WHOLE_GENOME.observations, rel=0.05)


def test_a_genome_has_as_many_records_as_a_real_one(rows):
    share = LENGTH * PEOPLE / GENOME_BP
    assert sum(each.read for each in rows) == pytest.approx(WHOLE_GENOME.records * share, rel=0.1)
    assert sum(each.variants.num_rows for each in rows) == pytest.approx(WHOLE_GENOME.observations * share, rel=0.15)


def test_records_of_a_person_follow_one_another_without_gap(rows):
    for each in rows:
        records = pa.concat_tables(
            pa.table(kind.select(["start", "stop"])) for kind in (each.blocks, each.variants)
        ).sort_by("start")
        starts, stops = (records[name].to_numpy() for name in ("start", "stop"))
        assert (starts[0], stops[-1]) == (0, LENGTH)
        assert starts[1:].tolist() == stops[:-1].tolist()


def test_each_genotype_is_the_likeliest_and_agrees_with_its_fields(rows):
    seen = set()
    for row in (row for each in rows for row in each.variants.to_pylist()):
        order = [[a, b] for b in range(len(row["alts"]) + 1) for a in range(b + 1)]
        assert len(row["pl"]) == len(order)
        assert row["pl"][order.index(row["gt"])] == min(row["pl"]) == 0
        assert row["gq"] == pytest.approx(min(99, sorted(row["pl"])[1]), abs=1)
        assert len(row["ad"]) == len(row["alts"]) + 1
        assert sum(row["ad"]) == sum(row["sb"]) == row["dp"]
        assert row["alts"][-1] == "<NON_REF>"
        assert row["ref"] not in row["alts"]
        assert row["stop"] - row["start"] == len(row["ref"])
        assert (row["pid"] is None) == (row["ps"] is None) == (not row["phased"])
        seen.add((*row["gt"], row["phased"]))
    assert {(0, 1, False), (0, 1, True), (1, 1, False)} <= seen


def test_a_person_is_the_same_in_every_batch(scale_cohort, rows):
    for person, each in zip(range(7, 11), scale_cohort.rows(range(7, 11)), strict=True):
        assert each.variants.equals(rows[person].variants)
        assert each.blocks.equals(rows[person].blocks)
    assert not rows[7].variants.equals(rows[8].variants)
    assert ScaleCohort(LENGTH, seed=2).alleles.start.tolist() != scale_cohort.alleles.start.tolist()


def test_they_are_stored_as_ingest_stores_people(tmp_path, scale_cohort, rows):
    stored = scale_cohort.write(str(tmp_path), PEOPLE, Inline())
    assert stored.samples == tuple(f"S{person:06d}" for person in range(PEOPLE))
    (batch,) = stored.batches
    read = cohort.read_rows(stored, batch, Region(0, 0, LENGTH))
    for kind in ("variants", "blocks"):
        table = getattr(read, kind)
        for person, each in enumerate(rows):
            mine = table.filter(pc.equal(table["sample"], person)).drop_columns("sample")
            assert mine.equals(pa.table(getattr(each, kind)).drop_columns("sample"))
    tallies = stored.receipt(batch).tallies
    assert [tally.read for tally in tallies] == [each.read for each in rows]
    again = scale_cohort.write(str(tmp_path), PEOPLE, Inline())
    assert again.version == stored.version
    assert stored.contigs[0].name == CONTIG
