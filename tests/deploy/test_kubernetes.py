"""The manifests: valid by the schemas of Kubernetes, and true to one another."""

import re
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from typing import Any

import kubernetes_validate
import pytest

from tests.deploy import parts
from tests.deploy.parts import KUBERNETES, Document, documents, manifest, manifests

#: the oldest and the newest whose schemas are at hand
VERSIONS = ("1.28", "1.37")
OWN = [each for each in manifests() if not each["apiVersion"].startswith("keda.sh/")]
PRIVATE = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
#: for so long the web server waits for the queue's before its /healthz is 503
HEALTH_WAIT_S = 2
#: who puts these keys into which secret (docs/deployment.md)
SECRETS = {
    "nbqueue-server": {"users.acl"},
    "nbqueue-worker": {"url", "signing.key"},
    "nbqueue-web": {"url", "signing.key", "web.token"},
}


@pytest.mark.parametrize("version", VERSIONS)
def test_the_manifests_are_valid(version: str) -> None:
    """Each object has the fields, and only those, that Kubernetes knows."""
    for each in OWN:
        assert kubernetes_validate.validate(each, version, strict=True) == version


def test_kustomize_is_given_every_file() -> None:
    """The two folders name all of their files, and the base names the server's settings."""
    base, keda = (documents(KUBERNETES / name / "kustomization.yaml")[0] for name in ("base", "keda"))
    files = {path.name for path in (KUBERNETES / "base").glob("*.yaml")} - {"kustomization.yaml"}
    assert set(base["resources"]) == files
    assert base["configMapGenerator"] == [{"name": "nbqueue-server", "files": ["server.conf"]}]
    assert keda["resources"] == ["../base", "scaling.yaml"]


def test_the_servers_settings_are_the_same_everywhere() -> None:
    """Kustomize takes no file from outside of its folder: its copy of server.conf is the file itself."""
    copy = (KUBERNETES / "base" / "server.conf").read_text(encoding="utf-8")
    assert copy == (parts.DEPLOY / "server.conf").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", parts.COMPONENTS)
def test_pods_are_found_by_their_labels(name: str) -> None:
    """What selects pods selects those that its own template makes."""
    labels = {"app.kubernetes.io/name": "nbqueue", "app.kubernetes.io/component": name}
    selected = [selector for each in manifests() if (selector := _selector(each)) and selector == labels]
    owner = next(each for each in manifests() if each["metadata"]["name"] == name and "template" in each["spec"])
    assert owner["spec"]["template"]["metadata"]["labels"] == labels
    assert len(selected) >= 2


@pytest.mark.parametrize("name", parts.COMPONENTS)
def test_pods_have_no_rights_that_they_do_not_need(name: str) -> None:
    """Pods are what the level "restricted" of Pod Security wants, and get no token of the cluster."""
    pod, container = parts.pod(name), parts.container(name)
    assert container["securityContext"] == PRIVATE
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert "env" not in container


def test_each_pod_has_the_secrets_it_needs() -> None:
    """The server gets no key, workers no token, and KEDA the web server's."""
    volumes = {volume["secret"]["secretName"] for name in parts.COMPONENTS for volume in parts.pod(name)["volumes"]
               if "secret" in volume}  # fmt: skip
    assert volumes == set(SECRETS)
    (asked,) = manifest("TriggerAuthentication", "web")["spec"]["secretTargetRef"]
    assert asked == {"parameter": "token", "name": "nbqueue-web", "key": "web.token"}
    page = parts.PAGE.read_text(encoding="utf-8")
    for name, keys in SECRETS.items():
        created = re.search(rf"create secret generic {name}((?: --from-file=\S+| \\\n *)+)", page)
        assert created
        files = re.findall(r"--from-file=(\S+)", created[1])
        assert {each.partition("=")[0].rpartition("/")[2] for each in files} == keys


