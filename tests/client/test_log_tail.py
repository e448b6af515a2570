"""The end of a log, put together from what is kept and what is heard."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbqueue.client.log_tail import HEARD_BYTES, PATIENT_S, TAIL_CHARACTERS, TAIL_LINES, LogTail
from nbqueue.model.events import Logged


def logged(text: str, after: int | None, fence: int = 1) -> Logged:
    """What a worker publishes."""
    return Logged(job_id="j1", text=text, fence=fence, after_bytes=after)


def keep(tail: LogTail, text: str, fence: int = 1, *, final: bool = False) -> None:
    """Have it read a log of which nothing was dropped."""
    tail.kept(text, len(text.encode()), fence=fence, final=final)


@given(st.data())
def test_nothing_twice_and_nothing_lost(data: st.DataObject) -> None:
    """Whatever is not heard, however far what is kept is behind: what is shown is the log up to a line, once."""
    said = data.draw(st.lists(st.sampled_from(["a\n", "a\n", "ä€\n", ".", "line\n" * 3]), min_size=1, max_size=30))
    starts = [len("".join(said[:count]).encode()) for count in range(len(said) + 1)]
    tail, known, kept = LogTail(), set[int](), 0
    for number, text in enumerate(said):
        if data.draw(st.booleans(), label="heard"):
            tail.heard(logged(text, starts[number]))
            known.add(number)
        if tail.has_hole and data.draw(st.booleans(), label="filled"):
            kept = number + 1
            keep(tail, "".join(said[:kept]))
            known |= set(range(kept))
        there = next(each for each in range(len(said) + 1) if each not in known)
        assert tail.text == "".join(said[:there])
        assert tail.has_hole == (there <= max(known, default=-1))
    keep(tail, "".join(said), final=True)
    assert (tail.text, tail.has_hole) == ("".join(said), False)


def test_no_line_is_left_out_between() -> None:
    """What comes after a line that was said before anybody listened, and is not kept yet, waits for it."""
    tail = LogTail()
    keep(tail, "144\n")
    tail.heard(logged("146\n", 8))
    assert (tail.text, tail.has_hole) == ("144\n", True)
    keep(tail, "144\n")
    assert tail.text == "144\n"
    keep(tail, "144\n145\n")
    assert (tail.text, tail.has_hole) == ("144\n145\n146\n", False)


@pytest.mark.parametrize("final", [False, True], ids=["running", "ended"])
def test_what_stays_away_is_marked(*, final: bool) -> None:
    """A hole that was not filled in time, as a worker died before it kept what it said, is told."""
    now = [100.0]
    tail = LogTail(lambda: now[0])
    keep(tail, "144\n")
    tail.heard(logged("146\n", 8))
    now[0] += 0.0 if final else PATIENT_S
    keep(tail, "144\n", final=final)
    assert tail.text == "144\n[... 4 bytes missing ...]\n146\n"


def test_a_hole_out_of_sight_holds_nothing_up() -> None:
    """Of a job that prints a lot the last lines are shown at once, whatever is missing before them."""
    tail = LogTail()
    keep(tail, "144\n")
    tail.heard(logged("line\n" * (TAIL_LINES + 1), 8))
    assert tail.text == "line\n" * TAIL_LINES


def test_what_was_kept_before_it_is_heard() -> None:
    """A worker may keep a line a moment before it publishes it."""
    tail = LogTail()
    keep(tail, "one\ntwo\n")
    tail.heard(logged("two\nthree\n", 4))
    assert tail.text == "one\ntwo\nthree\n"


def test_another_attempt_stands_where_lost_lines_stood() -> None:
    """What a worker said that was killed before it was kept gives way to what the next one says."""
    tail = LogTail()
    keep(tail, "one\n")
    tail.heard(logged("two\nlost\n", 4))
    tail.heard(logged("anew\n", 8, fence=2))
    tail.heard(logged("from the dead\n", 13, fence=1))
    assert (tail.text, tail.has_hole) == ("one\ntwo\nanew\n", False)
    keep(tail, "one\ntwo\n", fence=3)
    assert tail.text == "one\ntwo\n"


def test_last_words_stay() -> None:
    """What was heard of a job whose worker was lost before it kept it is shown to the end."""
    tail = LogTail()
    tail.heard(logged("one\n", 0))
    tail.heard(logged("last\n", 4))
    keep(tail, "one\n", final=True)
    assert tail.text == "one\nlast\n"


def test_a_worker_that_does_not_say_where_a_line_stands() -> None:
    """It is taken to come next, until what is kept says all."""
    tail = LogTail()
    keep(tail, "one\n")
    tail.heard(logged("two\n", None))
    tail.heard(logged("three\n", None))
    assert tail.text == "one\ntwo\nthree\n"
    keep(tail, "one\ntwo\n")
    assert tail.text == "one\ntwo\nthree\n"
    keep(tail, "one\ntwo\n", final=True)
    tail.heard(logged("two\n", None))
    assert tail.text == "one\ntwo\n"


@pytest.mark.parametrize("line", ["short\n", "ä" * 3_000 + "\n"])
def test_it_is_bounded(line: str) -> None:
    """However much a job prints, the last lines are at hand, and no more."""
    tail, size = LogTail(), len(line.encode())
    for number in range(2_000):
        tail.heard(logged(line, number * size))
    assert sum(len(piece.data) for piece in tail._heard) <= HEARD_BYTES
    assert len(tail.text) <= TAIL_CHARACTERS
    assert tail.text.endswith(2 * line)
    assert tail.text.count("\n") <= TAIL_LINES
