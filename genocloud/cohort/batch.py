"""A batch of samples: its sources, content-derived id, and receipt."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import json_digest, schema
from genocloud.cohort.layout import Layout
from genocloud.errors import StoreError
from genocloud.regions import Part, Region
from genocloud.storage import Store, join

KINDS = {"variants": schema.VARIANTS, "blocks": schema.BLOCKS}


class ReadCounts(Protocol):
    """Some of one sample's records in numbers (gvcf.RecordCounts)."""

    @property
    def read(self) -> int: ...
    @property
    def dropped(self) -> dict[str, int]: ...
    @property
    def odd(self) -> dict[str, int]: ...
    @property
    def checksum(self) -> int: ...
    @property
    def holes(self) -> Sequence[Region]: ...


class ReadRows(Protocol):
    """A chunk of the records of one sample (gvcf.Rows), or of several in turn (gvcf.RowsTogether).

    `sample` in the rows is the sample's number, with which `counts` has its counts.
    """

    @property
    def variants(self) -> pa.RecordBatch: ...
    @property
    def blocks(self) -> pa.RecordBatch: ...
    @property
    def counts(self) -> Sequence[tuple[int, ReadCounts]]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One sample to store: its name, fingerprint of its content, and records in reference order.

    Samples that are neighbours in order of name may share one `rows`, which has their records in that order.
    `policy` is how unusable records are handled; empty: they are errors. `file` is the same for all samples of one
    combined file, and empty for single-sample files. `caller` is the dialect. `sex` is male, female or unknown.
    """

    sample: str
    fingerprint: str
    rows: Iterable[ReadRows]
    policy: str = ""
    file: str = ""
    caller: str = ""
    sex: str = "unknown"


class BadBalance(Exception):
    """Records stored and dropped do not add up to those read: a bug."""


class DamagedObject(StoreError):
    """An object of a batch is missing or differs from what was written."""

    def __init__(self, url: str, problem: str) -> None:
        self.url, self.problem = url, problem
        super().__init__(f"{url}: the object is damaged ({problem}); restore it, or make the cohort again")


@dataclass(frozen=True, slots=True, kw_only=True)
class PartReceipt:
    """Content of one object: rows by window, bases of the longest row, bytes and their sha256.

    `group_rows` and `group_bytes` are the rows and decoded bytes of its row groups, `group_starts` and `group_stops`
    the first start and the last stop of their rows on the part's axis (row_groups.extent_along); an earlier genocloud
    noted no places, which are empty then. `seal` is the digest of its footer, which has checksums of the rest; empty in
    objects of earlier versions.
    """

    name: str
    kind: str
    rows: tuple[int, ...]
    group_rows: tuple[int, ...]
    group_bytes: tuple[int, ...]
    longest: int
    bytes: int
    sha256: str
    seal: str = ""
    group_starts: tuple[int, ...] = ()
    group_stops: tuple[int, ...] = ()

    def groups(self) -> list[range]:
        """The row groups of each window; a window without rows has none."""
        ends = np.searchsorted(np.cumsum(self.group_rows), np.cumsum(self.rows), side="right").tolist()
        return [range(first, end) for first, end in zip([0, *ends], ends, strict=False)]

    def groups_over(self, region: Region, windows: Sequence[Region]) -> list[int]:
        """The row groups that may have rows that overlap a region; it and `windows`, the part's, are on the axis.

        Where no places are noted, a group may have rows of all its window, that reach as far as any variant does.
        """
        starts, stops = self.group_starts, self.group_stops
        if not starts:
            reach = max(self.longest, schema.REACH_BP) if self.kind == "variants" else 1
            inside = [window for window, groups in zip(windows, self.groups(), strict=True) for _ in groups]
            starts, stops = (tuple(each.start for each in inside), tuple(each.end + reach - 1 for each in inside))
        overlaps = (np.array(starts, np.int64) < region.end) & (np.array(stops, np.int64) > region.start)
        return [int(group) for group in np.flatnonzero(overlaps)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Counts of one sample's records: `read` == the sums of `stored` (by kind) and `dropped` (by reason).

    `bare`: hom-ref blocks with neither PL nor GQ; `first_bare` is the first one's contig and start. `holes` (contig,
    start, end) are bases without records that the `policy` (see Source) permits. `odd` counts stored records by what is
    odd about them. `file`, `caller` and `sex` are as in Source; an earlier genocloud noted no sex, which is empty then.
    """

    read: int
    stored: dict[str, int]
    dropped: dict[str, int]
    bare: int = 0
    first_bare: tuple[int, ...] = ()
    policy: str = ""
    holes: tuple[tuple[int, int, int], ...] = ()
    odd: dict[str, int] = field(default_factory=dict)
    file: str = ""
    caller: str = ""
    sex: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchReceipt:
    """A stored batch; written last, it marks the batch complete.

    `samples`, `fingerprints`, `checksums` (CRC-32 of the whole files) and `tallies` are in the order of the batch's
    sample column, so that receipts of regrouped batches follow from it without the input files. Blocks are cut at
    windows, so `parts` have more rows than `stored` has records. `ploidies` has, for each contig with rows (its index,
    as text), the fewest alleles in a GT of each sample; 0 for a sample without rows there.
    """

    id: str
    samples: tuple[str, ...]
    fingerprints: tuple[str, ...]
    checksums: tuple[int, ...]
    tallies: tuple[Tally, ...]
    parts: tuple[PartReceipt, ...]
    ploidies: dict[str, list[int]]

    @property
    def read(self) -> int:
        """Records read, of all samples."""
        return sum(tally.read for tally in self.tallies)

    @property
    def stored(self) -> dict[str, int]:
        """Records stored by kind, of all samples."""
        return {kind: sum(tally.stored[kind] for tally in self.tallies) for kind in KINDS}

    @property
    def dropped(self) -> dict[str, int]:
        """Records dropped by reason, of all samples."""
        return dict(sum((Counter(tally.dropped) for tally in self.tallies), Counter[str]()))

    def part(self, kind: str, name: str) -> PartReceipt | None:
        """The receipt of one object; None where it would be empty and was not written."""
        return next((part for part in self.parts if (part.kind, part.name) == (kind, name)), None)

    def to_json(self) -> bytes:
        """The receipt as JSON; equal receipts give equal bytes."""
        content = _fields(self) | {"tallies": list(map(_fields, self.tallies)), "parts": list(map(_fields, self.parts))}
        return json.dumps(json_digest.sealed_json(content), sort_keys=True, separators=(",", ":")).encode()


