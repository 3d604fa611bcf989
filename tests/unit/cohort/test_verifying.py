"""verify finds every kind of damage, names the object, and passes what is sound."""

import json
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from genocloud import cohort, json_digest, pipeline, schema, steps
from genocloud.cohort.batch import receipt_from_json
from genocloud.cohort.reading import read_windows
from genocloud.cohort.verifying import check_part, check_tallies, order_problem
from genocloud.errors import StoreError, UnreadableFile
from genocloud.pipeline.cached_tables import cached_tables
from genocloud.scatter.executors import Inline
from genocloud.scatter.progress import Silent
from genocloud.steps.verify import Damaged
from genocloud.storage import Store, open_store
from tests.support.cohort_people import LAYOUT, ingest


@pytest.fixture
def store(tmp_path) -> Store:
    made = open_store(f"memory://{tmp_path}")
    ingest(made, {"a": 1, "b": 2})
    ingest(made, {"c": 3})
    cohort.remove(made, {"b"})
    return made


def verify(store: Store) -> dict[str, object]:
    return steps.verify(store.url, scatter=Inline(), progress=Silent()).__dict__


def damage(store: Store) -> list[tuple[str, str]]:
    """The names of damaged objects, and what is wrong with each."""
    with pytest.raises(Damaged) as caught:
        verify(store)
    assert caught.value.exit_code == 4
    return [(each.url.removeprefix(f"{store.url}/"), each.problem) for each in caught.value.damage]


def test_a_sound_cohort_passes_and_every_object_is_counted(store):
    receipt = verify(store)
    assert receipt["balance"]["taken"] == len(store.list())
    assert receipt["figures"]["rows"] > 0


@pytest.mark.parametrize("kind", ["variants", "blocks"])
@pytest.mark.parametrize(
    "change", [lambda data: data[:-1], lambda data: b"", lambda data: data[:40] + bytes([data[40] ^ 1]) + data[41:]]
)
def test_every_changed_byte_is_detected(store, kind, change):
    name = next(name for name in store.list("batches/") if f"/{kind}/" in name)
    store.write(name, change(store.read(name)))
    assert [damaged for damaged, _ in damage(store)] == [name]


def test_all_damage_is_reported_at_once(store):
    names = [name for name in store.list("batches/") if name.endswith(".parquet")]
    store.delete(names[0])
    store.write(names[-1], b"x")
    store.write("manifest/00000002.json", b"{}")
    assert {name for name, _ in damage(store)} == {names[0], names[-1], "manifest/00000002.json"}


def test_a_receipt_that_changed_or_went_is_detected(store):
    first, second = [name for name in store.list("batches/") if name.endswith("receipt.json")]
    store.write(first, store.read(first) + b" ")
    store.delete(second)
    assert sorted(damage(store)) == [(first, "its sha256 is not the one that the manifest has"), (second, "is missing")]


def test_a_derived_table_that_cannot_be_read_is_detected(store):
    store.write("derived/k/k/alleles/1.parquet", b"PAR1 and no more")
    ((name, problem),) = damage(store)
    assert name == "derived/k/k/alleles/1.parquet"
    assert "delete it" in problem


def test_a_derived_table_with_another_byte_is_detected(store):
    stored_callset = cohort.open_cohort(store.url)
    (shard, *_) = pipeline.cut_genome(stored_callset).owned
    cached_tables(stored_callset, "alleles").write(shard, pa.table({"start": list(range(1000))}), {})
    (name,) = store.list("derived/")
    data = bytearray(store.read(name))
    data[200] ^= 1
    store.write(name, bytes(data))
    assert [damaged for damaged, _ in damage(store)] == [name]
    with pytest.raises(StoreError, match="damaged"):
        cached_tables(stored_callset, "alleles").read(shard, "discover")


def test_what_is_no_store_and_no_file_is_an_input_error(tmp_path):
    with pytest.raises(UnreadableFile):
        verify(open_store(str(tmp_path / "nothing")))


def plus(column: str, number: int) -> Callable[[pa.Table], pa.Table]:
    """Add to a column's first value."""

    def change(table: pa.Table) -> pa.Table:
        values = table[column].to_pylist()
        return schema.with_column(table, column, pa.array([values[0] + number, *values[1:]], table[column].type))

    return change


