"""No text of a job becomes markup, and what is saved stays readable for others."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbqueue.client.group_failures import Failed
from nbqueue.display import markup, palette, text, view, view_group, wording
from nbqueue.display.view import CardView
from nbqueue.model.job import JobRecord
from nbqueue.model.progress import Bar, Progress
from nbqueue.model.states import State
from nbqueue.model.trace import Trace
from tests.notebook.tags import Tags

NOW = datetime(2026, 11, 1, tzinfo=UTC)
#: what a static card may use: it survives the cleaning of an untrusted notebook
STATIC_TAGS = {"div", "span", "b", "pre", "details", "summary", "code", "img"}
VECTORS = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", '"><svg onload=alert(1)>', "' onmouseover='alert(1)",
    "</pre></div><iframe src=javascript:alert(1)>", "&lt;script&gt;", "javascript:alert(1)", "\x3cb\x3e{{7*7}}",
]  # fmt: skip


def card(vector: str, state: State = State.FAILED) -> CardView:
    """A card with the same text in every place that a job, a worker or a user can write to."""
    record = JobRecord(
        id="j1", state=state, label=vector, function=vector, queue=vector, worker=vector, error_type=vector,
        error=vector, stopped_by=vector, tags=(vector,), started_at=NOW, finished_at=NOW,
        progress=Progress(
            done=1, total=2, message=vector, metrics={vector: vector}, bars=(Bar(vector, 1, 2), Bar(vector, 3)),
        ),
    )  # fmt: skip
    trace = Trace()
    for at_s in (0.0, 1.0, 2.0):
        trace.add(at_s, {vector: at_s, "objective": 3 - at_s, "bound": at_s})
    log = f"{vector}\n\x1b[31m{vector}\x1b[0m\n"
    return view.of_job(record, now=NOW, log_tail=log, remote_traceback=f"{vector}\n{vector}", trace=trace)


def group(vector: str) -> CardView:
    """The same of a group."""
    failed = JobRecord(id="j1", state=State.FAILED, label=vector, function=vector, error_type=vector, error=vector)
    counts = {State.FAILED: 2, State.SUCCEEDED: 1}
    return view_group.of_group(
        counts, 3, now=NOW, label=vector, began_at=NOW, last_end_at=NOW, rates=(1.0, 0.0, 2.0, 1.0),
        failures=[Failed(record=failed, place=7, called_with=vector)], errors={vector: 2}, group_id="g1",
    )  # fmt: skip


def beside(found: CardView) -> str:
    """What stands beside a live card, and its log."""
    return markup.beside(found, "<style>.mark{display:none}</style>") + markup.log(found)


def saved(found: CardView) -> str:
    """A card as it is saved."""
    return markup.saved(view.known_at(found, NOW))


DRAWN = (markup.live, markup.static, beside, saved)


PLAIN = {
    (draw, make): (tags.tags, tags.attributes)
    for draw in DRAWN
    for make in (card, group)
    for tags in [Tags(draw(make("plain")))]
}


@given(st.one_of(st.sampled_from(VECTORS), st.text(st.sampled_from("<>&\"'/=a !-"), min_size=1)))
def test_no_text_becomes_a_tag_or_an_attribute(vector: str) -> None:
    """Whatever stands in names, messages, metrics, errors and logs, the card has the tags of a plain one."""
    marked = f"x{vector}x"
    for (draw, make), plain in PLAIN.items():
        tags = Tags(draw(make(marked)))
        assert (tags.tags, tags.attributes) == plain


@pytest.mark.parametrize("vector", VECTORS)
def test_the_text_is_shown_as_it_was_written(vector: str) -> None:
    """A name full of markup is read as that name."""
    assert Tags(markup.static(card(vector))).text.count(wording.line(vector)) >= 5


@pytest.mark.parametrize("state", list(State))
def test_a_static_card_needs_no_style_sheet_no_script_and_no_theme(state: State) -> None:
    """Saved cards use only what an untrusted notebook keeps, and no variable as a colour."""
    found = markup.static(card("solve", state))
    assert (set(Tags(found).tags) <= STATIC_TAGS, "var(" in found, "<svg" in found) == (True, False, False)


def test_a_static_card_reads_well_without_any_markup() -> None:
    """With all tags gone, state, name, figures and error are still there."""
    words = " ".join(Tags(markup.static(card("solve"))).text.split())
    assert words.startswith("✗ failed solve 1/2 (50%) · 0.00 s")
    assert "solve: solve" in words


def test_a_card_that_was_saved_is_not_taken_for_a_live_one() -> None:
    """That it tells of then is what is read first, with styles and without; nothing in it looks as if it moved."""
    record = JobRecord(id="j1", state=State.RUNNING, label="solve", started_at=NOW, progress=Progress(done=3))
    found = saved(view.of_job(record, now=NOW))
    words = " ".join(Tags(found).text.split())
    assert words.startswith(f"► was running at {NOW.astimezone():%Y-%m-%d %H:%M} solve 3")
    assert ("repeating-linear-gradient" in found, palette.BLUE in found) == (False, False)


def test_a_live_bar_is_read_aloud() -> None:
    """The bar of a live card tells its role, its value and what it means."""
    found = markup.live(card("solve", State.RUNNING))
    assert 'role="progressbar"' in found
    assert 'aria-valuenow="50"' in found
    assert 'aria-valuetext="running, 1/2, solve"' in found


def test_a_bar_without_an_end_claims_no_value() -> None:
    """Where there is no total the bar has stripes and no value."""
    record = JobRecord(id="j1", state=State.RUNNING, started_at=NOW, progress=Progress(done=3))
    found = markup.live(view.of_job(record, now=NOW))
    assert ("aria-valuenow" in found, "repeating-linear-gradient" in found) == (False, True)


def test_every_theme_variable_has_a_fallback() -> None:
    """Front ends without JupyterLab's variables still draw the card."""
    found = markup.live(card("solve", State.RUNNING))
    assert all("," in part.split(")", 1)[0] for part in found.split("var(")[1:])


