"""Cells that are called together are those of each sample called alone from all of its records."""

from dataclasses import asdict

from hypothesis import given, settings
from hypothesis import strategies as st

from genocloud import glnexus
from genocloud.glnexus.batch_calls import _Records, _SampleBlocks
from genocloud.glnexus.sample_calls import call_sample
from tests.support.glnexus_runs import CONTIGS, gvcf_line, stored, written

RULES = [glnexus.preset(name) for name in ("DeepVariantWGS", "gatk", "gatk_unfiltered")]


@st.composite
def people(draw):
    """Two or three samples with records one behind the other on some twenty bases."""
    reference = "ACGTTACGATCAGGTACCAGTACGATCA"
    cohort = {}
    for name in "abc"[: draw(st.integers(2, 3))]:
        place, records = draw(st.integers(0, 3)), []
        while place < 20:
            length = draw(st.integers(1, 4))
            depth = draw(st.integers(0, 30))
            if draw(st.booleans()):
                ref = reference[place : place + length]
                alt = draw(st.sampled_from([ref[0], "G" if ref[0] != "G" else "T", ref[0] + "TT"]))
                if alt == ref:
                    alt = "C" if ref != "C" else "A"
                gt = draw(st.sampled_from(["0/1", "1/1", "0/0", "./.", "1"]))
                pl = draw(st.lists(st.integers(0, 50), min_size=5, max_size=5).map(lambda v: sorted(v)[2:] + v[:2]))
                pl = ",".join(map(str, [0, *pl] if gt != "1" else [9, 0, 30]))
                records.append(
                    f"{place + 1} {ref} {alt} {gt} dp={depth} gq={draw(st.integers(0, 99))} ad={depth},{depth},0 "
                    f"min_dp={depth} pl={pl} qual={draw(st.integers(0, 9))}"
                )
            else:
                gt = draw(st.sampled_from(["0/0", "0/0", "./."]))
                records.append(f"{place + 1}-{place + length} {gt} gq={depth} min_dp={depth} pl=0,{depth},{30 * depth}")
            place += length + draw(st.sampled_from([0, 0, 0, 1]))
        cohort[name] = records
    return cohort


@settings(max_examples=25, deadline=None)
@given(people(), st.sampled_from(RULES))
def test_each_cell_is_its_sample_called_alone(tmp_path_factory, cohort, rules):
    assert all("\t" in gvcf_line(record) for records in cohort.values() for record in records)
    variants, blocks = stored(written(tmp_path_factory.mktemp("gvcf"), cohort), CONTIGS)
    sites = glnexus.unify(glnexus.observe(variants), len(cohort), rules).sites
    calls = glnexus.call_batch(sites, variants, blocks, len(cohort), rules)
    plain, records = _SampleBlocks.of(blocks), _Records(variants)
    everything = [
        (int(sample), record) for sample, record in zip(plain.sample, plain.records(range(len(blocks))), strict=True)
    ]
    samples = variants.sort_by("start")["sample"].to_pylist()
    everything += [(sample, records[row]) for row, sample in enumerate(samples)]
    for number, site in enumerate(sites):
        for sample in range(len(cohort)):
            mine = [
                record
                for owner, record in sorted(everything, key=lambda pair: pair[1].start)
                if owner == sample
                and (
                    (record.stop > site.start and record.start < site.stop)
                    or any((record.start, record.stop, alt) in site.numbers for alt in record.alts)
                )
            ]
            alone = call_sample(site, mine, rules)
            assert asdict(calls.cells[calls.codes[number, sample]]) == asdict(alone)
