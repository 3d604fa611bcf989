"""The rates that come with genocloud: invented cohorts through the real steps, and what starts take.

usage: python -m tests.benchmarks.bench_rates [--bytes] > RATES.yaml; mv RATES.yaml genocloud/costs/default_rates.yaml

Run it on an idle machine, of the kind that the file then names: nine cohorts, two rounds of each step, and the least
seconds count, as others were disturbed. Takes about ten minutes. With --bytes only the bytes that are stored are
measured, for which any machine will do; the rest are the rates as they are.
"""

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from itertools import combinations
from pathlib import Path

import numpy as np
import yaml

from genocloud import cohort, pipeline, steps
from genocloud.cohort import Cohort
from genocloud.costs.rates import Amounts
from genocloud.costs.synthetic import SyntheticCohort
from genocloud.pipeline.kernel_warmup import compile_kernels
from genocloud.pipeline.memory_model import SiteCounts, discovery_need
from genocloud.pipeline.planning.task_memory import INGEST_ROW_BYTES, split_need
from genocloud.pipeline.planning.trial_files import write_synthetic
from genocloud.pipeline.planning.trial_rates import calling_alone, processor, trial_amounts
from genocloud.pipeline.receipts import Receipt, receipt_of
from genocloud.pipeline.sharding import cut_genome
from genocloud.qc import fingerprints, kinship
from genocloud.qc.packed_genotypes import PER_BYTE
from genocloud.scatter.executors import open_scatter
from genocloud.scatter.progress import Silent
from genocloud.steps import QcOptions, ScreenOptions
from genocloud.steps.calibrate import RUNS, Work
from tests.benchmarks.costs import cost_of, genocloud
from tests.benchmarks.scale_cohort import ScaleCohort

COHORTS = (
    SyntheticCohort(2, 20_000),
    SyntheticCohort(24, 600_000),
    SyntheticCohort(300, 250_000),
    SyntheticCohort(600, 60_000, rare=0.025),
)
"""What next to nothing, long files, many of middling length, and very many people with rare variants cost."""

SCALES = (
    (1_000, 150_000, 200),
    (2_000, 12_000, 200),
    (10_000, 4_000, 200),
    (10_000, 60_000, 200),
    (10_000, 40_000, 1_000),
)
"""People, bases and people of a batch of cohorts that are stored without gVCFs: all steps but ingest."""

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 2

CHECKS = ("screen", "filter", "filter genotypes", "qc")
"""Of the callset that the steps before made; not of cohorts whose callset says nothing of frequencies."""
FEWEST_PEOPLE = 100

FINGERPRINT_SITES, SET_SITES, PAIRED_PEOPLE = 10_000, 25_000, 1_024
"""Sites at which each two people are compared in whole genomes, and people of the two blocks that are timed."""

CALLING = ("one", "segment", "segment_site", "observation", "block", "cell")
THINGS = {
    "ingest": ("one", "file", "record"),
    "discover": ("one", "segment", "observation"),
    "estimate": CALLING,
    "estimate kept": CALLING,
    "call": CALLING,
    "render": CALLING,
    "export": ("one", "segment", "cell"),
    "screen": ("one", "file", "segment", "record", "pair"),
    "filter": ("one", "site"),
    "filter genotypes": ("one", "segment", "block", "site"),
    "qc": ("one", "file", "segment", "block", "site", "pair"),
}
"""By what the core-seconds of each step grow; `kept` is what joint leaves out: the sum of all summaries, for N+1."""

STORED = {
    "cohort": ("gvcf_byte",),
    "derived": ("segment", "site", "observation", "block"),
    "callset": CALLING[1:],
    "VCF": ("observation", "cell"),
}
"""By what the bytes of each thing that is stored grow; what next to nothing takes, mostly headers, is not counted."""


