"""Read the folders that `genocloud qc` and `genocloud screen` wrote, and check that the report can show them."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from genocloud import schema, sealing, storage
from genocloud.errors import InputError
from genocloud.report.people import Columns
from genocloud.storage import ObjectMissing


def read_checks(
    url: str, needed: Mapping[str, Sequence[str]], samples: Collection[str], command: str
) -> dict[str, Columns]:
    """The tables in a folder, as columns by table's name.

    needed   columns by table; the others are read too
    samples  the callset's; some of them must be in the table of samples
    command  that makes the folder

    Raises InputError.
    """
    store = storage.open_store(url)
    tables = {name: _read(store, name, columns, command) for name, columns in needed.items()}
    if samples and len(tables["samples"]["sample"]) and not set(samples) & set(tables["samples"]["sample"].tolist()):
        problem = "none of its samples is of the callset"
        raise InputError(
            f"{storage.join(url, 'samples.parquet')}: {problem}; give the folder that {command} wrote of it"
        )
    return tables


def _read(store: storage.Store, name: str, needed: Sequence[str], command: str) -> Columns:
    url = storage.join(store.url, f"{name}.parquet")
    try:
        with store.open(f"{name}.parquet") as stream:
            table = sealing.reader(stream).read(use_threads=False)
    except ObjectMissing:
        raise InputError(f"{url}: there is no such file; give the folder that {command} wrote") from None
    except (sealing.BadSeal, pa.ArrowException, OSError, ValueError) as error:
        raise InputError(f"{url}: it cannot be read ({error}); run {command} again") from error
    lacking = [column for column in needed if column not in table.column_names]
    if lacking:
        raise InputError(f"{url}: it has no column {lacking[0]}; run {command} again, with this version")
    return {column: _values(table[column]) for column in table.column_names}


def _values(column: pa.ChunkedArray) -> npt.NDArray[Any]:
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        return schema.numbers(column.cast(schema.DOUBLE))
    return np.array([str(value) if value is not None else "" for value in column.to_pylist()], object)
