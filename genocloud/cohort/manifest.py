"""The cohort manifest: batches and samples of each version."""

import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from genocloud import json_digest, schema
from genocloud.cohort.batch import Batch, BatchReceipt, read_receipt
from genocloud.cohort.layout import Layout
from genocloud.errors import StoreError, shortened
from genocloud.regions import Contig, Region
from genocloud.storage import ObjectExists, ObjectMissing, Store, join, open_store

if TYPE_CHECKING:
    from genocloud.cohort.reading import BatchRows

NAME = "manifest/{:08d}.json"
PUBLISHED = "manifest/{:08d}.sha256"
"""Digest beside each version, so that a lost or substituted version is detected."""

FOLDER, NOTED_FOLDER = "manifest/", "published/"
NOTED = "published/{:08d}.sha256"
"""The same digest in another folder, so that the loss of a version together with the digest beside it is detected.

Each version has its own, written once: a single object for the newest version could be overwritten by a slower writer.
"""

TRIES = 20
"""Attempts of a writer that loses races before it gives up."""


class NoCohort(StoreError):
    """There is no cohort at the URL, or not the requested version."""

    def __init__(self, url: str, version: int | None) -> None:
        self.url, self.version = url, version
        what = "no cohort is here" if version is None else f"the cohort has no version {version}"
        super().__init__(f"{url}: {what}; check the URL, or make the cohort with genocloud ingest")


class CallsetHere(NoCohort):
    """The URL holds a callset, not a cohort."""

    def __init__(self, url: str) -> None:
        self.url, self.version = url, None
        StoreError.__init__(self, f"{url}: a callset is here, not a cohort; give the cohort's own URL, or a new one")


class NewerSchema(StoreError):
    """A cohort with a newer schema version than this genocloud reads."""

    def __init__(self, url: str, schema_version: int) -> None:
        self.url, self.schema_version = url, schema_version
        super().__init__(
            f"{url}: schema version {schema_version}, this genocloud reads {schema.VERSION}; use a newer genocloud"
        )


class OlderSchema(StoreError):
    """A cohort with an older schema version than this genocloud reads."""

    def __init__(self, url: str, schema_version: int) -> None:
        self.url, self.schema_version = url, schema_version
        super().__init__(
            f"{url}: schema version {schema_version}, this genocloud reads {schema.OLDEST} to {schema.VERSION}; ingest "
            "its gVCFs into a new cohort, or go on with the genocloud that made it"
        )


class BrokenManifest(StoreError):
    """A manifest that cannot be decoded, or whose digest differs."""

    def __init__(self, url: str, problem: str) -> None:
        self.url, self.problem = url, problem
        super().__init__(f"{url}: the manifest cannot be read ({problem}); restore it, or remove that version")


class LostVersion(StoreError):
    """The manifest of a published version is missing."""

    def __init__(self, url: str, version: int) -> None:
        self.url, self.version = url, version
        notes = " and ".join(note.format(version) for note in (PUBLISHED, NOTED))
        super().__init__(
            f"{join(url, NAME.format(version))}: version {version} was published and its manifest has gone; restore "
            f"it, or, to go on without what it changed, delete {notes} too"
        )


class Contention(StoreError):
    """Other writers committed first in every attempt."""

    def __init__(self, url: str) -> None:
        self.url = url
        super().__init__(f"{url}: other writers added {TRIES} versions meanwhile; run this again")


class Person(NamedTuple):
    """An active sample: its name, its batch, and its index in the batch."""

    name: str
    batch: str
    place: int


