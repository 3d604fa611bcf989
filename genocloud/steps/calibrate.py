"""calibrate: measure this machine's rates with a synthetic cohort through the real steps."""

import logging
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import count
from pathlib import Path
from statistics import median

import numpy as np

from genocloud.callset import bgzf
from genocloud.callset.vcf_index import ContigIndex, Index, index_depth
from genocloud.cohort import Cohort, open_cohort
from genocloud.costs.rates import HERE, Rates, default_rates, rates_file
from genocloud.costs.synthetic import CONTIG, SyntheticCohort
from genocloud.genotypes import Model
from genocloud.pipeline.genotyping.shard_estimates import estimate
from genocloud.pipeline.genotyping.vcf_shards import render
from genocloud.pipeline.ingestion.batch_storing import even_batch_size, load_ingest
from genocloud.pipeline.kernel_warmup import compile_kernels
from genocloud.pipeline.options import IngestOptions
from genocloud.pipeline.receipts import Receipt, receipt_of
from genocloud.pipeline.sharding import ShardPlan, cut_genome
from genocloud.regions import Contig
from genocloud.scatter.executors import Scatter, open_scatter
from genocloud.scatter.progress import Progress, Silent
from genocloud.steps.discover import discover
from genocloud.steps.export import export
from genocloud.steps.genotype import genotype
from genocloud.steps.ingest import ingest

log = logging.getLogger(__name__)

TRIAL = SyntheticCohort(200, 200_000)
"""The synthetic cohort: 0.3 million records, enough to time each step, few enough to be written in seconds."""

TRIAL_SECONDS = 60.0
"""The stated duration: no round begins that would end later. On two idle cores a round takes some 20 s, most of it
the start of processes."""

SEED = 20261122


def calibrate(folder: Path, progress: Progress) -> Rates:
    """Measure this machine for TRIAL_SECONDS and write the rates to a folder."""
    threads = len(os.sched_getaffinity(0))
    compile_kernels(threads, None, progress)
    log.warning("measuring this machine takes about %.0f s; the rates go to %s", TRIAL_SECONDS, rates_file(folder))
    rates = measure(threads, TRIAL_SECONDS, progress)
    file = rates_file(folder)
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(f".{os.getpid()}")
    draft.write_text(rates.to_json())
    draft.replace(file)
    return rates


def measure(threads: int, seconds: float, progress: Progress) -> Rates:
    """The shipped rates scaled by each step's core-seconds in trials of about `seconds` seconds.

    Rounds are repeated while another one fits into the time; each step's minimum counts, as longer ones were disturbed.
    Steps without a measurement, and starts, are scaled by the median of the other steps' factors.
    """
    begin, shipped = time.monotonic(), default_rates()
    load_ingest()
    receipts: dict[str, list[Receipt]] = {}
    with (
        tempfile.TemporaryDirectory(prefix="genocloud-rates-") as name,
        progress.stage("calibrate", tasks=round(seconds), unit="second") as stage,
    ):
        write_synthetic(TRIAL, Path(name))
        shown = 0
        for step, receipt in _rounds(Path(name), threads, begin + seconds):
            receipts.setdefault(step, []).append(receipt)
            passed = min(round(time.monotonic() - begin), round(seconds))
            stage.advance(tasks=passed - shown)
            shown = passed
    taken = {step: min(receipt.cpu_seconds for receipt in each) for step, each in receipts.items()}
    amounts = trial_amounts(TRIAL, receipts["ingest"][0], receipts["discover"][0])
    factors = {
        step: took / shipped.of(f"seconds {step}", amounts) for step, took in calling_alone(taken).items() if took
    }
    usual = median(factors.values())
    steps = [quantity.removeprefix("seconds ") for quantity in shipped.costs if quantity.startswith("seconds ")]
    scaled = shipped.scaled({step: factors.get(step, usual) for step in steps})
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    return Rates(day, f"{threads} cores, {processor()}", threads, version("genocloud"), scaled.costs, HERE)


def _rounds(place: Path, threads: int, deadline: float) -> Iterator[tuple[str, Receipt]]:
    """The receipts of the trial's steps, round after round, until another round would not be over at the deadline.

    The first round ends at the deadline, too, but has ingest and discover.
    """
    took = 0.0
    for number in count():
        began = time.monotonic()
        if began + took > deadline:
            return
        for step, receipt in Work(place, f"round{number}", TRIAL.people, threads).receipts():
            yield step, receipt
            if time.monotonic() > deadline and step != "ingest":
                return
        took = time.monotonic() - began


