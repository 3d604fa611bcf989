"""What a site's workers do in a hybrid run before and after the genome: the site is looked at, filled, committed."""

import os.path
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any

import pyarrow as pa

from genocloud import callset, cohort, storage
from genocloud.errors import GenocloudError, SettingError, UnreadableFile
from genocloud.federation import Message, Register, Sayable, authority, claim_store, cohort_in
from genocloud.pipeline.callset_counts import site_totals
from genocloud.pipeline.callset_registry import register
from genocloud.pipeline.genotyping.shard_completion import description_of
from genocloud.pipeline.hybrid.tasks import At
from genocloud.pipeline.receipts import Receipt
from genocloud.pipeline.reference import read_reference
from genocloud.pipeline.sharding import Shard, ShardPlan
from genocloud.samples import Sample, sheet_text
from genocloud.scatter.executors import Scatter, open_scatter, within
from genocloud.scatter.progress import Silent
from genocloud.schema import ACTIVE_SAMPLES, SHEET, WORD

SHEET_NAME = "samples.tsv"
"""The site's rows of the sheet, in its store."""


@dataclass(frozen=True)
class Look:
    """What is asked of a site first: its store, whether its reference and layout are the run's.

    policy   what the config says that may leave it; `home`: whether it says that the coordinator is at the site
    """

    site: str
    store: str
    home: bool
    policy: str
    reference: str
    checksum: str
    part_bp: int
    window_bp: int


@dataclass(frozen=True)
class Seen:
    """What a site has: genocloud's version, how many samples its cohort holds; in words, which policy file decides."""

    software: str
    samples: int
    decides: str


@dataclass(frozen=True)
class Filling:
    """A site's rows of the sheet, to be ingested; `intervals` and `drop_bad_records` are as in ingest's Storing."""

    at: At
    batch_size: int
    threads: int
    sheet: Message
    intervals: tuple[str, ...] | None = None
    drop_bad_records: bool = False


@dataclass(frozen=True)
class Filled:
    """A site's cohort after ingest.

    `content` names its rows and `named` its samples, too; `variants`, `blocks`: see sharding.GenomeRows;
    `people`: ACTIVE_SAMPLES.
    """

    version: int
    content: str
    named: str
    people: Message
    variants: tuple[tuple[str, int], ...]
    blocks: tuple[tuple[str, int], ...]
    balance: dict[str, Any]
    figures: dict[str, Any]


class OtherAtSite(Sayable, SettingError):
    """A site whose reference, layout or genocloud is not the run's."""

    def __init__(self, site: str, what: str, here: str, there: str, remedy: str) -> None:
        self.site, self.what, self.here, self.there = site, what, here, there
        super().__init__(f"site {site}: its {what} is {there}, the coordinator's is {here}; {remedy}")


class Unfit(Sayable):
    """A site that cannot be worked at: what is wrong there, with the site's name and the exit code of the reason."""

    def __init__(self, site: str, reason: GenocloudError) -> None:
        self.site, self.exit_code = site, reason.exit_code
        head = f"site {site}: "
        super().__init__(f"{head}{str(reason).removeprefix(head)}")


def look(asked: Look) -> Seen:
    """Look at a site before any work: does its policy cover the run, may its store be written, is its layout the run's?

    What the policy does not cover is not looked at. Raises an error of locations, OtherAtSite, or Unfit for what is
    wrong with store or reference.
    """
    policy = authority(asked.store)
    policy.check(asked.site, asked.store, asked.policy, asked.home)
    policy.check_input("reference", asked.reference)
    if policy.counts_people:
        Register(policy).check()
    try:
        samples = _looked_at(asked)
    except (storage.StoreFailed, UnreadableFile) as error:
        reason = Unfit(asked.site, error)
    else:
        return Seen(version("genocloud"), samples, str(policy))
    raise reason  # out here it has no context: nothing of the reason besides its words crosses


def _looked_at(asked: Look) -> int:
    """How many samples the site's cohort holds."""
    checksum = read_reference(asked.reference).checksum
    if checksum != asked.checksum:
        remedy = f"give {asked.site} the same reference: its contigs, in the same order ({asked.reference})"
        raise OtherAtSite(asked.site, "reference", asked.checksum, checksum, remedy)
    store = storage.open_store(asked.store)
    store.write(_PROBE, b"")
    store.delete(_PROBE)
    claim_store(asked.store, asked.site)
    try:
        opened = cohort.open_cohort(cohort_in(asked.store))
    except cohort.NoCohort:
        return 0
    _check_layout(asked, opened)
    return len(opened.samples)


_PROBE = "probe"


