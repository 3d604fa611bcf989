"""What `import genocloud` offers: names, and the commands as functions."""

import subprocess
import sys
from collections import Counter
from importlib.metadata import version
from pathlib import Path

import pytest

import genocloud
from genocloud.callset import RecordForm
from genocloud.cli import main
from genocloud.filters import PRESETS
from genocloud.genotypes.model import STANDARD
from tests.conftest import DATA
from tests.support import small_callset

HARD = {"PASS", "LowQual", *(each.name for each in PRESETS["hard"])}

PUBLIC = [
    "Callset",
    "Cohort",
    "ExportableCallset",
    "GenocloudError",
    "InputError",
    "Model",
    "OutOfResources",
    "SettingError",
    "StoreError",
    "__version__",
    "check_samples",
    "export",
    "filter_callset",
    "frequencies",
    "gnomad_table",
    "joint",
    "open_callset",
    "open_cohort",
    "read_region",
    "refined",
    "screen_samples",
]


def test_the_public_names_are_these():
    assert sorted(genocloud.__all__) == PUBLIC
    assert all(hasattr(genocloud, name) for name in PUBLIC)
    assert genocloud.__version__ == version("genocloud")


def test_every_public_function_and_class_has_a_docstring():
    assert [name for name in PUBLIC if not (getattr(genocloud, name).__doc__ or "").strip()] == []


def test_importing_the_package_loads_neither_arrow_nor_kernels():
    code = "import sys, genocloud; print([name for name in ('pyarrow', 'numba', 'dask') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_joint_makes_what_the_command_makes(tmp_path: Path, gvcfs: list[Path]):
    receipt = genocloud.joint(
        gvcfs[:2],
        reference=DATA / "reference.fa",
        out=tmp_path / "joint.vcf.gz",
        callset=tmp_path / "callset",
        cohort=tmp_path / "cohort",
        intervals="chr1:1-20,000",
        model=genocloud.Model(stand_call_conf=10.0, annotation_groups=(STANDARD,)),
        threads=1,
    )
    callset, cohort = genocloud.open_callset(tmp_path / "callset"), genocloud.open_cohort(tmp_path / "cohort")
    assert receipt.step == "joint"
    assert receipt.balance["kept"] == callset.counts["sites"] > 0
    assert callset.samples == cohort.samples
    assert len(callset.samples) == 2
    assert callset.description.model["stand_call_conf"] == 10.0
    assert (tmp_path / "joint.vcf.gz.tbi").exists()
    rows = cohort.read_region("chr1:1-20,000")
    assert rows.variants == genocloud.read_region(cohort, "chr1:1-20,000").variants
    assert set(rows.variants["sample"].to_pylist()) == set(cohort.samples)


def test_joint_takes_a_model_by_name(tmp_path: Path, gvcfs: list[Path]):
    made = {
        "reference": DATA / "reference.fa",
        "out": tmp_path / "joint.vcf.gz",
        "threads": 1,
        "intervals": "chr1:1-9,000",
    }
    receipt = genocloud.joint(gvcfs[:2], **made, model="glnexus", preset="gatk_unfiltered")
    assert receipt.figures["model"] == "glnexus gatk_unfiltered"
    assert receipt.balance["kept"] > 0
    with pytest.raises(genocloud.SettingError, match="model best: unknown"):
        genocloud.joint(gvcfs[:2], **made, model="best")
    with pytest.raises(genocloud.SettingError, match="model gatk: it has no preset"):
        genocloud.joint(gvcfs[:2], **made, preset="gatk")


@pytest.mark.parametrize("arguments", [{"samples": None}, {"samples": "sheet.tsv", "replace": True}])
def test_joint_without_the_cohort_that_it_needs_is_refused(arguments):
    with pytest.raises(genocloud.SettingError, match="no cohort is named"):
        genocloud.joint(**arguments, reference="ref.fa", out="out.vcf.gz")


def test_a_callset_exports_itself_and_its_subsets(tmp_path: Path):
    made = small_callset.write(str(tmp_path / "callset"))
    callset = genocloud.open_callset(made.url)
    assert type(callset.with_filters().of_samples("ann")) is genocloud.ExportableCallset
    options = {"include": "QUAL >= 0", "records": RecordForm(split=True), "threads": 1}
    receipts = [
        genocloud.export(made.url, tmp_path / "a.vcf", samples=["cat", "ann"], **options),
        callset.export(tmp_path / "b.vcf", samples=["cat", "ann"], **options),
        callset.of_samples(["cat", "ann"]).export(tmp_path / "c.vcf", **options),
    ]
    assert len({str(receipt.balance) for receipt in receipts}) == 1
    texts = {(tmp_path / f"{name}.vcf").read_text() for name in "abc"}
    assert len(texts) == 1
    assert "FORMAT\tcat\tann\n" in texts.pop()
    callset.of_samples(["bob"], recount=False).export(tmp_path / "kept.vcf")
    genocloud.export(made.url, tmp_path / "wanted.vcf", samples="bob", keep_counts=True)
    assert (tmp_path / "kept.vcf").read_text() == (tmp_path / "wanted.vcf").read_text()
    with pytest.raises(genocloud.InputError, match="no sample bob"):
        callset.of_samples(["ann"]).export(tmp_path / "d.vcf", samples="bob")
    with pytest.raises(genocloud.SettingError, match="genocloud export --refined"):
        genocloud.refined(callset).export(tmp_path / "d.vcf")
    assert not (tmp_path / "d.vcf").exists()


@pytest.mark.parametrize("step", ["frequencies", "gnomad_table"])
def test_tables_of_a_callset_and_of_its_subsets(step: str, tmp_path: Path):
    made = small_callset.write(str(tmp_path / "callset"))
    callset, by_url = genocloud.open_callset(made.url), getattr(genocloud, step)
    by_url(made.url, tmp_path / "a.parquet", samples="ann,bob")
    getattr(callset, step)(tmp_path / "b.parquet", samples="ann,bob")
    getattr(callset.of_samples(["ann", "bob"]), step)(tmp_path / "c.parquet")
    assert len({(tmp_path / f"{name}.parquet").read_bytes() for name in "abc"}) == 1


def test_filter_callset_does_what_the_command_does(tmp_path: Path):
    made = small_callset.write(str(tmp_path / "callset"))
    (tmp_path / "some.bed").write_text("chr1\t0\t900\n")
    receipt = genocloud.filter_callset(
        tmp_path / "callset",
        presets="gnomad",
        filters={"low": "FIRST && QUAL < 1e9"},
        regions={"FIRST": tmp_path / "some.bed"},
        threads=1,
    )
    assert receipt.figures["sites"] == Counter(made.filters()["filter"].to_pylist())
    said = made.filters().to_pylist()
    words = ["--preset", "gnomad", "-f", "low=FIRST && QUAL < 1e9", "--regions", f"FIRST={tmp_path / 'some.bed'}"]
    assert main(["filter", str(tmp_path / "callset"), *words, "-q"]) == 0
    assert made.filters().to_pylist() == said
    genocloud.filter_callset(tmp_path / "callset")
    assert {name for row in made.filters().to_pylist() for name in row["filter"].split(";")} <= HARD
    with pytest.raises(genocloud.SettingError, match="AS_CALIBRATION_SENSITIVITY"):
        genocloud.filter_callset(tmp_path / "callset", presets=["vets"])
