"""The dashboard's pages as what a server sends: what all who look share, what an address asks for, who may come in."""

import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from importlib import import_module
from pathlib import Path

import pytest

import nbqueue
from nbqueue.board.activity import WINDOWS
from nbqueue.client.session import session
from nbqueue.model.settings import Settings
from nbqueue.web.jupyter import entry
from nbqueue.web.pages import marks, views
from nbqueue.web.pages.hub import Hub
from nbqueue.web.pages.views import Kind, View
from tests.servers import Server
from tests.waiting import SLACK, until, wait_until
from tests.web.running import TOKEN, Answer, Web, running_web
from tests.workers import ROOT, Worker

VECTOR = "<img src=x onerror=alert(1)>"
NAMES = ("", "failures", "schedules")


@pytest.fixture(scope="module")
def job_id(base: Settings, worker: Worker) -> str:
    """A job that has failed, of a hostile name."""
    assert worker.settings is base
    job = nbqueue.options(label=VECTOR).submit("fail", VECTOR).wait(20)
    wait_until(lambda: job.state().wait(20).is_final, 20)
    return str(job.id)


def test_pages_hold_what_is_known(web: Web, job_id: str) -> None:
    """The first page lists queues, workers and jobs, that of a job its error and attempts; texts are escaped."""
    board, job = web.get("/?text=" + job_id), web.get(f"/jobs/{job_id}")
    failures = web.get("/failures")
    assert [each.status for each in (board, job, failures)] == [200, 200, 200]
    for answer in (board, job, failures):
        text = answer.body.decode()
        assert VECTOR not in text
        assert VECTOR in unescape(text)
    assert f'href="jobs/{job_id}"' in board.body.decode()
    assert "1 to 1 of 1" in board.body.decode()
    assert 'id="attempt-1"' in job.body.decode()


def test_pages_have_no_style_and_no_script_of_their_own(web: Web, job_id: str) -> None:
    """Their policy allows what comes from files alone, and nothing in them needs more."""
    for name in (*NAMES, f"jobs/{job_id}"):
        answer = web.get(f"/{name}")
        text = answer.body.decode()
        assert re.findall(r"\s(?:style|on[a-z]+)=", re.sub(r"&[a-z#0-9]+;[^<]*", "", text)) == []
        assert re.findall(r"<script(?![^>]*src=)|<style", text) == []
        policy = answer.headers["content-security-policy"]
        assert "unsafe" not in policy


def test_what_is_not_there_is_said_in_a_page(web: Web, job_id: str) -> None:
    """An unknown job is no fault of ours: a page with a sentence, and a way back."""
    found = [web.get(f"/jobs/{job_id}x"), web.get("/groups/nothing"), web.get("/jobs/%00")]
    assert [each.status for each in found[:2]] == [404, 404]
    assert found[2].status in (400, 404)
    assert "The server knows no job" in unescape(found[0].body.decode())


def test_an_act_needs_a_post_and_one_of_our_pages(web: Web, job_id: str) -> None:
    """A cookie alone changes nothing: without the page's own token, and by GET, it is refused."""
    cookie = web.get(f"/?token={TOKEN}", token=None).headers["set-cookie"].partition(";")[0]
    form = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded"}
    body = f"do=Delete&sure=1&job={job_id}".encode()
    refused = web.ask("POST", "/act", token=None, body=body, headers=form)
    assert (refused.status, web.get("/act", token=None, headers=form).status) == (403, 405)
    page = web.get("/", token=None, headers={"Cookie": cookie}).body.decode()
    csrf = re.search(r'name="csrf_token" value="([0-9a-f]+)"', page)
    assert csrf
    paused = web.ask(
        "POST",
        "/act",
        token=None,
        body=f"do=pause:default&back=%3Frows%3D10&csrf_token={csrf[1]}".encode(),
        headers=form,
    )
    assert (paused.status, paused.headers["location"].partition("told=")[0]) == (303, "./?rows=10&")
    told = web.get(f"/{paused.headers['location'].removeprefix('./')}").body.decode()
    assert "Pause queue default: what runs goes on, nothing more starts" in told
    assert did(web, "resume:default") == {"said": "Resume queue default: its jobs start again"}


