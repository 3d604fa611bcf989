"""Frequencies over runs of genotypes, beside a slow twin over the dense ones."""

import re

import numpy as np
import pytest

from genocloud import filters, schema
from genocloud.filters import GroupCounts, count_alleles, frequency_columns
from tests.support import dense_callset, small_callset
from tests.support.gnomad_adj import is_adj

GROUPS = [{"ann", "bob", "cat"}, {"ann", "bob"}, {"cat"}, set()]


def twin(made, shard, people: set[str], adj: bool) -> dict[str, list]:
    out = {"AN": [], "AC": [], "nhomalt": [], "nhemi": []}
    one = made.of_shard(shard)
    cells = [row for row in one.genotypes().to_pylist() if row["sample"] in people and (not adj or is_adj(row))]
    for site in one.sites(columns=["contig", "pos", "alts"]).to_pylist():
        here = [re.split(r"[/|]", row["GT"]) for row in cells if row["pos"] == site["pos"]]
        numbers = [str(number) for number in range(1, len(site["alts"]) + 1)]
        out["AN"].append(sum(allele != "." for alleles in here for allele in alleles))
        out["AC"].append([sum(alleles.count(each) for alleles in here) for each in numbers])
        out["nhomalt"].append(
            [sum(len(alleles) > 1 and set(alleles) == {each} for alleles in here) for each in numbers]
        )
        out["nhemi"].append([sum(alleles == [each] for alleles in here) for each in numbers])
    return out


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5, None])
def test_counts_are_those_of_the_dense_genotypes(seed):
    url = f"memory://frequencies-{seed}"
    made = small_callset.write(url, seed=seed) if seed else dense_callset.write(url)
    for shard in made.shards:
        alts = np.array([len(each) for each in made.of_shard(shard).sites()["alts"].to_pylist()], np.int32)
        sums = [[GroupCounts.none(alts)] * 2 for _ in GROUPS]
        for batch in made.batches(shard, filters.COLUMNS):
            who = [np.array([sample in group for sample in batch.samples], np.bool_) for group in GROUPS]
            more = count_alleles(batch.distinct, batch.runs, alts, who)
            sums = [[one + two for one, two in zip(*pair, strict=True)] for pair in zip(sums, more, strict=True)]
        for group, pair in zip(GROUPS, sums, strict=True):
            for adj, counts in enumerate(pair):
                columns = {name: each.to_pylist() for name, each in counts.columns("", alts).items()}
                shares = columns.pop("AF")
                assert columns == twin(made, shard, group, bool(adj))
                for number, copies, some in zip(columns["AN"], columns["AC"], shares, strict=True):
                    assert some == [each / number if number else None for each in copies]


def test_columns_have_the_names_and_types_of_what_is_counted():
    declared = frequency_columns({"": 3, "XX": 2})
    alts = np.array([2], np.int32)
    for end in ("", "_adj", "_XX", "_XX_adj"):
        columns = GroupCounts.none(alts).columns(end, alts)
        assert {name: each.type for name, each in columns.items()} == {
            each.name: each.type for each in declared if each.name in columns
        }
    assert len(declared) == 20
    assert all(each.vcf == f"INFO/{each.name}" and each.number for each in declared)
    assert schema.table(declared).names[:5] == ["AC", "AN", "AF", "nhomalt", "nhemi"]
