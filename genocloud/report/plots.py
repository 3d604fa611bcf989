"""What all figures share: Bokeh's models, in colours of the page's style sheet, and how the page embeds them."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from bokeh.document import Document
from bokeh.models import ColumnDataSource, CustomJSTickFormatter, FixedTicker, HoverTool
from bokeh.plotting import figure as bokeh_figure
from bokeh.resources import Resources

from genocloud.report.script_text import escaped

Floats = npt.NDArray[np.float64]
Figure = Any

INK, GRID, CARD, FIRST, SECOND, THIRD, WARNING, FOURTH, FIFTH, SIXTH = (
    f"#{3 * f'{digit:02x}'}" for digit in range(1, 11)
)
_COLOURS = dict(
    zip(
        (INK, GRID, CARD, FIRST, SECOND, THIRD, WARNING, FOURTH, FIFTH, SIXTH),
        (
            "--ink-soft",
            "--line",
            "--card",
            "--series-1",
            "--series-2",
            "--series-3",
            "--warning",
            "--series-4",
            "--series-5",
            "--series-6",
        ),
        strict=True,
    )
)
# Near-blacks stand for the style sheet's colours, whose names Bokeh does not take; the page's script puts the colours
# of the day or of the night in their place before it draws.

HEIGHT = 300
"""Pixels; the width is the page's."""

MOST_POINTS = 20_000
"""Plots with a point for each sample have no more of them; the others are in the table."""


class FigureRows(NamedTuple):
    """A small table: what a figure shows, for those who cannot see it or want the numbers."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Plot:
    """A figure: its title, what it says in a sentence, how to read it, and what is drawn; `rows` has its numbers."""

    title: str
    says: str
    caption: str
    figure: Figure
    rows: FigureRows | None = None


class Embedded(NamedTuple):
    """Figures as the page has them: Bokeh's document as JSON, and the root of each figure in it."""

    document: str
    roots: tuple[str, ...]
    library: str


def embed(plots: Sequence[Plot]) -> Embedded:
    """The document of all figures, the same for the same figures, and the script that draws it.

    The text may stand inside of a script element.
    """
    document = Document()
    with document.models.freeze():  # else the whole document is walked for each figure
        for plot in plots:
            document.add_root(plot.figure)
    values = document.to_json(deferred=False)
    names: dict[str, str] = {}
    values = _canonical(values, names)
    text = json.dumps(values, separators=(",", ":"), ensure_ascii=False)
    library = "\n".join(Resources(mode="inline", components=["bokeh"]).js_raw)
    roots = tuple(names[plot.figure.id] for plot in plots)
    return Embedded(document=escaped(text), roots=roots, library=re.sub(r"</(script)", r"<\\/\1", library, flags=re.I))


def _canonical(value: Any, names: dict[str, str]) -> Any:
    """Bokeh's JSON with ids in the order in which they come (its own are numbered through the process), and colours.

    Texts of people stand in lists there, ids and colours in objects.
    """
    if isinstance(value, list | tuple):
        return [_canonical(each, names) for each in value]
    if not isinstance(value, dict):
        return value
    out = {}
    for key, each in value.items():
        if isinstance(each, str):
            name = names.setdefault(each, f"m{len(names) + 1}") if key == "id" else each
            out[key] = f"var({_COLOURS[name]})" if name in _COLOURS else name
        else:
            out[key] = _canonical(each, names)
    return out


def new_figure(x_label: str, y_label: str, **options: Any) -> Figure:
    """An empty figure: tools above it, none of them active, so that a page is scrolled across it."""
    options = {"tools": "box_zoom,pan,wheel_zoom,reset,save", "active_drag": None, "active_scroll": None} | options
    out = bokeh_figure(
        height=HEIGHT,
        sizing_mode="stretch_width",
        toolbar_location="above",
        x_axis_label=plain(x_label),
        y_axis_label=plain(y_label),
        output_backend="canvas",
        **options,
    )
    out.toolbar.logo = None
    out.background_fill_color = out.border_fill_color = CARD
    out.outline_line_color = None
    for axis in out.axis:
        axis.axis_line_color = axis.major_tick_line_color = GRID
        axis.minor_tick_line_color = None
        axis.major_label_text_color = axis.axis_label_text_color = INK
        axis.axis_label_text_font_style = "normal"
    out.xgrid.grid_line_color = None
    out.ygrid.grid_line_color = GRID
    return out


def plain(text: str) -> str:
    """Text that Bokeh does not take as mathematics, for which it would ask the network."""
    return text.replace("$$", "$ $").replace("\\(", "( ").replace("\\[", "[ ")


def thousands(axis: Any) -> None:
    """Counts as 12k, 3M on an axis."""
    code = """
        const units = [[1e9, "G"], [1e6, "M"], [1e3, "k"]].filter(([size]) => Math.abs(tick) >= size)
        return units.length ? tick / units[0][0] + units[0][1] : String(tick)
    """
    axis.formatter = CustomJSTickFormatter(code=code)


def percents(axis: Any) -> None:
    """Shares as percentages on an axis, with as many decimals as tell the ticks apart."""
    code = """
        const step = ticks.length > 1 ? Math.abs(ticks[1] - ticks[0]) * 100 : 1
        return (tick * 100).toFixed(Math.min(6, Math.max(0, Math.ceil(-Math.log10(step) - 1e-9)))) + "%"
    """
    axis.formatter = CustomJSTickFormatter(code=code)


def labelled(axis: Any, labels: Mapping[float, str], slanted: bool = False) -> None:
    """Ticks at some places, with words."""
    axis.ticker = FixedTicker(ticks=list(labels))
    axis.major_label_overrides = {place: plain(text) for place, text in labels.items()}
    if slanted:
        axis.major_label_orientation = 0.8


def hover(figure: Figure, renderers: Iterable[Any], lines: Sequence[tuple[str, str]]) -> None:
    """What is shown beside the pointer: labels and columns, such as ("DP", "@depth")."""
    figure.add_tools(HoverTool(renderers=list(renderers), tooltips=list(lines)))


def legend(figure: Figure) -> None:
    """The legend above the drawing, if there is more than one thing to tell apart; a click hides what it names."""
    for each in list(figure.legend):
        if len(each.items) < 2:
            figure.center.remove(each)
            continue
        each.orientation, each.click_policy = "horizontal", "hide"
        each.ncols = 3 if len(each.items) > 4 else "auto"
        each.background_fill_color = CARD
        each.border_line_color = None
        each.label_text_color, each.label_text_font_size = INK, "12px"
        each.padding, each.spacing, each.margin = 0, 12, 0
        figure.add_layout(each, "above")


def bars(figure: Figure, edges: npt.NDArray[Any], heights: npt.NDArray[Any], **options: Any) -> Any:
    """Bars between edges, those of height 0 left out."""
    shown = np.flatnonzero(heights)
    source = ColumnDataSource(
        {"left": edges[:-1][shown], "right": edges[1:][shown], "top": np.asarray(heights)[shown].astype(np.float64)}
    )
    return figure.quad(
        "left", "right", "top", options.pop("bottom", 0), source=source, line_color=CARD, line_width=0.5, **options
    )
