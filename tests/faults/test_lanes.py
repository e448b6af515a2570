"""What needs a process is claimed only by who has one free."""

from pathlib import Path

from nbqueue.client.session import configure
from nbqueue.client.submitter import submit_map
from nbqueue.model.settings import Settings
from tests.servers import Server
from tests.waiting import wait_until
from tests.workers import running_worker

TASKS = """
import time
from pathlib import Path

import nbqueue


@nbqueue.task("wait_for_gate")
def wait_for_gate(number, gate):
    while not Path(gate).exists():
        time.sleep(0.01)
    return number
"""


def test_sync_functions_by_name_are_claimed_one_a_process(server: Server, settings: Settings, tmp_path: Path) -> None:
    """A worker with two processes holds two of twenty calls by name; the others stay for whoever is free."""
    (tmp_path / "waiting_tasks.py").write_text(TASKS)
    gate = tmp_path / "gate"
    configure(settings)
    with (
        running_worker(settings, "waiting_tasks", "--slots", "2", modules=[tmp_path]) as worker,
        server.client() as client,
    ):
        (engine,) = wait_until(worker.engine_ids, 20)
        group = submit_map("wait_for_gate", range(20), [str(gate)] * 20).wait(10)
        lane_of_processes = ("arq:queue:default", 400_000_000_000, 999_999_999_999)
        wait_until(lambda: client.zcount(*lane_of_processes) == 18, 20)
        assert client.hlen(f"nbq:claims:{engine}") == 2
        gate.touch()
        assert group.wait(60) == list(range(20))