@dataclass(frozen=True, eq=False, kw_only=True)
class Cohort:
    """One version of a cohort: `samples` in rank order, `batches`, contigs; `reference` identifies the reference."""

    url: str
    version: int
    layout: Layout
    reference: dict[str, str]
    samples: tuple[str, ...]
    batches: tuple[Batch, ...]
    _receipts: dict[str, BatchReceipt] = field(default_factory=dict, repr=False)

    def __repr__(self) -> str:
        """Three lines: URL and version, counts, names of samples and contigs."""
        names = [contig.name for contig in self.contigs]
        return (
            f"Cohort {self.url}, version {self.version}\n"
            f"{len(self.samples):,} samples in {len(self.batches):,} batches\n"
            f"samples {shortened(self.samples)}; contigs {shortened(names)}"
        )

    @property
    def contigs(self) -> tuple[Contig, ...]:
        """The reference's contigs."""
        return self.layout.contigs

    def receipt(self, batch: Batch) -> BatchReceipt:
        """The receipt of a batch; cached."""
        if batch.id not in self._receipts:
            self._receipts[batch.id] = read_receipt(open_store(self.url), batch.id, batch.seal)
        return self._receipts[batch.id]

    def repeated(self, batch: Batch) -> npt.NDArray[np.bool_]:
        """Which of a batch's samples come after another active sample of the same combined file: (samples,) bool.

        INFO of such a file's records counts only for its first active sample.
        """
        out = np.zeros(len(batch.samples), bool)
        files = [tally.file for tally in self.receipt(batch).tallies]
        if any(files):
            firsts = self._first_of_files()
            for place, (file, rank) in enumerate(zip(files, batch.ranks.tolist(), strict=True)):
                out[place] = bool(file) and rank > firsts.get(file, rank)
        return out

    def _first_of_files(self) -> dict[str, int]:
        """The lowest active rank of each combined file."""
        firsts: dict[str, int] = {}
        for batch in self.batches:
            for rank, tally in zip(batch.ranks.tolist(), self.receipt(batch).tallies, strict=True):
                if rank >= 0:
                    firsts[tally.file] = min(rank, firsts.get(tally.file, rank))
        return firsts

    def people(self) -> list[Person]:
        """The active samples, in rank order."""
        ranked = [
            (rank, Person(name, batch.id, place))
            for batch in self.batches
            for place, (rank, name) in enumerate(zip(batch.ranks.tolist(), batch.samples, strict=True))
            if rank >= 0
        ]
        return [person for _, person in sorted(ranked)]

    def fingerprints(self) -> dict[str, str]:
        """Fingerprint of each sample's content (Source.fingerprint), by name, in rank order."""
        by_rank = {
            rank: fingerprint
            for batch in self.batches
            for rank, fingerprint in zip(batch.ranks.tolist(), self.receipt(batch).fingerprints, strict=True)
        }
        return {name: by_rank[rank] for rank, name in enumerate(self.samples)}

    def read_region(self, region: str | Region) -> "BatchRows":
        """The stored gVCF records of all active samples that overlap a region; see `genocloud.read_region`.

        rows = cohort.read_region("chr1:1-2,000")
        rows.variants, rows.blocks
        """
        from genocloud.cohort.reading import read_region  # with Parquet, which a look at the manifest need not load

        return read_region(self, region)

    def records(self) -> tuple[int, int, Counter[str]]:
        """Records of the active samples: read, stored, and dropped by reason."""
        tallies = [
            tally
            for batch in self.batches
            for rank, tally in zip(batch.ranks.tolist(), self.receipt(batch).tallies, strict=True)
            if rank >= 0
        ]
        stored = sum(sum(tally.stored.values()) for tally in tallies)
        return sum(tally.read for tally in tallies), stored, sum((Counter(one.dropped) for one in tallies), Counter())


def open_cohort(url: str | os.PathLike[str], version: int | None = None) -> Cohort:
    """Open the cohort at a URL or path, by default its latest version.

    While the manifest is unchanged, a process gets the same object, with cached receipts.

    Raises NoCohort, NewerSchema, OlderSchema or BrokenManifest.

        cohort = genocloud.open_cohort("results/cohort")
    """
    url = os.fspath(url)
    store = open_store(url)
    last = latest_version(store) if version is None else version
    if last == 0:
        raise NoCohort(url, version)
    try:
        data = store.read(NAME.format(last))
    except ObjectMissing:
        raise NoCohort(url, version) from None
    return _from_json(url, last, data)


def versions(store: Store) -> list[int]:
    """Existing versions, ascending."""
    return _numbers(NAME, store.list(FOLDER))


