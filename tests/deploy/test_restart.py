"""The server of deploy/ is stopped and started: what it accepted is there."""

import json

from tests.deploy.deployed import Deployed, prepared
from tests.waiting import wait_until


def test_jobs_outlive_a_restart() -> None:
    """Jobs that were submitted before a clean stop are there after the start, with all that belongs to them."""
    with prepared() as deployed:
        with deployed.running():
            for name in ("one", "two"):
                deployed.command("client", "submit", "add", "1", "--id", name)
            before = _kept(deployed)
        with deployed.running():
            assert _kept(deployed) == before
            found = json.loads(deployed.command("viewer", "jobs", "--json"))
    assert {(job["id"], job["state"]) for job in found} == {("one", "queued"), ("two", "queued")}


def test_jobs_outlive_a_restart_with_users_by_hand() -> None:
    """So they do where the page's command switched the user `default` off, and the server wrote its users itself."""
    with prepared() as deployed:
        users = deployed.secrets / "users.acl"
        _, *others = users.read_text().splitlines()
        users.write_text("\n".join(others) + "\n")
        with deployed.running():
            with deployed.client("admin") as client:
                client.execute_command("ACL", "SETUSER", "default", "off")
                client.acl_save()
            deployed.command("client", "submit", "add", "1", "--id", "one")
            before = _kept(deployed)
        with deployed.running():
            assert _kept(deployed) == before
            assert "user default off" in users.read_text()


def _kept(deployed: Deployed) -> dict[str, str]:
    """The keys of the server that do not end by themselves, and what kind each is."""
    with deployed.client("admin") as client:
        wait_until(lambda: client.info("persistence")["loading"] == 0)
        return {key: client.type(key) for key in client.scan_iter() if client.ttl(key) == -1}
