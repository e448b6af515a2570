"""Workers that follow the queue: KEDA's object, by its documentation, and the numbers that it asks for."""

import re
from typing import Any

import pytest

from nbqueue.broker.queues import QueueStats
from nbqueue.web.api.table import ENDPOINTS
from nbqueue.web.records import QUEUE_FULL
from tests.deploy import parts
from tests.deploy.parts import manifest

SPEC = manifest("ScaledObject", "worker")["spec"]
#: of KEDA's reference of a ScaledObject and of the trigger metrics-api
FIELDS = {
    "": {"scaleTargetRef", "pollingInterval", "cooldownPeriod", "minReplicaCount", "maxReplicaCount", "fallback",
         "advanced", "triggers"},
    "scaleTargetRef": {"name"},
    "fallback": {"failureThreshold", "replicas", "behavior"},
    "advanced": {"scalingModifiers", "horizontalPodAutoscalerConfig"},
    "advanced.scalingModifiers": {"formula", "target", "metricType"},
    "advanced.horizontalPodAutoscalerConfig": {"behavior"},
    "advanced.horizontalPodAutoscalerConfig.behavior": {"scaleUp", "scaleDown"},
}  # fmt: skip
TRIGGER = {"type", "name", "metadata", "authenticationRef"}
METADATA = {"url", "valueLocation", "targetValue", "authMode"}


@pytest.mark.parametrize("path", FIELDS)
def test_fields_are_those_that_keda_knows(path: str) -> None:
    """No field is misspelt: KEDA's own schema is not strict, and would pass it over."""
    found: Any = SPEC
    for name in filter(None, path.split(".")):
        found = found[name]
    assert set(found) == FIELDS[path]


def test_triggers_are_those_that_keda_knows() -> None:
    """Each trigger asks the web server, with its token, and has the name that the formula uses."""
    for trigger in SPEC["triggers"]:
        assert set(trigger) == TRIGGER
        assert set(trigger["metadata"]) == METADATA
        assert trigger["type"] == "metrics-api"
        assert trigger["metadata"]["authMode"] == "bearer"
        assert trigger["authenticationRef"] == {"name": manifest("TriggerAuthentication", "web")["metadata"]["name"]}
    names = [trigger["name"] for trigger in SPEC["triggers"]]
    assert sorted(re.findall("[a-z]+", SPEC["advanced"]["scalingModifiers"]["formula"])) == sorted(names)


def test_the_web_server_is_asked_by_a_name_it_knows() -> None:
    """The host that KEDA calls is the Service, on its port, and is on the web server's list."""
    web = next(line for line in parts.command_lines() if line.place.endswith("base/web.yaml"))
    (port,) = manifest("Service", "web")["spec"]["ports"]
    hosts = {re.match(r"http://([^:/]+):(\d+)/", each["metadata"]["url"]) for each in SPEC["triggers"]}
    assert {(found[1], int(found[2])) for found in hosts if found} == {("web.nbqueue.svc.cluster.local", port["port"])}
    assert "web.nbqueue.svc.cluster.local" in web.words


def test_the_web_server_tells_what_is_asked() -> None:
    """The path is one of the HTTP API, and each number is in its answer: KEDA finds them by these names."""
    urls = {trigger["metadata"]["url"].partition(":8080")[2] for trigger in SPEC["triggers"]}
    assert urls == {"/api/v1/queues/default"}
    assert "/api/v1/queues/{name}" in [endpoint.path for endpoint in ENDPOINTS]
    answer = QUEUE_FULL.of(
        QueueStats(name="default", queued=9, running=2, blocked=1, held_back={"r:gpu=1": 5}, crowded=5)
    )
    values = {trigger["name"]: answer[trigger["metadata"]["valueLocation"]] for trigger in SPEC["triggers"]}
    assert values == {"ready": 3, "crowded": 5, "running": 2}
    assert SPEC["advanced"]["scalingModifiers"]["formula"] == " + ".join(values)


def test_a_worker_is_added_for_what_it_can_run() -> None:
    """Jobs for each worker are its slots; the last worker that is left alone is the one that Kubernetes keeps."""
    worker = next(line for line in parts.command_lines() if line.place.endswith("base/worker.yaml"))
    assert SPEC["advanced"]["scalingModifiers"]["target"] == worker.option("--slots")
    assert SPEC["scaleTargetRef"] == {"name": manifest("Deployment", "worker")["metadata"]["name"]}
    assert 0 <= SPEC["minReplicaCount"] < SPEC["maxReplicaCount"]
