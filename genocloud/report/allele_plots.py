"""Figures of sites and ALT alleles: frequencies, lengths, annotations by pass and fail, scores, along the genome."""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from bokeh.models import ColumnDataSource, DataRange1d, Span

from genocloud.formatting import percent_text, ratio_text, short_count
from genocloud.report.allele_statistics import (
    EDGES,
    GRID,
    LONGEST,
    SCORED,
    SCORED_AS,
    WINDOW_BASES,
    WINDOW_SUMS,
    AlleleStatistics,
)
from genocloud.report.alt_alleles import KINDS
from genocloud.report.plots import (
    CARD,
    FIRST,
    INK,
    SECOND,
    THIRD,
    WARNING,
    Figure,
    FigureRows,
    Floats,
    Plot,
    bars,
    hover,
    labelled,
    legend,
    new_figure,
    percents,
    plain,
    thousands,
)
from genocloud.report.plots import GRID as LINES
from genocloud.report.statistics import BANDS, Statistics

Counts = npt.NDArray[np.int64]

TRANCHES = (0.9, 0.95, 0.98, 0.99, 0.995, 0.997, 0.999, 1.0)
"""Sensitivities of the table of tranches; all are in GRID."""

FEWEST_SNVS = 30
"""Fewer say nothing of Ti/Tv."""

MOST_PLACES = 800
"""Points along the genome."""

MOST_BORDERS = 60
"""Lines between so many contigs, no more."""

_KIND_COLOURS = (FIRST, SECOND, THIRD)
_ABOUT = {
    "QUAL": "Phred-scaled probability that the site is no variant at all.",
    "QD": "QUAL by read of the carriers: low where many reads say little.",
    "FS": "Strand bias, phred: high where the ALT is on one strand only.",
    "SOR": "Strand odds ratio: strand bias that does not punish the ends of exons.",
    "MQ": "Mapping quality of the site's reads, 60 where all are placed well.",
    "MQRankSum": "Mapping quality of the ALT's reads against REF's: negative where the ALT's are placed worse.",
    "ReadPosRankSum": "Place of the ALT in its reads against REF's: negative where it is near their ends.",
}
"""How to read each annotation."""


def spectrum_plot(counted: Statistics) -> Plot:
    """ALT alleles by how often they are called."""
    bands = _shown_bands(counted.spectrum)
    labels = [BANDS[band] for band in bands]
    plot = new_figure("", "ALT alleles")
    below = np.zeros(len(bands), np.int64)
    places = np.arange(len(bands), dtype=np.float64)
    drawn = []
    for kind, colour in enumerate(_KIND_COLOURS):
        heights = counted.spectrum[kind, bands]
        if not heights.any():
            continue
        source = ColumnDataSource(
            {"x": places, "bottom": below, "top": below + heights, "count": heights, "band": labels}
        )
        names = {"legend_label": KINDS[kind], "name": KINDS[kind]}
        drawn.append(plot.vbar("x", 0.8, "top", "bottom", source=source, fill_color=colour, line_color=CARD, **names))
        below = below + heights
    legend(plot)
    labelled(plot.xaxis, dict(zip(places.tolist(), labels, strict=True)), slanted=True)
    thousands(plot.yaxis)
    hover(plot, drawn, [("frequency", "@band"), ("alleles", "@count{0,0}"), ("kind", "$name")])
    words = ", ".join(f"{label}: {total:,}" for label, total in zip(labels, below.tolist(), strict=True))
    caption = (
        "ALT alleles by how often they are called: once (AC 1), twice (AC 2), then by AC / AN; not folded. "
        "The allele * is left out."
    )
    rows = [
        (label, *(f"{counted.spectrum[kind, band]:,}" for kind in range(len(KINDS))))
        for label, band in zip(labels, bands, strict=True)
    ]
    says = f"ALT alleles by frequency: {words}." if words else "There are no ALT alleles."
    return Plot(
        title="Allele frequency spectrum",
        says=says,
        caption=caption,
        figure=plot,
        rows=FigureRows(("band", *KINDS), rows),
    )


