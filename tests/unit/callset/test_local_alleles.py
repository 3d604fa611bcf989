"""Exported files with local alleles: the values of a plain file, those of other ALTs left out; and reference blocks."""

import gzip
import subprocess
from pathlib import Path
from random import Random
from typing import Any

import cyvcf2
import pysam
import pysam.bcftools
import pytest

from genocloud import annotations, callset, schema, storage
from genocloud.callset import FormatFields, UnknownField
from genocloud.callset.formats import OtherVcfVersion
from genocloud.regions import Region
from tests.support import callset_tables as make
from tests.support import genotypes as twin

SAMPLES = ("ann", "bob", "cat")
CONTIG = make.CONTIGS[1]
LOCAL, LOCAL_4_5 = FormatFields(local_alleles=True), FormatFields(local_alleles=True, vcf_version="4.5")
NOTHING = dict.fromkeys(schema.GENOTYPES.names)
REFERENCE = {"GT": "0/0", "AD": None, "DP": 20, "GQ": 30, "PL": [0, 30, 300, 30, 300, 300, 30, 300, 300, 300]}
CARRIER = {
    "GT": "0/2",
    "AD": [10, 0, 12, 0],
    "DP": 22,
    "GQ": 99,
    "PL": [300, 340, 700, 0, 350, 310, 340, 700, 350, 700],
}
NO_DATA = {"GT": "./."}


def write(url: str, sites, genotypes) -> callset.Callset:
    shard = make.Shard("001-00000", Region(1, 0, CONTIG.length))
    store = storage.open_store(url)
    batches = {"b0": SAMPLES}
    entry = callset.write_shard(store, shard, "key", sites, {"b0": genotypes})
    return callset.commit(store, make.description(batches), [entry])


@pytest.fixture(scope="module")
def few(tmp_path_factory) -> callset.Callset:
    """Three sites of three ALTs: what ann, bob and cat have there."""
    cells = [[CARRIER, NO_DATA, REFERENCE], [REFERENCE, CARRIER, REFERENCE], [REFERENCE, CARRIER, REFERENCE]]
    sites = [{"contig": CONTIG.name, "pos": pos, "ref": "A", "alts": ["C", "G", "T"]} for pos in (100, 130, 190)]
    rows = [
        NOTHING | {"contig": CONTIG.name, "pos": site["pos"], "sample": sample} | cell
        for site, line in zip(sites, cells, strict=True)
        for sample, cell in zip(SAMPLES, line, strict=True)
    ]
    folder = tmp_path_factory.mktemp("few")
    return write(
        str(folder / "callset"), make.as_table(sites, annotations.SITES), make.as_table(rows, schema.GENOTYPES)
    )


@pytest.fixture(scope="module")
def wild(tmp_path_factory) -> callset.Callset:
    sites, (genotypes,) = make.tables(Random(7), CONTIG.name, range(5, 4_000, 97), [SAMPLES], 0.2)
    return write(str(tmp_path_factory.mktemp("wild") / "callset"), sites, genotypes)


def lines_of(path: Path) -> list[list[str]]:
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    return [line.split("\t") for line in lines if line[0] != "#"]


def calls_of(path: Path) -> list[dict[str, Any]]:
    """A dictionary for each cell, lists of numbers as lists; missing values are absent."""
    calls = []
    for fields in lines_of(path):
        for text in fields[9:]:
            values = dict(zip(fields[8].split(":"), text.split(":"), strict=False))
            lists = {
                key: [None if number == "." else int(number) for number in value.split(",")]
                for key, value in values.items()
                if key in ("AD", "PL", "LAA", "LAD", "LPL") and value != "."
            }
            others = {key: value for key, value in values.items() if key not in lists and value != "."}
            calls.append({"alts": fields[4].count(",") + 1} | others | lists)
    return calls


