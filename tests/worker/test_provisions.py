"""What is read before a job begins that takes the results of others, and what becomes of it where one is missing."""

import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from nbqueue.broker import codec
from nbqueue.broker.claims import Claim, Finish
from nbqueue.broker.connection import open_redis, parse_url
from nbqueue.broker.envelope import open_sealed, seal
from nbqueue.broker.handshake import agree
from nbqueue.broker.inputs import Input, Problem
from nbqueue.broker.keys import Keys
from nbqueue.broker.raised import load_error
from nbqueue.broker.signing import Keyring
from nbqueue.errors import ParentFailed, TamperedPayload
from nbqueue.model.options import DEFAULTS
from nbqueue.model.states import State
from nbqueue.worker import checkpoints, provisions
from nbqueue.worker.attempt import Attempt, Here
from nbqueue.worker.provisions import provide
from tests.servers import Server

KEYS = Keys()
RING = Keyring({"ours": b"o" * 32})
HERE = Here(
    keyring=RING, keys=KEYS, engine_id="e", host="h", limit_bytes=10**8, chance=Random(1),
    versions=codec.header_versions(),
)  # fmt: skip
ERROR = {"type": "ValueError", "message": "no such plan", "traceback": "Traceback ..."}


@pytest.fixture
async def client(server: Server) -> AsyncIterator[Any]:
    """A connection as an engine has it."""
    client = open_redis(parse_url(server.url))
    yield client
    await client.aclose()


async def put(client: Any, name: str, state: str = "succeeded", *, value: object = None, sealed: bool = True) -> None:
    """A job that has come so far, and its result."""
    await client.hset(KEYS.record(name), mapping={"state": state, "queue": "default", "function": f"do_{name}"})
    await client.pexpire(KEYS.record(name), 60_000)
    if sealed:
        header: dict[str, Any] = {"kind": "result", "ns": "", "id": name, "state": state, "codec": "pickle"}
        header |= dict(codec.header_versions()) if state == "succeeded" else {"error": ERROR}
        payload = codec.dump_value(value) if state == "succeeded" else b""
        await client.set(KEYS.result(name), seal(RING, header, payload), px=60_000)


def attempt(*inputs: str, **changes: Any) -> Attempt:
    """An attempt that takes these results."""
    claim = Claim(
        job_id="child", fence=1, tries=0, losses=0, crashes=0, submitted_ms=0, due_ms=0, started_ms=1, group="",
        submission=b"", queue="default",
    )  # fmt: skip
    header = {"fn": "f", "codec": "pickle", "label": "a child", "inputs": list(inputs), **changes}
    return Attempt(claim=claim, header=header, payload=b"", options=DEFAULTS, began_at=time.monotonic())


