"""Right digests and numbers that cannot be, in manifests and receipts; tables cut short: one clear error each."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from genocloud import callset, json_digest, steps
from genocloud.cohort import open_cohort
from genocloud.cohort.batch import receipt_from_json
from genocloud.errors import StoreError
from genocloud.scatter.executors import Inline
from genocloud.scatter.progress import Silent
from genocloud.storage import open_store
from tests.support.growing_cohort import Work

ODD = (-2, 1 << 70, 2.5, float("nan"), float("inf"), "7", None, [], True)
FIRST = "manifest/00000001.json"


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory, gvcfs: list[Path]) -> Work:
    """One person's cohort and callset, cut short or edited by each test, and put back."""
    return Work(tmp_path_factory.mktemp("odd"), choice="inline").add(gvcfs[:1]).call()


def numbers_in(value: Any, way: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The ways to all numbers of some JSON."""
    if isinstance(value, dict | list):
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from numbers_in(each, (*way, key))
    elif isinstance(value, int):
        yield way


def edited(data: bytes, way: tuple[str | int, ...], odd: object) -> bytes:
    """The JSON with another value at the end of a way, and with the digest of that."""
    fields = json_digest.open_json(data)
    place: Any = fields
    for key in way[:-1]:
        place = place[key]
    place[way[-1]] = odd
    return json.dumps(json_digest.sealed_json(fields)).encode()


def one_of_each_kind(data: bytes) -> list[tuple[str | int, ...]]:
    """Of numbers that stand in the same place of a list's entries, one; what is only said and not read, not at all."""
    kinds = {tuple(key for key in way if isinstance(key, str)): way for way in numbers_in(json_digest.open_json(data))}
    return [way for kind, way in kinds.items() if kind[0] not in ("counts", "model", "source")]


def test_odd_numbers_in_a_cohorts_manifest_are_said(work: Work) -> None:
    store = open_store(work.cohort)
    sound = store.read(FIRST)
    ways = one_of_each_kind(sound)
    assert {way[0] for way in ways} == {"schema", "version", "contigs", "part_bp", "window_bp", "batches"}
    for way in ways:
        for odd in ODD:
            store.write(FIRST, edited(sound, way, odd))
            with pytest.raises(StoreError, match=r"manifest|schema version") as caught:
                open_cohort(work.cohort)
            assert caught.value.exit_code == 4, (way, odd)
    store.write(FIRST, sound)
    assert open_cohort(work.cohort).version == 1


def test_odd_numbers_in_a_callsets_manifest_are_said(work: Work) -> None:
    store = open_store(work.callset)
    published = FIRST.replace(".json", ".published.json")
    sound, noted = store.read(FIRST), store.read(published)
    ways = one_of_each_kind(sound)
    assert {way[0] for way in ways} == {"version", "contigs", "shards", "callers", "batches"}
    for way in ways:
        for odd in ODD:
            data = edited(sound, way, odd)
            fields = json_digest.open_json(data)
            previous = fields.pop("previous", "")
            store.write(FIRST, data)
            store.write(
                published, json.dumps({"sha256": json_digest.content_digest(fields), "previous": previous}).encode()
            )
            with pytest.raises(StoreError) as caught:
                callset.open_callset(work.callset)
            assert "manifest/" in str(caught.value) or "of version" in str(caught.value), (way, odd)
    store.write(FIRST, sound)
    store.write(published, noted)
    assert callset.open_callset(work.callset).samples


def test_odd_numbers_of_an_object_are_no_receipt(work: Work) -> None:
    (batch,) = open_cohort(work.cohort).batches
    data = open_store(work.cohort).read(f"batches/{batch.id}/receipt.json")
    ways = [way for way in one_of_each_kind(data) if way[0] == "parts"]
    assert {way[-2 if isinstance(way[-1], int) else -1] for way in ways} == {
        "rows", "group_rows", "group_bytes", "group_starts", "group_stops", "longest", "bytes",
    }  # fmt: skip
    for way in ways:
        for odd in ODD:
            with pytest.raises((ValueError, TypeError, KeyError)):
                receipt_from_json(edited(data, way, odd))


def test_every_kind_of_table_cut_short_is_one_error_with_its_name(work: Work, tmp_path: Path) -> None:
    """At nothing, the first byte, half, and all but the last byte: whoever meets it, and verify, names it."""
    shutil.copytree(work.folder, tmp_path / "copy")
    copy = Work(tmp_path / "copy", choice="inline")
    kinds: dict[tuple[str, ...], Path] = {}
    for path in sorted((tmp_path / "copy").rglob("*.parquet")):
        kinds.setdefault(tuple(part for part in path.parts[-4:-1] if part.isalpha()), path)
    assert len(kinds) >= 8, sorted(kinds)
    for path in kinds.values():
        data = path.read_bytes()
        store = copy.callset if f"{copy.callset}/" in str(path) else copy.cohort
        for left in (0, 1, len(data) // 2, len(data) - 1):
            path.write_bytes(data[:left])
            with pytest.raises(StoreError, match=path.name) as caught:
                steps.verify(store, scatter=Inline(), progress=Silent())
            assert caught.value.exit_code == 4
        path.write_bytes(data)
    for store in (copy.cohort, copy.callset):
        steps.verify(store, scatter=Inline(), progress=Silent())


def test_a_table_of_alleles_cut_short_is_named_by_discover_or_genotype(work: Work, tmp_path: Path) -> None:
    shutil.copytree(work.folder, tmp_path / "copy")
    copy = Work(tmp_path / "copy", choice="inline")
    path = next(Path(copy.cohort).glob("derived/*/*/alleles/*.parquet"))
    data = path.read_bytes()
    for left in (0, 1, len(data) // 2, len(data) - 1):
        path.write_bytes(data[:left])
        with pytest.raises(StoreError, match=f"{path.name}: it is damaged .* delete it"):
            copy.call()
    path.unlink()  # as the message says
    copy.call()
