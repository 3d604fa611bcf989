"""A callset is written whole or not at all, and every reader of Parquet sees just it."""

import hashlib
import logging
from dataclasses import replace
from itertools import count
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from genocloud import annotations, callset, schema, sealing, storage
from genocloud.callset import manifest, parquet
from genocloud.regions import Contig, Region
from tests.support import callset_tables as make
from tests.support.small_callset import BATCHES, SHARDS, contents, shard_tables, write


def test_duckdb_and_polars_see_the_callset_through_globs(tmp_path: Path) -> None:
    written = write(str(tmp_path))
    columns = ["contig", "pos", "sample", "GT", "LAA", "DP", "GQ", "PGT", "PID", "PS"]
    key = columns[:3]
    calls = written.calls(columns=columns).to_pylist()
    seen = duckdb.sql(f"select {', '.join(columns)} from '{tmp_path}/calls/*/*.parquet'").to_arrow_table().to_pylist()
    frame = pl.scan_parquet(f"{tmp_path}/calls/*/*.parquet").with_columns(pl.col("contig", "sample").cast(str))
    polars = frame.select(columns).collect().to_dicts()
    assert sorted(map(str, seen)) == sorted(map(str, polars)) == sorted(map(str, calls))
    expanded = duckdb.sql(
        f"""
        select contig, pos, sample, GT from '{tmp_path}/calls/*/*.parquet'
        union all
        select contig, sites.pos, sample, GT from '{tmp_path}/reference/*/*.parquet' as runs
        join '{tmp_path}/sites/*.parquet' as sites using (contig) where sites.pos between runs.pos and runs."end"
        """
    ).to_arrow_table()
    expected = written.genotypes(columns=[*key, "GT"]).to_pylist()
    assert len(expected) == 15
    assert sorted(map(str, expanded.to_pylist())) == sorted(map(str, expected))
    sites = pl.scan_parquet(f"{tmp_path}/sites/*.parquet").select("pos", "alts", "AC", "QD").collect().to_dicts()
    assert sites == written.sites().select(["pos", "alts", "AC", "QD"]).to_pylist()


def test_files_of_sites_describe_their_columns_and_keep_plain_lists(tmp_path: Path) -> None:
    write(str(tmp_path))
    read = pq.read_schema(tmp_path / "sites/000-chr1-00000.parquet")
    assert read.equals(annotations.STORED_SITES)
    described = [field.metadata[b"description"] for field in read]
    assert described[:-1] == [one.description.encode() for one in annotations.SITE_COLUMNS]
    assert read.field("AC").type == pa.list_(pa.int32())


def test_a_packed_column_has_another_name_and_all_others_are_plain(tmp_path: Path) -> None:
    """Nobody takes packed numbers for depths; genotypes, depths and qualities are for any reader."""
    write(str(tmp_path))
    packed = {"calls": ["packed_LAD", "packed_LPL"], "reference": ["packed_PL2"]}
    for folder, declared in (("calls", schema.CALLS), ("reference", schema.REFERENCE)):
        read = pq.read_schema(tmp_path / folder / "b0/000-chr1-00000.parquet")
        assert [name for name in read.names if name.startswith("packed_")] == packed[folder]
        assert [name.removeprefix("packed_") for name in read.names] == declared.names
        plain = {name: "string" if declared.field(name).type == schema.WORD else None for name in declared.names}
        types = [plain[name] or str(declared.field(name).type).replace("item", "element") for name in declared.names]
        assert list(map(str, read.types)) == types


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    written = write(str(tmp_path))
    stored_callset = callset.open_callset(str(tmp_path))
    assert stored_callset == written
    assert stored_callset.samples == ("ann", "bob", "cat")
    assert stored_callset.contigs == make.CONTIGS
    assert stored_callset.counts == {"samples": 3, "sites": 5, "genotypes": 15, "shards": 3}
    assert stored_callset.sites().equals(pa.concat_tables([sites for sites, _ in shard_tables()]).unify_dictionaries())
    assert stored_callset.sites("chr1:1-900")["pos"].to_pylist() == [5, 900]
    assert stored_callset.sites(Region(1, 7, 49_999))["pos"].to_pylist() == [49_999]
    chosen = stored_callset.genotypes("chr1:900-1,000", ["cat", "bob"])
    assert chosen["sample"].to_pylist() == ["cat", "bob"] * 2
    assert chosen["pos"].to_pylist() == [900, 900, 1000, 1000]
    assert stored_callset.genotypes("chr2:1-6").num_rows == 0
    with pytest.raises(callset.UnknownSample) as caught:
        stored_callset.genotypes(samples=["zoe"])
    assert caught.value.sample == "zoe"


