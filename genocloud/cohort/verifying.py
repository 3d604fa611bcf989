"""Verify a cohort: manifests, receipts, objects, and the rows in them."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud.cohort.batch import (
    KINDS,
    BatchReceipt,
    DamagedObject,
    PartReceipt,
    part_name,
    read_receipt,
    receipt_name,
)
from genocloud.cohort.layout import Layout, Window
from genocloud.cohort.manifest import NAME, BrokenManifest, Cohort, check_chain, lost_versions, open_cohort, versions
from genocloud.cohort.reading import read_windows
from genocloud.cohort.row_groups import extent_along
from genocloud.regions import Part
from genocloud.schema import Records, numbers
from genocloud.storage import ObjectMissing, Store, join

PIECE_BYTES = 1 << 22

Columns = Mapping[str, npt.NDArray[np.int64]]


@dataclass(frozen=True, slots=True)
class Damage:
    """Damage of one object."""

    url: str
    problem: str


@dataclass(frozen=True, kw_only=True)
class Checked:
    """Result of checking some objects; `variants` are rows by sample of the batch, where rows were read."""

    objects: int = 0
    bytes: int = 0
    rows: int = 0
    damage: tuple[Damage, ...] = ()
    variants: tuple[int, ...] | int = 0


def check_versions(store: Store) -> tuple[list[Cohort], list[Damage]]:
    """Every version that can be read, and the damage of the others."""
    cohorts, damage = [], []
    for version in versions(store):
        name = join(store.url, NAME.format(version))
        try:
            cohorts.append(open_cohort(store.url, version))
        except BrokenManifest as error:
            damage.append(Damage(name, error.problem))
            continue
        if problem := check_chain(store, version):
            damage.append(Damage(name, problem))
    lost = [Damage(join(store.url, NAME.format(version)), "is missing") for version in lost_versions(store)]
    return cohorts, damage + lost


def check_receipt(store: Store, batch: str, seal: str, samples: int) -> BatchReceipt | Damage:
    """The receipt of a batch with `samples` samples, or its damage."""
    url = join(store.url, receipt_name(batch))
    try:
        receipt = read_receipt(store, batch, seal)
    except DamagedObject as error:
        return Damage(url, error.problem)
    except ObjectMissing:
        return Damage(url, "is missing")
    columns = (receipt.samples, receipt.fingerprints, receipt.checksums, receipt.tallies, *receipt.ploidies.values())
    return receipt if all(len(column) == samples for column in columns) else Damage(url, "has other samples")


def check_part(store: Store, receipt: BatchReceipt, layout: Layout, part: Part) -> Checked:
    """Check a part of a batch by reading it whole: bytes, checksums, pages, rows, their order and extent."""
    written = [entry for kind in KINDS if (entry := receipt.part(kind, part.name))]
    try:
        for entry in written:
            _check_bytes(store, part_name(receipt.id, entry.kind, entry), entry)
        rows, variants = _check_rows(store, receipt, layout, part, written)
    except DamagedObject as error:
        return Checked(objects=len(written), damage=(Damage(error.url, error.problem),))
    return Checked(
        objects=len(written), bytes=sum(entry.bytes for entry in written), rows=rows, damage=(), variants=variants
    )


def check_tallies(store: Store, receipt: BatchReceipt, parts: Sequence[Checked]) -> list[Damage]:
    """Compare each sample's number of variants with the receipt, if all parts are undamaged."""
    if any(part.damage for part in parts):
        return []
    row_counts = np.zeros(len(receipt.samples), np.int64)
    for part in parts:
        row_counts += part.variants
    tallied = [tally.stored["variants"] for tally in receipt.tallies]
    if row_counts.tolist() == tallied:
        return []
    return [
        Damage(join(store.url, receipt_name(receipt.id)), "its samples have other numbers of variants than the rows")
    ]


def _check_bytes(store: Store, name: str, entry: PartReceipt) -> None:
    digest, size = hashlib.sha256(), 0
    for piece in pieces(store, name):
        digest.update(piece)
        size += len(piece)
    if size != entry.bytes:
        raise DamagedObject(join(store.url, name), f"holds {size:,} bytes, not the {entry.bytes:,} that were written")
    if digest.hexdigest() != entry.sha256:
        raise DamagedObject(join(store.url, name), "its sha256 is not the one that its receipt has")


def pieces(store: Store, name: str) -> Iterator[bytes]:
    """An object's bytes, a few megabytes at a time; raises DamagedObject where it is missing."""
    try:
        with store.open(name) as stream:
            while piece := stream.read(PIECE_BYTES):
                yield piece
    except ObjectMissing:
        raise DamagedObject(join(store.url, name), "is missing") from None