def _fields(instance: Any) -> dict[str, Any]:
    """A dataclass as a dictionary; `dataclasses.asdict` would copy all that it holds."""
    return {each.name: getattr(instance, each.name) for each in fields(instance)}


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Batch:
    """A batch of a cohort: its samples in stored order, and the cohort rank of each (-1: inactive).

    `samples` are active names, which may differ from the stored ones (the receipt's); inactive samples have their last
    name. `seal` is the sha256 of the batch's receipt, which has those of its objects.
    """

    id: str
    samples: tuple[str, ...]
    ranks: npt.NDArray[np.int32]
    seal: str


_BY_GROUP = ("group_rows", "group_bytes", "group_starts", "group_stops")
_BY_NUMBER = ("rows", *_BY_GROUP)
_NO_PLACES: dict[str, list[int]] = {"group_starts": [], "group_stops": []}


def receipt_from_json(data: bytes, compare: bool = True) -> BatchReceipt:
    """The inverse of `BatchReceipt.to_json`; equal lists share memory, as thousands of decoys have equal ploidies."""
    fields = json_digest.open_json(data, compare)
    for key in ("samples", "fingerprints", "checksums"):
        fields[key] = tuple(fields[key])
    fields["parts"] = [_NO_PLACES | part for part in fields["parts"]]
    for part in fields["parts"]:
        _check_part(part)
    fields["tallies"] = tuple(
        Tally(**tally | {"first_bare": tuple(tally["first_bare"]), "holes": tuple(map(tuple, tally.get("holes", ())))})
        for tally in fields["tallies"]
    )
    fields["parts"] = tuple(
        PartReceipt(**part | {key: tuple(part[key]) for key in _BY_NUMBER}) for part in fields["parts"]
    )
    lists: dict[tuple[int, ...], list[int]] = {}
    fields["ploidies"] = {contig: lists.setdefault(tuple(each), each) for contig, each in fields["ploidies"].items()}
    return BatchReceipt(**fields)


