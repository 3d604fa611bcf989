"""Every sample's numbers as a table: in the page, as tab-separated text, as JSON."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from genocloud.report.people import CallsetPeople
from genocloud.report.script_text import escaped
from genocloud.report.statistics import SAMPLE_COUNTS, Statistics

DIGITS = 6
"""Decimals of ratios in the tables: more than any count of sites can tell apart matters."""

Row = Mapping[str, Any]


class ShownColumn(NamedTuple):
    """A column of the page's table: its name in CallsetPeople, its title, and how it is written.

    kind is `share` (as a percentage), `ratio` (two decimals), `fine` (three), `count`, `text`, or `group`: text that is
    shown where the samples differ in it.
    """

    name: str
    title: str
    kind: str


SHOWN = (
    ShownColumn("call_rate", "call rate", "share"),
    ShownColumn("het_hom", "het/hom", "ratio"),
    ShownColumn("mean_dp", "mean DP", "ratio"),
    ShownColumn("mean_gq", "mean GQ", "ratio"),
    ShownColumn("r_ti_tv", "Ti/Tv", "ratio"),
    ShownColumn("r_insertion_deletion", "ins/del", "ratio"),
    ShownColumn("n_singleton", "singletons", "count"),
    ShownColumn("F", "F", "fine"),
    ShownColumn("screen_contamination", "contamination", "share"),
    ShownColumn("karyotype", "sex", "text"),
    ShownColumn("sheet_sex", "sheet", "text"),
    ShownColumn("screen_sex", "sex (gVCF)", "text"),
    ShownColumn("batch", "batch", "group"),
    ShownColumn("site", "site", "group"),
    ShownColumn("caller", "caller", "group"),
    ShownColumn("missing", "missing", "count"),
    ShownColumn("hom_ref", "hom-ref", "count"),
    ShownColumn("het", "het", "count"),
    ShownColumn("hom_alt", "hom-alt", "count"),
    ShownColumn("haploid_ref", "haploid ref", "count"),
    ShownColumn("haploid_alt", "haploid alt", "count"),
)
"""The columns of the page's table after name and flags; those of which nothing is known are left out."""


_LEAST_VALUES = {"text": 1, "group": 2}
"""Kinds of texts, and how many different ones a column must have to be shown."""


def table_json(people: CallsetPeople) -> str:
    """All samples, column by column, and the checks that each fails, as JSON that may stand in a script element."""
    checks: dict[str, list[str]] = {}
    for flag in people.flags:
        named = checks.setdefault(flag.sample, [])
        if flag.check not in named:
            named.append(flag.check)
    columns: list[dict[str, Any]] = [{"title": "sample", "kind": "text", "values": list(people.names)}]
    columns.append({"title": "flags", "kind": "flags", "values": [checks.get(name, []) for name in people.names]})
    for column in SHOWN:
        if column.kind in _LEAST_VALUES and column.name in people.words:
            texts = [str(text) for text in people.words[column.name].tolist()]
            if any(texts) and len(set(texts)) >= _LEAST_VALUES[column.kind]:
                columns.append({"title": column.title, "kind": "text", "values": texts})
        elif column.kind not in _LEAST_VALUES and people.known(column.name):
            values = [_shown(value, column.kind) for value in people.numbers[column.name].tolist()]
            columns.append({"title": column.title, "kind": column.kind, "values": values})
    return escaped(json.dumps(columns, separators=(",", ":"), ensure_ascii=False))


def _shown(value: float, kind: str) -> float | int | None:
    if not math.isfinite(value):
        return None
    return int(value) if kind == "count" else round(value, 6 if kind == "share" else 3)


def sample_rows(statistics: Statistics, people: CallsetPeople) -> list[dict[str, Any]]:
    """One row for each sample, in the callset's order; numbers that cannot be computed are None."""
    flags: dict[str, list[str]] = {}
    for flag in people.flags:
        flags.setdefault(flag.sample, []).append(f"{flag.check} {flag.value}")
    return [_row(statistics, index, flags.get(name, [])) for index, name in enumerate(statistics.samples)]


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