def test_a_worker_has_time_to_finish() -> None:
    """A worker that is told to end gets more time from Kubernetes than it gives to its jobs."""
    line = next(each for each in parts.command_lines() if each.place.endswith("base/worker.yaml"))
    assert parts.pod("worker")["terminationGracePeriodSeconds"] >= float(line.option("--drain-timeout")) + 10


def test_probes_ask_where_an_answer_is() -> None:
    """The workers' probes ask the port of --health, those of the web server its own, by a name that it knows."""
    worker, web = parts.container("worker"), parts.container("web")
    lines = {line.place: line for line in parts.command_lines()}
    health = lines["kubernetes/base/worker.yaml"].option("--health")
    assert worker["ports"] == [{"name": "health", "containerPort": int(health.rpartition(":")[2])}]
    probes = {name: worker[name]["httpGet"] for name in worker if name.endswith("Probe")}
    assert probes == {
        "startupProbe": {"path": "/live", "port": "health"},
        "livenessProbe": {"path": "/live", "port": "health"},
        "readinessProbe": {"path": "/ready", "port": "health"},
    }
    assert web["ports"] == [{"name": "http", "containerPort": int(lines["kubernetes/base/web.yaml"].option("--port"))}]
    ready = web["readinessProbe"]
    assert ready["httpGet"]["path"] == "/healthz"
    (host,) = ready["httpGet"]["httpHeaders"]
    assert host["value"] in lines["kubernetes/base/web.yaml"].words


def test_the_web_server_outlives_the_absence_of_the_queues_server() -> None:
    """It is alive while it listens, whatever is behind it; it is asked for longer than it waits for that."""
    web = parts.container("web")
    assert web["livenessProbe"]["tcpSocket"] == {"port": "http"}
    assert "httpGet" not in web["livenessProbe"]
    assert web["readinessProbe"]["timeoutSeconds"] > HEALTH_WAIT_S


def test_what_is_mounted_is_a_volume() -> None:
    """Each mount of a container is of a volume of its pod, and all volumes are mounted."""
    for name in parts.COMPONENTS:
        claims = manifest("StatefulSet", name)["spec"]["volumeClaimTemplates"] if name == "server" else []
        volumes = {each["name"] for each in parts.pod(name)["volumes"]} | {each["metadata"]["name"] for each in claims}
        assert {each["name"] for each in parts.container(name)["volumeMounts"]} == volumes


def test_workers_have_no_number_of_their_own() -> None:
    """A Deployment that says how many would undo at each apply what KEDA has set."""
    assert "replicas" not in manifest("Deployment", "worker")["spec"]


def test_policies_name_ports_that_are_there() -> None:
    """A NetworkPolicy opens ports that the pods it is for have."""
    names = {port["name"] for name in parts.COMPONENTS for port in parts.container(name)["ports"]}
    policies = [each["spec"] for each in manifests() if each["kind"] == "NetworkPolicy"]
    opened = {port["port"] for each in policies for rule in each.get("ingress", ()) for port in rule.get("ports", ())}
    assert opened == names
    assert {"podSelector": {}, "policyTypes": ["Ingress"]} in policies


def test_a_worker_reaches_all_but_what_tells_the_nodes_secrets() -> None:
    """One address of each kind is cut off; a node's DNS cache, 169.254.20.10, stays in reach."""
    (rule,) = manifest("NetworkPolicy", "worker")["spec"]["egress"]
    cut = [ip_network(each) for to in rule["to"] for each in to["ipBlock"]["except"]]
    assert cut == [ip_network("169.254.169.254"), ip_network("fd00:ec2::254")]
    assert not any(ip_address("169.254.20.10") in each for each in cut)


def _selector(document: Document) -> Mapping[str, Any]:
    """The labels that an object looks for; none where it has no selector."""
    spec = document.get("spec", {})
    found: Mapping[str, Any] = spec.get("podSelector") or spec.get("selector") or {}
    labels: Mapping[str, Any] = found.get("matchLabels", found)
    return labels
