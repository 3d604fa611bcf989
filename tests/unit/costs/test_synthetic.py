"""Synthetic gVCFs are such as a caller would write: records tile the contig, and each genotype is the likeliest one."""

import numpy as np
import pytest

from genocloud.costs.synthetic import CONTIG, SyntheticCohort

LENGTH = 60_000


@pytest.fixture(scope="module")
def people():
    return list(SyntheticCohort(6, LENGTH).gvcfs(np.random.default_rng(3)))


def test_records_tile_the_contig_and_lie_where_the_places_say(people):
    for person in people:
        assert (person.begins[0], person.ends[-1]) == (0, LENGTH)
        assert person.begins[1:].tolist() == person.ends[:-1].tolist()
        for begin, end, at in zip(person.begins, person.ends, person.places, strict=False):
            fields = person.text[at:].split(b"\n", 1)[0].decode().split("\t")
            assert (fields[0], int(fields[1])) == (CONTIG, begin + 1)
            assert end == (int(fields[7].split("END=")[1]) if "END=" in fields[7] else begin + 1)
        assert person.places[-1] == len(person.text)


def test_each_genotype_is_the_likeliest_and_agrees_with_its_fields(people):
    seen = set()
    for line in b"".join(person.text for person in people).decode().splitlines():
        if line.startswith("#"):
            continue
        _, _, _, ref, alts, _, _, info, names, values = line.split("\t")
        cell = dict(zip(names.split(":"), values.split(":"), strict=True))
        likelihoods = [int(one) for one in cell["PL"].split(",")]
        order = ["0/0", "0/1", "1/1", "0/2", "1/2", "2/2"]
        assert min(likelihoods) == 0
        assert order[likelihoods.index(0)] == cell["GT"]
        assert int(cell["GQ"]) == min(99, sorted(likelihoods[:3])[1])
        assert ref not in alts.split(",")
        if "AD" in cell:
            assert sum(map(int, cell["AD"].split(","))) == int(cell["DP"])
            assert sum(map(int, cell["SB"].split(","))) == int(cell["DP"])
            assert f"MLEAC={cell['GT'].count('1')},0;" in info
        seen.add(cell["GT"])
    assert seen == {"0/0", "0/1", "1/1"}


def test_rare_sites_have_few_carriers():
    common, rare = (
        sum(person.text.count(b"\t0/1:") for person in cohort.gvcfs(np.random.default_rng(3)))
        for cohort in (SyntheticCohort(50, LENGTH), SyntheticCohort(50, LENGTH, rare=0.001))
    )
    assert 0 < rare <= 4 * 0.001 * LENGTH < common
