"""The callset manifest: samples, batches, contigs, settings, shards; its JSON object commits the callset."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import groupby
from typing import Any

from genocloud import json_digest
from genocloud.callset.format_fields import ModelFields
from genocloud.callset.layout import ENTRY, MANIFEST, MARK, NOT_JSON, PUBLISHED, DamagedFile, ShardEntry, entry_name
from genocloud.callset.remote import RemoteGenotypes
from genocloud.errors import StoreError
from genocloud.regions import Contig
from genocloud.storage import ObjectExists, ObjectMissing, Store, join

VERSION, PLAIN_VERSION, MODEL_VERSION, ADDING_VERSION, WHOLE_VERSION, DENSE_VERSION = 8, 7, 6, 5, 4, 3
"""Versions of callsets: the one that is written; and, still read, the one whose columns are all stored as they are, the
same of a model that declares its fields, the one whose runs begin and end at sites that it has, the one in which each
batch has all sites of a shard in one segment, and the one with a row for each site and sample."""

_FORMAT = "genocloud callset"
_MARK = (json.dumps({"format": _FORMAT}) + "\n").encode()


class NoCallset(StoreError):
    """There is no finished callset at the URL."""

    def __init__(self, url: str) -> None:
        self.url = url
        super().__init__(f"{url}: no finished callset there (no {MANIFEST}); check the URL, or run genotype to its end")


class NotACallset(StoreError):
    """The URL holds other data; `name` is an object that is no callset's."""

    def __init__(self, url: str, name: str) -> None:
        self.url, self.name = url, name
        super().__init__(f"{url}: holds {name}, which is no callset's; give the callset a URL of its own")


class OtherVersion(StoreError):
    """A callset with a schema version that this genocloud cannot read."""

    def __init__(self, url: str, version: Any) -> None:
        self.url, self.version = url, version
        newer = isinstance(version, int) and version > VERSION
        remedy = "use a newer genocloud" if newer else "make it again (genocloud genotype), or use the one that made it"
        super().__init__(
            f"{url}: a callset of version {version}, this genocloud reads {DENSE_VERSION} to {VERSION}; {remedy}"
        )


@dataclass(frozen=True, kw_only=True)
class SampleSubset:
    """What a description of some of a callset's samples keeps of all.

    stored     all samples of each batch, in the order of its files
    samples    their number
    chosen     the number of samples of the subset
    recounted  AC, AF and AN are those of the subset; all else of INFO is of all samples
    """

    stored: Mapping[str, tuple[str, ...]]
    samples: int
    chosen: int
    recounted: bool


@dataclass(frozen=True, kw_only=True)
class Description:
    """The manifest's content apart from the shards.

    `samples` are in the manifest's order; `batches` maps a batch's id to its samples in the order of its files; `model`
    holds the settings of the joint genotyping, `fields` what it declares of records itself, if it does; `software` is
    name and version, also for `##source`; `source` describes the inputs (cohort version, reference checksum) without
    paths. `site` is the site that stores the callset, where there are several; `stores` locates the files of batches
    stored at other sites.
    """

    samples: tuple[str, ...]
    batches: Mapping[str, tuple[str, ...]]
    contigs: tuple[Contig, ...]
    model: Mapping[str, Any]
    software: str
    source: Mapping[str, Any] = field(default_factory=dict)
    site: str = ""
    stores: Mapping[str, RemoteGenotypes] = field(default_factory=dict)
    callers: Mapping[str, str] = field(default_factory=dict)
    subset: SampleSubset | None = None
    fields: ModelFields | None = None

    @property
    def elsewhere(self) -> dict[RemoteGenotypes, tuple[str, ...]]:
        """The other sites, by name, with the batches stored there."""
        places = sorted(set(self.stores.values()))
        return {place: tuple(sorted(key for key, value in self.stores.items() if value == place)) for place in places}

    @property
    def sites(self) -> tuple[str, ...]:
        """Names of the sites whose samples these are: this one, then the others."""
        return (self.site, *(place.site for place in self.elsewhere))

    def only(self, sites: Collection[str]) -> "Description":
        """The description restricted to some sites' samples."""
        homes = {batch: self.stores[batch].site if batch in self.stores else self.site for batch in self.batches}
        batches = {batch: samples for batch, samples in self.batches.items() if homes[batch] in sites}
        chosen = {sample for samples in batches.values() for sample in samples}
        return replace(
            self,
            samples=tuple(sample for sample in self.samples if sample in chosen),
            batches=batches,
            stores={batch: place for batch, place in self.stores.items() if batch in batches},
        )

    def of_samples(self, samples: Sequence[str], *, recounted: bool) -> "Description":
        """The description restricted to some of its samples, in this order; batches without any are left out."""
        chosen = dict.fromkeys(samples)
        some = {batch: tuple(each for each in held if each in chosen) for batch, held in self.batches.items()}
        batches = {batch: held for batch, held in some.items() if held}
        stored, count = self.batches, len(self.samples)
        whole = self.subset or SampleSubset(stored=stored, samples=count, chosen=count, recounted=recounted)
        return replace(
            self,
            samples=tuple(chosen),
            batches=batches,
            stores={batch: place for batch, place in self.stores.items() if batch in batches},
            subset=replace(whole, chosen=len(chosen), recounted=recounted),
        )


