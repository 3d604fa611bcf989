"""The slow, obvious way from observations to sites, and from estimates to the sites that are emitted."""

import math
from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

import pyarrow as pa

from genocloud import schema
from genocloud.genotypes import Model

MONOMORPHIC, LOW_CONFIDENCE, ONLY_SPANNING = "no likely ALT", "low confidence", "only a deletion from upstream"
_NO_CARRIER = 1 << 31
_Row = dict[str, Any]


def unify(observations: Sequence[pa.Table], spans: Sequence[pa.Table]) -> list[_Row]:
    """Rows of ALLELES."""
    rows = sorted((row for table in observations for row in table.to_pylist()), key=itemgetter("contig", "start"))
    deletions = [row for table in spans for row in table.to_pylist()]
    sites = [_site(list(group)) for _, group in groupby(rows, key=itemgetter("contig", "start"))]
    for site in sites:
        over = [span["rank"] for span in deletions if span["start"] <= site["start"] < span["stop"]]
        site["alts"] = _in_order(site.pop("firsts"), min(over, default=_NO_CARRIER))
    return sites


def _site(rows: Sequence[_Row]) -> _Row:
    ref = max((row["ref"] for row in rows), key=lambda text: (len(text), text != "N", text))
    return {
        "contig": rows[0]["contig"],
        "start": rows[0]["start"],
        "ref": ref,
        "forced": False,
        "forced_alts": [],
        "firsts": _firsts(rows, ref),
        "observed": sum(row["observed"] for row in rows),
    }


def _firsts(rows: Iterable[_Row], ref: str) -> dict[str, tuple[int, int]]:
    """Each extended allele with the (rank, place in the record) where it is first seen."""
    firsts: dict[str, tuple[int, int]] = {}
    for row in rows:
        allele = row["alt"] if row["alt"] == "*" else row["alt"] + ref[len(row["ref"]) :]
        seen = (row["rank"], row["order"])
        firsts[allele] = min(seen, firsts.get(allele, seen))
    return firsts


def _in_order(firsts: dict[str, tuple[int, int]], under: int) -> list[str]:
    """The alleles by first appearance; `under` is the first rank under a deletion, `_NO_CARRIER` if there is none."""
    if under != _NO_CARRIER:
        firsts = firsts | {"*": min((under, 0), firsts.get("*", (under, 0)))}
    return sorted(firsts, key=lambda allele: (firsts[allele], allele))


class _Deletions:
    """The deletions emitted so far on a contig, as far as they may still reach (GATK: recordDeletions)."""

    def __init__(self) -> None:
        self.contig = -1
        self.spans: list[tuple[int, int]] = []

    def cover(self, site: _Row) -> bool:
        """Whether a recorded deletion reaches over the site: start < position <= end."""
        if site["contig"] != self.contig:
            self.contig, self.spans = site["contig"], []
        self.spans = [span for span in self.spans if span[1] >= site["start"]]
        return any(start < site["start"] <= end for start, end in self.spans)

    def record(self, site: _Row, kept: Iterable[int]) -> None:
        lost = {len(site["ref"]) - len(site["alts"][number - 1]) for number in kept}
        self.spans += [(site["start"], site["start"] + bases) for bases in sorted(lost) if bases > 0]


def settle(estimates: Iterable[pa.Table], model: Model) -> list[_Row]:
    """Rows of SETTLED."""
    deletions = _Deletions()
    return [_settled(site, deletions, model) for table in estimates for site in table.to_pylist()]


def _settled(site: _Row, deletions: _Deletions, model: Model) -> _Row:
    genuine = deletions.cover(site)
    out = {name: site[name] for name in (*schema.MERGED_NAMES, "genotyped", "beyond", "reason")}
    out["likely"], out["spurious"] = len(site["plausible"]), False
    dropped = out | {"kept": [], "mleac": [], "absent_log10": []}
    forced = site["forced_alts"]
    if site["reason"] is not None and not forced:
        return dropped | {"qual": None, "low": False}
    likely = [
        (number, count, absent)
        for number, count, absent in zip(site["plausible"], site["mleac"], site["each_absent_log10"], strict=True)
        if genuine or site["alts"][number - 1] != "*"
    ]
    out["spurious"] = dropped["spurious"] = len(likely) < len(site["plausible"])
    kept = [number for number, _, _ in likely]
    plausible = [number for number, _, absent in likely if absent + 1e-10 < -0.1 * model.stand_call_conf]
    qual = _qual(site["absent_log10"], bool(plausible) or not forced)
    out["low"] = dropped["low"] = qual is not None and qual < model.stand_call_conf
    if site["absent_log10"] is None:
        out |= {"reason": None, "genotyped": len(site["alts"])}
    reason = None if forced else _reason([site["alts"][number - 1] for number in kept], qual, model)
    if reason:
        return dropped | {"qual": qual, "reason": reason}
    deletions.record(site, kept)
    estimates = {"mleac": [count for _, count, _ in likely], "absent_log10": [absent for _, _, absent in likely]}
    return out | {"kept": kept, "qual": qual} | estimates


def _qual(absent: float | None, variant: bool) -> float | None:
    """QUAL of a site with plausible ALTs, or of one without."""
    if absent is None:
        return None
    if variant:
        return max(0.0, -10.0 * absent)
    present = -math.expm1(absent * math.log(10.0))
    return -10.0 * math.log10(present) if present else math.inf


def _reason(alts: list[str], qual: float, model: Model) -> str | None:
    if not alts:
        return MONOMORPHIC
    if qual < model.stand_call_conf:
        return LOW_CONFIDENCE
    return ONLY_SPANNING if alts == ["*"] else None
