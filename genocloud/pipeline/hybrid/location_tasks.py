"""Tasks of a hybrid run at one location, before and after genotyping: probe, claim, commit, count."""

import os.path
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any

import pyarrow as pa

from genocloud import callset, storage
from genocloud.cohort import Cohort, NoCohort, open_cohort
from genocloud.errors import GenocloudError, SettingError, UnreadableFile
from genocloud.federation import DisclosableError, Message, Register, check_release, claim_store, cohort_in, policy_for
from genocloud.pipeline.callset_counts import site_totals
from genocloud.pipeline.callset_registry import register
from genocloud.pipeline.genotyping.shard_completion import description_of
from genocloud.pipeline.hybrid.tasks import LocationContext
from genocloud.pipeline.receipts import Receipt
from genocloud.pipeline.reference import read_reference
from genocloud.pipeline.sharding import Shard, ShardPlan
from genocloud.samples import Sample, sheet_text
from genocloud.scatter.executors import Scatter, open_scatter, within
from genocloud.scatter.progress import Silent
from genocloud.schema import ACTIVE_SAMPLES, SHEET, WORD, ActiveSamples, Sheet

SHEET_NAME = "samples.tsv"
"""The location's rows of the sheet, in its store."""


@dataclass(frozen=True, kw_only=True)
class ProbeRequest:
    """Check a location before any work: its store, and whether reference and layout are the run's.

    policy          the location's policy in the config
    is_coordinator  whether the config says that the coordinator is at the location
    kinds           of messages that the location must let out, in addition to those of every run
    """

    site: str
    store: str
    kinds: tuple[str, ...]
    is_coordinator: bool
    policy: str
    reference: str
    checksum: str
    part_bp: int
    window_bp: int


@dataclass(frozen=True)
class ProbeResult:
    """What a location has: genocloud's version, the number of samples in its cohort, and which policy file decides."""

    software: str
    samples: int
    policy_sentence: str


@dataclass(frozen=True, kw_only=True)
class FillRequest:
    """Ingest a location's rows of the sheet; `intervals` and `drop_bad_records` are as in IngestOptions.

    likelihoods  whether the model calls by likelihoods, for which every block has PL or GQ
    """

    context: LocationContext
    batch_size: int
    threads: int
    sheet: Message
    intervals: tuple[str, ...] | None = None
    drop_bad_records: bool = False
    likelihoods: bool = True


@dataclass(frozen=True, kw_only=True)
class FillResult:
    """A location's cohort after ingest.

    content           hash of its rows; `samples_key`: of samples and rows
    variants, blocks  see sharding.GenomeRows
    people            ACTIVE_SAMPLES
    callers           of its gVCFs, each once
    """

    version: int
    content: str
    samples_key: str
    people: Message
    callers: tuple[str, ...]
    variants: tuple[tuple[str, int], ...]
    blocks: tuple[tuple[str, int], ...]
    balance: dict[str, Any]
    figures: dict[str, Any]


class LocationMismatch(DisclosableError, SettingError):
    """A location whose reference, layout or genocloud version is not the run's."""

    def __init__(self, site: str, what: str, here: str, there: str, remedy: str) -> None:
        self.site, self.what, self.here, self.there = site, what, here, there
        super().__init__(f"site {site}: its {what} is {there}, the coordinator's is {here}; {remedy}")


class UnusableLocation(DisclosableError):
    """A location that cannot be used: its name and what is wrong there, with the exit code of the reason."""

    def __init__(self, site: str, reason: GenocloudError) -> None:
        self.site, self.exit_code = site, reason.exit_code
        head = f"site {site}: "
        super().__init__(f"{head}{str(reason).removeprefix(head)}")


def probe(request: ProbeRequest) -> ProbeResult:
    """Check a location before any work: the policy covers the run, the store is writable, the layout is the run's.

    Nothing that the policy does not cover is touched. Raises an error of genocloud.federation, LocationMismatch, or
    UnusableLocation for what is wrong with store or reference.
    """
    policy = policy_for(request.store)
    policy.check(request.site, request.store, request.policy, request.is_coordinator)
    policy.check_input("reference", request.reference)
    for kind in request.kinds:
        check_release(request.store, kind)
    if policy.counts_people:
        Register(policy).check()
    try:
        samples = _count_samples(request)
    except (storage.StoreFailed, UnreadableFile) as error:
        reason = UnusableLocation(request.site, error)
    else:
        return ProbeResult(version("genocloud"), samples, str(policy))
    raise reason  # raised outside of `except`: the original exception, as context, must not cross


def _count_samples(request: ProbeRequest) -> int:
    """The number of samples in the location's cohort."""
    checksum = read_reference(request.reference).checksum
    if checksum != request.checksum:
        remedy = f"give {request.site} the same reference: its contigs, in the same order ({request.reference})"
        raise LocationMismatch(request.site, "reference", request.checksum, checksum, remedy)
    store = storage.open_store(request.store)
    store.write(_PROBE, b"")
    store.delete(_PROBE)
    claim_store(request.store, request.site)
    try:
        cohort = open_cohort(cohort_in(request.store))
    except NoCohort:
        return 0
    _check_layout(request, cohort)
    return len(cohort.samples)


