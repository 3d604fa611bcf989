"""Every record and field of real outputs of GLnexus 1.4.5."""

import gzip
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from genocloud import glnexus, gvcf
from genocloud.schema import numbers
from tests.support.glnexus_runs import joined, stored

SHARED = Path(os.environ.get("GENOCLOUD_SHARED", Path(__file__).resolve().parents[4] / "shared")) / "data"
LONG_BP = 100_000
"""GLnexus leaves out records of this length and more."""

COHORT = [(f"dv_cohort/expected.glnexus-1.4.5.{name}.vcf.gz", name) for name in glnexus.PRESETS if "DeepV" in name]
RUNS = [
    *(run for run in COHORT if (SHARED / run[0]).exists()),
    *(
        (str(path.relative_to(SHARED)), path.name.split(".")[-2])
        for path in sorted(SHARED.glob("dialects/dv_*/expected.glnexus*.vcf"))
    ),
    ("1kg_chr22/expected.glnexus-1.4.5.gatk.vcf.gz", "gatk"),
    ("1kg_chr22/expected.glnexus-1.4.5.gatk_unfiltered.vcf.gz", "gatk_unfiltered"),
]


@pytest.mark.skipif(not SHARED.exists(), reason="no shared data here (GENOCLOUD_SHARED)")
@pytest.mark.parametrize(("expected", "preset"), RUNS)
def test_records_are_those_of_the_real_glnexus(expected, preset):
    path = SHARED / expected
    text = (gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()).decode()
    lines = [line for line in text.splitlines() if not line.startswith("##")]
    samples = lines[0].split("\t")[9:]
    urls = {gvcf.read_header(str(url)).samples[0]: str(url) for url in path.parent.glob("*.g.vcf.gz")}
    contigs = gvcf.read_header(urls[samples[0]]).contigs
    variants, blocks = stored([urls[name] for name in samples], contigs)
    blocks = blocks.filter(pa.array(numbers(blocks["stop"]) - numbers(blocks["start"]) < LONG_BP))
    made = []
    for number in np.unique(numbers(variants["contig"])).tolist():
        mine, theirs = (table.filter(pa.array(numbers(table["contig"]) == number)) for table in (variants, blocks))
        made += joined(mine, theirs, contigs[number].name, len(samples), glnexus.preset(preset))
    assert made == lines[1:]
