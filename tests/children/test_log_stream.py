"""Where the log messages of a job go."""

import io
import logging
import sys

import pytest

from nbqueue.children.child import CurrentStderr


def test_messages_go_to_the_stream_of_now_or_to_a_given_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is `sys.stderr` gets them, unless a library gives the handler another stream for a while."""
    handler = CurrentStderr()
    streams = first, second, given = io.StringIO(), io.StringIO(), io.StringIO()

    def say(text: str) -> None:
        handler.emit(logging.LogRecord("n", logging.INFO, "", 0, text, None, None))

    monkeypatch.setattr(sys, "stderr", first)
    say("one")
    before = handler.setStream(given)
    say("two")
    assert before is not None
    handler.setStream(before)
    monkeypatch.setattr(sys, "stderr", second)
    say("three")
    assert [stream.getvalue() for stream in streams] == ["INFO n: one\n", "INFO n: three\n", "INFO n: two\n"]