@dataclass(frozen=True)
class Trial:
    """What an invented cohort had, and what it took: by step core-seconds, bytes of memory, and bytes needed."""

    amounts: Amounts
    seconds: dict[str, float]
    memory: dict[str, float]
    needs: dict[str, dict[str, float]]
    row_bytes: dict[str, float]

    @classmethod
    def of(cls, works: Sequence[Work], unmeasured: tuple[str, ...]) -> "Trial":
        """All steps of a cohort but some, done some times over."""
        runs = [step for step in (*RUNS, *CHECKS) if step == "ingest" or step not in unmeasured]
        rounds = [dict(work.receipts(runs)) for work in works]
        work, receipts = works[0], rounds[0]
        stored_cohort = cohort.open_cohort(work.cohort)
        amounts = _amounts(work, receipts)
        steps = [step for step in THINGS if step not in unmeasured]
        return cls(
            amounts,
            calling_alone({step: min(each[step].cpu_seconds for each in rounds) for step in steps}),
            {step: max(each[step].peak_memory_bytes for each in rounds) for step in steps},
            _needs_of(stored_cohort, amounts, work.threads),
            _row_bytes(stored_cohort),
        )


@dataclass(frozen=True)
class Stored:
    """What an invented cohort had, and the bytes of each thing that a run of one model stores."""

    amounts: Amounts
    bytes: dict[str, float]

    @classmethod
    def of(cls, work: Work, further: Amounts, unmeasured: tuple[str, ...]) -> "Stored":
        """Of a cohort of which nothing is done yet."""
        receipts = dict(work.receipts(("ingest", "discover", "call", "export")))
        places = {"cohort": "cohort/batches", "derived": "cohort/derived", "callset": "callset", "VCF": "calls.vcf.gz"}
        sizes = {what: float(_size(work.at / name)) for what, name in places.items() if what not in unmeasured}
        return cls({**_amounts(work, receipts), **further}, sizes)


def _amounts(work: Work, receipts: Mapping[str, Receipt]) -> Amounts:
    batches = len(cohort.open_cohort(work.cohort).batches)
    return trial_amounts(work.people, batches, receipts["ingest"], receipts["discover"])


@dataclass(frozen=True, kw_only=True)
class CheckedWork(Work):
    """The steps, and what is checked of cohort and callset; what the checks leave behind is deleted.

    Without components, which take seconds of whole genomes too, but among fewer than 2,000 people grow with their cube.
    """

    def screen(self) -> Receipt:
        options = ScreenOptions(frequencies_url=str(self.at / "callset"))
        with open_scatter(f"threads:{self.threads}") as scatter:
            out = str(self.at / "screen")
            receipt = steps.screen(self.cohort, out, options=options, scatter=scatter, progress=Silent())
        for folder in (self.at / "cohort" / "derived").glob("*/screen-*"):
            shutil.rmtree(folder)
        return receipt

    def filter(self) -> Receipt:
        return self._filter("hard")

    def filter_genotypes(self) -> Receipt:
        return self._filter("gvs", "gnomad")

    def _filter(self, *presets: str) -> Receipt:
        url, options = str(self.at / "callset"), pipeline.FilterOptions(presets=presets)
        with open_scatter(f"threads:{self.threads}") as scatter:
            receipt = steps.filter_callset(url, options=options, scatter=scatter, progress=Silent())
        shutil.rmtree(self.at / "callset" / "filters")
        (self.at / "callset" / "manifest" / "filters.json").unlink()
        return receipt

    def qc(self) -> Receipt:
        with open_scatter(f"threads:{self.threads}") as scatter:
            url, out = str(self.at / "callset"), str(self.at / "qc")
            return steps.qc(url, out, options=QcOptions(components=0), scatter=scatter, progress=Silent())


@dataclass(frozen=True, kw_only=True)
class StoredWork(CheckedWork):
    """The steps of a cohort whose rows are stored without gVCFs."""

    length: int
    batch_size: int

    def ingest(self) -> Receipt:
        with open_scatter(f"processes:{self.threads}") as scatter, receipt_of("ingest") as receipt:
            stored = ScaleCohort(self.length).write(self.cohort, self.people, scatter, self.batch_size)
            records = sum(stored.receipt(batch).read for batch in stored.batches)
            receipt.balanced("records", records, records, {})
        return receipt


