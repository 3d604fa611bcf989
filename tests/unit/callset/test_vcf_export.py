"""The exported VCF: what pysam and cyvcf2 make of it, its index, and that it appears whole or not at all."""

import gzip
import json
import os
from dataclasses import asdict, replace
from pathlib import Path
from random import Random
from typing import Any

import cyvcf2
import numpy as np
import pyarrow as pa
import pysam
import pytest

from genocloud import annotations, callset, schema, storage
from genocloud.callset import bgzf, vcf_header, vcf_index, vcf_text
from genocloud.cli.command_list import parser
from genocloud.genotypes import Model
from genocloud.regions import Contig, Region
from tests.support import callset_tables as make
from tests.support import vcf_text as twin

SHARED = Path(os.environ.get("GENOCLOUD_SHARED", Path(__file__).resolve().parents[4] / "shared"))
GATK = SHARED / "data/1kg_chr22/expected.gatk-4.6.2.0.vcf.gz"
BATCHES = {"b0": ("ann", "cat"), "b1": ("bob",)}


SHORT = (Contig("chr1", 2**29), *make.CONTIGS[1:])
"""Contigs that tabix can index; the first one of make.CONTIGS is longer."""


def build(
    url: str, positions: dict[int, list[int]] | None = None, contigs: tuple[Contig, ...] = SHORT
) -> callset.Callset:
    """A random callset with sites at some positions of some contigs."""
    if positions is None:
        positions = {1: list(range(3, 40_000, 700))}
    store = storage.open_store(url)
    entries = []
    for contig, chosen in positions.items():
        sites, genotypes = make.tables(Random(contig), contigs[contig].name, chosen, list(BATCHES.values()), 0.2)
        region = Region(contig, 0, contigs[contig].length)
        shard = make.Shard(f"{contig:03d}-00000", region)
        entries.append(callset.write_shard(store, shard, "key", sites, dict(zip(BATCHES, genotypes, strict=True))))
    return callset.commit(store, make.description(BATCHES, contigs), entries)


def test_pysam_reads_back_the_tables(tmp_path: Path) -> None:
    built = build(str(tmp_path / "callset"))
    callset.write_vcf(built, str(tmp_path / "calls.vcf.gz"))
    genotypes = {(row["pos"], row["sample"]): row for row in built.genotypes().to_pylist()}
    with pysam.VariantFile(str(tmp_path / "calls.vcf.gz")) as file:
        assert tuple(file.header.samples) == built.samples
        records = list(file)
    for record, site in zip(records, built.sites().to_pylist(), strict=True):
        assert (record.contig, record.pos, record.ref, list(record.alts)) == (
            site["contig"], site["pos"], site["ref"], site["alts"],
        )  # fmt: skip
        assert record.info.get("DP") == site["DP"]
        for sample, call in record.samples.items():
            check_call(call, genotypes[record.pos, sample])


def check_call(call: Any, row: dict[str, Any]) -> None:
    alleles = row["GT"].replace("|", "/").split("/")
    assert call["GT"] == tuple(None if allele == "." else int(allele) for allele in alleles)
    for key in ("DP", "PGT", "PID", "PS"):
        assert call.get(key) in (row[key], "." if row[key] is None else row[key])
    assert call.get("GQ") == (None if row["GQ"] is None else min(row["GQ"], 99))
    assert row["AD"] is None or list(call["AD"]) == row["AD"]


def test_cyvcf2_reads_the_same_genotypes_as_numpy(tmp_path: Path) -> None:
    built = build(str(tmp_path / "callset"))
    callset.write_vcf(built, str(tmp_path / "calls.vcf.gz"))
    arrays = built.to_numpy()
    for site, record in enumerate(cyvcf2.VCF(str(tmp_path / "calls.vcf.gz"))):
        called = record.genotype.array()[:, :-1]
        assert np.array_equal(called, arrays["call_genotype"][site][:, : called.shape[1]])
        depths = record.format("DP")
        if depths is not None:
            assert np.array_equal(np.where(depths[:, 0] < 0, -1, depths[:, 0]), arrays["call_DP"][site])


