"""Puzzles of joint genotyping (tests/cases/joint/*.yml), observed with GATK 4.6.2.0, through the whole path."""

import pytest
import yaml

from genocloud.regions import Contig, Region
from tests.support.gvcf_reader import read
from tests.support.joint_path import cut, joint
from tests.support.puzzles import CASES, vcf_line
from tests.support.vcf_text import genotype_fields, java_fixed
from tests.support.vcf_text import site_text as line_fields

CONTIGS = (Contig("chr1", 1000),)


def samples_of(case, folder):
    rows = {}
    for sample, records in case["gvcf"].items():
        columns = f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{sample}"
        text = "\n".join(["##fileformat=VCFv4.2", columns, *map(vcf_line, records)]) + "\n"
        (folder / f"{sample}.g.vcf").write_text(text)
        rows[sample] = read(folder / f"{sample}.g.vcf", CONTIGS)
    return rows


def site_text(row):
    qual = java_fixed(row["qual"], 2).removesuffix(".00")
    return f"{row['pos']} {row['ref']} {','.join(row['alts'])} {qual}"


def without_qual(text):
    return text.rsplit(" ", 1)[0]


def in_one_batch(samples):
    return [list(range(samples))]


def in_a_batch_each(samples):
    return [[rank] for rank in reversed(range(samples))]


@pytest.mark.parametrize("cuts", [(), tuple(range(1000))], ids=["one shard", "a shard a base"])
@pytest.mark.parametrize("batches", [in_one_batch, in_a_batch_each])
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_puzzle(path, batches, cuts, tmp_path):
    case = yaml.safe_load(path.read_text())
    rows = samples_of(case, tmp_path)
    starts = {start for variants, _ in rows.values() for start in variants["start"].to_pylist()}
    shards = cut(Region(0, case.get("region", 1) - 1, 1000), [place for place in cuts if place in starts])
    sites, genotypes, dropped = joint(rows, CONTIGS, shards, batches(len(rows)))

    texts = [site_text(row) for row in sites.to_pylist()]
    expected = [call["site"] for call in case["calls"]]
    assert [without_qual(text) for text in texts] == [without_qual(text) for text in expected]
    assert [t for t, e in zip(texts, expected, strict=True) if not e.endswith("?")] == [
        e for e in expected if not e.endswith("?")
    ]
    if "dropped" in case:
        assert dropped == case["dropped"]
    cells = genotypes.to_pylist()
    for site, call in zip(sites.to_pylist(), case["calls"], strict=True):
        info = dict(word.partition("=")[::2] for word in line_fields(site)[7].split(";"))
        wanted = dict(word.split("=") for word in call.get("info", "").split(";") if word)
        assert {name: info.get(name) for name in wanted} == wanted
        assert [name for name in call.get("absent", []) if name in info] == []
        names = call.get("format", "").split(":")
        for cell in cells:
            if cell["pos"] == site["pos"] and cell["sample"] in call:
                fields = genotype_fields(cell)
                texts = [fields[name] or "." for name in names]
                assert ":".join(texts) == call[cell["sample"]], (site["pos"], cell["sample"])