def _numbers(pattern: str, names: Iterable[str]) -> list[int]:
    """Versions with an object named by the pattern, ascending."""
    matches = (re.fullmatch(r"\w+/(\d{8})\.\w+", name) for name in names)
    return sorted(int(match[1]) for match in matches if match and pattern.format(int(match[1])) == match[0])


def latest_version(store: Store) -> int:
    """The highest version; 0 where there is no cohort. Raises LostVersion where a later published one is missing."""
    names = store.list(FOLDER)
    last = max([0, *_numbers(NAME, names), *_published(store, names)])
    if last and NAME.format(last) not in names and not store.exists(NAME.format(last)):  # committed between two lists
        raise LostVersion(store.url, last)
    return last


def _published(store: Store, names: Sequence[str]) -> list[int]:
    """Versions with a published digest, ascending; `names` are the objects of the manifest folder."""
    return sorted({*_numbers(PUBLISHED, names), *_numbers(NOTED, store.list(NOTED_FOLDER))})


def lost_versions(store: Store) -> list[int]:
    """Published versions whose manifest is missing, although neither `collect` nor `erase` deleted it."""
    names = store.list(FOLDER)
    unlisted = set(_published(store, names)) - set(_numbers(NAME, names))
    return sorted(version for version in unlisted if not store.exists(NAME.format(version)))


def manifest_names(store: Store, version: int) -> list[str]:
    """Objects of a version's manifest in the order of deletion: without its digests it does not count as lost."""
    return [name for each in (NOTED, PUBLISHED, NAME) if store.exists(name := each.format(version))]


def commit(store: Store, change: Callable[[int], Cohort]) -> Cohort:
    """Apply `change` to the latest version and write the result as the next one, unless nothing changes.

    Where another writer committed first, `change` is applied to that writer's version. Raises Contention.
    """
    for _ in range(TRIES):
        version = latest_version(store)
        previous = _digest_of(store, version)
        new = change(version)
        if new.version == version:
            return new
        fields = _fields(new, previous)
        try:
            store.create(NAME.format(new.version), json.dumps(fields, indent=1).encode())
        except ObjectExists:
            continue
        _note(store, new.version, fields["sha256"])
        return new
    raise Contention(store.url)


def next_version(cohort: Cohort, people: Sequence[Person], new: Mapping[str, Batch]) -> Cohort:
    """The version after `cohort` with exactly these samples, in this order; `new` are batches that it does not have.

    Batches without an active sample are dropped.
    """
    known = {batch.id: batch for batch in cohort.batches} | dict(new)
    names = {name: list(batch.samples) for name, batch in known.items()}
    ranks = {name: np.full(len(batch.samples), -1, np.int32) for name, batch in known.items()}
    for rank, person in enumerate(people):
        names[person.batch][person.place] = person.name
        ranks[person.batch][person.place] = rank
    batches = tuple(
        Batch(id=batch.id, samples=tuple(names[batch.id]), ranks=ranks[batch.id], seal=batch.seal)
        for batch in known.values()
        if (ranks[batch.id] >= 0).any()
    )
    samples = tuple(person.name for person in people)
    return Cohort(
        url=cohort.url,
        version=cohort.version + 1,
        layout=cohort.layout,
        reference=cohort.reference,
        samples=samples,
        batches=batches,
    )


def _digest_of(store: Store, version: int) -> str:
    """The digest in a version's manifest; also published, in case a killed writer did not do so."""
    digest = str(_said(store, version).get("sha256", ""))
    if digest:
        _note(store, version, digest)
    return digest


def _note(store: Store, version: int, digest: str) -> None:
    """Publish a version's digest; an existing one stays, as it may be of another manifest."""
    for each in (PUBLISHED, NOTED):
        if not store.exists(each.format(version)):
            store.write(each.format(version), digest.encode())


def _said(store: Store, version: int) -> dict[str, Any]:
    """The fields of a version's manifest, unchecked; empty where it is absent or no JSON object."""
    try:
        fields = json.loads(store.read(NAME.format(version)))
    except (ObjectMissing, ValueError):
        return {}
    return fields if isinstance(fields, dict) else {}


