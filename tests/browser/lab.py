"""A real JupyterLab in a real browser: notebooks are opened, cells are run, and what is seen is looked at."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import Dialog, Page, sync_playwright

from tests import processes
from tests.waiting import wait_until

ROOT = Path(__file__).parents[2]
STARTS_WITHIN_S = 60.0
#: what a slow machine may take to draw something
DRAWN_WITHIN_MS = 30_000
#: a cell that runs shows it within this
TAKEN_WITHIN_MS = 1000
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "notebook-extension/tracker": {"windowingMode": "none"},
}


@dataclass(frozen=True)
class Lab:
    """A JupyterLab that runs."""

    url: str
    #: where its notebooks are
    folder: Path
    #: what it shows notebooks with: "jupyterlab" or "notebook"
    app: str = "jupyterlab"

    def page_of(self, name: str) -> str:
        """The address of a notebook."""
        return f"{self.url}/notebooks/{name}" if self.app == "notebook" else f"{self.url}/doc/tree/{name}"

    def end_kernels(self) -> None:
        """Shut down all kernels, as after a night."""
        with urllib.request.urlopen(f"{self.url}/api/sessions") as reply:
            sessions = json.load(reply)
        for session in sessions:
            address = f"{self.url}/api/sessions/{session['id']}"
            urllib.request.urlopen(urllib.request.Request(address, method="DELETE")).close()

    def write(self, name: str, cells: Sequence[str]) -> None:
        """Put a notebook of code cells into its folder."""
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        empty: dict[str, Any] = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None}
        book = {"nbformat": 4, "nbformat_minor": 5, "metadata": kernel, "cells": [
            {**empty, "id": f"cell-{number}", "source": code} for number, code in enumerate(cells)
        ]}  # fmt: skip
        (self.folder / name).write_text(json.dumps(book))


@dataclass(frozen=True)
class Notebook:
    """A notebook in the browser."""

    page: Page
    #: dialogs that opened and errors that were written to the console
    troubles: list[str]

    def run(self, number: int) -> None:
        """Run a cell, counted from 0; does not wait for its end."""
        cell = self.page.locator(".jp-Notebook .jp-CodeCell").nth(number)
        before = self.prompt(number)

        def taken() -> bool:
            # a page whose kernel connects at this moment drops the key, or asks which kernel is meant
            question = self.page.locator(".jp-Dialog .jp-mod-accept")
            if question.count():
                question.first.click()
            cell.locator(".cm-content").click()
            self.page.keyboard.press("Shift+Enter")
            self.page.wait_for_timeout(TAKEN_WITHIN_MS)
            return self.prompt(number) != before

        wait_until(taken, STARTS_WITHIN_S)

    def restart(self) -> None:
        """Restart the kernel, as a person does: 0, 0 and yes."""
        self.page.locator(".jp-Notebook .jp-CodeCell .jp-InputPrompt").first.click()
        self.page.keyboard.press("0")
        self.page.keyboard.press("0")
        self.page.locator(".jp-Dialog .jp-mod-accept").click()
        self.page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for()

    def prompt(self, number: int) -> str:
        """What stands before a cell: "[ ]:", "[*]:" while it runs, "[3]:" after it."""
        cell = self.page.locator(".jp-Notebook .jp-CodeCell").nth(number)
        return str(cell.locator(".jp-InputPrompt").inner_text()).strip()

    def output(self, number: int) -> Any:
        """Where a cell's output is drawn."""
        return self.page.locator(".jp-Notebook .jp-CodeCell").nth(number).locator(".jp-Cell-outputWrapper")


@contextmanager
def running_lab(
    folder: Path, *, theme: str = "JupyterLab Light", app: str = "jupyterlab", base: str = "", token: str = "",
    **environ: str,
) -> Iterator[Lab]:  # fmt: skip
    """A JupyterLab for the notebooks of a folder; it and its kernels end with the block.

    Args:
        folder: where its notebooks are.
        theme: how it looks.
        app: "jupyterlab" or "notebook".
        base: the path before all of its pages, where it has been configured to have one.
        token: what logs in; empty: everybody is let in.
        environ: variables for it and its kernels.
    """
    settings = folder.parent / "lab-settings"
    for name, values in {**SETTINGS, "apputils-extension/themes": {"theme": theme}}.items():
        path = settings / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))
    port = _free_port()
    options = {
        "ExtensionApp.open_browser": False, "ServerApp.allow_root": True, "ServerApp.port": port,
        "ServerApp.port_retries": 0, "ServerApp.root_dir": folder, "ServerApp.password": "",
        "IdentityProvider.token": token, "ServerApp.disable_check_xsrf": True,
    }  # fmt: skip
    arguments = [app, *(f"--{name}={value}" for name, value in options.items())]
    environ = {"JUPYTERLAB_SETTINGS_DIR": str(settings), **environ}
    with _served(arguments, port, folder.parent / "lab.log", f"{base}/api/status?token={token}", environ) as url:
        yield Lab(url + base, folder, app)


@contextmanager
def running_voila(notebook: Path, log: Path, **environ: str) -> Iterator[str]:
    """The address of a notebook that Voila serves as a page; each visitor has a kernel of their own."""
    port = _free_port()
    arguments = ["voila", str(notebook), "--no-browser", "--Voila.ip=127.0.0.1", f"--port={port}"]
    with _served(arguments, port, log, "/voila/static/voila.js", environ) as url:
        yield url


@contextmanager
def _served(arguments: Sequence[str], port: int, log: Path, asks: str, environ: Mapping[str, str]) -> Iterator[str]:
    """The address of a module that serves pages, once it answers; it and its kernels end with the block."""
    variables = {**os.environ, "PYTHONPATH": str(ROOT), **environ}
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments], env=variables, stdout=out, stderr=out, start_new_session=True
        )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: _answers(url + asks) or process.poll() is not None, STARTS_WITHIN_S)
        assert process.poll() is None, log.read_text()
        yield url
    finally:
        processes.kill({psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)})
        process.wait(10)


@contextmanager
def opened(lab: Lab, name: str, *, width: int = 1000, height: int = 900) -> Iterator[Notebook]:
    """A notebook in a browser's page, its kernel ready; a dialog or an error in the page fails the test."""
    with visited(lab.page_of(name), width=width, height=height) as [(page, troubles)]:
        page.locator(".jp-Notebook .jp-CodeCell").first.wait_for()
        page.locator(".jp-Toolbar-kernelName", has_text="Python 3").wait_for()
        page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for()
        yield Notebook(page, troubles)


@contextmanager
def visited(*urls: str, width: int = 1000, height: int = 900) -> Iterator[list[tuple[Page, list[str]]]]:
    """A browser's page for each address, with the dialogs and errors that come in it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium(),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        try:
            found = []
            for url in urls:
                page = browser.new_page(viewport={"width": width, "height": height})
                found.append((page, listened(page)))
                page.set_default_timeout(DRAWN_WITHIN_MS)
                page.goto(url)
            yield found
        finally:
            browser.close()


def listened(page: Page) -> list[str]:
    """Dialogs and errors of a page, as they come."""
    found: list[str] = []

    def dialog(opened: Dialog) -> None:
        found.append(f"dialog: {opened.message}")
        opened.dismiss()

    def error(raised: object) -> None:
        found.append(f"error: {raised}")

    page.on("dialog", dialog)
    page.on("pageerror", error)
    return found


def chromium() -> str:
    """The path of the machine's own Chromium."""
    found = next((path for path in map(shutil.which, CHROMIUM) if path), None)
    assert found is not None, "Browser tests need Chromium: install it, for example with `apt-get install chromium`."
    return found


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False
