"""What pages say of results, limits, orders, unknown words and places."""

from dataclasses import replace
from urllib.parse import quote

import pytest

import nbqueue
from nbqueue.board import roster
from nbqueue.model.job import JobRecord, moment
from nbqueue.model.settings import Settings
from nbqueue.model.states import State
from nbqueue.web import wanted
from nbqueue.web.pages import remains, views
from tests.waiting import wait_until
from tests.web.running import TOKEN, Web, running_web
from tests.web.test_pages import did

HTML = {"Accept": "text/html"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.mark.usefixtures("worker")
def test_a_result_is_shown_where_it_is_plain(web: Web) -> None:
    """It is text as JSON has it; what is no plain data is not loaded, and a call that is kept no longer not retried."""
    jobs = [nbqueue.submit(name).wait(20) for name in ("today", "odd")]
    wait_until(lambda: all(job.state().wait(20).is_final for job in jobs), 20)
    plain, odd = (web.get(f"/jobs/{job.id}").body.decode() for job in jobs)
    assert "2026-01-02" in plain
    assert "It is no plain data, and is not loaded here" in odd
    assert 'value="Retry:this" disabled title="Its function and arguments are kept no longer' in plain


def test_a_result_that_would_run_code_is_not_loaded() -> None:
    """It is not unpickled, whoever wrote it."""
    evil = b"cos\nsystem\n(S'touch /tmp/nbqueue-was-here'\ntR."
    assert remains.shown(evil)[0] == ()


@pytest.mark.usefixtures("worker")
def test_the_answer_of_a_retry_names_the_new_job(web: Web) -> None:
    """A page can lead to it."""
    job = nbqueue.submit("fail", "once").wait(20)
    wait_until(lambda: job.state().wait(20).is_final, 20)
    told = did(web, "Retry:this", back=f"jobs/{job.id}")
    assert told["said"] == "Retry 1 job: 1 submitted again"
    assert job.id in web.get(f"/jobs/{told['job']}").body.decode()


@pytest.mark.usefixtures("base")
def test_limits_are_shown(web: Web) -> None:
    """Those of a queue beside its name, others below."""
    queue = nbqueue.Queue("limited")
    nbqueue.options(queue="limited", delay=3600).submit("add", 1).wait(20)
    queue.limits(rate="20/min", concurrency=3).wait(20)
    queue.limits(key="licence", concurrency=2).wait(20)
    wait_until(lambda: "at most 20 in 60 s, 3 at once" in web.get("/").body.decode(), 20)
    found = web.get("/").body.decode()
    assert "key licence: at most 2 at once" in found
    assert "failed, all time" in found


@pytest.mark.usefixtures("base")
def test_a_part_of_a_queues_name_is_enough(web: Web) -> None:
    """A name that there is stands for that queue alone, any other text for the queues that it is a part of."""
    for name in ("slow", "low"):
        nbqueue.options(queue=name, delay=3600, label=f"of-{name}").submit("add", 1).wait(20)
    wait_until(lambda: "of-low" in web.get("/?queue=low").body.decode(), 20)
    pages = {text: web.get(f"/?queue={text}").body.decode() for text in ("low", "ow", "nowhere")}
    assert {text: [name for name in ("of-low", "of-slow") if name in page] for text, page in pages.items()} == {
        "low": ["of-low"], "ow": ["of-low", "of-slow"], "nowhere": [],
    }  # fmt: skip


def test_what_an_address_asks_for_in_vain_is_said(web: Web) -> None:
    """The page is as usual, and says in a line what there is not."""
    page = web.get("/?state=bogus&rows=7&sort=zzz").body.decode()
    assert "There is no state=bogus and no sort=zzz and no rows=7 here" in page
    assert views.odd({"state": "running", "rows": "10", "window": "1h", "order": "up", "text": "x"}) == ()


def test_a_path_that_there_is_not_is_a_page_for_a_browser(web: Web) -> None:
    """A program gets a problem document."""
    page, program = web.get("/nothing/here", headers=HTML), web.get("/nothing/here")
    assert (page.status, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "To the overview" in page.body.decode()
    assert '<a href="../failures">Failures</a>' in page.body.decode()
    assert program.detail.startswith("There is nothing at this path")


def test_a_login_leads_to_the_page_that_was_asked_for(web: Web) -> None:
    """Only to one of this server, whatever the form says."""
    asked = web.get("/jobs/abc?x=1", token=None, headers=HTML | {"Sec-Fetch-Mode": "navigate"})
    assert (asked.status, asked.headers["location"]) == (303, "../login?to=%2Fjobs%2Fabc%3Fx%3D1")
    form = web.get(asked.headers["location"].removeprefix(".."), token=None).body.decode()
    assert 'name="to" value="/jobs/abc?x=1"' in form
    for to, ends in (("/jobs/abc?x=1", "./jobs/abc?x=1"), ("//evil.example", "./"), ("https://evil.example", "./")):
        body = f"token={TOKEN}&to={quote(to, safe='')}".encode()
        found = web.ask("POST", "/login", token=None, body=body, headers=FORM)
        assert (found.status, found.headers["location"]) == (303, ends)


@pytest.mark.parametrize("place", ["//evil", "/\\evil", "/\t/evil", "evil", "https://evil", "", "/a\r\nSet-Cookie: x"])
def test_no_other_server_is_led_to(place: str) -> None:
    """Neither are texts of which a browser makes one."""
    assert wanted.inside(place) == "/"


def test_jobs_stand_as_they_come() -> None:
    """What runs, then what waits with the next one first, then what is due later, then what ended, newest first."""
    jobs = [
        JobRecord(id=name, state=state, priority=priority, submitted_at=moment(at), due_at=moment(at),
                  started_at=moment(at), finished_at=moment(at) if state.is_final else None)
        for name, state, priority, at in (
            ("ended first", State.FAILED, 0, 1000), ("ended last", State.SUCCEEDED, 0, 9000),
            ("later", State.SCHEDULED, 0, 5000), ("soon", State.SCHEDULED, 0, 4000),
            ("second", State.QUEUED, 0, 2000), ("third", State.QUEUED, 0, 3000), ("first", State.QUEUED, 5, 6000),
            ("runs", State.RUNNING, 0, 100),
        )
    ]  # fmt: skip
    assert [each.id for each in roster.ordered(jobs, views.CHOICE)] == [
        "runs", "first", "second", "third", "soon", "later", "ended last", "ended first",
    ]  # fmt: skip


def test_a_namespace_is_named(base: Settings, web: Web) -> None:
    """Pages of two teams on one server differ in head and title; the one without a name is that of everybody."""
    with running_web(replace(base, namespace="team-b")) as other:
        page = other.get("/failures").body.decode()
    assert ("<title>Failures – nbqueue (team-b)</title>" in page, ", namespace team-b</b>" in page) == (True, True)
    assert "<title>Failures – nbqueue</title>" in web.get("/failures").body.decode()


def test_nobody_over_http_is_sent_to_variables_of_the_server(web: Web) -> None:
    """An id that there is not is to be checked, and nothing that callers do not have."""
    for path in ("/jobs/nosuchjob", "/groups/nosuchgroup", "/api/v1/jobs/nosuchjob"):
        found = web.get(path)
        assert (path, found.status, b"check the id;" in found.body, b"NBQUEUE_URL" in found.body) == (
            path,
            404,
            True,
            False,
        )
