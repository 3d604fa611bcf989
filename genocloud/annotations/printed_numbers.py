"""Numbers as GATK prints them in VCF, and as a tool reads them back from there."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from genocloud import schema


def decimals(values: pa.Array, form: str) -> pa.Array:
    """Doubles as GATK prints them: `form` is %.kf, or empty for its default, or %.kg as in C; null stays null."""
    if form.endswith("g"):
        distinct = values.dictionary_encode()
        texts = pa.array([form % value for value in distinct.dictionary.to_pylist()], pa.string())
        return texts.take(distinct.indices)
    from genocloud.kernels import vcf_columns

    numbers = read_only(schema.numbers(values))
    offsets, shortest = schema.strings(pc.cast(pa.array(numbers), pa.string()))
    out = np.empty(len(numbers) * vcf_columns.DECIMAL_BYTES, np.uint8)
    ends = np.zeros(len(numbers) + 1, np.int32)
    places = int(form.removeprefix("%.").removesuffix("f")) if form else vcf_columns.GATK_DEFAULT
    vcf_columns.put_decimals(numbers, offsets, read_only(shortest), places, out, ends)
    texts = pa.StringArray.from_buffers(len(numbers), pa.py_buffer(ends), pa.py_buffer(out[: ends[-1]]))
    return pc.if_else(pc.is_valid(values), texts, None)


def printed_values(values: pa.Array, form: str) -> npt.NDArray[np.float64]:
    """Numbers as they read in the VCF text, with the digits that `form` leaves; NaN for null."""
    if not pa.types.is_floating(values.type):
        return np.asarray(schema.numbers(pc.cast(values, pa.float64())))
    return np.asarray(schema.numbers(pc.cast(decimals(values, form), pa.float64())))


def read_only(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Mark an array read-only, so that kernels are compiled for one array type: some Arrow buffers are writable."""
    values.flags.writeable = False
    return values
