"""Add, replace, remove, rename and move samples of a cohort; each change commits one new version."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from genocloud.cohort.batch import Batch, BatchReceipt, part_name, receipt_name, seal_of
from genocloud.cohort.layout import Layout
from genocloud.cohort.manifest import Cohort, Person, commit, next_version, open_cohort
from genocloud.errors import InputError, StoreError, did_you_mean, first_of
from genocloud.storage import Store

Place = tuple[str, int]
"""A batch's id, and a sample's index in it."""


class RepeatedSample(InputError):
    """A sample that the cohort has already, or that is added twice."""

    def __init__(self, url: str, samples: Sequence[str]) -> None:
        self.url, self.samples = url, tuple(samples)
        super().__init__(
            f"{url}: the cohort has these samples already: {first_of(self.samples)}; leave them out, "
            "rename the new ones, or let them take their place (--replace)"
        )


class KnownAsOther(InputError):
    """A sample that is active under another name."""

    def __init__(self, url: str, sample: str, name: str) -> None:
        self.url, self.sample, self.name = url, sample, name
        super().__init__(f"{url}: sample {sample} is in the cohort as {name}; leave it out, or use that name")


class NotInForce(InputError):
    """Names of samples that the cohort does not have."""

    def __init__(self, url: str, samples: Sequence[str], present: Sequence[str]) -> None:
        self.url, self.samples = url, tuple(samples)
        super().__init__(
            f"{url}: the cohort has no samples {first_of(self.samples)}; check the names (genocloud history tells "
            f"what became of samples){did_you_mean(self.samples[0], present)}"
        )


class NameTaken(InputError):
    """New names that other samples have, or that occur twice."""

    def __init__(self, url: str, names: Sequence[str]) -> None:
        self.url, self.names = url, tuple(names)
        super().__init__(
            f"{url}: several samples would be called {first_of(self.names)}; give each a name of its own, or remove "
            "who has it"
        )


class OtherReference(InputError):
    """Samples with another reference, parts or windows than the cohort's."""

    def __init__(self, url: str, difference: str) -> None:
        self.url, self.difference = url, difference
        super().__init__(f"{url}: the cohort has {difference}; use the cohort's own, or make a new cohort")


class IncompleteBatch(StoreError):
    """A batch lost objects before it was committed."""

    def __init__(self, url: str, batch: str, missing: str) -> None:
        self.url, self.batch, self.missing = url, batch, missing
        super().__init__(f"{url}: batch {batch} has lost {missing}; run this again, which makes the batch anew")


class ChangedMeanwhile(StoreError):
    """Samples were removed while their rows were being moved."""

    def __init__(self, url: str) -> None:
        self.url = url
        super().__init__(f"{url}: another run removed, replaced or erased samples meanwhile; run this again")


def append(
    store: Store,
    receipts: Sequence[BatchReceipt],
    layout: Layout,
    reference: dict[str, str],
    replacing: Collection[str] = (),
) -> Cohort:
    """Activate the samples of some batches in one new version; the first version creates the cohort.

    New samples are ranked by name, after existing ones. A sample in `replacing` keeps its rank and is read from its new
    batch, which may be one that it was in before. Samples that are active already are unchanged. Where another writer
    committed first, the new version is based on that writer's. Raises RepeatedSample, KnownAsOther, OtherReference,
    IncompleteBatch, NewerSchema, OlderSchema or Contention.
    """

    def change(version: int) -> Cohort:
        present = (
            open_cohort(store.url, version)
            if version
            else Cohort(url=store.url, version=0, layout=layout, reference=reference, samples=(), batches=())
        )
        check_same(present, layout, reference)
        people = _extended(present, receipts, frozenset(replacing))
        if version and people == present.people():
            return present
        return next_version(present, people, _new_batches(store, present, receipts))

    return commit(store, change)


def remove(store: Store, names: Collection[str]) -> Cohort:
    """Deactivate samples in one new version; their rows stay. Raises NotInForce, NoCohort or Contention."""

    def change(version: int) -> Cohort:
        present = _present(store, version, names)
        left = [person for person in present.people() if person.name not in names]
        return next_version(present, left, {}) if names else present

    return commit(store, change)


def rename(store: Store, names: Mapping[str, str]) -> Cohort:
    """Rename samples (new names by old name) in one new version; ranks and rows stay.

    Raises NotInForce, NameTaken, NoCohort or Contention.
    """

    def change(version: int) -> Cohort:
        present = _present(store, version, names)
        people = [person._replace(name=names.get(person.name, person.name)) for person in present.people()]
        taken = [name for name, count in Counter(person.name for person in people).items() if count > 1]
        if taken:
            raise NameTaken(store.url, taken)
        return present if people == present.people() else next_version(present, people, {})

    return commit(store, change)


