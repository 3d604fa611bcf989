"""What was planned beside what a run took: core-seconds, memory and bytes, by step."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from genocloud.report.stages import Receipts, StepReceipts

LINES = {
    "call": ("call",),
    "ingest": ("ingest",),
    "discover": ("discover",),
    "genotype": ("estimate", "genotype"),
    "hybrid": ("ingest", "discover", "estimate", "genotype"),
    "joint": ("ingest", "discover", "estimate", "genotype"),
    **{step: (step,) for step in ("screen", "filter", "qc", "export")},
}
"""The plan's steps that each step of a run does."""

STORED = {"ingest": "ingest", "genotype": "genotype", "hybrid": "genotype", "joint": "genotype", "export": "export"}
"""Of these the one that leaves what the step's receipt counts as `bytes_stored`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One quantity of a step: planned and taken, in `unit` (seconds, bytes or money)."""

    step: str
    what: str
    unit: str
    planned: float
    taken: float

    @property
    def ratio(self) -> float:
        """Taken over planned; infinite where nothing was planned."""
        return self.taken / self.planned if self.planned else float("inf")


def compare(plan: Mapping[str, Any], stages: Sequence[StepReceipts], receipts: Receipts) -> list[Row]:
    """The plan's JSON against the receipts: steps that both know, in flow order, then what crossed between sites."""
    lines = plan["configured"]["lines"]
    rows = [row for stage in stages if stage.step in LINES for row in _rows(stage, lines, receipts)]
    crossings = [each for one in receipts.values() for each in one.get("figures", {}).get("crossings", ())]
    if crossings:
        planned_bytes = sum(line["crossing_bytes"] for line in lines)
        rows.append(
            Row(
                step="all",
                what="bytes across",
                unit="bytes",
                planned=planned_bytes,
                taken=sum(each["bytes"] for each in crossings),
            )
        )
    return rows


def _rows(stage: StepReceipts, lines: Sequence[Mapping[str, Any]], receipts: Receipts) -> Iterator[Row]:
    own = [line for line in lines if line["step"] in LINES[stage.step]]
    if not own:
        return
    yield Row(
        step=stage.step,
        what="core time",
        unit="seconds",
        planned=sum(line["core_seconds"] for line in own),
        taken=stage.cpu_seconds,
    )
    money, core_seconds = (sum(line[name] for line in own) for name in ("money", "core_seconds"))
    if money and core_seconds:
        taken = money * stage.cpu_seconds / core_seconds
        yield Row(step=stage.step, what="money, by core time", unit="money", planned=money, taken=taken)
    if stage.peak_memory_bytes:  # not known of a caller's program
        yield Row(
            step=stage.step,
            what="peak memory",
            unit="bytes",
            planned=max(line["memory_bytes"] for line in own),
            taken=stage.peak_memory_bytes,
        )
    kept = sum(line["stored_bytes"] for line in own if line["step"] == STORED.get(stage.step))
    stored = bytes_stored(stage.step, receipts)
    if kept and stored:
        yield Row(step=stage.step, what="stored", unit="bytes", planned=kept, taken=stored)


def bytes_stored(step: str, receipts: Receipts) -> int:
    """Bytes that a step's receipts say it stored; of a whole step's receipt and its parts' the whole's."""
    by_name = {
        name: int(one.get("figures", {}).get("bytes_stored", 0))
        for name, one in receipts.items()
        if one.get("step") == step
    }
    whole = f"{step}/{step}.json"
    return by_name[whole] if whole in by_name else sum(by_name.values())
