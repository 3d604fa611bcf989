"""The manifest: which batches and samples a cohort has, version after version."""

import json
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from genocloud import schema
from genocloud.cohort.batch import BatchReceipt, read_receipt
from genocloud.cohort.layout import Layout
from genocloud.errors import InputError, StoreError, first_of
from genocloud.objects import ObjectExists, ObjectMissing, Store, open_store
from genocloud.regions import Contig

NAME = "manifest/{:08d}.json"

TRIES = 20
"""How often a writer that lost a race tries the next version before it gives up."""


class NoCohort(StoreError):
    """There is no cohort at a URL, or not the version asked for."""

    def __init__(self, url: str, version: int | None) -> None:
        self.url, self.version = url, version
        what = "no cohort is here" if version is None else f"the cohort has no version {version}"
        super().__init__(f"{url}: {what}; check the URL, or make the cohort with genocloud ingest")


class NewerSchema(StoreError):
    """A cohort of another layout than this version of genocloud writes."""

    def __init__(self, url: str, found: int) -> None:
        self.url, self.found = url, found
        super().__init__(
            f"{url}: it is of schema version {found}, this genocloud reads {schema.VERSION}; use a newer genocloud"
        )


class BrokenManifest(StoreError):
    """A manifest that is no manifest."""

    def __init__(self, url: str, problem: str) -> None:
        self.url, self.problem = url, problem
        super().__init__(f"{url}: the manifest cannot be read ({problem}); restore it, or remove that version")


class Contention(StoreError):
    """Other writers were faster every time."""

    def __init__(self, url: str) -> None:
        self.url = url
        super().__init__(f"{url}: other writers added {TRIES} versions meanwhile; run this again")


class DuplicateSample(InputError):
    """A sample that the cohort has already, or that is added twice."""

    def __init__(self, url: str, samples: Sequence[str]) -> None:
        self.url, self.samples = url, tuple(samples)
        super().__init__(
            f"{url}: the cohort has these samples already: {first_of(self.samples)}; leave them out, "
            "or rename the new ones"
        )


class OtherReference(InputError):
    """Samples that were called against, or cut by, something else than the cohort's."""

    def __init__(self, url: str, difference: str) -> None:
        self.url, self.difference = url, difference
        super().__init__(f"{url}: the cohort has {difference}; use the cohort's own, or make a new cohort")


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """A batch of a cohort: its samples as stored, and the cohort rank of each (-1: not in force)."""

    id: str
    samples: tuple[str, ...]
    ranks: npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Cohort:
    """One version of a cohort. `samples` are in rank order; `reference` describes it without a path."""

    url: str
    version: int
    layout: Layout
    reference: dict[str, str]
    samples: tuple[str, ...]
    batches: tuple[Batch, ...]
    _receipts: dict[str, BatchReceipt] = field(default_factory=dict, repr=False)

    @property
    def contigs(self) -> tuple[Contig, ...]:
        """The reference's contigs."""
        return self.layout.contigs

    def receipt(self, batch: Batch) -> BatchReceipt:
        """The receipt of a batch, read once."""
        if batch.id not in self._receipts:
            self._receipts[batch.id] = read_receipt(open_store(self.url), batch.id)
        return self._receipts[batch.id]

    def fingerprints(self) -> dict[str, str]:
        """What tells each sample's stored content from any other (Source.fingerprint), by name, in rank order."""
        found = {
            rank: fingerprint
            for batch in self.batches
            for rank, fingerprint in zip(batch.ranks.tolist(), self.receipt(batch).fingerprints, strict=True)
        }
        return {name: found[rank] for rank, name in enumerate(self.samples)}


def open_cohort(url: str, version: int | None = None) -> Cohort:
    """A cohort, by default as it is now; raises NoCohort, NewerSchema or BrokenManifest.

    As long as its manifest is the same, a process gets the same object again, with the receipts it has read: every
    task of a step asks for it.
    """
    store = open_store(url)
    last = latest_version(store) if version is None else version
    if last == 0:
        raise NoCohort(url, version)
    try:
        data = store.read(NAME.format(last))
    except ObjectMissing:
        raise NoCohort(url, version) from None
    return _from_json(url, last, data)


def latest_version(store: Store) -> int:
    """The highest version there is; 0 where there is no cohort."""
    numbers = (re.fullmatch(r"manifest/(\d{8})\.json", name) for name in store.list("manifest/"))
    return max((int(number[1]) for number in numbers if number), default=0)


