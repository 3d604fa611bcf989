"""What became of a cohort, version after version."""

from collections import defaultdict
from dataclasses import dataclass

from genocloud.cohort.manifest import NAME, Cohort, Person, open_cohort, versions
from genocloud.storage import Store


@dataclass(frozen=True)
class Change:
    """A version: when it was made (seconds since the epoch), what it has, and what differs from the one before.

    `renamed` are (old, new) names; `replaced` are those whose content is another. Moving rows to other batches
    (compact, erase) changes nobody.
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
    """The versions that are kept, oldest first; raises NoCohort where there are none."""
    cohorts = [open_cohort(store.url, version) for version in versions(store)] or [open_cohort(store.url)]
    befores = [None, *cohorts[:-1]]
    return [_change(store, before, after) for before, after in zip(befores, cohorts, strict=True)]


def _change(store: Store, before: Cohort | None, after: Cohort) -> Change:
    made = store.modified(NAME.format(after.version))
    added, removed, renamed, replaced = _changes(before, after) if before else (after.samples, (), (), ())
    return Change(after.version, made, len(after.samples), len(after.batches), added, removed, renamed, replaced)


def _changes(
    before: Cohort, after: Cohort
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[tuple[str, str], ...], tuple[str, ...]]:
    """Who was added, removed, renamed and replaced; whose rows were read from one place all along needs no receipt."""
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
    """The new names of those who were moved as well as renamed between two versions, or come again from their file."""
    if not gone or not come:
        return {}
    arrived = defaultdict(list)
    for person in reversed(come):
        arrived[_content(after, person)].append(person.name)
    return {person.name: names.pop() for person in gone if (names := arrived[_content(before, person)])}


def _content(cohort: Cohort, person: Person) -> str:
    batch = next(batch for batch in cohort.batches if batch.id == person.batch)
    return cohort.receipt(batch).fingerprints[person.place]
