"""The dashboard's pages for a real browser: a web server, with a worker behind it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

import nbqueue
from nbqueue.model.settings import Settings
from tests import processes
from tests.browser.lab import chromium
from tests.servers import Server
from tests.web.running import Web, running_web
from tests.workers import running_worker


@pytest.fixture(scope="module", autouse=True)
def _no_process_left_behind() -> Iterator[None]:
    """A browser and a worker start processes whenever they like: the module fails that leaves some, not each test."""
    before = processes.children()
    yield
    assert processes.left_behind(before, Path("/no/home")) == set()


@pytest.fixture(scope="module")
def base(shared_server: Server) -> Iterator[Settings]:
    """Settings of an empty server that all tests of this module share."""
    with shared_server.client() as client, tempfile.TemporaryDirectory(prefix="nbq-page-", dir="/tmp") as folder:
        client.flushall()
        settings = Settings(url=shared_server.url, home=Path(folder))
        nbqueue.configure(settings)
        yield settings


@pytest.fixture(scope="module")
def web(base: Settings) -> Iterator[Web]:
    """A web server, and a worker behind it."""
    with running_worker(base, "--slots", "2"), running_web(base) as web:
        yield web


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser that all tests of this module share."""
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
        yield found
        found.close()
