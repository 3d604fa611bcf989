"""ingest: gVCFs become batches of a cohort, side by side, and one new version of its manifest."""

import logging
import shlex
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from genocloud import cohort, gvcf, objects
from genocloud.cohort import BATCH_SIZE
from genocloud.errors import MANY, InputError, UnreadableFile, first_of
from genocloud.gvcf.callers import ADVICE, UNKNOWN
from genocloud.regions import PART_BP, SHARD_BP, Contig, Region
from genocloud.samples import BadRow, Sample
from genocloud.scatter.executors import Scatter
from genocloud.scatter.progress import Progress
from genocloud.scatter.telling import tell
from genocloud.steps.inputs import look_at_sample
from genocloud.steps.intervals import Intervals
from genocloud.steps.people import Listed, People, read_people
from genocloud.steps.receipts import Receipt, receipt_of
from genocloud.steps.reference import Reference, read_bases, read_reference
from genocloud.steps.refusals import tallies_in_force
from genocloud.steps.rename import check_twins

log = logging.getLogger(__name__)


LOOKED_AT = 16
"""Samples checked by one task: so many take about ten milliseconds, of which handing them over is a small part."""


STREAM_BYTES = 2_000_000
"""A sample that is being ingested: text and rows that were read ahead, 1 MB as measured with benchmark B."""

PIECE_BYTES = 200_000_000
"""The rows of many samples on their way into row groups, as they are joined, packed and compressed."""


GIVE_GVCF = "give a gVCF (GATK: -ERC GVCF), not a VCF of variants"


class StrangersInCohort(InputError):
    """A cohort that holds people whom a complete sample sheet does not name."""

    def __init__(self, url: str, sheet: str, names: Sequence[str]) -> None:
        self.url, self.sheet, self.samples = url, sheet, tuple(names)
        which = "SAMPLE..." if len(self.samples) > MANY else shlex.join(self.samples)
        super().__init__(
            f"{url}: the cohort holds samples that {sheet} does not name: {first_of(self.samples)}; put them back, or "
            f"take them out of the cohort: genocloud remove {shlex.quote(url)} {which} (where consent was withdrawn: "
            "genocloud erase)"
        )


@dataclass(frozen=True)
class Storing:
    """How samples are stored.

    `replace`: a sample of the cohort whose file has changed is read from that one from now on; else it is refused.
    `complete`: the sheet names everybody, with the files that count now: a sample whose file has changed replaces what
    the cohort holds of it, and a cohort that holds others is refused.
    `intervals`: where records must be good. Bad ones that reach into none of them are dropped, counted, and noted as
    lacking. `drop_bad_records`: those inside are dropped, too, up to a stated share (gvcf.TooManyBadRecords); else the
    first is refused. `only`: contigs without intervals are not read at all.
    """

    part_bp: int = PART_BP
    window_bp: int = SHARD_BP
    batch_size: int = BATCH_SIZE
    complete: bool = False
    replace: bool = False
    intervals: Intervals = field(default_factory=Intervals)
    drop_bad_records: bool = False
    only: bool = False

    def policy(self, contigs: Sequence[Contig]) -> gvcf.RecordPolicy:
        """What becomes of records that cannot be used. Raises InputError."""
        inside = self.intervals.inside(contigs)
        return gvcf.RecordPolicy(inside, self.drop_bad_records, self.only and inside is not None)


@dataclass(frozen=True)
class _Arrival:
    """A checked sample, what its gVCF is known by, and how large that is."""

    sample: Sample
    fingerprint: str
    bytes: int
    file: str
    caller: str


@dataclass(frozen=True)
class _Task:
    cohort_url: str
    reference: Reference
    storing: Storing
    arrivals: tuple[_Arrival, ...]
    policy: gvcf.RecordPolicy


