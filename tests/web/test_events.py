"""Events over HTTP, as a browser's EventSource reads them."""

import json
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from http.client import HTTPConnection, HTTPResponse
from typing import Any

import pytest

from nbqueue.model.settings import Settings
from nbqueue.web.api.events import MOST_STREAMS
from nbqueue.web.ends import MOST_WAITING
from tests.faults.conftest import store  # noqa: F401
from tests.faults.stores import Store
from tests.waiting import SLACK, wait_until
from tests.web.raw import BEARER, request
from tests.web.running import TOKEN, Web, read_all, running_web


@contextmanager
def listening(web: Web, path: str, **headers: str) -> Iterator[HTTPResponse]:
    """A stream that is open."""
    connection = HTTPConnection("127.0.0.1", web.port, timeout=10 * SLACK)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {TOKEN}", **headers})
        yield connection.getresponse()
    finally:
        connection.close()


def one(stream: HTTPResponse) -> dict[str, Any]:
    """The next event with data; comments and the beginning are passed over, but for the beginning's id."""
    found: dict[str, Any] = {}
    while line := stream.readline().decode().rstrip("\n"):
        name, _, value = line.partition(": ")
        found[name] = json.loads(value) if name == "data" else value
    return found


def until(stream: HTTPResponse, job_id: str, state: str) -> dict[str, Any]:
    """The event that tells of a job in a state."""
    while True:
        found = one(stream)
        assert found or not stream.isclosed(), "the stream ended"
        if found.get("event") == "state" and (found["data"]["id"], found["data"]["state"]) == (job_id, state):
            return found


def submit(web: Web, job_id: str, function: str = "add", **options: Any) -> None:
    """A job of that id."""
    body = {"function": function, "args": [1], "options": {"job_id": job_id, **options}}
    assert web.post("/api/v1/jobs", body).status == 202