def test_manifest_gives_checksums(tmp_path: Path) -> None:
    for shard in write(str(tmp_path)).shards:
        for file in shard.tables:
            data = (tmp_path / file.name).read_bytes()
            assert (file.bytes, file.sha256) == (len(data), hashlib.sha256(data).hexdigest())


def test_equal_tables_give_equal_bytes_however_they_were_made() -> None:
    write("memory://straight")
    store = storage.open_store("memory://pieces")
    entries = []
    for shard, (sites, genotypes) in reversed(list(zip(SHARDS, shard_tables(), strict=True))):
        pieces = ((batch, in_pieces(table)) for batch, table in reversed(genotypes.items()))
        entries.append(callset.write_shard(store, shard, "key", in_pieces(sites), pieces))
    callset.commit(store, make.description(BATCHES), entries)
    assert contents("memory://straight") == contents("memory://pieces")


@pytest.mark.parametrize("declared", [schema.CALLS, schema.REFERENCE, annotations.STORED_SITES])
def test_a_file_without_rows_has_the_columns_and_the_row_groups_of_its_own(declared: pa.Schema) -> None:
    """Also where another one without rows was encoded before it."""
    optional = pa.schema([*declared, *schema.NTH]) if declared != annotations.STORED_SITES else declared
    table = in_pieces(optional.empty_table())
    for columns, groups in ((declared, 1), (optional, 1), (declared, 3), (declared, 1)):
        data, seal = parquet.encode(table.select(columns.names), declared, [0] * groups)
        file = pq.ParquetFile(pa.BufferReader(data))
        assert [name.removeprefix("packed_") for name in file.schema_arrow.names] == columns.names
        assert (file.metadata.num_rows, file.num_row_groups, sealing.seal_of(data)) == (0, groups, seal)


def in_pieces(table: pa.Table) -> pa.Table:
    """The same rows in one chunk each, with other dictionaries."""
    chunks = [make.as_table(table.slice(row, 1).to_pylist(), table.schema) for row in range(table.num_rows)]
    return pa.concat_tables([table.slice(0, 0), *chunks])


def test_a_killed_writer_leaves_no_callset_and_a_restart_ends_with_the_same_bytes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write("memory://whole")
    for survived in range(len(contents("memory://whole")) - 1):  # the claim is created, not written
        url = f"memory://killed-{survived}"
        killed_after(monkeypatch, survived)
        with pytest.raises(KeyboardInterrupt):
            write(url)
        monkeypatch.undo()
        with pytest.raises(callset.NoCallset):
            callset.open_callset(url)
        store = storage.open_store(url)
        shard_files = [callset.find_shard(store, shard, "key") for shard in SHARDS]
        assert sum(entry is not None for entry in shard_files) == survived // 8
        entries = [
            entry or callset.write_shard(store, shard, "key", *tables)
            for entry, shard, tables in zip(shard_files, SHARDS, shard_tables(), strict=True)
        ]
        callset.commit(store, make.description(BATCHES), entries)
        assert contents(url) == contents("memory://whole")


def killed_after(monkeypatch: pytest.MonkeyPatch, survived: int) -> None:
    calls = count()
    original = storage.open_store("memory://any").__class__.write

    def write_or_die(self: storage.Store, name: str, data: bytes) -> None:
        if next(calls) >= survived:
            raise KeyboardInterrupt
        original(self, name, data)

    monkeypatch.setattr(storage.open_store("memory://any").__class__, "write", write_or_die)


