"""joint: everything from the sample sheet to the VCF, fused in one process, in threads."""

import shutil
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from genocloud import callset, cohort, objects
from genocloud.cohort import BATCH_SIZE
from genocloud.errors import SettingError, UnreadableFile
from genocloud.genotypes import Model
from genocloud.regions import parse_region
from genocloud.report.summary import summary_text
from genocloud.samples import Sample, read_sheet
from genocloud.scatter.executors import open_scatter
from genocloud.scatter.progress import Progress
from genocloud.steps.discover import discover
from genocloud.steps.export import export
from genocloud.steps.genotype import genotype
from genocloud.steps.ingest import Storing, StrangersInCohort, ingest
from genocloud.steps.inputs import file_size
from genocloud.steps.receipts import Receipt, receipt_of
from genocloud.steps.reference import read_reference
from genocloud.steps.shards import cut_genome, cut_regions
from genocloud.steps.statistics import count_callset

STORE_SHARE = 0.6
"""The cohort store's size over that of the gVCFs, at most (measured: tests/benchmarks)."""

ROW_BYTES = 1_000
"""Memory for each stored row of a window that is being genotyped; 450 were measured at 200 samples."""


@dataclass(frozen=True)
class Joint:
    """What is asked for: a sheet of gVCFs, the reference, where the VCF goes; `regions` as text, None for all."""

    sheet_url: str
    reference_url: str
    out_url: str
    model: Model = field(default_factory=Model)
    regions: Sequence[str] | None = None
    threads: int = 1


def joint(plan: Joint, progress: Progress) -> tuple[str, Receipt]:
    """Genotype the sheet's gVCFs jointly; the closing summary and the receipt, balanced in sites.

    Cohort and callset stand in OUT.work while it runs, so that a killed run goes on where it stopped; they go when the
    VCF is there. Raises SettingError where this machine has not the room.
    """
    callset.check_vcf_url(plan.out_url)
    contigs = read_reference(plan.reference_url).contigs
    regions = None if plan.regions is None else [parse_region(text, contigs) for text in plan.regions]
    work = _Work.beside(plan.out_url)
    with receipt_of("joint") as receipt, open_scatter(f"threads:{plan.threads}") as scatter:
        samples = read_sheet(plan.sheet_url)
        _check_room(samples, work)
        ingested = _ingest(plan, len(samples), work, progress)
        opened = cohort.open_cohort(work.cohort)
        _check_memory(opened, plan.threads)
        cut = cut_genome(opened) if regions is None else cut_regions(opened, regions)
        discover(opened, cut, scatter, progress)
        genotyped = genotype(opened, work.callset, plan.model, cut, scatter, progress)
        export(work.callset, plan.out_url, plan.threads, progress)
        statistics = count_callset(work.callset, scatter, progress)
        work.remove()
        receipt.inputs = ingested.inputs
        receipt.balance = genotyped.balance
        receipt.figures = {"ingest": ingested.balance, **genotyped.figures}
    return summary_text(statistics, receipt.seconds, {"VCF": plan.out_url}), receipt


@dataclass(frozen=True)
class _Work:
    """The folder that a run keeps its cohort and its callset in."""

    folder: Path

    @classmethod
    def beside(cls, out_url: str) -> "_Work":
        """Beside a local VCF; for a VCF at a URL in the present folder."""
        folder, name = objects.split(out_url)
        return cls(Path(f"{name}.work") if "://" in out_url else Path(folder) / f"{name}.work")

    @property
    def cohort(self) -> str:
        return str(self.folder / "cohort")

    @property
    def callset(self) -> str:
        return str(self.folder / "callset")

    def remove(self) -> None:
        """Remove what the run has put there, and the folder if that was all."""
        shutil.rmtree(self.cohort, ignore_errors=True)
        shutil.rmtree(self.callset, ignore_errors=True)
        with suppress(OSError):
            self.folder.rmdir()


def _ingest(plan: Joint, samples: int, work: _Work, progress: Progress) -> Receipt:
    """Ingest the sheet; what a killed run with another sheet, reference or genocloud left is of no use, and goes."""
    storing = Storing(complete=True, batch_size=min(BATCH_SIZE, -(-samples // plan.threads)))
    with open_scatter(f"processes:{plan.threads}") as scatter:
        arguments = work.cohort, plan.sheet_url, plan.reference_url, storing, scatter, progress
        try:
            return ingest(*arguments)
        except (StrangersInCohort, cohort.OtherReference, cohort.NewerSchema, cohort.OlderSchema):
            work.remove()
            return ingest(*arguments)


def _check_room(samples: Sequence[Sample], work: _Work) -> None:
    """Refuse a cohort whose store would not fit beside the output."""
    need = int(STORE_SHARE * sum(_size(sample.gvcf) for sample in samples if sample.gvcf))
    folder = next(place for place in [work.folder, *work.folder.absolute().parents] if place.exists())
    free = shutil.disk_usage(folder).free
    if need > free:
        raise SettingError(
            f"{work.folder}: {free:,} bytes free, about {need:,} needed for {len(samples):,} gVCFs; write to a larger "
            "disk, or run the workflow with its cohort on a store that has the room"
        )


def _size(url: str) -> int:
    """Bytes of a gVCF; none for one that cannot be read, of which ingest tells more."""
    with suppress(UnreadableFile):
        return file_size(url)
    return 0


def _check_memory(opened: cohort.Cohort, threads: int) -> None:
    """Refuse what would not fit: each thread holds the rows of a window, and what is made of them."""
    receipts = [opened.receipt(batch) for batch in opened.batches]
    rows: Counter[tuple[str, int]] = Counter()
    for part in (part for receipt in receipts for part in receipt.parts):
        rows.update({(part.name, window): count for window, count in enumerate(part.rows)})
    need = threads * ROW_BYTES * max(rows.values(), default=0)
    free = psutil.virtual_memory().available
    if need > free:
        raise SettingError(
            f"{len(opened.samples):,} gVCFs in {threads} threads: about {need:,} bytes of memory needed, {free:,} free;"
            " give fewer --threads, or run the workflow on larger machines"
        )