def _check_layout(asked: Look, opened: cohort.Cohort) -> None:
    here, there = (asked.part_bp, asked.window_bp), (opened.layout.part_bp, opened.layout.window_bp)
    if opened.reference["contigs"] != asked.checksum:
        remedy = "give the config's reference to all sites, or another store"
        raise OtherAtSite(asked.site, "cohort's reference", asked.checksum, opened.reference["contigs"], remedy)
    if here != there:
        remedy = "set part_bp and window_bp as the cohort has them, or give the site another store"
        raise OtherAtSite(asked.site, "cohort's part_bp and window_bp", str(here), str(there), remedy)


def sheet_rows(samples: Sequence[Sample]) -> pa.Table:
    """SHEET of some rows, their local paths made full ones."""
    return pa.Table.from_pylist([{name: _cell(sample, name) for name in SHEET.names} for sample in samples], SHEET)


def _cell(sample: Sample, name: str) -> Any:
    value = getattr(sample, name)
    return os.path.abspath(value) if name == "gvcf" and "://" not in value else value  # noqa: PTH100


_FIGURES = ("seconds", "cohort_version", "samples", "new_samples")
"""What crosses of the ingest's figures: not the bytes of what was new, which may be one person's."""


def _balance(opened: cohort.Cohort) -> dict[str, Any]:
    """What became of the records of everybody in force, added up: of who has just come alone nothing is said."""
    tallies = [
        tally
        for batch in opened.batches
        for tally, rank in zip(opened.receipt(batch).tallies, batch.ranks.tolist(), strict=True)
        if rank >= 0
    ]
    receipt = Receipt("ingest")
    dropped = sum((Counter(tally.dropped) for tally in tallies), Counter[str]())
    stored = sum(sum(tally.stored.values()) for tally in tallies)
    receipt.balanced("records", sum(tally.read for tally in tallies), stored, dropped)
    return receipt.balance


def _check_covered(at: At, samples: Sequence[Sample]) -> None:
    """Raise NotCovered for a file that the site's policy does not cover, before any of them is looked at."""
    policy = authority(at.store)
    policy.check_input("reference", at.reference)
    for sample in samples:
        policy.check_input("gVCF", str(sample.gvcf))


def _text(samples: Sequence[Sample], folder: str) -> str:
    """The rows as a sheet; those of a sample map as one, for it renames."""
    if all(sample.renames for sample in samples):
        return "".join(f"{sample.sample}\t{sample.gvcf}\n" for sample in samples)
    return sheet_text(samples, folder)


def _people(opened: cohort.Cohort, rows: dict[str, int]) -> pa.Table:
    people = [
        {"batch": batch.id, "row": rows[name], "rank": rank}
        for batch in opened.batches
        for name, rank in zip(batch.samples, batch.ranks.tolist(), strict=True)
        if rank >= 0
    ]
    table = pa.table({name: [person[name] for person in people] for name in ACTIVE_SAMPLES.names})
    return table.set_column(0, "batch", table["batch"].cast(pa.string()).dictionary_encode().cast(WORD)).cast(
        ACTIVE_SAMPLES
    )


@contextmanager
def _workers(threads: int) -> Iterator[Scatter]:
    """All of the site's workers, from within a task on one of them."""
    with within() as scatter:
        if scatter.spread or threads == 1:
            yield scatter
            return
    with open_scatter(f"threads:{threads}") as pool:
        yield pool


@dataclass(frozen=True)
class Committing:
    """A site's part of the callset, all of whose shards are complete; `united` is where the whole one lies."""

    at: At
    shards: tuple[Shard, ...]
    coordinator: str
    united: str


def claim(at: At) -> None:
    """Make a site's callset one, and known to its cohort."""
    store = storage.open_store(at.callset_url)
    callset.claim(store)
    if at.version:
        register(at.cohort_url, store.url)


def commit(given: Committing) -> None:
    """Make a site's shards an ordinary callset of its own people."""
    at, opened, store = given.at, given.at.opened(), storage.open_store(given.at.callset_url)
    entries = [callset.find_shard(store, shard, at.key) for shard in given.shards]
    description = replace(description_of(opened, at.model, ShardPlan(at.scope, True, given.shards)), site=at.site)
    register(at.cohort_url, given.united, given.coordinator)
    callset.commit(store, description, [entry for entry in entries if entry])


@dataclass(frozen=True)
class Counting:
    """A site's finished callset, to be counted in so many threads."""

    at: At
    threads: int


def count(given: Counting) -> Message:
    """TOTALS of a site's samples."""
    with _workers(given.threads) as scatter:
        return given.at.released("totals", site_totals(given.at.callset_url, scatter, Silent()))
