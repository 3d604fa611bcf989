"""FORMAT fields by choice: only those are declared, read and written; all else is as it is without a choice."""

import gzip
from pathlib import Path
from random import Random

import pysam
import pytest

from genocloud import callset, schema, storage
from genocloud.callset import FormatFields, UnknownField, shard_cells
from genocloud.regions import Region
from tests.support import callset_tables as make
from tests.support import vcf_text as twin

BATCHES = {"b0": ("ann", "cat"), "b1": ("bob",)}
CONTIG = make.CONTIGS[1]
CHOICES = (("GT",), ("AD", "DP", "GQ"), ("PL", "GT"), ("PGT", "PID", "PS"))


def write(url: str, tables) -> callset.Callset:
    sites, genotypes = tables
    shard = make.Shard("001-00000", Region(1, 0, CONTIG.length))
    entry = callset.write_shard(
        storage.open_store(url), shard, "key", sites, dict(zip(BATCHES, genotypes, strict=True))
    )
    return callset.commit(storage.open_store(url), make.description(BATCHES), [entry])


@pytest.fixture(scope="module")
def tables():
    return make.tables(Random(3), CONTIG.name, range(5, 4_000, 97), list(BATCHES.values()), 0.2)


@pytest.fixture(scope="module")
def written(tables, tmp_path_factory) -> callset.Callset:
    return write(str(tmp_path_factory.mktemp("written") / "callset"), tables)


def text_of(written: callset.Callset, out: Path, fields: FormatFields) -> tuple[list[str], str]:
    """Lines of the header, and the records."""
    callset.write_vcf(written, str(out), fields=fields)
    lines = gzip.decompress(out.read_bytes()).decode().splitlines(keepends=True)
    return [line for line in lines if line[0] == "#"], "".join(line for line in lines if line[0] != "#")


def declared(header: list[str]) -> set[str]:
    return {line.split("ID=")[1].split(",")[0] for line in header if line.startswith("##FORMAT")}


@pytest.mark.parametrize("keys", CHOICES, ids=",".join)
def test_the_records_are_those_of_tables_without_the_other_columns(written, tables, tmp_path, keys):
    sites, genotypes = tables
    header, records = text_of(written, tmp_path / "calls.vcf.gz", FormatFields(keys=keys))
    without = [column.vcf for column in schema.GENOTYPE_COLUMNS if column.vcf.startswith("FORMAT/")]
    without = [name.removeprefix("FORMAT/") for name in without if name.removeprefix("FORMAT/") not in ("GT", *keys)]
    fewer = [
        make.as_table([row | dict.fromkeys(without) for row in table.to_pylist()], schema.GENOTYPES)
        for table in genotypes
    ]
    assert records == twin.lines(sites, fewer, written.samples)
    assert declared(header) == {"GT", *keys}
    whole = text_of(written, tmp_path / "all.vcf.gz", FormatFields())[0]
    assert [line for line in whole if not line.startswith("##FORMAT")] == [
        line for line in header if not line.startswith("##FORMAT")
    ]


@pytest.mark.parametrize("keys", CHOICES, ids=",".join)
def test_bcf_has_the_records_of_vcf(written, tmp_path, keys):
    contents = []
    for name in ("calls.vcf.gz", "calls.bcf"):
        callset.write_vcf(written, str(tmp_path / name), fields=FormatFields(keys=keys))
        with pysam.VariantFile(str(tmp_path / name)) as file:
            contents.append((str(file.header), [str(record) for record in file]))
    assert contents[0] == contents[1]


def test_only_the_chosen_columns_are_read(written, tmp_path, monkeypatch):
    read = []
    whole = shard_cells.ShardCells.read

    def noting(self, batch, span, columns, *samples):
        read.append(list(columns))
        return whole(self, batch, span, columns, *samples)

    monkeypatch.setattr(shard_cells.ShardCells, "read", noting)
    callset.write_vcf(written, str(tmp_path / "calls.vcf.gz"), fields=FormatFields(keys=("DP",)))
    assert read == [["GT", "DP"]] * len(BATCHES)


def test_a_part_with_other_fields_is_rendered_anew(written, tmp_path, monkeypatch):
    out = str(tmp_path / "calls.vcf.gz")
    (shard,) = callset.shards_in(written, None)
    some = callset.export_shard(shard, out, None, 1, fields=FormatFields(keys=("DP",)))
    every = callset.export_shard(shard, out, None, 1)
    assert some.key != every.key
    assert some.counts.text_bytes < every.counts.text_bytes


def test_an_unknown_field_is_refused_with_the_nearest():
    with pytest.raises(
        UnknownField, match=r"no FORMAT field PLL; there are GT, AD, DP, .*; did you mean PL\?"
    ) as caught:
        FormatFields(keys=("GT", "PLL"))
    assert caught.value.field == "PLL"
