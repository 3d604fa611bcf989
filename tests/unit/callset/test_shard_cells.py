"""A shard's genotypes, read span by span through one reader: each span's own, whatever was read before."""

from dataclasses import replace

import pytest

from genocloud import annotations, schema
from genocloud.callset import DamagedFile, parquet
from tests.support import small_callset


def test_spans_and_columns_of_one_reader_are_those_of_fresh_ones(tmp_path):
    made = small_callset.write(str(tmp_path / "callset"))
    shard = made.shards[0]
    columns = schema.GENOTYPES.names[3:]
    reader = made.cells(shard)
    wanted = [
        ((0, 3), columns, None), ((1, 2), columns, None), ((1, 2), ["GT"], None), ((0, 1), columns, ["cat"]),
        ((0, 3), columns, ["cat", "ann"]), ((0, 3), columns, None),
    ]  # fmt: skip
    for span, some, samples in wanted:
        held = reader.read("b0", span, some, samples).dense().matrix()
        fresh = made.cells(shard).read("b0", span, some, samples).dense().matrix()
        assert list(held.samples) == list(fresh.samples)
        assert [held.distinct.take(row.tolist()).to_pylist() for row in held.numbers] == [
            fresh.distinct.take(row.tolist()).to_pylist() for row in fresh.numbers
        ]


def test_a_file_without_a_seal_is_compared_with_its_sha256(tmp_path):
    """As those of earlier versions are."""
    made = small_callset.write(str(tmp_path / "callset"))
    file = replace(made.shards[0].sites, seal="")
    with parquet.open_table(made.store, file, annotations.STORED_SITES) as stream:
        assert stream.read(4) == b"PAR1"
    with (
        pytest.raises(DamagedFile, match="sha256"),
        parquet.open_table(made.store, replace(file, sha256="0" * 64), annotations.STORED_SITES),
    ):
        pass
