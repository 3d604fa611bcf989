"""What a site's workers do in a hybrid run before and after the genome: the site is looked at, filled, committed."""

import os.path
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any

import pyarrow as pa

from genocloud import callset, cohort, objects
from genocloud.errors import GenocloudError, SettingError
from genocloud.locations import Parcel, cohort_in, hold_policy, unpack
from genocloud.regions import Region
from genocloud.samples import Sample, sheet_text
from genocloud.scatter.executors import Scatter, open_scatter, within
from genocloud.scatter.progress import Silent
from genocloud.schema import PEOPLE, SHEET, WORD
from genocloud.steps.callsets import register
from genocloud.steps.genotype import description_of
from genocloud.steps.hybrid_tasks import At
from genocloud.steps.ingest import BAD_RECORDS, Storing, ingest
from genocloud.steps.intervals import Intervals
from genocloud.steps.reference import read_reference
from genocloud.steps.refusals import refuse_bare_blocks, refuse_holes
from genocloud.steps.shards import Cut, Shard, busy_windows, derived_key
from genocloud.steps.statistics import site_totals

SHEET_NAME = "samples.tsv"
"""The site's rows of the sheet, in its store."""


@dataclass(frozen=True)
class Look:
    """What is asked of a site first: its store, whether its reference and layout are the run's."""

    site: str
    store: str
    policy: str
    reference: str
    checksum: str
    part_bp: int
    window_bp: int


@dataclass(frozen=True)
class Seen:
    """What a site has: genocloud's version, and how many samples its cohort holds."""

    software: str
    samples: int


@dataclass(frozen=True)
class Filling:
    """A site's rows of the sheet, to be ingested; `intervals` and `drop_bad_records` are as in ingest's Storing."""

    at: At
    batch_size: int
    threads: int
    sheet: Parcel
    intervals: tuple[str, ...] | None = None
    drop_bad_records: bool = False


@dataclass(frozen=True)
class Filled:
    """A site's cohort after ingest.

    `content` names its rows and `named` its samples, too; `variants`, `blocks`: see shards.Known; `people`: PEOPLE.
    """

    version: int
    content: str
    named: str
    people: Parcel
    variants: tuple[tuple[str, int], ...]
    blocks: tuple[tuple[str, int], ...]
    balance: dict[str, Any]
    figures: dict[str, Any]


class OtherAtSite(SettingError):
    """A site whose reference, layout or genocloud is not the run's."""

    def __init__(self, site: str, what: str, here: str, there: str, remedy: str) -> None:
        self.site, self.what, self.here, self.there = site, what, here, there
        super().__init__(f"site {site}: its {what} is {there}, the coordinator's is {here}; {remedy}")


class Unfit(GenocloudError):
    """A site that cannot be worked at: what is wrong there, with the site's name and the exit code of the reason."""

    def __init__(self, site: str, reason: GenocloudError) -> None:
        self.site, self.exit_code = site, reason.exit_code
        super().__init__(f"site {site}: {reason}")


def look(asked: Look) -> Seen:
    """Look at a site before any work: may its store be written, is its policy, its reference, its layout the run's?

    Raises StoreFailed, OtherPolicy, OtherSite, UnreadableFile or OtherAtSite.
    """
    checksum = read_reference(asked.reference).checksum
    if checksum != asked.checksum:
        remedy = f"give {asked.site} the same reference: its contigs, in the same order ({asked.reference})"
        raise OtherAtSite(asked.site, "reference", asked.checksum, checksum, remedy)
    store = objects.open_store(asked.store)
    store.write(_PROBE, b"")
    store.delete(_PROBE)
    hold_policy(asked.store, asked.site, asked.policy)
    try:
        opened = cohort.open_cohort(cohort_in(asked.store))
    except cohort.NoCohort:
        return Seen(version("genocloud"), 0)
    _check_layout(asked, opened)
    return Seen(version("genocloud"), len(opened.samples))


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


def fill(given: Filling) -> Filled:
    """Ingest a site's rows of the sheet, with all of its workers."""
    at, samples = given.at, [Sample(**row) for row in unpack(given.sheet, "sheet").to_pylist()]
    objects.open_store(at.store).write(SHEET_NAME, _text(samples, at.store).encode())
    intervals = Intervals(given.intervals or ())
    storing = Storing(
        at.part_bp,
        at.window_bp,
        given.batch_size,
        complete=True,
        intervals=intervals,
        drop_bad_records=given.drop_bad_records,
    )
    with _workers(given.threads) as scatter:
        sheet_url = objects.join(at.store, SHEET_NAME)
        receipt = ingest(at.cohort_url, sheet_url, at.reference, storing, scatter, Silent())
    opened = cohort.open_cohort(at.cohort_url)
    refuse_bare_blocks(opened)
    asked = intervals.asked(opened.contigs).inside
    refuse_holes(opened, asked or [Region(number, 0, each.length) for number, each in enumerate(opened.contigs)])
    rows = {sample.sample: row for row, sample in enumerate(samples)}
    return Filled(
        opened.version,
        derived_key(opened),
        derived_key(opened, opened.samples),
        replace(at, version=opened.version).released("people", _people(opened, rows)),
        tuple(sorted(busy_windows(opened, "variants"))),
        tuple(sorted(busy_windows(opened, "blocks"))),
        receipt.balance,
        {"seconds": receipt.seconds} | {name: of for name, of in receipt.figures.items() if name not in BAD_RECORDS},
    )


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
    table = pa.table({name: [person[name] for person in people] for name in PEOPLE.names})
    return table.set_column(0, "batch", table["batch"].cast(pa.string()).dictionary_encode().cast(WORD)).cast(PEOPLE)


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
    store = objects.open_store(at.callset_url)
    callset.claim(store)
    if at.version:
        register(at.cohort_url, store.url)


def commit(given: Committing) -> None:
    """Make a site's shards an ordinary callset of its own people."""
    at, opened, store = given.at, given.at.opened(), objects.open_store(given.at.callset_url)
    entries = [callset.find_shard(store, shard, at.key) for shard in given.shards]
    description = replace(description_of(opened, at.model, Cut(at.scope, True, given.shards)), site=at.site)
    register(at.cohort_url, given.united, given.coordinator)
    callset.commit(store, description, [entry for entry in entries if entry])


@dataclass(frozen=True)
class Counting:
    """A site's finished callset, to be counted in so many threads."""

    at: At
    threads: int


def count(given: Counting) -> Parcel:
    """TOTALS of a site's samples."""
    with _workers(given.threads) as scatter:
        return given.at.released("totals", site_totals(given.at.callset_url, scatter, Silent()))