def test_the_values_are_of_ref_and_the_samples_own_alts(few, tmp_path):
    callset.write_vcf(few, str(tmp_path / "calls.vcf.gz"), fields=LOCAL)
    assert [fields[8:] for fields in lines_of(tmp_path / "calls.vcf.gz")] == [
        ["GT:LAA:DP:GQ:LAD:LPL", "0/2:2:22:99:10,12:300,0,310", "./.", "0/0:.:20:30:.:0"],
        ["GT:LAA:DP:GQ:LAD:LPL", "0/0:.:20:30:.:0", "0/2:2:22:99:10,12:300,0,310", "0/0:.:20:30:.:0"],
        ["GT:LAA:DP:GQ:LAD:LPL", "0/0:.:20:30:.:0", "0/2:2:22:99:10,12:300,0,310", "0/0:.:20:30:.:0"],
    ]


def test_reference_blocks_stand_at_their_first_site(few, tmp_path):
    out = tmp_path / "calls.svcr.vcf.gz"
    callset.write_vcf(few, str(out))
    assert [fields[8:] for fields in lines_of(out)] == [
        ["GT:LAA:DP:GQ:LAD:LEN:LPL", "0/2:2:22:99:10,12:.:300,0,310", ".", "0/0:.:20:30:.:91"],
        ["GT:LAA:DP:GQ:LAD:LEN:LPL", "0/0:.:20:30:.:61", "0/2:2:22:99:10,12:.:300,0,310", "."],
        ["GT:LAA:DP:GQ:LAD:LPL", ".", "0/2:2:22:99:10,12:300,0,310", "."],
    ]
    header = gzip.decompress(out.read_bytes()).decode().splitlines()
    assert header[0] == "##fileformat=VCFv4.2"
    assert "##ref_block_max_length=91" in header
    assert any(line.startswith('##SVCR="') for line in header)
    assert any(line.startswith("##FORMAT=<ID=LEN,Number=1,Type=Integer") for line in header)
    callset.write_vcf(few, str(out), regions=[Region(1, 110, 200)])
    assert [fields[-1] for fields in lines_of(out)] == ["0/0:.:20:30:.:61", "."]
    callset.write_vcf(few, str(out), fields=FormatFields(keys=("DP",)))
    assert lines_of(out)[0][8:] == ["GT:LAA:DP:LEN", "0/2:2:22", ".", "0/0:.:20:91"]


def test_local_values_are_the_plain_ones_of_the_same_alleles(wild, tmp_path):
    """The expansion that a reader makes: the plain file's value of each allele in LAA, or of REF."""
    plain, local = tmp_path / "plain.vcf.gz", tmp_path / "local.vcf.gz"
    callset.write_vcf(wild, str(plain))
    callset.write_vcf(wild, str(local), fields=LOCAL)
    covering = 0
    for whole, part in zip(calls_of(plain), calls_of(local), strict=True):
        own = [0, *part.get("LAA", [])]
        ploidy = len(whole.get("GT", ".").replace("|", "/").split("/"))
        if "AD" in whole:
            assert part["LAD"] == [whole["AD"][allele] for allele in own]
        if "PL" in whole and len(whole["PL"]) == len(twin.genotypes(whole["alts"] + 1, ploidy)):
            covering += len(own) == whole["alts"] + 1
            projected = twin.project(whole["PL"], own, ploidy)
            assert part.get("LPL") == (None if set(projected) == {None} else projected)
        same = {*whole} - {"AD", "PL"}
        assert {key: whole[key] for key in same} == {key: part[key] for key in same}
        assert {*part} - same <= {"LAA", "LAD", "LPL"}
    assert covering


