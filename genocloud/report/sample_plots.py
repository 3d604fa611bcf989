"""Figures with a point for each sample, or for each pair: quality, sex, contamination, components, kinship, depth."""

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
from bokeh.models import CDSView, ColumnDataSource, CustomJS, DataRange1d, IndexFilter, Span, TapTool

from genocloud.formatting import percent_text, ratio_text
from genocloud.report.people import CallsetPeople, Columns
from genocloud.report.plots import (
    CARD,
    FIFTH,
    FIRST,
    FOURTH,
    GRID,
    INK,
    MOST_POINTS,
    SECOND,
    SIXTH,
    THIRD,
    WARNING,
    Figure,
    FigureRows,
    Floats,
    Plot,
    hover,
    labelled,
    legend,
    new_figure,
    percents,
    plain,
)
from genocloud.schema import GROUPINGS

Indices = npt.NDArray[np.int64]

FEW_POINTS = 2_000
"""More points are drawn without borders, and those of large groups fainter."""

MOST_PAIRS = 4_000
"""Pairs in the figure of kinship: those that are flagged, then the closest."""

SEX_CHECKS = ("sex", "karyotype", "swap")
"""Checks that say something of a sample's sex."""

LEAST_RATIO = 0.01
"""Smaller ratios of depth, such as those of Y in women, are drawn there: the axis is logarithmic."""

MOST_CONTIGS = 60
"""Contigs in the figure of depth: the first of the reference."""

_APART = (
    (FIRST, "circle"), (SECOND, "square"), (THIRD, "triangle"), (FOURTH, "inverted_triangle"), (FIFTH, "hex"),
    (SIXTH, "star"),
)  # fmt: skip
"""Colours and shapes by which groups are told apart."""


class SamplePoints:
    """The samples as points; all figures share their names and numbers, so that the page has them once."""

    def __init__(self, people: CallsetPeople) -> None:
        self.people = people
        self.shown = np.arange(len(people.names)) if len(people.names) <= MOST_POINTS else _spread(people)
        self._place = {int(sample): row for row, sample in enumerate(self.shown)}
        self._source = ColumnDataSource(
            {"sample": [people.names[i] for i in self.shown], "order": (self.shown + 1).astype(np.int32)}
        )

    def column(self, name: str) -> str:
        """The name of a column of numbers in the source, added when it is first used."""
        if name not in self._source.data:
            self._source.add(self.people.numbers[name][self.shown].astype(np.float32), name)
        return name

    def words(self, name: str) -> str:
        """The same of a column of text."""
        if name not in self._source.data:
            self._source.add([str(text) for text in self.people.words[name][self.shown]], name)
        return name

    def draw(
        self,
        figure: Figure,
        x: str,
        y: str,
        groups: Mapping[str, tuple[str, Indices]],
        shapes: Mapping[str, str] = MappingProxyType({WARNING: "diamond"}),
    ) -> list[Any]:
        """Points by group: label to colour and samples; their shapes by colour, circles where there is none.

        A click on a point looks the sample up in the table. Small groups lie above large ones, flagged samples on top.
        """
        drawn, many = [], len(self.shown) > FEW_POINTS
        in_order = sorted(groups.items(), key=lambda item: (item[1][0] == WARNING, -len(item[1][1])))
        for label, (colour, samples) in in_order:
            rows = [self._place[i] for i in samples.tolist() if i in self._place]
            if not rows:
                continue
            view = CDSView(filter=IndexFilter(rows)) if len(rows) < len(self.shown) else CDSView()
            size = float(np.clip(900 / max(len(self.shown), 1) + 4, 5, 10))
            alpha = 0.8 if colour == WARNING or not many else float(np.clip(800 / len(rows), 0.3, 0.8))
            drawn.append(
                figure.scatter(
                    x,
                    y,
                    source=self._source,
                    view=view,
                    size=size + 4 * (colour == WARNING),
                    marker=shapes.get(colour, "circle"),
                    fill_color=colour,
                    line_color=None if many else CARD,
                    line_width=0.5,
                    fill_alpha=alpha,
                    legend_label=plain(label),
                )
            )
        look_up = CustomJS(
            args={"source": self._source},
            code="const rows = source.selected.indices; if (rows.length) lookUp(source.data.sample[rows[0]])",
        )
        figure.add_tools(TapTool(renderers=drawn, callback=look_up))
        legend(figure)
        return drawn

    def by_flag(self, flagged: Indices) -> dict[str, tuple[str, Indices]]:
        """Two groups: the samples that are flagged, and the others."""
        others = np.setdiff1d(np.arange(len(self.people.names)), flagged)
        return {"not flagged": (FIRST, others), "flagged": (WARNING, flagged)}