def _check_rows(
    store: Store, receipt: BatchReceipt, layout: Layout, part: Part, written: Sequence[PartReceipt]
) -> tuple[int, tuple[int, ...]]:
    """Read and check all rows; return their number, and each sample's number of variants."""
    urls = {entry.kind: join(store.url, part_name(receipt.id, entry.kind, entry)) for entry in written}
    rows, variants = 0, np.zeros(len(receipt.samples), np.int64)
    longest = dict.fromkeys(urls, 0)
    extents: dict[str, list[tuple[int, int]]] = {kind: [] for kind in urls}
    reached = _Reached(len(receipt.samples))
    for number, (window, groups) in enumerate(
        zip(layout.windows(part), read_windows(store, receipt, part, layout), strict=True)
    ):
        columns = {kind: _columns(kind, groups[kind]) for kind in urls}
        for entry in written:
            own = columns[entry.kind]
            problem = _count_problem(entry.rows[number], own, len(receipt.samples))
            problem = problem or _place_problem(entry.kind, window, own, layout)
            if problem := problem or order_problem(own, bool(entry.group_starts)):
                raise DamagedObject(urls[entry.kind], f"window {number}{problem}")
            longest[entry.kind] = max(longest[entry.kind], _longest(columns[entry.kind]))
            extents[entry.kind] += [extent_along(table, layout.axis(part.contigs[0])) for table in groups[entry.kind]]
        if reached.overlap(window, columns):
            raise DamagedObject(min(urls.values()), f"window {number}: rows of a sample overlap")
        rows += sum(len(own["start"]) for own in columns.values())
        if "variants" in columns:
            variants += np.bincount(columns["variants"]["sample"], minlength=len(variants))
    for entry in written:
        if longest[entry.kind] != entry.longest:
            raise DamagedObject(urls[entry.kind], "its longest row is not the one that its receipt has")
        noted = list(zip(entry.group_starts, entry.group_stops, strict=True))
        if noted and noted != extents[entry.kind]:
            raise DamagedObject(urls[entry.kind], "its row groups are of other places than its receipt has")
    return rows, tuple(variants.tolist())


def _columns(kind: str, groups: Sequence[Records]) -> Columns:
    """The places of a window's rows, and the index of each one's row group."""
    table = pa.concat_tables([KINDS[kind].empty_table(), *groups])
    columns = {name: numbers(table[name]).astype(np.int64) for name in ("contig", "sample", "start", "stop")}
    return {**columns, "group": np.repeat(np.arange(len(groups)), [each.num_rows for each in groups])}


def _longest(columns: Columns) -> int:
    return int((columns["stop"] - columns["start"]).max(initial=0))


def _count_problem(rows: int, columns: Columns, samples: int) -> str | None:
    """What is wrong with the number of rows of a window, or with their samples; None: nothing."""
    if len(columns["start"]) != rows:
        return f" holds {len(columns['start']):,} rows, not {rows:,}"
    if ((columns["sample"] < 0) | (columns["sample"] >= samples)).any():
        return ": a row is of no sample of the batch"
    return None


def _place_problem(kind: str, window: Window, columns: Columns, layout: Layout) -> str | None:
    """What is wrong with the places of one kind's rows of a window; None: nothing."""
    contig, start, stop = (columns[name] for name in ("contig", "start", "stop"))
    first, last = (np.zeros(len(layout.contigs), np.int64) for _ in range(2))
    for region in window:
        first[region.contig], last[region.contig] = region.start, region.end
    if ((contig < 0) | (contig >= len(first))).any():
        return ": a row is on no contig"
    ends = last if kind == "blocks" else np.array([each.length for each in layout.contigs])
    if ((start < first[contig]) | (start >= last[contig]) | (stop <= start) | (stop > ends[contig])).any():
        return ": a row lies outside of it"
    return None


def order_problem(columns: Columns, by_tiles: bool) -> str | None:
    """What is wrong with the order of one kind's rows of a window; None: nothing.

    Those of each group are sorted, and of each sample those of all groups; without tiles, as an earlier genocloud wrote
    them, those of all groups together.
    """
    contig, sample, start, group = (columns[name] for name in ("contig", "sample", "start", "group"))
    stored = np.lexsort((start, sample, contig, group if by_tiles else np.zeros_like(group)))
    by_sample = np.lexsort((start, contig, sample))
    apart = np.diff(sample[by_sample]) > 0
    if (np.diff(stored) < 0).any() or (~apart & (np.diff(by_sample) < 0)).any():
        return ": its rows are out of order"
    return None


class _Reached:
    """End of each sample's last row on the current contig."""

    def __init__(self, samples: int) -> None:
        self.contig, self.stops = -1, np.zeros(samples, np.int64)

    def overlap(self, window: Window, columns: Mapping[str, Columns]) -> bool:
        """Whether a sample's rows of a window, of both kinds, overlap each other or earlier ones."""
        if window[0].contig != self.contig:
            self.contig, self.stops = window[0].contig, np.zeros_like(self.stops)
        rows = [
            np.concatenate([kind[name] for kind in columns.values()]) for name in ("start", "stop", "sample", "contig")
        ]
        order = np.lexsort((rows[0], rows[2], rows[3]))
        start, stop, sample, contig = (column[order] for column in rows)
        same = (sample[1:] == sample[:-1]) & (contig[1:] == contig[:-1])
        here = contig == self.contig
        overlaps = bool((same & (start[1:] < stop[:-1])).any() or (start[here] < self.stops[sample[here]]).any())
        np.maximum.at(self.stops, sample[here], stop[here])
        return overlaps
