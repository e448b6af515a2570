"""Workers that end when nothing is left to do: what they have taken by then is finished."""

from pathlib import Path

import pytest

from nbqueue import submit
from nbqueue.broker.keys import Keys
from nbqueue.model.settings import Settings
from tests.broker.contacts import slow_way
from tests.faults import bodies
from tests.servers import Server
from tests.waiting import wait_until
from tests.workers import Ledger, start_worker

pytestmark = pytest.mark.usefixtures("session")

#: so many questions whether there is more to come take most of a second on a slow way
QUEUES = "default,a,b,c,d,e,f"


def _looks(server: Server) -> int:
    """How often somebody asked how many jobs there are."""
    with server.client() as client:
        return int(client.info("commandstats").get("cmdstat_zcount", {}).get("calls", 0))


def test_a_job_that_comes_while_a_burst_looks_for_more_is_finished(
    server: Server, settings: Settings, tmp_path: Path
) -> None:
    """On a slow way that takes a while: the job is neither killed nor charged with a loss."""
    ledger, gate = Ledger(tmp_path / "ledger"), tmp_path / "gate"
    before = _looks(server)
    with slow_way(str(server.path), 0.05) as port:
        worker = start_worker(
            settings, "--slots", "1", "--burst", "--queues", QUEUES, url=f"redis://127.0.0.1:{port}/0"
        )
        try:
            wait_until(lambda: _looks(server) > before, 20)
            job = submit(bodies.until_told, str(ledger.path), "late", str(gate), 1.5).wait(10)
            assert worker.exit_code(30) == 0
        finally:
            worker.kill()
    assert len(ledger.lines("begin")) == len(ledger.lines("end")) == 1
    with server.client() as client:
        assert client.hmget(Keys().record(job.id), "state", "losses") == [b"succeeded", None]
