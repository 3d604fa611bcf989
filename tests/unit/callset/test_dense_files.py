"""Callsets of version 3, dense, are read and exported as sparse ones are, and compact makes sparse ones of them."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from genocloud import callset, cohort, steps, storage
from genocloud.callset import manifest
from genocloud.pipeline.callset_counts import count_callset
from genocloud.pipeline.receipts import Receipt
from genocloud.scatter.executors import Inline
from genocloud.scatter.progress import Silent
from tests.support import dense_callset, small_callset
from tests.support.dense_callset import DensePart
from tests.support.small_callset import SHARDS, contents

PARTS: dict[str, Mapping[str, Sequence[DensePart]]] = {
    "whole": {},
    "grown": {"b0": [("", [0, 1, 2], [0, 99, 2]), ("m", [1], [1])]},
}


@pytest.mark.parametrize("parts", PARTS)
def test_a_dense_callset_is_read_as_the_sparse_one(tmp_path: Path, parts: str) -> None:
    dense = dense_callset.write(f"{tmp_path}/dense", PARTS[parts])
    sparse = small_callset.write(f"{tmp_path}/sparse")
    assert b'"version": 3' in storage.open_store(dense.url).read("manifest/00000001.json")
    assert dense.genotypes().to_pylist() == sparse.genotypes().to_pylist()
    chosen = "chr1:900-1,000", ["cat", "bob"]
    names = ["pos", "sample", "AD", "GQ"]
    assert dense.genotypes(*chosen, columns=names).to_pylist() == sparse.genotypes(*chosen, columns=names).to_pylist()
    for made in (dense.calls, dense.reference):
        assert made(*chosen).to_pylist() == getattr(sparse, made.__name__)(*chosen).to_pylist()
    counts = [count_callset(each.url, Inline(), Silent()).to_json() for each in (dense, sparse)]
    assert counts[0] == counts[1]
    for each in (dense, sparse):
        callset.write_vcf(each, f"{each.url}.vcf.gz")
        steps.verify(each.url, scatter=Inline(), progress=Silent())
    assert Path(f"{dense.url}.vcf.gz").read_bytes() == Path(f"{sparse.url}.vcf.gz").read_bytes()


def test_a_dense_shard_is_not_taken_for_one_that_genotype_may_leave(tmp_path: Path) -> None:
    dense = dense_callset.write(str(tmp_path))
    assert callset.find_shard(dense.store, SHARDS[0], "key") is None


def test_a_site_of_a_dense_callset_without_its_rows_is_damage(tmp_path: Path) -> None:
    dense = dense_callset.write(str(tmp_path), {"b0": [("", [0, 2], [0, 2])]})
    with pytest.raises(callset.DamagedFile, match="no genotypes, or several, for one site"):
        dense.genotypes()


def compact(url: str) -> Receipt:
    return steps.compact(url, batch_size=1000, scatter=Inline(), progress=Silent())


@pytest.mark.parametrize("parts", PARTS)
def test_a_compacted_callset_has_the_same_genotypes_in_sparse_files_alone(tmp_path: Path, parts: str) -> None:
    url = str(tmp_path)
    before = dense_callset.write(url, PARTS[parts]).genotypes().to_pylist()
    receipt = compact(url)
    assert receipt.balance == {"unit": "genotypes", "taken": 15, "kept": 15, "dropped": {}}
    after = callset.open_callset(url)
    assert after.genotypes().to_pylist() == before
    steps.verify(url, scatter=Inline(), progress=Silent())
    assert not [name for name in contents(url) if name.startswith("genotypes/")]
    assert all(callset.find_shard(after.store, shard, "key") for shard in SHARDS)
    (segment, *_) = callset.find_segments(after.store, SHARDS[0], "b0", "made", np.arange(3))
    assert segment.keys.tolist() == [0, 1, 2]
    compacted = contents(url)
    assert compact(url).balance["taken"] == 0
    assert contents(url) == compacted


def test_a_killed_compaction_is_begun_again_and_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = dense_callset.write("memory://compact-whole", PARTS["grown"]).genotypes().to_pylist()
    compact("memory://compact-whole")
    for survived in count(0, 3):
        url = f"memory://compact-killed-{survived}"
        dense_callset.write(url, PARTS["grown"])
        with monkeypatch.context() as patched:
            died = killed_after(patched, survived)
            with suppress(KeyboardInterrupt):
                compact(url)
        if not callset.was_compacted(url):  # else the manifest may be between two versions
            assert callset.open_callset(url).genotypes().to_pylist() == expected
        compact(url)
        assert contents(url) == contents("memory://compact-whole")
        if not died:
            break
    assert survived > 30


def test_a_killed_compaction_is_not_finished_once_genotype_has_begun_the_callset_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = "memory://compact-overtaken"
    dense_callset.write(url)
    with monkeypatch.context() as patched:
        patched.setattr(manifest, "publish", _die)
        with suppress(KeyboardInterrupt):
            compact(url)
    assert callset.was_compacted(url)
    callset.begin_shard(storage.open_store(url), SHARDS[0])
    with pytest.raises(cohort.NoCohort):
        compact(url)
    made = small_callset.write(url, seed=2)
    assert compact(url).balance["taken"] == 0
    assert callset.open_callset(url) == made
    steps.verify(url, scatter=Inline(), progress=Silent())


@pytest.mark.parametrize("damage", [b"{", b"{}", b"[]"])
def test_damage_in_what_a_killed_compaction_left_is_an_error(damage: bytes) -> None:
    store = small_callset.write(f"memory://compact-damaged-{len(damage)}").store
    store.write("manifest/compacted.json", damage)
    with pytest.raises(callset.DamagedFile, match=r"compacted\.json: is damaged"):
        compact(store.url)


def _die(*_: object) -> None:
    raise KeyboardInterrupt


def killed_after(patched: pytest.MonkeyPatch, survived: int) -> list[str]:
    """Interrupt the run at a change of a store, after so many; the list then has its name."""
    calls, died, kind = count(), [], type(storage.open_store("memory://any"))
    for change in ("write", "delete"):
        original = getattr(kind, change)

        def change_or_die(self: storage.Store, name: str, *data: bytes, original=original) -> None:
            if next(calls) >= survived:
                died.append(name)
                raise KeyboardInterrupt
            original(self, name, *data)

        patched.setattr(kind, change, change_or_die)
    return died