@pytest.mark.parametrize(
    ("kind", "change", "problem"),
    [
        ("variants", plus("start", -1000), "outside"),
        ("variants", plus("sample", 7), "no sample"),
        ("variants", plus("contig", 9), "no contig"),
        ("blocks", plus("contig", 1), "outside"),
        ("blocks", plus("stop", 9000), "outside"),
        ("blocks", lambda table: table.take(list(range(table.num_rows))[::-1]), "out of order"),
        ("blocks", lambda table: table.slice(1), "rows, not"),
        ("blocks", lambda table: pa.concat_tables([table.slice(0, 1), table]), "rows, not"),
        ("variants", plus("stop", 1), "longest"),
        ("variants", plus("stop", 400), "overlap"),
    ],
)
def test_rows_that_cannot_be_are_detected(store, monkeypatch, kind, change, problem):
    """Made up behind the checksums, as a mistake of genocloud's own would be."""
    stored_cohort = cohort.open_cohort(store.url)
    receipt = stored_cohort.receipt(stored_cohort.batches[0])

    def changed(*arguments):
        done = False
        for window in read_windows(*arguments):
            if window[kind] and not done:
                done = True
                window = {**window, kind: [change(window[kind][0]), *window[kind][1:]]}
            yield window

    part = LAYOUT.parts()[0]
    assert check_part(store, receipt, LAYOUT, part).damage == ()
    monkeypatch.setattr("genocloud.cohort.verifying.read_windows", changed)
    ((damaged,)) = check_part(store, receipt, LAYOUT, part).damage
    assert problem in damaged.problem


@pytest.mark.parametrize("column", ["group_starts", "group_stops"])
@pytest.mark.parametrize("kind", ["variants", "blocks"])
def test_places_of_row_groups_that_are_not_those_of_their_rows_are_detected(store, kind, column):
    """A row group that a region's reader would miss."""
    stored_cohort = cohort.open_cohort(store.url)
    receipt = stored_cohort.receipt(stored_cohort.batches[0])
    part = LAYOUT.parts()[0]
    fields = json_digest.open_json(receipt.to_json())
    entry = next(each for each in fields["parts"] if (each["kind"], each["name"]) == (kind, part.name))
    assert len(entry[column]) == len(entry["group_rows"])
    for shift in (-1, 1):
        entry[column][-1] += shift
        damaged = check_part(store, receipt_from_json(json.dumps(fields).encode()), LAYOUT, part).damage
        assert ["other places" in each.problem for each in damaged] == [True]
        entry[column][-1] -= shift
    assert check_part(store, receipt_from_json(json.dumps(fields).encode()), LAYOUT, part).damage == ()


@pytest.mark.parametrize(
    ("sample", "start", "group", "by_tiles", "sound"),
    [
        ([0, 1, 0, 1], [5, 6, 20, 21], [0, 0, 1, 1], True, True),
        ([0, 1, 0, 1], [5, 6, 20, 21], [0, 0, 1, 1], False, False),
        ([0, 0, 1, 1], [5, 20, 6, 21], [0, 0, 1, 1], False, True),
        ([0, 1, 0, 1], [20, 21, 5, 6], [0, 0, 1, 1], True, False),
        ([1, 0, 0, 1], [5, 6, 20, 21], [0, 0, 1, 1], True, False),
    ],
)
def test_rows_are_in_order_within_a_row_group_and_of_each_sample(sample, start, group, by_tiles, sound):
    columns = {"contig": [0] * 4, "sample": sample, "start": start, "group": group}
    problem = order_problem({name: np.array(column) for name, column in columns.items()}, by_tiles)
    assert (problem is None) == sound


def test_variants_that_were_swapped_between_samples_are_detected(store):
    stored_cohort = cohort.open_cohort(store.url)
    receipt = stored_cohort.receipt(stored_cohort.batches[0])
    receipt_content = json_digest.open_json(receipt.to_json())
    receipt_content["tallies"][0]["stored"]["variants"] += 1
    receipt_content["tallies"][1]["stored"]["variants"] -= 1
    parts = [check_part(store, receipt, LAYOUT, part) for part in LAYOUT.parts()]
    assert check_tallies(store, receipt, parts) == []
    assert len(check_tallies(store, receipt_from_json(json.dumps(receipt_content).encode()), parts)) == 1
