"""Chunks of a VCF Zarr: one that has what it would be written with stays, as notes in the store say of each."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from genocloud import json_digest
from genocloud.callset.arrays import FILL
from genocloud.callset.layout import NOT_JSON
from genocloud.callset.zarr_arrays import Texts, ZarrArray
from genocloud.callset.zarr_values import FILL_FLOAT, Values
from genocloud.storage import ObjectMissing, Store, StoreFailed, join

_NOTES = ".chunks"


def note_name(row: int) -> str:
    """The object that says what the chunks of a row were made of: those whose number along the variants it is."""
    return f"{_NOTES}/{row}.json"


class Chunk(NamedTuple):
    """A chunk that an export has: its array, its numbers along the first dimensions, and its values.

    cells   (sites, samples) int32, where each cell has one of the values: its row
    digest  of these values in these cells, see `digest_of_cells`
    """

    array: ZarrArray
    places: tuple[int, ...]
    values: Values
    cells: npt.NDArray[np.int32] | None = None
    digest: bytes = b""

    @property
    def name(self) -> str:
        """The object."""
        return self.array.chunk_name(self.places)

    def made_of(self) -> str:
        """A digest of what its bytes follow from."""
        digest = blake2b(json.dumps(self.array.encoding, sort_keys=True).encode(), digest_size=16)
        if self.cells is not None:
            digest.update(self.digest)
        elif isinstance(self.values, Texts):
            digest.update(json.dumps([self.values.codes.tolist(), list(self.values.words)]).encode())
        else:
            digest.update(repr(self.values.shape).encode() + self.values.tobytes())
        return digest.hexdigest()

    def encode(self) -> bytes:
        """Its bytes."""
        if self.cells is None:
            return self.array.encode(self.values)
        if isinstance(self.values, Texts):
            return self.array.encode(self.values._replace(codes=self.values.codes[self.cells]))
        return self.array.encode(np.take(self.values, self.cells, axis=0))


class ChunkRow:
    """The chunks of the same variants: those that differ from what the note says of them are written.

    The note goes before the first of them is written, and comes when all are there: a killed row is written again.
    """

    def __init__(self, store: Store, row: int) -> None:
        self._store, self._note = store, note_name(row)
        self._held = _read(store, self._note)
        self._now: dict[str, tuple[str, int]] = {}
        self._kept, self._is_noted = 0, bool(self._held)

    def jobs(self, chunks: Iterable[Chunk]) -> Iterator[Callable[[], int]]:
        """What writes the chunks that are not there, and returns bytes."""
        for chunk in chunks:
            made_of, held = chunk.made_of(), self._held.get(chunk.name)
            if held and held[0] == made_of:
                self._now[chunk.name] = held
                self._kept += held[1]
                continue
            if self._is_noted:
                self._store.delete(self._note)
                self._is_noted = False
            yield partial(self._write, chunk, made_of)

    def _write(self, chunk: Chunk, made_of: str) -> int:
        data = chunk.encode()
        self._store.write(chunk.name, data)
        self._now[chunk.name] = made_of, len(data)
        return len(data)

    def finish(self) -> int:
        """Note what the chunks are made of, after all jobs; bytes of those that stayed."""
        if self._now != self._held:
            values = {"chunks": {name: list(self._now[name]) for name in sorted(self._now)}}
            self._store.write(self._note, json.dumps(json_digest.sealed_json(values)).encode())
        return self._kept


def _read(store: Store, note: str) -> dict[str, tuple[str, int]]:
    """Of each chunk its digest and bytes; nothing where the note is missing or damaged."""
    try:
        chunks = json_digest.open_json(store.read(note))["chunks"]
        return {name: (made_of, size) for name, (made_of, size) in chunks.items()}
    except (ObjectMissing, *NOT_JSON):
        return {}


def check_kept(store: Store, missing: Collection[str]) -> None:
    """Raise StoreFailed where chunks that notes named are missing; these notes go, so that the next run mends it."""
    for name in missing:
        store.delete(note_name(int(name.rpartition("/")[2].split(".")[0])))
    if missing:
        problem = f"{len(missing):,} chunks that an earlier export wrote have gone"
        raise StoreFailed(join(store.url, min(missing)), problem, "run the same export again: it writes them anew")


def digest_of_cells(columns: Sequence[Values], cells: npt.NDArray[np.int32]) -> bytes:
    """A digest of the values in all cells, however the distinct ones are numbered, of any dtype and filled up or not.

    columns  each (rows,) or (rows, width)
    cells    (sites, samples) int32; the row of each
    """
    rows = np.zeros(1, np.uint64)
    for number, column in enumerate(columns):
        rows = _mixed(rows, np.array(number, np.uint64))
        for values, is_fill in _numbers(column):
            rows = np.where(is_fill, rows, _mixed(rows, values)) if is_fill.any() else _mixed(rows, values)
    digest = blake2b(repr(cells.shape).encode(), digest_size=16)
    digest.update(np.take(rows, cells).data)
    return digest.digest()


def _numbers(column: Values) -> Iterator[tuple[npt.NDArray[np.uint64], npt.NDArray[np.bool_]]]:
    """Each of a column's values as a number, (rows,), and whether it is what short lists are filled up with."""
    if isinstance(column, Texts):
        words = np.array([_number(word) for word in column.words], np.uint64)
        numbers, is_fill = words[column.codes], np.array([not word for word in column.words])[column.codes]
    elif column.dtype == np.float32:
        numbers = column.view(np.uint32).astype(np.uint64)
        is_fill = numbers == FILL_FLOAT
    else:
        numbers = column.astype(np.int64).view(np.uint64)
        is_fill = column == FILL
    yield from zip(numbers.reshape(len(numbers), -1).T, is_fill.reshape(len(numbers), -1).T, strict=True)


def _number(word: str) -> int:
    return int.from_bytes(blake2b(word.encode(), digest_size=8).digest(), "little")


def _mixed(state: npt.NDArray[np.uint64], values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """A hash of 64 bits that has taken in one more value: two that differ in one value never meet."""
    state = ((state + _STEP) ^ values) * _FACTOR
    return state ^ (state >> np.uint64(32))


_STEP, _FACTOR = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9)
"""Odd, with bits all over. Source: Steele, Lea, Flood 2014, SplitMix64."""