def _needs_of(stored_cohort: Cohort, amounts: Amounts, threads: int) -> dict[str, dict[str, float]]:
    """Bytes that steps.needs tells for the one shard of a cohort, by step; for ingest the rows of a batch's window."""
    (shard,) = cut_genome(stored_cohort).owned
    stored = cohort.stored_rows(stored_cohort, shard.region)
    weight = SiteCounts(int(amounts["site"]), int(amounts["observation"]), int(amounts["observation"]))
    ingesting = max(each.variants + each.blocks for each in stored) * INGEST_ROW_BYTES
    measured: dict[str, dict[str, float]] = {step: split_need(stored, weight, threads) for step in THINGS}
    measured["ingest"] = {"batch": ingesting, "merged": 0.0}
    measured["discover"] = {"batch": discovery_need(stored_cohort, shard, threads), "merged": 0.0}
    return measured | {step: {"batch": 0.0, "merged": 0.0} for step in ("export", *CHECKS)}


def _row_bytes(stored_cohort: Cohort) -> dict[str, float]:
    """Bytes of a decoded row, by kind."""
    parts = [part for batch in stored_cohort.batches for part in stored_cohort.receipt(batch).parts]
    kinds = {kind: [part for part in parts if part.kind == kind] for kind in ("variants", "blocks")}
    return {
        kind: sum(sum(part.group_bytes) for part in each) / max(1, sum(sum(part.group_rows) for part in each))
        for kind, each in kinds.items()
    }


def _size(place: Path) -> int:
    files = [place] if place.is_file() else [each for each in place.rglob("*") if each.is_file()]
    return sum(file.stat().st_size for file in files)


def fitted(trials: Sequence[Trial | Stored], quantity: str, what: str, things: tuple[str, ...]) -> dict[str, float]:
    """The costs by the trials in which the quantity was measured."""
    pairs = [(one.amounts, getattr(one, quantity)[what]) for one in trials if what in getattr(one, quantity)]
    return fit([amounts for amounts, _ in pairs], [measured for _, measured in pairs], things)


def fit(amounts: Sequence[Amounts], measured: Sequence[float], things: Sequence[str]) -> dict[str, float]:
    """What a unit of each thing costs, none less than nothing, so that what was found is met best, relatively.

    Things are few: all subsets of them are tried, each by least squares.
    """
    rows = np.array([[each[thing] for thing in things] for each in amounts], float)
    target = np.maximum(np.array(measured, float), 1e-9)
    scaled = rows / target[:, None]
    best, least = dict.fromkeys(things, 0.0), float("inf")
    for size in range(1, len(things) + 1):
        for chosen in combinations(range(len(things)), size):
            part = scaled[:, chosen]
            costs = np.linalg.lstsq(part, np.ones(len(target)), rcond=None)[0]
            error = float(((part @ costs - 1) ** 2).sum())
            if (costs >= 0).all() and error < least - 1e-9:
                costs_by_thing = dict(zip((things[place] for place in chosen), costs.tolist(), strict=True))
                best, least = dict.fromkeys(things, 0.0) | costs_by_thing, error
    return best


def memory_of(trials: Sequence[Trial], step: str) -> dict[str, float]:
    """What a process has, and the shares (at most all) of what steps.needs says that it really takes besides."""
    trials = [one for one in trials if step in one.memory]
    if not any(sum(one.needs[step].values()) for one in trials):
        return {"one": max(one.memory[step] for one in trials)}
    needs = [{"one": 1.0, **one.needs[step]} for one in trials]
    costs = fit(needs, [one.memory[step] for one in trials], ("one", "batch", "merged"))
    return {part: share if part == "one" else min(1.0, share) for part, share in costs.items()}


