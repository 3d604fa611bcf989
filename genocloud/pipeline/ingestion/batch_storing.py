"""Read batches of gVCFs and write them to a cohort's store, in any executor."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import cohort, gvcf, storage
from genocloud.cohort import BATCH_SIZE
from genocloud.errors import UnreadableFile
from genocloud.gvcf.dialects import ADVICE, UNKNOWN
from genocloud.pipeline.ingestion.arrivals import Arrival
from genocloud.pipeline.options import IngestOptions
from genocloud.pipeline.reference import Reference, read_bases
from genocloud.regions import Contig
from genocloud.scatter.executors import Scatter
from genocloud.scatter.progress import Progress
from genocloud.scatter.task_progress import report_bytes

STREAM_BYTES = 2_000_000
"""Bytes of a sample being ingested: text and rows read ahead; 1 MB was measured with benchmark B."""


PIECE_BYTES = 200_000_000
"""Bytes of many samples' rows while they are merged, packed and compressed into row groups."""


GIVE_GVCF = "give a gVCF (GATK: -ERC GVCF), not a VCF of variants"


@dataclass(frozen=True, kw_only=True)
class IngestTask:
    cohort_url: str
    reference: Reference
    options: IngestOptions
    arrivals: tuple[Arrival, ...]
    policy: gvcf.RecordPolicy


def load_ingest() -> None:
    """Import what ingest needs, before processes are forked."""
    _ = gvcf.open_probe, gvcf.read_together, cohort.write_batch
    gvcf.load_reader()


