"""joint: everything from the sample sheet to the VCF, fused in one process, in threads."""

import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from genocloud import callset, cohort, objects
from genocloud.errors import SettingError, UnreadableFile
from genocloud.genotypes import Model
from genocloud.report.statistics import Statistics
from genocloud.report.summary import summary_text
from genocloud.samples import Sample, read_sheet
from genocloud.scatter.executors import Scatter, open_scatter
from genocloud.scatter.progress import Progress
from genocloud.steps.compiling import compile_kernels
from genocloud.steps.discover import discover
from genocloud.steps.export import export
from genocloud.steps.genotype import genotype
from genocloud.steps.ingest import Storing, StrangersInCohort, even_batch_size, ingest, ingest_need, load_ingest
from genocloud.steps.inputs import file_size
from genocloud.steps.intervals import Intervals
from genocloud.steps.naming import check_contigs
from genocloud.steps.needs import fit
from genocloud.steps.receipts import Receipt, receipt_of
from genocloud.steps.reference import read_reference
from genocloud.steps.rendering import render
from genocloud.steps.shards import Cut, cut_genome
from genocloud.steps.statistics import count_callset

STORE_SHARE = 0.6
"""The cohort store's size over that of the gVCFs, at most (measured: tests/benchmarks)."""


@dataclass(frozen=True)
class Joint:
    """What is asked for: a sheet of gVCFs, the reference, where the VCF goes, and for which intervals.

    `callset_url` is where a Parquet callset is made besides, None for none; `memory` the budget in bytes, None for a
    share of what is free; `dbsnp_url` an indexed VCF that sites are named after, its fingerprint in the model.
    """

    sheet_url: str
    reference_url: str
    out_url: str
    model: Model = field(default_factory=Model)
    intervals: Intervals = field(default_factory=Intervals)
    threads: int = 1
    callset_url: str | None = None
    memory: int | None = None
    dbsnp_url: str | None = None


def joint(plan: Joint, progress: Progress) -> tuple[str, Receipt]:
    """Genotype the sheet's gVCFs jointly; the closing summary and the receipt, balanced in sites.

    Cohort and finished shards stand in OUT.work while it runs, so that a killed run goes on where it stopped; they go
    when the VCF is there. Raises SettingError where this machine has not the room.
    """
    callset.check_vcf_url(plan.out_url)
    if plan.callset_url is not None:
        _claim(plan.callset_url, plan.out_url)
    reference = read_reference(plan.reference_url)
    check_contigs(plan.dbsnp_url, reference.contigs)
    asked = plan.intervals.asked(reference.contigs)
    work = _Work.beside(plan.out_url)
    with receipt_of("joint") as receipt, open_scatter(f"threads:{plan.threads}", plan.memory) as scatter:
        samples = read_sheet(plan.sheet_url)
        _check_room(samples, work)
        compile_kernels(plan.threads, plan.memory, progress)
        ingested = _ingest(plan, len(samples), work, scatter.memory, progress)
        opened = cohort.open_cohort(work.cohort)
        cut = cut_genome(opened, asked=asked)
        discover(opened, cut, scatter, progress, keep=False, reference=reference)
        cut = fit(opened, cut, scatter)
        run = render if plan.callset_url is None else _store
        statistics, genotyped = run(
            opened, plan.callset_url or work.parts, plan.out_url, plan.model, cut, scatter, progress, plan.dbsnp_url
        )
        work.remove()
        receipt.inputs = ingested.inputs
        receipt.balance = genotyped.balance
        receipt.figures = {"ingest": ingested.balance, **genotyped.figures}
    return summary_text(statistics, receipt.seconds, {"VCF": plan.out_url}), receipt


@dataclass(frozen=True)
class _Work:
    """The folder that a run keeps its cohort and the finished parts of its VCF in."""

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
    def parts(self) -> str:
        return str(self.folder / "parts")

    def remove(self) -> None:
        """Remove what the run has put there, and the folder if that was all."""
        shutil.rmtree(self.cohort, ignore_errors=True)
        shutil.rmtree(self.parts, ignore_errors=True)
        with suppress(OSError):
            self.folder.rmdir()


def _store(
    opened: cohort.Cohort,
    callset_url: str,
    out_url: str,
    model: Model,
    cut: Cut,
    scatter: Scatter,
    progress: Progress,
    dbsnp_url: str | None,
) -> tuple[Statistics, Receipt]:
    """What `render` does, by way of a Parquet callset, which stays."""
    genotyped = genotype(opened, callset_url, model, cut, scatter, progress, dbsnp_url)
    export(callset_url, out_url, scatter, progress)
    return count_callset(callset_url, scatter, progress), genotyped


def _claim(callset_url: str, out_url: str) -> None:
    """Refuse, before the work, a place that cannot become a callset."""
    if callset_url == out_url:
        raise SettingError(f"{out_url}: VCF and callset have the same place; give the callset one of its own")
    callset.claim(objects.open_store(callset_url))


def _ingest(plan: Joint, samples: int, work: _Work, room: int, progress: Progress) -> Receipt:
    """Ingest the sheet, in as many processes as there is room for.

    What a killed run with another sheet, reference or genocloud left is of no use, and goes.
    """
    storing = Storing(complete=True, batch_size=even_batch_size(samples, plan.threads))
    processes = max(1, min(plan.threads, room // ingest_need(storing.batch_size)))
    load_ingest()
    with open_scatter(f"processes:{processes}") as scatter:
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