def _shown_bands(spectrum: Counts) -> Counts:
    """AC 1, AC 2, and the bands from the first to the last that hold anything: few samples cannot fill the low ones."""
    filled = np.flatnonzero(spectrum.sum(axis=0))
    shares = filled[filled > 2]
    between = np.arange(shares[0], len(BANDS)) if shares.size else shares
    return np.concatenate([filled[filled == 0], [1, 2], between])


def value_plots(counted: Statistics) -> list[Plot]:
    """DP and GQ of all called genotypes."""
    depths = "DP (reads) of the called genotypes of all samples; the rightmost bar holds all larger ones."
    qualities = "GQ (phred) of the called genotypes of all samples; capped at 99 as in the VCF."
    of_both = ((counted.depths, "Depth", "DP", depths), (counted.qualities, "Genotype quality", "GQ", qualities))
    return [_distribution(*each) for each in of_both if each[0].any()]


def _distribution(counts: Counts, title: str, label: str, caption: str) -> Plot:
    total, cumulated = int(counts.sum()), np.cumsum(counts)
    last = min(int(np.searchsorted(cumulated, 0.998 * total)) + 1, len(counts) - 1)
    shown = np.append(counts[:last], counts[last:].sum())
    plot = new_figure(label, "genotypes")
    drawn = bars(plot, np.arange(last + 2) - 0.5, shown, fill_color=FIRST)
    median = int(np.searchsorted(cumulated, total / 2))
    plot.add_layout(Span(location=median, dimension="height", line_color=INK))
    thousands(plot.yaxis)
    hover(plot, [drawn], [(label, "$x{0}"), ("genotypes", "@top{0,0}")])
    low, high = (int(np.searchsorted(cumulated, share * total)) for share in (0.05, 0.95))
    says = f"{label} of {total:,} called genotypes: median {median}; 90% lie between {low} and {high}."
    return Plot(title=title, says=says, caption=caption, figure=plot)


def length_plot(counted: AlleleStatistics) -> Plot | None:
    """Indels by length, those that pass and those that do not."""
    if not counted.lengths.any():
        return None
    passing, failing = counted.lengths
    used = np.flatnonzero(counted.lengths.sum(axis=0)) - LONGEST
    plot = new_figure("bases inserted; negative: deleted", "indel alleles")
    edges = np.arange(2 * LONGEST + 2) - LONGEST - 0.5
    shown = bars(plot, edges, passing, fill_color=FIRST, legend_label="pass")
    drawn = [shown]
    if failing.any():
        places = np.flatnonzero(failing)
        source = ColumnDataSource(
            {
                "left": edges[places],
                "right": edges[places + 1],
                "bottom": passing[places],
                "top": (passing + failing)[places],
                "count": failing[places],
            }
        )
        plot.quad(
            "left", "right", "top", "bottom", source=source, fill_color=WARNING, line_color=CARD, legend_label="fail"
        )
    legend(plot)
    thousands(plot.yaxis)
    hover(plot, drawn, [("length", "$x{0}"), ("pass", "@top{0,0}")])
    inserted, deleted = (int(counted.lengths[:, part].sum()) for part in (slice(LONGEST + 1, None), slice(LONGEST)))
    frame = int(counted.lengths[:, (np.arange(2 * LONGEST + 1) - LONGEST) % 3 == 0].sum())
    share = percent_text(frame / (inserted + deleted))
    says = f"{inserted:,} insertions, {deleted:,} deletions; {share} have a length that is a multiple of 3."
    caption = f"The outermost bars hold all of {LONGEST} bases and more. In exons multiples of 3 stand out."
    rows = [(str(length), f"{passing[length + LONGEST]:,}", f"{failing[length + LONGEST]:,}") for length in used]
    table = FigureRows(("bases", "pass", "fail"), rows)
    return Plot(title="Indel lengths", says=says, caption=caption, figure=plot, rows=table)


