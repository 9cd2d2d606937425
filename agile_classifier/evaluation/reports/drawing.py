"""Drawing of figures: colours and style, empty plots, and a figure as inline SVG on a page or as PNG beside a run.

Nothing here touches pyplot's global state. In SVG the colours become CSS variables of the same names, so that a page in
dark mode redraws the figure by itself; text stays text; and the same input gives the same bytes.
"""

from __future__ import annotations

import html
import io
import re
import warnings
from typing import Any, Literal

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

PALETTE = {
    "paper": "#fffefd",
    "ink": "#1c2028",
    "muted": "#667084",
    "rule": "#dfe3ea",
    "series-1": "#2457c5",
    "series-2": "#c26a00",
    "series-3": "#0b8074",
    "series-4": "#8a3fb8",
    "series-5": "#b8324f",
    "series-6": "#5c7a1f",
    "series-7": "#6d5a4b",
    "series-8": "#3a8ca8",
}
"""Colours on light paper, by the name of their CSS variable."""
SERIES = [colour for name, colour in PALETTE.items() if name.startswith("series-")]
NAME_LENGTH = 24
"""Characters shown of a class name."""
STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "text.color": PALETTE["ink"],
    "text.parse_math": False,  # class names are data: a dollar sign is a dollar sign
    "axes.edgecolor": PALETTE["muted"],
    "axes.labelcolor": PALETTE["muted"],
    "axes.facecolor": "none",
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "grid.color": PALETTE["rule"],
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "xtick.color": PALETTE["muted"],
    "ytick.color": PALETTE["muted"],
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "figure.facecolor": "none",
    "svg.fonttype": "none",
    "svg.hashsalt": "report",
}
_NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))
styled = matplotlib.rc_context(STYLE)  # type: ignore[arg-type]  # matplotlib's stubs list the keys as literals


def to_svg(figure: Figure, *, label: str) -> str:
    """Inline `<svg>` that scales with its page, takes its colours from CSS variables and needs nothing from outside.

    Parameters
    ----------
    label : str
        What a screen reader says.
    """
    written = _save(figure, "svg").decode()
    body = written[written.index("<svg") :].partition(">")[2]
    body = re.sub(r'<g id="[^"]*"', "<g", body)  # the same names stand in every figure
    width, height = figure.get_size_inches()
    size = f'viewBox="0 0 {width * 72:g} {height * 72:g}" style="max-width: {width * 100:g}px"'  # 72 points an inch
    drawn = f'<svg {size} role="img" aria-label="{html.escape(label)}">{body}'
    for name, colour in PALETTE.items():
        drawn = drawn.replace(colour, f"var(--{name})")
    return drawn


def to_png(figure: Figure) -> bytes:
    """The figure on light paper, at 144 dots an inch."""
    return _save(figure, "png", dpi=144, facecolor=PALETTE["paper"])


def new_plot(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure of this many inches with one plot."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def new_square(x_label: str, y_label: str) -> tuple[Figure, Axes]:
    """A figure with one plot whose axes both run from 0 to 1."""
    figure, axes = new_plot(4.6, 3.9)
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), xlabel=x_label, ylabel=y_label)
    axes.grid(True)
    return figure, axes


def add_legend(axes: Axes, place: Literal["best", "lower left", "lower right", "upper left"]) -> None:
    """Name what is drawn, where anything has a name."""
    if axes.get_legend_handles_labels()[1]:
        axes.legend(loc=place)


def shorten(name: str) -> str:
    """Cut a class name to `NAME_LENGTH` characters, for a label of a figure."""
    shown = name if len(name) <= NAME_LENGTH else name[: NAME_LENGTH - 1] + "…"
    return f" {shown}" if shown.startswith("_") else shown  # matplotlib hides what starts with an underscore


@styled
def _save(figure: Figure, kind: str, **options: Any) -> bytes:
    target = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # a class name in a script that the font lacks
        figure.savefig(target, format=kind, metadata=_NO_METADATA if kind == "svg" else {"Software": None}, **options)
    return target.getvalue()
