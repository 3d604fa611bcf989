"""The cohort store: what is written is read, versions are whole, and bad additions leave it as it was."""

import json
import os
import pickle
import signal
import subprocess
import sys
import threading
from itertools import chain
from pathlib import Path

import pyarrow as pa
import pytest

from genocloud import cohort, gvcf, schema
from genocloud.cohort.manifest import BrokenManifest, latest_version, lost_versions
from genocloud.regions import Contig, Extent, Region
from genocloud.storage import open_store
from tests.support.stored_cohorts import COLUMNS, CONTIGS, LAYOUT, REFERENCE, block, one_batch, source, store_in

ROOT = Path(__file__).resolve().parents[3]


def test_samples_are_ranked_by_name_within_an_ingest_and_later_ones_come_after(tmp_path):
    store = open_store(store_in(tmp_path))
    first = cohort.write_batch(store, [source(tmp_path, name, 1) for name in "db"], LAYOUT)
    cohort.append(store, [first], LAYOUT, REFERENCE)
    second = cohort.write_batch(store, [source(tmp_path, name, 2) for name in "ca"], LAYOUT)
    stored_cohort = cohort.append(store, [second], LAYOUT, REFERENCE)
    assert stored_cohort.samples == ("b", "d", "a", "c")
    assert [batch.ranks.tolist() for batch in stored_cohort.batches] == [[0, 1], [2, 3]]
    again = cohort.open_cohort(store.url)
    assert (again.version, again.samples, again.contigs) == (2, stored_cohort.samples, CONTIGS)
    assert cohort.open_cohort(store.url, 1).samples == ("b", "d")


def test_a_region_gives_the_rows_that_speak_in_it(tmp_path):
    stored_cohort = one_batch(tmp_path, "ab")
    (batch,) = stored_cohort.batches
    rows = cohort.read_rows(
        stored_cohort, batch, Region(0, 2005, 2006)
    )  # inside the deletions, which begin a window earlier
    assert rows.variants.select(["sample", "start", "stop"]).to_pylist() == [
        {"sample": 0, "start": 1996, "stop": 2036},
        {"sample": 1, "start": 1997, "stop": 2037},
    ]
    assert rows.blocks.num_rows == 0
    rows = cohort.read_rows(stored_cohort, batch, Region(0, 499, 501))  # blocks are cut at the edge of the window
    assert rows.blocks["start"].to_pylist() == [0, 500, 0, 500]
    assert rows.blocks["stop"].to_pylist() == [500, 1000, 500, 1000]
    assert cohort.read_rows(stored_cohort, batch, Region(0, 3000, 5000)).blocks.num_rows == 0
    rows = cohort.read_rows(stored_cohort, batch, Region(2, 0, 200))  # a contig that shares its row group
    assert rows.blocks["contig"].to_pylist() == [2, 2]
    assert rows.variants.schema.equals(schema.VARIANTS)
    assert rows.blocks.schema.equals(schema.BLOCKS)


def test_every_record_is_stored_or_counted_and_a_batch_is_reused(tmp_path):
    store = open_store(store_in(tmp_path))
    receipt = cohort.write_batch(store, [source(tmp_path, "a", 1)], LAYOUT)
    assert receipt.read == 6
    assert receipt.stored == {"variants": 2, "blocks": 4}
    unread = cohort.Source(
        sample="a", fingerprint=receipt.fingerprints[0], rows=iter(lambda: pytest.fail("read again"), None)
    )
    assert cohort.write_batch(store, [unread], LAYOUT) == receipt


def test_equal_inputs_give_equal_bytes_under_equal_names(tmp_path):
    contents = []
    for place in ("x", "y"):
        (tmp_path / place).mkdir()
        one_batch(tmp_path / place)
        store = open_store(store_in(tmp_path / place))
        contents.append({name: store.read(name) for name in store.list()})
    assert contents[0] == contents[1]
    assert len(contents[0]) == 2 + 4 + 1 - 1 + 2  # the last two: the digest of the manifest, noted twice


def test_thousands_of_short_contigs_cost_few_objects(tmp_path):
    contigs = tuple(Contig(f"HLA-A*{number:04d}:01", 1000 + number) for number in range(3366))
    layout = cohort.Layout(contigs)
    records = "".join(block(contig.name, 1, 100, 3) for contig in contigs)
    path = tmp_path / "a.g.vcf"
    path.write_text(COLUMNS + records)
    store = open_store(store_in(tmp_path))
    receipt = cohort.write_batch(
        store, [cohort.Source(sample="a", fingerprint="", rows=gvcf.read_rows(str(path), contigs))], layout
    )
    stored_cohort = cohort.append(store, [receipt], layout, REFERENCE)
    assert len(store.list()) < 100
    assert cohort.read_rows(stored_cohort, stored_cohort.batches[0], Region(1700, 50, 60)).blocks[
        "contig"
    ].to_pylist() == [1700]