def exchange_plot(counted: AlleleStatistics) -> Plot | None:
    """Ti/Tv of the SNVs above each QUAL."""
    if not counted.exchanges.any():
        return None
    edges = EDGES["QUAL"]
    plot = new_figure("QUAL, at least", "Ti/Tv", x_axis_type="log")
    sides: dict[str, tuple[str, Counts]] = {"all": (FIRST, counted.exchanges.sum(axis=1))}
    if counted.exchanges[:, 1].any():
        sides |= {"pass": (SECOND, counted.exchanges[:, 0]), "fail": (WARNING, counted.exchanges[:, 1])}
    drawn, curves = [], {}
    for label, (colour, counts) in sides.items():
        above = counts[:, ::-1].cumsum(axis=1)[:, ::-1]
        curves[label] = above
        known = np.flatnonzero((above.sum(axis=0) >= FEWEST_SNVS) & (above[1] > 0))
        if not known.size:
            continue
        source = ColumnDataSource(
            {"x": edges[known], "y": above[0, known] / above[1, known], "count": above[:, known].sum(axis=0)}
        )
        drawn.append(
            plot.line("x", "y", source=source, line_color=colour, line_width=2, legend_label=label, name=label)
        )
    legend(plot)
    hover(plot, drawn, [("", "$name"), ("QUAL, at least", "@x{0}"), ("Ti/Tv", "@y{0.00}"), ("SNVs", "@count{0,0}")])
    whole = {label: ratio_text(_ratio(*above[:, 0])) for label, above in curves.items()}
    says = "Ti/Tv: " + ", ".join(f"{label} {value}" for label, value in whole.items()) + "."
    caption = (
        f"Transitions for each transversion among the SNVs of this QUAL and higher, where there are {FEWEST_SNVS}. "
        "Random errors have 0.5; a curve that rises with QUAL shows errors among the SNVs of low QUAL."
    )
    rows = [
        (f"{edges[at]:,.0f}", *(ratio_text(_ratio(*above[:, at])) for above in curves.values()))
        for at in range(0, len(edges) - 1, 6)
    ]
    table = FigureRows(("QUAL, at least", *curves), rows)
    return Plot(title="Ti/Tv by quality", says=says, caption=caption, figure=plot, rows=table)


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator else math.nan


def annotation_plots(counted: AlleleStatistics) -> list[Plot]:
    """Each annotation of SNVs and indels, those that pass and those that do not."""
    drawn = (_annotation(name, counted.annotations[place]) for place, name in enumerate(EDGES))
    return [plot for plot in drawn if plot is not None]


def _annotation(name: str, counts: Counts) -> Plot | None:
    """counts is (KINDS, 2, BINS)."""
    if not counts.any():
        return None
    edges = _drawn_edges(name)
    plot = new_figure(name, "share of the alleles", x_axis_type="log" if name == "QUAL" else "linear")
    medians, drawn = [], []
    for kind, colour in ((0, FIRST), (1, SECOND)):
        for side, words in enumerate(("pass", "fail")):
            heights, label = counts[kind, side], f"{KINDS[kind]} {words}"
            if not heights.any():
                continue
            shares = heights / heights.sum()
            source = ColumnDataSource({"x": edges, "y": np.append(shares, shares[-1])})
            dash = "dashed" if side else "solid"
            drawn.append(
                plot.step(
                    "x",
                    "y",
                    source=source,
                    mode="after",
                    line_color=colour,
                    line_width=2,
                    line_dash=dash,
                    legend_label=label,
                    name=label,
                )
            )
            middle = int(np.searchsorted(np.cumsum(heights), heights.sum() / 2))
            medians.append((label, int(heights.sum()), EDGES[name][middle]))
    legend(plot)
    percents(plot.yaxis)
    if name == "FS":
        ticks = (0, 1, 3, 10, 30, 60, 100, 300)
        labelled(plot.xaxis, {math.log10(1 + tick): str(tick) for tick in ticks})
    hover(plot, drawn, [("", "$name"), ("share", "@y{0.00%}")])
    says = "Medians: " + ", ".join(f"{label} {_number(median)} of {total:,}" for label, total, median in medians) + "."
    return Plot(title=name, says=says if medians else "No SNV or indel has it.", caption=_ABOUT[name], figure=plot)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _drawn_edges(name: str) -> Floats:
    """FS as log10(1 + FS): it is 0 at most alleles, and 60 and more at those that are filtered."""
    return np.log10(1 + EDGES[name]) if name == "FS" else EDGES[name]