def ingest(
    cohort_url: str, listed: Listed, reference_url: str, storing: Storing, scatter: Scatter, progress: Progress
) -> Receipt:
    """Store the listed gVCFs in a cohort, new or there already; the balance is in records.

    Samples that the cohort holds with the same content are left as they are. A batch that an earlier, killed run
    finished is used. Raises InputError (also for a sample of the cohort with other content) or StoreError.
    """
    with receipt_of("ingest") as receipt:
        reference = read_reference(reference_url)
        layout = _layout(reference, storing)
        told = {"contigs": reference.checksum}
        _check_reference(cohort_url, reference, layout, told)
        policy = storing.policy(reference.contigs)
        people = read_people(listed, scatter, progress)
        arrivals = _arrivals(people, reference, policy, scatter, progress)
        new = _new_ones(cohort_url, people.source, arrivals, storing, policy)
        tasks = [_Task(cohort_url, reference, storing, batch, policy) for batch in _batches(new, storing.batch_size)]
        batches = _store(tasks, scatter, progress)
        replacing = {arrival.sample.sample for arrival in new} if storing.complete or storing.replace else ()
        opened = cohort.append(objects.open_store(cohort_url), batches, layout, told, replacing)
        receipt.inputs = {"reference": reference.checksum}
        receipt.inputs |= {arrival.sample.sample: f"fingerprint:{arrival.fingerprint}" for arrival in arrivals}
        receipt.figures = {"cohort_version": opened.version, "samples": len(opened.samples), "new_samples": len(new)}
        receipt.figures["bytes_stored"] = sum(part.bytes for batch in batches for part in batch.parts)
        receipt.figures |= _bad_records(opened, {arrival.sample.sample for arrival in new})
        dropped = sum((Counter(batch.dropped) for batch in batches), Counter[str]())
        stored = sum(sum(batch.stored.values()) for batch in batches)
        receipt.figures["odd"] = _odd(batches)
        receipt.balanced("records", sum(batch.read for batch in batches), stored, dropped)
    return receipt


BAD_RECORDS = ("bad_records", "bad_records_outside")


def _bad_records(opened: cohort.Cohort, names: Collection[str]) -> dict[str, Any]:
    """How many records were dropped because they are bad: inside by sample and kind, outside by sample; said, too."""
    dropped = {name: tally.dropped for name, tally in tallies_in_force(opened) if name in names}
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
    """How many stored records are odd, by kind; each kind is logged with the samples that have most of it."""
    by_kind: dict[str, Counter[str]] = {}
    for batch in batches:
        for sample, tally in zip(batch.samples, batch.tallies, strict=True):
            for kind, count in tally.odd.items():
                by_kind.setdefault(kind, Counter())[sample] += count
    for kind, samples in sorted(by_kind.items()):
        names = [f"{sample} ({count:,})" for sample, count in samples.most_common()]
        log.warning("%s: %s records, of %s", kind, f"{samples.total():,}", first_of(names))
    return {kind: samples.total() for kind, samples in sorted(by_kind.items())}


def load_ingest() -> None:
    """Load what ingesting takes, before processes are forked that are to have it too."""
    _ = gvcf.look_at, cohort.write_batch
    gvcf.load_reader()


