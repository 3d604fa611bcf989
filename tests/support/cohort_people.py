"""Small cohorts out of plain Python rows, no gVCF needed: what store tests ingest, and how they look at it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pyarrow as pa
import pytest

from genocloud import cohort, schema
from genocloud.regions import Contig, Region
from genocloud.storage import Store, open_store
from genocloud.storage.memory import MemoryStore

CONTIGS = (Contig("chr1", 5000), Contig("chr2", 300), Contig("chr3", 200), Contig("chr4", 900))
LAYOUT = cohort.Layout(CONTIGS, part_bp=1000, window_bp=500)
REFERENCE = {"contigs": "of the tests"}


@dataclass(frozen=True)
class Piece:
    """Some records of one contig (gvcf.Rows)."""

    variants: pa.RecordBatch
    blocks: pa.RecordBatch
    read: int
    dropped: dict[str, int]
    checksum: int
    holes: tuple[Region, ...] = ()
    odd: dict[str, int] = field(default_factory=dict)

    @property
    def counts(self) -> tuple[tuple[int, "Piece"], ...]:
        return ((0, self),)


def block(contig: int, start: int, stop: int, depth: int) -> dict[str, object]:
    """A reference block's row."""
    return {
        "contig": contig,
        "start": start,
        "stop": stop,
        "dp": depth,
        "gq": 9,
        "min_dp": depth,
        "ploidy": 2,
        "called": True,
    }


def variant(contig: int, start: int, ref: str, depth: int) -> dict[str, object]:
    """A deletion's row."""
    row = {"contig": contig, "start": start, "stop": start + len(ref), "ref": ref, "alts": ["A", "<NON_REF>"]}
    return row | {"gt": [0, 1], "phased": False, "dp": depth, "gq": 50, "pl": [50, 0, 60, 70, 80, 150]}


def pieces(shift: int) -> Iterator[Piece]:
    """A person's records: blocks over windows, a deletion over a window's edge, short contigs; one record dropped."""
    stretches = [
        (
            [variant(0, 1990 + shift % 10, "A" * 40, shift)],
            [block(0, 0, 1200 + shift % 97, 30), block(0, 2100, 2300, shift)],
        ),
        ([variant(1, 10 + shift % 10, "AAA", shift)], []),
        ([], [block(2, 0, 200, 7)]),
        ([], [block(3, 600, 900, shift)]),
    ]
    for variants, blocks in stretches:
        read = len(variants) + len(blocks) + 1
        yield Piece(_rows(variants, schema.VARIANTS), _rows(blocks, schema.BLOCKS), read, {"made up": 1}, shift)


def _rows(rows: list[dict[str, object]], columns: pa.Schema) -> pa.RecordBatch:
    values = {
        field.name: [row.get(field.name, 0 if field.name == "sample" else None) for row in rows] for field in columns
    }
    return pa.RecordBatch.from_arrays([pa.array(values[field.name], field.type) for field in columns], schema=columns)


def source(name: str, shift: int) -> cohort.Source:
    """A person to be stored; another `shift` is another file."""
    return cohort.Source(sample=name, fingerprint=f"{shift:064x}", rows=pieces(shift))


def ingest(store: Store, people: dict[str, int], replacing: tuple[str, ...] = ()) -> cohort.Cohort:
    """Store people (shift by name) as one batch, and put them in force."""
    receipt = cohort.write_batch(store, [source(name, shift) for name, shift in people.items()], LAYOUT)
    return cohort.append(store, [receipt], LAYOUT, REFERENCE, replacing)


def rows_in_force(stored_cohort: cohort.Cohort) -> dict[str, list[dict[str, object]]]:
    """Everybody's rows, by name in rank order: the variants, then the blocks, of the whole genome."""
    rows_by_sample: dict[str, list[dict[str, object]]] = {name: [] for name in stored_cohort.samples}
    for number, contig in enumerate(CONTIGS):
        rows = cohort.read_region(stored_cohort, Region(number, 0, contig.length))
        for row in [*rows.variants.to_pylist(), *rows.blocks.to_pylist()]:
            rows_by_sample[row.pop("sample")].append(row)
    return rows_by_sample


def contents(store: Store, prefix: str = "") -> dict[str, bytes]:
    """All objects' bytes, by name."""
    return {name: store.read(name) for name in store.list(prefix)}


def copied(store: Store, url: str) -> Store:
    """All of a store's objects, at another URL."""
    other = open_store(url)
    for name, data in contents(store).items():
        other.write(name, data)
    return other


class Killed(BaseException):
    """The end of a process, at a chosen moment."""


def killed_at(patch: pytest.MonkeyPatch, moment: int) -> None:
    """Let the store in memory die at its `moment`-th change, before it is made."""
    left = iter(range(moment - 1, -1, -1))

    def dying(method: Callable[..., object]) -> Callable[..., object]:
        def act(*arguments: object) -> object:
            if next(left, 0) == 0:
                raise Killed
            return method(*arguments)

        return act

    for name in ("write", "create", "delete"):
        patch.setattr(MemoryStore, name, dying(getattr(MemoryStore, name)))
