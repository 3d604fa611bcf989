"""A callset's records and tables as plain values, to compare callsets whatever cuts they were made with."""

import gzip
from pathlib import Path

import duckdb
import pyarrow as pa

from genocloud.callset import open_callset


def counted_by_globs(url: str) -> dict[str, int]:
    """How often each GT stands in a callset's files, as DuckDB sees them."""
    return dict(
        duckdb.sql(
            f"""
            select GT, sum(n)::bigint from (
                select GT, count(*) as n from '{url}/calls/*/*.parquet' group by GT
                union all
                select GT, count(*) as n from '{url}/reference/*/*.parquet' as runs
                join '{url}/sites/*.parquet' as sites
                on sites.contig = runs.contig and sites.pos between runs.pos and runs."end" group by GT
            ) group by GT
            """
        ).fetchall()
    )


def records(vcf: Path) -> list[str]:
    return gzip.decompress(vcf.read_bytes()).decode().splitlines()


def tables(url: str) -> list[pa.Table]:
    stored_callset = open_callset(url)
    return [decoded(table) for table in (stored_callset.sites(), stored_callset.genotypes())]


def decoded(table: pa.Table) -> pa.Table:
    """With words in place of their numbers in a dictionary, whose order is no part of a value."""
    plain = [field.with_type(pa.string()) if pa.types.is_dictionary(field.type) else field for field in table.schema]
    return table.cast(pa.schema(plain)).combine_chunks()