def test_a_sample_is_not_added_twice(tmp_path):
    stored_cohort = one_batch(tmp_path, "ab")
    store = open_store(stored_cohort.url)
    other = cohort.write_batch(store, [source(tmp_path, "b", 5)], LAYOUT)
    with pytest.raises(cohort.RepeatedSample) as caught:
        cohort.append(store, [other], LAYOUT, REFERENCE)
    assert caught.value.samples == ("b",)
    assert cohort.open_cohort(stored_cohort.url).samples == stored_cohort.samples


def test_the_same_batch_again_makes_no_new_version(tmp_path):
    stored_cohort = one_batch(tmp_path)
    assert (
        cohort.append(
            open_store(stored_cohort.url), [stored_cohort.receipt(stored_cohort.batches[0])], LAYOUT, REFERENCE
        ).version
        == 1
    )
    assert latest_version(open_store(stored_cohort.url)) == 1


@pytest.mark.parametrize("folder", ["manifest/", "published/"])
def test_a_version_committed_while_folders_are_listed_is_not_lost(tmp_path, monkeypatch, folder):
    stored_cohort = one_batch(tmp_path, "ab")
    store = open_store(stored_cohort.url)
    listing = type(store).list

    def list_slowly(this, prefix=""):
        names = listing(this, prefix)
        if prefix == folder:
            monkeypatch.undo()
            cohort.remove(store, {"b"})
        return names

    monkeypatch.setattr(type(store), "list", list_slowly)
    assert latest_version(store) == (2 if folder == "manifest/" else 1)
    assert lost_versions(store) == []


def in_force(stored_cohort: cohort.Cohort) -> dict[str, tuple[str, ...]]:
    """By batch, who is in force from it."""
    return {
        batch.id: tuple(name for name, rank in zip(batch.samples, batch.ranks, strict=True) if rank >= 0)
        for batch in stored_cohort.batches
    }


def test_a_sample_goes_back_to_the_batch_it_had_before(tmp_path):
    first = one_batch(tmp_path, "ab")
    store = open_store(first.url)
    old = first.receipt(first.batches[0])
    new = cohort.write_batch(store, [source(tmp_path, "b", 5)], LAYOUT)
    replaced = cohort.append(store, [new], LAYOUT, REFERENCE, {"b"})
    assert in_force(replaced) == {old.id: ("a",), new.id: ("b",)}
    assert replaced.fingerprints() == {"a": old.fingerprints[0], "b": new.fingerprints[0]}
    with pytest.raises(cohort.RepeatedSample) as caught:
        cohort.append(store, [old], LAYOUT, REFERENCE)
    assert caught.value.samples == ("b",)
    back = cohort.append(store, [old], LAYOUT, REFERENCE, {"a", "b"})
    assert in_force(back) == {old.id: ("a", "b")}  # a batch from which nobody is in force is none of the version's
    assert (back.version, back.samples) == (3, ("a", "b"))
    assert in_force(cohort.open_cohort(store.url)) == in_force(back)
    assert back.fingerprints() == dict(zip("ab", old.fingerprints, strict=True))
    assert cohort.append(store, [old], LAYOUT, REFERENCE, {"a", "b"}).version == 3


def test_a_cohort_is_read_once_in_a_process_and_again_when_it_is_another(tmp_path):
    stored_cohort = cohort.open_cohort(one_batch(tmp_path).url)
    assert cohort.open_cohort(stored_cohort.url, 1) is stored_cohort
    store = open_store(stored_cohort.url)
    store.write("manifest/00000001.json", store.read("manifest/00000001.json") + b" ")
    assert cohort.open_cohort(stored_cohort.url, 1) is not stored_cohort


def test_a_manifest_that_was_edited_is_refused(tmp_path):
    stored_cohort = one_batch(tmp_path)
    store = open_store(stored_cohort.url)
    edited = json.loads(store.read("manifest/00000001.json")) | {"reference": {"md5": "another"}}
    store.write("manifest/00000001.json", json.dumps(edited).encode())
    with pytest.raises(BrokenManifest, match="sha256"):
        cohort.open_cohort(stored_cohort.url)


def test_a_callset_is_no_cohort(tmp_path):
    open_store(store_in(tmp_path)).write("manifest/00000001.json", b'{"format": "genocloud callset"}')
    with pytest.raises(cohort.NoCohort):
        cohort.open_cohort(store_in(tmp_path))


