"""What a worker has to publish and to keep of running jobs."""

from __future__ import annotations

from nbqueue.broker import events
from nbqueue.broker.keys import Keys
from nbqueue.broker.signing import Keyring
from nbqueue.model.events import Logged
from nbqueue.worker.reports import MESSAGE_CHARS, Reports

KEYRING, KEYS = Keyring({"key": b"x" * 32}), Keys()


def opened(fence: int = 1) -> Reports:
    """Those of one job, whose attempt begins."""
    reports = Reports(KEYRING, KEYS)
    reports.open("j1", fence)
    return reports


def published(reports: Reports) -> list[tuple[str, int | None]]:
    """The text of the messages, and where it stands."""
    read = [event for _, blob in reports.messages() for event in events.read_message(KEYRING, KEYS, "j1", blob)]
    return [(event.text, event.after_bytes) for event in read if isinstance(event, Logged)]


def test_a_message_says_where_its_lines_stand() -> None:
    """In bytes of the log, also where a text goes out in parts."""
    reports = opened()
    reports.log("j1", "ä\n")
    assert published(reports) == [("ä\n", 0)]
    reports.log("j1", "x" * (MESSAGE_CHARS + 1))
    assert published(reports) == [("x" * MESSAGE_CHARS, 3)]
    assert published(reports) == [("x", 3 + MESSAGE_CHARS)]


def test_another_attempt_goes_on_where_the_last_one_ended() -> None:
    """Where it is not known how long the log is, its messages do not say where they stand."""
    reports = opened(fence=2)
    reports.log("j1", "one\n")
    assert published(reports) == [("one\n", None)]
    reports.log_goes_on("j1", 100)
    reports.log("j1", "two\n")
    assert published(reports) == [("two\n", 100)]


def test_a_line_whose_keeping_got_no_answer_is_kept_once() -> None:
    """What the server has is not sent again, whether that is all, a part or nothing of it."""
    for log_bytes, left in ((0, "one\ntwo\n"), (4, "two\n"), (8, "")):
        reports = opened()
        reports.log("j1", "one\n")
        kept = reports.to_keep()
        reports.log("j1", "two\n")
        reports.keep_again(kept)
        assert reports.unsure == ["j1"]
        reports.has_kept({"j1": log_bytes})
        assert reports.unsure == []
        assert [report.log for report in reports.to_keep()] == [left]
        reports.log("j1", "three\n")
        assert published(reports) == [("one\ntwo\nthree\n", 0)]


def test_a_job_that_has_ended_is_not_asked_for() -> None:
    """Nothing is known of it any more."""
    reports = opened()
    reports.log("j1", "one\n")
    reports.keep_again(reports.to_keep())
    reports.close("j1")
    assert (reports.unsure, reports.to_keep()) == ([], [])
