"""A worker's log follows the life of jobs: a line a step, for people or for programs."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import nbqueue
from nbqueue.broker.claims import Claim, Finish
from nbqueue.model.log_lines import JsonLines, TextLines
from nbqueue.model.options import DEFAULTS
from nbqueue.model.settings import Settings
from nbqueue.model.states import State
from nbqueue.worker.attempt import Attempt
from nbqueue.worker.life import Life
from tests.waiting import SLACK, until
from tests.workers import running_worker

SECRET = "canary-7f3a"


def taking(secret: str, wait_s: float = 0.0) -> int:
    """A job with an argument that nobody else should see."""
    import time

    time.sleep(wait_s)
    return len(secret)


def broken(secret: str) -> None:
    """One that fails, and says nothing of its argument."""
    raise ValueError(f"it has {len(secret)} letters,\nnot 12")


def outer() -> int:
    """One that submits a job."""
    import nbqueue

    return nbqueue.submit(taking, "inner").wait().wait()


async def test_the_log_follows_jobs(settings: Settings) -> None:
    """Started after how long, finished in how long, failed why, tried again when: a line each, without arguments."""
    nbqueue.configure(settings)
    with running_worker(settings) as worker:
        good = await nbqueue.submit(taking, SECRET, 0.1)
        await good
        bad = await nbqueue.options(retry=nbqueue.RetryPolicy(max_tries=2, base=0.01)).submit(broken, SECRET)
        with pytest.raises(nbqueue.JobFailed):
            await bad
        slow = await nbqueue.submit(taking, SECRET, 30)
        await until(lambda: f"{slow.id} (taking) started" in worker.log)
        await slow.cancel()
        with pytest.raises(nbqueue.JobCancelled):
            await slow
        await until(lambda: "was cancelled" in worker.log)
        said = re.findall(r"nbqueue\.worker\.jobs: Job (\w+) \(\w+\) (.+)", re.sub(r"\d+\.\d\d s", "n s", worker.log))
        assert SECRET not in worker.log
    why = "because ValueError: it has 11 letters, | not 12."
    assert said == [
        (good.id, "started after n s."), (good.id, "finished in n s."),
        (bad.id, "started after n s."), (bad.id, f"is tried again in n s, it failed after n s {why}"),
        (bad.id, "started after n s, attempt 2."), (bad.id, f"failed in n s {why}"),
        (slow.id, "started after n s."), (slow.id, "was cancelled after n s."),
    ]  # fmt: skip


async def test_json_has_the_same_as_fields(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each line is an object, the first one too; those of jobs have who, which attempt, how long and why."""
    monkeypatch.setenv("NBQUEUE_LOG_FORMAT", "json")
    nbqueue.configure(settings)
    with running_worker(settings) as worker:
        job = await nbqueue.options(label="the label").submit(outer)
        await job
        bad = await nbqueue.options(retry=nbqueue.RetryPolicy(max_tries=2, base=0.01)).submit(broken, SECRET)
        with pytest.raises(nbqueue.JobFailed):
            await bad
        await until(lambda: f'"job": "{bad.id}"' in worker.log and '"state": "failed"' in worker.log)
        text = worker.log
    lines = [json.loads(line) for line in text.splitlines()]
    assert lines[0]["message"].startswith("Serving default on ")
    ours = {(each["job"], each["event"]): each for each in lines if "job" in each}
    first, last, failed = ours[job.id, "started"], ours[job.id, "ended"], ours[bad.id, "ended"]
    assert (first["function"], first["label"], first["attempt"]) == ("outer", "the label", 1)
    assert 0 <= first["wait_s"] <= last["run_s"] * SLACK + 5
    assert (last["state"], last["level"], failed["state"], failed["level"]) == (
        "succeeded",
        "info",
        "failed",
        "warning",
    )
    assert (failed["error_type"], failed["error"]) == ("ValueError", "it has 11 letters,\nnot 12")
    again_s = ours[bad.id, "retried"]["again_in_s"]
    assert again_s == round(again_s, 3)
    [inner] = [each for (_, event), each in ours.items() if event == "enqueued"]
    assert (inner["function"], inner["message"].endswith(f"by job {job.id}.")) == ("taking", True)
    assert SECRET not in text


