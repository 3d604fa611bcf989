"""What a run took, by site and step, from its receipts: core time, bytes and, where prices are known, money."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from genocloud.report.planned import bytes_stored
from genocloud.report.stages import Receipts, StepReceipts, Travel


@dataclass(frozen=True, kw_only=True, slots=True)
class SpentLine:
    """What a step took at a site.

    site            empty where the receipts name none
    core_seconds    None where the receipt does not have them
    stored_bytes    that it left, and crossing_bytes that went to other sites
    money           for these: work, a month of storage, traffic; None without a price table
    """

    site: str
    step: str
    core_seconds: float | None
    stored_bytes: int
    crossing_bytes: int
    money: float | None = None


def spent_lines(stages: Sequence[StepReceipts], travel: Travel | None, receipts: Receipts) -> list[SpentLine]:
    """A line for each step, and of a run over several sites for each of them, in flow order."""
    return [line for stage in stages for line in _lines(stage, travel, receipts)]


def _lines(stage: StepReceipts, travel: Travel | None, receipts: Receipts) -> Iterator[SpentLine]:
    stored = bytes_stored(stage.step, receipts)
    if stage.step != "hybrid" or travel is None:
        yield SpentLine(site="", step=stage.step, core_seconds=stage.cpu_seconds, stored_bytes=stored, crossing_bytes=0)
        return
    for site in travel.sites:
        yield SpentLine(
            site=site["name"],
            step=stage.step,
            core_seconds=site["cpu_seconds"],
            stored_bytes=stored if site["name"] == travel.coordinator else 0,
            crossing_bytes=sum(int(each["bytes"]) for each in travel.crossings if each["from"] == site["name"]),
        )
