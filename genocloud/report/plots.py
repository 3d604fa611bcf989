"""The report's figures as inline SVG: the same bytes for the same counts, coloured by the page's style sheet."""

import io
import itertools
import math
import re
import threading
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

import numpy as np
import numpy.typing as npt
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from genocloud.formatting import percent_text, ratio_text, short_count
from genocloud.report import statistics
from genocloud.report.outliers import call_rate_outliers, het_hom_outliers
from genocloud.report.statistics import Statistics

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

NAMED_SAMPLES, DOTTED_SAMPLES = 24, 300
"""Up to the first, samples are named on the axis; up to the second each is a dot; beyond, a histogram."""

NAMED_OUTLIERS = 6
"""So many outliers are named in a plot; all of them are in the report's table."""

LONGEST_NAME = 14
"""Longer sample names are cut in plots."""

HISTOGRAM_BINS = 40

LOG_BASE = 0.5
"""Where bars of a logarithmic axis stand, so that one sample is a bar."""

WIDTH_INCHES, HEIGHT_INCHES = 5.6, 2.9

TEXT, GRID, FIRST, SECOND, THIRD, WARNING = (f"#0{digit}0{digit}0{digit}" for digit in range(1, 7))
_COLOURS = dict(
    zip(
        (TEXT, GRID, FIRST, SECOND, THIRD, WARNING),
        ("--ink-soft", "--line", "--series-1", "--series-2", "--series-3", "--warning"),
        strict=True,
    )
)
# Near-blacks stand for the style sheet's colours, and are replaced by them in the SVG: so the plots follow the page
# from light to dark.