def encode(description: Description, shards: tuple[ShardEntry, ...], previous: str = "") -> bytes:
    """The manifest as JSON, with its own digest and that of the `previous` manifest."""
    values = _content(description, shards) | ({_PREVIOUS: previous} if previous else {})
    return (json.dumps(json_digest.sealed_json(values)) + "\n").encode()


_PREVIOUS = "previous"


def _content(description: Description, shards: tuple[ShardEntry, ...]) -> dict[str, Any]:
    return {
        "format": _FORMAT,
        "version": VERSION,
        "software": description.software,
        "model": dict(description.model),
        **({"fields": asdict(description.fields)} if description.fields else {}),
        "source": dict(description.source),
        **({"site": description.site} if description.site else {}),
        **({"stores": _stores_as_json(description)} if description.stores else {}),
        **({"callers": _callers_as_json(description)} if description.callers else {}),
        "counts": counts_of(description, shards),
        "contigs": [[contig.name, contig.length] for contig in description.contigs],
        "samples": description.samples,
        "batches": _batches_as_json(description),
        "shards": [shard.as_json() for shard in shards],
    }


def publish(store: Store, description: Description, shards: tuple[ShardEntry, ...]) -> None:
    """Write the manifest, which commits the callset, after the note of its digest.

    Publishing equal content again keeps the manifest's bytes, even if it was deleted meanwhile.
    """
    digest = json_digest.content_digest(json.loads(json.dumps(_content(description, shards))))
    try:
        noted = _read_published(store)
    except DamagedFile:
        noted = None
    if noted is None or noted["sha256"] != digest:
        noted = {"sha256": digest, _PREVIOUS: noted["sha256"] if noted else ""}
        store.delete(MANIFEST)
        store.write(PUBLISHED, (json.dumps(noted) + "\n").encode())
    store.write(MANIFEST, encode(description, shards, noted[_PREVIOUS]))


def _read_published(store: Store) -> dict[str, str] | None:
    """Digests of the content published last and of the one before it; None where nothing was published."""
    try:
        noted = json.loads(store.read(PUBLISHED))
        return {name: str(noted[name]) for name in ("sha256", _PREVIOUS)}
    except ObjectMissing:
        return None
    except NOT_JSON as error:
        raise DamagedFile(join(store.url, PUBLISHED), f"is damaged ({error!r})") from error


def _stores_as_json(description: Description) -> dict[str, dict[str, Any]]:
    return {batch: asdict(place) for batch, place in sorted(description.stores.items())}


def _batches_as_json(description: Description) -> dict[str, list[list[int]]]:
    """Where each batch's samples stand among all: runs of neighbours, as the number of the first and how many."""
    place = {sample: number for number, sample in enumerate(description.samples)}
    return {
        batch: [[first, count] for first, count in _runs([place[sample] for sample in samples])]
        for batch, samples in sorted(description.batches.items())
    }