@pytest.mark.parametrize(("fields", "numbers"), [(LOCAL, (".", ".", ".")), (LOCAL_4_5, (".", "LR", "LG"))])
def test_headers_of_both_versions_are_read_by_htslib(wild, tmp_path, fields, numbers):
    names = [tmp_path / "calls.vcf.gz", *([tmp_path / "calls.bcf"] if fields == LOCAL else [])]
    contents = []
    for name in names:
        callset.write_vcf(wild, str(name), fields=fields)
        with pysam.VariantFile(str(name)) as file:
            contents.append([str(record) for record in file])
            assert [line for line in str(file.header).splitlines() if "=VCFv" in line] == [
                f"##fileformat=VCFv{fields.vcf_version}"
            ]
        read = pysam.bcftools.query("-f", "[%GT %LAA %LAD %LPL\n]", str(name))
        assert len(read.splitlines()) == len(calls_of(names[0]))
        assert sum(len(record.format("LPL")) for record in cyvcf2.VCF(str(name)) if "LPL" in record.FORMAT)
    assert contents[0] == contents[-1]
    header = gzip.decompress(names[0].read_bytes()).decode()
    for key, number in zip(("LAA", "LAD", "LPL"), numbers, strict=True):
        assert f"##FORMAT=<ID={key},Number={number},Type=Integer," in header
    assert "ID=AD," not in header


def test_fields_are_chosen_among_the_local_ones(wild, tmp_path):
    out = tmp_path / "calls.vcf.gz"
    callset.write_vcf(wild, str(out), fields=FormatFields(keys=("LAD",), local_alleles=True))
    assert {fields[8] for fields in lines_of(out)} <= {"GT", "GT:LAA", "GT:LAA:LAD"}
    callset.write_vcf(wild, str(out), fields=FormatFields(keys=("DP",), local_alleles=True))
    assert {fields[8] for fields in lines_of(out)} <= {"GT", "GT:DP"}
    with pytest.raises(UnknownField, match=r"LAD, LPL, .*; did you mean LAD\?"):
        FormatFields(keys=("AD",), local_alleles=True)
    with pytest.raises(UnknownField, match="no FORMAT field LAD"):
        FormatFields(keys=("LAD",))


@pytest.mark.parametrize("suffix", [".svcr.vcf.gz", ".bcf"])
def test_only_text_is_vcf_4_5(suffix):
    """BCF of 4.4 and later has another first phase bit, and SVCR is no 4.5."""
    with pytest.raises(OtherVcfVersion, match=r"are of VCF 4\.2, not 4\.5; leave out --vcf-version") as caught:
        callset.check_export_url(f"memory://out/a{suffix}", LOCAL_4_5)
    assert (caught.value.suffix, caught.value.versions) == (suffix, ("4.2",))


@pytest.mark.slow
def test_hail_reads_the_cells_of_the_plain_file(few, tmp_path):
    """In an environment of its own, which `make formats` installs."""
    python = Path(__file__).resolve().parents[3] / ".venv-hail/bin/python"
    if not python.exists():
        pytest.skip("needs .venv-hail with the package hail")
    svcr, plain = tmp_path / "calls.svcr.vcf.gz", tmp_path / "plain.vcf.gz"
    callset.write_vcf(few, str(svcr))
    callset.write_vcf(few, str(plain))
    done = subprocess.run([python, "-c", HAIL, svcr, plain, tmp_path], check=True, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "8 True 91"


HAIL = """
import sys
import hail as hl

svcr, plain, folder = sys.argv[1:]
hl.init(quiet=True, log=f"{folder}/hail.log", tmp_dir=folder, master="local[1]")
lengths = {"chr1": 600_000_000, "chr2": 50_000, "HLA-A*01:01": 4_000}
contigs = hl.ReferenceGenome("small", list(lengths), lengths)

def cells(table):
    entries = table.select_entries("GT", "DP", "GQ").entries()
    return [(e.locus.position, e.s, str(e.GT), e.DP, e.GQ) for e in entries.collect() if e.GT is not None]

vds = hl.vds.import_vcf(svcr, force_bgz=True, reference_genome=contigs)
vds.validate()
dense = cells(hl.vds.to_dense_mt(vds))
whole = cells(hl.import_vcf(plain, force_bgz=True, reference_genome=contigs, call_fields=["PGT"]))
print(len(whole), dense == whole, hl.eval(vds.reference_data.ref_block_max_length))
"""
