"""A disk too small for the cohort is refused before anything is stored."""

import shutil
from types import SimpleNamespace

import pytest

from genocloud import pipeline, steps
from genocloud.errors import SettingError
from genocloud.scatter.progress import Silent

HEADER = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t"


def test_a_joint_run_is_refused_where_its_cohort_would_not_fit(tmp_path, monkeypatch):
    (tmp_path / "ref.fa").write_text(">one\n" + "A" * 70 + "\n")
    (tmp_path / "ref.fa.fai").write_text("one\t70\t5\t70\t71\n")
    files = [tmp_path / f"{name}.g.vcf" for name in ("ann", "bob")]
    for path in files:
        name = path.name.split(".")[0]
        path.write_text(f"{HEADER}{name}\none\t45\t.\tA\t<NON_REF>\t.\t.\tEND=60\tGT:DP:GQ\t0/0:7:30\n")
    size = sum(path.stat().st_size for path in files)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=size // 2))
    options = pipeline.JointOptions(
        listed=tuple(map(str, files)), reference_url=str(tmp_path / "ref.fa"), out_url=str(tmp_path / "out.vcf.gz")
    )
    with pytest.raises(SettingError, match=rf"{size // 2} bytes free, about {int(0.6 * size)} needed for 2 gVCFs"):
        steps.joint(options, progress=Silent())
    assert not list(tmp_path.glob("out.vcf.gz.work/cohort/batches/*"))