def _runs(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    for _, run in groupby(enumerate(numbers), key=lambda each: each[1] - each[0]):
        (_, first), *others = run
        yield first, 1 + len(others)


def _members(batch: str, stored: Any, samples: Sequence[str]) -> tuple[str, ...]:
    """The inverse of `_batches_as_json`, of one batch; versions before 8 have its names. Raises one of NOT_JSON."""
    if all(isinstance(each, str) for each in stored):
        return json_digest.string_list(stored, f"batch {batch}")
    members: list[str] = []
    for first, count in stored:
        json_digest.whole_number(first, f"a sample of batch {batch}", most=len(samples) - 1)
        json_digest.whole_number(count, f"the samples of batch {batch}", least=1, most=len(samples) - first)
        members += samples[first : first + count]
    return tuple(members)


def _callers_as_json(description: Description) -> list[list[Any]]:
    """Each caller with the number of samples that it stands for, one after the other in the samples' order."""
    names = (description.callers.get(sample, "") for sample in description.samples)
    return [[caller, sum(1 for _ in run)] for caller, run in groupby(names)]


def _callers_by_sample(samples: Sequence[str], runs: Sequence[tuple[str, int]]) -> dict[str, str]:
    """The inverse of `_callers_as_json`; raises one of NOT_JSON."""
    json_digest.string_list([caller for caller, _ in runs], "its callers")
    most = len(samples)
    counts = [json_digest.whole_number(count, "a caller's samples", least=1, most=most) for _, count in runs]
    names = [caller for (caller, _), count in zip(runs, counts, strict=True) for _ in range(count)]
    return {sample: caller for sample, caller in zip(samples, names, strict=True) if caller}


def counts_of(description: Description, shards: tuple[ShardEntry, ...]) -> dict[str, int]:
    """Samples, sites, genotypes and shards of a callset."""
    return {
        "samples": len(description.samples),
        "sites": sum(shard.sites.rows for shard in shards),
        "genotypes": sum(shard.sites.rows for shard in shards) * sum(map(len, description.batches.values())),
        "shards": len(shards),
    }


def read(store: Store) -> tuple[Description, tuple[ShardEntry, ...]]:
    """Read a callset's manifest. Raises NoCallset, OtherVersion or DamagedFile."""
    values = _values(store)
    if values is None and _has_mark(store) and store.exists(MANIFEST):
        raise DamagedFile(join(store.url, MANIFEST), "is damaged (no JSON object)")
    if values is None or values.get("format") != _FORMAT:
        raise NoCallset(store.url)
    if values.get("version") not in range(DENSE_VERSION, VERSION + 1):
        raise OtherVersion(store.url, values.get("version"))
    try:
        _check_published(store, values)
        return decode(values)
    except NOT_JSON as error:
        raise DamagedFile(join(store.url, MANIFEST), f"is damaged ({error!r})") from error


def _check_published(store: Store, values: dict[str, Any]) -> None:
    """Raise ValueError or DamagedFile for a manifest that is not the published one.

    Manifests of earlier versions have no digest and pass.
    """
    if "sha256" not in values:
        return
    values = dict(values)
    if values.pop("sha256") != json_digest.content_digest(values):
        raise ValueError("its sha256 is not the one that it was written with")
    noted = _read_published(store)
    if noted is None:
        raise DamagedFile(join(store.url, PUBLISHED), "is missing")
    previous = values.pop(_PREVIOUS, "")
    if noted != {"sha256": json_digest.content_digest(values), _PREVIOUS: previous}:
        raise ValueError(f"it is not the one that {PUBLISHED} says was published")


def decode(values: Mapping[str, Any]) -> tuple[Description, tuple[ShardEntry, ...]]:
    """What a manifest's JSON values say; raises one of NOT_JSON for other values."""
    contigs = tuple(
        Contig(name, json_digest.whole_number(length, f"the length of contig {name}", 0, json_digest.MAX_COORDINATE))
        for name, length in values["contigs"]
    )
    samples = json_digest.string_list(values["samples"], "its samples")
    description = Description(
        samples=samples,
        batches={batch: _members(batch, stored, samples) for batch, stored in values["batches"].items()},
        contigs=contigs,
        model=dict(values["model"]),
        software=values["software"],
        source=dict(values["source"]),
        site=values.get("site", ""),
        stores={batch: RemoteGenotypes(**place) for batch, place in values.get("stores", {}).items()},
        fields=ModelFields.from_json(values["fields"]) if "fields" in values else None,
        callers=_callers_by_sample(samples, values["callers"]) if "callers" in values else {},
    )
    json_digest.string_list([*(contig.name for contig in contigs), description.software, description.site], "a name")
    shards = tuple(ShardEntry.from_json(shard) for shard in values["shards"])
    for shard in shards:
        json_digest.whole_number(
            shard.extent.last, f"the contig of shard {shard.name}", shard.extent.contig, len(contigs) - 1
        )
    return description, shards


def _values(store: Store) -> dict[str, Any] | None:
    """The JSON object that is the manifest; None where there is none."""
    try:
        values = json.loads(store.read(MANIFEST))
    except (ObjectMissing, ValueError):
        return None
    return values if isinstance(values, dict) else None


def claim(store: Store) -> None:
    """Mark a URL as a callset's before anything is written there; cheap where it is marked already.

    Raises NotACallset where there is other data: a manifest of another kind, or files without the mark of a callset.
    """
    values = _values(store)
    if values is not None and values.get("format") != _FORMAT:
        raise NotACallset(store.url, MANIFEST)
    if _has_mark(store):
        return
    if values is not None:  # a callset that has lost its mark
        store.write(MARK, _MARK)
        return
    _check_files(store)
    try:
        store.create(MARK, _MARK)
    except ObjectExists:
        if not _has_mark(store):
            raise NotACallset(store.url, MARK) from None


def _check_files(store: Store) -> None:
    names = store.list()
    if names and MARK not in names and not any(read_entry(store, name) for name in names if ENTRY.fullmatch(name)):
        raise NotACallset(store.url, names[0])


def read_entry(store: Store, name: str) -> ShardEntry | None:
    """Read a shard's entry by its object name; None where it is missing or unreadable."""
    try:
        entry = ShardEntry.from_json(json_digest.open_json(store.read(name)))
        return entry if entry_name(entry.name) == name else None
    except (ObjectMissing, *NOT_JSON):
        return None


def _has_mark(store: Store) -> bool:
    try:
        return store.read(MARK) == _MARK
    except ObjectMissing:
        return False
