"""What a task of ingest reports as read: each byte of its files once, while it reads or at its end."""

from pathlib import Path

import pysam
import pytest

from genocloud import gvcf
from genocloud.pipeline.ingestion import batch_storing
from genocloud.pipeline.ingestion.arrivals import Arrival
from genocloud.pipeline.ingestion.batch_storing import IngestTask
from genocloud.pipeline.options import IngestOptions
from genocloud.pipeline.reference import read_reference
from genocloud.samples import Sample
from genocloud.scatter.task_progress import reporting_to
from tests.support.stored_cohorts import CONTIGS, sample


@pytest.fixture
def task(tmp_path: Path) -> IngestTask:
    """Two people's gVCFs, of different sizes."""
    arrivals = []
    for name, shift in (("ann", 1), ("bob", 100)):
        path = tmp_path / f"{name}.g.vcf"
        path.write_text(sample(shift))
        arrivals.append(
            Arrival(
                sample=Sample(sample=name, gvcf=str(path)), fingerprint=gvcf.fingerprint(str(path)),
                bytes=path.stat().st_size, file=path.name, caller="GATK",
            )
        )  # fmt: skip
    fasta = tmp_path / "reference.fa"
    fasta.write_text("".join(f">{contig.name}\n{'A' * contig.length}\n" for contig in CONTIGS))
    pysam.faidx(str(fasta))
    return IngestTask(
        cohort_url=str(tmp_path / "cohort"),
        reference=read_reference(str(fasta)),
        options=IngestOptions(part_bp=1000, window_bp=500),
        arrivals=tuple(arrivals),
        policy=gvcf.RecordPolicy(),
    )


@pytest.mark.parametrize("small", [True, False], ids=["read together", "each alone"])
def test_each_byte_is_reported_once(task: IngestTask, small: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gvcf, "SMALL_BYTES", 1 << 20 if small else 0)
    size = sum(arrival.bytes for arrival in task.arrivals)
    reported: list[int] = []
    with reporting_to(reported.append):
        receipt, left = batch_storing._store_batch(task)
    assert (sum(reported), left) == (size, 0)
    again: list[int] = []
    with reporting_to(again.append):
        assert batch_storing._store_batch(task) == (receipt, size)
    assert not again