def trial_amounts(synthetic: SyntheticCohort, ingested: Receipt, discovered: Receipt) -> dict[str, float]:
    """A synthetic cohort's amounts of what costs, from the receipts of its first two steps."""
    return {
        "one": 1.0,
        "file": synthetic.people,
        "record": ingested.balance["taken"],
        "observation": discovered.balance["taken"],
        "cell": discovered.figures["sites"] * synthetic.people,
        "site": discovered.figures["sites"],
    }


def calling_alone(seconds: Mapping[str, float]) -> dict[str, float]:
    """Core-seconds by step, with estimation subtracted from calling, which was measured with it; 0 where estimation
    was not measured."""
    before = {"call": "estimate kept", "render": "estimate"}
    alone = {
        step: max(0.0, seconds[step] - seconds[first]) if first in seconds else 0.0
        for step, first in before.items()
        if step in seconds
    }
    return {**seconds, **alone}


RUNS = ("ingest", "discover", "estimate", "render", "call", "estimate kept", "export")
"""In the order in which each one's input is written."""


@dataclass(frozen=True)
class Work:
    """A cohort's steps, as the command line runs them; each with its own model, so that none reuses tables."""

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

    def receipts(self) -> Iterator[tuple[str, Receipt]]:
        """Run the steps, each in a process of its own to measure its memory."""
        self.at.mkdir()
        for step in RUNS:
            yield step, _apart(getattr(self, step.replace(" ", "_")))

    def ingest(self) -> Receipt:
        storing = IngestOptions(batch_size=even_batch_size(self.people, self.threads))
        with open_scatter(f"processes:{self.threads}") as scatter:
            files = str(self.place / "samples.map"), str(self.place / "reference.fa")
            return ingest(self.cohort, *files, storing, scatter, Silent())

    def discover(self) -> Receipt:
        with self._cohort() as (cohort, cut, scatter):
            return discover(cohort, cut, scatter, Silent())

    def estimate(self) -> Receipt:
        return self._estimate(Model(stand_call_conf=28.0), None)

    def estimate_kept(self) -> Receipt:
        for folder in (self.at / "cohort" / "derived").glob("*/summaries"):
            shutil.rmtree(folder)
        return self._estimate(Model(stand_call_conf=31.0), str(self.at / "other"))

    def _estimate(self, model: Model, callset_url: str | None) -> Receipt:
        with self._cohort() as (cohort, cut, scatter), receipt_of("estimate") as receipt:
            estimate(cohort, model, cut, scatter, Silent(), callset_url)
        return receipt

    def render(self) -> Receipt:
        with self._cohort() as (cohort, cut, scatter):
            out = str(self.at / "joint.vcf.gz")
            return render(cohort, str(self.at / "parts"), out, Model(), cut, scatter, Silent())[1]

    def call(self) -> Receipt:
        model = Model(stand_call_conf=29.0)
        with self._cohort() as (cohort, cut, scatter):
            return genotype(cohort, str(self.at / "callset"), model, cut, scatter, Silent())

    def export(self) -> Receipt:
        with open_scatter(f"threads:{self.threads}") as scatter:
            return export(str(self.at / "callset"), str(self.at / "calls.vcf.gz"), scatter, Silent())

    @contextmanager
    def _cohort(self) -> Iterator[tuple[Cohort, ShardPlan, Scatter]]:
        """The cohort, its shard plan, and an executor of threads."""
        with open_scatter(f"threads:{self.threads}") as scatter:
            cohort = open_cohort(self.cohort)
            yield cohort, cut_genome(cohort), scatter


def _apart(step: Callable[[], Receipt]) -> Receipt:
    """The receipt of a step run in another process."""
    with open_scatter("processes:1") as scatter:
        (receipt,) = scatter.run(_do, [step], lambda _: None)
    return receipt


def _do(step: Callable[[], Receipt]) -> Receipt:
    return step()


def write_synthetic(synthetic: SyntheticCohort, place: Path) -> int:
    """Write the cohort's files; bytes of the gVCFs."""
    (place / "reference.fa").write_bytes(synthetic.reference())
    (place / "reference.fa.fai").write_text(synthetic.index())
    total, rows = 0, []
    contig = Contig(CONTIG, synthetic.length)
    for person in synthetic.gvcfs(np.random.default_rng(SEED)):
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


def processor() -> str:
    """The processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names: Iterator[str] = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
