"""Bad input ends the run before any job, with one message and exit code 3, or 5 for a bad config."""

from pathlib import Path

import pytest

from tests.workflow.small_cohort import edit_gvcf, snakemake

pytestmark = pytest.mark.workflow


def edit(file, old, new):
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def duplicate_sample(folder):
    edit(folder / "samples.tsv", "p08\t", "p07\t")


def missing_file(folder):
    (folder / "p08.g.vcf.gz").unlink()


def another_name_in_gvcf(folder):
    edit(folder / "samples.tsv", "p07\t", "ann\t")


def missing_index(folder):
    (folder / "p04.bam.bai").unlink()


def other_contig_lengths(folder):
    edit_gvcf(folder / "p09.g.vcf.gz", "length=110000", "length=110001")


def empty_sheet(folder):
    edit(folder / "samples.tsv", (folder / "samples.tsv").read_text().partition("\n")[2], "")


def unknown_column(folder):
    edit(folder / "samples.tsv", "sex", "ploidy")


def unreadable_url(folder):
    edit(folder / "samples.tsv", "p07.g.vcf.gz", "nowhere://bucket/p07.g.vcf.gz")


def reads_without_a_caller(folder):
    edit(folder / "config.yaml", "par:", "caller: none\npar:")


def callers_that_do_not_mix(folder):
    edit(folder / "config.yaml", "par:", "caller: deepvariant\npar:")


def unknown_key(folder):
    edit(folder / "config.yaml", "par:", "caler: gatk\npar:")


def bad_value(folder):
    edit(folder / "config.yaml", "par:", "batch_size: 0\npar:")


def bad_region(folder):
    edit(folder / "config.yaml", "chrX:1-12000", "chrX")


def par_elsewhere(folder):
    edit(folder / "config.yaml", "chrX:1-12000", "chr2:1-12000")


def brace_in_config(folder):
    edit(folder / "config.yaml", "par:", "vcf: 'results/{part}.vcf.gz'\npar:")


def line_feed_in_list(folder):
    edit(folder / "config.yaml", "par:", 'intervals: ["a\\nb.bed"]\npar:')


def brace_in_sheet(folder):
    (folder / "p07.g.vcf.gz").rename(folder / "p{07}.g.vcf.gz")
    edit(folder / "samples.tsv", "p07.g.vcf.gz", "p{07}.g.vcf.gz")


def unknown_kind_of_store(folder):
    edit(folder / "config.yaml", "par:", "cohort: s9://bucket/cohort\npar:")


def missing_sheet(folder):
    (folder / "samples.tsv").unlink()


BAD_CONFIGS = (unknown_key, bad_value, bad_region, brace_in_config, line_feed_in_list, unknown_kind_of_store)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (duplicate_sample, "samples.tsv, line 4: sample p07 is already on line 3; remove one"),
        (missing_file, "samples.tsv, line 4: sample p08: no file p08.g.vcf.gz; correct the path"),
        (another_name_in_gvcf, "sample ann is not in p07.g.vcf.gz, which holds p07; correct the name, or say"),
        (missing_index, "p04.bam has no index; make one: samtools index p04.bam"),
        (
            other_contig_lengths,
            "contig chr2 has more than one length (p09.g.vcf.gz: 110,001 bp; reference: 110,000 bp)",
        ),
        (empty_sheet, "samples.tsv, line 1: the sample sheet holds no sample; add one row"),
        (unknown_column, "samples.tsv, line 1: unknown column 'ploidy'; rename or remove it"),
        (unreadable_url, "nowhere://bucket"),
        (reads_without_a_caller, "sample p04 comes as reads, and the config says `caller: none`; give a gVCF"),
        (callers_that_do_not_mix, "p04.bam, of deepvariant) and 3 for the model gatk"),
        (unknown_key, "'caler' was unexpected); the keys are samples, reference, caller"),
        (bad_value, "config: batch_size: 0 is less than the minimum of 1; How many samples"),
        (bad_region, "config: par[0]: 'chrX' does not match '^.+:[0-9,]+-[0-9,]+$'; A region, chrX:START-END"),
        (
            brace_in_config,
            "config: vcf: 'results/{part}.vcf.gz' holds '{', which neither Snakemake nor a sample sheet",
        ),
        (line_feed_in_list, "config: intervals[0]: 'a\\nb.bed' holds '\\n', which"),
        (brace_in_sheet, "samples.tsv, line 3: sample p07: 'p{07}.g.vcf.gz' holds '{', which neither"),
        (missing_sheet, "samples.tsv"),
        (unknown_kind_of_store, "s9://bucket/cohort: s9:// is no kind of store that genocloud can use"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_bad_input_is_reported_before_any_job(cohort: Path, spoil, message):
    spoil(cohort)
    run = snakemake(cohort)
    assert run.code == (5 if spoil in BAD_CONFIGS else 3), run.said
    assert len(run.ours) == 1, run.said
    assert message in run.ours[0]
    assert "Traceback" not in run.said
    assert not (cohort / "results").exists()


def test_a_region_that_cannot_be_pseudo_autosomal_is_a_bad_setting(cohort: Path):
    par_elsewhere(cohort)
    run = snakemake(cohort)
    assert run.code == 5, run.said
    assert any("chr2:1-12000 is on neither X nor Y" in line for line in run.ours), run.said
    assert not (cohort / "results").exists()
