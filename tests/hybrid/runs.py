"""Runs over two sites, what crossed in them, and what one site makes of the same samples."""

import gzip
import json
import random
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.hybrid.places import PROGRAM, Place, Places

POLICIES = "stays", "summaries", "may_leave"
Records = list[tuple[Any, ...]]


@dataclass(frozen=True)
class Split:
    """Who lies where: gVCFs of the hospital, which comes first, and of the cloud."""

    hospital: Sequence[Path]
    cloud: Sequence[Path]
    reference: Path

    @classmethod
    def of(cls, folder: Path, reference: Path) -> "Split":
        """A folder's gVCFs, two thirds in the hospital."""
        gvcfs = sorted(folder.glob("*.g.vcf.gz"))
        cut = len(gvcfs) * 2 // 3
        return cls(gvcfs[:cut], gvcfs[cut:], reference)

    @property
    def cloud_bytes(self) -> int:
        """What it would take to bring the cloud's gVCFs over."""
        return sum(gvcf.stat().st_size for gvcf in self.cloud)

    def rows(self, hospital: str, cloud: str) -> Iterator[str]:
        for place, gvcfs in ((hospital, self.hospital), (cloud, self.cloud)):
            for gvcf in gvcfs:
                yield f"{gvcf.name.partition('.')[0]}\t{gvcf}\t{place}\n"


@dataclass(frozen=True)
class Outcome:
    """A run: seconds; bytes of messages, and of all else that crossed; what the receipt tells of it."""

    seconds: float
    payload: int
    control: int
    figures: dict[str, Any]


def run(places: Places, split: Split, policy: str, folder: Path, **settings: Any) -> Outcome:
    """A run over both sites, from empty stores."""
    finish = begin(places, split, policy, folder, **settings)
    return finish()


def begin(
    places: Places, split: Split, policy: str, folder: Path, words: Sequence[str] = (), **settings: Any
) -> Callable[[], Outcome]:
    """Start a run, into stores named after the folder; what is returned waits for its end."""
    folder.mkdir(parents=True)
    sheet, config, receipt = folder / "samples.tsv", folder / "config.yaml", folder / "receipt.json"
    sheet.write_text("".join(["sample\tgvcf\tsite\n", *split.rows("hospital", "cloud")]))
    sites = {
        place.name: {"store": store(place, folder), "workers": place.workers, "policy": policy} for place in places.all
    }
    content = {"samples": str(sheet), "reference": str(split.reference), "sites": sites, "coordinator": "hospital"}
    config.write_text(yaml.safe_dump(content | settings, sort_keys=False))
    before, start = places.hospital.crossed(), time.monotonic()
    log = f"hybrid-{folder.name}"
    process = places.hospital.run([*PROGRAM, "hybrid", str(config), "--receipt", str(receipt), *words], log)

    def finish() -> Outcome:
        code = process.wait()
        seconds = time.monotonic() - start
        assert code == 0, places.hospital.said(log)
        made = json.loads(receipt.read_text())["figures"]
        payload = sum(each["bytes"] for each in made["crossings"])
        return Outcome(seconds, payload, places.hospital.crossed() - before - payload, made)

    return finish


def store(place: Place, folder: Path) -> str:
    """The store of a run at a site."""
    return f"{place.store}/{folder.name}"


def exported(places: Places, folder: Path, policy: str) -> Records:
    """The records of a run's callset: one file where all may leave, else each site's own samples, side by side."""
    if policy == "may_leave":
        out = folder / "all.vcf.gz"
        places.hospital.genocloud("export", f"{store(places.hospital, folder)}/callset", str(out), log="export")
        return records(out)
    parts = []
    for place in places.all:
        out = folder / f"{place.name}.vcf.gz"
        words = "export", f"{store(place, folder)}/callset", str(out), "--site", place.name
        place.genocloud(*words, log="export")
        parts.append(records(out))
    return beside(*parts)


def at_one_site(split: Split, folder: Path, *words: str) -> Records:
    """The records of a run over one site, with the samples in the same order; with more words of `joint`."""
    folder.mkdir(parents=True)
    sheet, out = folder / "samples.tsv", folder / "one.vcf.gz"
    sheet.write_text("".join(["sample\tgvcf\tbatch\n", *split.rows("1", "2")]))
    own = "joint", str(sheet), "--reference", str(split.reference), "-o", str(out), "--quiet"
    subprocess.run([*PROGRAM, *own, *words], check=True, capture_output=True)
    return records(out)


def records(path: Path) -> Records:
    """A VCF's decoded records: the fixed columns, then of each sample its fields; first the samples' names."""
    with gzip.open(path, "rt") as file:
        lines = [line.rstrip("\n").split("\t") for line in file if not line.startswith("##")]
    return [("samples", *lines[0][9:]), *map(_record, lines[1:])]


def _record(fields: list[str]) -> tuple[Any, ...]:
    names = fields[8].split(":")
    samples = (dict(zip(names, sample.split(":"), strict=False)) for sample in fields[9:])
    return tuple(fields[:8]), *(
        tuple(sorted(kv for kv in content.items() if set(kv[1]) - set(".,"))) for content in samples
    )


def beside(first: Records, second: Records) -> Records:
    """Two sites' records as one's. Their fixed columns are the same."""
    assert [row[0] for row in first] == [row[0] for row in second]
    return [(*one, *other[1:]) for one, other in zip(first, second, strict=True)]


@contextmanager
def killing(places: Places, kills: int, between: float, seed: int = 1) -> Iterator[list[str]]:
    """Kill so many workers, of either site, at random moments; yields where, as it goes."""
    chance, ended = random.Random(seed), threading.Event()
    where: list[str] = []

    def kill() -> None:
        while len(where) < kills and not ended.wait(chance.uniform(0, 2 * between)):
            place = chance.choice(places.all)
            if place.kill_a_worker(chance):
                where.append(place.name)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield where
    finally:
        ended.set()
        thread.join()


def forget(places: Places, folder: Path) -> None:
    """Remove a run's stores; the cloud's bucket is a folder here."""
    shutil.rmtree(store(places.hospital, folder), ignore_errors=True)
    shutil.rmtree(places.cloud.folder / "bucket" / places.cloud.store.removeprefix("gs://") / folder.name, True)
