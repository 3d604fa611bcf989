"""Kill a command at random moments, and see that nothing visible is broken and that running it again completes it."""

import hashlib
import io
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

import genocloud
from genocloud.cli import main
from genocloud.cohort import NoCohort
from genocloud.storage import open_store
from tests.support.fork_server import NO_THREADS

ROOT = Path(__file__).resolve().parents[2]

KILLS = int(os.environ.get("GENOCLOUD_KILLS", "8"))
"""Of each command."""

FEW = 20
"""From so many kills on, each state must have been seen."""

thorough = pytest.mark.skipif(KILLS < FEW, reason="make kills does this")

KILLED = -9
COMPLETE = "complete"
"""The state after a run that ended before it could be killed."""

UNDISTURBED = 3
"""Runs that tell how long a command takes."""

Objects = dict[str, str]
"""The sha256 of each object of a store, by name."""


@dataclass
class Server:
    """The process that runs commands (see server.py)."""

    process: subprocess.Popen[str]
    said: Path

    def start(self, words: list[str], after: float | None = None, at: float | None = None) -> None:
        """Run a command, killed after some seconds or at a place (see server.py), if it comes so far."""
        assert self.process.stdin
        self.process.stdin.write(json.dumps({"words": words, "said": str(self.said), "after": after, "at": at}) + "\n")
        self.process.stdin.flush()

    def wait(self) -> tuple[int, float]:
        """Its exit code and seconds."""
        assert self.process.stdout
        answer = json.loads(self.process.stdout.readline())
        return answer["code"], answer["seconds"]

    def run(self, words: list[str], after: float | None = None, at: float | None = None) -> tuple[int, float]:
        """Start and wait."""
        self.start(words, after, at)
        return self.wait()


@contextmanager
def open_server(gvcf: Path, reference: Path, said: Path) -> Iterator[Server]:
    """Start the server, its kernels loaded by reading a gVCF."""
    command = [sys.executable, "-m", "tests.kills.server", str(gvcf), str(reference)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, env=os.environ | NO_THREADS, text=True, **pipes) as process:
        assert process.stdout
        assert process.stdin
        assert process.stdout.readline() == "ready\n"
        yield Server(process, said)
        process.stdin.close()


@dataclass
class Scene:
    """A command that turns a store into another one; `before` is the store's folder as it was, if it was.

    `passing` are objects that the command makes and removes; `again` is its exit code where there is nothing to do.
    """

    name: str
    words: list[str]
    cohort: Path
    before: Path | None
    server: Server
    passing: Collection[str] = ()
    again: int = 0
    times: list[float] = field(default_factory=list)
    old: Objects = field(default_factory=dict)
    new: Objects = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Learn what an undisturbed run makes, and how long it takes."""
        for _ in range(UNDISTURBED):
            self.reset()
            self.old = objects(self.cohort)
            code, seconds = self.server.run(self.words)
            assert code == 0, self.server.said.read_text()
            self.times.append(seconds)
        self.new = objects(self.cohort)
        verify(self.cohort)

    @property
    def seconds(self) -> float:
        """How long a run takes, lately."""
        return statistics.median(self.times[-UNDISTURBED:])

    def reset(self) -> None:
        """The store as it was before."""
        shutil.rmtree(self.cohort, ignore_errors=True)
        if self.before:
            shutil.copytree(self.before, self.cohort)

    def kill(self, after: float | None = None, at: float | None = None) -> str:
        """Kill one run; returns the state that it left, which must be sound."""
        code, seconds = self.server.run(self.words, after, at)
        assert code in (0, self.again, KILLED), self.server.said.read_text()
        self.check_sound()
        if code == KILLED:
            return self.state()
        self.times.append(seconds)
        return COMPLETE

    def check_sound(self) -> None:
        """What is visible is the old store or the new one, whole; every object is one of theirs."""
        present = {name: content for name, content in objects(self.cohort).items() if name not in self.passing}
        assert present.items() <= (self.old | self.new).items()
        manifests = {name for name in present if name.startswith("manifest/")}
        if manifests:
            genocloud.open_cohort(str(self.cohort))
            verify(self.cohort)
        else:
            assert self.before is None
            assert opens_nothing(self.cohort)

    def state(self) -> str:
        """How far a killed run came."""
        present = objects(self.cohort)
        if present == self.new:
            return "committed"
        made = present.keys() - self.old.keys()
        if self.old.keys() - present.keys() or any(name.startswith("manifest/") for name in made):
            return "committed, not tidied"
        if any(name.endswith("receipt.json") for name in made):
            return "batches"
        return "parts" if made else "nothing"

    def complete(self) -> None:
        """Run it again to its end: the store is then what an undisturbed run makes, to the byte, but for drafts."""
        expected = self.again if without_notes(objects(self.cohort)) == without_notes(self.new) else 0
        code, _ = self.server.run(self.words)
        assert code == expected, self.server.said.read_text()
        assert objects(self.cohort) == self.new
        open_store(str(self.cohort)).sweep(0)
        files = {path.relative_to(self.cohort).as_posix() for path in self.cohort.rglob("*") if path.is_file()}
        assert files == set(self.new)


def objects(cohort: Path) -> Objects:
    """All objects of a store."""
    store = open_store(str(cohort))
    return {name: hashlib.sha256(store.read(name)).hexdigest() for name in store.list()}


def without_notes(present: Objects) -> Objects:
    """Objects without the notes beside versions: a killed run may lack the last, which the next run writes."""
    return {name: content for name, content in present.items() if not name.endswith(".sha256")}


def opens_nothing(cohort: Path) -> bool:
    """Whether there is no cohort."""
    try:
        genocloud.open_cohort(str(cohort))
    except NoCohort:
        return True
    return False


def verify(cohort: Path) -> None:
    """The store's own word that it is sound."""
    said = io.StringIO()
    with redirect_stderr(said):
        code = main(["verify", str(cohort), "--quiet"])
    assert code == 0, said.getvalue()


def kill_often(scene: Scene, kills: int, seed: int) -> Counter[str]:
    """Kill a command at random moments so many times; how often the kills left which state behind.

    Now and then the second attempt is killed too, and the third.
    """
    chance, left = random.Random(seed), Counter[str]()
    while left.total() - left[COMPLETE] < kills:
        scene.reset()
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            left[scene.kill(after=chance.uniform(0, scene.seconds * 1.05))] += 1
        scene.complete()
    return left


def kill_everywhere(scene: Scene, stride: int = 1) -> Counter[str]:
    """Kill a command before and after each time that it syncs or removes something; what the kills left.

    Each object takes a sync of itself and one of its folder, so that this is before and after it takes its name.
    An odd stride leaves out some of these moments, as many before as after.
    """
    left = Counter[str]()
    for half in count(2, stride):
        scene.reset()
        state = scene.kill(at=half / 2)
        if state == COMPLETE:
            return left
        left[state] += 1
        scene.complete()
    raise AssertionError("a command has an end")
