"""A web server that may look at the queue and no more, or has nothing to read results with."""

from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from nbqueue.cli import main
from nbqueue.model.settings import Settings
from nbqueue.web.ends import NO_KEY
from nbqueue.web.problems import NO_RIGHT
from tests.servers import Server
from tests.web.running import Web, running_web

pytestmark = pytest.mark.usefixtures("worker")


def test_what_the_rights_forbid_is_refused_for_good(module_server: Server, base: Settings) -> None:
    """With the rights of a viewer a change is 403, which no caller tries again, with what can be done."""
    with running_web(replace(base, url=module_server.url_of("viewer"))) as web:
        found = web.post("/api/v1/queues/default/pause")
        assert (found.status, found.headers.get("retry-after"), found.detail) == (403, None, NO_RIGHT)


def test_without_a_key_nothing_is_read_and_none_is_made(web: Web, base: Settings, tmp_path: Path) -> None:
    """A server that only looks says that it has no key, of a failure what is known, and reads once it has one."""
    good = web.post("/api/v1/execute", {"function": "add", "args": [1, 2]}).json["id"]
    bad = web.post("/api/v1/execute", {"function": "fail", "args": ["broken"]}).json["id"]
    home = tmp_path / "viewer"
    blind = replace(base, home=home)
    with running_web(blind, "--read-only") as looking:
        end = looking.get(f"/api/v1/jobs/{good}/wait")
        assert (end.status, end.json) == (200, {
            "id": good, "state": "succeeded", "ended": True, "result": None, "has_result": False,
            "error_type": "ConfigurationError", "error": NO_KEY, "traceback": "",
        })  # fmt: skip
        failed = looking.get(f"/api/v1/jobs/{bad}/wait").json
        assert (failed["state"], failed["error_type"], failed["error"]) == ("failed", "ValueError", "broken")
        assert not blind.signing_key_file.exists()
        blind.signing_key_file.touch(mode=0o600)
        blind.signing_key_file.write_bytes(base.signing_key_file.read_bytes())
        assert looking.get(f"/api/v1/jobs/{good}/wait").json["result"] == 3


@pytest.mark.parametrize("command", ["web", "dashboard"])
def test_a_key_that_was_named_has_to_be_there(base: Settings, tmp_path: Path, command: str) -> None:
    """Neither starts without it: each answer would be that sentence. Who only looks needs none."""
    missing = tmp_path / "none.key"
    ran = CliRunner().invoke(main, [command, "--url", base.url or ""], env={"NBQUEUE_KEY_FILE": str(missing)})
    assert (ran.exit_code, ran.output.partition(",")[0]) == (2, f"nbqueue: There is no signing key {missing}")
    with running_web(replace(base, home=tmp_path / "home", key_file=missing), "--read-only") as looking:
        assert (looking.get("/healthz").status, looking.get("/").status) == (200, 200)
    assert not missing.exists()
