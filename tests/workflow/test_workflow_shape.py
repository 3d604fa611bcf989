"""The workflow as Snakemake sees it: its rules, its lint, and the commands of callers that are not run here."""

import os

import pytest

from tests.workflow.small_cohort import SLOW_TO_LOAD, fresh_snakemake, snakemake

pytestmark = pytest.mark.workflow

FLOW = ["inputs", "call", "ingest", "discover", "genotype_part", "export", "report"]


def test_a_dry_run_plans_every_step_and_writes_nothing(cohort, monkeypatch):
    monkeypatch.setenv("PYTHONPROFILEIMPORTTIME", "1")
    run = fresh_snakemake(cohort, "--dry-run", "--quiet", "host")
    assert run.code == 0, run.said
    assert all(f"rule {rule}:" in run.said for rule in FLOW)
    assert not (cohort / "results").exists()
    assert "snakemake" in run.loaded
    assert run.loaded.isdisjoint(SLOW_TO_LOAD), "the samples' files are looked into without what reads records"


def leave_reads_alone(cohort):
    """The gVCFs, which are GATK's, do not go with DeepVariant's."""
    rows = (cohort / "samples.tsv").read_text().splitlines(keepends=True)
    (cohort / "samples.tsv").write_text("".join(row for row in rows if ".g.vcf.gz" not in row))


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--config", "small_cohort_bytes=0"],
        ["--sdm", "conda", "--config", "caller=gatk"],
        ["--config", "caller=deepvariant"],
        ["--config", "screen=True"],
    ],
    ids=["defaults", "parts", "gatk", "deepvariant", "screen"],
)
def test_lint_finds_nothing(cohort, options):
    if "caller=deepvariant" in options:
        leave_reads_alone(cohort)
    run = snakemake(cohort, "--lint", *options)
    assert (run.code, "good condition" in run.said) == (0, True), run.said


def test_the_rule_graph_goes_from_inputs_to_report(cohort):
    run = snakemake(cohort, "--rulegraph")
    assert run.code == 0, run.said
    assert "digraph" in run.said
    assert all(f'label = "{rule}"' in run.said for rule in FLOW)


def test_gatk_must_be_there(cohort):
    run = snakemake(cohort, "--dry-run", "--config", "caller=gatk")
    assert (run.code, "no program gatk on the PATH" in run.said) == (5, True), run.said


def test_gatk_calls_haploid_and_diploid_stretches_apart(cohort, monkeypatch):
    (cohort / "gatk").touch(mode=0o755)
    monkeypatch.setenv("PATH", f"{cohort}{os.pathsep}{os.environ['PATH']}")
    run = snakemake(cohort, "--dry-run", "--quiet", "host", "--printshellcmds", "--config", "caller=gatk")
    assert run.code == 0, run.said
    assert "--emit-ref-confidence GVCF" in run.said
    assert "--sample-ploidy 1 --intervals results/call/female.haploid.bed" in run.said
    assert "--sample-ploidy 2 --intervals results/call/female.diploid.bed" in run.said
    assert "JAVA_TOOL_OPTIONS=-Xmx3000m" in run.said


def test_deepvariant_gets_haploid_contigs_and_par(cohort):
    leave_reads_alone(cohort)
    (cohort / "samples.tsv").write_text((cohort / "samples.tsv").read_text().replace("female", "male"))
    run = snakemake(cohort, "--dry-run", "--quiet", "host", "--printshellcmds", "--config", "caller=deepvariant")
    assert run.code == 0, run.said
    assert "run_deepvariant --model_type=WGS" in run.said
    assert "--haploid_contigs=chrM,chrX,chrY --par_regions_bed=results/call/male.par.bed" in run.said


def test_gvcfs_alone_need_no_caller(cohort):
    rows = (cohort / "samples.tsv").read_text().splitlines(keepends=True)
    (cohort / "samples.tsv").write_text("".join(row for row in rows if "p04" not in row))
    run = snakemake(cohort, "--dry-run", "--quiet", "host", "--config", "caller=none")
    assert run.code == 0, run.said
    assert "rule call:" not in run.said