def even_batch_size(samples: int, processes: int) -> int:
    """Samples per batch so that all processes get equally many batches: BATCH_SIZE, or a little smaller."""
    rounds = -(-samples // (BATCH_SIZE * processes))
    return max(1, -(-samples // (rounds * processes)))


def ingest_need(batch_size: int) -> int:
    """Bytes that a process takes to ingest batches of so many samples."""
    return batch_size * STREAM_BYTES + PIECE_BYTES


def layout_of(reference: Reference, options: IngestOptions) -> cohort.Layout:
    return cohort.Layout(reference.contigs, options.part_bp, options.window_bp)


def store_batches(tasks: Sequence[IngestTask], scatter: Scatter, progress: Progress) -> list[cohort.BatchReceipt]:
    size = sum(arrival.bytes for task in tasks for arrival in task.arrivals)
    with progress.stage("ingest", tasks=len(tasks), bytes=size, unit="batch") as stage:

        def done(result: tuple[cohort.BatchReceipt, int]) -> None:
            stage.advance(tasks=1, bytes=result[1])

        results = scatter.run(_store_batch, tasks, done, lambda read: stage.advance(bytes=read))
    return [receipt for receipt, _ in results]


def _store_batch(task: IngestTask) -> tuple[cohort.BatchReceipt, int]:
    """Store a batch; returns its receipt, and the bytes of its files not reported as read because the batch existed."""
    layout = layout_of(task.reference, task.options)
    reading = _Reading(
        contigs=layout.contigs,
        bases=read_bases(task.reference),
        policy=task.policy,
        unread={arrival.sample.sample: arrival.bytes for arrival in task.arrivals},
    )
    receipt = cohort.write_batch(storage.open_store(task.cohort_url), list(_sources(task, reading)), layout)
    return receipt, sum(reading.unread.values())


def _sources(task: IngestTask, reading: "_Reading") -> Iterator[cohort.Source]:
    """The samples of a task; neighbours with small files are read together."""
    arrivals = sorted(task.arrivals, key=lambda arrival: arrival.sample.sample)
    for small, group in groupby(arrivals, key=lambda arrival: arrival.bytes < gvcf.SMALL_BYTES):
        neighbours = tuple(group)
        together = reading.together(neighbours)
        for arrival in neighbours:
            yield cohort.Source(
                sample=arrival.sample.sample,
                fingerprint=arrival.fingerprint,
                rows=together if small else reading.alone(arrival),
                policy=task.policy.text,
                file=arrival.file,
                caller=arrival.caller,
                sex=arrival.sample.sex,
            )


@dataclass(frozen=True, kw_only=True)
class _Reading:
    """How a task's files are read, and how many bytes of each sample's file are not reported as read yet."""

    contigs: Sequence[Contig]
    bases: gvcf.Bases | None
    policy: gvcf.RecordPolicy
    unread: dict[str, int]

    def alone(self, arrival: Arrival) -> Iterator[gvcf.Rows]:
        """One sample's rows."""
        sample, url = arrival.sample, str(arrival.sample.gvcf)
        records = gvcf.read_rows(url, self.contigs, sample.name_in_gvcf, reference=self.bases, policy=self.policy)
        blocks = _BlockCheck()
        for rows in records:
            blocks.add(rows)
            self._report(arrival, max(arrival.bytes - rows.bytes, 0))
            yield rows
        blocks.check(0, arrival)
        _check_unchanged(arrival, gvcf.fingerprint(url, sample.name_in_gvcf))

    def together(self, arrivals: Sequence[Arrival]) -> Iterator[gvcf.RowsTogether]:
        """The rows of samples with small files."""
        files = [gvcf.SmallFile(str(arrival.sample.gvcf), arrival.sample.name_in_gvcf) for arrival in arrivals]
        blocks = _BlockCheck()
        for rows in gvcf.read_together(files, self.contigs, reference=self.bases, policy=self.policy):
            blocks.add(rows)
            for number, fingerprint in rows.fingerprints.items():
                self._report(arrivals[number], 0)
                blocks.check(number, arrivals[number])
                _check_unchanged(arrivals[number], fingerprint)
            yield rows

    def _report(self, arrival: Arrival, left: int) -> None:
        """Report how far a file has been read, and keep in `unread` how much is left."""
        name = arrival.sample.sample
        if left < self.unread[name]:
            report_bytes(self.unread[name] - left)
            self.unread[name] = left


def _check_unchanged(arrival: Arrival, fingerprint: str) -> None:
    if fingerprint != arrival.fingerprint:
        problem, remedy = "changed while it was being ingested", "run this again when no other process writes to it"
        raise UnreadableFile(str(arrival.sample.gvcf), problem, remedy)


class _BlockCheck:
    """Which files, by number, were seen to have reference blocks, variants, and records that were passed over."""

    def __init__(self) -> None:
        self._blocks, self._variants, self._passed = set[int](), set[int](), set[int]()

    def add(self, rows: gvcf.Rows | gvcf.RowsTogether) -> None:
        """Look at some more rows."""
        variants = _numbers_in(rows.variants)
        self._variants |= variants
        self._blocks |= _numbers_in(rows.blocks)
        for number in variants - self._blocks:
            if _names_any_other(rows.variants.filter(pc.equal(rows.variants["sample"], number))):
                self._blocks.add(number)
        self._passed |= {number for number, counts in rows.counts if gvcf.OUTSIDE in counts.dropped}

    def check(self, number: int, arrival: Arrival) -> None:
        """Raise UnreadableFile for a file that has been read to its end and is a VCF without any reference block."""
        if number in self._blocks or (number in self._passed and number not in self._variants):
            return
        problem = "holds no reference block: nothing is known of the bases between its variants"
        written = "" if arrival.caller == UNKNOWN.name else f" (written by {arrival.caller})"
        raise UnreadableFile(str(arrival.sample.gvcf), problem + written, ADVICE.get(arrival.caller, GIVE_GVCF))


def _numbers_in(rows: pa.RecordBatch) -> set[int]:
    """The files with any of these rows."""
    return set(np.flatnonzero(np.bincount(rows["sample"].to_numpy())).tolist())


def _names_any_other(variants: pa.RecordBatch) -> bool:
    """Whether any record has a symbolic ALT, as in a gVCF of base-pair resolution."""
    return bool(pc.any(pc.starts_with(pc.list_flatten(variants["alts"]), "<")).as_py())
