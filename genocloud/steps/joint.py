"""joint: everything from the sample sheet to the VCF, fused in one process, in threads."""

import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from genocloud import cohort, objects
from genocloud.errors import SettingError
from genocloud.genotypes import Model
from genocloud.regions import parse_region
from genocloud.report.summary import summary_text
from genocloud.samples import Sample, read_sheet
from genocloud.scatter.executors import open_scatter
from genocloud.scatter.progress import Progress
from genocloud.steps.discover import discover
from genocloud.steps.export import export
from genocloud.steps.genotype import finish, genotype
from genocloud.steps.ingest import Storing, ingest
from genocloud.steps.receipts import Receipt, receipt_of
from genocloud.steps.shards import Cut, cut_genome, cut_regions
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

    Cohort and callset stand in OUT.work while it runs, so that a killed run goes on where it stopped; the folder goes
    when the VCF is there. Raises SettingError where this machine has not the room.
    """
    work = _work_folder(plan.out_url)
    with receipt_of("joint") as receipt, open_scatter(f"threads:{plan.threads}") as scatter:
        _check_room(read_sheet(plan.sheet_url), work)
        cohort_url, callset_url = str(work / "cohort"), str(work / "callset")
        ingested = ingest(cohort_url, plan.sheet_url, plan.reference_url, Storing(complete=True), scatter, progress)
        opened = cohort.open_cohort(cohort_url)
        _check_memory(opened, plan.threads)
        cut = _cut(opened, plan.regions)
        discover(opened, cut, scatter, progress)
        genotyped = genotype(opened, callset_url, plan.model, cut, scatter, progress)
        finish(opened, callset_url, plan.model, cut)
        export(callset_url, plan.out_url, plan.threads, progress)
        statistics = count_callset(callset_url, scatter, progress)
        shutil.rmtree(work)
        receipt.inputs = ingested.inputs
        receipt.balance = genotyped.balance
        receipt.figures = {"ingest": ingested.balance, **genotyped.figures}
    return summary_text(statistics, receipt.seconds, {"VCF": plan.out_url}), receipt


def _work_folder(out_url: str) -> Path:
    """A folder beside a local VCF; for a VCF at a URL in the present folder."""
    folder, name = objects.split(out_url)
    return Path(f"{name}.work") if "://" in out_url else Path(folder) / f"{name}.work"


def _cut(opened: cohort.Cohort, regions: Sequence[str] | None) -> Cut:
    if regions is None:
        return cut_genome(opened)
    return cut_regions(opened, [parse_region(text, opened.contigs) for text in regions])


def _check_room(samples: Sequence[Sample], work: Path) -> None:
    """Refuse a cohort whose store would not fit beside the output."""
    work.mkdir(parents=True, exist_ok=True)
    need = int(STORE_SHARE * sum(_size(sample.gvcf) for sample in samples if sample.gvcf))
    free = shutil.disk_usage(work).free
    if need > free:
        raise SettingError(
            f"{work}: {free:,} bytes free, about {need:,} needed for {len(samples):,} gVCFs; write to a larger disk, "
            "or run the workflow with its cohort on a store that has the room"
        )


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


def _size(url: str) -> int:
    folder, name = objects.split(url)
    store = objects.open_store(folder)
    return store.size(name) if store.exists(name) else 0