def test_other_settings_withdraw_the_callset_and_commit_removes_strays(caplog: pytest.LogCaptureFixture) -> None:
    write("memory://again")
    store = storage.open_store("memory://again")
    store.write("genotypes/b9/000-chr1-00000.parquet", b"of a batch that is no more")
    store.write("sites/009-chr9-00000.parquet", b"of a killed run")
    assert [callset.find_shard(store, shard, "new") for shard in SHARDS] == [None] * 3
    callset.write_shard(store, SHARDS[0], "new", *shard_tables(2)[0])
    with pytest.raises(callset.NoCallset) as caught:
        callset.open_callset("memory://again")
    assert caught.value.url == "memory://again"
    with caplog.at_level(logging.INFO):
        write("memory://again", "new", 2)
    assert "sites/009-chr9-00000.parquet" in caplog.text
    write("memory://fresh", "new", 2)
    again, fresh = contents("memory://again"), contents("memory://fresh")
    assert {name for name in again if again[name] != fresh[name]} == {
        "manifest/00000001.json",  # it has the digest of the manifest before it
        "manifest/00000001.published.json",
    }


def test_a_shard_of_another_cut_is_written_anew() -> None:
    write("memory://cut")
    other = make.Shard(SHARDS[0].name, Region(0, 0, 500))
    assert callset.find_shard(storage.open_store("memory://cut"), other, "key") is None


def test_commit_refuses_what_does_not_belong_together() -> None:
    written = write("memory://mixed")
    store = storage.open_store("memory://mixed")
    for batches, problem in (
        ({"b0": ("cat", "ann"), "b1": ("bob",), "b2": ()}, "batch b0 holds other samples than the callset"),
        ({"b0": ("ann", "cat"), "b1": ("bob",)}, "has the batches ['b0', 'b1', 'b2'], not ['b0', 'b1']"),
    ):
        with pytest.raises(callset.BadShard) as caught:
            callset.commit(store, make.description(batches), written.shards)
        assert caught.value.problem == problem
        assert callset.find_shard(store, SHARDS[0], "key") is None
        written = write("memory://mixed")
    store.delete("sites/000-chr1-00001.parquet")
    with pytest.raises(callset.BadShard) as caught:
        callset.commit(store, make.description(BATCHES), written.shards)
    assert (caught.value.shard, caught.value.problem) == (
        "000-chr1-00001",
        "sites/000-chr1-00001.parquet is missing",
    )


def test_commit_refuses_other_samples_also_where_an_entry_has_no_numbers_of_rows() -> None:
    written = write("memory://mixed-redacted")
    redacted = []
    for shard in written.shards:
        files = {batch: (each.without_content(shard.sites.rows),) for batch, (each,) in shard.genotypes.items()}
        redacted.append(replace(shard, genotypes=files))
    assert callset.commit(written.store, written.description, redacted).counts == written.counts
    with pytest.raises(callset.BadShard, match="other samples than the callset"):
        callset.commit(written.store, make.description(BATCHES | {"b0": ("cat", "ann")}), redacted)


def test_tables_that_are_not_dense_are_a_bug() -> None:
    sites, genotypes = shard_tables()[0]
    store = storage.open_store("memory://sparse")
    table = genotypes["b0"]
    for wrong in (table.slice(1), table.take([1, 0, 2, 3, 4, 5])):
        with pytest.raises(ValueError, match="not the same samples"):
            callset.write_shard(store, SHARDS[0], "key", sites, {"b0": wrong})
    with pytest.raises(ValueError, match="other positions"):
        callset.write_shard(store, SHARDS[0], "key", sites.take([0, 2, 1]), {"b0": table})


@pytest.mark.parametrize(("version", "remedy"), [(manifest.VERSION + 1, "newer genocloud"), (1, "make it again")])
def test_another_version_is_refused(version: int, remedy: str) -> None:
    write("memory://version")
    store = storage.open_store("memory://version")
    name = "manifest/00000001.json"
    old = f'"version": {manifest.VERSION}'.encode()
    store.write(name, store.read(name).replace(old, f'"version": {version}'.encode()))
    with pytest.raises(callset.OtherVersion, match=remedy) as caught:
        callset.open_callset("memory://version")
    assert caught.value.version == version


def test_a_callsets_reference_may_have_contigs_without_bases(tmp_path: Path) -> None:
    contigs = (*make.CONTIGS, Contig("empty", 0))
    store = storage.open_store(str(tmp_path))
    shard, (sites, genotypes) = SHARDS[0], shard_tables()[0]
    entry = callset.write_shard(store, shard, "key", sites, genotypes)
    callset.commit(store, make.description(BATCHES, contigs), [entry])
    assert callset.open_callset(str(tmp_path)).contigs == contigs
