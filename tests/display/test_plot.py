"""Small pictures of a card."""

from __future__ import annotations

import base64
import re
import sys
from xml.etree import ElementTree as ET

import pytest

from nbqueue.display import plot

LARGEST, SMALLEST = sys.float_info.max, 5e-324
VECTOR = "<img src=x onerror=alert(1)>\"'&"


def test_objective_and_bound_share_a_picture() -> None:
    """What is between them is what matters; other metrics have each their own."""
    series = [
        ("objective", ((0.0, 9.0), (4.0, 5.0))),
        ("bound", ((0.0, 1.0), (4.0, 4.5))),
        ("loss", ((1.0, 3.0), (2.0, 2.0))),
    ]
    first, second = plot.traces(series)
    assert (first.about, second.about) == ("objective 5, bound 4.5 after 4 s", "loss 2 after 2 s")
    assert (first.content.count("<circle"), second.content.count("<circle")) == (2, 1)


def test_the_ends_of_the_scale_are_told() -> None:
    """Largest and smallest value of all curves of a picture; its size is the same whatever these are."""
    assert _beside([("objective", ((0.0, 1_234.5), (4.0, 945.0))), ("bound", ((0.0, -7.25), (4.0, 900.0)))]) == (
        ["1,234.5", "-7.25"], plot.WIDE + plot.AXIS,
    )  # fmt: skip
    assert _beside([("gap", ((0.0, 0.5), (4.0, 0.021)))]) == (["50.00%", "2.10%"], plot.NARROW + plot.AXIS)
    assert _beside([("x", ((0.0, 3.0), (4.0, 3.0)))]) == (["3"], plot.NARROW + plot.AXIS)
    assert _beside([("x", ((0.0, LARGEST), (4.0, 123_456_789_012.0)))]) == (
        ["1.8e+308", "1.23e+11"], plot.NARROW + plot.AXIS,
    )  # fmt: skip


def _beside(series: list[tuple[str, tuple[tuple[float, float], ...]]]) -> tuple[list[str | None], int]:
    """The numbers beside the curves of the only picture, and its width."""
    (picture,) = plot.traces(series)
    texts = ET.fromstring(picture.inline).findall("{*}text")
    return [text.text for text in texts if text.attrib["x"] != "0"], picture.width


@pytest.mark.parametrize(
    "points",
    [
        ((0.0, 1.0), (0.0, 1.0)),
        ((0.0, LARGEST), (1.0, -LARGEST), (2.0, 0.0)),
        ((0.0, 0.0), (1.0, SMALLEST)),
        ((-LARGEST, 0.0), (LARGEST, 1e-300)),
    ],
)
def test_strange_points_are_drawn(points: tuple[tuple[float, float], ...]) -> None:
    """One moment, one value, the largest and the smallest numbers: all are on the picture, none is beside it."""
    (picture,) = plot.traces([("x", points)])
    path = ET.fromstring(picture.inline).findall("{*}path")[-1].attrib["d"]
    places = [
        float(number) for number in re.findall(r"[-\w.]+", path.replace("M", " ").replace("H", " ").replace("V", " "))
    ]
    assert all(0 <= place <= plot.WIDE for place in places), path


def test_many_points_are_few_on_the_picture() -> None:
    """A picture is a few kilobytes, however many points there are."""
    (picture,) = plot.traces([("x", tuple((float(at), float(at % 5)) for at in range(400)))])
    assert len(picture.inline) < 4_000


def test_names_stay_names() -> None:
    """A picture is sound XML whatever a metric is called, in the page and as an image."""
    (picture,) = plot.traces([(VECTOR, ((0.0, 1.0), (1.0, 2.0)))])
    data = picture.image.partition("base64,")[2].partition('"')[0]
    for svg in (picture.inline, base64.b64decode(data).decode()):
        assert VECTOR in "".join(ET.fromstring(svg).itertext())
    assert VECTOR not in picture.image


def test_throughput_has_a_bar_for_what_ended() -> None:
    """The highest says how many; nothing is drawn of a moment, as it would say less than the rate."""
    (picture,) = plot.throughput([1.0, 4.0, 0.0, 2.0])
    assert (picture.content.count("<rect"), picture.about) == (3, "throughput over time, 4 a second at most")
    assert [plot.throughput(rates) for rates in ([], [3.0, 1.0, 2.0], [0.0] * 4)] == [[], [], []]
