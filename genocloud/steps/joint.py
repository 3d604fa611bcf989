"""joint: everything from the gVCFs to the VCF, fused in one process, in threads."""

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
from genocloud.samples import Sample
from genocloud.scatter.executors import Scatter, open_scatter
from genocloud.scatter.progress import Progress
from genocloud.steps.compiling import compile_kernels
from genocloud.steps.discover import discover
from genocloud.steps.export import export_locked
from genocloud.steps.genotype import genotype
from genocloud.steps.ingest import (
    BAD_RECORDS,
    Storing,
    StrangersInCohort,
    even_batch_size,
    ingest,
    ingest_need,
    load_ingest,
)
from genocloud.steps.inputs import file_size
from genocloud.steps.intervals import Intervals
from genocloud.steps.naming import check_contigs
from genocloud.steps.needs import fit
from genocloud.steps.people import Listed, People, read_people
from genocloud.steps.receipts import Receipt, receipt_of
from genocloud.steps.reference import read_reference
from genocloud.steps.rendering import render
from genocloud.steps.shards import Cut, cut_genome
from genocloud.steps.statistics import count_callset

STORE_SHARE = 0.6
"""The cohort store's size over that of the gVCFs, at most (measured: tests/benchmarks)."""


@dataclass(frozen=True)
class Joint:
    """A joint genotyping: the listed gVCFs, the reference, where the VCF goes, and for which intervals.

    `callset_url` is where a Parquet callset is made as well, None for none; `memory` the budget in bytes, None for a
    share of what is free; `dbsnp_url` an indexed VCF that sites are named after, its fingerprint in the model.
    `cohort_url` is a cohort that stays: the listed samples join it, and everybody in it is genotyped; `listed` may then
    be None, for no new ones. With `replace` a sample whose file has changed is read from that one from now on.
    `drop_bad_records`: records that cannot be used are dropped and counted.
    """

    listed: Listed | None
    reference_url: str
    out_url: str
    model: Model = field(default_factory=Model)
    intervals: Intervals = field(default_factory=Intervals)
    threads: int = 1
    callset_url: str | None = None
    memory: int | None = None
    dbsnp_url: str | None = None
    cohort_url: str | None = None
    replace: bool = False
    drop_bad_records: bool = False


def joint(plan: Joint, progress: Progress) -> tuple[str, Receipt]:
    """Genotype gVCFs jointly; the closing summary and the receipt, balanced in sites.

    Cohort and finished shards stand in OUT.work while it runs, so that a killed run goes on where it stopped; they go
    when the VCF is there. Raises SettingError where this machine has not the room, OutputInUse where another run writes
    the VCF, the callset, or in that folder.
    """
    _check_cohort(plan)
    callset.check_vcf_url(plan.out_url)
    if plan.callset_url is not None:
        _claim(plan.callset_url, plan.out_url)
    with objects.file_lock(plan.out_url), objects.file_lock(str(work_folder(plan.out_url))):
        return _joint(plan, progress)


def _joint(plan: Joint, progress: Progress) -> tuple[str, Receipt]:
    reference = read_reference(plan.reference_url)
    check_contigs(plan.dbsnp_url, reference.contigs)
    asked = plan.intervals.asked(reference.contigs)
    work = _Work.of(plan)
    with receipt_of("joint") as receipt, open_scatter(f"threads:{plan.threads}", plan.memory) as scatter:
        people = None if plan.listed is None else read_people(plan.listed, scatter, progress)
        if people is not None:
            _check_room(people.samples, work)
        compile_kernels(plan.threads, plan.memory, progress)
        ingested = None if people is None else _ingest(plan, people, work, scatter.memory, progress)
        opened = cohort.open_cohort(work.cohort)
        cut = cut_genome(opened, asked=asked)
        discover(opened, cut, scatter, progress, keep=plan.cohort_url is not None, reference=reference)
        cut = fit(opened, cut, scatter)
        run = render if plan.callset_url is None else _store
        statistics, genotyped = run(
            opened, plan.callset_url or work.parts, plan.out_url, plan.model, cut, scatter, progress, plan.dbsnp_url
        )
        work.remove()
        receipt.inputs = genotyped.inputs if ingested is None else ingested.inputs
        receipt.balance = genotyped.balance
        receipt.figures = genotyped.figures if ingested is None else {"ingest": ingested.balance, **genotyped.figures}
        if ingested is not None:
            receipt.figures |= {name: ingested.figures[name] for name in BAD_RECORDS if name in ingested.figures}
    files = {"VCF": plan.out_url, "callset": plan.callset_url, "cohort": plan.cohort_url}
    made = {what: url for what, url in files.items() if url is not None}
    return summary_text(statistics, receipt.seconds, made), receipt


