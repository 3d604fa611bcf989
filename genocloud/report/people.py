"""What is known of each sample, from counts and from the tables of qc and screen, and which checks it fails."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from genocloud.report.outliers import find_outliers
from genocloud.report.statistics import SAMPLE_COUNTS, Statistics

Floats = npt.NDArray[np.float64]

Columns = Mapping[str, npt.NDArray[Any]]
"""A table by column: numbers as float64, NaN where there are none; text as objects, empty where there is none."""

QC_TABLES = {
    "flags": ("sample", "check", "value", "limit", "advice"),
    "alarms": ("check", "value", "limit", "advice"),
    "samples": ("sample", "batch", "n_singleton", "r_ti_tv", "r_insertion_deletion"),
    "sex": ("sample", "sheet_sex", "karyotype", "F", "x_ploidy", "y_ploidy"),
    "het": ("IID", "F"),
    "components": ("#IID",),
    "ancestry": ("sample", "ancestry"),
    "pairs": ("IID1", "IID2", "NSNP", "IBS0", "KINSHIP", "relationship", "expected"),
    "trios": ("child", "father", "mother", "ngood_alt", "nmerr", "nmissing", "error_rate", "error_rate_pass"),
}
"""The tables of `genocloud qc` that the page shows, and the columns of each that it needs."""

SCREEN_TABLES = {
    "flags": ("sample", "check", "value", "limit", "advice"),
    "samples": ("sample", "contamination", "hom_alt_ref_share", "depth", "x_ploidy", "y_ploidy", "sex", "sheet"),
    "contigs": ("sample", "contig", "depth"),
}
"""The same of `genocloud screen`."""

NOTHING: Mapping[str, Columns] = {}


@dataclass(frozen=True, kw_only=True, slots=True)
class PersonFlag:
    """A check that a sample fails, what was measured, what is wanted, what to do."""

    sample: str
    check: str
    value: str
    limit: str
    advice: str


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class CallsetPeople:
    """The samples in the callset's order.

    numbers  by name, (samples,); NaN where nothing is known
    words    by name, (samples,); empty where nothing is known
    flags    in the samples' order
    """

    names: tuple[str, ...]
    numbers: Mapping[str, Floats] = field(default_factory=dict)
    words: Mapping[str, npt.NDArray[np.object_]] = field(default_factory=dict)
    flags: tuple[PersonFlag, ...] = ()

    @property
    def flagged(self) -> npt.NDArray[np.int64]:
        """The samples with flags, ascending."""
        marked = {flag.sample for flag in self.flags}
        return np.array([place for place, name in enumerate(self.names) if name in marked], np.int64)

    def with_check(self, *checks: str) -> npt.NDArray[np.int64]:
        """The samples that fail one of some checks, ascending."""
        marked = {flag.sample for flag in self.flags if flag.check in checks}
        return np.array([place for place, name in enumerate(self.names) if name in marked], np.int64)

    def known(self, name: str) -> bool:
        """Whether a number is known of any sample."""
        return name in self.numbers and bool(np.isfinite(self.numbers[name]).any())


def people_of(
    statistics: Statistics, qc: Mapping[str, Columns] = NOTHING, screen: Mapping[str, Columns] = NOTHING
) -> CallsetPeople:
    """All that is known of the samples; without `qc` they are judged by report.outliers.RULE."""
    names = statistics.samples
    numbers: dict[str, Floats] = {
        "call_rate": statistics.call_rates,
        "het_hom": statistics.het_hom,
        "mean_dp": statistics.mean_depths,
        "mean_gq": statistics.mean_gqs,
    }
    numbers |= {name: statistics.by_sample(name).astype(np.float64) for name in SAMPLE_COUNTS}
    words: dict[str, npt.NDArray[np.object_]] = {}
    for table, key, prefix in _SOURCES:
        source = (qc if prefix == "" else screen).get(table)
        if source is None:
            continue
        rows = _rows(names, source[key])
        for column, values in source.items():
            if column != key and (values.dtype != object):
                numbers[f"{prefix}{_RENAMED.get((table, column), column)}"] = _taken(values, rows, np.nan)
            elif column != key:
                words[f"{prefix}{column}"] = _taken(values, rows, "")
    return CallsetPeople(names=names, numbers=numbers, words=words, flags=_flags(statistics, qc, screen))


_SOURCES = (
    ("samples", "sample", ""),
    ("sex", "sample", ""),
    ("het", "IID", ""),
    ("components", "#IID", ""),
    ("ancestry", "sample", ""),
    ("samples", "sample", "screen_"),
)
_RENAMED = {("sex", "F"): "F_X", ("samples", "call_rate"): "qc_call_rate"}


def _rows(names: Sequence[str], keys: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """The row of each sample; -1 where there is none."""
    place = {key: row for row, key in enumerate(keys.tolist())}
    return np.array([place.get(name, -1) for name in names], np.int64)


def _taken(values: npt.NDArray[Any], rows: npt.NDArray[np.int64], missing: Any) -> npt.NDArray[Any]:
    out = np.full(len(rows), missing, values.dtype)
    out[rows >= 0] = values[rows[rows >= 0]]
    return out


def _flags(statistics: Statistics, qc: Mapping[str, Columns], screen: Mapping[str, Columns]) -> tuple[PersonFlag, ...]:
    flags = []
    if "flags" not in qc:
        flags += [
            PersonFlag(
                sample=statistics.samples[each.sample],
                check=each.check,
                value=each.value,
                limit="as the others have it",
                advice=each.advice,
            )
            for each in find_outliers(statistics)
        ]
    for table in (screen.get("flags"), qc.get("flags")):
        if table is not None:
            names = QC_TABLES["flags"]
            rows = zip(*(table[name].tolist() for name in names), strict=True)
            flags += [PersonFlag(**dict(zip(names, row, strict=True))) for row in rows]
    place = {name: number for number, name in enumerate(statistics.samples)}
    known = [flag for flag in dict.fromkeys(flags) if flag.sample in place]
    return tuple(sorted(known, key=lambda flag: place[flag.sample]))
