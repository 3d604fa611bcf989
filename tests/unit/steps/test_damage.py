"""Flipped bits in every kind of file of a cohort and a callset: whoever reads the file says so, or reads the same."""

import json
import os
import random
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from genocloud import callset, cohort, errors, json_digest, sealing, steps, storage
from genocloud.cohort import erasing
from genocloud.cohort.batch import BatchReceipt, Tally, read_receipt
from genocloud.cohort.searching import search
from genocloud.errors import OutOfResources, StoreError, scarcity
from genocloud.pipeline import callset_registry
from genocloud.pipeline.cached_tables import checked, read_table
from genocloud.regions import Region
from genocloud.scatter.executors import Inline
from genocloud.scatter.progress import Silent
from tests.support.decoded_callsets import counted_by_globs
from tests.support.growing_cohort import Work

FLIPS = int(os.environ.get("GENOCLOUD_FLIPS", "16"))


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory, gvcfs: list[Path]) -> Work:
    """Two people and their callset, which grows by a third."""
    made = Work(tmp_path_factory.mktemp("damage"), choice="inline")
    return made.add(gvcfs[:2]).call().add(gvcfs[2:3]).call()


@pytest.fixture
def copy(work: Work, tmp_path: Path) -> Work:
    shutil.copytree(work.folder, tmp_path / "copy")
    return Work(tmp_path / "copy", choice="inline")


def kinds(folder: Path) -> dict[str, list[Path]]:
    """The files of both stores by what they are for."""
    by_kind: dict[str, list[Path]] = {}
    for path in sorted(path for top in ("cohort", "callset") for path in (folder / top).rglob("*") if path.is_file()):
        parts = path.relative_to(folder).parts
        kind = [*parts[:2], *(parts[-2:-1] if parts[1] in ("derived", "batches") and path.suffix != ".json" else [])]
        by_kind.setdefault("/".join([*kind, path.suffix]), []).append(path)
    return by_kind


def everything(work: Work) -> dict[str, Any]:
    """All that readers decode of both stores, by the file or table."""
    stored_callset = callset.open_callset(work.callset)
    people = cohort.open_cohort(work.cohort)
    whole = [Region(number, 0, contig.length) for number, contig in enumerate(people.contigs)]
    return {
        "sites": stored_callset.sites().to_pylist(),
        "genotypes": stored_callset.genotypes().to_pylist(),
        "people": (people.people(), people.fingerprints()),
        "rows": [
            [table.to_pylist() for table in (rows.variants, rows.blocks)]
            for batch in people.batches
            for region in whole
            for rows in [cohort.read_rows(people, batch, region)]
        ],
    }


def derived(path: Path) -> list[dict[str, Any]]:
    with path.open("rb") as stream:
        rows: list[dict[str, Any]] = read_table(checked(stream, str(path))).to_pylist()
        return rows


def flip(path: Path, chance: random.Random) -> None:
    data = bytearray(path.read_bytes())
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path.write_bytes(data)


@pytest.mark.slow
def test_each_of_many_flips_is_said_or_changes_nothing(copy: Work) -> None:
    sound = everything(copy)
    by_kind = kinds(copy.folder)
    assert len(by_kind) >= 14, sorted(by_kind)
    chance, seen = random.Random(11), Counter[str]()
    for number in range(FLIPS):
        kind = sorted(by_kind)[number % len(by_kind)]
        path = chance.choice(by_kind[kind])
        before = path.read_bytes()
        derived_table = derived(path) if "derived" in path.parts else None
        flip(path, chance)
        try:
            if derived_table is not None:
                assert derived(path) == derived_table, path
            else:
                assert everything(copy) == sound, path
                steps.verify(
                    copy.callset if "/callset/" in str(path) else copy.cohort, scatter=Inline(), progress=Silent()
                )
            seen[f"{kind}: unharmed"] += 1
        except (StoreError, OSError) as error:
            seen[
                f"{kind}: said" if derived_table is not None or path.name in str(error) else f"{path} unnamed: {error}"
            ] += 1
        finally:
            path.write_bytes(before)
    assert not [what for what in seen if "unnamed" in what]
    unharmed = {kind for kind in seen if kind.endswith("unharmed")}
    assert not {kind for kind in unharmed if ".parquet" in kind}, seen
    print(dict(seen))