_RENDERING = threading.Lock()
# What makes SVG deterministic are matplotlib's global settings; they change for one thread at a time.
_SETTINGS = {"svg.hashsalt": "genocloud", "svg.fonttype": "none", "font.family": "DejaVu Sans"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Plot:
    """A figure: its title, what it says in a sentence (for those who cannot see it), how to read it, and the SVG."""

    title: str
    says: str
    caption: str
    svg: str


def draw_plots(counted: Statistics) -> tuple[Plot, ...]:
    """All figures of the report."""
    drawings = (_call_rates, _het_hom, _depth_by_sample, _spectrum, _depths, _qualities)
    return tuple(drawing(counted, f"plot{number}") for number, drawing in enumerate(drawings, 1))


def _call_rates(counted: Statistics, key: str) -> Plot:
    rates = counted.call_rates
    return _by_sample(
        counted,
        _Measure(
            title="Call rate by sample",
            label="call rate",
            values=rates,
            outliers=call_rate_outliers(rates),
            words=percent_text,
            ceiling=1.0,
        ),
        "Share of genotypes that are called. The line is the median.",
        key,
    )


def _het_hom(counted: Statistics, key: str) -> Plot:
    ratios = counted.het_hom
    return _by_sample(
        counted,
        _Measure(
            title="Het/hom ratio by sample",
            label="het / hom-alt",
            values=ratios,
            outliers=het_hom_outliers(ratios),
            words=ratio_text,
        ),
        "Diploid heterozygous calls for each homozygous alternate one. Too high suggests contamination, too low "
        "inbreeding or lost alleles; ancestry moves it too. The line is the median.",
        key,
    )


def _depth_by_sample(counted: Statistics, key: str) -> Plot:
    return _by_sample(
        counted,
        _Measure(
            title="Mean depth by sample",
            label="mean DP",
            values=counted.mean_depths,
            outliers=np.zeros(0, np.int64),
            words=ratio_text,
        ),
        "Mean DP of called genotypes, reads. The line is the median.",
        key,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Measure:
    """One number for each sample, NaN where there is none; `outliers` are indices; `words` writes one number."""

    title: str
    label: str
    values: Floats
    outliers: Indices
    words: Callable[[float], str]
    ceiling: float = math.inf


def _by_sample(counted: Statistics, measure: _Measure, caption: str, key: str) -> Plot:
    figure, axes = _new_figure()
    known = np.flatnonzero(np.isfinite(measure.values))
    if not known.size:
        _say_empty(axes)
    elif len(counted.samples) <= DOTTED_SAMPLES:
        _draw_dots(axes, counted.samples, measure)
    else:
        _draw_histogram(axes, measure)
    if measure.words is percent_text:
        (axes.yaxis if len(counted.samples) <= DOTTED_SAMPLES else axes.xaxis).set_major_formatter(_PERCENT)
    return _finish(figure, measure.title, _in_words(counted.samples, measure, known), caption, key)


_PERCENT = PercentFormatter(1.0)


def _in_words(samples: Sequence[str], measure: _Measure, known: Indices) -> str:
    if not known.size:
        return "No sample has a value."
    values, words = measure.values[known], measure.words
    lowest, highest = known[np.argmin(values)], known[np.argmax(values)]
    return (
        f"{measure.label} of {known.size:,} samples: median {words(float(np.median(values)))}, "
        f"lowest {words(float(values.min()))} ({samples[lowest]}), "
        f"highest {words(float(values.max()))} ({samples[highest]})."
    )


def _draw_dots(axes: Axes, samples: Sequence[str], measure: _Measure) -> None:
    places = np.arange(len(samples))
    axes.axhline(float(np.nanmedian(measure.values)), color=TEXT, linewidth=0.8, linestyle="--", zorder=1)
    size = float(np.clip(1500 / len(samples), 12, 45))
    axes.scatter(places, measure.values, s=size, color=FIRST, linewidths=0, zorder=2)
    axes.scatter(measure.outliers, measure.values[measure.outliers], s=size * 1.3, color=WARNING, zorder=3)
    axes.set_xlim(-0.7, len(samples) - 0.3)
    _pad_vertically(axes, measure)
    axes.set_ylabel(measure.label)
    if len(samples) <= NAMED_SAMPLES:
        axes.set_xticks(places, [_short(name) for name in samples], rotation=45, ha="right", rotation_mode="anchor")
        return
    axes.set_xlabel("samples, in the callset's order")
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    for index in measure.outliers[:NAMED_OUTLIERS]:
        right = index > len(samples) * 0.75
        axes.annotate(
            _short(samples[index]),
            (index, measure.values[index]),
            (-6 if right else 6, 0),
            textcoords="offset points",
            ha="right" if right else "left",
            va="center",
            color=WARNING,
        )


def _pad_vertically(axes: Axes, measure: _Measure) -> None:
    """Some air around the values, also where all are equal; hardly any above the largest possible one."""
    low, high = float(np.nanmin(measure.values)), float(np.nanmax(measure.values))
    air = max((high - low) * 0.12, abs(high) * 0.01, 1e-3)
    axes.set_ylim(low - air, min(high + air, measure.ceiling + air / 4))


def _draw_histogram(axes: Axes, measure: _Measure) -> None:
    values = measure.values[np.isfinite(measure.values)]
    counts, edges = np.histogram(values, HISTOGRAM_BINS)
    apart, _ = np.histogram(measure.values[measure.outliers], edges)
    axes.stairs(counts, edges, baseline=LOG_BASE, fill=True, color=FIRST, label="samples")
    axes.stairs(apart, edges, baseline=LOG_BASE, fill=True, color=WARNING, label=f"{apart.sum():,} that stand out")
    axes.axvline(float(np.median(values)), color=TEXT, linewidth=1)
    # Among thousands, one odd sample is a bar of height one: only a logarithmic axis shows it.
    axes.set_yscale("log", nonpositive="clip")
    axes.set_ylim(LOG_BASE, None)
    axes.yaxis.set_major_formatter(_SHORT)
    axes.set_xlabel(measure.label)
    axes.set_ylabel("samples (log scale)")
    if len(measure.outliers):
        axes.legend(frameon=False, labelcolor=TEXT)


def _spectrum(counted: Statistics, key: str) -> Plot:
    figure, axes = _new_figure()
    bands = _shown_bands(counted.spectrum)
    places = np.arange(len(bands))
    below = np.zeros(len(bands), np.int64)
    for kind, colour in zip(range(len(statistics.KINDS)), (FIRST, SECOND, THIRD), strict=True):
        heights = counted.spectrum[kind, bands]
        if heights.any():
            axes.bar(places, heights, 0.8, below, color=colour, label=statistics.KINDS[kind])
        below = below + heights
    for place, height in zip(places, below, strict=True):
        axes.annotate(
            short_count(int(height)), (place, height), (0, 2), textcoords="offset points", ha="center", color=TEXT
        )
    if below.any():
        axes.legend(frameon=False, labelcolor=TEXT)
    else:
        _say_empty(axes)
    axes.margins(y=0.12)
    axes.set_xticks(places, [statistics.BANDS[band] for band in bands], rotation=45, ha="right", rotation_mode="anchor")
    axes.yaxis.set_major_formatter(_SHORT)
    axes.set_ylabel("ALT alleles")
    words = ", ".join(f"{statistics.BANDS[band]}: {total:,}" for band, total in zip(bands, below, strict=True))
    caption = (
        "ALT alleles by how often they are called: once (AC 1), twice (AC 2), then by AC / AN; not folded. "
        "The allele * is left out."
    )
    return _finish(figure, "Allele frequency spectrum", f"ALT alleles by frequency: {words}.", caption, key)


def _shown_bands(spectrum: npt.NDArray[np.int64]) -> Indices:
    """AC 1, AC 2, and the bands from the first to the last that hold anything: few samples cannot fill the low ones."""
    filled = np.flatnonzero(spectrum.sum(axis=0))
    shares = filled[filled > 2]
    uncalled = filled[filled == 0]
    between = np.arange(shares[0], len(statistics.BANDS)) if shares.size else shares
    return np.concatenate([uncalled, [1, 2], between])


def _depths(counted: Statistics, key: str) -> Plot:
    return _distribution(
        counted.depths,
        "Depth",
        "DP",
        "DP (reads) of the called genotypes of all samples, with the median; the rightmost bar holds all larger ones.",
        key,
    )


def _qualities(counted: Statistics, key: str) -> Plot:
    return _distribution(
        counted.qualities,
        "Genotype quality",
        "GQ",
        "GQ (phred) of the called genotypes of all samples, with the median; capped at 99 as in the VCF.",
        key,
    )


def _distribution(counts: npt.NDArray[np.int64], title: str, label: str, caption: str, key: str) -> Plot:
    figure, axes = _new_figure()
    axes.set_xlabel(label)
    axes.set_ylabel("genotypes")
    total = int(counts.sum())
    if not total:
        _say_empty(axes)
        return _finish(figure, title, "No called genotype has a value.", caption, key)
    cumulated = np.cumsum(counts)
    last = min(int(np.searchsorted(cumulated, 0.998 * total)) + 1, len(counts) - 1)
    shown = np.append(counts[:last], counts[last:].sum())
    axes.stairs(shown, np.arange(last + 2) - 0.5, fill=True, color=FIRST)
    median = int(np.searchsorted(cumulated, total / 2))
    axes.axvline(median, color=TEXT, linewidth=1)
    axes.set_xlim(-0.6, last + 0.6)
    axes.yaxis.set_major_formatter(_SHORT)
    low, high = (int(np.searchsorted(cumulated, share * total)) for share in (0.05, 0.95))
    says = f"{label} of {total:,} called genotypes: median {median}; 90% lie between {low} and {high}."
    return _finish(figure, title, says, caption, key)


_SHORT = FuncFormatter(lambda value, _: short_count(value) if value >= 1 or value == 0 else "")


def _new_figure() -> tuple[Figure, Axes]:
    figure = Figure(figsize=(WIDTH_INCHES, HEIGHT_INCHES), layout="constrained")
    FigureCanvasSVG(figure)
    figure.patch.set_visible(False)
    axes = figure.add_subplot()
    axes.patch.set_visible(False)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(GRID)
    axes.grid(axis="y", color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(color=GRID, labelcolor=TEXT)
    for axis in (axes.xaxis, axes.yaxis):
        axis.label.set_color(TEXT)
    return figure, axes


def _say_empty(axes: Axes) -> None:
    axes.text(0.5, 0.5, "nothing to show", color=TEXT, ha="center", va="center", transform=axes.transAxes)


def _short(name: str) -> str:
    # matplotlib takes text between dollar signs as mathematics.
    cut = name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 3] + "..."
    return cut.replace("$", r"\$")


def _finish(figure: Figure, title: str, says: str, caption: str, key: str) -> Plot:
    out = io.StringIO()
    with _RENDERING, rc_context(_SETTINGS), warnings.catch_warnings():
        # The browser has fonts for names that matplotlib's own font cannot write.
        warnings.filterwarnings("ignore", "Glyph", UserWarning)
        figure.savefig(out, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    return Plot(title=title, says=says, caption=caption, svg=_inline(out.getvalue(), title, says, key))


def _inline(svg: str, title: str, says: str, key: str) -> str:
    """An SVG file as an element of a page: no prolog, the page's colours, names that are unique in the page."""
    body = re.sub(r"<metadata>.*?</metadata>", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    body = re.sub(r' xmlns(:\w+)?="[^"]*"', "", body)
    body = _rename_ids(body, key)
    for stand_in, variable in _COLOURS.items():
        body = body.replace(stand_in, f"var({variable})")
    view_box = re.search(r'viewBox="[^"]*"', body)
    assert view_box is not None
    head = f'<svg {view_box[0]} role="img" aria-labelledby="{key}-title {key}-desc">'
    words = f'<title id="{key}-title">{escape(title)}</title><desc id="{key}-desc">{escape(says)}</desc>'
    return head + words + body[body.index(">") + 1 :].strip()


def _rename_ids(svg: str, key: str) -> str:
    """Ids as `key-1`, `key-2`, ...: matplotlib names the parts of each figure alike."""
    numbers = itertools.count(1)
    names = {name: f"{key}-{next(numbers)}" for name in re.findall(r'\bid="([^"]+)"', svg)}
    svg = re.sub(r'\bid="([^"]+)"', lambda match: f'id="{names[match[1]]}"', svg)
    svg = re.sub(r'href="#([^"]+)"', lambda match: f'href="#{names[match[1]]}"', svg)
    return re.sub(r"url\(#([^)]+)\)", lambda match: f"url(#{names[match[1]]})", svg)
