"""The picture under a stage: the new version in blue, stable in grey, what is allowed dashed.

Drawn with matplotlib's object interface (no global state, so threads may draw at once) and without a date in
the file, so the same points give the same bytes. Letters are large: a phone shows the picture 360 wide.
"""

import io
from collections.abc import Callable
from math import isnan, nan
from typing import TYPE_CHECKING

from bot.domain.figures import Point
from bot.domain.record import Record
from bot.views.items import Picture

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_NEW, _OLD, _OLD_WORDS = "#1264a3", "#8d9399", "#5f6469"
_INK, _FAINT, _LIMIT = "#1d1c1d", "#e4e4e4", "#b4452c"
# 1200 × 500 points at twice the density.
_WIDTH, _HEIGHT, _DENSITY = 12.0, 5.0, 200
_TITLE, _WORDS, _TICKS = 29, 22, 21
# A bold letter is about this much of its size wide; so a long title gets smaller letters.
_LETTER = 0.66
_LONGEST_NAME = 18
_POINTS_PER_INCH = 72
# Four colours and the steps between each of them and white.
_COLOURS = 64


class Panel(Record):
    """One figure over time."""

    key: str
    title: str
    scale: float  # from the unit that is stored to the one that is shown


_PANELS = (
    Panel(key="errors", title="errors, %", scale=100),
    Panel(key="p95", title="p95, ms", scale=1000),
)


def draw(picture: Picture) -> bytes:
    """A PNG. Only figures that were read get a panel.

    Raises:
        ValueError: there is nothing to draw.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    panels = [panel for panel in _PANELS if _is_known(picture, panel.key)]
    if not panels:
        raise ValueError("no point of the picture has a figure")
    figure = Figure(figsize=(_WIDTH, _HEIGHT), dpi=_DENSITY, facecolor="white")
    FigureCanvasAgg(figure)
    _head(figure, picture)
    for number, panel in enumerate(panels, 1):
        axes = figure.add_subplot(1, len(panels), number)
        _lines(axes, picture, panel)
        _marks(axes, picture)
        _dress(axes, panel)
    figure.subplots_adjust(left=0.085, right=0.98, top=0.68, bottom=0.17, wspace=0.22)
    return _packed(figure)


def _packed(figure: "Figure") -> bytes:
    """With a palette: a third of the bytes, for phones on the way."""
    from PIL import Image

    drawn, packed = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", metadata={"Software": None})
    whole = Image.open(drawn).convert("RGB")
    whole.quantize(_COLOURS, dither=Image.Dither.NONE).save(packed, format="png", optimize=True)
    return packed.getvalue()


def _is_known(picture: Picture, key: str) -> bool:
    return any(key in point.canary or key in point.stable for point in picture.points)


def _head(figure: "Figure", picture: Picture) -> None:
    """The title in words, and which colour is whose: in that colour, and beside a line of it."""
    from matplotlib.offsetbox import AnchoredOffsetbox, HPacker, TextArea

    room = (_WIDTH - 0.6) * _POINTS_PER_INCH
    size = min(_TITLE, room / (_LETTER * max(1, len(picture.title))))
    figure.text(0.025, 0.955, _literal(picture.title), fontsize=size, fontweight="bold", color=_INK, va="top")
    named = [
        (f"━ {_short(picture.canary)}", _NEW),
        (f"━ {_short(picture.stable)}", _OLD_WORDS),
        *([("╌ allowed", _LIMIT)] if picture.allowed else []),
    ]
    words: list[Artist] = [
        TextArea(_literal(text), textprops={"color": colour, "fontsize": _WORDS, "fontweight": "bold"})
        for text, colour in named
    ]
    figure.add_artist(
        AnchoredOffsetbox(
            loc="upper left",
            child=HPacker(children=words, sep=30, pad=0),
            frameon=False,
            bbox_to_anchor=(0.025, 0.845),
            bbox_transform=figure.transFigure,
            borderpad=0,
            pad=0,
        )
    )


def _lines(axes: "Axes", picture: Picture, panel: Panel) -> None:
    minutes = _minutes(picture)
    old = _values(picture, panel, lambda point: point.stable)
    new = _values(picture, panel, lambda point: point.canary)
    axes.plot(minutes, old, color=_OLD, linewidth=3, solid_capstyle="round")
    axes.plot(minutes, new, color=_NEW, linewidth=4.5, solid_capstyle="round")
    _lone_points(axes, minutes, new)
    known = [value for value in (*old, *new) if not isnan(value)]
    trusted = [value for value in old if not isnan(value)]
    more = picture.allowed.get(panel.key)
    if more is not None and trusted:
        limit = sum(trusted) / len(trusted) + more * panel.scale
        axes.axhline(limit, color=_LIMIT, linewidth=2.5, linestyle=(0, (5, 3)))
        known.append(limit)
    axes.set_ylim(0, max(known) * 1.15 or 1)


def _lone_points(axes: "Axes", minutes: list[float], values: list[float]) -> None:
    """A figure between two gaps has no line to show it."""
    padded = [nan, *values, nan]
    for index, value in enumerate(values):
        if not isnan(value) and isnan(padded[index]) and isnan(padded[index + 2]):
            axes.plot([minutes[index]], [value], marker="o", markersize=7, color=_NEW)


def _marks(axes: "Axes", picture: Picture) -> None:
    """Where traffic was shifted in the middle of the picture."""
    minutes = _minutes(picture)
    for index in range(1, len(picture.points)):
        weight = picture.points[index].weight
        if weight != picture.points[index - 1].weight:
            axes.axvline(minutes[index], color=_OLD, linewidth=1.5)
            axes.annotate(
                f" {weight} %",
                (minutes[index], 1),
                xycoords=("data", "axes fraction"),
                va="top",
                fontsize=_TICKS,
                color=_OLD_WORDS,
            )


def _dress(axes: "Axes", panel: Panel) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set_title(panel.title, loc="left", fontsize=_WORDS, color=_INK, pad=12)
    axes.set_xlabel("minutes", fontsize=_TICKS, color=_INK, loc="right", labelpad=0)
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_major_formatter("{x:g}")
    axes.tick_params(labelsize=_TICKS, colors=_INK, length=0, pad=6)
    axes.grid(axis="y", color=_FAINT, linewidth=1.5)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)


def _minutes(picture: Picture) -> list[float]:
    start = picture.points[0].at
    return [(point.at - start).total_seconds() / 60 for point in picture.points]


def _values(picture: Picture, panel: Panel, side: Callable[[Point], dict[str, float]]) -> list[float]:
    """A gap is a break in the line."""
    return [side(point).get(panel.key, nan) * panel.scale for point in picture.points]


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def _literal(text: str) -> str:
    """What stands between two dollar signs would be drawn as a formula."""
    return text.replace("$", r"\$")