def append(
    store: Store,
    receipts: Sequence[BatchReceipt],
    layout: Layout,
    reference: dict[str, str],
    replacing: Collection[str] = (),
) -> Cohort:
    """Put the samples of some batches in force, as one new version; the first version makes the cohort.

    New samples are ranked by name, after those that are there. A sample in `replacing` keeps its rank and is read from
    its new batch from now on, which may be one that it was in before. What is in force already changes nothing. Where
    another writer was first, the new version is built upon that writer's. Raises DuplicateSample, OtherReference,
    NewerSchema or Contention.
    """
    for _ in range(TRIES):
        version = latest_version(store)
        present = open_cohort(store.url, version) if version else Cohort(store.url, 0, layout, reference, (), ())
        _check_same(present, layout, reference)
        new = _extended(present, receipts, frozenset(replacing))
        if new.version == version:
            return new
        try:
            store.create(NAME.format(new.version), _to_json(new))
        except ObjectExists:
            continue
        return new
    raise Contention(store.url)


def _extended(cohort: Cohort, receipts: Sequence[BatchReceipt], replacing: frozenset[str]) -> Cohort:
    """The next version, with more samples in force from these batches; the same one if they all are already."""
    known = {batch.id: batch for batch in cohort.batches}
    arriving = [
        (name, receipt.id)
        for receipt in receipts
        for name in receipt.samples
        if not _speaks(known.get(receipt.id), name)
    ]
    if not arriving and cohort.version:
        return cohort
    homes = dict(arriving)
    twice = [name for name, count in Counter(name for name, _ in arriving).items() if count > 1]
    there = [name for name in cohort.samples if name in homes.keys() - replacing]
    if twice or there:
        raise DuplicateSample(cohort.url, twice + there)
    order = [*cohort.samples, *sorted(homes.keys() - set(cohort.samples))]
    ranks = {name: rank for rank, name in enumerate(order)}
    new = [
        Batch(one.id, one.samples, np.full(len(one.samples), -1, np.int32)) for one in receipts if one.id not in known
    ]
    batches = tuple(_moved(batch, homes, ranks) for batch in (*cohort.batches, *new))
    return Cohort(cohort.url, cohort.version + 1, cohort.layout, cohort.reference, tuple(order), batches)


def _speaks(batch: Batch | None, name: str) -> bool:
    """Whether a sample is in force from a batch."""
    return batch is not None and bool(batch.ranks[batch.samples.index(name)] >= 0)


def _moved(batch: Batch, homes: Mapping[str, str], ranks: Mapping[str, int]) -> Batch:
    """The batch with those samples in force whose home it becomes, and without those that find another."""
    changed = [
        rank if name not in homes else ranks[name] if homes[name] == batch.id else -1
        for name, rank in zip(batch.samples, batch.ranks.tolist(), strict=True)
    ]
    return Batch(batch.id, batch.samples, np.array(changed, np.int32))


def _check_same(cohort: Cohort, layout: Layout, reference: dict[str, str]) -> None:
    if cohort.layout.contigs != layout.contigs or cohort.reference != reference:
        raise OtherReference(cohort.url, "another reference")
    if cohort.layout != layout:
        cuts = f"parts of {cohort.layout.part_bp:,} and windows of {cohort.layout.window_bp:,} bases"
        raise OtherReference(cohort.url, cuts)


def _to_json(cohort: Cohort) -> bytes:
    layout = cohort.layout
    fields = {
        "schema": schema.VERSION,
        "reference": cohort.reference,
        "contigs": [[contig.name, contig.length] for contig in layout.contigs],
        "part_bp": layout.part_bp,
        "window_bp": layout.window_bp,
        "batches": [
            {"id": batch.id, "samples": batch.samples, "ranks": batch.ranks.tolist()} for batch in cohort.batches
        ],
    }
    return json.dumps(fields, indent=1).encode()


@lru_cache(maxsize=2)  # a run works on one cohort; a second, because somebody may compare two
def _from_json(url: str, version: int, data: bytes) -> Cohort:
    try:
        fields: dict[str, Any] = json.loads(data)
        if fields["schema"] != schema.VERSION:
            raise NewerSchema(url, fields["schema"])
        contigs = tuple(Contig(name, length) for name, length in fields["contigs"])
        layout = Layout(contigs, fields["part_bp"], fields["window_bp"])
        batches = tuple(
            Batch(batch["id"], tuple(batch["samples"]), np.array(batch["ranks"], np.int32))
            for batch in fields["batches"]
        )
        return Cohort(url, version, layout, fields["reference"], _in_force(batches), batches)
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise BrokenManifest(url, f"version {version}: {error}") from error


def _in_force(batches: Sequence[Batch]) -> tuple[str, ...]:
    """The names by rank."""
    ranked = [
        (rank, name)
        for batch in batches
        for rank, name in zip(batch.ranks.tolist(), batch.samples, strict=True)
        if rank >= 0
    ]
    return tuple(name for _, name in sorted(ranked))