def _spread(people: CallsetPeople) -> Indices:
    """The flagged samples, and of the others every so many."""
    step = -(-len(people.names) // MOST_POINTS)
    return np.union1d(people.flagged, np.arange(0, len(people.names), step))


def quality_plots(points: SamplePoints) -> list[Plot]:
    """Call rate, het/hom and depth of each sample."""
    checks = {"call_rate": ("call rate",), "het_hom": ("het/hom", "r_het_hom_var"), "mean_dp": ("depth",)}
    titles = {"call_rate": "Call rate by sample", "het_hom": "Het/hom by sample", "mean_dp": "Mean depth by sample"}
    labels = {"call_rate": "call rate", "het_hom": "het / hom-alt", "mean_dp": "mean DP"}
    captions = {
        "call_rate": "Share of genotypes that are called. The line is the median.",
        "het_hom": "Diploid heterozygous calls for each homozygous alternate one: too high suggests contamination, too "
        "low inbreeding or lost alleles; ancestry moves it too.",
        "mean_dp": "Mean DP of called genotypes, reads.",
    }
    out = []
    for name, title in titles.items():
        if not points.people.known(name):
            continue
        flagged = points.people.with_check(*checks[name])
        plot = _by_order(points, name, labels[name], flagged)
        if name == "call_rate":
            percents(plot.yaxis)
        words = percent_text if name == "call_rate" else ratio_text
        says = _in_words(points.people, name, labels[name], words)
        out.append(Plot(title=title, says=says, caption=captions[name], figure=plot))
    return out


def _by_order(points: SamplePoints, name: str, label: str, flagged: Indices) -> Figure:
    plot = new_figure("samples, in the callset's order", label)
    column = points.column(name)
    median = float(np.nanmedian(points.people.numbers[name]))
    plot.add_layout(Span(location=median, dimension="width", line_color=INK, line_dash="dashed"))
    drawn = points.draw(plot, "order", column, points.by_flag(flagged))
    hover(plot, drawn, [("sample", "@sample"), (label, f"@{{{column}}}{{0.0000}}")])
    return plot


def _in_words(people: CallsetPeople, name: str, label: str, words: Any) -> str:
    values = people.numbers[name]
    known = np.flatnonzero(np.isfinite(values))
    low, high = known[np.argmin(values[known])], known[np.argmax(values[known])]
    middle = float(np.median(values[known]))
    return (
        f"{label} of {known.size:,} samples: median {words(middle)}, lowest {words(float(values[low]))} "
        f"({people.names[low]}), highest {words(float(values[high]))} ({people.names[high]})."
    )


def sex_plot(points: SamplePoints) -> Plot | None:
    """Copies of X and Y by depth, of the callset or else of the screen; None where nothing is known."""
    people = points.people
    prefix = "" if people.known("x_ploidy") else "screen_"
    if not people.known(f"{prefix}x_ploidy"):
        return None
    if not people.known(f"{prefix}y_ploidy"):
        return _f_plot(points) if people.known("F_X") else None
    plot = new_figure("copies of X, by depth", "copies of Y, by depth")
    x, y = points.column(f"{prefix}x_ploidy"), points.column(f"{prefix}y_ploidy")
    drawn = points.draw(plot, x, y, _by_sex(people, prefix))
    lines = [("sample", "@sample"), ("X", f"@{{{x}}}{{0.00}}"), ("Y", f"@{{{y}}}{{0.00}}")]
    lines += [(label, f"@{{{points.words(name)}}}") for label, name in _sex_words(people, prefix)]
    lines += [("F of X", f"@{{{points.column('F_X')}}}{{0.000}}")] if people.known("F_X") else []
    hover(plot, drawn, lines)
    flagged = people.with_check(*SEX_CHECKS)
    names = ", ".join(people.names[i] for i in flagged[:6]) + (", ..." if flagged.size > 6 else "")
    says = f"{flagged.size:,} of {len(people.names):,} samples are flagged for their sex{': ' if names else ''}{names}."
    caption = "XX is at 2 and 0, XY at 1 and 1. Depth of X and Y over that of the autosomes, twice."
    return Plot(title="Sex", says=says, caption=caption, figure=plot)


def _sex_words(people: CallsetPeople, prefix: str) -> list[tuple[str, str]]:
    names = {"": ("karyotype", "sheet_sex"), "screen_": ("screen_sex", "screen_sheet")}[prefix]
    return [(label, name) for label, name in zip(("found", "sheet"), names, strict=True) if name in people.words]


def _by_sex(people: CallsetPeople, prefix: str) -> dict[str, tuple[str, Indices]]:
    """Samples by the sheet's sex, those that are flagged apart."""
    sheet = people.words.get("sheet_sex" if prefix == "" else "screen_sheet", np.full(len(people.names), "", object))
    flagged = people.with_check(*SEX_CHECKS)
    apart = np.zeros(len(people.names), bool)
    apart[flagged] = True
    known = {sex: (sheet == sex) & ~apart for sex in ("female", "male")}
    rest = ~apart & ~known["female"] & ~known["male"]
    return {
        "female in the sheet": (SECOND, np.flatnonzero(known["female"])),
        "male in the sheet": (FIRST, np.flatnonzero(known["male"])),
        "not in the sheet": (INK, np.flatnonzero(rest)),
        "flagged": (WARNING, flagged),
    }


def _f_plot(points: SamplePoints) -> Plot:
    people = points.people
    plot = new_figure("samples, in the callset's order", "F of X")
    drawn = points.draw(plot, "order", points.column("F_X"), _by_sex(people, ""))
    hover(plot, drawn, [("sample", "@sample"), ("F", "@F_X{0.000}")])
    says = _in_words(people, "F_X", "F of X", ratio_text)
    return Plot(title="Sex", says=says, caption="Below 0.5 is XX, above 0.75 XY.", figure=plot)


def contamination_plot(points: SamplePoints) -> Plot | None:
    """Contamination as the screen has it."""
    people = points.people
    charr, share = "screen_contamination", "screen_hom_alt_ref_share"
    name = charr if people.known(charr) else share
    if not people.known(name):
        return None
    label = "contamination (CHARR)" if name == charr else "share of REF's reads at hom-alt calls"
    plot = _by_order(points, name, label, people.with_check("contamination", "hom_alt_ref_share"))
    percents(plot.yaxis)
    caption = (
        "Other people's reads turn up as reads of REF where a sample has only the ALT. From each sample's own gVCF, "
        "before joint genotyping; clean samples have 0.5% to 1%."
    )
    says = _in_words(people, name, label, percent_text)
    return Plot(title="Contamination", says=says, caption=caption, figure=plot)


def component_plots(points: SamplePoints) -> list[Plot]:
    """The first four principal components, two by two; the first two by ancestry, batch, site, caller and sex."""
    people, out = points.people, []
    for one, other in (("PC1", "PC2"), ("PC3", "PC4")):
        if people.known(one) and people.known(other):
            says = f"{one} goes from {_range(people.numbers[one])}, {other} from {_range(people.numbers[other])}."
            out.append(_components(points, one, other, ("", points.by_flag(people.flagged)), says))
    for word in ("ancestry", *GROUPINGS, "sex") if out else ():
        groups = _by_value(people, "karyotype" if word == "sex" else word)
        if len(groups) > 1:
            counts = ", ".join(f"{label} {len(samples):,}" for label, (_, samples) in groups.items())
            out.append(_components(points, "PC1", "PC2", (f", by {word}", groups), f"Samples by {word}: {counts}."))
    return out


def _components(
    points: SamplePoints, one: str, other: str, groups: tuple[str, dict[str, tuple[str, Indices]]], says: str
) -> Plot:
    """Two components; groups: the end of the title, and the points."""
    plot = new_figure(one, other)
    shapes = {WARNING: "diamond"} | dict(_APART) if groups[0] else {WARNING: "diamond"}
    drawn = points.draw(plot, points.column(one), points.column(other), groups[1], shapes)
    lines = [("sample", "@sample"), (one, f"@{one}{{0.000}}"), (other, f"@{other}{{0.000}}")]
    columns = "ancestry", *GROUPINGS, "karyotype"
    named = [(word, f"@{points.words(word)}") for word in columns if word in points.people.words]
    hover(plot, drawn, [*lines, *named])
    caption = "Groups are ancestry, or technical: a batch, site or caller that lies apart has its own artefacts."
    if groups[0].endswith("sex"):
        caption = "The set of sites has none of X and Y: where the sexes lie apart, other sites follow reads of X or Y."
    title = f"Principal components {one[2]} and {other[2]}{groups[0]}"
    return Plot(title=title, says=says, caption=caption, figure=plot)


def _by_value(people: CallsetPeople, column: str) -> dict[str, tuple[str, Indices]]:
    """Samples by a column of words: those values a colour each whose median lies farthest off in PC1 and PC2."""
    words = people.words.get(column, np.full(len(people.names), "", object))
    places = np.stack([people.numbers["PC1"], people.numbers["PC2"]], axis=1)
    known = np.flatnonzero((words != "") & np.isfinite(places).all(axis=1))
    values, which = np.unique(words[known].astype(str), return_inverse=True)
    middles = np.array([np.median(places[known[which == row]], axis=0) for row in range(len(values))]).reshape(-1, 2)
    off = np.hypot(*(middles - np.median(places[known], axis=0)).T) if len(values) else np.zeros(0)
    farthest = np.sort(np.argsort(-off, kind="stable")[: len(_APART)])
    groups = {
        values[row]: (colour, known[which == row]) for row, (colour, _) in zip(farthest.tolist(), _APART, strict=False)
    }
    others = known[~np.isin(which, farthest)]
    return {**({"others": (GRID, others)} if others.size else {}), **groups}


def _range(values: Floats) -> str:
    return f"{np.nanmin(values):.3f} to {np.nanmax(values):.3f}"


def kinship_plot(people: CallsetPeople, pairs: Columns) -> Plot | None:
    """Pairs by kinship and sites without a shared allele, against the pedigree."""
    if not len(pairs["KINSHIP"]):
        return None
    odd = _flagged_pairs(people, pairs)
    with np.errstate(invalid="ignore", divide="ignore"):
        apart = pairs["IBS0"] / pairs["NSNP"]
    order = np.lexsort((-np.nan_to_num(pairs["KINSHIP"], nan=-9.0), ~odd))[:MOST_PAIRS]
    expected = pairs["expected"] != ""
    plot = new_figure("share of sites without a shared allele (IBS0)", "kinship (KING)")
    drawn = []
    groups = {
        "as the pedigree has it": (FIRST, expected & ~odd),
        "nothing expected": (THIRD, ~expected & ~odd),
        "flagged": (WARNING, odd),
    }
    for label, (colour, mask) in groups.items():
        rows = order[mask[order]]
        if not rows.size:
            continue
        source = ColumnDataSource(
            {
                "x": apart[rows].astype(np.float32),
                "y": pairs["KINSHIP"][rows].astype(np.float32),
                **{name: [str(each) for each in pairs[name][rows]] for name in ("IID1", "IID2", "relationship")},
                "expected": [str(each) or "nothing" for each in pairs["expected"][rows]],
            }
        )
        drawn.append(
            plot.scatter(
                "x",
                "y",
                source=source,
                size=10 if colour == WARNING else 6,
                marker="diamond" if colour == WARNING else "circle",
                fill_color=colour,
                fill_alpha=0.8 if colour == WARNING else 0.4,
                line_color=None,
                legend_label=label,
            )
        )
    for cut in (0.354, 0.177, 0.0884, 0.0442):
        plot.add_layout(Span(location=cut, dimension="width", line_color=GRID, line_dash="dashed"))
    legend(plot)
    lines = [("samples", "@IID1, @IID2"), ("kinship", "@y{0.000}"), ("IBS0", "@x{0.0000}")]
    hover(plot, drawn, [*lines, ("they are", "@relationship"), ("pedigree", "@expected")])
    shown = len(order)
    says = f"{len(odd):,} pairs are related or should be; {int(odd.sum()):,} are flagged."
    says += f" {shown:,} are drawn: those flagged, and the closest." if shown < len(odd) else ""
    caption = (
        "Lines: 0.354 and more is one person twice (or twins), 0.177 first degree, 0.0884 second, 0.0442 third. Of the "
        "first degree, parent and child have next to no IBS0."
    )
    return Plot(title="Kinship", says=says, caption=caption, figure=plot, rows=_pair_rows(pairs, order, odd))


def _flagged_pairs(people: CallsetPeople, pairs: Columns) -> npt.NDArray[np.bool_]:
    """Whether a flag of either of the two names the other."""
    values: dict[str, list[str]] = {}
    for flag in people.flags:
        if flag.check in ("duplicate", "kinship"):
            values.setdefault(flag.sample, []).append(flag.value)
    return np.array(
        [
            any(value == other or f" of {other} (" in value for value in values.get(one, ()))
            for one, other in zip(pairs["IID1"].tolist(), pairs["IID2"].tolist(), strict=True)
        ],
        bool,
    )


def _pair_rows(pairs: Columns, order: Indices, odd: npt.NDArray[np.bool_], most: int = 200) -> FigureRows:
    header = ("sample", "sample", "kinship", "they are", "by the pedigree", "flagged")
    rows = []
    for row in order[:most].tolist():
        words = (str(pairs["relationship"][row]), str(pairs["expected"][row]), "flagged" if odd[row] else "")
        rows.append((str(pairs["IID1"][row]), str(pairs["IID2"][row]), f"{pairs['KINSHIP'][row]:.3f}", *words))
    return FigureRows(header, rows)


def trio_plot(trios: Columns) -> Plot | None:
    """Mendelian errors of each trio."""
    if not len(trios["error_rate"]):
        return None
    order = np.argsort(-np.nan_to_num(trios["error_rate"], nan=-1), kind="stable")
    plot = new_figure("trios, by their errors", "Mendelian errors")
    names = ("child", "father", "mother")
    source = ColumnDataSource(
        {
            "place": np.arange(1, len(order) + 1).astype(np.int32),
            "rate": trios["error_rate"][order],
            "after": trios["error_rate_pass"][order],
            **{name: [str(each) for each in trios[name][order]] for name in names},
        }
    )
    drawn = [
        plot.scatter(
            "place", "rate", source=source, size=11, fill_color=None, line_color=FIRST, legend_label="all sites"
        ),
        plot.scatter(
            "place", "after", source=source, size=6, fill_color=SECOND, line_color=None, legend_label="sites that pass"
        ),
    ]
    legend(plot)
    percents(plot.yaxis)
    plot.y_range = DataRange1d(start=0)
    errors = ("errors", "@rate{0.00%}"), ("errors after filters", "@after{0.00%}")
    hover(plot, drawn, [*((name, f"@{name}") for name in names), *errors])
    middle, after = (_median_text(trios[name]) for name in ("error_rate", "error_rate_pass"))
    worst = ", ".join(str(trios["child"][row]) for row in order[:3])
    count = f"{len(order):,} {'trio' if len(order) == 1 else 'trios'}"
    says = f"{count}; the median has {middle} errors, {after} at sites that pass. Most errors: {worst}."
    caption = (
        "Of the sites at which one of the three has an ALT, those at which the child cannot have its alleles from its "
        "parents. True trios of filtered genomes have below 1%; a swapped parent 10% and more."
    )
    counts = ("ngood_alt", "nmerr", "nmissing")
    rows = [
        (*(str(trios[name][row]) for name in names), *(f"{int(trios[name][row]):,}" for name in counts))
        for row in order[:200].tolist()
    ]
    table = FigureRows((*names, "good, with an ALT", "errors", "one not called"), rows)
    return Plot(title="Mendelian errors", says=says, caption=caption, figure=plot, rows=table)


def _median_text(rates: npt.NDArray[np.float64]) -> str:
    known = rates[np.isfinite(rates)]
    return percent_text(float(np.median(known))) if known.size else "n/a"


def contig_plot(contigs: Columns) -> Plot | None:
    """Depth by contig over the samples, each against its own autosomes."""
    names = list(dict.fromkeys(contigs["contig"].tolist()))[:MOST_CONTIGS]
    if not names:
        return None
    whole = _median_by(contigs["sample"], contigs["depth"])
    with np.errstate(invalid="ignore", divide="ignore"):
        ratios = contigs["depth"] / np.array([whole[name] for name in contigs["sample"].tolist()])
    rows, spread = [], []
    for name in names:
        values = ratios[(contigs["contig"] == name) & np.isfinite(ratios)]
        spread.append(np.quantile(values, (0.05, 0.5, 0.95)) if values.size else np.full(3, np.nan))
        rows.append((str(name), *(ratio_text(float(value)) for value in spread[-1])))
    plot = new_figure("", "depth / the sample's median contig", y_axis_type="log")
    places, (low, middle, high) = np.arange(len(names), dtype=np.float64), np.maximum(np.array(spread).T, LEAST_RATIO)
    source = ColumnDataSource(
        {"x": places, "low": low, "middle": middle, "high": high, "contig": [plain(str(name)) for name in names]}
    )
    plot.segment("x", "low", "x", "high", source=source, line_color=FIRST, line_width=3, line_alpha=0.5)
    drawn = plot.scatter("x", "middle", source=source, size=7, fill_color=FIRST, line_color=CARD)
    labelled(plot.xaxis, dict(zip(places.tolist(), map(str, names), strict=True)), slanted=len(names) > 8)
    quantiles = "@low{0.00} to @high{0.00}"
    hover(plot, [drawn], [("contig", "@contig"), ("median", "@middle{0.00}"), ("5% to 95%", quantiles)])
    known = [row for row in rows if row[2] != "n/a"]
    says = "Median over the samples: " + ", ".join(f"{name} {value}" for name, _, value, _ in known[:30]) + "."
    caption = (
        "Depth of each contig over the sample's median contig: the point is the median of the samples, the bar their "
        "5% to 95%. Before joint genotyping, from all bases that records cover."
    )
    table = FigureRows(("contig", "5%", "median", "95%"), rows)
    return Plot(title="Depth by contig and sample", says=says, caption=caption, figure=plot, rows=table)


def _median_by(keys: npt.NDArray[Any], values: Floats) -> dict[str, float]:
    order = np.argsort(keys.astype(str), kind="stable")
    names, starts = np.unique(keys[order].astype(str), return_index=True)
    parts: Sequence[Floats] = np.split(values[order], starts[1:])
    known = (part[np.isfinite(part)] for part in parts)
    middles = [float(np.median(part)) if part.size else math.nan for part in known]
    return dict(zip(names.tolist(), middles, strict=True))