def test_a_proxys_token_is_no_proof_of_a_page(web: Web) -> None:
    """Who shows the token, as a proxy does for whatever a browser sends, presses a button only from a page of ours."""
    form = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
    refused = web.ask("POST", "/act", body=b"do=pause:default", headers=form)
    cookie = web.get(f"/?token={TOKEN}", token=None).headers["set-cookie"].partition(";")[0]
    of_another = re.findall(
        r'csrf_token" value="(\w+)"', web.get("/", token=None, headers={"Cookie": cookie}).body.decode()
    )
    mixed = web.ask("POST", "/act", body=f"do=pause:default&csrf_token={of_another[0]}".encode(), headers=form)
    assert (refused.status, mixed.status) == (403, 403)
    assert refused.detail.startswith("This request has no CSRF token of this server")
    assert did(web, "resume:default") == {"said": "Resume queue default: its jobs start again"}
    assert "Log out" not in web.get("/").body.decode()


def test_an_act_on_all_that_match_says_on_how_many(web: Web) -> None:
    """A page without scripts asks with the number; one with scripts asks for it."""
    nbqueue.options(label="counted", delay=3600).submit_map("add", [1, 2, 3]).wait(20)
    assert web.get("/matching?at=%3Ftext%3Dcounted").json == {"jobs": "3"}
    asked = _post(web, "Delete", matching="1", back="%3Ftext%3Dcounted").body
    assert b"<h1>Delete all 3 jobs that match?</h1>" in asked
    told = did(web, "Delete", matching="1", back="%3Ftext%3Dcounted", sure="1")
    assert told == {"said": "Delete all jobs that match: 3 deleted"}


def test_acts_of_queues_and_of_nothing(web: Web) -> None:
    """A queue is cleared of what waits, and an act that there is not, or is on nothing, is answered in a sentence."""
    nbqueue.options(queue="idle").submit("add", 1).wait(20)
    assert did(web, "clear:idle", sure="1") == {"said": "Clear queue idle: 1 waiting job forgotten"}
    assert did(web, "Cancel") == {"said": "Nothing is selected: tick the boxes of jobs first."}
    assert did(web, "burn:idle") == {"said": "There is no act 'burn' here: use the buttons of the page."}
    assert b"This cannot be undone" in _post(web, "clear:idle").body


@pytest.mark.usefixtures("worker")
def test_schedules_are_shown_and_changed(web: Web) -> None:
    """A page lists them; its buttons pause, run and delete them."""
    nbqueue.schedule("1h", "add", 1).wait(20)
    assert "add" in web.get("/schedules").body.decode()
    assert did(web, "schedule-pause:add") == {"said": "Pause schedule add: it starts nothing until it is resumed"}
    assert str(did(web, "schedule-run:add")["said"]).startswith("Run schedule add: submitted as ")
    assert did(web, "schedule-delete:add", sure="1") == {"said": "Delete schedule add: forgotten"}


@pytest.mark.usefixtures("worker")
def test_the_page_of_a_group_whose_queue_is_paused(web: Web) -> None:
    """It says that the group is paused, though it has begun."""
    nbqueue.Queue("held").pause().wait(20)
    group = nbqueue.options(queue="held").submit_map("fail", ["a", "b"]).wait(20)
    group[0].cancel().wait(20)
    wait_until(lambda: "queue &#34;held&#34; is paused" in web.get(f"/groups/{group.id}").body.decode(), 20)
    group.cancel().wait(20)
    nbqueue.Queue("held").resume().wait(20)


def test_a_group_has_a_page_and_is_retried_from_it(web: Web) -> None:
    """It shows the counts and its jobs; Retry submits what did not succeed again."""
    group = nbqueue.submit_map("fail", ["a", "b"]).wait(20)
    group.results(return_errors=True).wait(20)
    page = web.get(f"/groups/{group.id}").body.decode()
    assert "2/2" in page
    assert page.count('<tr id="row-') == 2
    assert did(web, "Retry:this", back=f"groups/{group.id}") == {"said": "Retry 1 group: 2 submitted again"}


def test_changes_are_streamed(web: Web) -> None:
    """The first event has all parts of the page, those that follow only what changed; a part has its name."""
    with web.connection() as connection:
        request = f"GET /live?at= HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
        connection.sendall(request.encode())
        events = _events(connection.makefile("rb"))
        first = next(events)
        assert set(first) == {"head", "sums", "queues", "workers", "ended", "offers", "jobs", "pager"}
        assert any("head" in next(events) for _ in range(20))
        nbqueue.options(label="streamed", delay=3600).submit("add", 1).wait(20)
        assert "streamed" in next(each["jobs"] for each in events if "jobs" in each)


