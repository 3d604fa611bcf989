"""Flags: which samples fail which check, by which value and limit, and what to do about it."""

from collections.abc import Iterable
from dataclasses import astuple, dataclass

import pyarrow as pa

from genocloud import schema


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Flag:
    """A row of FLAGS: one check that a sample fails; the fields are its columns."""

    sample: str
    check: str
    value: str
    limit: str
    advice: str


def flag_table(flags: Iterable[Flag]) -> schema.Flags:
    """FLAGS in the order that they come in: sort flags by the samples' order in the cohort, then by check."""
    columns = zip(*map(astuple, flags), strict=True)
    arrays = [pa.array(column, pa.string()) for column in columns]
    return pa.Table.from_arrays(arrays, schema=schema.FLAGS) if arrays else schema.FLAGS.empty_table()
