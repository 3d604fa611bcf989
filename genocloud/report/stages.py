"""Receipts grouped by step: what flowed through, what it cost, what it was made from."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

ORDER = ("inputs", "call", "ingest", "screen", "discover", "genotype", "hybrid", "export", "report")
"""The steps in flow order; others come after, by name."""

OUTSIDE = "bad record outside the intervals"

Receipts = Mapping[str, Mapping[str, Any]]
"""Receipts by their file's name, as parsed from JSON."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One receipt's costs."""

    name: str
    seconds: float
    cpu_seconds: float
    peak_memory_bytes: int


@dataclass(frozen=True, kw_only=True, slots=True)
class StepReceipts:
    """All receipts of one step.

    `inputs` are names with checksums. `taken`, `passed_on` and `dropped` (by reason) are sums in `unit`; None and empty
    where receipts hold no balance.
    """

    step: str
    runs: tuple[Run, ...]
    versions: tuple[str, ...]
    inputs: tuple[tuple[str, str], ...]
    unit: str
    taken: int | None
    passed_on: int | None
    dropped: dict[str, int]

    @property
    def seconds(self) -> float:
        """Seconds of all runs one after another; runs side by side took less."""
        return sum(run.seconds for run in self.runs)

    @property
    def cpu_seconds(self) -> float:
        """Processor seconds of all runs."""
        return sum(run.cpu_seconds for run in self.runs)

    @property
    def peak_memory_bytes(self) -> int:
        """The largest peak of any run."""
        return max(run.peak_memory_bytes for run in self.runs)

    @property
    def balanced(self) -> bool:
        """Whether nothing was lost or made up: taken = passed_on + dropped; true without a balance."""
        return self.taken is None or self.taken == (self.passed_on or 0) + sum(self.dropped.values())


def group_receipts(receipts: Receipts) -> tuple[StepReceipts, ...]:
    """The receipts by step, in flow order; within a step by name."""
    steps: dict[str, dict[str, Mapping[str, Any]]] = {}
    for name in sorted(receipts):
        steps.setdefault(str(receipts[name].get("step", name)), {})[name] = receipts[name]
    return tuple(_stage(step, steps[step]) for step in sorted(steps, key=_place))


def _place(step: str) -> tuple[int, str]:
    return (ORDER.index(step) if step in ORDER else len(ORDER), step)


def _stage(step: str, receipts: Receipts) -> StepReceipts:
    balances = [receipt["balance"] for receipt in receipts.values() if receipt.get("balance")]
    dropped = Counter[str]()
    for balance in balances:
        dropped.update(balance.get("dropped", {}))
    return StepReceipts(
        step=step,
        runs=tuple(_run(name, receipt) for name, receipt in receipts.items()),
        versions=tuple(sorted({str(receipt.get("version", "unknown")) for receipt in receipts.values()})),
        inputs=tuple(sorted({pair for receipt in receipts.values() for pair in receipt.get("inputs", {}).items()})),
        unit=next((str(balance["unit"]) for balance in balances if "unit" in balance), ""),
        taken=sum(balance.get("taken", 0) for balance in balances) if balances else None,
        passed_on=sum(kept_of(balance) for balance in balances) if balances else None,
        dropped=dict(sorted(dropped.items(), key=lambda item: (-item[1], item[0]))),
    )


def kept_of(balance: Mapping[str, Any]) -> int:
    """What a balance's step kept; older receipts call it `given`."""
    return int(balance.get("kept", balance.get("given", 0)))


def _run(name: str, receipt: Mapping[str, Any]) -> Run:
    return Run(
        name=name,
        seconds=float(receipt.get("seconds", 0)),
        cpu_seconds=float(receipt.get("cpu_seconds", 0)),
        peak_memory_bytes=int(receipt.get("peak_memory_bytes", 0)),
    )


def bad_records(receipts: Receipts) -> list[tuple[str, str, int]]:
    """Samples whose bad records were dropped when they were ingested: sample, reason, how many."""
    figures = [receipts[name].get("figures", {}) for name in sorted(receipts)]
    inside = [
        (name, why, n)
        for of in figures
        for name, kinds in of.get("bad_records", {}).items()
        for why, n in kinds.items()
    ]
    outside = [(name, OUTSIDE, number) for of in figures for name, number in of.get("bad_records_outside", {}).items()]
    return sorted(inside + outside)


@dataclass(frozen=True, slots=True)
class Travel:
    """What the receipt of a run over several sites says of them.

    sites      name, policy, samples, seconds, cpu_seconds, peak_memory_bytes of each; None where it is not known
    crossings  what, from, to, messages, bytes: what went from one site to another
    """

    coordinator: str
    sites: tuple[Mapping[str, Any], ...]
    crossings: tuple[Mapping[str, Any], ...]

    @property
    def costs(self) -> bool:
        """Whether the processor time or memory of any site is known."""
        return any(site["cpu_seconds"] is not None or site["peak_memory_bytes"] is not None for site in self.sites)

    @property
    def bytes(self) -> int:
        """Bytes of all that crossed."""
        return sum(int(each["bytes"]) for each in self.crossings)


_OF_SITE = ("policy", "samples", "seconds", "cpu_seconds", "peak_memory_bytes")


def travelled(receipts: Receipts) -> Travel | None:
    """What the receipt of a run over several sites says of them; None where there is no such receipt."""
    of_hybrid = [receipts[name]["figures"] for name in sorted(receipts) if receipts[name].get("step") == "hybrid"]
    if not of_hybrid:
        return None
    figures = of_hybrid[-1]
    sites = ({"name": name} | {key: each.get(key) for key in _OF_SITE} for name, each in figures["sites"].items())
    return Travel(str(figures.get("coordinator", "")), tuple(sites), tuple(figures["crossings"]))
