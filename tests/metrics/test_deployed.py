"""The dashboard and the alert rules that are delivered ask for what /metrics gives, in words that Prometheus takes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml

from nbqueue.broker.memory import StoreMemory
from nbqueue.broker.queues import EngineInfo, QueueStats
from nbqueue.broker.tallies import Tallies
from nbqueue.metrics.counting import ATTEMPTS, RUNS, WAITS
from nbqueue.metrics.exposition import Fixed
from nbqueue.metrics.families import families, up
from nbqueue.metrics.standing import Standing
from nbqueue.model.schedule import ScheduleRecord, ScheduleState
from tests.metrics import promql
from tests.metrics.scraped import scrape
from tests.servers import Server
from tests.source import ROOT

DASHBOARD = json.loads((ROOT / "deploy" / "grafana.json").read_text(encoding="utf-8"))
ALERTS = yaml.safe_load((ROOT / "deploy" / "alerts.yml").read_text(encoding="utf-8"))
#: labels that Prometheus itself gives to what it scrapes
OF_PROMETHEUS = {"job", "instance"}


def _rules() -> list[dict[str, Any]]:
    return [rule for group in ALERTS["groups"] for rule in group["rules"]]


def _expressions() -> Iterator[tuple[str, str]]:
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            yield panel["title"], _with_values(target["expr"])
    for rule in _rules():
        yield rule["alert"], rule["expr"]


def _with_values(text: str) -> str:
    """An expression of a panel as Grafana sends it."""
    return text.replace("$__rate_interval", "1m").replace("$job", "nbqueue").replace("$queue", ".*")


@pytest.fixture(scope="module")
def labels() -> dict[str, set[str]]:
    """Name of each sample that there may be -> its labels."""
    pair, now = ("q", "f"), datetime.now(UTC)
    standing = Standing(
        queues=(QueueStats(name="q", held_back={"l:x": 1}),), arrivals={"q": 1.0}, oldest_runs={"q": 1.0},
        engines=(EngineInfo(id="e"),),
        at=now, schedules=(ScheduleRecord(name="s", state=ScheduleState.ACTIVE, next_at=now, last_at=now),),
        memory=StoreMemory(used_bytes=1, limit_bytes=2, is_limited=True),
    )  # fmt: skip
    tallies = Tallies(counts={(ATTEMPTS, *pair, "lost"): 1, (WAITS, *pair, 1): 1, (RUNS, *pair, 1): 1})
    samples = (sample for family in Fixed([up(is_up=True), *families(standing, tallies)]).collect()
               for sample in family.samples)  # fmt: skip
    return {sample.name: set(sample.labels) for sample in samples}


@pytest.mark.parametrize(("where", "text"), list(_expressions()), ids=lambda value: value if len(value) < 40 else "")
def test_an_expression_asks_for_what_there_is(where: str, text: str, labels: dict[str, set[str]]) -> None:
    """It can be read, each metric in it is told, and so is each label it goes by."""
    found = promql.read(text)
    for name, asked in found.metrics:
        assert asked - OF_PROMETHEUS <= labels[name], f"{where}: {name}"
        assert found.by - OF_PROMETHEUS - {"le"} <= set().union(*(labels[each] for each, _ in found.metrics)), where
    assert found.metrics, where


async def test_metrics_are_told_by_a_server(server: Server, labels: dict[str, set[str]]) -> None:
    """The names that expressions are checked against are those that a real server's metrics have."""
    with server.client() as client:
        client.sadd("nbq:queues", "q")
    scraped = await scrape(server.url)
    assert {name for name in scraped if "_created" not in name} <= set(labels)
    assert {"nbqueue_up", "nbqueue_jobs", "nbqueue_oldest_wait_seconds", "nbqueue_server_memory_bytes"} <= set(scraped)


def test_every_rule_says_what_is_to_be_done() -> None:
    """An alert has a severity, a summary and a description, and a name of ours."""
    assert [rule["alert"] for rule in _rules() if not (
        rule["alert"].startswith("Nbqueue") and rule["labels"]["severity"] in ("warning", "critical")
        and rule["annotations"]["summary"] and rule["annotations"]["description"]
    )] == []  # fmt: skip


def test_the_dashboard_has_what_grafana_needs() -> None:
    """Panels have ids, titles, places that do not overlap, a description and the chosen data source."""
    panels = DASHBOARD["panels"]
    taken = [(x, y) for panel in panels for x in _across(panel) for y in _down(panel)]
    assert len(taken) == len(set(taken))
    assert sorted(panel["id"] for panel in panels) == list(range(1, len(panels) + 1))
    assert all(panel["title"] and panel["description"] and max(_across(panel)) < 24 for panel in panels)
    sources = {target["datasource"]["uid"] for panel in panels for target in panel["targets"]}
    assert (sources, DASHBOARD["schemaVersion"] >= 36) == ({"${datasource}"}, True)
    assert [each["name"] for each in DASHBOARD["templating"]["list"]] == ["datasource", "job", "queue"]


@pytest.mark.parametrize(
    "text", ["sum(", "rate(a)", "a{b=c}", "a b", "sum by queue (a)", 'a{b="c"', "increase(a[5])", "> 3", "a and"]
)  # fmt: skip
def test_what_is_no_promql_is_found(text: str) -> None:
    """The reader of expressions refuses what Prometheus refuses."""
    with pytest.raises(ValueError, match=r"should come after|nothing can be read"):
        promql.read(text)


def _across(panel: dict[str, Any]) -> range:
    place = panel["gridPos"]
    return range(place["x"], place["x"] + place["w"])


def _down(panel: dict[str, Any]) -> range:
    place = panel["gridPos"]
    return range(place["y"], place["y"] + place["h"])
