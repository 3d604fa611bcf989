"""Decisions of the model that the puzzles do not reach: limits, settings, samples not in force, what is printed."""

import numpy as np
import pyarrow as pa
import pytest

from genocloud import genotypes, schema, sites
from genocloud.genotypes.annotation import trim
from genocloud.regions import Contig, Region
from tests.support import gvcf_reader
from tests.support.called_genotypes import genotype_table
from tests.support.joint_path import batch_of, joint

CONTIGS = (Contig("chr1", 1000),)
WHOLE = Region(0, 0, 1000)


def sample(*lines):
    """Rows of records `POS REF ALT INFO FORMAT VALUES`."""
    records = []
    for words in (line.split() for line in lines):
        fields = ["chr1", words[0], ".", words[1], words[2], ".", ".", *words[3:]]
        records.append(gvcf_reader.record(fields, {"chr1": 0}, 9))
    rows = gvcf_reader.covering_rows(records)
    blocks = [gvcf_reader.block_row(row) for row in rows if gvcf_reader.is_block(row)]
    plain = [row for row in rows if not gvcf_reader.is_block(row)]
    return gvcf_reader.to_table(plain, schema.VARIANTS), gvcf_reader.to_table(blocks, schema.BLOCKS)


HET = "GT:AD:DP:GQ:PL 0/1:10,10,0:20:99:200,0,210,230,240,470"


def called(rows, model=None):
    return joint(rows, CONTIGS, [WHOLE], [list(range(len(rows)))], model)


def crowd(alts):
    """Samples with three ALTs each, together `alts` different insertions after one base."""
    names = ["A" + "".join("ACGT"[(n >> shift) & 3] for shift in (0, 2, 4, 6)) for n in range(alts)]
    pl = ",".join("0" if n == 1 else "300" for n in range(15))
    return {
        f"s{n:02}": sample(f"100 A {','.join((names + names)[n : n + 3])},<NON_REF> DP=20 GT:DP:GQ:PL 0/1:20:99:{pl}")
        for n in range(0, alts, 3)
    }


@pytest.mark.parametrize("alts", [42, 43, 60, 200])
def test_however_many_alternates_are_genotyped_and_six_kept(alts):
    table, _, dropped = called(crowd(alts))
    assert [(len(row["alts"]), row["seen"], row["genotyped"]) for row in table.to_pylist()] == [(6, alts, 6)]
    assert not dropped


@pytest.mark.parametrize(("alts", "beyond"), [(42, False), (43, True), (60, True)])
def test_sites_that_gatk_would_skip_for_their_alleles_are_marked(alts, beyond):
    tables = [batch_of(list(crowd(alts).values()))]
    ranks = np.arange(len(crowd(alts)), dtype=np.int32)
    table, spans = sites.observe(tables[0][0], ranks, WHOLE)
    alleles = sites.unify([table], [spans])
    estimates = genotypes.estimate(
        [genotypes.summarise(genotypes.align_rows(*tables[0], ranks, alleles), alleles)], alleles, genotypes.Model()
    )
    assert estimates["beyond"].to_pylist() == [beyond]


def test_max_alternate_alleles_is_obeyed():
    table, _, _ = called(crowd(9), genotypes.Model(max_alternate_alleles=2))
    assert [len(row["alts"]) for row in table.to_pylist()] == [2]


def test_a_lower_threshold_emits_a_weak_site():
    rows = {"s1": sample("100 A C,<*> DP=20 GT:AD:DP:GQ:PL 0/1:10,10,0:20:34:34,0,210,230,240,470")}
    assert len(called(rows)[0]) == 0
    assert called(rows, genotypes.Model(stand_call_conf=20.0))[0]["qual"].to_pylist() == [pytest.approx(26.6, abs=0.1)]


def test_a_caller_without_a_symbolic_allele_is_genotyped_where_it_names_every_allele():
    rows = {
        "s1": sample("100 A C DP=20 GT:AD:DP:GQ:PL 0/1:10,10:20:99:200,0,210"),
        "s2": sample("100 A C,<*> DP=20 " + HET),
    }
    assert called(rows)[1]["PL"].to_pylist() == [[200, 0, 210], [200, 0, 210]]


def test_a_carrier_that_cannot_weigh_another_samples_allele_drops_the_site():
    rows = {
        "s1": sample("100 A C DP=20 GT:AD:DP:GQ:PL 0/1:10,10:20:99:200,0,210"),
        "s2": sample("100 A G,<*> DP=20 " + HET),
    }
    table, _, dropped = called(rows)
    assert len(table) == 0
    assert dropped == {"a carrier has no likelihoods": 1}


def test_a_site_without_depth_is_dropped():
    rows = {"s1": sample("100 A C,<*> . GT:AD:DP:GQ:PL 0/1:0,0,0:0:99:200,0,210,230,240,470")}
    assert called(rows)[2] == {"no depth": 1}


