"""Queues, schedules and statistics over HTTP."""

import json

import pytest

import nbqueue
from nbqueue.model.settings import Settings
from tests.servers import running_server
from tests.waiting import wait_until
from tests.web.running import Web, running_web
from tests.workers import running_worker


def test_a_queue_is_paused_and_resumed(web: Web) -> None:
    """A paused queue says so wherever it is listed."""
    web.post("/api/v1/jobs", {"function": "add", "options": {"queue": "calm"}})
    assert web.post("/api/v1/queues/calm/pause").json["paused"] is True
    assert web.get("/api/v1/stats").json["paused"] == ["calm"]
    [calm] = [each for each in web.get("/api/v1/queues").json["queues"] if each["name"] == "calm"]
    assert (calm["paused"], calm["queued"]) == (True, 1)
    assert web.get("/api/v1/queues/calm").json["held_back"] == {'queue "calm" is paused': 1}
    assert web.post("/api/v1/queues/calm/resume").json["paused"] is False


def test_a_queue_is_drained_and_opened(web: Web) -> None:
    """It takes no more jobs from the answer on, and keeps those that are there."""
    job = {"function": "add", "options": {"queue": "dry"}}
    web.post("/api/v1/jobs", job)
    drained = web.post("/api/v1/queues/dry/drain").json
    assert (drained["drained"], drained["queued"], web.post("/api/v1/jobs", job).status) == (True, 1, 409)
    assert web.post("/api/v1/queues/dry/open").json["drained"] is False
    assert web.post("/api/v1/jobs", job).status == 202


def test_a_queue_is_cleared(web: Web) -> None:
    """What waits is forgotten, and counted."""
    for _ in range(3):
        web.post("/api/v1/jobs", {"function": "add", "options": {"queue": "full"}})
    assert web.get("/api/v1/queues/full").json["queued"] == 3
    assert web.post("/api/v1/queues/full/clear").json == {"count": 3}
    assert web.get("/api/v1/queues/full").json["queued"] == 0


def test_a_queue_is_limited(web: Web) -> None:
    """A limit is set, told wherever the queue is, and taken away by DELETE alone."""
    place, none = "/api/v1/queues/slow/limits", {"limit": "", "rate": None, "concurrency": None}
    assert web.get(place).json == none
    both = {"limit": "90 in 60 s, burst 9, 2 at once", "rate": "90/min burst 9", "concurrency": 2}
    assert web.ask("PUT", place, json_body={"rate": "90/min burst 9", "concurrency": 2}).json == both
    assert web.ask("PUT", place, json_body={"rate": both["rate"], "concurrency": 2}).json == both
    for sent in (b"{}", b""):
        refused = web.ask("PUT", place, body=sent, headers={"Content-Type": "application/json"})
        assert (refused.status, refused.detail) == (
            400, "body sets no limit: give rate, concurrency or both; DELETE takes the limit away."
        )  # fmt: skip
    web.post("/api/v1/jobs", {"function": "add", "options": {"queue": "slow"}})
    [listed] = [each for each in web.get("/api/v1/queues").json["queues"] if each["name"] == "slow"]
    assert [web.get(place).json, listed["limit"], web.get("/api/v1/queues/slow").json["limit"]] == [
        both, both["limit"], both["limit"],
    ]  # fmt: skip
    assert web.ask("DELETE", place).json == none
    assert [web.get(place).json, web.get("/api/v1/queues/slow").json["limit"]] == [none, ""]


@pytest.mark.usefixtures("worker")
def test_what_failed_is_retried_together(web: Web) -> None:
    """All jobs of a queue that failed for good are retried with one request, once."""
    ended = web.post("/api/v1/execute", {"function": "fail", "args": ["x"]}).json
    assert web.post("/api/v1/queues/default/retry").json == {"count": 1}
    again = web.get(f"/api/v1/jobs/{ended['id']}").json["retried_by"]
    assert web.get(f"/api/v1/jobs/{again}/wait").json["state"] == "failed"


def test_a_queue_that_nobody_used_yet_has_zeros(web: Web) -> None:
    """Queues are not declared: what scales workers by one asks for it before its first job."""
    found = web.get("/api/v1/queues/never")
    assert found.status == 200
    assert {name: found.json[name] for name in ("name", "queued", "ready", "crowded", "running", "workers")} == {
        "name": "never", "queued": 0, "ready": 0, "crowded": 0, "running": 0, "workers": 0,
    }  # fmt: skip
    assert "never" not in [each["name"] for each in web.get("/api/v1/queues").json["queues"]]


