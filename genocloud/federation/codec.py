"""Encode Arrow tables compactly: delta or dictionary coding of numbers, split into byte planes, compressed."""

import bz2
import io
import lzma
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import schema
from genocloud.differences import folded, unfolded

Array = npt.NDArray[Any]
_FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 6, "lc": 0, "lp": 0, "pb": 0}]
_COMPRESS: Sequence[Callable[[bytes], bytes]] = (
    bytes,
    bz2.compress,
    lambda data: lzma.compress(data, lzma.FORMAT_RAW, filters=_FILTERS),
)
_RESTORE: Sequence[Callable[[bytes], bytes]] = (
    bytes,
    bz2.decompress,
    lambda data: lzma.decompress(data, lzma.FORMAT_RAW, filters=_FILTERS),
)
_PLAIN, _DELTA, _DICTIONARY, _DICTIONARY_STEPS = 0, 1, 2, 3
_DECIMALS = 4
"""Floats with so many decimals or fewer are stored as integers."""
_RAW = 255
"""Instead of a number of decimals: the floats' bits are stored."""
_LARGEST = 2.0**52


def packed(table: pa.Table) -> bytes:
    """The table's columns, one after the other, without their types."""
    out = io.BytesIO()
    _put_number(out, table.num_rows)
    for column in table.combine_chunks().columns:
        _put_column(out, column.chunk(0) if column.num_chunks else pa.array([], column.type))
    return out.getvalue()


def unpacked(data: bytes, declared: pa.Schema) -> pa.Table:
    """The reverse of `packed`; raises ValueError, EOFError or an LZMAError for bytes that it did not make."""
    stream = io.BytesIO(data)
    rows = _take_number(stream)
    table = pa.table([_take_column(stream, field.type, rows) for field in declared], declared)
    if stream.read(1):
        raise ValueError("there is more than the declared columns")
    return table


def _put_column(out: io.BytesIO, array: pa.Array) -> None:
    """Validity (if there are nulls), lengths of lists or strings, then the values that are not null."""
    valid = np.asarray(array.is_valid())
    _put_ints(out, np.zeros(0, np.int64) if valid.all() else valid.astype(np.int64))
    array = array.drop_null()
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_list(array.type):
        _put_ints(out, array.value_lengths().to_numpy(zero_copy_only=False))
        width = _width(array)
        _put_number(out, width)
        inner = array.flatten()
        if width > 1 and not inner.null_count:
            inner = inner.take(np.arange(len(inner)).reshape(-1, width).T.ravel())
        _put_column(out, inner)
    elif pa.types.is_string(array.type):
        offsets, text = schema.strings(array)
        _put_ints(out, np.diff(offsets))
        _put_bytes(out, text.tobytes())
    elif pa.types.is_floating(array.type):
        _put_floats(out, array.to_numpy(zero_copy_only=False))
    else:
        _put_ints(out, array.cast(pa.int64()).to_numpy())


def _take_column(stream: io.BytesIO, kind: pa.DataType, rows: int) -> pa.Array:
    valid = _take_ints(stream)
    count = int(valid.sum()) if len(valid) else rows
    values = _take_values(stream, kind, count)
    if len(values) != count:
        raise ValueError(f"{len(values)} values in {count} rows")
    if not len(valid):
        return values
    places = np.cumsum(valid) - 1
    return values.take(pa.array(places, mask=valid == 0))


def _take_values(stream: io.BytesIO, kind: pa.DataType, count: int) -> pa.Array:
    if pa.types.is_dictionary(kind):
        return _take_values(stream, kind.value_type, count).dictionary_encode().cast(kind)
    if pa.types.is_list(kind):
        lengths, width = _take_ints(stream), _take_number(stream)
        inner = _take_column(stream, kind.value_type, int(lengths.sum()))
        if width > 1 and not inner.null_count:
            inner = inner.take(np.arange(len(inner)).reshape(width, -1).T.ravel())
        return pa.ListArray.from_arrays(_offsets(lengths), inner).cast(kind)
    if pa.types.is_string(kind):
        offsets, text = _offsets(_take_ints(stream)), _take_bytes(stream)
        return pa.StringArray.from_buffers(len(offsets) - 1, pa.py_buffer(offsets.to_numpy()), pa.py_buffer(text))
    if pa.types.is_floating(kind):
        return pa.array(_take_floats(stream, np.dtype(kind.to_pandas_dtype())), kind)
    return pa.array(_take_ints(stream)).cast(kind)


def _width(array: pa.ListArray) -> int:
    """The common length of all lists, 0 if they differ; lists of one length are stored transposed."""
    lengths = np.unique(array.value_lengths().to_numpy(zero_copy_only=False))
    return int(lengths[0]) if len(lengths) == 1 else 0


def _offsets(lengths: Array) -> pa.Array:
    return pa.array(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32))


