"""GET /metrics of the web server."""

from __future__ import annotations

import nbqueue
from nbqueue.model.settings import Settings
from tests.metrics.scraped import counted, parsed
from tests.servers import running_server
from tests.waiting import wait_until
from tests.web.running import Web, running_web


async def test_metrics_are_answered_to_who_has_the_token(web: Web) -> None:
    """They are those of the queue's server, as text, or as OpenMetrics to who asks for it."""
    await nbqueue.options(queue="quiet").submit("nobody", 1)
    told = web.get("/metrics")
    assert (told.status, told.headers["content-type"].split(";")[0]) == (200, "text/plain")
    found = parsed(told.body)
    assert (found["nbqueue_up"], counted(found, "nbqueue_jobs")) == ({(): 1}, {("quiet", "queued"): 1})
    asked = web.get("/metrics", headers={"Accept": "application/openmetrics-text"})
    assert asked.headers["content-type"].startswith("application/openmetrics-text")
    assert (web.get("/metrics", token=None).status, web.ask("POST", "/metrics").status) == (401, 405)


def test_a_server_that_is_away_is_a_metric() -> None:
    """Where the queue's server does not answer, the scrape goes well and says so."""
    with running_server() as server:
        settings = Settings(url=server.url)
        with running_web(settings, "--metrics-open") as web:
            assert parsed(web.get("/metrics", token=None).body)["nbqueue_up"] == {(): 1}
            server.process.kill()
            server.process.wait()
            wait_until(lambda: parsed(web.get("/metrics", token=None).body) == {"nbqueue_up": {(): 0}})