def _check_part(part: Mapping[str, Any]) -> None:
    """Raise ValueError for an object's receipt with impossible numbers."""
    what = f"of part {part['name']} of the {part['kind']}"
    for key in _BY_NUMBER:
        for number in part[key]:
            json_digest.whole_number(number, f"{key} {what}")
    rows, sizes, starts, stops = (len(part[key]) for key in _BY_GROUP)
    if rows != sizes or starts != stops or starts not in (0, rows):
        raise ValueError(f"lists {what} are of other numbers of row groups: {rows}, {sizes}, {starts}, {stops}")
    for key in ("longest", "bytes"):
        json_digest.whole_number(part[key], f"{key} {what}")
    if sum(part["rows"]) != sum(part["group_rows"]):
        raise ValueError(
            f"rows {what} are {sum(part['rows']):,} by window and {sum(part['group_rows']):,} by row group"
        )


def read_receipt(store: Store, batch: str, seal: str | None = None) -> BatchReceipt:
    """The receipt of a stored batch, checked against the sha256 `seal` if any.

    Raises ObjectMissing where the batch is absent or unfinished, or DamagedObject.
    """
    data = store.read(receipt_name(batch))
    url = join(store.url, receipt_name(batch))
    if seal is not None and seal != seal_of(data):
        raise DamagedObject(url, "its sha256 is not the one that the manifest has")
    try:
        return receipt_from_json(data, compare=seal is None)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedObject(url, f"{type(error).__name__}: {error}") from error


def seal_of(receipt: bytes) -> str:
    """The sha256 of a receipt, which the manifest records."""
    return hashlib.sha256(receipt).hexdigest()


def find_batch(store: Store, batch: str) -> BatchReceipt | None:
    """The receipt of a batch that an earlier, killed run finished; None where there is none.

    It is rewritten, which renews its modification time, so that `collect` keeps the batch for the current run.
    """
    if not store.exists(receipt_name(batch)):
        return None
    receipt = read_receipt(store, batch)
    # the same bytes: versions that have the batch, and an earlier genocloud may have written it, have their sha256
    store.write(receipt_name(batch), store.read(receipt_name(batch)))
    return receipt


def batch_id(sources: Sequence[Source], layout: Layout) -> str:
    """Content-derived id: equal samples with an equal layout make the same batch."""
    contents = {
        "schema": schema.VERSION,
        "contigs": [[contig.name, contig.length] for contig in layout.contigs],
        "cuts": [layout.part_bp, layout.window_bp],
        "samples": [[each.sample, each.fingerprint, each.sex, *filter(None, [each.policy])] for each in sources],
    }
    return hashlib.sha256(json.dumps(contents).encode()).hexdigest()[:16]


def receipt_name(batch: str) -> str:
    """Name of a batch's receipt; it is written last, so that a batch with a receipt is complete."""
    return f"batches/{batch}/receipt.json"


def part_name(batch: str, kind: str, part: Part | PartReceipt) -> str:
    """Name of the object with a part's rows of one kind."""
    return f"batches/{batch}/{kind}/{part.name}.parquet"
