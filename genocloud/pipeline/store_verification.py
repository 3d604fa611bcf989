"""Compare a whole cohort or callset with its checksums and receipts."""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import pyarrow as pa

from genocloud import cohort, json_digest, storage
from genocloud.callset import (
    Callset,
    DamagedFile,
    ShardEntry,
    StaleFilters,
    check_filters,
    check_shard,
    read_filters,
)
from genocloud.cohort.erasing import JOURNAL, DamagedJournal, begun
from genocloud.cohort.manifest import FOLDER, NOTED_FOLDER
from genocloud.cohort.verifying import Checked, Damage, check_part, check_receipt, check_tallies, check_versions
from genocloud.errors import scarcity
from genocloud.federation.policy import NAME as SITE
from genocloud.pipeline import callset_registry
from genocloud.pipeline.cached_tables import checked, read_table
from genocloud.regions import Part
from genocloud.scatter.executors import Scatter
from genocloud.scatter.progress import Progress

_log = logging.getLogger(__name__)


def check_cohort(store: storage.Store, scatter: Scatter, progress: Progress) -> Checked:
    """Check every version's batches: receipts, objects, rows; and that the cached tables can be read."""
    versions, damage = check_versions(store)
    homes = {(batch.id, batch.seal): (one, batch) for one in versions for batch in one.batches}
    receipts = {
        key: check_receipt(store, batch.id, batch.seal, len(batch.samples)) for key, (_, batch) in homes.items()
    }
    damage += [each for each in receipts.values() if isinstance(each, Damage)]
    sound = {key: each for key, each in receipts.items() if not isinstance(each, Damage)}
    tasks = [
        _VerifyTask(url=store.url, version=homes[key][0].version, batch=receipt.id, part=part)
        for key, receipt in sound.items()
        for part in homes[key][0].layout.parts()
        if any(written.name == part.name for written in receipt.parts)
    ]
    size = sum(written.bytes for receipt in sound.values() for written in receipt.parts)
    with progress.stage("verify", tasks=len(tasks), bytes=size, unit="part") as stage:
        parts = scatter.run(_check_part, tasks, lambda one: stage.advance(tasks=1, bytes=one.bytes))
    for receipt in sound.values():
        mine = [one for task, one in zip(tasks, parts, strict=True) if task.batch == receipt.id]
        damage += check_tallies(store, receipt, mine)
    derived = _check_derived(store, scatter, progress)
    notes = [store.list(FOLDER), store.list(NOTED_FOLDER), receipts]
    return _sum([Checked(objects=sum(map(len, notes)), damage=tuple(damage)), _check_notes(store), *parts, *derived])


def _check_notes(store: storage.Store) -> Checked:
    """Check the other JSON: the registry of callsets, the journal of an erasure, the location's policy."""
    readers: dict[str, Callable[[], object]] = {
        name: partial(callset_registry.read_entry, store, name) for name in store.list(f"{callset_registry.FOLDER}/")
    }
    readers |= {JOURNAL: partial(begun, store)} if store.exists(JOURNAL) else {}
    readers |= {SITE: lambda: json_digest.open_json(store.read(SITE))} if store.exists(SITE) else {}
    damage = []
    for name, read in readers.items():
        try:
            read()
        except (callset_registry.DamagedEntry, DamagedJournal) as error:
            damage.append(Damage(error.url, error.problem))
        except ValueError as error:
            damage.append(Damage(storage.join(store.url, name), str(error)))
    return Checked(objects=len(readers), damage=tuple(damage))


@dataclass(frozen=True, kw_only=True)
class _VerifyTask:
    """A part of a batch; `version` is one that has the batch, so that a worker finds the receipt."""

    url: str
    version: int
    batch: str
    part: Part


def _check_part(task: _VerifyTask) -> Checked:
    source = cohort.open_cohort(task.url, task.version)
    batch = next(batch for batch in source.batches if batch.id == task.batch)
    return check_part(storage.open_store(task.url), source.receipt(batch), source.layout, task.part)


def _check_derived(store: storage.Store, scatter: Scatter, progress: Progress) -> list[Checked]:
    names = store.list("derived/")
    with progress.stage("verify derived tables", tasks=len(names), unit="table") as stage:
        return scatter.run(partial(_check_table, store), names, lambda one: stage.advance(tasks=1, bytes=one.bytes))


def _check_table(store: storage.Store, name: str) -> Checked:
    try:
        with store.open(name) as stream:
            rows = read_table(checked(stream, storage.join(store.url, name))).num_rows
    except (pa.ArrowException, OSError, MemoryError) as error:
        if scarce := scarcity(error):
            raise scarce from error
        problem = f"cannot be read ({error}); delete it, discover and genotype make it again"
        return Checked(objects=1, damage=(Damage(storage.join(store.url, name), problem),))
    return Checked(objects=1, bytes=store.size(name), rows=rows)


def check_callset(callset: Callset, scatter: Scatter, progress: Progress) -> Checked:
    """Check every shard's files here; those at other locations are named in a warning."""
    here = [shard.without(callset.description.stores) for shard in callset.shards]
    size = sum(file.bytes for shard in here for file in shard.tables)
    with progress.stage("verify", tasks=len(callset.shards), bytes=size, unit="shard") as stage:
        check = partial(_check_shard, callset.url, callset.description.batches, tuple(callset.description.stores))
        checked = scatter.run(check, callset.shards, lambda one: stage.advance(tasks=1, bytes=one.bytes))
    for place in callset.description.elsewhere:
        _log.warning(
            "%s: the genotypes of site %s are not looked at: verify %s there", callset.url, place.site, place.url
        )
    return _sum([Checked(objects=1), _check_filters(callset), *checked])


def _check_filters(callset: Callset) -> Checked:
    """Check the callset's filters; a warning says where they are of an earlier state of it."""
    try:
        filters = read_filters(callset.store)
    except DamagedFile as error:
        return Checked(objects=1, damage=(Damage(error.url, error.problem),))
    if filters is None:
        return Checked()
    if not filters.fits(callset.shards):
        _log.warning("%s", StaleFilters(callset.url))
    return Checked(
        objects=1 + len(filters.files),
        bytes=sum(file.bytes for file in filters.files.values()),
        rows=sum(file.rows for file in filters.files.values()),
        damage=tuple(Damage(error.url, error.problem) for error in check_filters(callset.store, filters)),
    )


def _check_shard(
    url: str, members: Mapping[str, Sequence[str]], elsewhere: tuple[str, ...], shard: ShardEntry
) -> Checked:
    wrong = check_shard(storage.open_store(url), shard, members, elsewhere)
    here = shard.without(elsewhere)
    files = here.tables
    damage = tuple(Damage(error.url, error.problem) for error in wrong)
    return Checked(
        objects=len(here.files),
        bytes=sum(file.bytes for file in files),
        rows=sum(file.rows for file in files),
        damage=damage,
    )


def _sum(checked: Iterable[Checked]) -> Checked:
    checked = list(checked)
    return Checked(
        objects=sum(one.objects for one in checked),
        bytes=sum(one.bytes for one in checked),
        rows=sum(one.rows for one in checked),
        damage=tuple(damage for one in checked for damage in one.damage),
    )
