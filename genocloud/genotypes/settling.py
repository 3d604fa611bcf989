"""The ordered pass over a contig that decides whether `*` stays, and which sites are put out."""

from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa

from genocloud import schema
from genocloud.genotypes.model import Model

MONOMORPHIC, LOW_CONFIDENCE, ONLY_SPANNING = "no likely ALT", "low confidence", "only a deletion from upstream"
_Site = dict[str, Any]


class _Deletions:
    """The deletions put out so far on a contig, as far as they may still reach (GATK: recordDeletions)."""

    def __init__(self) -> None:
        self.contig = -1
        self.spans: list[tuple[int, int]] = []

    def cover(self, site: _Site) -> bool:
        """Whether a recorded deletion reaches over the site: start < position <= end."""
        if site["contig"] != self.contig:
            self.contig, self.spans = site["contig"], []
        self.spans = [span for span in self.spans if span[1] >= site["start"]]
        return any(start < site["start"] <= end for start, end in self.spans)

    def record(self, site: _Site, kept: Iterable[int]) -> None:
        lost = {len(site["ref"]) - len(site["alts"][number - 1]) for number in kept}
        self.spans += [(site["start"], site["start"] + bases) for bases in sorted(lost) if bases > 0]


def settle(estimates: Iterable[pa.Table], model: Model) -> Iterator[pa.Table]:
    """Decide each site of the shards' ESTIMATES, which come in genome order: one SETTLED table each.

    `*` stays only where a deletion that was put out upstream reaches over the site, also from an earlier shard.
    Source: gatk-model.md, sections 1 (recordDeletions) and 4 (choice).
    """
    deletions = _Deletions()
    for table in estimates:
        sites = [_settled(site, deletions, model) for site in table.to_pylist()]
        yield pa.Table.from_pylist(sites, schema=schema.SETTLED)


def _settled(site: _Site, deletions: _Deletions, model: Model) -> _Site:
    genuine = deletions.cover(site)
    out = {name: site[name] for name in ("contig", "start", "ref", "alts", "reason")}
    dropped = out | {"kept": [], "mleac": []}
    if site["reason"] is not None:
        return dropped
    likely = [
        (number, count)
        for number, count in zip(site["plausible"], site["mleac"], strict=True)
        if genuine or site["alts"][number - 1] != "*"
    ]
    qual = max(0.0, -10.0 * site["absent_log10"])
    kept = [number for number, _ in likely]
    reason = _reason([site["alts"][number - 1] for number in kept], qual, model)
    if reason:
        return dropped | {"qual": qual, "reason": reason}
    deletions.record(site, kept)
    return out | {"kept": kept, "mleac": [count for _, count in likely], "qual": qual}


def _reason(alts: list[str], qual: float, model: Model) -> str | None:
    if not alts:
        return MONOMORPHIC
    if qual < model.stand_call_conf:
        return LOW_CONFIDENCE
    return ONLY_SPANNING if alts == ["*"] else None
