"""Colours of a log as HTML."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbqueue.display import ansi, wording


@pytest.mark.parametrize(
    ("line", "html"),
    [
        ("plain <b>", "plain &lt;b&gt;"),
        ("\x1b[31mred\x1b[0m &", '<span style="color:#d03c3c">red</span> &amp;'),
        ("\x1b[1;92mbright\x1b[m", '<span style="color:#35a35e;font-weight:bold">bright</span>'),
        ("\x1b[38;5;208m8 bit", '<span style="color:#ff8700">8 bit</span>'),
        ("\x1b[38;2;1;2;3m24 bit", '<span style="color:#010203">24 bit</span>'),
        ("\x1b[44mbehind\x1b[49m it", '<span style="background-color:#3b74c9">behind</span> it'),
        ("\x1b[2;3;4mstyles", '<span style="font-style:italic;opacity:.7;text-decoration:underline">styles</span>'),
        ("\x1b[39mdefault", "default"),
    ],
)
def test_what_a_terminal_would_colour_is_coloured(line: str, html: str) -> None:
    """Sixteen, 256 and all colours, and weights; everything else is text."""
    assert ansi.html((line,)) == html


def test_a_colour_goes_on_until_it_ends() -> None:
    """Over several lines, as in a terminal."""
    assert ansi.html(("\x1b[32mone", "two\x1b[0m", "three")).split("\n") == [
        '<span style="color:#2a8f4f">one</span>', '<span style="color:#2a8f4f">two</span>', "three",
    ]  # fmt: skip


@given(st.lists(st.text(st.sampled_from("<>&\"'a \x1b[;0123456789m\x00\x9b]Pq\\\x07")), max_size=4))
def test_nothing_in_a_log_becomes_a_tag(rows: list[str]) -> None:
    """Whatever a job writes, what is left of it has no tags but ours."""
    shown = ansi.html(wording.coloured_tail("\n".join(rows), 10, 200))
    bare = shown.replace("</span>", "")
    while '<span style="' in bare:
        before, _, rest = bare.partition('<span style="')
        style, _, after = rest.partition('">')
        assert not set(style) & set("<>&\"'\\")
        bare = before + after
    assert not set(bare) & set("<>\"'\x1b\x00")


def test_lines_without_their_colours() -> None:
    """For where there are none."""
    assert ansi.plain(["\x1b[31mred\x1b[0m", "plain"]) == ("red", "plain")
