"""A callset's records and tables as plain values, to compare callsets whatever cuts they were made with."""

import gzip
from pathlib import Path

import pyarrow as pa

from genocloud.callset import open_callset


def records(vcf: Path) -> list[str]:
    return gzip.decompress(vcf.read_bytes()).decode().splitlines()


def tables(url: str) -> list[pa.Table]:
    stored_callset = open_callset(url)
    return [decoded(table) for table in (stored_callset.sites(), stored_callset.genotypes())]


def decoded(table: pa.Table) -> pa.Table:
    """With words in place of their numbers in a dictionary, whose order is no part of a value."""
    plain = [field.with_type(pa.string()) if pa.types.is_dictionary(field.type) else field for field in table.schema]
    return table.cast(pa.schema(plain)).combine_chunks()
