"""Arrays of Zarr format 2: what each is, and the bytes of its chunks and metadata."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

TEXT = "|O"
"""The dtype of strings of any length."""

_LEVEL, _BYTES, _BITS = 4, 1, 2
"""Blosc's level, and its shuffles of bytes and of bits."""

_BLOCK = 1 << 21
"""Bytes that are compressed together: in Blosc's own 256 KiB are so few sites of 10,000 people that it takes nearly
twice the bytes, and half as much time again to compress and to read.
"""

_LENGTH = Struct("<I")


@dataclass(frozen=True, kw_only=True)
class ZarrArray:
    """An array of a Zarr group.

    dtype   as NumPy writes it: `<i4`; TEXT for strings
    dims    the names of its dimensions
    shape, chunks  sizes; a chunk at the end of a dimension is as large as all
    """

    name: str
    dtype: str
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    description: str = ""

    def metadata(self) -> dict[str, dict[str, Any]]:
        """The JSON of its objects `.zarray` and `.zattrs`, by name."""
        attributes = {"_ARRAY_DIMENSIONS": list(self.dims), "description": self.description}
        array = {**self.encoding, "shape": list(self.shape)}
        return {f"{self.name}/.zarray": array, f"{self.name}/.zattrs": attributes}

    @property
    def encoding(self) -> dict[str, Any]:
        """What of `.zarray` says how values become the bytes of a chunk."""
        return {
            "chunks": [max(size, 1) for size in self.chunks],
            "compressor": self._compressor,
            "dimension_separator": ".",
            "dtype": self.dtype,
            "fill_value": None,
            "filters": [{"id": "vlen-utf8"}] if self.dtype == TEXT else None,
            "order": "C",
            "zarr_format": 2,
        }

    def chunk_name(self, places: Sequence[int]) -> str:
        """The object of the chunk with these numbers along the first dimensions, 0 along the others."""
        numbers = [*places, *(0 for _ in self.shape[len(places) :])]
        return f"{self.name}/{'.'.join(map(str, numbers))}"

    def chunk_names(self) -> list[str]:
        """The objects of all chunks."""
        counts = [-(-size // max(chunk, 1)) for size, chunk in zip(self.shape, self.chunks, strict=True)]
        return [self.chunk_name(places) for places in np.ndindex(*counts)]

    @property
    def _compressor(self) -> dict[str, Any]:
        shuffle = _BITS if self.dtype == "|b1" or self.name == "call_genotype" else _BYTES
        return {"id": "blosc", "cname": "zstd", "clevel": _LEVEL, "shuffle": shuffle, "blocksize": _BLOCK}

    def encode(self, values: "npt.NDArray[Any] | Texts") -> bytes:
        """A chunk; values that it lacks at the ends of dimensions are 0, or empty text."""
        from numcodecs import Blosc

        settings = {name: value for name, value in self._compressor.items() if name != "id"}
        codes = values.codes if isinstance(values, Texts) else values
        if codes.shape != self.chunks:
            filled = np.zeros(self.chunks, codes.dtype)
            filled[tuple(slice(size) for size in codes.shape)] = codes
            codes = filled
        if isinstance(values, Texts):
            return bytes(Blosc(**settings).encode(values._replace(codes=codes).encode()))
        return bytes(Blosc(**settings).encode(np.ascontiguousarray(codes, self.dtype)))


class Texts(NamedTuple):
    """An array of strings: the number of each one's word, of which the first is empty."""

    codes: npt.NDArray[np.int32]
    words: Sequence[str]

    @classmethod
    def of(cls, texts: pa.StringArray, shape: tuple[int, ...]) -> "Texts":
        """Strings in C order."""
        words = texts.dictionary_encode()
        codes = words.indices.to_numpy().astype(np.int32) + np.int32(1)
        return cls(codes.reshape(shape), ["", *words.dictionary.to_pylist()])

    def encode(self) -> bytes:
        """As the codec vlen-utf8 has them: their number, then each with its length before it."""
        items = [word.encode() for word in self.words]
        known = pa.array([_LENGTH.pack(len(item)) + item for item in items], pa.large_binary())
        taken = known.take(pa.array(self.codes.ravel()))
        return _LENGTH.pack(self.codes.size) + bytes(taken.buffers()[2])


def group_metadata(arrays: Sequence[ZarrArray], attributes: Mapping[str, Any]) -> dict[str, bytes]:
    """The objects of a group that are no chunks, in the order in which to write them; the last makes it one."""
    metadata: dict[str, Any] = {name: value for array in arrays for name, value in array.metadata().items()}
    metadata |= {".zattrs": dict(attributes), ".zgroup": {"zarr_format": 2}}
    objects = {name: _json(value) for name, value in metadata.items()}
    last = objects.pop(".zgroup")
    return {**objects, ".zmetadata": _json({"metadata": metadata, "zarr_consolidated_format": 1}), ".zgroup": last}


GROUP_NAMES = ".zgroup", ".zmetadata", ".zattrs"
"""Without these there is no group, and nobody reads its arrays as one."""


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=1).encode()
