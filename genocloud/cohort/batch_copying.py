"""Regroup stored samples into new batches, equal to batches ingested from their gVCFs."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from genocloud.cohort.batch import KINDS, BatchReceipt, PartReceipt, Source, batch_id, receipt_name
from genocloud.cohort.layout import Layout
from genocloud.cohort.manifest import Cohort, Person
from genocloud.cohort.membership import Place
from genocloud.cohort.reading import read_windows
from genocloud.cohort.writing import write_part
from genocloud.regions import Part
from genocloud.schema import Records, numbers, with_column
from genocloud.storage import Store


@dataclass(frozen=True)
class Rewriting:
    """A planned batch: its id, and its samples in their new order, under their stored names."""

    id: str
    people: tuple[Person, ...]

    @property
    def moves(self) -> dict[Place, Place]:
        """Each sample's old and new place."""
        return {(person.batch, person.place): (self.id, place) for place, person in enumerate(self.people)}


def plan_batch(people: Sequence[Person], receipts: Mapping[str, BatchReceipt], layout: Layout) -> Rewriting:
    """The batch of these samples; its id is the one that ingesting their gVCFs together would give."""
    people = sorted(people)
    sources = [
        Source(
            sample=who.name,
            fingerprint=receipt.fingerprints[who.place],
            rows=(),
            policy=receipt.tallies[who.place].policy,
            sex=receipt.tallies[who.place].sex,
        )
        for who, receipt in ((who, receipts[who.batch]) for who in people)
    ]
    return Rewriting(batch_id(sources, layout), tuple(people))


def plan_compact(cohort: Cohort, batch_size: int) -> list[Rewriting]:
    """Batches that replace small ones: samples adjacent in rank, under their active names.

    A batch is small if it has fewer than half of `batch_size` samples, or an inactive sample, whose rows are dropped.
    Batches that would equal an existing one are not planned.
    """
    receipts = {batch.id: cohort.receipt(batch) for batch in cohort.batches}
    kept = {
        batch.id for batch in cohort.batches if (batch.ranks >= 0).all() and len(batch.samples) >= (batch_size + 1) // 2
    }
    loose = [person for person in cohort.people() if person.batch not in kept]
    groups = [loose[first : first + batch_size] for first in range(0, len(loose), batch_size)]
    planned = [plan_batch(group, receipts, cohort.layout) for group in groups]
    return [made for made in planned if any(who.batch != made.id for who in made.people)]


def rewrite_part(
    store: Store, made: Rewriting, receipts: Mapping[str, BatchReceipt], layout: Layout, part: Part
) -> tuple[PartReceipt, ...]:
    """Write one part of a batch, window by window, with one window of all its samples in memory."""
    return write_part(store, made.id, layout, part, _windows(store, made, receipts, layout, part))


def finish(
    store: Store, made: Rewriting, receipts: Mapping[str, BatchReceipt], parts: Sequence[PartReceipt]
) -> BatchReceipt:
    """Write the receipt of a batch, which marks it complete; `parts` are all of its parts in genome order."""
    homes = [(receipts[person.batch], person.place) for person in made.people]
    contigs = sorted({int(contig) for receipt, _ in homes for contig in receipt.ploidies})
    ploidies = {str(contig): [_ploidy(receipt, place, str(contig)) for receipt, place in homes] for contig in contigs}
    receipt = BatchReceipt(
        id=made.id,
        samples=tuple(person.name for person in made.people),
        fingerprints=tuple(receipt.fingerprints[place] for receipt, place in homes),
        checksums=tuple(receipt.checksums[place] for receipt, place in homes),
        tallies=tuple(receipt.tallies[place] for receipt, place in homes),
        parts=tuple(parts),
        ploidies={contig: copies for contig, copies in ploidies.items() if any(copies)},
    )
    store.write(receipt_name(made.id), receipt.to_json())
    return receipt


def _ploidy(receipt: BatchReceipt, place: int, contig: str) -> int:
    return receipt.ploidies[contig][place] if contig in receipt.ploidies else 0


def _windows(
    store: Store, made: Rewriting, receipts: Mapping[str, BatchReceipt], layout: Layout, part: Part
) -> Iterator[list[dict[str, Records]]]:
    places = _places(made, receipts)
    with ExitStack() as stack:
        sources = {
            batch: stack.enter_context(closing(read_windows(store, receipts[batch], part, layout))) for batch in places
        }
        for _ in layout.windows(part):
            groups = [(places[batch], next(windows)) for batch, windows in sources.items()]
            yield [
                {
                    kind: _side_by_side(kind, [(there, table) for there, group in groups for table in group[kind]])
                    for kind in KINDS
                }
            ]


def _places(made: Rewriting, receipts: Mapping[str, BatchReceipt]) -> dict[str, pa.Array]:
    """For each source batch, the new place of each of its samples; null for those that are dropped."""
    places: dict[str, list[int | None]] = {}
    for (batch, place), (_, new) in made.moves.items():
        places.setdefault(batch, [None] * len(receipts[batch].samples))[place] = new
    return {batch: pa.array(column, pa.int32()) for batch, column in places.items()}


def _side_by_side(kind: str, tables: Sequence[tuple[pa.Array, Records]]) -> Records:
    """Merge row groups of batches' rows of a window, in order of contig, sample and start."""
    placed = [with_column(table, "sample", places.take(table["sample"].combine_chunks())) for places, table in tables]
    together = pa.concat_tables([KINDS[kind].empty_table(), *placed])
    order = np.lexsort([numbers(together[key]) for key in ("start", "sample", "contig")])
    order = order[together["sample"].is_valid().to_numpy()[order]]
    return together.take(order).cast(KINDS[kind]).combine_chunks()
