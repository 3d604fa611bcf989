"""Read batches of gVCFs and write them to a cohort's store, in any executor."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

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
    _ = gvcf.open_probe, cohort.write_batch
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
    layout, bases = layout_of(task.reference, task.options), read_bases(task.reference)
    unread = {arrival.sample.sample: arrival.bytes for arrival in task.arrivals}
    sources = [
        cohort.Source(
            sample=arrival.sample.sample,
            fingerprint=arrival.fingerprint,
            rows=_rows(arrival, layout.contigs, bases, task.policy, unread),
            policy=task.policy.text,
            file=arrival.file,
            caller=arrival.caller,
        )
        for arrival in task.arrivals
    ]
    receipt = cohort.write_batch(storage.open_store(task.cohort_url), sources, layout)
    return receipt, sum(unread.values())


def _rows(
    arrival: Arrival,
    contigs: Sequence[Contig],
    bases: gvcf.Bases | None,
    policy: gvcf.RecordPolicy,
    unread: dict[str, int],
) -> Iterator[gvcf.Rows]:
    """A sample's rows; reports how far its file has been read, and keeps the rest in `unread`."""
    sample, url = arrival.sample, str(arrival.sample.gvcf)
    records = gvcf.read_rows(url, contigs, sample.name_in_gvcf, reference=bases, policy=policy)
    for rows in _with_blocks(url, arrival.caller, records):
        left = max(arrival.bytes - rows.bytes, 0)
        if left < unread[sample.sample]:
            report_bytes(unread[sample.sample] - left)
            unread[sample.sample] = left
        yield rows
    if gvcf.fingerprint(url, sample.name_in_gvcf) != arrival.fingerprint:
        raise UnreadableFile(
            url, "changed while it was being ingested", "run this again when no other process writes to it"
        )


def _with_blocks(url: str, caller: str, records: Iterable[gvcf.Rows]) -> Iterator[gvcf.Rows]:
    """The rows of a gVCF; raises UnreadableFile at the end of a VCF without any reference block."""
    blocks = variants = passed = False
    for rows in records:
        blocks = blocks or rows.blocks.num_rows > 0 or _names_any_other(rows.variants)
        variants = variants or rows.variants.num_rows > 0
        passed = passed or gvcf.OUTSIDE in rows.dropped
        yield rows
    if not blocks and (variants or not passed):
        problem = "holds no reference block: nothing is known of the bases between its variants"
        written = "" if caller == UNKNOWN.name else f" (written by {caller})"
        raise UnreadableFile(url, problem + written, ADVICE.get(caller, GIVE_GVCF))


def _names_any_other(variants: pa.RecordBatch) -> bool:
    """Whether any record has a symbolic ALT, as in a gVCF of base-pair resolution."""
    return bool(pc.any(pc.starts_with(pc.list_flatten(variants["alts"]), "<")).as_py())