def test_one_record_is_one_line() -> None:
    """No name, no error and no traceback writes a second line, a control character or turns the text around."""
    record = _record("a\nb\r\x1b[31m\u202ec\ud800 %s", ("\x7f\u2028.",))
    text, found = TextLines().format(record), JsonLines().format(record)
    assert [line for line in (text, found) if not line.isprintable()] == []
    head, _, traceback = text.partition(" | Traceback (most recent call last): | ")
    assert head.endswith("ERROR name: a | b\\r\\x1b[31m\\u202ec\\ud800 \\x7f\\u2028.")
    assert traceback.endswith(" | ValueError: it\\u2028failed")
    about = json.loads(found)
    assert about["message"] == "a\nb\r\x1b[31m\u202ec\ud800 \x7f\u2028."
    assert about["traceback"].endswith("ValueError: it\u2028failed\n")


def test_a_message_that_does_not_fit_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """What a library says wrongly is written as it stands, without the arguments; the stack is there if asked for."""
    for formatter in (TextLines(), JsonLines()):
        handler = logging.StreamHandler()
        handler.setFormatter(formatter)
        record = _record("%d items", (SECRET,))
        record.exc_info, record.stack_info = None, "Stack:\n  here"
        handler.handle(record)
    text, found = capsys.readouterr().err.splitlines()
    assert text.endswith("ERROR name: %d items | Stack: | here")
    assert (json.loads(found)["message"], json.loads(found)["stack"]) == ("%d items", "Stack:\n  here")
    assert SECRET not in text + found


async def test_of_very_many_jobs_the_log_tells_the_number(caplog: pytest.LogCaptureFixture) -> None:
    """Some a second have lines of their own, and of those that fail so many ends besides; the others are counted."""
    with caplog.at_level(logging.INFO, "nbqueue.worker.jobs"):
        life = Life(2)
        for number in range(100):
            attempt = _attempt(f"job{number}")
            life.begin(attempt)
            life.end(Finish(attempt.claim.job_id, 1, State.FAILED if number % 2 else State.SUCCEEDED))
        await until(lambda: "more jobs" in caplog.text)
        await asyncio.sleep(0)
    told = [record.getMessage() for record in caplog.records]
    assert (
        told[-1]
        == f"{100 - _ends(told)} more jobs ended within a second, {50 - _ends(told, 'failed')} of them without success."
    )
    assert (len([line for line in told if "started" in line]), _ends(told)) == (2, 4)


def test_a_rate_of_none_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """With --log-rate 0 there are no lines of jobs."""
    with caplog.at_level(logging.INFO, "nbqueue.worker.jobs"):
        life = Life(0)
        life.begin(_attempt("job"))
        life.end(Finish("job", 1, State.FAILED))
    assert caplog.text == ""


async def test_a_submit_is_told_where_it_is_asked_for(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    """A process that listens to INFO hears of what it has enqueued, a group in one line."""
    nbqueue.configure(settings)
    with caplog.at_level(logging.INFO, "nbqueue"):
        job = await nbqueue.options(queue="quiet").submit(taking, SECRET)
        await nbqueue.options(queue="quiet").submit_map(taking, [SECRET, SECRET])
        await until(lambda: len(caplog.records) == 2)
    assert [record.getMessage() for record in caplog.records] == [
        f"Job {job.id} (taking) enqueued in quiet.", "2 jobs (taking) enqueued in quiet.",
    ]  # fmt: skip


def _ends(told: list[str], verb: str = "in 0") -> int:
    return len([line for line in told if f" {verb}" in line])


def _attempt(job_id: str) -> Attempt:
    now = round(time.time() * 1000)
    claim = Claim(job_id, 1, 0, 0, 0, now, now, now, "", b"", "default")
    return Attempt(claim=claim, header={"fn": "f", "codec": "none"}, payload=b"", options=DEFAULTS)


def _record(text: str, args: tuple[Any, ...]) -> logging.LogRecord:
    record = logging.LogRecord("name", logging.ERROR, str(Path(__file__)), 1, text, args, None)
    try:
        int("seven")
    except ValueError as error:
        error.args = ("it\u2028failed",)
        record.exc_info = sys.exc_info()
    return record
