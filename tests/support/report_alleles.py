"""The slow twin of report.allele_statistics: counts over lists and dicts, one allele and one cell at a time."""

import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from genocloud.report.allele_statistics import EDGES, GRID, LONGEST, WINDOW_BASES

TRANSITIONS = {"AG", "GA", "CT", "TC"}


def kind_of(ref: str, alt: str) -> str:
    if alt.startswith("<"):
        return "other"
    if len(ref) != len(alt):
        return "indel"
    return "SNV" if sum(a != b for a, b in zip(ref, alt, strict=True)) == 1 else "other"


def bin_of(value: float, edges: Sequence[float]) -> int:
    return min(max(bisect_right(edges, value) - 1, 0), len(edges) - 2)


def count_alleles(
    sites: Sequence[Mapping[str, Any]],
    filters: Sequence[Mapping[str, Any]] | None,
    zygosity: Sequence[tuple[int, int]],
) -> Counter[tuple]:
    """Counts by what they are of: ("annotation", name, kind, passes, bin) and so on; `zygosity` is of all ALTs."""
    out: Counter[tuple] = Counter()
    of_alts = iter(zygosity)
    for row, site in enumerate(sites):
        for number, alt in enumerate(site["alts"]):
            hets, homs = next(of_alts)
            if alt == "*":
                continue
            status = filters[row]["AS_FilterStatus"][number] if filters else site["filter"] or "PASS"
            kind, passes = kind_of(site["ref"], alt), status == "PASS"
            out.update({("filter", kind, name): 1 for name in status.replace(";", "&").split("&")})
            for name, edges in EDGES.items():
                own = (site.get(f"AS_{name}") or [None] * len(site["alts"]))[number]
                value = own if own is not None else site["qual" if name == "QUAL" else name]
                if value is not None:
                    out["annotation", name, kind, passes, bin_of(value, list(edges))] += 1
            bases = [a + b for a, b in zip(site["ref"], alt, strict=False) if a != b]
            exchange = bases[0] if kind == "SNV" and set(bases[0]) <= set("ACGT") else None
            if exchange and site["qual"] is not None:
                place = bin_of(site["qual"], list(EDGES["QUAL"]))
                out["exchange", exchange in TRANSITIONS, passes, place] += 1
            if kind == "indel":
                out["length", passes, max(-LONGEST, min(LONGEST, len(alt) - len(site["ref"])))] += 1
            if filters:
                _count_score(out, site, filters[row], number, (exchange, hets, homs))
    return out


def _count_score(
    out: Counter[tuple],
    site: Mapping[str, Any],
    verdict: Mapping[str, Any],
    number: int,
    counted: tuple[str | None, int, int],
) -> None:
    exchange, hets, homs = counted
    sensitivity = (verdict["AS_CALIBRATION_SENSITIVITY"] or [None] * len(site["alts"]))[number]
    if sensitivity is None:
        return
    scored = "SNP" if kind_of(site["ref"], site["alts"][number]) == "SNV" else "indel"
    labels = ((verdict["labels"] or [None] * len(site["alts"]))[number] or "").split(";")
    groups = ["all", *(label for label in ("calibration", "training") if label in labels)]
    groups += ["singletons"] if site["AC"] and site["AC"][number] == 1 else []
    groups += [("transitions" if exchange in TRANSITIONS else "transversions")] if exchange else []
    place = bisect_left(list(GRID), sensitivity)
    out.update({("score", scored, group, place): 1 for group in groups})
    for group, count in (("heterozygous", hets), ("homozygous", homs)):
        if count:
            out["score", scored, group, place] += count


def count_windows(
    sites: Sequence[Mapping[str, Any]], cells: Sequence[Sequence[tuple[str, int | None]]], contigs: Mapping[str, int]
) -> tuple[dict[tuple[int, int], tuple[int, ...]], list[int]]:
    """Sums by window, and sites by call rate; `cells` has (GT, DP) by site and sample."""
    windows: dict[tuple[int, int], list[int]] = {}
    rates = [0] * 101
    for site, row in zip(sites, cells, strict=True):
        missing = sum("." in text for text, _ in row)
        depths = [depth for text, depth in row if "." not in text and depth is not None]
        sums = windows.setdefault((contigs[site["contig"]], (site["pos"] - 1) // WINDOW_BASES), [0] * 5)
        for place, value in enumerate((1, missing, len(row), sum(depths), len(depths))):
            sums[place] += value
        if row:
            rates[math.floor((len(row) - missing) * 100 / len(row) + 1e-9)] += 1
    return {place: tuple(sums) for place, sums in windows.items()}, rates
