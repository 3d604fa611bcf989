"""Nobody comes in twice, and what is stored is what was checked."""

from pathlib import Path

import pytest

from genocloud import cohort, pipeline, steps
from genocloud.errors import UnreadableFile
from genocloud.pipeline.preconditions import TwinInCohort
from genocloud.scatter.executors import Inline
from genocloud.scatter.progress import Silent

HEADER = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t"


def write_gvcf(path: Path, gq: int) -> None:
    path.write_text(f"{HEADER}{path.stem}\none\t45\t.\tA\t<NON_REF>\t.\t.\tEND=60\tGT:DP:GQ\t0/0:7:{gq}\n")


def ingest(folder: Path, **names: str) -> cohort.Cohort:
    """Ingest files of the folder, by sample name."""
    (folder / "ref.fa").write_text(">one\n" + "A" * 70 + "\n")
    (folder / "ref.fa.fai").write_text("one\t70\t5\t70\t71\n")
    sheet = folder / "sheet.map"
    sheet.write_text("".join(f"{name}\t{folder / file}.vcf\n" for name, file in names.items()))
    steps.ingest(
        str(folder / "cohort"),
        str(sheet),
        str(folder / "ref.fa"),
        options=pipeline.IngestOptions(batch_size=1),
        scatter=Inline(),
        progress=Silent(),
    )
    return cohort.open_cohort(str(folder / "cohort"))


def test_somebody_renamed_does_not_come_in_again_under_the_old_name(tmp_path):
    for gq, name in enumerate(("ann", "bob")):
        write_gvcf(tmp_path / f"{name}.vcf", gq + 20)
    ingest(tmp_path, ann="ann", bob="bob")
    steps.rename(str(tmp_path / "cohort"), {"ann": "anna"})
    steps.compact(str(tmp_path / "cohort"), batch_size=200, scatter=Inline(), progress=Silent())
    with pytest.raises(cohort.KnownAsOther, match="anna"):
        ingest(tmp_path, ann="ann", bob="bob")
    assert ingest(tmp_path, anna="ann", bob="bob").samples == ("anna", "bob")


def test_a_new_name_that_looks_like_one_of_the_cohort_is_refused(tmp_path):
    for gq, name in enumerate(("ann", "bob")):
        write_gvcf(tmp_path / f"{name}.vcf", gq + 20)
    ingest(tmp_path, ann="ann")
    with pytest.raises(TwinInCohort, match="'Ann' differs from 'ann'"):
        ingest(tmp_path, Ann="bob")
    ingest(tmp_path, ann="ann", bob="bob")
    with pytest.raises(TwinInCohort, match="'BOB' differs from 'bob'"):
        steps.rename(str(tmp_path / "cohort"), {"ann": "BOB"})
    steps.rename(str(tmp_path / "cohort"), {"ann": "BOB", "bob": "Ann"})  # nobody has the old names then
    assert ingest(tmp_path, BOB="ann", Ann="bob").samples == ("BOB", "Ann")


def test_one_file_under_two_names_is_said(tmp_path, caplog):
    write_gvcf(tmp_path / "ann.vcf", 20)
    assert ingest(tmp_path, ann="ann", eva="ann").samples == ("ann", "eva")
    assert "ann and eva have the same gVCF" in caplog.text


def test_a_file_that_changes_between_check_and_reading_is_refused(tmp_path, monkeypatch):
    write_gvcf(tmp_path / "ann.vcf", 20)
    write = cohort.write_batch

    def late(*arguments):
        write_gvcf(tmp_path / "ann.vcf", 30)
        return write(*arguments)

    monkeypatch.setattr(cohort, "write_batch", late)
    with pytest.raises(UnreadableFile, match="changed"):
        ingest(tmp_path, ann="ann")
