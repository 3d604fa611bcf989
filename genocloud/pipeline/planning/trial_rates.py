"""Rates from the receipts of trials: rounds of steps until a deadline, and core-seconds by step."""

import math
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import count
from pathlib import Path
from statistics import median

from genocloud.costs.model import blocks_at_sites
from genocloud.costs.rates import HERE, Rates, default_rates
from genocloud.costs.synthetic import SyntheticCohort
from genocloud.pipeline.ingestion.batch_storing import even_batch_size
from genocloud.pipeline.receipts import Receipt
from genocloud.scatter.executors import open_scatter

Round = Iterator[tuple[str, Receipt]]
"""Steps that run one after the other, each with its receipt."""


def rounds_until(deadline: float, begin_round: Callable[[int], Round]) -> Round:
    """The receipts of the trial's steps, round after round, until another round would not be over at the deadline.

    The deadline is one of `time.monotonic`. The first round ends at the deadline, too, but has ingest and discover.
    """
    took = 0.0
    for number in count():
        began = time.monotonic()
        if began + took > deadline:
            return
        for step, receipt in begin_round(number):
            yield step, receipt
            if time.monotonic() > deadline and step != "ingest":
                return
        took = time.monotonic() - began


def in_own_process(step: Callable[[], Receipt]) -> Receipt:
    """The receipt of a step run in another process."""
    with open_scatter("processes:1") as scatter:
        (receipt,) = scatter.run(_run, [step], lambda _: None)
    return receipt


def _run(step: Callable[[], Receipt]) -> Receipt:
    return step()


def scaled_rates(threads: int, trial: SyntheticCohort, receipts: Mapping[str, Sequence[Receipt]]) -> Rates:
    """The shipped rates scaled by each step's core-seconds in its trials, of which the fastest counts.

    Steps without a measurement, and starts, are scaled by the median of the other steps' factors.
    """
    shipped = default_rates()
    taken = {step: min(receipt.cpu_seconds for receipt in each) for step, each in receipts.items()}
    batches = math.ceil(trial.people / even_batch_size(trial.people, threads))
    amounts = trial_amounts(trial.people, batches, receipts["ingest"][0], receipts["discover"][0])
    factors = {
        step: took / shipped.of(f"seconds {step}", amounts) for step, took in calling_alone(taken).items() if took
    }
    usual = median(factors.values())
    steps = [quantity.removeprefix("seconds ") for quantity in shipped.costs if quantity.startswith("seconds ")]
    scaled = shipped.scaled({step: factors.get(step, usual) for step in steps})
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    return Rates(
        measured=day,
        machine=f"{threads} cores, {processor()}",
        cores=threads,
        version=version("genocloud"),
        costs=scaled.costs,
        origin=HERE,
    )


def trial_amounts(people: int, batches: int, ingested: Receipt, discovered: Receipt) -> dict[str, float]:
    """The amounts of what costs of an invented cohort of one shard, from the receipts of its first two steps."""
    records, observations = ingested.balance["taken"], discovered.balance["taken"]
    cells = discovered.figures["sites"] * people
    return {
        "one": 1.0,
        "file": people,
        "record": records,
        "observation": observations,
        "block": blocks_at_sites(max(0.0, records - observations), cells),
        "cell": cells,
        "segment": batches,
        "segment_site": discovered.figures["sites"] * batches,
        "site": discovered.figures["sites"],
        "pair": people * (people - 1) / 2,
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


def processor() -> str:
    """The processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names: Iterator[str] = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())
