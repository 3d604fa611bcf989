"""ALLELE_EVIDENCE against a slow twin, and its independence of how rows are grouped."""

from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genocloud import glnexus, schema
from genocloud.errors import InputError

ROW = {"contig": 0, "sample": 0, "stop": 1, "phased": False}


@st.composite
def rows(draw):
    alts = draw(
        st.lists(st.sampled_from(["C", "G", "CA", "*", "<*>", "<DEL>", "N"]), min_size=1, max_size=3, unique=True)
    )
    count = (len(alts) + 1) * (len(alts) + 2) // 2
    values = st.integers(0, 60) | st.just(12_000)
    start = draw(st.integers(5, 7))
    return ROW | {
        "start": start,
        "stop": start + 1,
        "ref": draw(st.sampled_from(["A", "AT"])),
        "alts": alts,
        "filter": draw(st.sampled_from([None, "PASS", "RefCall"])),
        "gt": draw(st.lists(st.integers(-1, len(alts)), min_size=1, max_size=2)),
        "gq": draw(st.none() | st.integers(0, 120)),
        "pl": draw(st.none() | st.lists(values, min_size=count, max_size=count) | st.lists(values, max_size=2)),
    }


def variants(of):
    return pa.Table.from_pylist(of, schema=schema.VARIANTS)


@st.composite
def rules(draw):
    return replace(
        glnexus.preset("DeepVariantWGS"),
        min_GQ=draw(st.integers(0, 120)),
        min_AQ1=draw(st.integers(0, 70)),
        min_AQ2=draw(st.integers(0, 70)),
        drop_filtered=draw(st.booleans()),
    )


def slow(of, by):
    """The evidence by its definition, row by row."""
    known = {}
    for row in of:
        called = [None, row["gt"][0]] if len(row["gt"]) == 1 else row["gt"]
        pairs = [(low, high) for high in range(len(row["alts"]) + 1) for low in range(high + 1)]
        for number, alt in enumerate(row["alts"], 1):
            if called.count(number) and set(alt) <= set("ACGT"):
                quality = 0
                if row["pl"] is not None and len(row["pl"]) == len(pairs):
                    with_, without = (
                        min(pl for pl, pair in zip(row["pl"], pairs, strict=True) if (number in pair) == has)
                        for has in (True, False)
                    )
                    quality = min(9999, max(0, without - with_))
                entry = known.setdefault((row["start"], row["ref"], alt), [by.drop_filtered, 0, []])
                entry[0] &= row["filter"] == "RefCall"
                if min((row["gq"] or 0) // 10, 9) >= min(by.min_GQ // 10, 9):
                    entry[1] += called.count(number)
                entry[2].append(quality)
    return [
        dict(zip(schema.ALLELE_EVIDENCE.names, [*key, filtered, copies, *judged(each, by)], strict=True))
        for key, (filtered, copies, each) in sorted(known.items())
    ]


def judged(qualities, by):
    """What of the qualities matters: the best, unless it passes neither limit, and whether two pass the second."""
    best = max(qualities)
    passing = best if best >= by.min_AQ1 or best >= by.min_AQ2 else 0
    return passing, min(2, sum(each >= by.min_AQ2 for each in qualities))


@settings(max_examples=40)
@given(st.lists(rows(), max_size=12), rules())
def test_evidence_is_what_each_row_shows(of, by):
    assert glnexus.observe(variants(of), by).to_pylist() == slow(of, by)


@settings(max_examples=40)
@given(st.lists(rows(), max_size=14), rules(), st.integers(1, 5))
def test_batches_do_not_matter(of, by, batches):
    parts = [glnexus.observe(variants(of[number::batches]), by) for number in range(batches)]
    assert glnexus.merge(parts[::-1]).equals(glnexus.observe(variants(of), by))


def test_three_alleles_are_refused():
    with pytest.raises(InputError, match="3 alleles"):
        glnexus.observe(
            variants([ROW | {"start": 5, "ref": "A", "alts": ["C"], "gt": [0, 0, 1]}]), glnexus.preset("DeepVariantWGS")
        )
