"""How things look: colours and hatches by state, lines, and what follows the style of the axes."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.colors import to_rgba

#: colour, marker, dashes
Line = tuple[str, str, Any]

#: state -> (colour of Okabe and Ito's palette, hatch): told apart without colour too
LOOKS: dict[str, tuple[str, str]] = {
    "succeeded": ("#009E73", ""),
    "failed": ("#D55E00", "///"),
    "timed_out": ("#E69F00", "..."),
    "crashed": ("#CC79A7", "xxx"),
    "cancelled": ("#999999", "\\\\\\"),
    "expired": ("#F0E442", "++"),
    "lost": ("#0072B2", "---"),
    "retried": ("#56B4E9", "ooo"),
}
#: colour, marker and dashes of lines: each alone tells them apart
LINES: tuple[Line, ...] = (
    ("#009E73", "o", "-"), ("#D55E00", "s", "--"), ("#CC79A7", "^", ":"), ("#56B4E9", "D", "-."),
    ("#E69F00", "v", (0, (5, 1, 1, 1, 1, 1))), ("#0072B2", "P", (0, (8, 2))), ("#999999", "X", (0, (1, 3))),
)  # fmt: skip
_CLEAR = 0.5
_MIDDLE = 0.5


def look(state: str) -> dict[str, Any]:
    """A patch of a state; its edge and hatch are of what is seen best on its colour."""
    colour, hatch = LOOKS[state]
    return {"facecolor": colour, "hatch": hatch, "edgecolor": "white" if _light(colour) < _MIDDLE else "#333333",
            "linewidth": 0.5}  # fmt: skip


def ink(ax: Axes) -> Any:
    """The colour of its words."""
    return ax.xaxis.label.get_color()


def ground(ax: Axes) -> Any:
    """What is behind its words: its own colour, the figure's, or where both are clear what its words are made for."""
    figure = ax.get_figure(root=True)
    colours = [ax.get_facecolor(), figure.get_facecolor()] if figure is not None else [ax.get_facecolor()]
    solid = (colour for colour in colours if to_rgba(colour)[3] >= _CLEAR)
    return next(solid, "#111111" if is_light(ink(ax)) else "white")


def is_light(colour: Any) -> bool:
    """Whether a colour is nearer to white than to black."""
    return _light(colour) > _MIDDLE


def _light(colour: Any) -> float:
    """How light a colour looks, 0 to 1."""
    red, green, blue, _ = to_rgba(colour)
    return 0.299 * red + 0.587 * green + 0.114 * blue
