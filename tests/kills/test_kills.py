"""Commands that write a cohort, killed at random moments (kill -9): the store stays sound, a rerun completes.

A few random kills of each command; `make kills` has hundreds, and kills at every step.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from genocloud.cli import main
from tests.kills import people
from tests.kills.killing import FEW, KILLS, Scene, Server, kill_everywhere, kill_often, open_server, thorough

pytestmark = [pytest.mark.timeout(1800), pytest.mark.slow]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("kills")
    people.write_people(made)
    return made


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    with open_server(folder / f"{people.NAMES[0]}.g.vcf.gz", people.REFERENCE, folder / "said.txt") as started:
        yield started


@pytest.fixture(scope="module")
def grown(folder: Path) -> Path:
    """A cohort of the first half, in three batches."""
    cohort = folder / "grown"
    assert main(people.ingest_words(cohort, people.write_sheet(folder, people.NAMES[:6]))) == 0
    return cohort


def kill(scene: Scene, kills: int, seed: int, *states: str) -> None:
    """Kill a command so often, and tell what was left; of many kills, each of the states must have been some."""
    left = kill_often(scene, kills, seed)
    counts = ", ".join(f"{state} {count}" for state, count in sorted(left.items()))
    print(f"\n{scene.name}: at least {kills} kills within {scene.seconds:.3f} s; left: {counts}")
    assert kills < FEW or left.keys() >= set(states)


def test_an_ingest_into_a_new_cohort_may_be_killed(folder, server):
    words = people.ingest_words(folder / "cohort", people.write_sheet(folder, people.NAMES))
    scene = Scene("ingest, new cohort", words, folder / "cohort", None, server)
    kill(scene, KILLS, 1, "nothing", "parts", "batches")


def test_an_append_may_be_killed(folder, server, grown):
    words = people.ingest_words(folder / "cohort", people.write_sheet(folder, people.NAMES))
    scene = Scene("ingest, append", words, folder / "cohort", grown, server)
    kill(scene, KILLS, 2, "nothing", "parts", "batches")


@thorough
def test_an_ingest_may_be_killed_at_every_step_of_its_writing(folder, server):
    """Not at random: before and after each time that a file or a folder is brought to the disk."""
    options = ("--part-bp", "1000000", "--scatter", "inline")
    words = people.ingest_words(folder / "cohort", people.write_sheet(folder, people.NAMES[:2]), *options)
    left = kill_everywhere(Scene("ingest", words, folder / "cohort", None, server))
    # "not tidied": the version is there, and the digest beside it is not
    assert left.keys() == {"nothing", "parts", "batches", "committed, not tidied", "committed"}, left


COMMANDS = {
    "compact": ["--batch-size", "200", "--scatter", "inline"],
    "erase": [people.NAMES[1], "--yes", "--scatter", "inline"],
    "collect": ["--keep", "1", "--older-than", "0"],
}


@thorough
@pytest.mark.parametrize("command", COMMANDS)
def test_other_commands_may_be_killed_all_along(folder, server, grown, command):
    """Not at random. A collection, of a cohort that has been compacted: what was before that goes."""
    before = grown
    if command == "collect":
        before = Path(shutil.copytree(grown, folder / "compacted"))
        assert main(["compact", str(before), "--quiet"]) == 0
    words = [command, str(folder / "cohort"), *COMMANDS[command], "--quiet"]
    again = 3 if command == "erase" else 0
    scene = Scene(command, words, folder / "cohort", before, server, passing=["erasing.json"], again=again)
    left = kill_everywhere(scene, stride=5)
    print(f"\n{command}: {left.total()} kills all along; left: {dict(left)}")
    assert len(left) > 1, left


def test_a_compaction_may_be_killed(folder, server, grown):
    words = ["compact", str(folder / "cohort"), "--quiet", "--scatter", "threads:2"]
    scene = Scene("compact", words, folder / "cohort", grown, server)
    kill(scene, KILLS // 4, 3, "nothing")


def test_an_erasure_may_be_killed(folder, server, grown):
    words = ["erase", str(folder / "cohort"), people.NAMES[1], "--yes", "--quiet", "--scatter", "threads:2"]
    scene = Scene("erase", words, folder / "cohort", grown, server, passing=["erasing.json"], again=3)
    kill(scene, KILLS // 4, 4, "parts")
