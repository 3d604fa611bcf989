"""Further files of the callset by the config's `exports`: made by jobs of their own, checked before any job."""

import pysam
import pytest

from tests.workflow.small_cohort import CONTIG, snakemake

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

EXPORTS = """exports:
  - {path: results/further/all.pgen}
  - {path: results/further/few.bcf, samples: [SAMPLES], min_ac: 1, split: true, left_align: true}
  - {path: "results/further/by.{contig}.vcf.gz", refined: true, fields: [GT, PP]}
"""


def configure(folder, text):
    plain = (folder / "config.yaml").read_text().partition("exports:")[0]
    (folder / "config.yaml").write_text(plain + text)


def test_each_file_is_made_with_its_options_and_made_again_where_it_is_gone(study):
    with pysam.VariantFile(str(study / "results/callset.vcf.gz")) as file:
        samples = list(file.header.samples)[:2]
    exports = EXPORTS.replace("SAMPLES", ", ".join(samples))
    configure(study, exports)
    run = snakemake(study)
    assert run.code == 0, run.said
    with pysam.VariantFile(str(study / "results/further/few.bcf")) as file:
        assert list(file.header.samples) == samples
        assert {len(record.alleles) for record in file} == {2}
    refined = study / "results/further" / f"by.{CONTIG}.vcf.gz"
    with pysam.VariantFile(str(refined)) as file:
        assert {record.contig for record in file} == {CONTIG}
        assert "PP" in file.header.formats
    assert "Nothing to be done" in snakemake(study).said

    refined.unlink()
    run = snakemake(study)
    assert run.code == 0, run.said
    assert f"results/further/{refined.name} is not what results/export/by.contig.vcf.gz.json vouches for" in run.said
    assert refined.exists()

    (study / "results/further/all.pgen").unlink()
    run = snakemake(study)
    assert run.code == 0, run.said
    assert "results/further/all.pgen is not what results/export/all.pgen.json vouches for" in run.said
    assert (study / "results/further/all.pgen").exists()

    configure(study, "")
    assert snakemake(study).code == 0
    assert sorted(file.name for file in (study / "results/export").iterdir()) == ["export.json"]


@pytest.mark.parametrize(
    ("entry", "code", "problem"),
    [
        ("{path: results/x.vcf}, {path: other/x.vcf}", 5, "exports[1].path: there is another file x.vcf"),
        ("{path: results/x.docx}", 5, "results/x.docx"),
        ("{path: results/x.vcf, include: QAUL>}", 5, "QAUL>"),
        ("{path: results/x.svcr.vcf.gz, sites_only: true}", 5, "--sites-only"),
        ("{path: 'results/{sample}.vcf'}", 5, "holds '{'"),
        ("{path: 'results/x.{family}.vcf'}", 5, "add --pedigree PED"),
        ("{path: 'results/{contig}.vcf'}, {path: results/contig.vcf}", 5, "there is another file contig.vcf"),
        ("{path: results/x.vcz, refined: true}", 5, "leave it out, or name the output OUT.vcf.gz"),
        ("{path: results/x.vcf, refined: true, local_alleles: true}", 5, "leave out --refined"),
        ("{path: results/x.vcf, keep_counts: true}", 5, "add --samples or --exclude-samples"),
        ("{path: results/x.vcf, sample: [ann]}", 5, "did you mean samples?"),
    ],
)
def test_what_cannot_be_is_said_before_any_job(study, entry, code, problem):
    configure(study, f"exports: [{entry}]\n")
    run = snakemake(study)
    assert run.code == code, run.said
    assert problem in "\n".join(run.ours)
