"""The report of a run: one HTML page that needs no network and no other file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from itertools import groupby
from typing import Any

import jinja2
import numpy as np
import numpy.typing as npt

from genocloud.formatting import money_text, percent_text, ratio_text, seconds_text, size_text
from genocloud.report import allele_plots, outliers, sample_plots
from genocloud.report.about import About
from genocloud.report.allele_statistics import AlleleStatistics
from genocloud.report.people import CallsetPeople, Columns, people_of
from genocloud.report.planned import compare
from genocloud.report.plots import Plot, embed
from genocloud.report.samples import table_json
from genocloud.report.spent import SpentLine
from genocloud.report.stages import Receipts, StepReceipts, bad_records, group_receipts, travelled
from genocloud.report.statistics import Statistics
from genocloud.report.summary import headline
from genocloud.report.verdict import absent_inputs, doubts_of, judge

ABOUT_NOTHING = About()

MOST_ROWS = 200
"""Longer tables are cut, and say so; but those of samples and flags have all."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Sources:
    """What the page is made of, besides receipts and counts by sample; sections without their source are left out.

    alleles     counts of ALT alleles
    contigs     names of the reference's contigs, in order
    filters     each filter of the callset, and what it means
    qc, screen  tables of `genocloud qc` and `genocloud screen` by name
    unseen      samples whose genotypes lie at another site and were not looked at: `site`, `url`, `samples`, `why`, and
                whether they are `counted`, as sums
    plan        the estimate of `genocloud plan`, as parsed from its JSON
    spent       what the run took by site and step; `currency` of its money
    about       title, date, reference, settings and commands of the run
    tables      names of the files beside the page that have all samples' numbers
    """

    alleles: AlleleStatistics = field(default_factory=AlleleStatistics.empty)
    contigs: Sequence[str] = ()
    filters: Sequence[tuple[str, str]] = ()
    qc: Mapping[str, Columns] = field(default_factory=dict)
    screen: Mapping[str, Columns] = field(default_factory=dict)
    unseen: Sequence[Mapping[str, Any]] = ()
    plan: Mapping[str, Any] | None = None
    spent: Sequence[SpentLine] = ()
    currency: str = ""
    about: About = ABOUT_NOTHING
    tables: Sequence[str] = ()


ONLY_COUNTS = Sources()


def render_html(receipts: Receipts, statistics: Statistics, sources: Sources = ONLY_COUNTS) -> str:
    """The report as HTML, the same for the same arguments; receipts are parsed JSON by file name.

    Every string out of the arguments is escaped.
    """
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: files(__package__).joinpath(name).read_text("utf-8")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    environment.filters |= {"seconds": seconds_text, "size": size_text, "percent": percent_text, "count": _count}
    environment.filters |= {"money": money_text}
    stages = group_receipts(receipts)
    people = people_of(statistics, sources.qc, sources.screen)
    sections = draw_sections(statistics, people, sources)
    return environment.get_template("report.html.j2").render(
        _facts(stages, statistics, people, bad_records(receipts)),
        doubts=doubts_of(sources.qc, alarmed=bool(outliers.find_alarms(statistics))),
        sources=sources,
        about=sources.about,
        travel=travelled(receipts),
        planned=compare(sources.plan, stages, receipts) if sources.plan else [],
        sections=sections,
        embedded=embed([plot for plots in sections.values() for plot in plots]),
        filter_rows=allele_plots.filter_rows(sources.alleles),
        sample_table=table_json(people),
        absent=absent_inputs(
            sources.about.callset,
            filtered=bool(sources.filters),
            qc=bool(sources.qc),
            screen=bool(sources.screen),
            plan=bool(sources.plan),
            prices=bool(sources.currency),
        ),
    )


def draw_sections(statistics: Statistics, people: CallsetPeople, sources: Sources) -> dict[str, list[Plot]]:
    """The figures of each section of the page; none of those that have nothing to show."""
    points, alleles = sample_plots.SamplePoints(people), sources.alleles
    pairs, trios, contigs = sources.qc.get("pairs"), sources.qc.get("trios"), sources.screen.get("contigs")
    sections: dict[str, Sequence[Plot | None]] = {
        "Quality by sample": sample_plots.quality_plots(points),
        "Sex": [sample_plots.sex_plot(points)],
        "Kinship and pedigree": [sample_plots.kinship_plot(people, pairs) if pairs else None],
        "Contamination": [sample_plots.contamination_plot(points)],
        "Components": sample_plots.component_plots(points),
        "Mendelian errors": [sample_plots.trio_plot(trios) if trios else None],
        "Genotypes": [*allele_plots.value_plots(statistics), allele_plots.call_rate_plot(alleles)],
        "Along the genome": [
            *allele_plots.genome_plots(alleles, sources.contigs),
            sample_plots.contig_plot(contigs) if contigs else None,
        ],
        "Sites and alleles": [
            allele_plots.spectrum_plot(statistics) if statistics.spectrum.any() else None,
            allele_plots.length_plot(alleles),
            allele_plots.exchange_plot(alleles),
        ],
        "Filters": [allele_plots.score_plot(alleles), allele_plots.tranche_plot(alleles)],
        "Annotations, passing and failing": allele_plots.annotation_plots(alleles),
    }
    shown = {title: [plot for plot in plots if plot is not None] for title, plots in sections.items()}
    return {title: plots for title, plots in shown.items() if plots}


def _count(number: int) -> str:
    return f"{number:,}"


def _facts(
    stages: tuple[StepReceipts, ...], statistics: Statistics, people: CallsetPeople, bad: Sequence[tuple[str, str, int]]
) -> dict[str, Any]:
    """What the template shows, by the names that it uses."""
    versions = sorted({version for stage in stages for version in stage.versions})
    unbalanced = [stage for stage in stages if not stage.balanced]
    alarms = outliers.find_alarms(statistics)
    place = {name: number for number, name in enumerate(people.names)}
    return {
        "figures": _figures(stages, statistics),
        "versions": versions,
        "stages": stages,
        "bad_records": bad,
        "unbalanced": unbalanced,
        "alarms": alarms,
        "verdict": judge(people, len(unbalanced) + len(alarms) + (len(versions) > 1), statistics.sample_total),
        "flags_of": [
            (place[name], name, list(flags)) for name, flags in groupby(people.flags, key=lambda flag: flag.sample)
        ],
        "place": place,
        "ranges": _ranges(statistics),
        "rule": outliers.RULE,
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
