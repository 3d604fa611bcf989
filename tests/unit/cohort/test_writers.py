"""Two writers at once, many times: both win in turn or one says why it did not; nothing is lost, nothing doubled."""

import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from threading import Barrier, Thread

import pytest

import genocloud
from genocloud.cli import main
from tests.kills.killing import Server, open_server
from tests.support.small_gvcfs import LENGTHS, bgzf, whole, write_reference

ROUNDS = int(os.environ.get("GENOCLOUD_ROUNDS", "4"))
LATEST = 0.02
"""Seconds by which one writer starts after the other, at most: about what a writer needs for its few records."""

Race = Callable[[Sequence[list[str]]], list[int]]
"""Runs commands at once; returns their exit codes."""

Content = dict[str, list[object]]
"""All rows of each sample in force."""


def in_threads(chance: random.Random) -> Race:
    """Writers of one process."""

    def race(commands: Sequence[list[str]]) -> list[int]:
        codes, barrier = [-1] * len(commands), Barrier(len(commands))

        def write(number: int, late: float) -> None:
            barrier.wait()
            time.sleep(late)
            codes[number] = main(commands[number])

        threads = [Thread(target=write, args=(number, chance.uniform(0, LATEST))) for number in range(len(commands))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return codes

    return race


def in_processes(servers: Sequence[Server], chance: random.Random) -> Race:
    """Writers of processes of their own."""

    def race(commands: Sequence[list[str]]) -> list[int]:
        for server, command in zip(servers, commands, strict=True):
            server.start(command)
            time.sleep(chance.uniform(0, LATEST))
        return [server.wait()[0] for server in servers]

    return race


@dataclass
class Bench:
    """A folder with gVCFs, a place for cohorts, and a way to run two writers on one of them."""

    folder: Path
    place: str
    race: Race
    numbers: Iterator[int] = field(default_factory=count)

    def new(self, *people: str) -> str:
        """The URL of a new cohort, which holds these people; none of it yet, if nobody is named."""
        url = f"{self.place}/cohort{next(self.numbers)}"
        for person in people:
            assert main(self.ingest(url, person)) == 0
        return url

    def ingest(self, url: str, *people: str, files: str = "") -> list[str]:
        """The command that adds people, from files of the same names or of another set."""
        sheet = self.folder / f"sheet{next(self.numbers)}.tsv"
        sheet.write_text("sample\tgvcf\n" + "".join(f"{name}\t{files}{name}.g.vcf.gz\n" for name in people))
        options = ("--reference", str(self.folder / "reference.fa"), "--quiet", "--scatter", "inline")
        return ["ingest", url, str(sheet), *options]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    write_reference(folder / "reference.fa")
    for number, name in enumerate(("ann", "bob", "cyd", "dan")):
        for kind, qual in (("", 201), ("new-", 301)):
            text = whole(name).replace(b"200.6", f"{qual + number}.5".encode())
            (folder / f"{kind}{name}.g.vcf.gz").write_bytes(bgzf(text))
    return folder


@pytest.fixture(scope="module")
def servers(files: Path) -> Iterator[list[Server]]:
    with ExitStack() as stack:
        started = open_server(files / "ann.g.vcf.gz", files / "reference.fa", files / "said.txt")
        other = open_server(files / "ann.g.vcf.gz", files / "reference.fa", files / "said.txt")
        yield [stack.enter_context(started), stack.enter_context(other)]


@pytest.fixture(params=[pytest.param("local", marks=pytest.mark.slow), "memory"])
def bench(request: pytest.FixtureRequest, files: Path, tmp_path: Path) -> Bench:
    chance = random.Random(5)
    if request.param == "memory":
        return Bench(files, f"memory://{tmp_path}", in_threads(chance))
    return Bench(files, str(tmp_path), in_processes(request.getfixturevalue("servers"), chance))


def content(url: str) -> Content:
    """What the cohort holds of everybody in force; it must be sound."""
    assert main(["verify", url, "--quiet", "--scatter", "inline"]) == 0
    stored_cohort = genocloud.open_cohort(url)
    rows_by_sample: Content = {name: [] for name in stored_cohort.samples}
    for contig in LENGTHS:
        rows = genocloud.read_region(stored_cohort, contig)
        for row in (*rows.variants.to_pylist(), *rows.blocks.to_pylist()):
            rows_by_sample[row.pop("sample")].append(row)
    return rows_by_sample


@pytest.mark.parametrize("there", [(), ("dan",)], ids=["new", "grown"])
def test_two_that_append_others_both_win(bench, there):
    expected = content(bench.new(*there, "ann", "bob"))
    for _ in range(ROUNDS):
        url = bench.new(*there)
        assert bench.race([bench.ingest(url, "ann"), bench.ingest(url, "bob")]) == [0, 0]
        stored_cohort = genocloud.open_cohort(url)
        assert stored_cohort.version == len(there) + 2
        assert stored_cohort.samples[: len(there)] == there
        assert content(url) == expected


@pytest.mark.parametrize("there", [(), ("dan",)], ids=["new", "grown"])
def test_two_that_append_the_same_are_as_one(bench, there):
    expected = content(bench.new(*there, "ann"))
    for _ in range(ROUNDS):
        url = bench.new(*there)
        assert bench.race([bench.ingest(url, "ann")] * 2) == [0, 0]
        assert genocloud.open_cohort(url).version == len(there) + 1
        assert content(url) == expected


def test_of_two_with_other_files_of_one_sample_one_wins_and_the_other_says_so(bench):
    ways = [content(bench.new("ann"))]
    other = bench.new()
    assert main(bench.ingest(other, "ann", files="new-")) == 0
    ways.append(content(other))
    assert ways[0] != ways[1]
    for _ in range(ROUNDS):
        url = bench.new()
        codes = bench.race([bench.ingest(url, "ann"), bench.ingest(url, "ann", files="new-")])
        assert sorted(codes) == [0, 3]
        assert content(url) == ways[codes.index(0)]


def test_one_whose_people_are_partly_there_says_so_and_adds_the_others_when_run_again(bench):
    expected = content(bench.new("ann", "bob", "cyd"))
    for _ in range(ROUNDS):
        url = bench.new()
        commands = [bench.ingest(url, "ann", "bob"), bench.ingest(url, "bob", "cyd")]
        codes = bench.race(commands)
        assert sorted(codes) in ([0, 3], [0, 0])
        assert [main(command) for command in commands] == [0, 0]
        assert content(url) == expected


def test_an_append_and_a_removal_both_happen(bench):
    expected = content(bench.new("ann", "cyd"))
    for _ in range(ROUNDS):
        url = bench.new("ann", "bob")
        assert bench.race([bench.ingest(url, "cyd"), ["remove", url, "bob", "--quiet"]]) == [0, 0]
        assert content(url) == expected
        assert genocloud.open_cohort(url).version == 4


def test_of_two_removals_of_one_sample_the_later_says_that_it_is_gone(bench):
    expected = content(bench.new("ann"))
    for _ in range(ROUNDS):
        url = bench.new("ann", "bob")
        assert sorted(bench.race([["remove", url, "bob", "--quiet"]] * 2)) == [0, 3]
        assert content(url) == expected


def test_a_replacement_and_a_removal_leave_the_new_rows_or_none(bench):
    gone, replaced = content(bench.new("bob")), content(bench.new("bob"))
    other = bench.new()
    assert main(bench.ingest(other, "ann", files="new-")) == 0
    replaced |= content(other)
    for _ in range(ROUNDS):
        url = bench.new("ann", "bob")
        codes = bench.race([[*bench.ingest(url, "ann", files="new-"), "--replace"], ["remove", url, "ann", "--quiet"]])
        assert codes == [0, 0]
        assert content(url) in (gone, replaced)


def compact(url: str) -> list[str]:
    return ["compact", url, "--quiet", "--scatter", "inline"]


def test_an_append_during_a_compaction_is_not_lost(bench):
    expected = content(bench.new("ann", "bob", "cyd"))
    for _ in range(ROUNDS):
        url = bench.new("ann", "bob")
        assert bench.race([compact(url), bench.ingest(url, "cyd")]) == [0, 0]
        assert content(url) == expected


def test_two_compactions_at_once_are_as_one(bench):
    expected = content(bench.new("ann", "bob", "cyd"))
    for _ in range(ROUNDS):
        url = bench.new("ann", "bob", "cyd")
        codes = bench.race([compact(url)] * 2)
        assert sorted(codes) in ([0, 0], [0, 4])
        assert content(url) == expected
        assert main(compact(url)) == 0
        assert content(url) == expected
        assert len(genocloud.open_cohort(url).batches) == 1


def test_a_compaction_during_which_somebody_is_removed_says_so_or_keeps_them_out(bench):
    expected = content(bench.new("ann", "cyd"))
    for _ in range(ROUNDS):
        url = bench.new("ann", "bob", "cyd")
        codes = bench.race([compact(url), ["remove", url, "bob", "--quiet"]])
        assert codes in ([0, 0], [4, 0])
        assert content(url) == expected
        assert main(compact(url)) == 0
        assert content(url) == expected


def test_a_collection_spares_what_an_append_is_writing(bench):
    expected = content(bench.new("ann", "bob"))
    for _ in range(ROUNDS):
        url = bench.new("ann")
        assert bench.race([bench.ingest(url, "bob"), ["collect", url, "--keep", "1", "--quiet"]]) == [0, 0]
        assert content(url) == expected