def test_a_read_only_server_has_no_buttons(base: Settings) -> None:
    """Its pages show the same, and have nothing to press that it would refuse."""
    with running_web(base, "--read-only") as web:
        page = web.get("/").body.decode()
        assert ("part-queues" in page, 'form="acts"' in page, web.ask("POST", "/act", body=b"").status) == (
            True, False, 403,
        )  # fmt: skip


@pytest.mark.usefixtures("base")
async def test_all_who_look_share_one_look_at_the_server(module_server: Server) -> None:
    """Five pages cost the server what one does; after the last has left it is asked no more."""
    hub = Hub(session(), lambda: True, "", linger_s=0.5)
    with hub.watching(View()):
        await hub.first()
        one = await _commands(module_server, hub)
        others = [replace(View(), choice=replace(views.CHOICE, state=state)) for state in ("running", "failed")]
        with hub.watching(View()), hub.watching(others[0]), hub.watching(others[1]), hub.watching(View()):
            assert await _commands(module_server, hub) <= 1.5 * one
    await until(lambda: not hub.is_looking, 5)
    assert not hub.is_looking


def test_an_address_says_what_is_shown() -> None:
    """What is chosen can be written as an address and read again; what an address has besides counts for nothing."""
    choice = replace(
        views.CHOICE, text='a "b"&', state="running", queue="gpu", folded=False, sort="job", descending=False, page=2,
        page_size=50, window=WINDOWS[2],
    )  # fmt: skip
    query = views.query_of(choice, page=2)
    assert views.read(dict(pair for pair in _pairs(query))).choice == choice
    odd = {"state": "odd", "sort": "odd", "rows": "7", "page": "-1", "window": "1y", "order": "", "more": "x"}
    assert views.read(odd) == View()
    assert views.query_of(views.CHOICE) == "?"
    group = View(kind=Kind.GROUP, id="g")
    assert (group.listed.text, group.listed.folded) == ("g", False)


def test_coloured_lines_have_classes() -> None:
    """Colours of a terminal become classes, the nearest of sixteen; tags become text."""
    assert str(marks.log(("\x1b[1;31mred\x1b[0m <b>", "\x1b[38;2;0;0;250mblue\x1b[0m"))) == (
        '<span class="ansi-bold ansi-1">red</span> &lt;b&gt;\n<span class="ansi-4">blue</span>'
    )


def test_the_entry_of_the_jupyter_proxy() -> None:
    """It is where the package says it is, listens on a socket, and gives the process the token that the proxy shows."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        declared = tomllib.load(file)["project"]["entry-points"]["jupyter_serverproxy_servers"]["nbqueue"]
    module, _, name = declared.partition(":")
    assert getattr(import_module(module), name) is entry
    found = entry()
    token = found["environment"]["NBQUEUE_DASHBOARD_TOKEN"]
    assert found["request_headers_override"] == {"Authorization": f"Bearer {token}"}
    assert (found["unix_socket"], entry()["environment"]["NBQUEUE_DASHBOARD_TOKEN"] == token) == (True, False)
    assert Path(found["launcher_entry"]["icon_path"]).is_file()


def _post(web: Web, do: str, **fields: str) -> Answer:
    body = "&".join(f"{name}={value}" for name, value in {"do": do, **fields}.items())
    headers = {
        "Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json", "X-CSRF-Token": _csrf(web)
    }  # fmt: skip
    return web.ask("POST", "/act", body=body.encode(), headers=headers)


def _csrf(web: Web) -> str:
    """What a page has for its buttons."""
    found = re.search(r'name="csrf_token" value="([0-9a-f]+)"', web.get("/schedules").body.decode())
    assert found
    return found[1]


def did(web: Web, do: str, **fields: str) -> dict[str, str]:
    """What the page says to a button that was pressed."""
    found: dict[str, str] = _post(web, do, **fields).json
    return found


def _events(lines: Iterator[bytes]) -> Iterator[dict[str, str]]:
    for line in lines:
        if line.startswith(b"data: "):
            yield json.loads(line.removeprefix(b"data: "))


async def _commands(server: Server, hub: Hub) -> float:
    """Commands a look, over some of them."""
    before, version = _count(server), hub.facts.version
    await until(lambda: hub.facts.version >= version + 3, 5 * SLACK)
    return (_count(server) - before) / (hub.facts.version - version)


def _count(server: Server) -> int:
    with server.client() as client:
        return int(client.info("stats")["total_commands_processed"])


def _pairs(query: str) -> list[tuple[str, str]]:
    from urllib.parse import parse_qsl

    return parse_qsl(query.removeprefix("?"))
