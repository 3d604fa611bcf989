"""Counts of gnomAD's table over runs of genotypes, beside a slow twin over the dense ones."""

import re
from math import comb

import numpy as np
import pytest

from genocloud.filters import BINS, HISTOGRAM_COLUMNS, age_bins, count_histograms, two_sided_p
from tests.support import dense_callset, small_callset
from tests.support.gnomad_adj import is_adj

GROUPS = [{"ann", "bob"}, {"cat"}, set()]
AGES = {"ann": 29.9, "bob": 80.0, "cat": 80.5}


def bin_of(value: float, edges: list[float]) -> int:
    """The bin as Hail's hist has it: what is smaller, bins from an edge on (the last has both), what is larger."""
    if value < edges[0]:
        return 0
    if value > edges[-1]:
        return len(edges)
    return next(place for place in range(len(edges) - 1, 0, -1) if value >= edges[place - 1])


QUALITY, AGE = [5.0 * n for n in range(21)], [30.0 + 5 * n for n in range(11)]


def twin(made, shard, group: set[str]) -> dict[str, list[list[int]]]:
    """Of the ALTs in order (names with _alt, _het, _hom, AC), or of the sites."""
    one = made.of_shard(shard)
    cells = one.genotypes().to_pylist()
    out: dict[str, list[list[int]]] = {}
    for site in one.sites(columns=["pos", "alts"]).to_pylist():
        here = [row | {"alleles": re.split(r"[/|]", row["GT"])} for row in cells if row["pos"] == site["pos"]]
        of_site = {"gq_all": [0] * 2 * BINS, "dp_all": [0] * 2 * BINS, "VarDP": [0], "QUALapprox": [0], "AN": [0] * 3}
        for row in here:
            halves = [0, BINS] if is_adj(row) else [BINS]
            called = sum(each != "." for each in row["alleles"])
            of_site["AN"][1] += called
            of_site["AN"][0] += called * is_adj(row)
            of_site["AN"][2] += called * (is_adj(row) and row["sample"] in group)
            for half in halves:
                if row["GQ"] is not None:
                    of_site["gq_all"][half + bin_of(min(row["GQ"], 99), QUALITY)] += 1
                if row["DP"] is not None:
                    of_site["dp_all"][half + bin_of(row["DP"], QUALITY)] += 1
            if any(each not in ("0", ".") for each in row["alleles"]):
                of_site["VarDP"][0] += row["DP"] or 0
                of_site["QUALapprox"][0] += (row["PL"] or [0])[0] or 0
        for name, values in of_site.items():
            out.setdefault(name, []).append(values)
        for number in map(str, range(1, len(site["alts"]) + 1)):
            of_alt = {f"{name}_alt": [0] * 2 * BINS for name in ("gq", "dp", "ab")}
            of_alt |= {"age_het": [0] * 12, "age_hom": [0] * 12, "AC": [0] * 3}
            for row in here:
                alleles = row["alleles"]
                if number not in alleles:
                    continue
                adj = is_adj(row)
                of_alt["AC"][1] += alleles.count(number)
                of_alt["AC"][0] += adj * alleles.count(number)
                of_alt["AC"][2] += adj * (row["sample"] in group) * alleles.count(number)
                whole, same = "." not in alleles, len(set(alleles)) == 1
                for half in [0, BINS] if adj else [BINS]:
                    if row["GQ"] is not None:
                        of_alt["gq_alt"][half + bin_of(min(row["GQ"], 99), QUALITY)] += 1
                    if row["DP"] is not None:
                        of_alt["dp_alt"][half + bin_of(row["DP"], QUALITY)] += 1
                    reads = row["AD"] and row["AD"][int(number)]
                    if whole and not same and row["DP"] and reads is not None:
                        # Hail divides by 0.05
                        of_alt["ab_alt"][half + bin_of(reads / row["DP"] / 0.05, [1.0 * n for n in range(21)])] += 1
                if adj and whole and row["sample"] in AGES:
                    of_alt["age_hom" if same else "age_het"][bin_of(AGES[row["sample"]], AGE)] += 1
            for name, values in of_alt.items():
                out.setdefault(name, []).append(values)
    return out


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5, 6, 7, None])
def test_counts_are_those_of_the_dense_genotypes(seed):
    url = f"memory://histograms-{seed}"
    made = small_callset.write(url, seed=seed) if seed else dense_callset.write(url)
    for shard, group in zip(made.shards, GROUPS, strict=True):
        alts = np.array([len(each) for each in made.of_shard(shard).sites()["alts"].to_pylist()], np.int32)
        counts = [
            count_histograms(
                batch.distinct,
                batch.runs,
                alts,
                [np.array([sample in group for sample in batch.samples], np.bool_)],
                age_bins(np.array([AGES.get(sample, np.nan) for sample in batch.samples])),
            )
            for batch in made.batches(shard, HISTOGRAM_COLUMNS)
        ]
        total = sum(counts[1:], counts[0])
        expected = twin(made, shard, group)
        named = {**total.of_sites, **total.of_alts}
        assert {name: named[name].tolist() for name in expected} == expected
        for name in ("VarDP", "QUALapprox"):  # by ALT: where all of a site have one, it is the site's
            site = np.repeat(np.arange(len(alts)), alts)
            assert (total.of_alts[f"AS_{name}"] <= total.of_sites[name][site]).all()
        assert len(total.balance) == len(total.of_alts["AC"])


def test_bins_of_ages_have_the_edges_of_gnomad():
    ages = [0, 29.9, 30, 34.9, 35, 79, 80, 80.1, float("nan")]
    assert age_bins(np.array(ages)).tolist() == [bin_of(age, AGE) if age == age else -1 for age in ages]


@pytest.mark.parametrize("trials", [1, 2, 3, 10, 31, 300])
def test_p_is_that_of_the_two_sided_test(trials):
    """All outcomes that are no likelier than what was seen."""
    for seen in range(trials + 1):
        likelier = sum(comb(trials, k) for k in range(trials + 1) if comb(trials, k) <= comb(trials, seen))
        assert two_sided_p(seen, trials) == pytest.approx(likelier / 2**trials, rel=1e-15)
