"""Flipped bits in every kind of file of a cohort and a callset: whoever reads the file says so, or reads the same."""

import os
import random
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from genocloud import callset, cohort, errors, steps
from genocloud.errors import OutOfResources, StoreError, scarcity
from genocloud.regions import Region
from genocloud.scatter.executors import Inline
from genocloud.scatter.progress import Silent
from genocloud.steps.shards import checked, read_table
from tests.properties.test_steps_growth import Work

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
    opened = callset.open_callset(work.callset)
    people = cohort.open_cohort(work.cohort)
    whole = [Region(number, 0, contig.length) for number, contig in enumerate(people.contigs)]
    return {
        "sites": opened.sites().to_pylist(),
        "genotypes": opened.genotypes().to_pylist(),
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


def test_each_of_many_flips_is_said_or_changes_nothing(copy: Work) -> None:
    sound = everything(copy)
    by_kind = kinds(copy.folder)
    assert len(by_kind) >= 14, sorted(by_kind)
    chance, seen = random.Random(11), Counter[str]()
    for number in range(FLIPS):
        kind = sorted(by_kind)[number % len(by_kind)]
        path = chance.choice(by_kind[kind])
        before = path.read_bytes()
        told = derived(path) if "derived" in path.parts else None
        flip(path, chance)
        try:
            if told is not None:
                assert derived(path) == told, path
            else:
                assert everything(copy) == sound, path
                steps.verify(copy.callset if "/callset/" in str(path) else copy.cohort, Inline(), Silent())
            seen[f"{kind}: unharmed"] += 1
        except (StoreError, OSError) as error:
            seen[f"{kind}: said" if told is not None or path.name in str(error) else f"{path} unnamed: {error}"] += 1
        finally:
            path.write_bytes(before)
    assert not [what for what in seen if "unnamed" in what]
    unharmed = {kind for kind in seen if kind.endswith("unharmed")}
    assert not {kind for kind in unharmed if ".parquet" in kind}, seen
    print(dict(seen))


@pytest.mark.parametrize("how", ["cut", "empty", "gone", "swapped", "flipped"])
@pytest.mark.parametrize("folder", ["sites", "genotypes", "shares", "entries"])
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
        steps.verify(copy.callset, Inline(), Silent())
    assert path.name in str(caught.value)
    copy.call()
    steps.verify(copy.callset, Inline(), Silent())


def test_a_shard_taken_out_of_the_manifest_is_missed(copy: Work) -> None:
    """Also where whoever did so gave the manifest the digest of what it says then."""
    import json

    from genocloud import sealing

    path = Path(copy.callset) / "manifest/00000001.json"
    values = json.loads(path.read_text())
    values.pop("sha256")
    values["shards"].pop()
    path.write_text(json.dumps(sealing.sealed_json(values)))
    with pytest.raises(callset.DamagedFile, match="published"):
        callset.open_callset(copy.callset)


def test_the_loss_of_the_newest_version_is_seen(copy: Work) -> None:
    (Path(copy.cohort) / "manifest/00000002.json").unlink()
    with pytest.raises(StoreError, match="version 2 was published") as caught:
        cohort.open_cohort(copy.cohort)
    assert caught.value.exit_code == 4
    assert cohort.open_cohort(copy.cohort, 1).version == 1


def test_a_digest_that_a_killed_writer_did_not_note_is_noted_by_the_next_run(copy: Work, gvcfs: list[Path]) -> None:
    noted = Path(copy.cohort) / "manifest/00000002.sha256"
    digest = noted.read_bytes()
    noted.unlink()
    copy.add(gvcfs[2:3])
    assert cohort.open_cohort(copy.cohort).version == 2
    assert noted.read_bytes() == digest


def test_a_version_in_the_place_of_another_is_seen(copy: Work) -> None:
    folder = Path(copy.cohort) / "manifest"
    (folder / "00000002.json").write_bytes((folder / "00000001.json").read_bytes())
    with pytest.raises(StoreError, match="it is that of version 1"):
        cohort.open_cohort(copy.cohort)


def test_globs_over_a_grown_callset_are_exact(work: Work) -> None:
    """What DuckDB counts is what the callset has, after growth that changed sites."""
    opened = callset.open_callset(work.callset)
    query = "SELECT count(*) FROM '{}'"
    rows = duckdb.execute(query.format(f"{work.callset}/genotypes/*/*.parquet")).fetchall()
    sites = duckdb.execute(query.format(f"{work.callset}/sites/*.parquet")).fetchall()
    assert (sites, rows) == ([(opened.counts["sites"],)], [(opened.counts["genotypes"],)])


@pytest.fixture
def no_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr("genocloud.sealing._Checked.read", refuse)
    return None


def test_resources_that_lack_are_no_damage(work: Work, no_threads: None) -> None:
    for url in (work.cohort, work.callset):
        with pytest.raises(OutOfResources) as caught:
            steps.verify(url, Inline(), Silent())
        assert caught.value.exit_code == 5
        assert "damaged" not in str(caught.value)


@pytest.mark.parametrize(
    "error",
    [MemoryError(), RuntimeError("can't start new thread"), OSError(12, "Cannot allocate memory"), OSError(24, "x")],
)
def test_what_is_scarce_is_known_by_its_kind(error: Exception) -> None:
    assert isinstance(scarcity(error), OutOfResources)
    assert errors.scarcity(OSError(5, "Input/output error")) is None