@pytest.mark.usefixtures("worker")
def test_changes_of_all_jobs_are_told_and_resumed(web: Web) -> None:
    """Each change comes as it happens; who was cut off goes on after the last id and misses nothing."""
    with listening(web, "/api/v1/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        begun = one(stream)["id"]
        submit(web, "told-1")
        assert until(stream, "told-1", "succeeded")["data"].keys() == {"id", "state", "at"}
    submit(web, "told-2")
    assert web.get("/api/v1/jobs/told-2/wait").json["result"] == 2
    with listening(web, "/api/v1/events", **{"Last-Event-ID": begun}) as stream:
        until(stream, "told-1", "succeeded")
        last = until(stream, "told-2", "succeeded")
    began = time.monotonic()
    with listening(web, f"/api/v1/events?timeout_s=0.05&after={last['id']}") as stream:
        assert stream.read() == f"retry: 2000\nid: {last['id']}\n\n".encode()
    assert time.monotonic() - began < 0.25 * SLACK


@pytest.mark.usefixtures("worker")
def test_a_job_is_followed_to_its_end(web: Web) -> None:
    """States, progress and log lines of one job come, and then that nothing more will."""
    body = {"function": "nap", "args": [0.5], "options": {"job_id": "followed"}}
    web.post("/api/v1/jobs", body)
    with listening(web, "/api/v1/jobs/followed/events") as stream:
        events = [json.loads(line[6:]) for line in stream.read().decode().splitlines() if line.startswith("data: ")]
    assert [each["state"] for each in events if "state" in each][-1] == "succeeded"
    assert any(each.get("message") == "asleep" for each in events)
    assert events[-1] == {}


def test_a_replay_can_break_anywhere(web: Web) -> None:
    """Each change that came alone has its id, of several at once the last; a submit is no change."""
    body = {"options": {"queue": "replayed", "delay": 3600}, "function": "add"}
    with listening(web, "/api/v1/events?timeout_s=0") as stream:
        begun = one(stream)["id"]
    ids = [web.post("/api/v1/jobs", body).json["id"] for _ in range(3)]
    for job_id in ids[:2]:
        web.post(f"/api/v1/jobs/{job_id}/cancel")
    web.post("/api/v1/queues/replayed/clear")
    with listening(web, f"/api/v1/events?after={begun}") as stream:
        one(stream)
        found = [one(stream) for _ in range(2)]
    assert [(each["data"]["id"], each["data"]["state"], "id" in each) for each in found] == [
        (job_id, "cancelled", True) for job_id in ids[:2]
    ]
    with listening(web, "/api/v1/events", **{"Last-Event-ID": found[0]["id"]}) as stream:
        one(stream)
        assert one(stream) == found[1]


@pytest.mark.parametrize("after", ["99999999999999-0", "1-1"], ids=["beyond the last", "before the first"])
def test_a_place_that_the_server_does_not_know_is_told(web: Web, after: str) -> None:
    """Who comes with the place of a server that was emptied or brought back from a copy hears that it lost some."""
    body = {"options": {"queue": "unknown", "delay": 3600}, "function": "add"}
    job_id = web.post("/api/v1/jobs", body).json["id"]
    web.post(f"/api/v1/jobs/{job_id}/cancel")
    with listening(web, "/api/v1/events", **{"Last-Event-ID": after}) as stream:
        one(stream)
        assert one(stream)["event"] == "gap"
        second = web.post("/api/v1/jobs", body).json["id"]
        web.post(f"/api/v1/jobs/{second}/cancel")
        assert until(stream, second, "cancelled")["data"]["id"] == second


def test_zero_is_the_beginning_of_what_is_kept(web: Web) -> None:
    """With `0-0` all changes come that the server still has, and no gap."""
    with listening(web, "/api/v1/events?after=0-0&timeout_s=1") as stream:
        assert "event: gap" not in stream.read().decode()


def test_a_place_that_is_none_is_refused(web: Web) -> None:
    """An id that no event had is a problem in a sentence, and no stream."""
    found = web.get("/api/v1/events", headers={"Last-Event-ID": "$\u00e9"})
    assert (found.status, found.detail.endswith("send the id of the last event, or none.")) == (400, True)
    assert web.get("/api/v1/jobs/nothing/events").status == 404


def test_listeners_give_their_place_back(web: Web) -> None:
    """Too many at once are told to come again, and nothing else; after some have left the next ones are heard."""
    for _ in range(70):
        with listening(web, "/api/v1/events?timeout_s=0") as stream:
            stream.read()
    with ExitStack() as many:
        for _ in range(MOST_STREAMS):
            one(many.enter_context(listening(web, "/api/v1/events")))
        refused = web.get("/api/v1/events")
        assert (refused.status, refused.headers["retry-after"]) == (503, "5")
        assert refused.detail.startswith("64 callers listen to events already")
    wait_until(lambda: web.get("/api/v1/events?timeout_s=0").status == 200, 10)


def test_who_waits_takes_a_place_before_anything_is_submitted(web: Web) -> None:
    """With all places taken nothing more is waited for, and nothing submitted; who does not wait needs no place."""
    submit(web, "later", delay=3600)
    with ExitStack() as many:
        for _ in range(MOST_WAITING):
            waiting = many.enter_context(web.connection())
            waiting.sendall(request("GET /api/v1/jobs/later/wait?timeout_s=60", BEARER))
        wait_until(lambda: web.get("/api/v1/jobs/later/wait?timeout_s=0.01").status == 503, 20)
        body = {"function": "add", "args": [1], "options": {"job_id": "refused", "delay": 3600}, "timeout_s": 1}
        refused = web.post("/api/v1/execute", body)
        assert (refused.status, refused.headers["retry-after"]) == (503, "5")
        assert web.get("/api/v1/jobs/refused").status == 404
        assert web.get("/api/v1/jobs/later/wait?timeout_s=0").status == 202
        assert web.post("/api/v1/execute", {**body, "timeout_s": 0}).status == 202


def test_a_stop_ends_streams_and_waits_at_once(base: Settings) -> None:
    """Who listens or waits when the server is told to stop is let go quietly, and need not be cut off."""
    with running_web(base, "--log-format", "json") as web, ExitStack() as many:
        submit(web, "stays", delay=3600)
        streams = [many.enter_context(listening(web, path)) for path in ("/api/v1/events", "/api/v1/jobs/stays/events")]
        streams += [many.enter_context(listening(web, "/live"))]
        waits = many.enter_context(web.connection())
        waits.sendall(request("GET /api/v1/jobs/stays/wait?timeout_s=60", BEARER))
        for stream in streams:
            one(stream)
        began = time.monotonic()
        web.process.send_signal(signal.SIGTERM)
        web.process.wait(20)
        took_s = time.monotonic() - began
        for stream in streams:
            stream.read()
        assert read_all(waits).startswith(b"HTTP/1.1 202")
        levels = {json.loads(line)["level"] for line in web.lines}
    assert (levels, took_s < 2 * SLACK) == ({"info"}, True)


def test_a_stream_outlives_an_outage_and_says_what_it_lost(base: Settings, store: Store) -> None:  # noqa: F811
    """While the queue's server is away a stream waits; it goes on after that, and is broken where its job is gone."""
    with running_web(replace(store.settings, home=base.home, connect_timeout_s=0.5)) as web:
        submit(web, "kept", delay=3600)
        with listening(web, "/api/v1/events") as every, listening(web, "/api/v1/jobs/kept/events") as kept:
            assert one(every)["retry"] == one(kept)["retry"] == "2000"
            assert one(kept)["data"]["state"] == "scheduled"
            store.kill()
            assert web.get("/api/v1/jobs/kept").status == 503
            store.start()
            submit(web, "after", delay=3600)
            assert web.post("/api/v1/jobs/after/cancel").status == 200
            assert until(every, "after", "cancelled")["data"].keys() == {"id", "state", "at"}
            assert web.post("/api/v1/jobs/kept/promote").status == 200
            assert until(kept, "kept", "queued")["data"].keys() == {"id", "state", "at"}
            store.kill()
            store.start(appendonly="no")
            last, end = kept.read().decode().split("\n\n")[-2:]
        assert (last.partition('{"reason":"')[0], end) == ("event: broken\ndata: ", "")
        assert 'The server knows no job \\"kept\\"' in last
        assert "Traceback" not in web.log