_PROBE = "probe"


def _check_layout(request: ProbeRequest, cohort: Cohort) -> None:
    here, there = (request.part_bp, request.window_bp), (cohort.layout.part_bp, cohort.layout.window_bp)
    if cohort.reference["contigs"] != request.checksum:
        remedy = "give the config's reference to all sites, or another store"
        raise LocationMismatch(
            request.site, "cohort's reference", request.checksum, cohort.reference["contigs"], remedy
        )
    if here != there:
        remedy = "set part_bp and window_bp as the cohort has them, or give the site another store"
        raise LocationMismatch(request.site, "cohort's part_bp and window_bp", str(here), str(there), remedy)


def sheet_table(samples: Sequence[Sample]) -> Sheet:
    """Rows as a SHEET table, local paths made absolute."""
    return pa.Table.from_pylist([{name: _cell(sample, name) for name in SHEET.names} for sample in samples], SHEET)


def _cell(sample: Sample, name: str) -> Any:
    value = getattr(sample, name)
    return os.path.abspath(value) if name == "gvcf" and "://" not in value else value  # noqa: PTH100


INGEST_FIGURES = ("seconds", "cohort_version", "samples", "new_samples")
"""The figures of ingest's receipt that may cross: not the bytes of new samples, which may be one sample's."""


def record_balance(cohort: Cohort) -> dict[str, Any]:
    """Summed outcomes of the records of all active samples: the new samples alone might be few."""
    tallies = [
        tally
        for batch in cohort.batches
        for tally, rank in zip(cohort.receipt(batch).tallies, batch.ranks.tolist(), strict=True)
        if rank >= 0
    ]
    receipt = Receipt("ingest")
    dropped = sum((Counter(tally.dropped) for tally in tallies), Counter[str]())
    stored = sum(sum(tally.stored.values()) for tally in tallies)
    receipt.balanced("records", sum(tally.read for tally in tallies), stored, dropped)
    return receipt.balance


def check_covered(context: LocationContext, samples: Sequence[Sample]) -> None:
    """Raise NotCovered for a file that the location's policy does not cover, before any file is touched."""
    policy = policy_for(context.store)
    policy.check_input("reference", context.reference)
    for sample in samples:
        policy.check_input("gVCF", str(sample.gvcf))


def sheet_text_of(samples: Sequence[Sample], folder: str) -> str:
    """The rows as the text of a sheet, or of a sample map if they came from one (it renames samples)."""
    if all(sample.renames for sample in samples):
        return "".join(f"{sample.sample}\t{sample.gvcf}\n" for sample in samples)
    return sheet_text(samples, folder)


def people_table(cohort: Cohort, rows: dict[str, int]) -> ActiveSamples:
    people = [
        {"batch": batch.id, "row": rows[name], "rank": rank}
        for batch in cohort.batches
        for name, rank in zip(batch.samples, batch.ranks.tolist(), strict=True)
        if rank >= 0
    ]
    table = pa.table({name: [person[name] for person in people] for name in ACTIVE_SAMPLES.names})
    return table.set_column(0, "batch", table["batch"].cast(pa.string()).dictionary_encode().cast(WORD)).cast(
        ACTIVE_SAMPLES
    )


@contextmanager
def location_workers(threads: int) -> Iterator[Scatter]:
    """All of the location's workers, from within a task on one of them."""
    with within() as scatter:
        if scatter.spread or threads == 1:
            yield scatter
            return
    with open_scatter(f"threads:{threads}") as pool:
        yield pool


@dataclass(frozen=True, kw_only=True)
class CommitRequest:
    """Commit a location's part of the callset, all of whose shards are complete; `united`: URL of the joint callset."""

    context: LocationContext
    shards: tuple[Shard, ...]
    coordinator: str
    united: str


def claim(context: LocationContext) -> None:
    """Create a location's callset, and register it with its cohort."""
    store = storage.open_store(context.callset_url)
    callset.claim(store)
    if context.version:
        register(context.cohort_url, store.url)


def commit(request: CommitRequest) -> None:
    """Commit a location's shards as an ordinary callset of its own samples."""
    context, cohort, store = (
        request.context,
        request.context.admitted_cohort(),
        storage.open_store(request.context.callset_url),
    )
    entries = [callset.find_shard(store, shard, context.key) for shard in request.shards]
    description = replace(
        description_of(cohort, context.model, ShardPlan(scope=context.scope, whole=True, owned=request.shards)),
        site=context.site,
    )
    register(context.cohort_url, request.united, request.coordinator)
    callset.commit(store, description, [entry for entry in entries if entry])


@dataclass(frozen=True)
class CountRequest:
    """Count a location's finished callset in so many threads."""

    context: LocationContext
    threads: int


def count(request: CountRequest) -> Message:
    """TOTALS of a location's samples."""
    with location_workers(request.threads) as scatter:
        return request.context.released("totals", site_totals(request.context.callset_url, scatter, Silent()))