def pair_seconds() -> dict[str, float]:
    """Core-seconds that screen and qc take to compare two people, at as many sites as whole genomes have."""
    chance, people = np.random.default_rng(1), PAIRED_PEOPLE
    codes = chance.choice(4, (2 * people, SET_SITES), p=(0.4, 0.4, 0.195, 0.005)).astype(np.uint8)
    packed = np.bitwise_or.reduce([codes[place::PER_BYTE].T << 2 * place for place in range(PER_BYTE)])
    _, blocks, _ = kinship.block_pairs(packed, 2 * people, kinship.CUTOFFS["third degree"])
    halves = codes[:people, :FINGERPRINT_SITES], codes[people:, :FINGERPRINT_SITES]
    works: dict[str, Callable[[], object]] = {
        "screen": partial(fingerprints.count_pairs, *halves),
        "qc": partial(kinship.count_pairs, blocks),
    }
    return {step: min(_core_seconds(work) for _ in range(ROUNDS)) / people**2 for step, work in works.items()}


def _core_seconds(work: Callable[[], object]) -> float:
    begin = time.process_time()
    work()
    return time.process_time() - begin


CLUSTER = """
from genocloud.qc import fingerprints, kinship
from genocloud.qc.packed_genotypes import PER_BYTE
from genocloud.scatter.executors import open_scatter
if __name__ == "__main__":
    with open_scatter("local:processes=1,threads=2,memory=1GB") as scatter:
        scatter.run(abs, [1], lambda _: None)
"""
SNAKEFILE = """
rule all:
    input: [f"{number}.txt" for number in range(JOBS)]
rule one:
    output: "{number}.txt"
    shell: "touch {output}"
"""
JOBS = 20


def starts(place: Path, callset: Path) -> dict[str, float]:
    """Core-seconds that Snakemake, one of its jobs, a command of genocloud and a Dask cluster take to start.

    Snakemake as a dry run of the demo does; a command as an export of next to nothing, less what its receipt says.
    """

    def least(*words: str) -> float:
        return min(cost_of([sys.executable, *words], False).cpu_seconds for _ in range(ROUNDS))

    def snakemake(jobs: int) -> float:
        folder = place / str(jobs)
        folder.mkdir()
        (folder / "Snakefile").write_text(f"JOBS = {jobs}\n{SNAKEFILE}")
        where = ["--directory", str(folder), "--snakefile", str(folder / "Snakefile"), "--cores", "1", "--forceall"]
        return least("-m", "snakemake", *where)

    def export() -> float:
        words = genocloud("export", callset, place / "calls.vcf.gz", "-q", "--receipt", place / "export.json")
        cost = cost_of(words, False).cpu_seconds
        return cost - float(json.loads((place / "export.json").read_text())["cpu_seconds"])

    (place / "cluster.py").write_text(CLUSTER)
    (place / "demo").mkdir()
    (place / "demo" / "test_data").symlink_to(ROOT / "test_data")
    where = ["--directory", str(place / "demo"), "--snakefile", str(ROOT / "Snakefile"), "--cores", "1"]
    run = least("-m", "snakemake", *where, "--configfile", str(ROOT / "config.yaml"), "--dry-run")
    cluster = least(str(place / "cluster.py")) - least("-c", "import genocloud.scatter.executors")
    job = max(0.0, snakemake(1 + JOBS) - snakemake(1)) / JOBS
    return {"run": run, "job": job, "command": min(export() for _ in range(ROUNDS)), "cluster": cluster}


@dataclass(frozen=True)
class Invented:
    """An invented cohort: the work in each round by its name, what trials leave out, and what else it has."""

    work: Callable[[str], Work]
    unmeasured: tuple[str, ...]
    further: Amounts

    def trial(self) -> Trial:
        """All steps, some times over."""
        return Trial.of([self.work(f"round{number}") for number in range(ROUNDS)], self.unmeasured)

    def stored(self) -> Stored:
        """What is stored of it."""
        return Stored.of(self.work("stored"), self.further, self.unmeasured)