def _check_cohort(plan: Joint) -> None:
    """Refuse a cohort in the place of something else, and a run without samples. Raises SettingError, NoCohort."""
    if plan.cohort_url is None:
        if plan.listed is None:
            raise SettingError("no sample is listed; name a sample sheet or gVCFs, or a --cohort that holds some")
        return
    others = [plan.out_url, _Work.of(plan).own_cohort, *([plan.callset_url] if plan.callset_url else [])]
    if objects.open_store(plan.cohort_url).url in {objects.open_store(url).url for url in others}:
        raise SettingError(f"{plan.cohort_url}: the cohort has the place of an output; give it one of its own")
    if plan.listed is None:
        cohort.open_cohort(plan.cohort_url)


@dataclass(frozen=True)
class _Work:
    """The folder with the finished parts of a run's VCF, and with its cohort, unless that has a place of its own."""

    folder: Path
    kept_cohort: str | None

    @classmethod
    def of(cls, plan: Joint) -> "_Work":
        """See `work_folder`."""
        return cls(work_folder(plan.out_url), plan.cohort_url)

    @property
    def own_cohort(self) -> str:
        return str(self.folder / "cohort")

    @property
    def cohort(self) -> str:
        return self.kept_cohort or self.own_cohort

    @property
    def parts(self) -> str:
        return str(self.folder / "parts")

    def remove(self) -> None:
        """Remove what the run has put there, and the folder if that was all."""
        shutil.rmtree(self.own_cohort, ignore_errors=True)
        shutil.rmtree(self.parts, ignore_errors=True)
        with suppress(OSError):
            self.folder.rmdir()


def work_folder(out_url: str) -> Path:
    """Beside a local VCF; for a VCF at a URL in the present folder."""
    folder, name = objects.split(out_url)
    return Path(f"{name}.work") if "://" in out_url else Path(folder) / f"{name}.work"


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
    export_locked(callset_url, out_url, scatter, progress)
    return count_callset(callset_url, scatter, progress), genotyped


def _claim(callset_url: str, out_url: str) -> None:
    """Refuse, before the work, a place that cannot become a callset."""
    if callset_url == out_url:
        raise SettingError(f"{out_url}: VCF and callset have the same place; give the callset one of its own")
    callset.claim(objects.open_store(callset_url))


def _ingest(plan: Joint, people: People, work: _Work, room: int, progress: Progress) -> Receipt:
    """Ingest the people, in as many processes as there is room for.

    What a killed run with other people, another reference or genocloud left is of no use, and goes; a cohort with a
    place of its own stays, whatever it holds.
    """
    kept, size = work.kept_cohort is not None, even_batch_size(len(people.samples), plan.threads)
    storing = Storing(
        complete=not kept,
        replace=kept and plan.replace,
        batch_size=size,
        intervals=plan.intervals,
        drop_bad_records=plan.drop_bad_records,
        only=not kept,
    )
    processes = max(1, min(plan.threads, room // ingest_need(storing.batch_size)))
    load_ingest()
    with open_scatter(f"processes:{processes}") as scatter:
        arguments = work.cohort, people, plan.reference_url, storing, scatter, progress
        try:
            return ingest(*arguments)
        except (StrangersInCohort, cohort.OtherReference, cohort.NewerSchema, cohort.OlderSchema):
            if kept:
                raise
            work.remove()
            return ingest(*arguments)


def _check_room(samples: Sequence[Sample], work: _Work) -> None:
    """Refuse a cohort whose store would not fit on this disk; how much room a bucket has is not known."""
    need = int(STORE_SHARE * sum(_size(sample.gvcf) for sample in samples if sample.gvcf))
    if "://" in work.cohort:
        return
    store = Path(work.cohort).absolute()
    folder = next(place for place in [store, *store.parents] if place.exists())
    free = shutil.disk_usage(folder).free
    if need > free:
        where = f"{work.kept_cohort or work.folder}: {free:,} bytes free, about {need:,} needed"
        raise SettingError(
            f"{where} for {len(samples):,} gVCFs; write to a larger disk, or run the workflow with its cohort on a "
            "store that has the room"
        )


def _size(url: str) -> int:
    """Bytes of a gVCF; none for one that cannot be read, of which ingest tells more."""
    with suppress(UnreadableFile):
        return file_size(url)
    return 0
