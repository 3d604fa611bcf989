"""ingest: gVCFs become batches of a cohort, side by side, and one new version of its manifest."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby

import pyarrow as pa
import pyarrow.compute as pc

from genocloud import cohort, gvcf, objects
from genocloud.errors import InputError, UnreadableFile, first_of
from genocloud.regions import PART_BP, SHARD_BP, Contig
from genocloud.samples import BadRow, Sample, read_sheet
from genocloud.scatter.executors import Scatter
from genocloud.scatter.progress import Progress
from genocloud.steps.inputs import check_sample, file_size
from genocloud.steps.receipts import Receipt, receipt_of
from genocloud.steps.reference import Reference, read_reference

BATCH_SIZE = 200
"""Samples stored together: enough that files are few and large, few enough that a batch fits a task's memory."""


class StrangersInCohort(InputError):
    """A cohort that holds people whom a complete sample sheet does not name."""

    def __init__(self, url: str, sheet: str, names: Sequence[str]) -> None:
        self.url, self.sheet, self.samples = url, sheet, tuple(names)
        super().__init__(
            f"{url}: the cohort holds samples that {sheet} does not name: {first_of(self.samples)}; put them "
            "back into the sheet, or give a cohort (and a callset) of another name"
        )


@dataclass(frozen=True)
class Storing:
    """How samples are stored.

    `complete`: the sheet names everybody, with the files that count now: a sample whose file has changed replaces what
    the cohort holds of it, and a cohort that holds others is refused.
    """

    part_bp: int = PART_BP
    window_bp: int = SHARD_BP
    batch_size: int = BATCH_SIZE
    complete: bool = False


@dataclass(frozen=True)
class _Arrival:
    """A checked sample, what its gVCF is known by, and how large that is."""

    sample: Sample
    fingerprint: str
    bytes: int


@dataclass(frozen=True)
class _Task:
    cohort_url: str
    layout: cohort.Layout
    arrivals: tuple[_Arrival, ...]


def ingest(
    cohort_url: str, sheet_url: str, reference_url: str, storing: Storing, scatter: Scatter, progress: Progress
) -> Receipt:
    """Store the sheet's gVCFs in a cohort, new or there already; the balance is in records.

    Samples that the cohort holds with the same content are left as they are. A batch that an earlier, killed run
    finished is used. Raises InputError (also for a sample of the cohort with other content) or StoreError.
    """
    with receipt_of("ingest") as receipt:
        reference = read_reference(reference_url)
        layout = cohort.Layout(reference.contigs, storing.part_bp, storing.window_bp)
        arrivals = _arrivals(sheet_url, reference, scatter, progress)
        new = _new_ones(cohort_url, sheet_url, arrivals, storing.complete)
        tasks = [_Task(cohort_url, layout, batch) for batch in _batches(new, storing.batch_size)]
        sizes = {arrival.sample.sample: arrival.bytes for arrival in new}
        with progress.stage("ingest", tasks=len(tasks), bytes=sum(sizes.values()), unit="batch") as stage:
            batches = scatter.run(
                _store_batch, tasks, lambda one: stage.advance(tasks=1, bytes=sum(sizes[name] for name in one.samples))
            )
        told = {"contigs": reference.checksum}
        replacing = {arrival.sample.sample for arrival in new} if storing.complete else ()
        opened = cohort.append(objects.open_store(cohort_url), batches, layout, told, replacing)
        receipt.inputs = {"reference": reference.checksum}
        receipt.inputs |= {arrival.sample.sample: f"fingerprint:{arrival.fingerprint}" for arrival in arrivals}
        receipt.figures = {"cohort_version": opened.version, "samples": len(opened.samples), "new_samples": len(new)}
        dropped = sum((Counter(batch.dropped) for batch in batches), Counter[str]())
        stored = sum(sum(batch.stored.values()) for batch in batches)
        receipt.balanced("records", sum(batch.read for batch in batches), stored, dropped)
    return receipt


