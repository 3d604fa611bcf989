"""The workflow with a program as its caller, for which a small script stands in: done, failing, cut off."""

import os
import re
import shutil

import pysam
import pytest

from genocloud import json_digest
from tests.workflow.small_cohort import edit_gvcf, snakemake

pytestmark = pytest.mark.workflow

GATK = """#!/usr/bin/env bash
# gatk TOOL ... --output FILE: writes a gVCF that is there already
set -eu
while [ $# -gt 0 ]; do case "$1" in --output | --OUTPUT) out="$2" ;; esac; shift; done
{how}
"""

HOW = {
    "well": 'cp "{gvcf}" "$out"',
    "failing": 'cp "{gvcf}" "$out"; echo no memory >&2; exit 3',
    "cut off": 'head -c 1000 "{gvcf}" > "$out"',
}


@pytest.fixture
def program(cohort, monkeypatch):
    """`program(how)` puts a program gatk on the PATH."""
    gvcf = cohort / "program.g.vcf.gz"
    shutil.copy(cohort / "p07.g.vcf.gz", gvcf)
    edit_gvcf(gvcf, "\tp07\n", "\tp04\n")
    monkeypatch.setenv("PATH", f"{cohort}{os.pathsep}{os.environ['PATH']}")

    def write(how: str) -> None:
        (cohort / "gatk").write_text(GATK.format(how=HOW[how].format(gvcf=gvcf)))
        (cohort / "gatk").chmod(0o755)

    return write


def call(cohort, *options):
    return snakemake(cohort, "--config", "caller=gatk", "--until", "call_receipt", *options)


def results(cohort):
    return sorted(str(file.relative_to(cohort / "results/call")) for file in (cohort / "results/call").rglob("p04*"))


def test_a_program_that_fails_or_cuts_its_gvcf_off_leaves_nothing_and_the_next_run_calls_again(cohort, program):
    program("failing")
    run = call(cohort)
    assert run.code == 1, run.said
    assert not {"p04.g.vcf.gz", "p04.json"} & set(results(cohort))
    assert "no memory" in (cohort / "results/logs/call/p04.log").read_text()
    program("cut off")
    run = call(cohort, "--retries", "1")
    assert run.code == 1, run.said
    assert any("results/call/program/p04.g.vcf.gz" in line for line in run.ours), run.said
    assert any("the next run calls the sample again" in line for line in run.ours), run.said
    assert not {"p04.g.vcf.gz", "p04.json"} & set(results(cohort))
    program("well")
    run = call(cohort)
    assert run.code == 0, run.said
    assert results(cohort) == ["p04.g.vcf.gz", "p04.json"]
    receipt = json_digest.open_json((cohort / "results/call/p04.json").read_bytes())
    with pysam.BGZFile(str(cohort / "results/call/p04.g.vcf.gz")) as lines:
        records = sum(not line.startswith(b"#") for line in lines)
    assert receipt["balance"]["taken"] == records > 0
    assert receipt["figures"]["reads"] == pysam.AlignmentFile(str(cohort / "p04.bam")).mapped
    assert receipt["command"].splitlines()[-1].endswith("--OUTPUT results/call/partial/p04/whole.g.vcf.gz")
    again = call(cohort)
    assert re.search(r"total +0\n", again.said), again.said
