"""Frequencies for a screen: those of a callset are its AF, and of another reference neither source is taken."""

import pytest

from genocloud import open_callset, screen_samples
from genocloud.pipeline.genotyping.known_names import OtherContigs
from genocloud.pipeline.screening.frequency_sources import common_sites, content_of
from genocloud.regions import Contig


def expected(callset, contig, least, most):
    for row in callset.sites(contig).to_pylist():
        alts = {alt: af for alt, af in zip(row["alts"], row["AF"], strict=True) if alt in ("A", "C", "G", "T")}
        p = 1 - sum(alts.values())
        if row["ref"] in ("A", "C", "G", "T") and row["filter"] is None and alts and least < p < most:
            yield row["pos"] - 1, row["ref"], tuple(alts), p


def test_the_sites_of_a_callset_are_its_common_variants(made):
    callset = open_callset(str(made.callset))
    for contig in callset.contigs:
        sites = [tuple(site) for site in common_sites(str(made.callset), contig, 0.05, 0.95)]
        assert sites == list(expected(callset, contig.name, 0.05, 0.95))
    assert len([*common_sites(str(made.callset), callset.contigs[0], 0.05, 0.95)]) > 50
    assert list(common_sites(str(made.callset), Contig("chr9", 100), 0.05, 0.95)) == []


def test_a_callset_of_another_reference_is_refused(made):
    with pytest.raises(OtherContigs):
        content_of(str(made.callset), [Contig("9", 100)])
    assert content_of(None, []) == ""


def test_a_cohort_is_screened_by_its_own_callset(made, tmp_path):
    receipt = screen_samples(made.cohort, tmp_path, frequencies=made.callset, threads=1)
    assert receipt.figures["fingerprint_sites"] > 0
    assert receipt.figures["quarantined"] == []