def test_ready_is_what_a_worker_would_start(web: Web) -> None:
    """Not what waits for its time, for other jobs, for resources or for the end of a pause."""
    first = nbqueue.options(queue="mixed").submit("add", 1).wait()
    nbqueue.options(queue="mixed", delay=60).submit("add", 1).wait()
    nbqueue.options(queue="mixed", after=[first]).submit("add", 1).wait()
    assert _numbers(web, "mixed") == {"queued": 2, "ready": 1, "blocked": 1, "crowded": 0, "running": 0, "workers": 0}
    web.post("/api/v1/queues/mixed/pause")
    assert _numbers(web, "mixed") == {"queued": 2, "ready": 0, "blocked": 1, "crowded": 0, "running": 0, "workers": 0}


def test_more_workers_are_asked_for_only_where_they_help(web: Web, base: Settings) -> None:
    """Jobs for a GPU that nobody has are neither ready nor crowded; for one that is in use they are crowded."""
    with running_worker(base, "--queues", "gpus", "--resources", "gpu=1", "tests.web.works"):
        nbqueue.options(queue="gpus", labels=["site=mars"]).submit_map("add", [1] * 4).wait()
        nbqueue.options(queue="gpus", resources={"gpu": 2}).submit_map("add", [1] * 3).wait()
        naps = nbqueue.options(queue="gpus", resources={"gpu": 1}).submit_map("nap", [60] * 3).wait()
        expected = {"queued": 9, "ready": 0, "blocked": 0, "crowded": 2, "running": 1, "workers": 1}
        wait_until(lambda: _numbers(web, "gpus") == expected, 10)
        web.post("/api/v1/queues/gpus/pause")
        assert _numbers(web, "gpus") == {**expected, "crowded": 0}
        naps.cancel().wait()


def _numbers(web: Web, name: str) -> dict[str, int]:
    found = web.get(f"/api/v1/queues/{name}").json
    return {each: found[each] for each in ("queued", "ready", "blocked", "crowded", "running", "workers")}


def test_schedules_are_looked_after(web: Web) -> None:
    """Schedules are listed, paused, triggered and removed."""
    nbqueue.options(queue="planned").schedule("1d", "add", 1).wait()
    [found] = web.get("/api/v1/schedules").json["schedules"]
    place = f"/api/v1/schedules/{found['name']}"
    assert (found["function"], found["state"]) == ("add", "active")
    assert web.post(f"{place}/pause").json["state"] == "paused"
    triggered = web.post(f"{place}/trigger")
    assert (triggered.status, web.get(triggered.headers["location"]).json["queue"]) == (202, "planned")
    assert web.ask("DELETE", place).status == 204
    gone = web.post(f"{place}/pause")
    assert (gone.status, gone.detail) == (
        404, f"There is no schedule {found['name']}: GET /api/v1/schedules lists those that are there."
    )  # fmt: skip


def test_a_server_that_is_away_is_said(base: Settings) -> None:
    """While the queue's server is away callers get 503, and when to come again."""
    with running_server() as server:
        settings = Settings(url=server.url, home=base.home, connect_timeout_s=0.5)
        with running_web(settings, "--log-format", "json") as web:
            assert web.get("/healthz", token=None).status == 200
            server.process.terminate()
            server.process.wait(10)
            found = web.get("/api/v1/jobs")
            assert (found.status, found.headers["retry-after"]) == (503, "5")
            assert web.get("/healthz", token=None).status == 503
            assert "Traceback" not in web.log
            lines = [json.loads(line) for line in web.lines]
            assert lines[0]["message"].startswith("Serving http://")
            [asked] = [line for line in lines if line.get("path") == "/api/v1/jobs"]
            assert {name: asked[name] for name in ("logger", "level", "method", "status", "client")} == {
                "logger": "nbqueue.web", "level": "info", "method": "GET", "status": 503, "client": "127.0.0.1",
            }  # fmt: skip
            assert asked["duration_ms"] > 0


def test_a_server_that_is_full_is_said(base: Settings) -> None:
    """Where nothing more can be stored a submit is 507, and what is there can be read."""
    with running_server(maxmemory="3mb") as server, running_web(Settings(url=server.url, home=base.home)) as web:
        web.post("/api/v1/jobs", {"function": "add"})
        with server.client() as client:
            client.config_set("maxmemory", "1mb")
        wait_until(lambda: web.post("/api/v1/jobs", {"function": "add"}).status == 507, 5)
        assert web.get("/api/v1/queues").status == 200
