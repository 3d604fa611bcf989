"""The report of a run: one HTML page that needs no network and no other file."""

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

import jinja2
import numpy as np
import numpy.typing as npt

from genocloud.formatting import percent_text, ratio_text, seconds_text, size_text
from genocloud.report import outliers, plots
from genocloud.report.about import About
from genocloud.report.planned import compare
from genocloud.report.stages import Receipts, StepReceipts, bad_records, group_receipts, travelled
from genocloud.report.statistics import SAMPLE_COUNTS, Statistics
from genocloud.report.summary import headline

ABOUT_NOTHING = About()

MOST_ROWS = 200
"""Longer tables are cut, and say so: a page of a hundred thousand rows opens nowhere."""


def render_html(
    receipts: Receipts,
    statistics: Statistics,
    *,
    unseen: Sequence[Mapping[str, Any]] = (),
    plan: Mapping[str, Any] | None = None,
    about: About = ABOUT_NOTHING,
    tables: Sequence[str] = (),
) -> str:
    """The report as HTML, the same for the same arguments; receipts are parsed JSON by file name.

    unseen  samples whose genotypes lie at another site and were not looked at: `site`, `url`, `samples`, `why`, and
            whether they are `counted`, as sums
    plan    the estimate of `genocloud plan`, as parsed from its JSON
    about   title, date, reference, settings and commands of the run
    tables  names of the files beside the page that have all samples' numbers
    Every string out of the arguments is escaped.
    """
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    environment.filters |= {"seconds": seconds_text, "size": size_text, "percent": percent_text, "count": _count}
    template = environment.from_string(files(__package__).joinpath("report.html.j2").read_text("utf-8"))
    stages = group_receipts(receipts)
    planned = compare(plan, stages, receipts) if plan else []
    return template.render(
        _facts(stages, statistics, bad_records(receipts)),
        unseen=unseen,
        travel=travelled(receipts),
        planned=planned,
        plan=plan,
        about=about,
        tables=tables,
    )


def _count(number: int) -> str:
    return f"{number:,}"


def _facts(
    stages: tuple[StepReceipts, ...], statistics: Statistics, bad: Sequence[tuple[str, str, int]]
) -> dict[str, Any]:
    """What the template shows, by the names that it uses."""
    outlying = outliers.find_outliers(statistics)
    flagged = {outlier.sample for outlier in outlying}
    return {
        "figures": _figures(stages, statistics),
        "versions": sorted({version for stage in stages for version in stage.versions}),
        "stages": stages,
        "bad_records": bad,
        "unbalanced": [stage for stage in stages if not stage.balanced],
        "outliers": [(statistics.samples[outlier.sample], outlier.reason) for outlier in outlying],
        "advice": list(dict.fromkeys(outlier.advice for outlier in outlying)),
        "alarms": outliers.find_alarms(statistics),
        "ranges": _ranges(statistics),
        "rule": outliers.RULE,
        "plots": plots.draw_plots(statistics),
        "samples": [_sample_row(statistics, i, i in flagged) for i in _shown_samples(statistics, flagged)],
        "sample_total": statistics.sample_total,
        "named_total": len(statistics.samples),
        "most_rows": MOST_ROWS,
    }


def _figures(stages: tuple[StepReceipts, ...], statistics: Statistics) -> dict[str, str]:
    """The headline, with what the run cost where there are receipts."""
    shown = {label.strip(): value for label, value in headline(statistics).items()}
    if not stages:
        return shown
    return shown | {
        "CPU time": seconds_text(sum(stage.cpu_seconds for stage in stages)),
        "peak memory": size_text(max(stage.peak_memory_bytes for stage in stages)),
    }


def _ranges(statistics: Statistics) -> list[tuple[str, str, str]]:
    """Measures of the callset, what they are here, and what is expected: over samples the median."""
    here = {
        "Ti/Tv": ratio_text(statistics.ti_tv),
        "call rate": percent_text(_median(statistics.call_rates)),
        "het/hom": ratio_text(_median(statistics.het_hom)),
        "mean DP": ratio_text(_median(statistics.mean_depths)),
        "mean GQ": ratio_text(_median(statistics.mean_gqs)),
    }
    return [(name, here[name], expected) for name, expected in outliers.EXPECTED.items()]


def _median(values: npt.NDArray[np.float64]) -> float:
    return float(np.nanmedian(values)) if np.isfinite(values).any() else float("nan")


def _shown_samples(statistics: Statistics, flagged: set[int]) -> list[int]:
    """All samples in order; of too many, those flagged, then those with the lowest call rates."""
    if len(statistics.samples) <= MOST_ROWS:
        return list(range(len(statistics.samples)))
    by_call_rate = np.argsort(statistics.call_rates, kind="stable").tolist()
    return list(dict.fromkeys([*sorted(flagged), *by_call_rate]))[:MOST_ROWS]


def _sample_row(statistics: Statistics, index: int, flagged: bool) -> dict[str, Any]:
    counts = dict(zip(SAMPLE_COUNTS, statistics.sample_counts[index].tolist(), strict=False))
    return {
        "name": statistics.samples[index],
        "flagged": flagged,
        "call_rate": percent_text(float(statistics.call_rates[index])),
        **counts,
        "haploid": counts["haploid_ref"] + counts["haploid_alt"],
        "het_hom": ratio_text(float(statistics.het_hom[index])),
        "depth": ratio_text(float(statistics.mean_depths[index])),
        "gq": ratio_text(float(statistics.mean_gqs[index])),
    }