def test_a_layout_is_worked_out_once_and_travels_light():
    layout = cohort.Layout(CONTIGS, part_bp=1000, window_bp=500)
    before = pickle.dumps(layout)
    part = layout.part_of(2)
    assert part.contigs == (1, 2, 3)
    assert layout.parts() is layout.parts()
    assert layout.windows(part) is layout.windows(part)
    assert pickle.dumps(layout) == before
    assert pickle.loads(before) == layout == LAYOUT


def test_variants_are_read_without_blocks(tmp_path):
    stored_cohort = one_batch(tmp_path, "ab")
    (batch,) = stored_cohort.batches
    place = Region(0, 2005, 2006)
    expected = cohort.read_rows(stored_cohort, batch, place).variants
    for name in open_store(stored_cohort.url).list():
        if "/blocks/" in name:
            open_store(stored_cohort.url).delete(name)
    assert cohort.read_variants(stored_cohort, batch, place) == expected


@pytest.mark.parametrize("keep", [0, 3, -1, -100])
def test_a_cut_off_object_is_reported(tmp_path, keep):
    stored_cohort = one_batch(tmp_path, "ab")
    (name,) = [name for name in open_store(stored_cohort.url).list("batches/") if "/variants/000-" in name]
    path = Path(stored_cohort.url) / name
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(cohort.DamagedObject, match="restore it") as caught:
        cohort.read_rows(stored_cohort, stored_cohort.batches[0], Region(0, 2005, 2006))
    assert caught.value.url == str(path)


def test_a_flipped_bit_in_an_objects_data_is_reported(tmp_path):
    stored_cohort = one_batch(tmp_path, "ab")
    (name,) = [name for name in open_store(stored_cohort.url).list("batches/") if "/blocks/000-" in name]
    path = Path(stored_cohort.url) / name
    whole = path.read_bytes()
    place = Region(0, 0, 400)
    expected = cohort.read_rows(stored_cohort, stored_cohort.batches[0], place).blocks
    damages = 0
    for at in range(4, len(whole) // 2, 41):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
        try:
            assert cohort.read_rows(stored_cohort, stored_cohort.batches[0], place).blocks == expected
        except cohort.DamagedObject:
            damages += 1
    assert damages


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"\xff", b'{"samples": 3}', b"null"])
def test_a_damaged_receipt_is_reported(tmp_path, data):
    stored_cohort = one_batch(tmp_path, "ab")
    name = f"batches/{stored_cohort.batches[0].id}/receipt.json"
    open_store(stored_cohort.url).write(name, data)
    with pytest.raises(cohort.DamagedObject) as caught:
        cohort.open_cohort(stored_cohort.url).receipt(stored_cohort.batches[0])
    assert caught.value.url.endswith(name)


def test_equal_ploidies_of_contigs_are_held_once(tmp_path):
    stored_cohort = one_batch(tmp_path, "ab")
    ploidies = cohort.open_cohort(stored_cohort.url).receipt(stored_cohort.batches[0]).ploidies
    assert len(ploidies) == 4
    assert len({id(each) for each in ploidies.values()}) == 1


@pytest.mark.parametrize("data", [b"", b"[]", b"null", b"not JSON", b"\xff", b'{"schema": [1]'])
def test_a_damaged_manifest_is_reported(tmp_path, data):
    stored_cohort = one_batch(tmp_path, "ab")
    open_store(stored_cohort.url).write("manifest/00000001.json", data)
    with pytest.raises(BrokenManifest, match="version 1"):
        cohort.open_cohort(stored_cohort.url)


@pytest.mark.parametrize(
    ("layout", "reference"),
    [
        (cohort.Layout(CONTIGS[:1], 1000, 500), REFERENCE),
        (LAYOUT, {"md5": "another"}),
        (cohort.Layout(CONTIGS, 1000, 250), REFERENCE),
    ],
)
def test_another_reference_or_other_cuts_are_refused(tmp_path, layout, reference):
    stored_cohort = one_batch(tmp_path)
    with pytest.raises(cohort.OtherReference):
        cohort.append(open_store(stored_cohort.url), [], layout, reference)


def test_what_cannot_be_read_says_why(tmp_path):
    with pytest.raises(cohort.NoCohort):
        cohort.open_cohort(store_in(tmp_path))
    stored_cohort = one_batch(tmp_path)
    with pytest.raises(cohort.NoCohort):
        cohort.open_cohort(stored_cohort.url, 2)
    store = open_store(stored_cohort.url)
    manifest = json.loads(store.read("manifest/00000001.json"))
    store.write("manifest/00000002.json", json.dumps(manifest | {"schema": schema.VERSION + 1}).encode())
    with pytest.raises(cohort.NewerSchema):
        cohort.open_cohort(stored_cohort.url)
    store.write("manifest/00000002.json", b"{}")
    with pytest.raises(BrokenManifest):
        cohort.open_cohort(stored_cohort.url)


