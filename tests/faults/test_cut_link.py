"""A machine that is cut off from the server, and comes back: its job runs elsewhere, and its late word is refused."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nbqueue.client.submitter import options, submit
from nbqueue.model.settings import Settings
from tests.faults import bodies, facts
from tests.faults.conftest import Measure
from tests.faults.far_machine import FarMachine, far_machine
from tests.waiting import wait_until
from tests.workers import Ledger, running_worker

#: twice what is promised
ELSEWHERE_S = 2 * 5.0
#: twice the time in which a silent connection is given up, and a new one taken
BACK_S = 2 * 12.0


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[FarMachine]:
    """The machine beyond the link."""
    with far_machine(tmp_path) as machine:
        yield machine


@pytest.mark.slow
def test_the_job_of_a_machine_that_is_cut_off_runs_elsewhere(  # noqa: PLR0917 - fixtures
    connected: Callable[[Settings], Settings], machine: FarMachine, home: Path, ledger: Ledger, gate: Path,
    measure: Measure,
) -> None:  # fmt: skip
    """Within 5 s; both runs come to their end, one end counts, and the machine serves again by itself."""
    settings = connected(Settings(url=machine.server.url, home=home))
    words = ("--slots", "1", "--queues", "default,far")
    with running_worker(settings, *words, machine="far", under=machine.under, url=machine.url) as far:
        engine = far.engine()
        job = submit(bodies.until_told, str(ledger.path), "job", str(gate)).wait(5)
        ledger.wait("begin")
        with running_worker(settings, "--slots", "1", machine="near"):
            machine.link.cut()
            cut_at = time.monotonic()
            again = ledger.wait("begin", times=2, timeout_s=ELSEWHERE_S)[1]
            measure("elsewhere", again.at - cut_at, within_s=ELSEWHERE_S)
            gate.touch()
            assert job.wait(10) == "job"
            ledger.wait("end", times=2)
            machine.link.mend()
            mended_at = time.monotonic()
            later = options(queue="far").submit(bodies.quick, str(ledger.path), "later").wait(5)
            assert later.wait(BACK_S) == "later"
            measure("back", time.monotonic() - mended_at, within_s=BACK_S)
            wait_until(lambda: f"Job '{job.id}' is held here no longer: the end of claim 1 is refused." in far.log, 5)
            assert far.engine() == engine
    with machine.server.client() as client:
        assert facts.ends(client)[job.id] == ["succeeded"]
        assert facts.attempts(client, job.id) == [(1, "lost"), (2, "succeeded")]
