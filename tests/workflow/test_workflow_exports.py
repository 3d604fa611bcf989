"""Further files of the callset by the config's `exports`: made by jobs of their own, checked before any job."""

import pysam
import pytest

from tests.workflow.small_cohort import snakemake

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

EXPORTS = """exports:
  - {path: results/further/all.pgen}
  - {path: results/further/few.bcf, samples: [SAMPLES], min_ac: 1, split: true, left_align: true}
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
    assert "Nothing to be done" in snakemake(study).said

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
        ("{path: results/x.vcf, sample: [ann]}", 5, "did you mean samples?"),
    ],
)
def test_what_cannot_be_is_said_before_any_job(study, entry, code, problem):
    configure(study, f"exports: [{entry}]\n")
    run = snakemake(study)
    assert run.code == code, run.said
    assert problem in "\n".join(run.ours)
