"""`nbqueue dashboard`: a page of one's own, a link that logs in once, a socket for a proxy."""

import http.client
import re
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from nbqueue.model.settings import Settings
from tests.servers import end_with_parent
from tests.waiting import wait_until
from tests.workers import PYTHON

TOKEN = "what-the-proxy-shows-S3cr3t"
START_S = 20.0


def test_the_link_logs_in_once(settings: Settings, tmp_path: Path) -> None:
    """It gives one browser its cookie and leads to the page; a second one is refused, and is told to log in."""
    with _running(settings, tmp_path, "--no-browser") as log:
        found = wait_until(lambda: re.search(r"http://127\.0\.0\.1:(\d+)(/\?token=(\S+))", log.read_text()), START_S)
        assert found is not None
        first, again, wrong = (_asked(int(found[1]), path) for path in (found[2], found[2], "/?token=" + "x" * 32))
        cookie = first.headers["set-cookie"].partition(";")[0]
        assert (first.status, first.headers["location"], again.status, wrong.status) == (303, "./", 401, 401)
        page = _asked(int(found[1]), "/", Cookie=cookie)
        assert (page.status, b"part-queues" in page.body) == (200, True)
        # whoever has come in goes on, also by the old link
        assert _asked(int(found[1]), found[2], Cookie=cookie).status == 303
        assert _asked(int(found[1]), "/", Accept="text/html").headers["location"] == "./login"
        assert found[3] not in log.read_text().partition("Ctrl-C")[2]


def test_a_proxy_reaches_it_by_a_socket(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    """Only with the proxy's token, under whatever name the hub has; pages of other sites change nothing."""
    monkeypatch.setenv("NBQUEUE_DASHBOARD_TOKEN", TOKEN)
    path = home / "board"
    with _running(settings, tmp_path, "--socket", str(path)) as log:
        wait_until(lambda: "Serving on" in log.read_text(), START_S)
        assert path.stat().st_mode & 0o777 == 0o600
        shown = {"Host": "hub.example", "Authorization": f"Bearer {TOKEN}"}
        page = _asked(path, "/", **shown)
        assert page.status == 200
        assert _asked(path, "/", Host="hub.example").status == 401
        foreign = {**shown, "Origin": "https://evil.example", "Content_Type": "application/x-www-form-urlencoded"}
        assert _asked(path, "/act", "do=pause:default", **foreign).status == 403
        own = {**foreign, "Origin": "https://hub.example"}
        # of a page of somebody else on the same hub
        assert _asked(path, "/act", "do=pause:default", **own).status == 403
        csrf = re.findall(rb'name="csrf_token" value="(\w+)"', page.body)[0].decode()
        assert _asked(path, "/act", "do=pause:default", **own, **{"X-CSRF-Token": csrf}).status == 303


def test_a_socket_needs_the_token_of_a_proxy(settings: Settings, tmp_path: Path) -> None:
    """Without one nobody would be let in: it says what to do, and does not start."""
    with _running(settings, tmp_path, "--socket", str(tmp_path / "s")) as log:
        told = wait_until(lambda: log.read_text() if "nbqueue: " in log.read_text() else "", START_S)
    assert "put that token into NBQUEUE_DASHBOARD_TOKEN" in told


@contextmanager
def _running(settings: Settings, folder: Path, *options: str) -> Iterator[Path]:
    """The file that a dashboard writes to."""
    log = folder / "dashboard.log"
    command = [str(PYTHON), "-m", "nbqueue", "dashboard", "--url", str(settings.url), *options]
    with log.open("wb") as file, subprocess.Popen(
        command, stdout=file, stderr=file, stdin=subprocess.DEVNULL,
        preexec_fn=end_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509
    ) as process:  # fmt: skip
        try:
            yield log
        finally:
            process.kill()
            process.wait(10)


class _Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes


def _asked(where: int | Path, path: str, body: str | None = None, **headers: str) -> _Answer:
    """An answer; with a body it is a POST."""
    connection = http.client.HTTPConnection("127.0.0.1", where if isinstance(where, int) else 1, timeout=20)
    if isinstance(where, Path):
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(str(where))
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.request("GET" if body is None else "POST", path, body, sent)
        found = connection.getresponse()
        given = {name.lower(): value for name, value in found.getheaders()}
        return _Answer(found.status, given, found.read())
    finally:
        connection.close()