async def test_results_are_read_in_order(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Verified and not unpickled, many small ones at once and large ones apart, which are verified in a thread."""
    monkeypatch.setattr(provisions, "BATCH", 3)
    names = [f"p{number}" for number in range(10)]
    for number, name in enumerate(names):
        await put(client, name, value=b"x" * (1_500_000 if number % 4 == 1 else number))
    found = attempt(*reversed(names))
    assert await provide(client, HERE, found) is None
    assert list(found.inputs) == names[::-1]
    assert [len(codec.load_value(found.inputs[name].payload)) for name in names[:3]] == [0, 1_500_000, 2]


async def test_a_result_in_json_is_told_apart(client: Any) -> None:
    """What a job that was put in by hand gave is JSON."""
    await put(client, "a")
    header = {"kind": "result", "ns": "", "id": "a", "state": "succeeded", "codec": "json", **codec.header_versions()}
    await client.set(KEYS.result("a"), seal(RING, header, b'{"x": 1}'), px=60_000)
    found = attempt("a")
    assert await provide(client, HERE, found) is None
    assert found.inputs == {"a": Input(b'{"x": 1}', "json")}


@pytest.mark.parametrize(
    ("state", "sealed", "kind", "text"),
    [
        ("failed", True, "ParentFailed", "job a (do_a), which failed: ValueError: no such plan."),
        ("cancelled", False, "ParentFailed", "job a (do_a), which was cancelled."),
        ("timed_out", True, "ParentFailed", "job a (do_a), which ran into its time limit."),
        ("crashed", True, "ParentFailed", "job a (do_a), which crashed."),
        ("expired", False, "ParentFailed", "job a (do_a), which was not started in time."),
        ("succeeded", False, "ResultExpired", "job a (do_a), which succeeded, and its result is kept no longer"),
    ],
)
async def test_a_result_that_is_missing_ends_the_job(
    client: Any, state: str, sealed: bool, kind: str, text: str  # noqa: FBT001
) -> None:  # fmt: skip
    """Failed, not tried again, with the parent's name and how that ended; the child's own label is in the history."""
    await put(client, "ok", value=1)
    await put(client, "a", state, sealed=sealed)
    end = await provide(client, HERE, attempt("ok", "a"))
    assert isinstance(end, Finish)
    assert (end.state, end.error_type) == (State.FAILED, kind)
    assert f"It takes the result of {text}" in end.error
    assert json.loads(end.record)["label"] == "a child"
    result = open_sealed(RING, end.result, kind="result", namespace="", job_id="child", fence=1)
    error = load_error(result.payload)
    assert type(error).__name__ == kind
    if isinstance(error, ParentFailed):
        assert error.parent_id == "a"
        assert error.remote_traceback == ("Traceback ..." if sealed else "")


async def test_a_parent_that_nobody_knows_ends_the_job(client: Any) -> None:
    """Its record is gone as well, or there was none."""
    end = await provide(client, HERE, attempt("none"))
    assert end is not None
    assert (end.error_type, end.error) == (
        "ParentFailed", "It takes the result of job none, which the server no longer knows.",
    )  # fmt: skip


async def test_a_parent_that_has_not_ended_is_waited_for(client: Any) -> None:
    """The claim is given back for a moment, and counts for nothing."""
    await put(client, "a", "running", sealed=False)
    end = await provide(client, HERE, attempt("a"))
    assert end == Finish(job_id="child", fence=1, state=State.SCHEDULED, delay_s=provisions.NOT_YET_S)


async def test_with_run_the_error_stands_in_the_place(client: Any) -> None:
    """`on_parent_failure="run"`: whatever is missing becomes what is known of it."""
    await put(client, "ok", value=1)
    await put(client, "bad", "failed")
    await put(client, "stopped", "cancelled", sealed=False)
    await put(client, "old", sealed=False)
    found = attempt("bad", "ok", "stopped", "old", "none", opt={"on_parent_failure": "run"})
    assert await provide(client, HERE, found) is None
    problems = {name: each.problem for name, each in found.inputs.items()}
    assert problems == {
        "bad": Problem("ValueError", "no such plan", "Traceback ..."),
        "ok": None,
        "stopped": Problem("JobCancelled", "was cancelled"),
        "old": Problem("ResultExpired", "its result is kept no longer"),
        "none": Problem("JobLost", "the server no longer knows it"),
    }


async def test_all_together_have_a_limit(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told before they are read."""
    monkeypatch.setattr(provisions, "ALL_BYTES", 3_000)
    for name in "ab":
        await put(client, name, value=b"x" * 2_000)
    end = await provide(client, HERE, attempt("a", "b"))
    assert end is not None
    assert (end.error_type, "3,000 are allowed" in end.error) == ("PayloadTooLarge", True)


async def test_a_server_that_is_away_gives_the_job_back(client: Any, server: Server) -> None:
    """Nothing is known of the results then, and the attempt counts for nothing."""
    del server
    await client.set(KEYS.result("a"), "x", px=60_000)
    away = open_redis(parse_url("unix:///nowhere/s"))
    end = await provide(away, HERE, attempt("a"))
    assert end == Finish(job_id="child", fence=1, state=State.QUEUED)
    await away.aclose()


async def test_what_a_key_of_the_others_signed_is_for_them(client: Any) -> None:
    """A checkpoint or a result of a job is not left out for want of a key that the others sign with by now."""
    rotated = Keyring({"fresh": b"f" * 32, "ours": b"o" * 32})
    await client.set(KEYS.checkpoint("child"), checkpoints.sealed(rotated, KEYS, "child", b"kept"), px=60_000)
    again = attempt()
    again = replace(again, header={"fn": "f", "codec": "pickle"}, claim=again.claim._replace(fence=2))
    assert await provide(client, HERE, again) is None
    assert again.checkpoint is None  # it may be forged: nobody vouches for the key
    await agree(client, KEYS, RING)
    await agree(client, KEYS, rotated)
    with pytest.raises(TamperedPayload) as refused:
        await provide(client, HERE, again)
    assert refused.value.unknown_key == "fresh"
    found = replace(HERE, keyring=rotated)
    assert await provide(client, found, again) is None
    assert again.checkpoint == b"kept"


async def test_another_pythons_result_is_not_loaded(client: Any) -> None:
    """As everywhere, pickles of another minor version are refused; no other worker could do better."""
    header = {"kind": "result", "ns": "", "id": "a", "state": "succeeded", "codec": "pickle", "py": "3.9", "cp": "3"}
    await client.set(KEYS.result("a"), seal(RING, header, b""), px=60_000)
    end = await provide(client, HERE, attempt("a"))
    assert end is not None
    assert (end.state, end.error_type) == (State.FAILED, "WrongPython")


async def test_arguments_in_json_take_nothing(client: Any) -> None:
    """There is nothing in them that could stand for a result."""
    end = await provide(client, HERE, attempt("a", codec="json"))
    assert end is not None
    assert (end.state, end.error_type) == (State.FAILED, "NotSendable")
