"""calibrate: measure this machine's rates with a synthetic cohort through the real steps."""

import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from genocloud.cohort import Cohort, open_cohort
from genocloud.costs.rates import Rates, keep_rates, rates_file
from genocloud.costs.synthetic import SyntheticCohort
from genocloud.genotypes import Model
from genocloud.pipeline.genotyping.row_cache import RowCache
from genocloud.pipeline.genotyping.shard_estimates import estimate_shards
from genocloud.pipeline.genotyping.vcf_shards import render
from genocloud.pipeline.ingestion.batch_storing import even_batch_size, load_ingest
from genocloud.pipeline.kernel_warmup import compile_kernels
from genocloud.pipeline.options import IngestOptions
from genocloud.pipeline.planning.trial_files import write_synthetic
from genocloud.pipeline.planning.trial_rates import in_own_process, rounds_until, scaled_rates
from genocloud.pipeline.receipts import Receipt, receipt_of
from genocloud.pipeline.sharding import ShardPlan, cut_genome
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


def calibrate(folder: Path, *, progress: Progress) -> Rates:
    """Measure this machine for TRIAL_SECONDS and write the rates to a folder."""
    threads = len(os.sched_getaffinity(0))
    compile_kernels(threads, None, progress)
    log.warning("measuring this machine takes about %.0f s; the rates go to %s", TRIAL_SECONDS, rates_file(folder))
    rates = measure(threads, TRIAL_SECONDS, progress)
    keep_rates(rates, folder)
    return rates


def measure(threads: int, seconds: float, progress: Progress) -> Rates:
    """The shipped rates scaled by each step's core-seconds in trials of about `seconds` seconds.

    Rounds are repeated while another one fits into the time.
    """
    begin = time.monotonic()
    load_ingest()
    receipts: dict[str, list[Receipt]] = {}
    with (
        tempfile.TemporaryDirectory(prefix="genocloud-rates-") as name,
        progress.stage("calibrate", tasks=round(seconds), unit="second") as stage,
    ):
        place, shown = Path(name), 0
        write_synthetic(TRIAL, place)
        rounds = rounds_until(
            begin + seconds,
            lambda number: Work(place=place, name=f"round{number}", people=TRIAL.people, threads=threads).receipts(),
        )
        for step, receipt in rounds:
            receipts.setdefault(step, []).append(receipt)
            before, shown = shown, min(round(time.monotonic() - begin), round(seconds))
            stage.advance(tasks=shown - before)
    return scaled_rates(threads, TRIAL, receipts)


RUNS = ("ingest", "discover", "estimate", "render", "call", "estimate kept", "export")
"""In the order in which each one's input is written."""


@dataclass(frozen=True, kw_only=True)
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

    def receipts(self, runs: Sequence[str] = RUNS) -> Iterator[tuple[str, Receipt]]:
        """Run the steps, each in a process of its own to measure its memory."""
        self.at.mkdir()
        for step in runs:
            yield step, in_own_process(getattr(self, step.replace(" ", "_")))

    def ingest(self) -> Receipt:
        options = IngestOptions(batch_size=even_batch_size(self.people, self.threads))
        with open_scatter(f"processes:{self.threads}") as scatter:
            files = str(self.place / "samples.map"), str(self.place / "reference.fa")
            return ingest(self.cohort, *files, options=options, scatter=scatter, progress=Silent())

    def discover(self) -> Receipt:
        with self._cohort() as (cohort, cut, scatter):
            return discover(cohort, cut, scatter=scatter, progress=Silent())

    def estimate(self) -> Receipt:
        return self._estimate(Model(stand_call_conf=28.0), None)

    def estimate_kept(self) -> Receipt:
        for folder in (self.at / "cohort" / "derived").glob("*/*/summed_counts"):
            shutil.rmtree(folder)
        return self._estimate(Model(stand_call_conf=31.0), str(self.at / "other"))

    def _estimate(self, model: Model, url: str | None) -> Receipt:
        with self._cohort() as (cohort, cut, scatter), receipt_of("estimate") as receipt:
            cache, progress = RowCache(), Silent()
            estimate_shards(cohort, model, cut, scatter=scatter, progress=progress, row_cache=cache, callset_url=url)
        return receipt

    def render(self) -> Receipt:
        with self._cohort() as (cohort, cut, scatter):
            out, parts = str(self.at / "joint.vcf.gz"), str(self.at / "parts")
            return render(cohort, out, parts_url=parts, model=Model(), cut=cut, scatter=scatter, progress=Silent())[1]

    def call(self) -> Receipt:
        model = Model(stand_call_conf=29.0)
        with self._cohort() as (cohort, cut, scatter):
            return genotype(cohort, str(self.at / "callset"), model=model, cut=cut, scatter=scatter, progress=Silent())

    def export(self) -> Receipt:
        with open_scatter(f"threads:{self.threads}") as scatter:
            return export(str(self.at / "callset"), str(self.at / "calls.vcf.gz"), scatter=scatter, progress=Silent())

    @contextmanager
    def _cohort(self) -> Iterator[tuple[Cohort, ShardPlan, Scatter]]:
        """The cohort, its shard plan, and an executor of threads."""
        with open_scatter(f"threads:{self.threads}") as scatter:
            cohort = open_cohort(self.cohort)
            yield cohort, cut_genome(cohort), scatter
