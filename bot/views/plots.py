"""The picture under a stage: the new version in blue, stable in grey, over the stage's time.

Drawn with matplotlib's object interface (no global state, so threads may draw at once) and without a date in
the file, so the same points give the same bytes.
"""

import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bot.domain.figures import Point
from bot.views.items import Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NEW, _OLD, _INK, _FAINT = "#1264a3", "#8d9399", "#1d1c1d", "#e4e4e4"
# 1200 × 500 points at twice the density, readable when a phone shows it 360 wide.
_WIDTH, _HEIGHT, _DENSITY = 12.0, 5.0, 200

_PANELS: tuple[tuple[str, str, str, Callable[[float], float]], ...] = (
    ("errors", "Errors", "%", lambda value: value * 100),
    ("p95", "p95", "ms", lambda value: value * 1000),
)


def draw(picture: Picture) -> bytes:
    """A PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_WIDTH, _HEIGHT), dpi=_DENSITY, facecolor="white")
    FigureCanvasAgg(figure)
    figure.suptitle(picture.title, x=0.06, ha="left", fontsize=22, fontweight="bold", color=_INK)
    for number, (key, name, unit, scale) in enumerate(_PANELS, 1):
        panel = figure.add_subplot(1, len(_PANELS), number)
        _panel(panel, picture, key, f"{name} ({unit})", scale)
    figure.subplots_adjust(left=0.075, right=0.975, top=0.78, bottom=0.13, wspace=0.2)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _panel(panel: "Axes", picture: Picture, key: str, title: str, scale: Callable[[float], float]) -> None:
    start = picture.points[0].at
    minutes = [(point.at - start).total_seconds() / 60 for point in picture.points]
    sides: tuple[tuple[str, str, float, Callable[[Point], dict[str, float]]], ...] = (
        (picture.stable, _OLD, 2.5, lambda point: point.stable),
        (picture.canary, _NEW, 3.5, lambda point: point.canary),
    )
    highest = 0.0
    for label, colour, width, of in sides:
        values = [_value(of(point).get(key), scale) for point in picture.points]
        panel.plot(minutes, values, color=colour, linewidth=width, label=label, solid_capstyle="round")
        highest = max([highest, *(value for value in values if value == value)])  # noqa: PLR0124 - NaN is a gap
    panel.set_title(title, loc="left", fontsize=17, color=_INK)
    panel.set_ylim(0, highest * 1.25 or 1)
    panel.set_xlabel("minutes into the stage", fontsize=14, color=_INK)
    panel.tick_params(labelsize=14, colors=_INK, length=0)
    panel.grid(axis="y", color=_FAINT)
    panel.set_axisbelow(True)
    for side in ("top", "right", "left"):
        panel.spines[side].set_visible(False)
    panel.legend(fontsize=14, frameon=False, loc="upper right", ncols=2)


def _value(value: float | None, scale: Callable[[float], float]) -> Any:
    """A gap is a break in the line."""
    return float("nan") if value is None else scale(value)
