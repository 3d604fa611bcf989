"""ingest: write gVCFs as batches of a cohort, in parallel, and commit one new version of its manifest."""

import logging
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import Any

from genocloud import cohort, gvcf, storage
from genocloud.errors import MANY, first_of
from genocloud.pipeline.ingestion.arrivals import Arrival, check_arrivals, existing_cohort, in_batches, new_arrivals
from genocloud.pipeline.ingestion.batch_storing import IngestTask, layout_of, store_batches
from genocloud.pipeline.options import IngestOptions
from genocloud.pipeline.preconditions import active_tallies
from genocloud.pipeline.receipts import Receipt, receipt_of
from genocloud.pipeline.reference import Reference, read_bases, read_reference
from genocloud.pipeline.sample_list import Listed, read_people
from genocloud.scatter.executors import Scatter
from genocloud.scatter.progress import Progress

log = logging.getLogger(__name__)


def ingest(
    cohort_url: str,
    listed: Listed,
    reference_url: str,
    *,
    options: IngestOptions,
    scatter: Scatter,
    progress: Progress,
    before_storing: Callable[[Sequence[Arrival]], None] = lambda _: None,
) -> Receipt:
    """Store the listed gVCFs in a new or existing cohort; the balance is in records.

    Samples that the cohort holds with the same content are skipped. A batch that a killed run finished is reused.
    `before_storing` is called with all samples when their files have been checked; what it raises ends the run.
    Raises InputError (also for a sample of the cohort with other content) or StoreError.
    """
    with receipt_of("ingest") as receipt:
        reference = read_reference(reference_url)
        layout = layout_of(reference, options)
        reference_facts = {"contigs": reference.checksum}
        _check_reference(cohort_url, reference, layout, reference_facts)
        policy = options.policy(reference.contigs)
        people = read_people(listed, scatter, progress)
        arrivals = check_arrivals(people, reference, policy, scatter, progress)
        before_storing(arrivals)
        new = new_arrivals(cohort_url, people.source, arrivals, options, policy)
        tasks = [
            IngestTask(cohort_url=cohort_url, reference=reference, options=options, arrivals=batch, policy=policy)
            for batch in in_batches(new, options.batch_size)
        ]
        batches = store_batches(tasks, scatter, progress)
        replacing = {arrival.sample.sample for arrival in new} if options.complete or options.replace else ()
        current = cohort.append(storage.open_store(cohort_url), batches, layout, reference_facts, replacing)
        receipt.inputs = {"reference": reference.checksum}
        receipt.inputs |= {arrival.sample.sample: f"fingerprint:{arrival.fingerprint}" for arrival in arrivals}
        receipt.figures = {"cohort_version": current.version, "samples": len(current.samples), "new_samples": len(new)}
        receipt.figures["bytes_stored"] = sum(part.bytes for batch in batches for part in batch.parts)
        receipt.figures |= _bad_records(current, {arrival.sample.sample for arrival in new})
        dropped = sum((Counter(batch.dropped) for batch in batches), Counter[str]())
        stored = sum(sum(batch.stored.values()) for batch in batches)
        receipt.figures["odd"] = _odd(batches)
        receipt.balanced("records", sum(batch.read for batch in batches), stored, dropped)
    return receipt


BAD_RECORDS = ("bad_records", "bad_records_outside")


def _bad_records(current: cohort.Cohort, names: Collection[str]) -> dict[str, Any]:
    """Count and log dropped bad records: inside the intervals by sample and kind, outside by sample."""
    dropped = {name: tally.dropped for name, tally in active_tallies(current) if name in names}
    inside = {name: {why: of[why] for why in sorted(of) if gvcf.is_bad(why)} for name, of in dropped.items()}
    outside = {name: of[gvcf.BAD_OUTSIDE] for name, of in dropped.items() if gvcf.BAD_OUTSIDE in of}
    inside = {name: kinds for name, kinds in inside.items() if kinds}
    for name, kinds in list(inside.items())[:MANY]:
        said = ", ".join(f"{count:,} ({why})" for why, count in kinds.items())
        log.warning("sample %s: bad records were dropped, and nothing is known of their bases: %s", name, said)
    if outside:
        count = sum(outside.values())
        log.warning("%d bad records outside the intervals were left out, of %s", count, first_of(sorted(outside)))
    return {key: value for key, value in zip(BAD_RECORDS, (inside, outside), strict=True) if value}


def _odd(batches: Sequence[cohort.BatchReceipt]) -> dict[str, int]:
    """Count odd stored records by kind; log each kind with the samples that have most."""
    by_kind: dict[str, Counter[str]] = {}
    for batch in batches:
        for sample, tally in zip(batch.samples, batch.tallies, strict=True):
            for kind, count in tally.odd.items():
                by_kind.setdefault(kind, Counter())[sample] += count
    for kind, samples in sorted(by_kind.items()):
        names = [f"{sample} ({count:,})" for sample, count in samples.most_common()]
        log.warning("%s: %s records, of %s", kind, f"{samples.total():,}", first_of(names))
    return {kind: samples.total() for kind, samples in sorted(by_kind.items())}


def _check_reference(
    cohort_url: str, reference: Reference, layout: cohort.Layout, reference_facts: dict[str, str]
) -> None:
    """Raise OtherReference where the cohort has another one, UnreadableFile where index and FASTA do not match."""
    present = existing_cohort(cohort_url)
    if present:
        cohort.check_same(present, layout, reference_facts)
    if read_bases(reference) is None:
        log.warning(
            "%s: REF is not compared with it; to have that done, give it here, uncompressed or by bgzip with its .gzi",
            reference.url,
        )