def test_index_finds_just_the_records_of_a_region(tmp_path: Path) -> None:
    positions = sorted({*range(10, 40_000, 997), 16_384, 16_385, 32_768})
    built = build(str(tmp_path / "callset"), {0: [5, 2**29 - 7], 1: positions, 2: [5, 4000]})
    callset.write_vcf(built, str(tmp_path / "calls.vcf.gz"))
    check_index(built, tmp_path / "calls.vcf.gz", ".tbi")


def test_contig_of_600_megabases_gets_a_csi_index(tmp_path: Path) -> None:
    positions = [1, 16_384, 2**29 - 1, 2**29, 2**29 + 1, 599_999_999]
    built = build(str(tmp_path / "callset"), {0: positions, 2: [7]}, make.CONTIGS)
    callset.write_vcf(built, str(tmp_path / "calls.vcf.gz"))
    check_index(built, tmp_path / "calls.vcf.gz", ".csi")


def check_index(built: callset.Callset, path: Path, suffix: str) -> None:
    assert sorted(each.name for each in path.parent.iterdir()) == [path.name, f"{path.name}{suffix}", "callset"]
    sites = built.sites().to_pylist()
    random = Random(1)
    with pysam.TabixFile(str(path), index=f"{path}{suffix}") as file:
        assert file.contigs == list(dict.fromkeys(site["contig"] for site in sites))
        for _ in range(300):
            contig = random.choice(file.contigs)
            near = random.choice([site["pos"] for site in sites if site["contig"] == contig])
            start = max(near + random.randrange(-2000, 2000), 0)
            end = start + random.choice((1, 50, 20_000))
            places = [int(line.split("\t")[1]) for line in file.fetch(contig, start, end)]
            assert places == [
                site["pos"]
                for site in sites
                if site["contig"] == contig and site["pos"] - 1 < end and start < site["pos"] - 1 + len(site["ref"])
            ]


def test_index_across_blocks_and_long_records_agrees_with_htslib(tmp_path: Path) -> None:
    """Long deletions sit in high bins, and lines of many blocks begin anywhere in a block."""
    random = Random(3)
    begin = np.sort(np.array([random.randrange(200_000) for _ in range(3000)], np.int64))
    spans = [random.choice((1, 1, 1, 30, 20_000)) for _ in begin]
    data = [f"chr1\t{at + 1}\t.\t{'A' * span}\tC\t.\t.\t.\n".encode() for at, span in zip(begin, spans, strict=True)]
    contigs = (Contig("chr1", 250_000),)
    head = bgzf.compress(b"##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n").data
    made, file = vcf_index.VcfIndex(contigs), head
    depth = vcf_index.index_depth(contigs)
    for part in (slice(0, 1700), slice(1700, None)):
        blocks = bgzf.compress(b"".join(data[part]))
        starts = np.cumsum([0, *map(len, data[part])])
        piece = vcf_index.ContigIndex(depth)
        piece.add(begin[part], begin[part] + spans[part], bgzf.virtual(blocks, starts))
        made.follow("chr1", vcf_index.ContigIndex.from_json(json.loads(json.dumps(piece.as_json()))), len(file))
        file += blocks.data
    ours, theirs = tmp_path / "ours.vcf.gz", tmp_path / "theirs.vcf.gz"
    for path in (ours, theirs):
        path.write_bytes(file + bgzf.END)
    Path(f"{ours}.tbi").write_bytes(made.encode())
    pysam.tabix_index(str(theirs), preset="vcf")
    with pysam.TabixFile(str(ours)) as one, pysam.TabixFile(str(theirs)) as other:
        for start in range(0, 220_000, 1009):
            assert list(one.fetch("chr1", start, start + 700)) == list(other.fetch("chr1", start, start + 700))


def test_empty_callset_is_a_valid_vcf(tmp_path: Path) -> None:
    built = build(str(tmp_path / "callset"), {})
    assert callset.write_vcf(built, str(tmp_path / "calls.vcf.gz")) == callset.Counts()
    with pysam.VariantFile(str(tmp_path / "calls.vcf.gz")) as file:
        assert list(file) == []
    with pysam.TabixFile(str(tmp_path / "calls.vcf.gz")) as indexed:
        assert indexed.contigs == []


