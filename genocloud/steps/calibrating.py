"""The rates of this machine: small invented cohorts through the real steps, once; kept with the day and the machine."""

import logging
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np

from genocloud import cohort
from genocloud.callset import bgzf
from genocloud.callset.index import ContigIndex, Index, index_depth
from genocloud.cohort import Cohort, Stored
from genocloud.genotypes import Model
from genocloud.locations.invented import CONTIG, Invented
from genocloud.locations.rates import Amounts, Rates, fit
from genocloud.regions import Contig
from genocloud.scatter.executors import Scatter, open_scatter
from genocloud.scatter.progress import Progress, Silent
from genocloud.steps.compiling import compile_kernels
from genocloud.steps.discover import discover
from genocloud.steps.export import export
from genocloud.steps.genotype import estimate, genotype
from genocloud.steps.ingest import Storing, even_batch_size, ingest, load_ingest
from genocloud.steps.needs import Weight, discovery_need, need_of
from genocloud.steps.receipts import Receipt, receipt_of
from genocloud.steps.rendering import render
from genocloud.steps.shards import Cut, cut_genome

log = logging.getLogger(__name__)

COHORTS = (
    Invented(2, 20_000),
    Invented(24, 600_000),
    Invented(300, 250_000),
    Invented(600, 60_000, rare=0.025),
)
"""What next to nothing, long files, many of middling length, and very many people with rare variants cost."""

SEED = 20261122

THINGS = {
    "ingest": ("one", "file", "record"),
    "discover": ("one", "observation"),
    "estimate": ("one", "observation", "cell"),
    "estimate kept": ("one", "observation", "cell"),
    "call": ("one", "observation", "cell"),
    "render": ("one", "observation", "cell"),
    "export": ("one", "cell"),
}
"""By what the core-seconds of each step grow; `kept` is what joint leaves out: a summary of each batch, for N+1."""

STORED = {
    "cohort": ("gvcf_byte",),
    "derived": ("observation", "cell"),
    "callset": ("observation", "cell"),
    "VCF": ("observation", "cell"),
}
"""By what the bytes of each thing that is stored grow; what next to nothing takes, mostly headers, is not counted."""


def rates_of_this_machine(folder: Path, progress: Progress, again: bool = False) -> Rates:
    """The rates that a folder keeps for this machine and this genocloud; measured now where it has none."""
    threads = len(os.sched_getaffinity(0))
    file = folder / f"rates-{platform.node()}-{threads}.json"
    try:
        kept = Rates.from_json(file.read_text())
        if kept.version == version("genocloud") and not again:
            return kept
    except (OSError, ValueError, KeyError, TypeError):  # none yet, or none that this genocloud reads
        pass
    log.warning("measuring this machine, once: this may take some minutes; the rates are kept in %s", file)
    compile_kernels(threads, None, progress)
    rates = calibrate(threads, progress)
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(f".{os.getpid()}")
    draft.write_text(rates.to_json())
    draft.replace(file)
    return rates


def calibrate(threads: int, progress: Progress) -> Rates:
    """Measure this machine with so many threads."""
    load_ingest()
    with progress.stage("calibrate", tasks=len(COHORTS), unit="cohort") as stage:
        trials = []
        for invented in COHORTS:
            with tempfile.TemporaryDirectory(prefix="genocloud-rates-") as place:
                trials.append(_Trial.run(invented, Path(place), threads))
            stage.advance(tasks=1)
    costs = {f"seconds {step}": _fitted(trials, "seconds", step, things) for step, things in THINGS.items()}
    costs |= {f"bytes {what}": _fitted(trials[1:], "bytes", what, things) for what, things in STORED.items()}
    costs |= {f"memory {step}": _memory(trials, step) for step in THINGS}
    costs["seconds start"] = {"one": trials[0].start}
    costs["bytes row"] = {"variants": trials[2].row_bytes["variants"], "blocks": trials[2].row_bytes["blocks"]}
    machine = f"{platform.node()}: {threads} cores, {_processor()}"
    return Rates(f"{datetime.now(UTC):%Y-%m-%d}", machine, threads, version("genocloud"), costs)


def _fitted(trials: "list[_Trial]", quantity: str, what: str, things: tuple[str, ...]) -> dict[str, float]:
    return fit([one.amounts for one in trials], [getattr(one, quantity)[what] for one in trials], things)


def _memory(trials: "list[_Trial]", step: str) -> dict[str, float]:
    """What a process has, and the shares (at most all) of what steps.needs tells that it really takes besides."""
    if not any(sum(one.needs[step].values()) for one in trials):
        return {"one": max(one.memory[step] for one in trials)}
    needs = [{"one": 1.0, **one.needs[step]} for one in trials]
    found = fit(needs, [one.memory[step] for one in trials], ("one", "batch", "merged"))
    return {part: share if part == "one" else min(1.0, share) for part, share in found.items()}


