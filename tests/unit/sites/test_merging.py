"""Observations of batches become the merged alleles of sites."""

import numpy as np
import pyarrow as pa

from genocloud import schema, sites
from genocloud.regions import Region

CONTIG = Region(0, 0, 1000)


def variants(*rows):
    """Rows (sample, start, stop, ref, alts)."""
    columns = {"contig": 0, "gt": [0, 1], "phased": False}
    return pa.Table.from_pylist(
        [
            columns | {"sample": sample, "start": start, "stop": stop, "ref": ref, "alts": alts}
            for sample, start, stop, ref, alts in rows
        ],
        schema=schema.VARIANTS,
    )


def unified(table, ranks, region=CONTIG):
    observations, spans = sites.observe(table, np.array(ranks, np.int32), region)
    return [(row["start"], row["ref"], row["alts"]) for row in sites.unify([observations], [spans]).to_pylist()]


def test_short_records_are_extended_to_the_longest_ref():
    table = variants((0, 9, 10, "A", ["C", "<NON_REF>"]), (1, 9, 12, "ACG", ["A", "*", "<NON_REF>"]))
    assert unified(table, [0, 1]) == [(9, "ACG", ["CCG", "A", "*"])]


def test_alts_follow_cohort_ranks_not_batch_order():
    table = variants((0, 9, 10, "A", ["C"]), (1, 9, 10, "A", ["G", "T"]))
    assert unified(table, [5, 2]) == [(9, "A", ["G", "T", "C"])]


def test_a_deletion_from_upstream_takes_its_place_in_the_scan():
    table = variants((0, 9, 10, "A", ["C"]), (1, 7, 12, "ACACA", ["A"]), (2, 9, 10, "A", ["G"]))
    assert unified(table, [0, 1, 2])[1] == (9, "A", ["C", "*", "G"])


def test_a_deletion_from_before_the_region_counts_but_is_no_site():
    table = variants((0, 7, 12, "ACACA", ["A"]), (1, 9, 10, "A", ["G"]))
    assert unified(table, [0, 1], Region(0, 9, 20)) == [(9, "A", ["*", "G"])]


def test_where_only_a_deletion_reaches_there_is_no_site():
    assert unified(variants((0, 7, 12, "ACACA", ["A", "<*>"])), [0]) == [(7, "ACACA", ["A"])]


def test_samples_not_in_force_and_rows_that_never_speak_show_nothing():
    table = variants((0, 9, 10, "A", ["C"]), (1, 11, 11, "A", ["G"]))
    assert unified(table, [-1, 0]) == []


def test_every_observation_of_a_sample_is_counted_once():
    table = variants((0, 9, 10, "A", ["C", "<*>"]), (1, 9, 10, "A", ["C", "G", "<*>"]), (2, 9, 11, "AT", ["A"]))
    observations, spans = sites.observe(table, np.arange(3, dtype=np.int32), CONTIG)
    assert sum(observations["observed"].to_pylist()) == 4
    assert sites.unify([observations, observations], [spans])["observed"].to_pylist() == [8]


def test_no_variants_make_no_sites():
    empty = schema.VARIANTS.empty_table()
    observations, spans = sites.observe(empty, np.zeros(0, np.int32), CONTIG)
    assert (len(observations), len(spans), len(sites.unify([observations], [spans]))) == (0, 0, 0)
    assert sites.unify([], []).schema.equals(schema.ALLELES)