def filter_rows(counted: AlleleStatistics) -> FigureRows:
    """ALT alleles by filter and kind."""
    names = sorted({name for _, name in counted.filters}, key=lambda name: (name != "PASS", name))
    rows = []
    for name in names:
        by_kind = [counted.filters[kind, name] for kind in KINDS]
        rows.append((name, *(f"{count:,}" for count in by_kind), f"{sum(by_kind):,}"))
    return FigureRows(("filter", *KINDS, "all"), rows)


def score_plot(counted: AlleleStatistics) -> Plot | None:
    """What is kept at each threshold of CALIBRATION_SENSITIVITY."""
    if not counted.scored:
        return None
    kept = counted.scores.cumsum(axis=-1)
    plot = new_figure("threshold of CALIBRATION_SENSITIVITY", "kept")
    drawn = []
    for kind, colour in ((0, FIRST), (1, SECOND)):
        for group, dash in (("all", "solid"), ("calibration", "dashed"), ("singletons", "dotted")):
            counts = kept[kind, SCORED.index(group)]
            if not counts[-1]:
                continue
            label = f"{SCORED_AS[kind]}s, {group}"
            source = ColumnDataSource({"x": GRID, "y": (counts / counts[-1]).astype(np.float32), "count": counts})
            drawn.append(
                plot.line(
                    "x",
                    "y",
                    source=source,
                    line_color=colour,
                    line_dash=dash,
                    line_width=2,
                    legend_label=label,
                    name=label,
                )
            )
    percents(plot.yaxis)
    percents(plot.xaxis)
    legend(plot)
    lines = [("", "$name"), ("threshold", "@x{0.000}"), ("kept", "@y{0.00%}"), ("alleles", "@count{0,0}")]
    hover(plot, drawn, lines)
    rows = [row for kind in range(len(SCORED_AS)) for row in _tranches(kind, kept[kind])]
    header = ("type", "threshold", "alleles kept", "of all", "of calibration", "of singletons", "Ti/Tv", "het/hom")
    words = [f"{row[3]} of the {row[0]}s" for row in rows if row[1] == "0.990"]
    says = f"At a threshold of 0.99 a filter keeps {' and '.join(words)}."
    caption = (
        "A filter at a threshold keeps what is left of it. Of the calibration alleles the threshold's share is kept by "
        "construction; of all alleles fewer, the more errors there are."
    )
    return Plot(
        title="Filter tranches and sensitivity", says=says, caption=caption, figure=plot, rows=FigureRows(header, rows)
    )


def _tranches(kind: int, kept: Counts) -> list[tuple[str, ...]]:
    """kept is (SCORED, GRID), cumulated."""
    if not kept[0, -1]:
        return []
    rows = []
    for threshold in TRANCHES:
        at = int(np.searchsorted(GRID, threshold))
        of = dict(zip(SCORED, kept[:, at].tolist(), strict=True))
        shares = [percent_text(_ratio(kept[row, at], kept[row, -1])) for row in (0, 1, SCORED.index("singletons"))]
        exchanges = ratio_text(_ratio(of["transitions"], of["transversions"])) if kind == 0 else ""
        zygosity = ratio_text(_ratio(of["heterozygous"], of["homozygous"]))
        rows.append((SCORED_AS[kind], f"{threshold:.3f}", f"{of['all']:,}", *shares, exchanges, zygosity))
    return rows


