"""The Compose file: what it may say, what is kept secret, and that nothing is ended too early."""

import re

from tests.deploy import parts

SERVICES = parts.compose()["services"]
#: of the Compose specification: what a service may say, of that which is of use here
KEYS = {
    "build", "cap_drop", "command", "depends_on", "healthcheck", "image", "logging", "mem_limit", "ports", "read_only",
    "restart", "secrets", "security_opt", "stop_grace_period", "tmpfs", "user", "volumes",
}  # fmt: skip
HEALTHCHECK = {"test", "interval", "timeout", "retries", "start_period", "start_interval"}


def test_services_say_what_compose_knows() -> None:
    """There are a server, workers and a web server, and none of their keys is misspelt."""
    assert set(parts.compose()) == {"name", "x-nbqueue", "services", "secrets"}
    assert set(SERVICES) == set(parts.COMPONENTS)
    assert {key for service in SERVICES.values() for key in service} - KEYS == set()
    assert {key for each in SERVICES.values() for key in each.get("healthcheck", ())} - HEALTHCHECK == set()


def test_services_have_no_rights_that_they_do_not_need() -> None:
    """No service runs as root, gains rights, or writes into its image."""
    for service in SERVICES.values():
        assert service["user"].startswith("${RUN_AS:?")
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["read_only"] is True


def test_nothing_is_open_to_other_machines() -> None:
    """What is published is published to this machine alone."""
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert ports == ["127.0.0.1:6379:6379", "127.0.0.1:8080:8080"]


def test_secrets_are_files() -> None:
    """Each secret of a service is a file that secrets.sh writes, and no text of the file holds one."""
    known = parts.compose()["secrets"]
    used = {each["source"]: each["target"] for service in SERVICES.values() for each in service["secrets"]}
    assert set(used) == set(known)
    assert all(target.removeprefix("/run/secrets/nbqueue/") for target in used.values())
    written = (parts.DEPLOY / "secrets.sh").read_text(encoding="utf-8")
    files = [each["file"] for each in known.values()]
    assert [file for file in files if file.removeprefix("secrets/") not in written] == []
    assert all("environment" not in service for service in SERVICES.values())


def test_a_worker_has_time_to_finish() -> None:
    """A worker that is told to end gets more time from Compose than it gives to its jobs."""
    worker = next(line for line in parts.command_lines() if (line.place, line.words[0]) == ("compose.yaml", "worker"))
    given = float(SERVICES["worker"]["stop_grace_period"].removesuffix("s"))
    assert given >= float(worker.option("--drain-timeout")) + 10


def test_what_the_services_mount_is_there() -> None:
    """Folders and files of this repository that the services use exist."""
    build = SERVICES["worker"]["build"]
    context = (parts.DOCKER / build["context"]).resolve()
    assert (context / build["dockerfile"]).samefile(parts.DOCKERFILE)
    mounts = [volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", ())]
    # the data's folder is made by secrets.sh
    assert [mount for mount in mounts if not (parts.DOCKER / mount).exists()] in ([], ["./data"])


def test_the_image_is_of_no_moving_version() -> None:
    """Images of other people are named with a version."""
    stages = re.findall(r"^FROM (\S+)", parts.DOCKERFILE.read_text(encoding="utf-8"), re.MULTILINE)
    assert [*stages, SERVICES["server"]["image"]] == [
        "python:${PYTHON}-slim",
        "python:${PYTHON}-slim",
        "valkey/valkey:9.0",
    ]
    assert SERVICES["server"]["image"] == parts.container("server")["image"]