def test_a_reference_may_have_contigs_without_bases(tmp_path):
    """As the index of a FASTA may list them."""
    layout = cohort.Layout((*CONTIGS, Contig("empty", 0)), LAYOUT.part_bp, LAYOUT.window_bp)
    store = open_store(store_in(tmp_path))
    receipt = cohort.write_batch(store, [source(tmp_path, "ann", 1)], layout)
    cohort.append(store, [receipt], layout, REFERENCE)
    assert cohort.open_cohort(store.url).contigs == layout.contigs


def test_stretches_are_of_their_parts_axis_where_its_first_contig_has_no_bases():
    contigs = (Contig("none", 0), Contig("chr1", 300), Contig("no", 0), Contig("chr2", 200), Contig("nothing", 0))
    layout = cohort.Layout(contigs, part_bp=10_000, window_bp=350)
    (part,) = layout.parts()
    assert layout.stretches(part) == (Region(0, 0, 300), Region(0, 300, 500))
    assert [layout.axis(1).extent(each) for each in layout.stretches(part)] == [
        Extent(1, 0, 1, 300),
        Extent(3, 0, 3, 200),
    ]


def test_of_writers_at_once_none_is_lost(tmp_path):
    store = open_store(store_in(tmp_path))
    receipts = [cohort.write_batch(store, [source(tmp_path, name, 1)], LAYOUT) for name in "abcdef"]
    barrier = threading.Barrier(len(receipts))

    def add(receipt: cohort.BatchReceipt) -> None:
        barrier.wait()
        cohort.append(store, [receipt], LAYOUT, REFERENCE)

    writers = [threading.Thread(target=add, args=(receipt,)) for receipt in receipts]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    stored_cohort = cohort.open_cohort(store.url)
    assert stored_cohort.version == len(receipts)
    assert sorted(stored_cohort.samples) == list("abcdef")


def test_a_failing_sample_leaves_no_batch(tmp_path):
    store = open_store(store_in(tmp_path))
    good, bad = source(tmp_path, "a", 1), source(tmp_path, "b", 1)
    broken = cohort.Source(sample="b", fingerprint="x", rows=chain(bad.rows, (1 / 0 for _ in "x")))
    with pytest.raises(ZeroDivisionError):
        cohort.write_batch(store, [good, broken], LAYOUT)
    assert not any(name.endswith("receipt.json") for name in store.list())
    with pytest.raises(cohort.NoCohort):
        cohort.open_cohort(store.url)


KILLED = """
import os, signal, sys
from genocloud import cohort, gvcf
from genocloud.storage import open_store
sys.path.insert(0, {root!r})
from tests.support.stored_cohorts import CONTIGS, LAYOUT
from genocloud.cohort import writing
write, parts = writing.write_part, []
def part(*given):
    parts.append(given)
    if len(parts) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return write(*given)
writing.write_part = part
sources = [
    cohort.Source(sample=name, fingerprint=gvcf.fingerprint(path), rows=gvcf.read_rows(path, CONTIGS))
    for name, path in {paths!r}
]
cohort.write_batch(open_store({store!r}), sources, LAYOUT)
"""


def test_a_killed_ingest_leaves_nothing_visible_and_runs_again(tmp_path):
    sources = [source(tmp_path, name, ord(name)) for name in "ab"]
    paths = [(each.sample, str(tmp_path / f"{each.sample}.g.vcf")) for each in sources]
    script = KILLED.format(root=str(ROOT), paths=paths, store=store_in(tmp_path))
    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False
    )
    assert ended.returncode == -signal.SIGKILL
    store = open_store(store_in(tmp_path))
    assert not any("receipt" in name for name in store.list())
    receipt = cohort.write_batch(store, sources, LAYOUT)
    stored_cohort = cohort.append(store, [receipt], LAYOUT, REFERENCE)
    fresh = one_batch(tmp_path_for(tmp_path), "ab")
    for region in (Region(0, 0, 5000), Region(3, 0, 900)):
        assert_same(
            cohort.read_rows(stored_cohort, stored_cohort.batches[0], region),
            cohort.read_rows(fresh, fresh.batches[0], region),
        )


def tmp_path_for(folder: Path) -> Path:
    other = folder / "other"
    other.mkdir()
    return other


def assert_same(first: cohort.BatchRows, second: cohort.BatchRows) -> None:
    assert first.variants.equals(second.variants)
    assert first.blocks.equals(second.blocks)
    assert isinstance(first.blocks, pa.Table)