FOLDERS, HOW = ("sites", "calls", "reference", "shares", "entries"), ("cut", "empty", "gone", "swapped", "flipped")
QUICK = {*product(FOLDERS, ("gone", "flipped")), ("sites", "cut"), ("calls", "empty"), ("shares", "swapped")}
"""Each folder, each way: every pair of them is a slow test."""


@pytest.mark.parametrize(
    ("folder", "how"),
    [pytest.param(*pair, marks=[pytest.mark.slow] * (pair not in QUICK)) for pair in product(FOLDERS, HOW)],
)
def test_damaged_files_of_a_callset_are_said_and_made_anew(copy: Work, folder: str, how: str) -> None:
    files = [path for path in sorted((Path(copy.callset) / folder).rglob("*")) if path.is_file()]
    path = files[0]
    before = {each: each.read_bytes() for each in Path(copy.callset).rglob("*") if each.is_file()}
    match how:
        case "cut":
            path.write_bytes(before[path][:-7])
        case "empty":
            path.write_bytes(b"")
        case "gone":
            path.unlink()
        case "swapped":
            path.write_bytes(before[files[-1]])
        case "flipped":
            flip(path, random.Random(3))
    with pytest.raises(StoreError) as caught:
        steps.verify(copy.callset, scatter=Inline(), progress=Silent())
    assert path.name in str(caught.value)
    copy.call()
    steps.verify(copy.callset, scatter=Inline(), progress=Silent())


def test_a_shard_taken_out_of_the_manifest_is_missed(copy: Work) -> None:
    """Also where whoever did so gave the manifest the digest of what it says then."""
    path = Path(copy.callset) / "manifest/00000001.json"
    values = json.loads(path.read_text())
    values.pop("sha256")
    values["shards"].pop()
    path.write_text(json.dumps(json_digest.sealed_json(values)))
    with pytest.raises(callset.DamagedFile, match="published"):
        callset.open_callset(copy.callset)


def test_the_loss_of_the_newest_version_is_seen(copy: Work) -> None:
    (Path(copy.cohort) / "manifest/00000002.json").unlink()
    with pytest.raises(StoreError, match="version 2 was published") as caught:
        cohort.open_cohort(copy.cohort)
    assert caught.value.exit_code == 4
    assert cohort.open_cohort(copy.cohort, 1).version == 1


def test_the_loss_of_the_newest_version_and_of_what_is_beside_it_is_seen(copy: Work, gvcfs: list[Path]) -> None:
    """As when the folder of manifests comes back from an older backup: the newest people would be gone unseen."""
    for name in ("manifest/00000002.json", "manifest/00000002.sha256"):
        (Path(copy.cohort) / name).unlink()
    for reader in (
        lambda: cohort.open_cohort(copy.cohort),
        lambda: copy.add(gvcfs[2:3]),
        lambda: steps.verify(copy.cohort, scatter=Inline(), progress=Silent()),
    ):
        with pytest.raises(StoreError, match=r"manifest/00000002\.json") as caught:
            reader()
        assert caught.value.exit_code == 4
    (Path(copy.cohort) / "published/00000002.sha256").unlink()  # as the message says
    copy.add(gvcfs[2:3])
    assert cohort.open_cohort(copy.cohort).version == 2
    steps.verify(copy.cohort, scatter=Inline(), progress=Silent())


def test_the_loss_of_all_versions_is_no_new_cohort(copy: Work, gvcfs: list[Path]) -> None:
    shutil.rmtree(Path(copy.cohort) / "manifest")
    for reader in (
        lambda: copy.add(gvcfs[2:3]),
        lambda: steps.verify(copy.cohort, scatter=Inline(), progress=Silent()),
    ):
        with pytest.raises(StoreError, match=r"manifest/00000002\.json"):
            reader()


def test_a_callset_that_lost_its_manifest_and_the_note_of_it_is_none(copy: Work) -> None:
    folder = Path(copy.callset) / "manifest"
    sound = everything(copy)
    for path in folder.glob("00000001*"):
        path.unlink()
    with pytest.raises(callset.NoCallset, match=r"manifest/00000001\.json") as caught:
        callset.open_callset(copy.callset)
    assert caught.value.exit_code == 4
    copy.call()
    assert everything(copy) == sound