def move(
    store: Store, receipts: Sequence[BatchReceipt], moves: Mapping[Place, Place], gone: Collection[Place] = ()
) -> Cohort:
    """Move samples to other places of other batches, and deactivate those at `gone`, in one new version.

    No new version where all have moved and gone already. Names and the order of ranks stay. Raises ChangedMeanwhile
    where a sample to move is no longer active, NoCohort, IncompleteBatch or Contention.
    """

    def change(version: int) -> Cohort:
        present = open_cohort(store.url, version or None)
        before = present.people()
        there = {(person.batch, person.place) for person in before}
        if there.issuperset(moves.values()) and there.isdisjoint(gone):
            return present
        if not there.issuperset(moves):
            raise ChangedMeanwhile(store.url)
        people = [_moved(person, moves) for person in before if (person.batch, person.place) not in gone]
        return present if people == before else next_version(present, people, _new_batches(store, present, receipts))

    return commit(store, change)


def _moved(person: Person, moves: Mapping[Place, Place]) -> Person:
    place = person.batch, person.place
    return Person(person.name, *moves.get(place, place))


def _present(store: Store, version: int, names: Collection[str]) -> Cohort:
    """A version of a cohort, checked to have samples of these names. Raises NotInForce."""
    present = open_cohort(store.url, version or None)
    unknown = set(names) - set(present.samples)
    if unknown:
        raise NotInForce(store.url, sorted(unknown), present.samples)
    return present


def _sealed(store: Store, receipt: BatchReceipt) -> Batch:
    """The batch without active samples, after checking that its objects exist. Raises IncompleteBatch.

    Since it was written, `collect` or `erase` may have deleted what no version needed.
    """
    present = set(store.list(f"batches/{receipt.id}/"))
    needed = [part_name(receipt.id, part.kind, part) for part in receipt.parts]
    for name in [receipt_name(receipt.id), *needed]:
        if name not in present:
            store.delete(receipt_name(receipt.id))
            raise IncompleteBatch(store.url, receipt.id, name)
    seal = seal_of(store.read(receipt_name(receipt.id)))
    return Batch(id=receipt.id, samples=receipt.samples, ranks=np.full(len(receipt.samples), -1, np.int32), seal=seal)


def _new_batches(store: Store, cohort: Cohort, receipts: Sequence[BatchReceipt]) -> dict[str, Batch]:
    known = {batch.id for batch in cohort.batches}
    return {receipt.id: _sealed(store, receipt) for receipt in receipts if receipt.id not in known}


def _extended(cohort: Cohort, receipts: Sequence[BatchReceipt], replacing: frozenset[str]) -> list[Person]:
    """The samples of the next version, with all of these batches active."""
    present = cohort.people()
    arriving = _arriving(cohort.url, present, receipts)
    homes = {person.name: person for person in arriving}
    known = {person.name for person in present}
    twice = [name for name, count in Counter(person.name for person in arriving).items() if count > 1]
    there = [name for name in cohort.samples if name in homes.keys() - replacing]
    if twice or there:
        raise RepeatedSample(cohort.url, twice + there)
    return [homes.get(person.name, person) for person in present] + [
        homes[name] for name in sorted(homes.keys() - known)
    ]


def _arriving(url: str, present: Sequence[Person], receipts: Sequence[BatchReceipt]) -> list[Person]:
    """The samples of some batches that are not active from there yet. Raises KnownAsOther."""
    names = {(person.batch, person.place): person.name for person in present}
    arriving = []
    for receipt in receipts:
        for place, name in enumerate(receipt.samples):
            there = names.get((receipt.id, place))
            if there is None:
                arriving.append(Person(name, receipt.id, place))
            elif there != name:
                raise KnownAsOther(url, name, there)
    return arriving


def check_same(cohort: Cohort, layout: Layout, reference: dict[str, str]) -> None:
    """Raise OtherReference where samples with this reference and layout cannot join a cohort."""
    if cohort.layout.contigs != layout.contigs or cohort.reference != reference:
        raise OtherReference(cohort.url, "another reference")
    if cohort.layout != layout:
        cuts = f"parts of {cohort.layout.part_bp:,} and windows of {cohort.layout.window_bp:,} bases"
        raise OtherReference(cohort.url, cuts)
