"""The dashboard behind Jupyter's own login: started by jupyter-server-proxy, opened from JupyterLab's launcher."""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import expect

import nbqueue
from nbqueue.model.settings import Settings
from tests.browser.lab import DRAWN_WITHIN_MS, running_lab, visited
from tests.workers import running_worker

pytestmark = [pytest.mark.browser, pytest.mark.slow]
expect.set_options(timeout=DRAWN_WITHIN_MS)
CONFIG = 'c.ServerApp.base_url = "/user/ada/"\n'


def test_the_dashboard_from_the_launcher(settings: Settings, tmp_path: Path) -> None:
    """A tile opens it, it lives and acts below the hub's path; without Jupyter's login there is nothing, nor a port."""
    nbqueue.configure(settings)
    nbqueue.options(label="behind the hub", delay=3600).submit(len, "x").wait(20)
    folder, config = tmp_path / "notebooks", tmp_path / "config"
    for each in (folder, config):
        each.mkdir()
    (config / "jupyter_server_config.py").write_text(CONFIG, encoding="utf-8")
    environ = {"NBQUEUE_URL": str(settings.url), "NBQUEUE_HOME": str(settings.home), "JUPYTER_CONFIG_DIR": str(config)}
    with running_worker(settings), running_lab(folder, base="/user/ada", token="secret", **environ) as lab:
        with visited(f"{lab.url}/lab?token=secret", width=1200) as [(page, troubles)]:
            with page.expect_popup() as opened:
                page.locator(".jp-LauncherCard[title^='nbqueue dashboard']").click()
            board = opened.value
            board.on("console", lambda said: troubles.append(f"{said.type}: {said.text}"))
            expect(board.locator("#link")).to_have_text("live")
            assert board.url == f"{lab.url}/nbqueue/"
            row = board.locator(".jobs tbody tr", has_text="behind the hub")
            row.get_by_role("checkbox").check()
            board.get_by_role("button", name="Cancel", exact=True).click()
            expect(row).to_contain_text("cancelled")
            row.get_by_role("link").click()
            expect(board.get_by_role("heading", name="behind the hub")).to_be_visible()
            expect(board.locator("#link")).to_have_text("live")
            board.get_by_role("link", name="Schedules").click()
            expect(board.get_by_role("heading", name="Schedules")).to_be_visible()
            assert troubles == []
        assert _status(f"{lab.url}/nbqueue/") in (302, 403)
        assert _ports() == []


def _status(url: str) -> int:
    """How a stranger is answered."""

    class Stays(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_: object) -> None:
            return None

    try:
        with urllib.request.build_opener(Stays).open(url) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def _ports() -> list[int]:
    """TCP ports that dashboards of ours listen on."""
    boards = [each for each in psutil.Process().children(recursive=True) if "dashboard" in each.cmdline()]
    assert len(boards) == 1
    return [each.laddr.port for each in boards[0].net_connections("tcp") if each.status == psutil.CONN_LISTEN]