def _arrivals(sheet_url: str, reference: Reference, scatter: Scatter, progress: Progress) -> list[_Arrival]:
    sheet = read_sheet(sheet_url)
    for sample in sheet:
        if sample.reads:
            problem = f"sample {sample.sample} has reads, not a gVCF"
            remedy = "call it first (genocloud call), or run the workflow, which does"
            raise BadRow(sheet_url, sample.line, sample.sample, problem, remedy)
    with progress.stage("inputs", tasks=len(sheet), unit="sample") as stage:
        look = partial(_arrival, sheet_url, reference)
        return scatter.run(look, sheet, lambda _: stage.advance(tasks=1))


def _arrival(sheet_url: str, reference: Reference, sample: Sample) -> _Arrival:
    checked = check_sample(sheet_url, reference, sample)
    url = str(checked.gvcf)
    return _Arrival(checked, gvcf.fingerprint(url, checked.name_in_gvcf), file_size(url))


def _new_ones(cohort_url: str, sheet_url: str, arrivals: Sequence[_Arrival], complete: bool) -> list[_Arrival]:
    """Those that the cohort does not hold yet, and, if the sheet is complete, those that it holds with other content.

    Raises StrangersInCohort where a complete sheet does not name everybody, DuplicateSample where an incomplete one
    names somebody whom the cohort holds with other content.
    """
    present = _present(cohort_url)
    strangers = present.keys() - {arrival.sample.sample for arrival in arrivals}
    if complete and strangers:
        raise StrangersInCohort(cohort_url, sheet_url, sorted(strangers))
    new = [arrival for arrival in arrivals if present.get(arrival.sample.sample) != arrival.fingerprint]
    changed = [arrival.sample.sample for arrival in new if arrival.sample.sample in present]
    if changed and not complete:
        raise cohort.DuplicateSample(cohort_url, changed)
    return new


def _present(cohort_url: str) -> dict[str, str]:
    """The fingerprints of the samples in force, by name; none where there is no cohort yet."""
    try:
        return cohort.open_cohort(cohort_url).fingerprints()
    except cohort.NoCohort:
        return {}


def _batches(arrivals: Iterable[_Arrival], size: int) -> list[tuple[_Arrival, ...]]:
    """Batches as the sheet's column `batch` names them, in sorted order, none larger than `size`."""
    ordered = sorted(arrivals, key=lambda arrival: (arrival.sample.batch or "", arrival.sample.sample))
    named = groupby(ordered, key=lambda arrival: arrival.sample.batch)
    groups = [tuple(group) for _, group in named]
    return [group[first : first + size] for group in groups for first in range(0, len(group), size)]


def _store_batch(task: _Task) -> cohort.BatchReceipt:
    sources = [
        cohort.Source(
            arrival.sample.sample,
            arrival.fingerprint,
            _with_blocks(str(arrival.sample.gvcf), task.layout.contigs, arrival.sample.name_in_gvcf),
        )
        for arrival in task.arrivals
    ]
    return cohort.write_batch(objects.open_store(task.cohort_url), sources, task.layout)


def _with_blocks(url: str, contigs: Sequence[Contig], name: str | None) -> Iterator[gvcf.Rows]:
    """The rows of a gVCF; a VCF that says nothing of the bases between its variants is refused at its end."""
    blocks = False
    for rows in gvcf.read_rows(url, contigs, name):
        blocks = blocks or rows.blocks.num_rows > 0 or _names_any_other(rows.variants)
        yield rows
    if not blocks:
        problem = "holds no reference block: nothing is known of the bases between its variants"
        raise UnreadableFile(url, problem, "give a gVCF (GATK: -ERC GVCF), not a VCF of variants")


def _names_any_other(variants: pa.RecordBatch) -> bool:
    """Whether some record has a symbolic ALT, as those of a base-pair resolution gVCF have."""
    return bool(pc.any(pc.starts_with(pc.list_flatten(variants["alts"]), "<")).as_py())
