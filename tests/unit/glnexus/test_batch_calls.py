"""Cells that are called together are those of each sample called alone from all of its records."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from genocloud import glnexus
from tests.support.glnexus_runs import CONTIGS, gvcf_line, joined, stored, written
from tests.support.slow_glnexus import call_all, columns

ALL_FIELDS = tuple(
    replace(each, variants_only=not each.variants_only)
    for name in ("gatk", "weCall")
    for each in glnexus.PRESETS[name].liftover_fields
    if each.name in ("DP", "AD", "SB", "GQ", "PL", "FT") and (name == "gatk" or each.name == "FT")
)
RULES = [
    *(glnexus.preset(name) for name in ("DeepVariantWGS", "gatk", "gatk_unfiltered")),
    replace(
        glnexus.preset("DeepVariant_unfiltered"), top_two_half_calls=True, required_dp=3, liftover_fields=ALL_FIELDS
    ),
    replace(
        glnexus.preset("DeepVariantWES"), allow_partial_data=False, trim_uncalled_alleles=False, min_AQ1=0, min_GQ=0
    ),
]


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
                every = [ref[0], *(base + ref[1:] for base in "ACGT"), ref[0] + "TT", ref + "T"]
                alts = draw(
                    st.lists(st.sampled_from(every).filter(lambda alt, ref=ref: alt != ref), max_size=2, unique=True)
                )
                alts = alts or ["C" if ref != "C" else "A"]
                called = draw(st.lists(st.integers(-1, len(alts)), min_size=1, max_size=2))
                gt = "/".join("." if each < 0 else str(each) for each in called)
                count = (len(alts) + 2) * (len(alts) + 3) // 2 if len(called) == 2 else len(alts) + 2
                pl = draw(st.lists(st.integers(0, 50), min_size=count, max_size=count))
                pl[draw(st.integers(0, count - 1))] = 0
                records.append(
                    f"{place + 1} {ref} {','.join(alts)} {gt} dp={depth} gq={draw(st.integers(0, 99))} "
                    f"ad={','.join(map(str, [depth] * (len(alts) + 1)))},0 sb={depth},1,2,3 min_dp={depth} "
                    f"pl={','.join(map(str, pl))} qual={draw(st.integers(0, 9))} "
                    f"filter={draw(st.sampled_from(['PASS', 'RefCall', 'a;LowQual']))}"
                )
            else:
                gt = draw(st.sampled_from(["0/0", "0/0", "./."]))
                records.append(f"{place + 1}-{place + length} {gt} gq={depth} min_dp={depth} pl=0,{depth},{30 * depth}")
            place += length + draw(st.sampled_from([0, 0, 0, 1]))
        cohort[name] = records
    return cohort


@settings(max_examples=100, deadline=None)
@given(people(), st.sampled_from(RULES))
def test_each_cell_is_its_sample_called_alone(tmp_path_factory, cohort, rules):
    assert all("\t" in gvcf_line(record) for records in cohort.values() for record in records)
    variants, blocks = stored(written(tmp_path_factory.mktemp("gvcf"), cohort), CONTIGS)
    sites = glnexus.unify(glnexus.observe(variants, rules), len(cohort), rules).sites
    alone = call_all(sites, variants, blocks, len(cohort), rules)
    expected = [columns(cells, site.alleles, rules) for site, cells in zip(sites, alone, strict=True)]
    made = [line.split("\t")[9:] for line in joined(variants, blocks, "chr1", len(cohort), rules)]
    assert made == [each for each in expected if each is not None]