def test_one_line_says_it_all() -> None:
    """The plain text has state, name, figures, metrics and message."""
    record = JobRecord(
        id="j1", state=State.RUNNING, label="solve", started_at=NOW,
        progress=Progress(done=1, total=4, message="hm", metrics={"gap": 0.5}),
    )  # fmt: skip
    found = view.of_job(record, now=NOW)
    assert [text.one_line(found, ascii_only=ascii_only) for ascii_only in (False, True)] == [
        "► running  solve  1/4 (25%), 0 s  gap 50.00%, hm",
        "> running  solve  1/4 (25%), 0 s  gap 50.00%, hm",
    ]


@given(st.text())
def test_the_plain_text_is_one_line_without_control_characters(label: str) -> None:
    """The plain text never has a line break or a control character."""
    shown = text.one_line(card(label))
    assert {unicodedata.category(char) for char in shown} & {"Cc", "Cs", "Zl", "Zp"} == set()


def test_a_group_of_a_million_is_drawn_as_one_of_ten() -> None:
    """What is sent for a card does not grow with the number of jobs, nor with what failed, nor with time."""
    records = [JobRecord(id=f"j{number}", state=State.FAILED, error="none") for number in range(5)]
    failed = [Failed(record=record, place=number) for number, record in enumerate(records)]
    small, large = (
        markup.live(
            view_group.of_group(
                {State.SUCCEEDED: total // 2, State.FAILED: total // 2},
                total,
                now=NOW,
                failures=failed,
                rates=rates,
                errors={f"Error{number}": 1 for number in range(total // 1000 or 1)},
            )
        )
        for total, rates in ((10, [1.0] * 60), (1_000_000, [1.0] * 6_000))
    )
    assert len(large) < len(small) + 200