def invented_cohorts(folder: Path) -> Iterator[Invented]:
    """Cohorts of gVCFs, which are written, then those that are stored without."""
    threads = len(os.sched_getaffinity(0))
    for number, synthetic in enumerate(COHORTS):
        place = folder / f"cohort{number}"
        place.mkdir()
        has_common = synthetic.people >= FEWEST_PEOPLE and not synthetic.rare
        yield Invented(
            partial(_work_on_gvcfs, place, synthetic.people, threads),
            () if has_common else CHECKS,
            {"gvcf_byte": write_synthetic(synthetic, place)},
        )
    for scale in SCALES:
        place = folder / "-".join(map(str, scale))
        place.mkdir()
        yield Invented(partial(_work_on_rows, place, *scale, threads), ("ingest", "cohort"), {})


def _work_on_gvcfs(place: Path, people: int, threads: int, name: str) -> Work:
    return CheckedWork(place=place, name=name, people=people, threads=threads)


def _work_on_rows(place: Path, people: int, length: int, batch_size: int, threads: int, name: str) -> Work:
    return StoredWork(place=place, name=name, people=people, threads=threads, length=length, batch_size=batch_size)


def measured_costs(trials: Sequence[Trial], folder: Path) -> dict[str, dict[str, float]]:
    """Core-seconds, memory and bytes of rows."""
    costs = {f"seconds {step}": fitted(trials, "seconds", step, things) for step, things in THINGS.items()}
    for step, seconds in pair_seconds().items():
        costs[f"seconds {step}"]["pair"] = seconds
    costs |= {f"memory {step}": memory_of(trials, step) for step in THINGS}
    costs["seconds start"] = starts(folder, folder / "cohort0/round0/callset")
    return costs | {"bytes row": trials[2].row_bytes}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bytes", action="store_true", help="measure only what is stored")
    only_bytes, threads = parser.parse_args().bytes, len(os.sched_getaffinity(0))
    compile_kernels(threads, None, Silent())
    rates = yaml.safe_load(DEFAULT_RATES.read_text())
    with tempfile.TemporaryDirectory() as name:
        trials, stored = [], []
        for invented in invented_cohorts(Path(name)):
            stored.append(invented.stored())
            if not only_bytes:
                trials.append(invented.trial())
        costs = {f"bytes {what}": fitted(stored[1:], "bytes", what, things) for what, things in STORED.items()}
        if not only_bytes:
            costs |= measured_costs(trials, Path(name))
            rates |= {
                "measured": f"{datetime.now(UTC):%Y-%m-%d}",
                "machine": f"{threads} cores, {processor()}, {platform.system()}",
                "cores": threads,
                "version": version("genocloud"),
            }
    rounded = {name: {thing: float(f"{cost:.3g}") for thing, cost in each.items()} for name, each in costs.items()}
    rates["costs"] |= rounded
    print(HEAD + yaml.safe_dump(rates, sort_keys=False), end="")


DEFAULT_RATES = ROOT / "genocloud/costs/default_rates.yaml"

HEAD = """\
# The rates by which genocloud plan counts on machines that were not measured (genocloud plan --calibrate), made by
#   python -m tests.benchmarks.bench_rates > RATES.yaml; mv RATES.yaml genocloud/costs/default_rates.yaml
# Measured: cohorts of 2, 24, 300 and 600 invented people (20 kb, 600 kb, 250 kb, 60 kb) through the real steps, and of
# 1,000 (150 kb), 2,000 (12 kb) and 10,000 (4 kb, 60 kb; 40 kb in batches of 1,000) stored without gVCFs, twice,
# of which the least core-seconds count; starts of Snakemake, of its jobs, of commands and of a Dask cluster.
# costs: what one of each thing adds: `seconds` core-seconds, `memory` bytes of the largest process, `bytes` stored.
# A `job` is one on this machine; on a cluster each job starts a Snakemake of its own, as a `run` does.
"""

if __name__ == "__main__":
    main()
