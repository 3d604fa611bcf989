"""Plan the erasure of a sample: all batches that ever held its rows, all its names, and every object to delete."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from genocloud import json_digest
from genocloud.cohort.batch import BatchReceipt, read_receipt, receipt_name
from genocloud.cohort.batch_copying import Rewriting, plan_batch
from genocloud.cohort.manifest import Cohort, Person, manifest_names, open_cohort, versions
from genocloud.cohort.membership import Place
from genocloud.errors import InputError, StoreError
from genocloud.storage import ObjectMissing, Store, join

JOURNAL = "erasing.json"
"""Journal of an erasure in progress; deleted last, so that an erasure that was killed can be completed."""


class DamagedJournal(StoreError):
    """The journal of an erasure in progress is damaged: which sample it erases is unknown."""

    def __init__(self, url: str, problem: str) -> None:
        self.url, self.problem = url, problem
        super().__init__(
            f"{url}: the journal of an erasure that a killed run began is damaged ({problem}); restore it, or delete "
            "it and run genocloud erase with that sample again"
        )


class NothingToErase(InputError):
    """No version and no batch of the cohort has a sample of this name."""

    def __init__(self, url: str, sample: str) -> None:
        self.url, self.sample = url, sample
        super().__init__(
            f"{url}: no version and no batch has a sample {sample}; check the name, unless it has been erased already"
        )


class InForceAsOther(InputError):
    """A former name of a sample that is active under another name."""

    def __init__(self, url: str, sample: str, names: Sequence[str]) -> None:
        self.url, self.sample, self.names = url, sample, tuple(names)
        super().__init__(f"{url}: sample {sample} is in force as {', '.join(names)}; erase that name")


class SameFiles(InputError):
    """Samples that would share a batch with others of equal files, once a sample is erased."""

    def __init__(self, url: str, sample: str, names: Sequence[str]) -> None:
        self.url, self.sample, self.names = url, sample, tuple(names)
        super().__init__(
            f"{url}: without sample {sample}, {', '.join(names)} would be a batch that is there already, of equal "
            "gVCFs under other names; remove or replace what is twice, then erase again"
        )


@dataclass(frozen=True, kw_only=True)
class Erasure:
    """A sample to erase: `places` by batch; `needles` must occur in no object afterwards.

    `needles` are the sample's names and file fingerprints, except those `shared` with a sample that stays. `namesakes`
    are active samples that once had one of the names, or have the same file.
    """

    sample: str
    places: dict[str, list[int]]
    needles: tuple[str, ...]
    shared: tuple[str, ...]
    namesakes: tuple[str, ...]

    @property
    def gone(self) -> set[Place]:
        """The places as one set."""
        return {(batch, place) for batch, places in self.places.items() for place in places}


def trace(store: Store, sample: str) -> Erasure:
    """Locate all rows and names of a sample, whether it is active, removed, or only in batches of no version.

    Follows renames, replacements and moves over all versions, and equal files. Places that are active under another
    name belong to other samples. Raises NothingToErase, InForceAsOther, NoCohort.
    """
    known = _RecordedNames(store)
    people = {(person.batch, person.place): person.name for person in known.newest.people()}
    others = {place for place, name in people.items() if name != sample}
    mine = known.linked(sample, others)
    strangers = known.bearers[sample] & others
    if not mine:
        if strangers:
            raise InForceAsOther(store.url, sample, sorted(people[place] for place in strangers))
        raise NothingToErase(store.url, sample)
    marks = {sample} | set().union(*(known.marks(place) for place in mine))
    shared = marks & set().union(*(known.marks(place) for place in known.places - mine))
    places: dict[str, list[int]] = defaultdict(list)
    for batch, place in sorted(mine):
        places[batch].append(place)
    namesakes = {people[place] for place in others if known.marks(place) & marks}
    return Erasure(
        sample=sample,
        places=dict(places),
        needles=tuple(sorted(marks - shared)),
        shared=tuple(sorted(shared)),
        namesakes=tuple(sorted(namesakes)),
    )


class _RecordedNames:
    """Places, names and files recorded in all versions and receipts."""

    def __init__(self, store: Store) -> None:
        kept = [open_cohort(store.url, version) for version in versions(store)]
        self.newest = kept[-1] if kept else open_cohort(store.url)
        self.names: dict[Place, set[str]] = defaultdict(set)
        self.files: dict[Place, str] = {}
        self.links: dict[Place, set[Place]] = defaultdict(set)
        for cohort in kept:
            self._add_names({batch.id: batch.samples for batch in cohort.batches})
        for receipt in receipts(store):
            self._add_names({receipt.id: receipt.samples})
            self.files |= {(receipt.id, place): file for place, file in enumerate(receipt.fingerprints)}
        for before, after in pairwise(kept):
            self._add_links(before.people(), after.people())
        self.bearers = _reversed((place, name) for place, names in self.names.items() for name in names)
        self.copies = _reversed(self.files.items())

    @property
    def places(self) -> set[Place]:
        return set(self.names)

    def marks(self, place: Place) -> set[str]:
        """What identifies a place: its names, and its file's fingerprint."""
        return self.names[place] | ({self.files[place]} if place in self.files else set())

    def linked(self, sample: str, others: set[Place]) -> set[Place]:
        """The places of a sample, except those of `others`, whose names and files are not followed."""
        foreign = set().union(*(self.names[place] for place in others)) - {sample}
        files = {self.files.get(place, "") for place in others}
        reached: set[Place] = set()
        waiting = self.bearers[sample] - others
        while waiting:
            place = waiting.pop()
            reached.add(place)
            near = self.links[place].copy()
            if (file := self.files.get(place, "")) not in files:
                near |= self.copies[file]
            near |= set().union(*(self.bearers[name] for name in self.names[place] - foreign))
            waiting |= near - others - reached
        return reached

    def _add_names(self, batches: dict[str, tuple[str, ...]]) -> None:
        for batch, samples in batches.items():
            for place, name in enumerate(samples):
                self.names[batch, place].add(name)

    def _add_links(self, before: Iterable[Person], after: Iterable[Person]) -> None:
        """Link the places of one name in consecutive versions: its rows were replaced or moved."""
        places = {person.name: (person.batch, person.place) for person in before}
        for person in after:
            old, new = places.get(person.name), (person.batch, person.place)
            if old and old != new:
                self.links[old].add(new)
                self.links[new].add(old)


