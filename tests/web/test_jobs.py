"""Jobs over HTTP, with a real worker."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from nbqueue.model.settings import Settings
from tests.waiting import SLACK, wait_until
from tests.web.running import Web, peak_bytes, running_web
from tests.workers import Worker

TOO_LARGE = (
    "The result is too large for an answer in JSON, which takes 1,000,000 parts and 16,777,216 bytes: let the "
    "function hand back less, or fetch it in Python."
)
pytestmark = pytest.mark.usefixtures("worker")


def test_a_job_is_submitted_and_waited_for(web: Web) -> None:
    """A submit answers at once with the place to ask at, which has the result in the end."""
    sent = web.post("/api/v1/jobs", {"function": "add", "args": [1, 2], "options": {"job_id": "sum-1"}})
    assert (sent.status, sent.headers["location"]) == (202, "/api/v1/jobs/sum-1")
    assert sent.json == {"id": "sum-1", "location": "/api/v1/jobs/sum-1", "existed": False}
    assert web.get("/api/v1/jobs/sum-1/wait?timeout_s=20").json == {
        "id": "sum-1", "state": "succeeded", "ended": True, "result": 3, "has_result": True, "error_type": "",
        "error": "", "traceback": "",
    }  # fmt: skip
    again = web.post("/api/v1/jobs", {"function": "add", "args": [5, 5], "options": {"job_id": "sum-1"}})
    assert again.json["existed"] is True


def test_a_function_is_executed(web: Web) -> None:
    """One request submits and waits for the result."""
    found = web.post("/api/v1/execute", {"function": "add", "kwargs": {"left": 1.5}, "timeout_s": 20})
    assert (found.status, found.json["result"]) == (200, 2.5)


def test_what_takes_longer_is_asked_for_again(web: Web) -> None:
    """Where the time is up the answer is where to ask again; the job goes on, and can be cancelled."""
    found = web.post("/api/v1/execute", {"function": "nap", "args": [60], "timeout_s": 0})
    place = found.headers["location"]
    assert (found.status, found.json["ended"], found.headers["retry-after"]) == (202, False, "1")
    one = place.removesuffix("/wait")
    wait_until(lambda: web.get(one).json["progress"]["message"] == "asleep", 10)
    [running] = web.get(f"{one}/attempts").json["attempts"]
    assert (running["number"], running["state"], running["finished_at"]) == (1, "running", None)
    job = web.get(one).json
    assert (job["tries"], job["started_at"], job["worker"]) == (1, running["started_at"], running["worker"])
    assert "lies down" in web.get(f"{one}/log").body.decode()
    assert web.get(place + "?timeout_s=0").status == 202
    assert web.post(f"{one}/cancel").json["answer"] in {"cancelled", "requested", "already finished"}
    assert web.get(place).json["state"] in {"cancelled", "succeeded"}


def test_a_failure_is_told_with_its_place(web: Web) -> None:
    """An error comes as its class, its message and its traceback; it is retried as another job."""
    found = web.post("/api/v1/execute", {"function": "fail", "args": ["<b>no</b>"]}).json
    assert (found["state"], found["error_type"], found["error"]) == ("failed", "ValueError", "<b>no</b>")
    assert "raise ValueError(text)" in found["traceback"]
    [attempt] = web.get(f"/api/v1/jobs/{found['id']}/attempts").json["attempts"]
    assert (attempt["number"], attempt["state"], attempt["error"]) == (1, "failed", "<b>no</b>")
    again = web.post(f"/api/v1/jobs/{found['id']}/retry")
    assert (again.status, web.get(again.headers["location"]).json["retry_of"]) == (202, found["id"])


def test_results_that_json_lacks_are_written_as_it_can(web: Web) -> None:
    """Dates are text, sets and tuples are lists; nan has no JSON, which is said."""
    found = web.post("/api/v1/execute", {"function": "today"}).json
    assert found["result"] == {"day": "2026-01-02", "some": [3], "pair": [1, 2]}
    nothing = web.post("/api/v1/execute", {"function": "not_a_number"}).json
    assert (nothing["state"], nothing["has_result"], nothing["error_type"]) == ("succeeded", False, "NotSendable")


def test_a_large_result_holds_nobody_up(web: Web) -> None:
    """A result of many parts is answered, one of too many is left to Python; all others are answered meanwhile."""
    peak = peak_bytes(web)
    with ThreadPoolExecutor(2) as asking:
        large, huge = (
            asking.submit(web.post, "/api/v1/execute", {"function": "much", "args": [length], "timeout_s": 60})
            for length in (500_000, 20_000_000)
        )
        slowest = 0.0
        while not (large.done() and huge.done()):
            began = time.monotonic()
            assert web.get("/healthz", token=None).status == 200
            slowest = max(slowest, time.monotonic() - began)
    assert large.result().json["result"] == [*range(500_000)]
    assert huge.result().json["has_result"] is False
    assert huge.result().json["error"] == TOO_LARGE
    assert (slowest < 2 * SLACK, peak_bytes(web) - peak < 200e6) == (True, True)


def test_a_result_that_is_too_large_is_not_fetched(base: Settings) -> None:
    """Its size is asked for first: however many ask for it, the server holds none of it, and says that it has ended."""
    with running_web(base) as web, ThreadPoolExecutor(8) as asking:
        sent = web.post("/api/v1/execute", {"function": "letters", "args": [40_000_000], "timeout_s": 60})
        place = f"/api/v1/jobs/{sent.json['id']}/wait?timeout_s="
        peak = peak_bytes(web)
        found = [*asking.map(web.get, [place + seconds for seconds in ("0", "0.001", "9") for _ in range(4)])]
        assert {(each.status, each.json["state"], each.json["ended"], each.json["has_result"]) for each in found} == {
            (200, "succeeded", True, False)
        }
        assert {each.json["error"] for each in [sent, *found]} == {TOO_LARGE}
        assert (peak < 120e6, peak_bytes(web) - peak < 30e6) == (True, True)


def test_large_results_are_fetched_in_turn(base: Settings) -> None:
    """Many who ask for a large one at once all get it, and few of them are in memory."""
    with running_web(base) as web, ThreadPoolExecutor(12) as asking:
        sent = web.post("/api/v1/execute", {"function": "letters", "args": [8_000_000], "timeout_s": 60})
        found = [*asking.map(web.get, [f"/api/v1/jobs/{sent.json['id']}/wait?timeout_s=0"] * 12)]
        assert {(each.status, len(each.json["result"])) for each in found} == {(200, 8_000_000)}
        assert peak_bytes(web) < 320e6


def test_nothing_but_plain_data_is_loaded(web: Web) -> None:
    """A result whose unpickling would run code is not loaded by the web server."""
    found = web.post("/api/v1/execute", {"function": "odd"}).json
    assert (found["state"], found["result"], found["has_result"]) == ("succeeded", None, False)
    assert found["error"] == (
        "The result is no plain data, and is not loaded here: let the function hand back numbers, text, lists or "
        "dicts, or fetch it in Python."
    )


def test_code_is_not_taken(web: Web) -> None:
    """A name that no worker registered runs nothing, whatever it is the name of: it is not submitted."""
    wait_until(lambda: web.get("/api/v1/functions").json["functions"] != [], 20)
    for path in ("/api/v1/jobs", "/api/v1/execute"):
        found = web.post(path, {"function": "os.system", "args": ["true"], "options": {"job_id": "never"}})
        assert (found.status, web.get("/api/v1/jobs/never").status) == (404, 404)


def test_a_name_that_no_worker_has_is_told_with_those_they_have(web: Web) -> None:
    """Where workers serve the queue and none knows the name it is refused; where none serves it, it may come yet."""
    wait_until(lambda: web.get("/api/v1/functions").json["functions"] != [], 20)
    found = web.post("/api/v1/jobs", {"function": "ad"})
    assert (found.status, found.detail.partition(", ")[0]) == (
        404, 'No worker of the queue "default" knows a function "ad": those known now are add'
    )  # fmt: skip
    later = web.post("/api/v1/jobs", {"function": "ad", "options": {"queue": "nobody", "job_id": "later"}})
    assert later.status == 202
    assert web.post("/api/v1/jobs", {"function": "add", "options": {"job_id": "had"}}).status == 202
    assert web.post("/api/v1/jobs", {"function": "ad", "options": {"job_id": "had"}}).json["existed"] is True


def test_jobs_are_listed_in_pages(web: Web) -> None:
    """Recent jobs come newest first, filtered, and each page says where the next one is."""
    ids = [f"page-{number}" for number in range(5)]
    for each in ids:
        web.post("/api/v1/jobs", {"function": "add", "args": [1], "options": {"job_id": each, "tags": ["paged"]}})
    for each in ids:
        web.get(f"/api/v1/jobs/{each}/wait")
    first = web.get("/api/v1/jobs?tag=paged&limit=3").json
    second = web.get(first["next"]).json
    assert [each["id"] for each in first["jobs"] + second["jobs"]] == ids[::-1]
    assert second["next"] is None
    assert web.get("/api/v1/jobs?tag=paged&state=failed").json == {"jobs": [], "next": None}


def test_a_job_that_waits_is_promoted_and_deleted(web: Web) -> None:
    """A job that waits for its time starts when it is told to; what has ended can be forgotten."""
    place = web.post("/api/v1/jobs", {"function": "add", "args": [1], "options": {"delay": "1h"}}).headers["location"]
    assert web.get(place).json["state"] == "scheduled"
    assert web.post(f"{place}/promote").status == 200
    assert web.get(f"{place}/wait").json["result"] == 2
    assert web.ask("DELETE", place).json["answer"] == "deleted"
    assert web.get(place).status == 404


def test_a_policy_of_retries_comes_as_an_object(web: Web) -> None:
    """Its parts are those of the client, and so are their ranges."""
    retry = {"max_tries": 3.0, "backoff": "fixed", "base": 0.01, "never_on": ["KeyError"]}
    job = {"function": "fail", "args": ["x"], "options": {"retry": retry, "memory": "1GB"}}
    place = web.post("/api/v1/jobs", job).headers["location"]
    assert web.get(f"{place}/wait").json["state"] == "failed"
    assert (web.get(place).json["tries"], web.get(place).json["max_tries"]) == (3, 3)
    for given, status in (
        (1000, 202),
        (1001, 400),
        ({"max_tries": 1001}, 400),
        ({"factor": 0.5}, 400),
        ({"fn": 1}, 400),
    ):
        assert web.post("/api/v1/jobs", {"function": "add", "args": [1], "options": {"retry": given}}).status == status


def test_a_job_asks_for_labels(web: Web) -> None:
    """It waits for a worker that has them, and the queue says so in words."""
    options = {"labels": ["site=moon"], "resources": {"gpu": 1}}
    place = web.post("/api/v1/jobs", {"function": "add", "args": [1], "options": options}).headers["location"]
    held = "waits for gpu=1, label site=moon"
    assert wait_until(lambda: web.get("/api/v1/queues/default").json["held_back"], 20) == {held: 1}
    assert web.post(f"{place}/cancel").status == 200


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({}, "body lacks function: give it."),
        ({"function": "add", "args": 3}, "args=3 cannot be used: give a list."),
        ({"function": "add", "code": "x"},
         "body has 'code', which is not known: there are function, args, kwargs, options."),
        ({"function": "add", "options": {"queue": "a b"}}, None),
        ({"function": "add", "options": {"timeout": "soon"}},
         "timeout='soon' is no duration: give seconds, or text such as 90s, 5min, 2h or 1d."),
        ({"function": "add", "options": {"unique": 5, "job_id": "x"}}, None),
        ({"function": "a\nb"}, None),
        ([], "body=[] cannot be used: give an object."),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_told_in_a_sentence(web: Web, body: object, sentence: str | None) -> None:
    """A request that cannot be used says what came and what to give; nothing is submitted."""
    found = web.post("/api/v1/jobs", body)
    assert found.status == 400
    assert sentence in (None, found.detail)


def test_what_is_no_moment_is_told_in_words_of_http(web: Web) -> None:
    """A moment that cannot be read, and a state that there is not, are refused with what callers can give."""
    no_moment = "since='yesterday' is no moment: give how long ago, such as 2h or 7d, or a moment such as "
    for found in (web.get("/api/v1/jobs?since=yesterday"), web.post("/api/v1/queues/q/retry", {"since": "yesterday"})):
        assert (found.status, found.detail) == (400, f"{no_moment}2026-01-31T12:00:00Z.")
    found = web.get("/api/v1/jobs?state=blocked")
    states = "scheduled, queued, running, succeeded, failed, cancelled, timed_out, crashed, expired"
    blocked = f"state='blocked' cannot be used: give one of {states}. What waits for other jobs is queued, and its "
    assert (found.status, found.detail) == (400, f'{blocked}reason is "blocked".')


def test_the_other_namespace_is_not_there(web: Web, base: Settings) -> None:
    """Jobs of another namespace of the same server cannot be seen, waited for, cancelled, retried or deleted."""
    job_id = web.post("/api/v1/jobs", {"function": "add", "args": [1]}).json["id"]
    other = Settings(url=base.url, home=base.home, namespace="other")
    with running_web(other) as web_of_other:
        place = f"/api/v1/jobs/{job_id}"
        asked = [("GET", place), ("GET", f"{place}/wait"), ("GET", f"{place}/log"), ("GET", f"{place}/attempts"),
                 ("GET", f"{place}/events"), ("POST", f"{place}/cancel"), ("POST", f"{place}/retry"),
                 ("POST", f"{place}/promote"), ("DELETE", place)]  # fmt: skip
        assert {web_of_other.ask(method, path).status for method, path in asked} == {404}
        assert web_of_other.get("/api/v1/jobs").json == {"jobs": [], "next": None}
        assert web_of_other.get("/api/v1/queues").json == {"queues": []}
    assert web.get(place).status == 200


def test_workers_and_functions_are_listed(web: Web, worker: Worker) -> None:
    """Engines and what they know by name are told."""
    [engine] = web.get("/api/v1/workers").json["workers"]
    assert (engine["pid"], engine["queues"], engine["slots"]) == (worker.engine(), ["default"], 2)
    assert web.get("/api/v1/workers?queue=other").json == {"workers": []}
    names = [each["name"] for each in web.get("/api/v1/functions").json["functions"]]
    assert {"add", "nap"} <= set(names)
