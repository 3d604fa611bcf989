"""Every sample's numbers as a table: in the page, as tab-separated text, as JSON."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from genocloud.report.outliers import find_outliers
from genocloud.report.statistics import SAMPLE_COUNTS, Statistics

DIGITS = 6
"""Decimals of ratios in the tables: more than any count of sites can tell apart matters."""

Row = Mapping[str, Any]


def sample_rows(statistics: Statistics) -> list[dict[str, Any]]:
    """One row for each sample, in the callset's order; numbers that cannot be computed are None."""
    flags: dict[int, list[str]] = {}
    for outlier in find_outliers(statistics):
        flags.setdefault(outlier.sample, []).append(outlier.reason)
    return [_row(statistics, index, flags.get(index, [])) for index in range(len(statistics.samples))]


def samples_tsv(rows: Sequence[Row]) -> str:
    """The rows as tab-separated text with a header; empty for what cannot be computed, flags with `; ` between."""
    lines = [COLUMNS, *([_cell(row[column]) for column in COLUMNS] for row in rows)]
    return "".join("\t".join(line) + "\n" for line in lines)


def samples_json(rows: Sequence[Row]) -> str:
    """The rows as a JSON array of objects."""
    return json.dumps(list(rows), indent=1, ensure_ascii=False) + "\n"


COLUMNS = ("sample", "call_rate", *SAMPLE_COUNTS, "het_hom", "mean_dp", "mean_gq", "flags")
"""The columns of the tables, in order."""


def _row(statistics: Statistics, index: int, flags: list[str]) -> dict[str, Any]:
    counts = dict(zip(SAMPLE_COUNTS, statistics.sample_counts[index].tolist(), strict=False))
    ratios = {
        "het_hom": statistics.het_hom[index],
        "mean_dp": statistics.mean_depths[index],
        "mean_gq": statistics.mean_gqs[index],
    }
    return {
        "sample": statistics.samples[index],
        "call_rate": _number(statistics.call_rates[index]),
        **counts,
        **{name: _number(value) for name, value in ratios.items()},
        "flags": flags,
    }


def _number(value: float) -> float | None:
    return round(float(value), DIGITS) if math.isfinite(value) else None


def _cell(value: Any) -> str:
    if isinstance(value, list):
        return "; ".join(value)
    return "" if value is None else str(value)