@dataclass(frozen=True)
class _Trial:
    """What an invented cohort had, and what it took: by step core-seconds, bytes of memory, and bytes needed."""

    amounts: Amounts
    seconds: dict[str, float]
    memory: dict[str, float]
    needs: dict[str, dict[str, float]]
    bytes: dict[str, float]
    row_bytes: dict[str, float]
    start: float

    @classmethod
    def run(cls, invented: Invented, place: Path, threads: int) -> "_Trial":
        """The cohort written, and its steps done some times over: the least seconds count, others were disturbed."""
        gvcf_bytes = _write(invented, place)
        works = [_Work(place, f"round{number}", invented.people, threads) for number in range(ROUNDS)]
        rounds = [work.receipts() for work in works]
        receipts, work = rounds[0], works[0]
        opened = cohort.open_cohort(work.cohort)
        amounts = {
            "one": 1.0,
            "file": invented.people,
            "record": receipts["ingest"].balance["taken"],
            "observation": receipts["discover"].balance["taken"],
            "cell": receipts["call"].figures["genotypes"],
            "site": receipts["discover"].figures["sites"],
            "gvcf_byte": gvcf_bytes,
        }
        places = {"cohort": "cohort/batches", "derived": "cohort/derived", "callset": "callset", "VCF": "calls.vcf.gz"}
        return cls(
            amounts,
            _seconds({step: min(each[step].cpu_seconds for each in rounds) for step in THINGS}),
            {step: max(each[step].peak_memory_bytes for each in rounds) for step in THINGS},
            _needs_of(opened, amounts, threads),
            {what: _size(work.at / name) for what, name in places.items()},
            _row_bytes(opened),
            _start_seconds(work, receipts["ingest"].cpu_seconds) if invented is COHORTS[0] else 0.0,
        )


ROUNDS = 3


def _seconds(found: dict[str, float]) -> dict[str, float]:
    """Core-seconds by step; those of calling, which were measured with what estimates, without it."""
    calling = {"call": found["call"] - found["estimate kept"], "render": found["render"] - found["estimate"]}
    return found | {step: max(0.0, seconds) for step, seconds in calling.items()}


_RUNS = ("ingest", "discover", "estimate", "render", "call", "estimate kept", "export")
"""In this order each finds what it takes."""


@dataclass(frozen=True)
class _Work:
    """A cohort's steps, as the command line does them; each with a model of its own, so that none finds another's."""

    place: Path
    name: str
    people: int
    threads: int

    @property
    def at(self) -> Path:
        return self.place / self.name

    @property
    def cohort(self) -> str:
        return str(self.at / "cohort")

    def receipts(self) -> dict[str, Receipt]:
        """Do the steps, each in a process of its own, so that its memory is its own."""
        self.at.mkdir()
        return {step: _apart(getattr(self, step.replace(" ", "_"))) for step in _RUNS}

    def ingest(self) -> Receipt:
        storing = Storing(batch_size=even_batch_size(self.people, self.threads))
        with open_scatter(f"processes:{self.threads}") as scatter:
            files = str(self.place / "samples.map"), str(self.place / "reference.fa")
            return ingest(self.cohort, *files, storing, scatter, Silent())

    def discover(self) -> Receipt:
        with self._opened() as (opened, cut, scatter):
            return discover(opened, cut, scatter, Silent())

    def estimate(self) -> Receipt:
        return self._estimate(Model(stand_call_conf=28.0), None)

    def estimate_kept(self) -> Receipt:
        for folder in (self.at / "cohort" / "derived").glob("*/summaries"):
            shutil.rmtree(folder)
        return self._estimate(Model(stand_call_conf=31.0), str(self.at / "other"))

    def _estimate(self, model: Model, callset_url: str | None) -> Receipt:
        with self._opened() as (opened, cut, scatter), receipt_of("estimate") as receipt:
            estimate(opened, model, cut, scatter, Silent(), callset_url)
        return receipt

    def render(self) -> Receipt:
        with self._opened() as (opened, cut, scatter):
            out = str(self.at / "joint.vcf.gz")
            return render(opened, str(self.at / "parts"), out, Model(), cut, scatter, Silent())[1]

    def call(self) -> Receipt:
        model = Model(stand_call_conf=29.0)
        with self._opened() as (opened, cut, scatter):
            return genotype(opened, str(self.at / "callset"), model, cut, scatter, Silent())

    def export(self) -> Receipt:
        with open_scatter(f"threads:{self.threads}") as scatter:
            return export(str(self.at / "callset"), str(self.at / "calls.vcf.gz"), scatter, Silent())

    def _opened(self) -> "_Opening":
        return _Opening(self)