def _reversed(pairs: Iterable[tuple[Place, str]]) -> dict[str, set[Place]]:
    by_mark: dict[str, set[Place]] = defaultdict(set)
    for place, mark in pairs:
        by_mark[mark].add(place)
    return by_mark


def receipts(store: Store) -> Iterator[BatchReceipt]:
    """Receipts of all complete batches, in a version or not."""
    for name in store.list("batches/"):
        batch = name.split("/")[1]
        if name == receipt_name(batch):
            yield read_receipt(store, batch)


def begin(store: Store, erasure: Erasure) -> None:
    """Write the journal, so that any later run can complete the erasure."""
    store.create(JOURNAL, json.dumps(json_digest.sealed_json(asdict(erasure))).encode())


def begun(store: Store) -> Erasure | None:
    """The unfinished erasure of a killed run; None where there is none."""
    try:
        return _erasure(json_digest.open_json(store.read(JOURNAL)))
    except ObjectMissing:
        return None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DamagedJournal(join(store.url, JOURNAL), str(error)) from error


def _erasure(fields: dict[str, Any]) -> Erasure:
    places = {str(batch): [int(place) for place in places] for batch, places in fields["places"].items()}
    needles, shared, namesakes = (tuple(map(str, fields[name])) for name in ("needles", "shared", "namesakes"))
    return Erasure(sample=str(fields["sample"]), places=places, needles=needles, shared=shared, namesakes=namesakes)


def plan_erase(erasure: Erasure, cohort: Cohort) -> list[Rewriting]:
    """Batches that replace those of a version that hold the sample: all others in them stay. Raises SameFiles."""
    held = {batch.id: cohort.receipt(batch) for batch in cohort.batches if batch.id in erasure.places}
    rest = {batch: _others(receipt, erasure.places[batch]) for batch, receipt in held.items()}
    planned = [plan_batch(people, held, cohort.layout) for people in rest.values() if people]
    taken = erasure.places.keys() | {batch.id for batch in cohort.batches}
    for each in planned:  # a batch's id follows from its files
        if each.id in taken:
            raise SameFiles(cohort.url, erasure.sample, [person.name for person in each.people])
        taken |= {each.id}
    return planned


def _others(receipt: BatchReceipt, erased: Sequence[int]) -> list[Person]:
    return [Person(name, receipt.id, place) for place, name in enumerate(receipt.samples) if place not in erased]


def tainted_versions(store: Store, erasure: Erasure) -> list[str]:
    """The manifests that refer to a batch with the sample."""
    cohorts = [open_cohort(store.url, version) for version in versions(store)]
    tainted = [cohort for cohort in cohorts if any(batch.id in erasure.places for batch in cohort.batches)]
    return [name for cohort in tainted for name in manifest_names(store, cohort.version)]


def tainted_objects(store: Store, erasure: Erasure) -> list[str]:
    """Other objects to delete: all derived tables, the sample's batches, and unfinished batches."""
    names = store.list("batches/")
    whole = {name.split("/")[1] for name in names if name == receipt_name(name.split("/")[1])} - erasure.places.keys()
    return [*store.list("derived/"), *(name for name in names if name.split("/")[1] not in whole)]