def check_chain(store: Store, version: int) -> str:
    """What is wrong with a version's link to the previous one and its published digests; empty: nothing."""
    fields, before = _said(store, version), _said(store, version - 1)
    for noted in (PUBLISHED.format(version), NOTED.format(version)):
        if store.exists(noted) and store.read(noted) != str(fields["sha256"]).encode():
            return f"it is not the one that {noted} says was published"
    if fields.get("previous") and before and before.get("sha256") != fields["previous"]:
        return f"it was made after another version {version - 1} than the one that is here"
    return ""


def _fields(cohort: Cohort, previous: str) -> dict[str, Any]:
    """A manifest's JSON, with its own digest and that of the previous version."""
    layout = cohort.layout
    fields = {
        "schema": schema.VERSION,
        "version": cohort.version,
        "previous": previous,
        "reference": cohort.reference,
        "contigs": [[contig.name, contig.length] for contig in layout.contigs],
        "part_bp": layout.part_bp,
        "window_bp": layout.window_bp,
        "batches": [
            {"id": batch.id, "receipt": batch.seal, "samples": batch.samples, "ranks": batch.ranks.tolist()}
            for batch in cohort.batches
        ],
    }
    return json_digest.sealed_json(fields)


@lru_cache(maxsize=2)  # a run works on one cohort; two for comparisons
def _from_json(url: str, version: int, data: bytes) -> Cohort:
    try:
        fields: dict[str, Any] = json.loads(data)
        if "format" in fields:
            raise CallsetHere(url)
        schema_version = json_digest.whole_number(fields["schema"], "schema")
        if not schema.OLDEST <= schema_version <= schema.VERSION:
            raise (NewerSchema if schema_version > schema.VERSION else OlderSchema)(url, schema_version)
        if fields.pop("sha256") != json_digest.content_digest(fields):
            raise ValueError("its sha256 is not the one that it was written with")
        if json_digest.whole_number(fields.get("version", version), "version", 1) != version:
            raise ValueError(f"it is that of version {fields['version']}")
        batches = tuple(_batch(batch) for batch in fields["batches"])
        samples = _in_force(batches)
        return Cohort(
            url=url,
            version=version,
            layout=_layout(fields),
            reference=dict(fields["reference"]),
            samples=samples,
            batches=batches,
        )
    except (ValueError, KeyError, TypeError, OverflowError, AttributeError) as error:
        raise BrokenManifest(url, f"{NAME.format(version)}, version {version}: {error}") from error


def _layout(fields: Mapping[str, Any]) -> Layout:
    contigs = tuple(
        Contig(name, json_digest.whole_number(length, f"the length of contig {name}", 0, _MOST))
        for name, length in fields["contigs"]
    )
    json_digest.string_list([contig.name for contig in contigs], "the contigs' names")
    part_bp, window_bp = (json_digest.whole_number(fields[name], name, 1, _MOST) for name in ("part_bp", "window_bp"))
    return Layout(contigs, part_bp, window_bp)


_MOST = json_digest.MAX_COORDINATE


def _batch(fields: Mapping[str, Any]) -> Batch:
    name, seal = json_digest.string_list([fields["id"], fields["receipt"]], "a batch")
    samples = json_digest.string_list(fields["samples"], f"the samples of batch {name}")
    ranks = [json_digest.whole_number(rank, f"a rank in batch {name}", -1, _MOST) for rank in fields["ranks"]]
    if len(ranks) != len(samples):
        raise ValueError(f"batch {name} has {len(samples):,} samples and {len(ranks):,} ranks")
    return Batch(id=name, samples=samples, ranks=np.array(ranks, np.int32), seal=seal)


def _in_force(batches: Sequence[Batch]) -> tuple[str, ...]:
    """Names by rank; raises ValueError where ranks are not 0, 1, 2, ... or names are not unique."""
    ranked = sorted(
        (rank, name)
        for batch in batches
        for rank, name in zip(batch.ranks.tolist(), batch.samples, strict=True)
        if rank >= 0
    )
    names = tuple(name for _, name in ranked)
    if [rank for rank, _ in ranked] != list(range(len(ranked))) or len(set(names)) != len(names):
        raise ValueError("ranks or names of its samples are not unique")
    return names
