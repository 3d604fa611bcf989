"""The rules of GLnexus's model, each as a case that a geneticist can read."""

import pytest
import yaml

from genocloud import glnexus
from tests.support.glnexus_runs import CASES, CONTIGS, joined, stored, written


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case(path, tmp_path):
    case = yaml.safe_load(path.read_text())
    variants, blocks = stored(written(tmp_path, case["gvcf"]), CONTIGS)
    rules = case.get("rules", "DeepVariantWGS")
    rules = glnexus.preset(rules) if isinstance(rules, str) else glnexus.from_config(path.name, rules)
    made = []
    for line in joined(variants, blocks, "chr1", len(case["gvcf"]), rules):
        columns = line.split("\t")
        label = " MONOALLELIC" if columns[6] == "MONOALLELIC" else ""
        record = {"site": f"{columns[1]} {columns[3]} {columns[4]} {columns[5]}{label}", "info": columns[7]}
        made.append(record | dict(zip(case["gvcf"], columns[9:], strict=True)))
    assert made == case["records"]