def test_export_that_lost_sites_fails() -> None:
    """Parquet files of fewer sites than the manifest says."""
    built = build("memory://short", {1: [5, 6]})
    (shard,) = built.shards
    more = replace(built, shards=(replace(shard, sites=replace(shard.sites, rows=3)),))
    with pytest.raises(callset.ShortCallset) as caught:
        callset.write_vcf(more, "memory://short-out/calls.vcf.gz")
    assert (caught.value.manifest_sites, caught.value.file_sites) == (3, 2)
    assert storage.open_store("memory://short-out").list() == []


def test_name_must_be_that_of_a_format() -> None:
    with pytest.raises(callset.UnknownFormat) as caught:
        callset.write_vcf(build("memory://named"), "memory://out/calls.vcf.bz2")
    assert caught.value.url == "memory://out/calls.vcf.bz2"
    with pytest.raises(callset.UnknownFormat):
        callset.check_export_url("memory://out/calls.vcf.bz2")


@pytest.mark.parametrize("folder", ["calls.vcf.gz", "calls.vcf.gz.tbi", "calls.vcf.gz.csi"])
def test_a_folder_of_the_vcfs_name_is_reported_before_the_work(tmp_path: Path, folder: str) -> None:
    url = str(tmp_path / "out/calls.vcf.gz")
    callset.check_export_url(url)
    assert not (tmp_path / "out").exists()
    (tmp_path / "out" / folder).mkdir(parents=True)
    for ask in (callset.check_export_url, lambda url: callset.write_vcf(build("memory://folder"), url)):
        with pytest.raises(storage.StoreFailed) as caught:
            ask(url)
        assert (caught.value.url, caught.value.problem) == (str(tmp_path / "out" / folder), "is a folder, not a file")


def test_a_vcf_may_be_written_anew() -> None:
    callset.write_vcf(build("memory://anew"), "memory://anew-out/calls.vcf.gz")
    callset.check_export_url("memory://anew-out/calls.vcf.gz")


def test_the_header_says_source_version_command_reference_and_assembly() -> None:
    human = (Contig("chr20", 64444167), Contig("chrUn", 7))
    described = replace(
        make.description(BATCHES, human),
        model={"name": "gatk", **asdict(Model(stand_call_conf=10, annotate_with_num_discovered_alleles=True))},
        source={"cohort": "c1", "reference": {"contigs": "sha256:d0"}},
    )
    text = vcf_header.header_text(described)
    assert "##contig=<ID=chr20,length=64444167,assembly=GRCh38>\n##contig=<ID=chrUn,length=7,assembly=GRCh38>\n" in text
    command = (
        "genocloud genotype COHORT CALLSET --annotate-with-num-discovered-alleles "
        "--annotation-group StandardAnnotation --heterozygosity 0.001 --heterozygosity-stdev 0.01 "
        "--indel-heterozygosity 0.000125 --max-alternate-alleles 6 --stand-call-conf 10"
    )
    assert f'##genocloudCommand=<ID=genotype,CommandLine="{command}">\n##genocloudVersion=0.1.0\n' in text
    assert "##reference=sha256:d0\n##source=genocloud 0.1.0\n" in text
    words = command.split()[1:]
    assert parser().parse_args(words).stand_call_conf == 10  # it is a command
    other = replace(described, contigs=(Contig("chr20", 64444167), Contig("chr21", 5)))
    assert "assembly=" not in vcf_header.header_text(other)