def tranche_plot(counted: AlleleStatistics) -> Plot | None:
    """Ti/Tv and het/hom of the alleles between two thresholds of CALIBRATION_SENSITIVITY."""
    if not counted.scored:
        return None
    ends = np.searchsorted(GRID, TRANCHES)
    within = np.diff(counted.scores.cumsum(axis=-1)[..., ends], axis=-1, prepend=0)
    names = [f"{low:g} to {high:g}" for low, high in pairwise((0.0, *TRANCHES))]
    shown = {
        "Ti/Tv of SNPs": (FIRST, within[0], "transitions", "transversions"),
        "het/hom of SNPs": (SECOND, within[0], "heterozygous", "homozygous"),
        "het/hom of indels": (THIRD, within[1], "heterozygous", "homozygous"),
    }
    plot = new_figure("CALIBRATION_SENSITIVITY", "ratio")
    drawn, ratios = [], {}
    for label, (colour, counts, above, below) in shown.items():
        parts = [counts[SCORED.index(name)] for name in (above, below)]
        known = np.flatnonzero((parts[0] + parts[1] >= FEWEST_SNVS) & (parts[1] > 0))
        ratios[label] = [ratio_text(_ratio(*pair)) for pair in zip(*parts, strict=True)]
        if not known.size:
            continue
        source = ColumnDataSource(
            {"x": known, "y": parts[0][known] / parts[1][known], "tranche": [names[at] for at in known.tolist()]}
        )
        named = {"legend_label": label, "name": label}
        plot.line("x", "y", source=source, line_color=colour, line_width=2, **named)
        drawn.append(plot.scatter("x", "y", source=source, size=7, fill_color=colour, line_color=CARD, **named))
    labelled(plot.xaxis, {float(place): name for place, name in enumerate(names)}, slanted=True)
    plot.y_range = DataRange1d(start=0)
    legend(plot)
    hover(plot, drawn, [("", "$name"), ("tranche", "@tranche"), ("ratio", "@y{0.00}")])
    said = [(name, ratio) for name, ratio in zip(names, ratios["Ti/Tv of SNPs"], strict=True) if ratio != "n/a"]
    outermost = [f"{ratio} ({name})" for name, ratio in dict.fromkeys([*said[:1], *said[-1:]])]
    says = f"Ti/Tv of SNPs by sensitivity: {', '.join(outermost) or 'no tranche has one'}."
    caption = (
        "Each tranche alone: what a filter adds when its threshold is raised to the tranche's end. Errors bring Ti/Tv "
        "towards 0.5, and artefacts in all samples het/hom up; a filter belongs before the tranche where these turn. "
        f"Points of fewer than {FEWEST_SNVS} are left out."
    )
    table = FigureRows(("tranche", *ratios), list(zip(names, *ratios.values(), strict=True)))
    return Plot(title="Ti/Tv and het/hom by tranche", says=says, caption=caption, figure=plot, rows=table)


def genome_plots(counted: AlleleStatistics, contigs: Sequence[str]) -> list[Plot]:
    """Missing genotypes and depth along the genome, and depth by contig, over all samples that can be read."""
    if not counted.windows:
        return []
    places = np.array(list(counted.windows), np.int64)
    sums = np.array(list(counted.windows.values()), np.int64)
    column = {name: sums[:, place] for place, name in enumerate(WINDOW_SUMS)}
    axis = _GenomeAxis(places)
    missing = _along(axis, contigs, "missing genotypes", column["missing"], column["genotypes"])
    depth = _along(axis, contigs, "mean DP", column["depth_sum"], column["depth_calls"])
    plots = []
    if missing is not None:
        share = _ratio(column["missing"].sum(), column["genotypes"].sum())
        percents(missing.yaxis)
        says = f"{percent_text(share)} of all genotypes are missing; {_worst(column, places, contigs)}"
        caption = (
            "Share of genotypes with an allele that is not called, at the sites there: peaks are regions that reads \
do not reach, or that some samples' targets leave out."
        )
        plots.append(Plot(title="Missingness along the genome", says=says, caption=caption, figure=missing))
    if depth is not None:
        says = f"Mean DP {ratio_text(_ratio(column['depth_sum'].sum(), column['depth_calls'].sum()))} over all sites."
        caption = "Mean DP of called genotypes at the sites there: peaks are copies that the reference has once."
        rows = _depth_rows(column, places, contigs)
        plots.append(Plot(title="Depth along the genome", says=says, caption=caption, figure=depth, rows=rows))
    return plots


