"""How many sites more or fewer people have, from a sample of gVCFs, and how much of a long file is read."""

from collections import Counter
from itertools import combinations
from types import SimpleNamespace

import pyarrow as pa
import pytest

from genocloud.pipeline.planning import workload
from genocloud.pipeline.planning.workload import PIECE_BYTES, Sampled
from genocloud.regions import Contig
from genocloud.samples import Sample

CARRIERS = ({"ann"}, {"ann"}, {"bob"}, {"ann", "cat"}, {"ann", "bob", "cat", "dan"})
"""Who has a variant, at each of some sites."""

PEOPLE = ("ann", "bob", "cat", "dan")


def sampled(scale: float = 1.0) -> Sampled:
    return Sampled(
        people=len(PEOPLE),
        records_per_byte=0.0,
        observations_per_byte=0.0,
        carriers=Counter(len(carriers) for carriers in CARRIERS),
        scale=scale,
        shards=1,
    )


@pytest.mark.parametrize("people", range(1, len(PEOPLE) + 1))
def test_fewer_people_have_the_sites_that_groups_of_them_have_on_average(people: int) -> None:
    groups = [set(group) for group in combinations(PEOPLE, people)]
    mean = sum(bool(carriers & group) for group in groups for carriers in CARRIERS) / len(groups)
    assert sampled().sites_of(people) == pytest.approx(mean)
    assert sampled(2.5).sites_of(people) == pytest.approx(2.5 * mean)


def test_no_people_have_the_sites_of_one() -> None:
    assert sampled().sites_of(0) == sampled().sites_of(1)


def test_sites_of_more_people_grow_as_they_did_from_half_of_the_sampled_to_all() -> None:
    half, whole = sampled().sites_of(2), sampled().sites_of(4)
    assert sampled().sites_of(8) == pytest.approx(whole * whole / half)
    assert sampled().sites_of(16) == pytest.approx(whole * (whole / half) ** 2)


def test_sites_of_one_sampled_person_grow_with_the_square_root() -> None:
    one = Sampled(
        people=1, records_per_byte=0.0, observations_per_byte=0.0, carriers=Counter({1: 10}), scale=1.0, shards=1
    )
    assert [one.sites_of(people) for people in (1, 4, 9)] == pytest.approx([10, 20, 30])


def rows(read: int, blocks: list[tuple[int, int]], variants: list[tuple[int, int]]) -> SimpleNamespace:
    """Rows of a file at (contig, start); so many of its bytes have been read."""
    columns = pa.schema({"contig": pa.int32(), "start": pa.int32()})
    tables = [
        pa.RecordBatch.from_pylist([dict(zip(columns.names, row, strict=True)) for row in some], columns)
        for some in (blocks, variants)
    ]
    return SimpleNamespace(bytes=read, read=len(blocks) + len(variants), blocks=tables[0], variants=tables[1])


@pytest.mark.parametrize("beyond", [0, 1], ids=["a piece exactly", "a byte more"])
def test_of_a_long_file_a_piece_is_read_to_its_last_block(monkeypatch: pytest.MonkeyPatch, beyond: int) -> None:
    """Even where that block is on another contig than the one before it."""
    pieces = [
        rows(PIECE_BYTES + beyond, [(0, 5), (1, 3), (2, 7)], [(0, 9), (1, 1)]),
        rows(PIECE_BYTES + 100, [(2, 8)], [(2, 20)]),
    ]
    monkeypatch.setattr(workload.gvcf, "read_rows", lambda *_: iter(pieces))
    monkeypatch.setattr(workload, "file_size", lambda _: PIECE_BYTES * 9)
    look = workload._look(Sample(sample="ann", gvcf="ann.g.vcf.gz"), [Contig("chr1", 50)] * 3)
    assert look.file_bytes == PIECE_BYTES * 9
    if beyond:
        assert (look.end, look.bytes, look.records) == ((2, 7), PIECE_BYTES + 1, 5)
        assert look.sites == {(0, 9), (1, 1)}
    else:
        assert (look.end, look.bytes, look.records) == ((2, 8), PIECE_BYTES + 100, 7)
        assert look.sites == {(0, 9), (1, 1), (2, 20)}


def test_a_file_is_read_on_to_a_block_or_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = [rows(PIECE_BYTES + 1, [], [(0, 9)]), rows(PIECE_BYTES + 2, [], [(0, 10)])]
    monkeypatch.setattr(workload.gvcf, "read_rows", lambda *_: iter(pieces))
    monkeypatch.setattr(workload, "file_size", lambda _: PIECE_BYTES + 30)
    look = workload._look(Sample(sample="ann", gvcf="ann.g.vcf.gz"), [Contig("chr1", 50)] * 3)
    assert (look.end, look.bytes, look.observations) == ((3, 1), PIECE_BYTES + 30, 2)


def test_of_a_file_the_share_before_an_end_on_its_last_contig_is_by_bases() -> None:
    look = workload._Look(file_bytes=1, bytes=1, records=1, observations=0, sites=set(), end=(2, 40))
    assert [workload._share(look, end) for end in ((2, 10), (2, 40), (2, 50), (1, 10), (3, 1))] == [0.25, 1, 1, 1, 1]