def test_records_ids_go_where_a_site_is_genotyped():
    """As GATK 4.6.2.0 loses them (GenotypingEngine.calculateGenotypes starts from nothing)."""
    rows = {"s1": sample("100 A C,<*> DP=20 " + HET), "s2": sample("100 A C,<*> DP=20 " + HET)}
    for name, word in (("s1", "rs7"), ("s2", "rs5;rs7")):
        variants = rows[name][0]
        place = variants.schema.get_field_index("id")
        rows[name] = (variants.set_column(place, variants.schema.field("id"), pa.array([word])), rows[name][1])
    assert called(rows)[0]["id"].to_pylist() == [None]


def test_samples_not_in_force_are_left_out_and_missing_ploidy_is_obeyed():
    rows = [sample("100 A C,<*> DP=20 " + HET), sample("100 A C,<*> DP=20 " + HET), sample()]
    variants, blocks = batch_of(rows)
    ranks = np.array([0, -1, 1], np.int32)
    table, spans = sites.observe(variants, ranks, WHOLE)
    alleles = sites.unify([table], [spans])
    lines = genotypes.align_rows(variants, blocks, ranks, alleles)
    summary = genotypes.summarise(lines, alleles)
    assert summary.totals[:, 1].tolist() == [1]
    assert summary.site_keys.counts.tolist() == [1]
    estimates = genotypes.estimate([summary], alleles, genotypes.Model())
    settled = next(genotypes.settle([estimates], genotypes.Model()))
    one, shares = genotypes.call(
        lines,
        ["ann", "bob", "cat"],
        genotypes.emitted(settled),
        CONTIGS,
        genotypes.DefaultPloidies.everywhere(np.array([2, 2, 1], np.int8)),
        model=genotypes.Model(),
    )
    cells = genotype_table(one)
    assert cells["sample"].to_pylist() == ["ann", "cat"]
    assert cells["GT"].to_pylist() == ["0/1", "."]
    assert shares.samples == 2
    cells.validate(full=True)


def test_no_sites_give_empty_tables():
    table, cells, dropped = called({"s1": sample("100 A <*> END=200 GT:DP:GQ:PL 0/0:20:60:0,57,600")})
    assert (len(table), len(cells), len(dropped)) == (0, 0, 0)


@pytest.mark.parametrize(
    ("alleles", "expected"),
    [
        (["ACGTAC", "ACGTC"], ["ACGTA", "ACGT"]),
        (["ACC", "CCC", "ACCC"], ["A", "C", "AC"]),
        (["ACGTAC", "ACG", "A"], ["ACGTAC", "ACG", "A"]),
        (["CG", "*", "TG"], ["C", "*", "T"]),
        (["A", "*", "T"], ["A", "*", "T"]),
        (["AAA", "AA"], ["AA", "A"]),
    ],
)
def test_common_suffixes_are_cut(alleles, expected):
    assert trim(alleles) == expected


OLD_MQ = genotypes.Model(allow_old_rms_mapping_quality_annotation_data=True)


@pytest.mark.parametrize(
    ("raw", "model", "mq"),
    [
        ("RAW_MQ=72000.00", genotypes.Model(), None),
        ("RAW_MQ=72000.00", OLD_MQ, 60.0),
        ("RAW_MQ=12345678.00", OLD_MQ, (12345700 / 20) ** 0.5),
        ("RAW_MQ=72000.00;MQ_DP=25", OLD_MQ, (72000 / 25) ** 0.5),
        ("RAW_MQandDP=36000,10", genotypes.Model(), 60.0),
        ("RAW_MQ=72000.00;RAW_MQandDP=36000,10", OLD_MQ, 60.0),
    ],
)
def test_a_sum_of_squared_mapping_qualities_without_its_count_is_used_when_enabled(raw, model, mq):
    """As GATK does it: the reads are those of INFO/DP, less those of hom-refs (run: 4.6.2.0)."""
    rows = {
        "s1": sample(f"100 A C,<NON_REF> DP=20;{raw} " + HET),
        "s2": sample("100 A <NON_REF> END=110 GT:DP:GQ:MIN_DP:PL 0/0:30:90:28:0,84,900"),
        "s3": sample("100 A C,<NON_REF> DP=13 GT:AD:DP:GQ:PL 0/0:13,0,0:13:20:0,20,200,20,200,200"),
    }
    assert called(rows, model)[0]["MQ"].to_pylist() == [mq]


def test_the_number_of_discovered_alleles_is_written_when_enabled():
    model = genotypes.Model(max_alternate_alleles=2, annotate_with_num_discovered_alleles=True)
    assert called(crowd(9), model)[0]["NDA"].to_pylist() == [9]
    assert called(crowd(9))[0]["NDA"].to_pylist() == [None]


def test_reads_of_mapping_quality_0_are_passed_on_as_their_median():
    rows = {f"s{n}": sample(f"100 A C,<NON_REF> DP=20;MQ0={n} " + HET) for n in (3, 7)}
    rows["s9"] = sample("100 A C,<NON_REF> DP=20 " + HET)
    assert called(rows)[0]["MQ0"].to_pylist() == [7]
