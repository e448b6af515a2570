"""`python -m benchmarks.bars`: what many live bars cost the kernel and the page of a real JupyterLab.

Needs Chromium, and the packages that the tests need. It takes a minute.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import CDPSession

from nbqueue.model.settings import Settings
from tests.browser.lab import Notebook, opened, running_lab
from tests.servers import running_server
from tests.waiting import wait_until
from tests.workers import running_worker

#: reports a second of each job, and seconds that are measured
RATE, SECONDS = 100, 15
#: a busy machine has shown all cards within this
SHOWN_WITHIN_S = 120.0
#: a live card
MOVING = ".widget-html .nbqueue-card"
#: work of a page, as Chromium counts it
KINDS = {
    "all": "TaskDuration", "scripts": "ScriptDuration", "styles": "RecalcStyleDuration", "layout": "LayoutDuration",
}  # fmt: skip
WATCH = """() => {
    window.tasks = []; window.lags = [];
    new PerformanceObserver(list => window.tasks.push(...list.getEntries().map(e => e.duration)))
        .observe({entryTypes: ["longtask"]});
    let last = performance.now();
    setInterval(() => { const now = performance.now(); window.lags.push(now - last - 20); last = now }, 20);
}"""
CELL = """
async def steps(seconds, rate):
    import asyncio, time, nbqueue
    begin, done = time.monotonic(), 0
    while (passed := time.monotonic() - begin) < seconds:
        while done < passed * rate:
            done += 1
            nbqueue.progress(done, seconds * rate, f"step {{done}}")
        await asyncio.sleep(1 / rate)
import os; print("kernel", os.getpid())
jobs = [await submit(steps, {seconds}, {rate}) for _ in range({bars})]
"""
#: a page shows fifty outputs of a cell at most, and a card is two
SHOW = "for job in jobs[{first}:{first} + 20]:\n    display(job)"


def measure(bars: int) -> dict[str, float]:
    """What it costs: shares of a core, and milliseconds."""
    with tempfile.TemporaryDirectory(prefix="nbq-bars-") as folder, running_server() as server:
        home = Path(folder)
        settings = Settings(url=server.url, home=home)
        environ = {"NBQUEUE_URL": server.url, "NBQUEUE_HOME": str(home), "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
        books = home / "notebooks"
        books.mkdir()
        with running_worker(settings, "--concurrency", str(bars)) as worker, running_lab(books, **environ) as lab:
            shows = [SHOW.format(first=first) for first in range(0, bars, 20)]
            submits = CELL.format(bars=bars, rate=RATE, seconds=12 * SECONDS)
            lab.write("bars.ipynb", ["%load_ext nbqueue", submits, *shows])
            with opened(lab, "bars.ipynb") as notebook:
                notebook.run(0)
                notebook.run(1)
                output = notebook.output(1)
                output.get_by_text("kernel ").wait_for()
                for number in range(2, 2 + len(shows)):
                    notebook.run(number)
                wait_until(lambda: notebook.page.locator(MOVING, has_text="running").count() >= bars, SHOWN_WITHIN_S)
                kernel = psutil.Process(int(output.get_by_text("kernel ").inner_text().split()[-1]))
                return _watch(notebook, kernel, psutil.Process(worker.engine()))


def _watch(notebook: Notebook, kernel: psutil.Process, engine: psutil.Process) -> dict[str, float]:
    """Let it run for a while, and see what it takes."""
    time.sleep(3)
    notebook.page.evaluate(WATCH)
    before, began = (_used_s(kernel), _used_s(engine)), time.monotonic()
    session = notebook.page.context.new_cdp_session(notebook.page)
    session.send("Performance.enable")
    spent = _spent_s(session)
    notebook.page.wait_for_timeout(1000 * SECONDS)
    passed = time.monotonic() - began
    after = (_used_s(kernel), _used_s(engine))
    page = {f"page, {what}, share of a core": (end - spent[what]) / passed for what, end in _spent_s(session).items()}
    found: dict[str, Any] = notebook.page.evaluate("() => ({tasks: window.tasks, lags: window.lags})")
    lags = sorted(found["lags"])
    moving = notebook.page.locator(MOVING, has_text="running").count()
    return {
        "kernel, share of a core": (after[0] - before[0]) / passed,
        "engine, share of a core": (after[1] - before[1]) / passed,
        **page,
        "long tasks of the page (over 50 ms)": len(found["tasks"]),
        "the longest, ms": max(found["tasks"], default=0.0),
        "lag of the page, 95 %, ms": lags[int(0.95 * len(lags))],
        "cards that run at the end": moving,
    }


def _spent_s(session: CDPSession) -> dict[str, float]:
    """Seconds of work of the page so far, by kind."""
    found = {each["name"]: each["value"] for each in session.send("Performance.getMetrics")["metrics"]}
    return {name: found[key] for name, key in KINDS.items()}


def _used_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bars", type=int, default=200)
    print(json.dumps(measure(parser.parse_args().bars), indent=1))


if __name__ == "__main__":
    main()
