"""docs/monitoring.md names what there is."""

import re
from dataclasses import fields

from nbqueue.model.told import JobFacts
from tests.metrics.scraped import scrape
from tests.metrics.test_deployed import ALERTS
from tests.servers import Server
from tests.source import ROOT

PAGE = (ROOT / "docs" / "monitoring.md").read_text(encoding="utf-8")
METRICS, _, REST = PAGE.partition("## Dashboard and alerts")


async def test_the_page_has_every_metric(server: Server) -> None:
    """The table of metrics names those that /metrics gives, and no other."""
    with server.client() as client:
        client.sadd("nbq:queues", "q")
        client.hset("nbq:tallies", mapping={
            f'["{measure}", "q", "f", "{part}"]': "1"
            for measure, part in (("attempts", "lost"), ("waits", "sum"), ("runs", "sum"))
        })  # fmt: skip
        client.expire("nbq:tallies", 60)
    asked = {re.sub(r"_(bucket|count|sum|created)$", "", name) for name in await scrape(server.url)}
    written = set(re.findall(r"^\| `(nbqueue_\w+)`", METRICS, re.MULTILINE))
    of_schedules = {name for name in written if "_schedule_" in name}
    of_workers = {"nbqueue_jobs_held_back", "nbqueue_workers", *(name for name in written if "_host_" in name)}
    assert written - asked - of_workers - of_schedules == asked - written == set()


def test_the_page_has_every_alert() -> None:
    """The table of alerts names the rules that are delivered, in their order."""
    rules = [rule["alert"] for group in ALERTS["groups"] for rule in group["rules"]]
    assert re.findall(r"^\| `(Nbqueue\w+)`", REST, re.MULTILINE) == rules


def test_the_page_has_every_field_of_a_job() -> None:
    """The table of the fields of a log record names those of a job."""
    table = REST.partition("| field | what it is |")[2].partition("\n\n")[0]
    written = set(re.findall(r"`(\w+)`", " ".join(row.split("|")[1] for row in table.splitlines() if "|" in row)))
    known = {each.name for each in fields(JobFacts)} - {"trace"} | {"trace_id", "span_id"}
    assert written - {"at", "level", "logger", "message", "pid", "traceback", "stack"} == known