class _GenomeAxis:
    """The windows of the genome laid end to end, each contig from its first window with sites to its last.

    contigs   (contigs,) indices of those with sites
    begins    (contigs,) the first window of each
    offsets   (contigs + 1,) where each begins on the axis
    rows      (windows,) of which contig each window is
    groups    (windows,) neighbours on a contig that are one point
    """

    def __init__(self, places: Counts) -> None:
        self.contigs, first, self.rows = np.unique(places[:, 0], return_index=True, return_inverse=True)
        last = np.append(first[1:], len(places)) - 1
        self.begins = places[first, 1]
        self.offsets = np.concatenate([[0], np.cumsum(places[last, 1] - self.begins + 1)])
        self.windows = places[:, 1]
        step = -(-int(self.offsets[-1]) // MOST_PLACES)
        within = (self.windows - self.begins[self.rows]) // step
        self.groups = np.unique(np.stack([self.rows, within]), axis=1, return_inverse=True)[1].reshape(-1)

    def middles(self) -> tuple[Counts, Floats]:
        """Of each group which of `contigs` it is of, and the middle of its windows there, in windows."""
        size = np.bincount(self.groups)
        rows = (np.bincount(self.groups, self.rows) / size).astype(np.int64)
        return rows, np.bincount(self.groups, self.windows) / size + 0.5


def _along(
    axis: _GenomeAxis, contigs: Sequence[str], label: str, numerator: Counts, denominator: Counts
) -> Figure | None:
    """A line of a quotient along the genome, windows put together where there are many."""
    above, below = (np.bincount(axis.groups, values) for values in (numerator, denominator))
    known = np.flatnonzero(below)
    if not known.size:
        return None
    one, scale = len(axis.contigs) == 1, WINDOW_BASES / 1e6
    rows, middles = (each[known] for each in axis.middles())
    x = middles if one else middles - axis.begins[rows] + axis.offsets[rows]
    plot = new_figure(f"{contigs[axis.contigs[0]]}, Mb" if one else "", label)
    names = [plain(contigs[axis.contigs[row]]) for row in rows.tolist()]
    source = ColumnDataSource(
        {"x": x * scale, "y": above[known] / below[known], "contig": names, "at": middles * scale}
    )
    plot.line("x", "y", source=source, line_color=FIRST, line_width=1)
    points = plot.scatter("x", "y", source=source, size=4, fill_color=FIRST, line_color=None)
    if not one:
        starts, wide = axis.offsets[:-1] * scale, np.diff(axis.offsets) > axis.offsets[-1] / 36
        for start in starts[1:] if len(starts) <= MOST_BORDERS else ():
            plot.add_layout(Span(location=float(start), dimension="height", line_color=LINES))
        ticks = {float(start): contigs[axis.contigs[i]] for i, start in enumerate(starts) if wide[i]}
        labelled(plot.xaxis, ticks, slanted=True)
    hover(plot, [points], [("place", "@contig, @at{0.00} Mb"), (label, "@y{0.0000}")])
    return plot


def _worst(column: dict[str, Counts], places: Counts, contigs: Sequence[str]) -> str:
    rates = column["missing"] / np.maximum(column["genotypes"], 1)
    if not rates.any():
        return "no window has more than another."
    worst = int(np.argmax(rates))
    contig, window = places[worst].tolist()
    start = window * WINDOW_BASES
    return f"most in {contigs[contig]}:{start + 1:,}-{start + WINDOW_BASES:,}, {percent_text(float(rates[worst]))}."


def _depth_rows(column: dict[str, Counts], places: Counts, contigs: Sequence[str]) -> FigureRows:
    rows = []
    for contig in np.unique(places[:, 0])[:200].tolist():
        here = places[:, 0] == contig
        total = {name: int(values[here].sum()) for name, values in column.items()}
        depth = ratio_text(_ratio(total["depth_sum"], total["depth_calls"]))
        missing = percent_text(_ratio(total["missing"], total["genotypes"]))
        rows.append((contigs[contig], f"{total['sites']:,}", depth, missing))
    return FigureRows(("contig", "sites", "mean DP", "missing"), rows)


def call_rate_plot(counted: AlleleStatistics) -> Plot | None:
    """Sites by the called share of their genotypes."""
    rates = counted.site_call_rates
    if not rates.any():
        return None
    plot = new_figure("called genotypes of a site, percent", "sites (log scale)", y_axis_type="log")
    drawn = bars(plot, np.arange(102) - 0.5, rates, fill_color=FIRST, bottom=0.5)
    hover(plot, [drawn], [("called", "$x{0}%"), ("sites", "@top{0,0}")])
    low = int(rates[:95].sum())
    says = f"{short_count(low)} of {short_count(int(rates.sum()))} sites have a call rate below 95%."
    caption = "Whole percent, rounded down: 100 is every sample called."
    return Plot(title="Call rate by site", says=says, caption=caption, figure=plot)