def _put_floats(out: io.BytesIO, values: Array) -> None:
    """As scaled integers where few decimals reproduce every bit; else the bits themselves."""
    bits = values.view(f"i{values.itemsize}")
    scaled = np.nan_to_num(values.astype(np.float64), posinf=np.inf, nan=np.inf)
    for decimals in range(_DECIMALS + 1):
        numbers = np.round(scaled * 10**decimals)
        if not (np.abs(numbers) < _LARGEST).all():
            break
        if np.array_equal(_from_decimals(numbers, decimals, values.dtype).view(bits.dtype), bits):
            _put_number(out, decimals)
            _put_ints(out, numbers.astype(np.int64))
            return
    _put_number(out, _RAW)
    _put_ints(out, _ordered(bits).astype(np.int64))


def _take_floats(stream: io.BytesIO, kind: np.dtype[Any]) -> Array:
    decimals, numbers = _take_number(stream), _take_ints(stream)
    if decimals == _RAW:
        return _ordered(numbers.astype(f"i{kind.itemsize}")).view(kind)
    return _from_decimals(numbers.astype(np.float64), decimals, kind)


def _ordered(bits: Array) -> Array:
    """Map floats' bits to integers of the same order; it is its own inverse."""
    return np.asarray(bits ^ ((bits >> bits.dtype.type(8 * bits.itemsize - 1)) & np.iinfo(bits.dtype).max))


def _from_decimals(numbers: Array, decimals: int, kind: np.dtype[Any]) -> Array:
    return np.asarray((numbers + 0.0) / 10.0**decimals).astype(kind)


def _put_ints(out: io.BytesIO, values: Array) -> None:
    """The shortest of four codings: plain, delta, dictionary codes, or delta of dictionary codes."""
    values = values.astype(np.int64)
    forms = [(_PLAIN, [values]), (_DELTA, [np.diff(values, prepend=np.int64(0))])]
    entries, places = np.unique(values, return_inverse=True)
    if len(entries) * 2 < len(values):
        steps = np.diff(places.astype(np.int64), prepend=np.int64(0))
        entry_steps = np.diff(entries, prepend=np.int64(0))
        forms += [(_DICTIONARY, [entry_steps, places.astype(np.int64)]), (_DICTIONARY_STEPS, [entry_steps, steps])]
    written = []
    for form, parts in forms:
        into = io.BytesIO()
        _put_number(into, form)
        for part in parts:
            _put_planes(into, part)
        written.append(into.getvalue())
    out.write(min(written, key=len))


def _take_ints(stream: io.BytesIO) -> Array:
    form = _take_number(stream)
    values = _take_planes(stream)
    if form == _PLAIN:
        return values
    values = np.cumsum(values, dtype=np.int64)
    if form == _DELTA:
        return values
    places = _take_planes(stream)
    return np.asarray(values[np.cumsum(places) if form == _DICTIONARY_STEPS else places])


def _put_planes(out: io.BytesIO, values: Array) -> None:
    """Zigzag-encode, then store byte planes, lowest first, up to the highest that is used."""
    planes = folded(values).astype("<i8").view(np.uint8).reshape(-1, 8)
    used = [plane for plane in range(8) if planes[:, plane].any()]
    _put_number(out, len(values))
    _put_number(out, max(used, default=-1) + 1)
    for plane in range(max(used, default=-1) + 1):
        _put_bytes(out, planes[:, plane].tobytes())


def _take_planes(stream: io.BytesIO) -> Array:
    count = _take_number(stream)
    planes = np.zeros((count, 8), np.uint8)
    for plane in range(_take_number(stream)):
        planes[:, plane] = np.frombuffer(_take_bytes(stream), np.uint8)
    return unfolded(planes.view("<i8").reshape(-1).astype(np.int64, copy=False))


def _put_bytes(out: io.BytesIO, data: bytes) -> None:
    tried = [way(data) for way in _COMPRESS]
    best = min(range(len(tried)), key=lambda way: len(tried[way]))
    _put_number(out, best)
    _put_number(out, len(tried[best]))
    out.write(tried[best])


def _take_bytes(stream: io.BytesIO) -> bytes:
    way, size = _take_number(stream), _take_number(stream)
    data = stream.read(size)
    if way >= len(_RESTORE) or len(data) < size:
        raise ValueError("it is cut short")
    return _RESTORE[way](data)


def _put_number(out: io.BytesIO, number: int) -> None:
    """A varint: seven bits a byte, lowest first."""
    while number > 127:
        out.write(bytes([number & 127 | 128]))
        number >>= 7
    out.write(bytes([number]))


def _take_number(stream: io.BytesIO) -> int:
    return sum((byte & 127) << (7 * place) for place, byte in enumerate(_digits(stream)))


def _digits(stream: io.BytesIO) -> Iterator[int]:
    while True:
        byte = stream.read(1)
        if not byte:
            raise ValueError("it is cut short")
        yield byte[0]
        if byte[0] < 128:
            return
