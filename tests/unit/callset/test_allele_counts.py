"""Subsets of samples: their genotypes, and AC, AF and AN counted anew."""

from typing import Any

import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genocloud import callset
from tests.support import wild_callset

EVERYONE = ["ann", "dan", "bob", "cat", "eve"]


def counts_by_hand(made: callset.Callset, samples: list[str]) -> list[tuple[Any, Any, Any]]:
    """AC, AF and AN of each site, a genotype at a time."""
    rows = made.genotypes(None, samples).to_pylist()
    called: dict[tuple[str, int], list[int]] = {}
    for row in rows:
        called.setdefault((row["contig"], row["pos"]), []).extend(wild_callset.alleles_of(row["GT"]))
    out = []
    for site in made.sites().to_pylist():
        alleles = called.get((site["contig"], site["pos"]), [])
        if not site["alts"]:
            out.append((None, None, None))
            continue
        number = sum(allele >= 0 for allele in alleles)
        counts = [alleles.count(alt + 1) for alt in range(len(site["alts"]))]
        out.append((counts, [count / number if number else 0.0 for count in counts], number))
    return out


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.lists(st.sampled_from(EVERYONE), unique=True, max_size=5))
def test_counts_are_those_of_the_samples(seed: int, samples: list[str]) -> None:
    made = wild_callset.write(f"memory://counted-{seed}", seed)
    some = made.of_samples(samples)
    sites = some.sites(columns=["AC", "AF", "AN"]).to_pylist()
    assert [tuple(site.values()) for site in sites] == counts_by_hand(made, samples)
    assert some.samples == tuple(samples)
    assert some.genotypes().equals(made.genotypes(None, samples))
    assert some.sites().drop_columns(["AC", "AF", "AN"]).equals(made.sites().drop_columns(["AC", "AF", "AN"]))


def test_conditions_are_of_the_new_counts_and_kept_ones_are_those_of_all() -> None:
    made = wild_callset.write("memory://counted", 5)
    some = made.of_samples(["eve", "ann"])
    counted = some.sites(columns=["pos", "AN"])
    wanted = counted.filter(pc.field("AN") > 2)["pos"]
    assert 0 < len(wanted) < len(counted)
    assert some.sites(columns=["pos"], filter=pc.field("AN") > 2)["pos"].equals(wanted)
    region = "chr1:1-20,000"
    assert some.sites(region).num_rows == made.sites(region).num_rows
    kept = made.of_samples(["eve"], recount=False)
    assert kept.sites().equals(made.sites())
    assert kept.samples == ("eve",)
    assert some.of_samples("eve").sites().equals(made.of_samples("eve").sites())


def test_an_unknown_sample_is_named_with_a_near_one() -> None:
    made = wild_callset.write("memory://unknown-of", 5)
    with pytest.raises(callset.UnknownSample, match=r"no sample Ann; .*did you mean ann\?"):
        made.of_samples(["Ann"])
