"""The rule by which a worker follows its queues."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbqueue.errors import ConfigurationError
from nbqueue.model.scaling import CALM_S, Load, Span, is_calm, needed, span, wanted

LOADS = st.lists(
    st.builds(Load, waiting=st.integers(0, 1000), busy=st.integers(0, 200), slots=st.integers(1, 20)),
    min_size=1, max_size=2,
)  # fmt: skip
SPANS = st.tuples(st.integers(1, 20), st.integers(0, 20)).map(lambda pair: Span(pair[0], pair[0] + pair[1]))
CALM = st.sampled_from([0.0, CALM_S - 0.1, CALM_S, 10 * CALM_S])


@given(engines=st.integers(1, 40), among=SPANS, loads=LOADS, calm_s=CALM)
def test_it_stays_within_its_bounds(engines: int, among: Span, loads: list[Load], calm_s: float) -> None:
    """Whatever comes, there are never fewer than the least, or more than the most."""
    assert among.least <= wanted(engines, among, loads, calm_s=calm_s) <= among.most


@given(engines=st.integers(1, 20), loads=LOADS, calm_s=CALM)
def test_it_never_shrinks_while_jobs_wait(engines: int, loads: list[Load], calm_s: float) -> None:
    """Nor while one engine fewer would not have the slots for what runs."""
    found = wanted(engines, Span(1, 20), loads, calm_s=calm_s)
    if any(load.waiting or load.busy > (engines - 1) * load.slots for load in loads):
        assert found >= engines
    else:
        assert found >= engines - 1


@given(engines=st.integers(1, 20), loads=LOADS, calm_s=CALM)
def test_it_grows_only_where_all_slots_of_a_kind_are_busy(engines: int, loads: list[Load], calm_s: float) -> None:
    """By no more than all who wait would use, and never to more than twice as many."""
    found = wanted(engines, Span(1, 1000), loads, calm_s=calm_s)
    if found > engines:
        short = [load for load in loads if load.waiting and load.busy >= engines * load.slots]
        assert short
        assert found <= min(2 * engines, max(map(needed, short)))


@given(engines=st.integers(1, 20), loads=LOADS)
def test_a_load_that_stays_gives_a_number_that_stays(engines: int, loads: list[Load]) -> None:
    """It does not swing: it grows to a number and stays, or shrinks to one and stays, where what waits then runs."""
    among, seen = Span(1, 64), [engines]
    for _ in range(80):
        loads = [_spread(load, seen[-1]) for load in loads]
        seen.append(wanted(seen[-1], among, loads, calm_s=CALM_S))
    assert seen == sorted(seen) or seen == sorted(seen, reverse=True)
    assert seen[-1] == seen[-2]


def _spread(load: Load, engines: int) -> Load:
    """The same jobs, as many as can be of them running."""
    jobs = load.waiting + load.busy
    busy = min(jobs, engines * load.slots)
    return Load(waiting=jobs - busy, busy=busy, slots=load.slots)


@pytest.mark.parametrize(
    ("engines", "waiting", "busy", "calm_s", "expected"),
    [(1, 9, 2, 0, 2), (2, 9, 4, 0, 4), (4, 1, 8, 0, 5), (4, 100, 8, 0, 8), (8, 100, 16, 0, 8), (2, 9, 3, 0, 2),
     (3, 0, 4, CALM_S, 2), (3, 0, 4, CALM_S - 1, 3), (3, 0, 5, CALM_S, 3), (1, 0, 0, CALM_S, 1)],
)  # fmt: skip
def test_how_many_engines_there_are_to_be(engines: int, waiting: int, busy: int, calm_s: float, expected: int) -> None:
    """With two slots each, of 1 to 8."""
    loads = [Load(waiting=waiting, busy=busy, slots=2)]
    assert wanted(engines, Span(1, 8), loads, calm_s=calm_s) == expected


def test_nothing_to_do_is_calm_where_there_is_one_more_than_needed() -> None:
    """One that runs is needed."""
    load = Load(waiting=0, busy=1, slots=1)
    assert (is_calm(2, [load]), is_calm(1, [load])) == (True, False)


@pytest.mark.parametrize(("text", "found"), [("1", (1, 1)), ("4", (4, 4)), ("1:8", (1, 8)), (" 2:2 ", (2, 2))])
def test_a_span_is_read(text: str, found: tuple[int, int]) -> None:
    """A number, or the least and the most."""
    assert span(text) == found


@pytest.mark.parametrize("text", ["", "0", "8:1", "0:3", "a", "1:2:3", "-1", "1.5", "1:1001", "\u0661"])
def test_what_is_no_span_is_refused(text: str) -> None:
    """One sentence says what to give."""
    with pytest.raises(ConfigurationError, match=r"^--processes='?.* cannot be used: give a whole number from 1"):
        span(text)