class _Opening:
    """A cohort, its cut, and threads to work in."""

    def __init__(self, work: _Work) -> None:
        self._work = work
        self._scatter = open_scatter(f"threads:{work.threads}")

    def __enter__(self) -> tuple[Cohort, Cut, Scatter]:
        opened = cohort.open_cohort(self._work.cohort)
        return opened, cut_genome(opened), self._scatter.__enter__()

    def __exit__(self, *error: object) -> None:
        self._scatter.__exit__(None, None, None)


def _apart(step: Callable[[], Receipt]) -> Receipt:
    """The receipt of a step done in another process."""
    with open_scatter("processes:1") as scatter:
        (receipt,) = scatter.run(_do, [step], lambda _: None)
    return receipt


def _do(step: Callable[[], Receipt]) -> Receipt:
    return step()


def _write(invented: Invented, place: Path) -> int:
    """Write the cohort's files; bytes of the gVCFs."""
    (place / "reference.fa").write_bytes(invented.reference())
    (place / "reference.fa.fai").write_text(invented.index())
    total, rows = 0, []
    contig = Contig(CONTIG, invented.length)
    for person in invented.gvcfs(np.random.default_rng(SEED)):
        file = place / f"{person.name}.g.vcf.gz"
        blocks = bgzf.compress(person.text)
        total += file.write_bytes(blocks.data + bgzf.END)
        records = ContigIndex(index_depth([contig]))
        records.add(person.begins, person.ends, bgzf.virtual(blocks, person.places))
        index = Index([contig])
        index.follow(CONTIG, records, 0)
        file.with_name(f"{file.name}.tbi").write_bytes(index.encode())
        rows.append(f"{person.name}\t{file}\n")
    (place / "samples.map").write_text("".join(rows))
    return total


def _needs_of(opened: Cohort, amounts: Amounts, threads: int) -> dict[str, dict[str, float]]:
    """Bytes that steps.needs tells for the one shard of a cohort, by step; for ingest the rows of a batch's window."""
    (shard,) = cut_genome(opened).owned
    stored = cohort.stored_rows(opened, shard.region)
    weight = Weight(int(amounts["site"]), int(amounts["observation"]), int(amounts["observation"]))
    ingesting = max(each.variants + each.blocks for each in stored) * INGEST_ROW_BYTES
    found: dict[str, dict[str, float]] = {step: split_need(stored, weight, threads) for step in THINGS}
    found["ingest"] = {"batch": ingesting, "merged": 0.0}
    found["discover"] = {"batch": discovery_need(opened, shard, threads), "merged": 0.0}
    return found | {"export": {"batch": 0.0, "merged": 0.0}}


def split_need(stored: Sequence[Stored], weight: Weight, threads: int) -> dict[str, float]:
    """Bytes that calling a shard takes: of the batches that are worked on at once, and of what these add up to."""
    merged = need_of(stored, weight, weight, 0)
    return {"batch": need_of(stored, weight, weight, min(threads, len(stored))) - merged, "merged": merged}


INGEST_ROW_BYTES = 250
"""A row of a batch's window while it is ingested: with its text, its columns, and these packed (benchmarks A and B)."""


def _row_bytes(opened: Cohort) -> dict[str, float]:
    """Bytes of a decoded row, by kind."""
    parts = [part for batch in opened.batches for part in opened.receipt(batch).parts]
    kinds = {kind: [part for part in parts if part.kind == kind] for kind in ("variants", "blocks")}
    return {
        kind: sum(sum(part.group_bytes) for part in each) / max(1, sum(sum(part.group_rows) for part in each))
        for kind, each in kinds.items()
    }


def _start_seconds(work: _Work, step: float) -> float:
    """Core-seconds that a command takes besides its step, of which an ingest of next to nothing is taken off."""
    code = "from genocloud.cli import run; run()"
    given = [str(work.at / "again"), str(work.place / "samples.map")]
    words = ["ingest", *given, "--reference", str(work.place / "reference.fa"), "-q"]
    with subprocess.Popen([sys.executable, "-c", code, *words], stderr=subprocess.DEVNULL) as child:
        _, _, usage = os.wait4(child.pid, 0)
        child.returncode = 0
    return max(0.1, usage.ru_utime + usage.ru_stime - step)


def _size(place: Path) -> int:
    files = [place] if place.is_file() else [each for each in place.rglob("*") if each.is_file()]
    return sum(file.stat().st_size for file in files)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names: Iterator[str] = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