@pytest.mark.parametrize("name", ["manifest/00000002.sha256", "published/00000002.sha256"])
def test_a_digest_that_a_killed_writer_did_not_note_is_noted_by_the_next_run(
    copy: Work, gvcfs: list[Path], name: str
) -> None:
    noted = Path(copy.cohort) / name
    digest = noted.read_bytes()
    noted.unlink()
    copy.add(gvcfs[2:3])
    assert cohort.open_cohort(copy.cohort).version == 2
    assert noted.read_bytes() == digest


def each_flip(data: bytes) -> Iterator[bytes]:
    for place in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[place // 8] ^= 1 << place % 8
        yield bytes(flipped)


ERASURE = erasing.Erasure(
    sample="maria", places={"b": [0]}, needles=("maria", "sha256:1"), shared=(), namesakes=("max",)
)


def entry_of(store: storage.Store, name: str, data: bytes) -> object:
    store.write(name, data)
    return callset_registry.read_entry(store, name)


def erasure_of(store: storage.Store, name: str, data: bytes) -> object:
    store.write(name, data)
    return erasing.begun(store)


def batch_of(store: storage.Store, name: str, data: bytes) -> object:
    store.write(name, data)
    return read_receipt(store, name.split("/")[1])


@pytest.mark.parametrize("kind", ["callsets", "erasing", "receipt"])
def test_every_flip_in_the_json_beside_versions_is_said_or_changes_nothing(kind: str) -> None:
    store = storage.open_store(f"memory://flips-{kind}")
    match kind:
        case "callsets":
            callset_registry.register(store.url, "memory://their/callset", "hospital")
            read = entry_of
        case "erasing":
            erasing.begin(store, ERASURE)
            read = erasure_of
        case "receipt":
            tally = Tally(read=5, stored={"variants": 2, "blocks": 3}, dropped={"odd": 0})
            made = BatchReceipt(
                id="b",
                samples=("maria",),
                fingerprints=("sha256:1",),
                checksums=(7,),
                tallies=(tally,),
                parts=(),
                ploidies={"0": [2]},
            )
            store.write("batches/b/receipt.json", made.to_json())
            read = batch_of
    (name,) = store.list()
    data = store.read(name)
    sound, said = read(store, name, data), 0
    for flipped in each_flip(data):
        try:
            assert read(store, name, flipped) == sound, flipped
        except StoreError as error:
            assert name in str(error)  # noqa: PT017  # either is right, but unnamed is not
            said += 1
    assert said > 7 * len(data)


def test_json_of_an_earlier_genocloud_has_no_digest_and_is_read() -> None:
    store = storage.open_store("memory://before-digests")
    store.write("callsets/1.json", b'{"callset": "gs://theirs", "site": "hospital"}')
    store.write("callsets/2.json", b'{"callset": "gs://ours"}')
    assert (callset_registry.registered(store), callset_registry.registered_elsewhere(store)) == (
        ["gs://ours"],
        ["gs://theirs (at hospital)"],
    )
    store.write(erasing.JOURNAL, json.dumps(asdict(ERASURE)).encode())
    assert erasing.begun(store) == ERASURE


def test_what_is_damaged_is_not_searched_as_if_it_held_nothing() -> None:
    """Who is erased may be named in what can no longer be read; a stranger's file of that name is searched as bytes."""
    store, name = storage.open_store("memory://damaged-search"), "derived/a.parquet"
    with store.writer(name) as stream:
        sealing.write_sealed(pa.table({"who": ["maria"] * 9 + ["max"], "n": [*range(10)]}), stream, compression="zstd")
    data, said = store.read(name), 0
    assert search(store, name, ["maria"]) == ["maria"]
    for flipped in each_flip(data):
        store.write(name, flipped)
        try:
            assert search(store, name, ["maria"]) == ["maria"]
        except cohort.DamagedObject as error:
            said += error.url.endswith(name)
    assert said > 7 * len(data)
    store.write("notes.parquet", b"maria was here")
    assert search(store, "notes.parquet", ["maria"]) == ["maria"]


def test_inspect_compares_the_footer_that_it_names(copy: Work) -> None:
    (path, *_) = Path(copy.cohort).glob("batches/*/variants/*.parquet")
    assert "rows" in steps.inspect(str(path))
    data = path.read_bytes()
    for flipped in (data[:-40] + bytes([data[-40] ^ 1]) + data[-39:], data[:-1], data[:9]):
        path.write_bytes(flipped)
        with pytest.raises(StoreError, match=path.name) as caught:
            steps.inspect(str(path))
        assert caught.value.exit_code == 4


def test_the_registry_of_callsets_and_a_noted_erasure_are_verified(copy: Work) -> None:
    store = storage.open_store(copy.cohort)
    (entry,) = store.list("callsets/")
    store.write(entry, store.read(entry).replace(b"callset/", b"callsex/").replace(b"/callset", b"/callsex"))
    store.write(erasing.JOURNAL, b'{"sample": 3}')
    with pytest.raises(StoreError) as caught:
        steps.verify(copy.cohort, scatter=Inline(), progress=Silent())
    assert entry in str(caught.value)
    assert erasing.JOURNAL in str(caught.value)


def test_a_batch_of_no_version_with_a_damaged_receipt_is_not_put_in_force(copy: Work, gvcfs: list[Path]) -> None:
    """A killed run left it: no manifest has the sha256 of its receipt."""
    fresh = Work(copy.folder / "fresh", choice="inline").add(gvcfs[:1])
    for name in ("manifest", "published"):
        shutil.rmtree(Path(fresh.cohort) / name)
    (receipt,) = Path(fresh.cohort).glob("batches/*/receipt.json")
    receipt.write_bytes(receipt.read_bytes().replace(b'"read":', b'"read":1', 1))
    with pytest.raises(StoreError, match=r"receipt\.json"):
        fresh.add(gvcfs[:1])


def test_damage_in_genotypes_is_mended_by_growth(copy: Work, gvcfs: list[Path]) -> None:
    """Growth reads the genotypes of every batch, as its shares lack what follows from them."""
    files = [each for folder in ("calls", "reference") for each in Path(copy.callset, folder).glob("*/*.parquet")]
    data = {each: bytearray(each.read_bytes()) for each in files}
    for each, content in data.items():
        content[len(content) // 5] ^= 4
        each.write_bytes(content)
    copy.add(gvcfs[3:4]).call()
    assert not [each for each, content in data.items() if each.exists() and each.read_bytes() == content]
    steps.verify(copy.callset, scatter=Inline(), progress=Silent())
    fresh = Work(copy.folder / "fresh", choice="inline").add(gvcfs[:2]).add(gvcfs[2:3]).add(gvcfs[3:4]).call()
    assert everything(copy)["genotypes"] == everything(fresh)["genotypes"]


def test_globs_over_a_grown_callset_are_exact(work: Work) -> None:
    """What DuckDB counts is what the callset has, after growth that changed sites."""
    stored_callset = callset.open_callset(work.callset)
    assert sum(counted_by_globs(work.callset).values()) == stored_callset.counts["genotypes"]
    sites = duckdb.execute(f"SELECT count(*) FROM '{work.callset}/sites/*.parquet'").fetchall()
    assert sites == [(stored_callset.counts["sites"],)]


@pytest.fixture
def no_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr("genocloud.sealing._Checked._checked", refuse)
    return None


def test_resources_that_lack_are_no_damage(work: Work, no_threads: None) -> None:
    for url in (work.cohort, work.callset):
        with pytest.raises(OutOfResources) as caught:
            steps.verify(url, scatter=Inline(), progress=Silent())
        assert caught.value.exit_code == 5
        assert "damaged" not in str(caught.value)


@pytest.mark.parametrize(
    "error",
    [MemoryError(), RuntimeError("can't start new thread"), OSError(12, "Cannot allocate memory"), OSError(24, "x")],
)
def test_what_is_scarce_is_known_by_its_kind(error: Exception) -> None:
    assert isinstance(scarcity(error), OutOfResources)
    assert errors.scarcity(OSError(5, "Input/output error")) is None
