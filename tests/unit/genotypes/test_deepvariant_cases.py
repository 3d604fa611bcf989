"""The rules of the model deepvariant, a case each: GLnexus's known faults, by their numbers in docs/models.md."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from genocloud.genotypes import Model, SampleCopies
from genocloud.reads.ploidy import SexContigs, copies
from genocloud.regions import Contig, Region
from tests.support.glnexus_runs import written
from tests.support.gvcf_reader import read
from tests.support.joint_path import joint
from tests.support.vcf_text import genotype_fields, java_fixed
from tests.support.vcf_text import site_text as line_fields

CASES = sorted((Path(__file__).resolve().parents[2] / "cases" / "deepvariant").glob("*.yml"))
LENGTHS = {"chr1": 100_000, "chrX": 156_040_895, "chrY": 57_227_415, "chrM": 16_569}
MODEL = Model(name="deepvariant")
KEYS = ("GT", "AD", "DP", "GQ", "PL")


def site_of(row):
    qual = java_fixed(row["qual"], 2).removesuffix(".00")
    return " ".join(filter(None, [str(row["pos"]), row["ref"], ",".join(row["alts"]), qual, row["filter"]]))


def copies_of(contig, sexes):
    """The copies of people of some sexes; X has its pseudo-autosomal regions by its length, which is GRCh38's."""
    stretches = [copies(contig, sex, SexContigs()) for sex in sexes]
    starts = sorted({0, *(each.start for own in stretches for each in own)})
    table = [
        [sum(each.ploidy for each in own if each.start <= start < each.end) for own in stretches] for start in starts
    ]
    return SampleCopies(np.array(starts), np.array(table, np.int8))


@pytest.mark.parametrize("turned", [False, True], ids=["in order", "turned round"])
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case(path, turned, tmp_path):
    case = yaml.safe_load(path.read_text())
    people = dict(reversed(case["gvcf"].items())) if turned else case["gvcf"]
    contig = Contig(case.get("contig", "chr1"), LENGTHS[case.get("contig", "chr1")])
    rows = {name: read(url, (contig,)) for name, url in zip(people, written(tmp_path, people, contig), strict=True)}
    batches, whole = [[rank] for rank in range(len(rows))], [Region(0, 0, contig.length)]
    own_copies = copies_of(contig, [case["sexes"][name] for name in people]) if "sexes" in case else None
    sites, genotypes, dropped = joint(rows, (contig,), whole, batches, MODEL, copies=own_copies)
    assert [site_of(row) for row in sites.to_pylist()] == [call["site"] for call in case["calls"]]
    assert dropped == case.get("dropped", {})
    cells = {(cell["pos"], cell["sample"]): genotype_fields(cell) for cell in genotypes.to_pylist()}
    for site, call in zip(sites.to_pylist(), case["calls"], strict=True):
        info = line_fields(site)[7].split(";")
        assert set(filter(None, call.get("info", "").split(";"))) <= set(info), info
        texts = {name: ":".join(cells[site["pos"], name][key] or "." for key in KEYS) for name in rows if name in call}
        assert texts == {name: call[name] for name in texts}