def test_header_is_made_from_the_schema(tmp_path: Path) -> None:
    text = vcf_header.header_text(make.description(BATCHES))
    assert text.startswith("##fileformat=VCFv4.2\n")
    assert text.endswith(
        "##source=genocloud 0.1.0\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tann\tbob\tcat\n"
    )
    assert "##contig=<ID=HLA-A*01:01,length=4000>\n" in text
    (tmp_path / "header.vcf").write_text(text)
    with pysam.VariantFile(str(tmp_path / "header.vcf")) as file:
        declared = {*file.header.info.keys()}
        assert {"GT", "AD", "PL"} <= {*file.header.formats.keys()}
    keys = [column.vcf.removeprefix("INFO/") for column in annotations.SITE_COLUMNS if column.vcf.startswith("INFO/")]
    assert declared == {*keys}
    assert text.count("##INFO=<ID=MQ,") == 1


@pytest.mark.parametrize(
    ("options", "declared"),
    [
        ({}, set()),
        ({"annotation_groups": ["StandardAnnotation"], "dbsnp": None}, set()),
        ({"annotation_groups": ["StandardAnnotation", "AS_StandardAnnotation"]}, {"AS_QD"}),
        ({"annotate_with_num_discovered_alleles": True, "dbsnp": "known.vcf"}, {"NDA", "DB"}),
        ({"force_output_intervals": True}, {"RGQ"}),
    ],
)
def test_optional_fields_are_declared_only_where_requested(options: dict[str, Any], declared: set[str]) -> None:
    description = replace(make.description(BATCHES), model={"name": "gatk", **options})
    for text in (vcf_header.header_text(description), vcf_header.header_text(description, numbered=True)):
        declared_ids = {key for key in ("AS_QD", "NDA", "DB", "RGQ") if f"=<ID={key}," in text}
        assert declared_ids == declared


@pytest.mark.skipif(not GATK.exists(), reason="needs the shared folder's data/1kg_chr22")
def test_lines_of_the_real_gatk_come_out_as_they_went_in(tmp_path: Path) -> None:
    """FORMAT columns byte for byte; INFO and QUAL too, as their decimals are those of numbers that print themselves."""
    with gzip.open(GATK, "rt") as file:
        original = [line.rstrip("\n").split("\t") for line in file if not line.startswith("##")]
    samples, records = original[0][9:], original[1:]
    sites = make.as_table([gatk_site(record) for record in records], annotations.SITES)
    rows = [gatk_call(record, place, sample) for record in records for place, sample in enumerate(samples)]
    genotypes = make.as_table(rows, schema.GENOTYPES)
    cells = np.arange(len(rows), dtype=np.int32).reshape(-1, len(samples))
    made = vcf_text.lines_of(vcf_text.site_texts(sites), vcf_text.texts_of([genotypes]), cells)
    assert [line.split("\t") for line in made.data.tobytes().decode().splitlines()] == records
    assert twin.lines(sites, [genotypes], samples) == made.data.tobytes().decode()


def gatk_site(record: list[str]) -> dict[str, Any]:
    info = dict(item.split("=") for item in record[7].split(";"))
    row: dict[str, Any] = {"contig": record[0], "pos": int(record[1]), "ref": record[3], "alts": record[4].split(",")}
    row["qual"] = float(record[5])
    for column in annotations.SITE_COLUMNS:
        if column.vcf.removeprefix("INFO/") in info:  # of two columns of one key the first
            values = [parse(value, column) for value in info.pop(column.vcf.removeprefix("INFO/")).split(",")]
            row[column.name] = values if pa.types.is_list(column.type) else values[0]
    return row


def parse(text: str, column: schema.Column) -> float | int:
    return float(text) if column.kind == "Float" else int(text)


def gatk_call(record: list[str], place: int, sample: str) -> dict[str, Any]:
    fields = dict(zip(record[8].split(":"), record[9 + place].split(":"), strict=False))
    row: dict[str, Any] = {"contig": record[0], "pos": int(record[1]), "sample": sample}
    for column in schema.GENOTYPE_COLUMNS:
        text = fields.get(column.vcf.removeprefix("FORMAT/"), ".")
        if column.name == "GT" or (text != "." and column.kind == "String"):
            row[column.name] = text
        elif column.vcf.startswith("FORMAT/") and text != ".":
            numbers = [int(number) for number in text.split(",")]
            row[column.name] = numbers if pa.types.is_list(column.type) else numbers[0]
    return row
