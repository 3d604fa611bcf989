"""Damaged files of a callset are named, never a traceback, and the next run makes them anew."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from genocloud import annotations, callset, storage
from genocloud.callset import manifest
from tests.support import callset_tables as make
from tests.support.small_callset import BATCHES, SHARDS, contents, shard_tables, write

ANEW = "run genocloud genotype again: it makes what is damaged anew"
MANIFEST, MARK = "manifest/00000001.json", "manifest/callset.json"
SHARD = SHARDS[0].name
READERS: list[Callable[[callset.Callset], object]] = [
    lambda stored_callset: stored_callset.genotypes(),
    lambda stored_callset: stored_callset.sites() and stored_callset.genotypes("chr1:1-10", ["bob"]),
    lambda stored_callset: list(stored_callset.batches(stored_callset.shards[0], ["GT"])) and stored_callset.sites(),
    lambda stored_callset: callset.write_vcf(stored_callset, "memory://damage-out/calls.vcf.gz"),
]


def heal(url: str) -> list[str]:
    """What a run of genotype does; names of the shards that it made anew."""
    store = storage.open_store(url)
    callset.claim(store)
    shard_files = [callset.find_shard(store, shard, "key") for shard in SHARDS]
    entries = [
        entry or callset.write_shard(store, shard, "key", *tables)
        for entry, shard, tables in zip(shard_files, SHARDS, shard_tables(), strict=True)
    ]
    callset.commit(store, make.description(BATCHES), entries)
    return [shard.name for shard, entry in zip(SHARDS, shard_files, strict=True) if entry is None]


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    "name", [f"calls/b1/{SHARD}.parquet", f"reference/b1/{SHARD}.parquet", f"sites/{SHARD}.parquet"]
)
@pytest.mark.parametrize("bytes_left", [500, None])
def test_a_short_or_missing_table_is_named_and_healed(
    tmp_path: Path, name: str, bytes_left: int | None, read: Callable[[callset.Callset], object]
) -> None:
    stored_callset = write(str(tmp_path))
    before = contents(str(tmp_path))
    damage(tmp_path / name, bytes_left)
    with pytest.raises(callset.DamagedFile) as caught:
        read(stored_callset)
    assert caught.value.url == str(tmp_path / name)
    assert caught.value.problem.startswith("is missing" if bytes_left is None else f"holds {bytes_left} bytes")
    assert str(caught.value).endswith(f"; {ANEW}")
    assert heal(str(tmp_path)) == [SHARD]
    assert contents(str(tmp_path)) == before


def damage(path: Path, bytes_left: int | None) -> None:
    if bytes_left is None:
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:bytes_left])


@pytest.mark.parametrize("read", READERS[1:])
def test_a_table_of_the_right_length_that_is_no_parquet_is_named(
    tmp_path: Path, read: Callable[[callset.Callset], object]
) -> None:
    stored_callset = write(str(tmp_path))
    path = tmp_path / f"sites/{SHARD}.parquet"
    path.write_bytes(b"x" * path.stat().st_size)
    with pytest.raises(callset.DamagedFile) as caught:
        read(stored_callset)
    assert caught.value.url == str(path)
    assert str(caught.value).endswith(f"; {ANEW}")
    assert heal(str(tmp_path)) == [SHARD]


def test_a_table_of_other_columns_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    write("memory://columns")
    monkeypatch.setattr("genocloud.annotations.STORED_SITES", annotations.STORED_SITES.remove(3))
    with pytest.raises(callset.DamagedFile) as caught:
        callset.open_callset("memory://columns").sites("chr1:1-10")
    assert caught.value.url == f"memory://columns/sites/{SHARD}.parquet"


@pytest.mark.parametrize("content", [b"", b"[]", b'"x"', b"{}", b'{"name": ', b"\xff", b'{"genotypes": []}'])
def test_an_entry_that_cannot_be_read_is_made_anew(content: bytes) -> None:
    url = f"memory://entry-{content.hex()}"
    write(url)
    before = contents(url)
    storage.open_store(url).write(f"entries/{SHARD}.json", content)
    assert heal(url) == [SHARD]
    assert contents(url) == before


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"null",
        b"\xff",
        b'{"format": "geno',
        b'{"format": "genocloud callset", "version": %d}' % manifest.VERSION,
    ],
)
def test_a_damaged_manifest_is_named_and_healed(content: bytes) -> None:
    url = f"memory://manifest-{content.hex()}"
    write(url)
    before, store = contents(url), storage.open_store(url)
    store.write(MANIFEST, content)
    with pytest.raises(callset.DamagedFile) as caught:
        callset.open_callset(url)
    assert caught.value.url == f"{url}/{MANIFEST}"
    assert str(caught.value).endswith(ANEW)
    assert heal(url) == []
    assert contents(url) == before


def test_a_manifest_with_a_damaged_shard_is_named() -> None:
    write("memory://shardless")
    store = storage.open_store("memory://shardless")
    values = json.loads(store.read(MANIFEST))
    values["shards"][0] = {}
    store.write(MANIFEST, json.dumps(values).encode())
    with pytest.raises(callset.DamagedFile):
        callset.open_callset("memory://shardless")


def test_a_damaged_manifest_of_who_knows_what_is_no_callset() -> None:
    storage.open_store("memory://whose").write(MANIFEST, b"[]")
    with pytest.raises(callset.NoCallset):
        callset.open_callset("memory://whose")