def even_batch_size(samples: int, processes: int) -> int:
    """Samples to a batch so that all processes have as many batches: of the usual size, or a little smaller."""
    rounds = -(-samples // (BATCH_SIZE * processes))
    return max(1, -(-samples // (rounds * processes)))


def ingest_need(batch_size: int) -> int:
    """Bytes that a process takes which ingests batches of so many samples."""
    return batch_size * STREAM_BYTES + PIECE_BYTES


def _layout(reference: Reference, storing: Storing) -> cohort.Layout:
    return cohort.Layout(reference.contigs, storing.part_bp, storing.window_bp)


def _check_reference(cohort_url: str, reference: Reference, layout: cohort.Layout, told: dict[str, str]) -> None:
    """Raise OtherReference where the cohort has another one, UnreadableFile where its index is not its own."""
    opened = _opened(cohort_url)
    if opened:
        cohort.check_same(opened, layout, told)
    if read_bases(reference) is None:
        log.warning(
            "%s: REF is not compared with it; to have that done, give it here, uncompressed or by bgzip with its .gzi",
            reference.url,
        )


def _store(tasks: Sequence[_Task], scatter: Scatter, progress: Progress) -> list[cohort.BatchReceipt]:
    size = sum(arrival.bytes for task in tasks for arrival in task.arrivals)
    with progress.stage("ingest", tasks=len(tasks), bytes=size, unit="batch") as stage:

        def done(result: tuple[cohort.BatchReceipt, int]) -> None:
            stage.advance(tasks=1, bytes=result[1])

        results = scatter.run(_store_batch, tasks, done, lambda told: stage.advance(bytes=told))
    return [receipt for receipt, _ in results]


def _arrivals(
    people: People, reference: Reference, policy: gvcf.RecordPolicy, scatter: Scatter, progress: Progress
) -> list[_Arrival]:
    sheet_url, sheet = people.source, people.samples
    for sample in sheet:
        if sample.reads:
            problem = f"sample {sample.sample} has reads, not a gVCF"
            remedy = "call it first (genocloud call), or run the workflow, which does"
            raise BadRow(sheet_url, sample.line, sample.sample, problem, remedy)
    with progress.stage("inputs", tasks=len(sheet), unit="sample") as stage:
        look = partial(_look_at, sheet_url, reference, policy)
        groups = [sheet[first : first + LOOKED_AT] for first in range(0, len(sheet), LOOKED_AT)]
        found = scatter.run(look, groups, lambda group: stage.advance(tasks=len(group)))
    return [arrival for group in found for arrival in group]


def _look_at(
    sheet_url: str, reference: Reference, policy: gvcf.RecordPolicy, group: Sequence[Sample]
) -> list[_Arrival]:
    return [_arrival(sheet_url, reference, policy, sample) for sample in group]


def _arrival(sheet_url: str, reference: Reference, policy: gvcf.RecordPolicy, sample: Sample) -> _Arrival:
    with look_at_sample(sheet_url, reference, sample, policy) as (checked, look):
        file = look.fingerprint(None) if len(look.header.samples) > 1 else ""
        return _Arrival(checked, look.fingerprint(checked.name_in_gvcf), look.bytes(), file, look.header.caller)


def _new_ones(
    cohort_url: str, sheet_url: str, arrivals: Sequence[_Arrival], storing: Storing, policy: gvcf.RecordPolicy
) -> list[_Arrival]:
    """Those that the cohort does not hold yet, and, if they may replace, those that it holds with other content.

    Records that were left out, but now matter, are other content.

    Raises StrangersInCohort where a complete sheet does not name everybody, KnownAsOther where somebody would come in a
    second time, TwinInCohort where two would look alike, DuplicateSample where somebody may not be replaced whom the
    cohort holds with other content.
    """
    present = _present(cohort_url)
    check_twins(cohort_url, (arrival.sample.sample for arrival in arrivals), present)
    strangers = present.keys() - {arrival.sample.sample for arrival in arrivals}
    if storing.complete and strangers:
        raise StrangersInCohort(cohort_url, sheet_url, sorted(strangers))
    _check_names(cohort_url, arrivals, present)
    lacking = _lacking(cohort_url, policy) if storing.complete or storing.replace else ()
    new = [
        arrival
        for arrival in arrivals
        if present.get(arrival.sample.sample) != arrival.fingerprint or arrival.sample.sample in lacking
    ]
    changed = [arrival.sample.sample for arrival in new if arrival.sample.sample in present]
    if changed and not (storing.complete or storing.replace):
        raise cohort.DuplicateSample(cohort_url, changed)
    return new


def _lacking(cohort_url: str, policy: gvcf.RecordPolicy) -> set[str]:
    """The samples in force from which records were dropped that this policy would not drop."""
    opened = _opened(cohort_url)
    return {name for name, tally in tallies_in_force(opened) if _lacks(tally, policy)} if opened else set()


def _lacks(tally: cohort.Tally, policy: gvcf.RecordPolicy) -> bool:
    refused = not policy.drop and any(map(gvcf.is_bad, tally.dropped))
    return refused or any(policy.reaches(Region(*hole)) for hole in tally.holes)


def _check_names(cohort_url: str, arrivals: Sequence[_Arrival], present: Mapping[str, str]) -> None:
    """Refuse a new name for a file that is in force under one that the sheet does not have: of a person renamed.

    Two names in one sheet for one file may be meant (a twin in a test), and are said.
    """
    named = {arrival.sample.sample for arrival in arrivals}
    firsts: dict[str, str] = {}
    for name, fingerprint in ((arrival.sample.sample, arrival.fingerprint) for arrival in arrivals):
        if firsts.setdefault(fingerprint, name) != name:
            log.warning("%s and %s have the same gVCF: the person will count twice", firsts[fingerprint], name)
    others = {fingerprint: name for name, fingerprint in present.items() if name not in named}
    for arrival in arrivals:
        if arrival.sample.sample not in present and arrival.fingerprint in others:
            raise cohort.KnownAsOther(cohort_url, arrival.sample.sample, others[arrival.fingerprint])


def _present(cohort_url: str) -> dict[str, str]:
    """The fingerprints of the samples in force, by name; none where there is no cohort yet."""
    opened = _opened(cohort_url)
    return opened.fingerprints() if opened else {}


def _opened(cohort_url: str) -> cohort.Cohort | None:
    """The cohort, if there is one. Raises CallsetHere."""
    try:
        return cohort.open_cohort(cohort_url)
    except cohort.CallsetHere:
        raise
    except cohort.NoCohort:
        return None


def _batches(arrivals: Iterable[_Arrival], size: int) -> list[tuple[_Arrival, ...]]:
    """Batches as the sheet's column `batch` names them, in sorted order, none larger than `size`."""
    ordered = sorted(arrivals, key=lambda arrival: (arrival.sample.batch or "", arrival.sample.sample))
    named = groupby(ordered, key=lambda arrival: arrival.sample.batch)
    groups = [tuple(group) for _, group in named]
    return [group[first : first + size] for group in groups for first in range(0, len(group), size)]


def _store_batch(task: _Task) -> tuple[cohort.BatchReceipt, int]:
    """Store a batch; returns its receipt, and bytes of its files that nothing was told of: it was there already."""
    layout, bases = _layout(task.reference, task.storing), read_bases(task.reference)
    untold = {arrival.sample.sample: arrival.bytes for arrival in task.arrivals}
    sources = [
        cohort.Source(
            arrival.sample.sample,
            arrival.fingerprint,
            _rows(arrival, layout.contigs, bases, task.policy, untold),
            task.policy.text,
            arrival.file,
            arrival.caller,
        )
        for arrival in task.arrivals
    ]
    receipt = cohort.write_batch(objects.open_store(task.cohort_url), sources, layout)
    return receipt, sum(untold.values())


def _rows(
    arrival: _Arrival,
    contigs: Sequence[Contig],
    bases: gvcf.Bases | None,
    policy: gvcf.RecordPolicy,
    untold: dict[str, int],
) -> Iterator[gvcf.Rows]:
    """A sample's rows, telling how far its file has been read; `untold` has what remains of it."""
    sample, url = arrival.sample, str(arrival.sample.gvcf)
    records = gvcf.read_rows(url, contigs, sample.name_in_gvcf, reference=bases, policy=policy)
    for rows in _with_blocks(url, arrival.caller, records):
        left = max(arrival.bytes - rows.bytes, 0)
        if left < untold[sample.sample]:
            tell(untold[sample.sample] - left)
            untold[sample.sample] = left
        yield rows
    if gvcf.fingerprint(url, sample.name_in_gvcf) != arrival.fingerprint:
        raise UnreadableFile(url, "changed while it was being ingested", "run this again when nobody writes to it")


def _with_blocks(url: str, caller: str, records: Iterable[gvcf.Rows]) -> Iterator[gvcf.Rows]:
    """The rows of a gVCF; a VCF that says nothing of the bases between its variants is refused at its end."""
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
    """Whether some record has a symbolic ALT, as those of a base-pair resolution gVCF have."""
    return bool(pc.any(pc.starts_with(pc.list_flatten(variants["alts"]), "<")).as_py())
