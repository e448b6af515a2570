"""What ended when: counted in buckets of time, from growing counters and from the history."""

from __future__ import annotations

from nbqueue.board import bars
from nbqueue.board.activity import COARSE_KEPT_S, WINDOWS, Activity, Bar, Chart
from nbqueue.model.states import State

FIVE_MINUTES, HOUR, DAY = WINDOWS
NOW = 1_800_000_000_000


def test_what_counters_grow_by_ended_now() -> None:
    """The first counts are what was before; each state stands for its kind of bar."""
    activity = Activity(NOW)
    activity.take({"a": {State.SUCCEEDED: 100}}, NOW)
    activity.take({"a": {State.SUCCEEDED: 103, State.TIMED_OUT: 1, State.EXPIRED: 1}}, NOW + 1000)
    activity.take({}, NOW + 2000)
    activity.take(
        {"a": {State.SUCCEEDED: 104, State.TIMED_OUT: 1, State.EXPIRED: 1}, "b": {State.FAILED: 2}}, NOW + 3000
    )
    chart = activity.chart(FIVE_MINUTES, NOW + 3000)
    assert chart.bars == (*[Bar()] * 59, Bar(succeeded=4, failed=3, other=1))
    assert chart.total == Bar(succeeded=4, failed=3, other=1)
    assert [activity.per_minute(queue, NOW + 3000) for queue in ("a", "b", "c")] == [6, 2, 0]
    assert activity.per_minute("a", NOW + 90_000) == 0


def test_a_bar_holds_what_ended_in_its_time() -> None:
    """Bars end now; what is older than the window is not in it."""
    activity = Activity(NOW)
    for ago_s in (0, 61, 3 * 3600, 23 * 3600):
        activity.add(NOW - ago_s * 1000, "a", State.SUCCEEDED)
    found = {window.label: [place for place, bar in enumerate(activity.chart(window, NOW).bars) if bar != Bar()]
             for window in WINDOWS}  # fmt: skip
    assert found == {"5 min": [46, 59], "1 h": [57, 59], "24 h": [2, 62, 70, 71]}


def test_counts_are_forgotten_in_the_end() -> None:
    """A dashboard that is open for weeks holds the counts of a day."""
    activity = Activity(NOW)
    for hour in range(1000):
        activity.add(NOW + hour * 3_600_000, "a", State.SUCCEEDED)
        activity.take({"a": {}}, NOW + hour * 3_600_000)
    assert len(activity._coarse) == COARSE_KEPT_S // 3600 + 1
    assert len(activity._fine) == 1


def test_a_chart_says_how_far_back_it_is_known() -> None:
    """As long as the history was not read that far, the drawing says so."""
    activity = Activity(NOW)
    assert "reading the history" in bars.drawn(activity.chart(HOUR, NOW))
    activity.known_from_ms = NOW - 3_600_000
    assert "reading the history" not in bars.drawn(activity.chart(HOUR, NOW))
    assert not activity.chart(DAY, NOW).complete


def test_a_chart_is_told_to_who_cannot_see_it() -> None:
    """What failed goes down from the line; a sentence has the numbers."""
    chart = Chart(window=HOUR, bars=(Bar(), Bar(succeeded=70, failed=7), Bar(other=1)))
    drawn = bars.drawn(chart)
    assert 'aria-label="Ended in the last hour: 70 succeeded, 7 failed, 1 cancelled or expired"' in drawn
    assert '<rect x="11" y="0.0" width="8" height="70.0" fill="#009E73"/>' in drawn
    assert '<rect x="11" y="71.0" width="8" height="7.0" fill="#D55E00"/>' in drawn
    assert '<rect x="21" y="68.5" width="8" height="1.5" fill="#CC79A7"/>' in drawn
    assert "a bar is 1 min, the highest 70" in drawn
