"""Small pictures on a card, as SVG: how metrics went over time, and how fast the jobs of a group end."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from nbqueue.display import palette, wording
from nbqueue.model.trace import Point

#: of the curves of an objective and its bound, and of those of any other metric, in pixels
WIDE, NARROW, HEIGHT = 280, 130, 58
#: room for the words above and below a curve, and for the numbers beside it, whatever these are
TOP, BOTTOM, AXIS = 16, 13, 60
#: characters of such a number
_FITS = 9
#: bars of a throughput: the first and the last are of less time than the others, and tell less than the rate
LEAST_BARS = 4
#: points of a curve that are drawn at most
DRAWN = 120

_TOGETHER = ("objective", "bound")
_COLOURS = {"objective": palette.BLUE, "bound": palette.ORANGE, "gap": palette.VERMILION}
_DASHES = {"bound": ' stroke-dasharray="4 2"'}
#: of words and lines: to be read on light and dark alike
_GREY = "#808080"
_INK = f'fill="{_GREY}" font-size="10.5"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture, its size in pixels, and the words that stand for it."""

    width: int
    height: int
    about: str
    content: str

    @property
    def inline(self) -> str:
        """As a part of the page, which is read aloud."""
        return self._svg(f'role="img" aria-label="{escape(self.about)}" style="{_PLACE};font-family:inherit"')

    @property
    def image(self) -> str:
        """As an image of its own."""
        data = base64.b64encode(self._svg('font-family="system-ui,sans-serif"').encode()).decode()
        return (
            f'<img alt="{escape(self.about)}" width="{self.width}" height="{self.height}" style="{_PLACE}" '
            f'src="data:image/svg+xml;base64,{data}">'
        )

    def _svg(self, attributes: str) -> str:
        size = f'width="{self.width}" height="{self.height}" viewBox="0 0 {self.width} {self.height}"'
        return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {attributes}>{self.content}</svg>'


_PLACE = "display:inline-block;max-width:100%;margin:3px 12px 0 0;font-variant-numeric:tabular-nums"


def traces(trace: Sequence[tuple[str, Sequence[Point]]]) -> list[Picture]:
    """A picture a metric; objective and bound share one, as what is between them is what matters."""
    series = dict(trace)
    together = {name: series.pop(name) for name in _TOGETHER if name in series}
    found = [_panel(together, WIDE)] if together else []
    return [*found, *(_panel({name: points}, NARROW) for name, points in series.items())]


def throughput(rates: Sequence[float]) -> list[Picture]:
    """Bars for the ends a second, from the first one until now."""
    highest = max(rates, default=0.0)
    if len(rates) < LEAST_BARS or not highest:
        return []
    height, step = 26, 4
    bars = "".join(
        f'<rect x="{place * step}" y="{height - size:.1f}" width="3" height="{size:.1f}" fill="{palette.GREEN}"/>'
        for place, rate in enumerate(rates)
        if (size := max(rate / highest * (height - 1), 1.0 if rate else 0.0))
    )
    width = len(rates) * step
    said = f"{wording.rate(highest)} at most"
    words = f'<text x="{width + 6}" y="{height - 2}" {_INK}>{escape(said)}</text>'
    return [Picture(width=width + 120, height=height, about=f"throughput over time, {said}", content=bars + words)]


def _panel(series: Mapping[str, Sequence[Point]], width: int) -> Picture:
    """Curves on one scale, with the last values above, the seconds below and the ends of the scale at the right."""
    points = [point for each in series.values() for point in each]
    begin, end = min(at for at, _ in points), max(at for at, _ in points)
    low, high = min(value for _, value in points), max(value for _, value in points)
    curves = "".join(_curve(name, each, (begin, end), (low, high), width) for name, each in series.items())
    last = {name: wording.metric(name, each[-1][1]) for name, each in series.items()}
    span = f"{wording.duration(max(begin, 0), running=True)} to {wording.duration(max(end, 0), running=True)}"
    about = "{} after {}".format(
        ", ".join(f"{name} {value}" for name, value in last.items()), span.partition(" to ")[2]
    )
    words = " ".join(
        f'<tspan fill="{_colour(name)}">{_glyph(name)}</tspan> {escape(name)} {escape(value)}'
        for name, value in last.items()
    )
    height = TOP + HEIGHT + BOTTOM
    frame = (
        f'<text x="0" y="11" {_INK}>{words}</text>'
        f'<path d="M0,{TOP + HEIGHT + 0.5} H{width}" stroke="{_GREY}" opacity=".5"/>'
        f'<text x="0" y="{height - 2}" {_INK}>{escape(span)}</text>{_scale(next(iter(series)), low, high, width)}'
    )
    return Picture(width=width + AXIS, height=height, about=about, content=frame + curves)


def _scale(name: str, low: float, high: float, width: int) -> str:
    """The largest and the smallest value, each beside its place; one where they are the same."""
    places = {TOP + 8: high, TOP + HEIGHT: low} if high > low else {TOP + HEIGHT // 2 + 4: high}
    return "".join(
        f'<text x="{width + 5}" y="{y}" {_INK}>{escape(_short(name, value))}</text>' for y, value in places.items()
    )


def _short(name: str, value: float) -> str:
    """A number that has room beside a curve."""
    told = wording.metric(name, value)
    return told if len(told) <= _FITS else f"{value:.3g}"


def _curve(
    name: str, points: Sequence[Point], span: tuple[float, float], scale: tuple[float, float], width: int
) -> str:
    """A line that stays at each value until the next one, and ends with a dot."""
    (begin, end), (low, high) = span, scale

    def place(point: Point) -> tuple[float, float]:
        x = _share(point[0], begin, end) if end > begin else 1.0
        y = _share(point[1], low, high) if high > low else 0.5
        return 3 + x * (width - 6), TOP + HEIGHT - 4 - y * (HEIGHT - 8)

    step = -(-len(points) // DRAWN)
    drawn = [*points[:-1:step], points[-1]]
    x, y = place(drawn[0])
    path = f"M{x:.1f},{y:.1f}" + "".join(f"H{x:.1f}V{y:.1f}" for x, y in map(place, drawn[1:]))
    x, y = place(drawn[-1])
    return (
        f'<path d="{path}" fill="none" stroke="{_colour(name)}" stroke-width="1.6"{_DASHES.get(name, "")}/>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.2" fill="{_colour(name)}"/>'
    )


def _share(value: float, low: float, high: float) -> float:
    """How far a value is from the lowest to the highest."""
    if math.isinf(high - low):
        # half of each is no further apart than floats reach
        value, low, high = value / 2, low / 2, high / 2
    return (value - low) / (high - low)


def _colour(name: str) -> str:
    return _COLOURS.get(name, palette.GREEN)


def _glyph(name: str) -> str:
    return "╌" if name in _DASHES else "━"
