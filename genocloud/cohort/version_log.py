"""Version history of a cohort: samples added, removed, renamed and replaced."""

from collections import defaultdict
from dataclasses import dataclass

from genocloud.cohort.manifest import NAME, Cohort, Person, open_cohort, versions
from genocloud.storage import Store


@dataclass(frozen=True, kw_only=True)
class Change:
    """A version: its time (seconds since the epoch), counts, and differences from the version before.

    `renamed` are (old, new) names; `replaced` are names with other content. Moving rows to other batches (compact,
    erase) is no difference.
    """

    version: int
    made: float
    samples: int
    batches: int
    added: tuple[str, ...]
    removed: tuple[str, ...]
    renamed: tuple[tuple[str, str], ...]
    replaced: tuple[str, ...]


def history(store: Store) -> list[Change]:
    """The existing versions, oldest first; raises NoCohort where there are none."""
    cohorts = [open_cohort(store.url, version) for version in versions(store)] or [open_cohort(store.url)]
    befores = [None, *cohorts[:-1]]
    return [_change(store, before, after) for before, after in zip(befores, cohorts, strict=True)]


def _change(store: Store, before: Cohort | None, after: Cohort) -> Change:
    made = store.modified(NAME.format(after.version))
    added, removed, renamed, replaced = _changes(before, after) if before else (after.samples, (), (), ())
    return Change(
        version=after.version,
        made=made,
        samples=len(after.samples),
        batches=len(after.batches),
        added=added,
        removed=removed,
        renamed=renamed,
        replaced=replaced,
    )


def _changes(
    before: Cohort, after: Cohort
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[tuple[str, str], ...], tuple[str, ...]]:
    """Samples added, removed, renamed and replaced; receipts are read only of those whose place changed."""
    names = {(person.batch, person.place): person.name for person in after.people()}
    stayed = {person.name: names.get((person.batch, person.place), person.name) for person in before.people()}
    renamed = {name: now for name, now in stayed.items() if name != now}
    left = {person.name: person for person in before.people() if person.name not in renamed}
    come = {person.name: person for person in after.people() if person.name not in renamed.values()}
    gone, new = [left[name] for name in left if name not in come], [come[name] for name in come if name not in left]
    again = _known_by_content(before, after, gone, new)
    moved = [name for name in left if name in come and left[name] != come[name]]
    return (
        tuple(person.name for person in new if person.name not in again.values()),
        tuple(person.name for person in gone if person.name not in again),
        tuple((renamed | again).items()),
        tuple(name for name in moved if _content(before, left[name]) != _content(after, come[name])),
    )


def _known_by_content(before: Cohort, after: Cohort, gone: list[Person], come: list[Person]) -> dict[str, str]:
    """New names, by old name, of samples that were both moved and renamed, or ingested again under a new name."""
    if not gone or not come:
        return {}
    arrived = defaultdict(list)
    for person in reversed(come):
        arrived[_content(after, person)].append(person.name)
    return {person.name: names.pop() for person in gone if (names := arrived[_content(before, person)])}


def _content(cohort: Cohort, person: Person) -> str:
    batch = next(batch for batch in cohort.batches if batch.id == person.batch)
    return cohort.receipt(batch).fingerprints[person.place]
