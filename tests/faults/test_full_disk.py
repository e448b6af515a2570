"""A server whose disk is full: workers live, hold what they have, and go on once there is room."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nbqueue.client.submitter import options, submit
from nbqueue.errors import StoreFull
from nbqueue.model.settings import Settings
from tests.disks import fill, mounted, needs_root
from tests.faults import bodies, facts
from tests.faults.conftest import Measure
from tests.faults.stores import Store, last
from tests.waiting import wait_until
from tests.workers import Ledger, Worker, running_worker

#: longer than a lease lasts
FULL_S = 6.0
#: what is promised, twice
ROOM_S = 2 * 5.0
#: claims may be tried twice a second; six duties of an engine and its supervisor beside them ask once or twice a second
CALM_PER_S = 2 * (2 + 8)

pytestmark = needs_root


@pytest.fixture
def store() -> Iterator[Store]:
    """A server whose journal has a small disk to itself."""
    with mounted("size=16m") as place:
        store = Store(place)
        try:
            store.start()
            yield store
        finally:
            store.kill()


@pytest.fixture
def served(store: Store, home: Path, connected: Callable[[Settings], Settings]) -> Iterator[Worker]:
    """A worker whose own files lie on another disk."""
    settings = connected(Settings(url=store.url, home=home))
    with running_worker(settings, "--slots", "2") as worker:
        yield worker


@pytest.mark.slow
def test_a_worker_outlives_a_full_disk(
    served: Worker, store: Store, ledger: Ledger, gate: Path, measure: Measure
) -> None:
    """What ends meanwhile is held and delivered once, nothing is tried in a hot loop, and no accepted job is lost."""
    engine = served.engine()
    running = [submit(bodies.until_told, str(ledger.path), f"r-{n}", str(gate)).wait(5) for n in range(2)]
    ledger.wait("begin", times=2)
    queued = [options(delay=3).submit(bodies.quick_async, str(ledger.path), f"{n}").wait(5) for n in range(20)]
    ballast = store.folder / "ballast"
    fill(ballast)
    with store.client() as client:
        wait_until(lambda: client.info("persistence")["aof_last_write_status"] == "err", 10)
        with pytest.raises(StoreFull, match="cannot write to its disk, and nothing was stored: make room there"):
            submit(bodies.quick, str(ledger.path), "refused").wait(10)
        gate.touch()
        ledger.wait("end", times=2)
        before = _refused(client)
        last(FULL_S)
        measure("tries a second", (_refused(client) - before) / FULL_S, within_s=CALM_PER_S)
        ballast.unlink()
        roomy_at = time.monotonic()
        assert {job.wait(20) for job in running} == {"r-0", "r-1"}
        measure("results after there was room", time.monotonic() - roomy_at, within_s=ROOM_S)
        assert sorted(int(job.wait(20)) for job in queued) == list(range(20))
        measure("goes on", time.monotonic() - roomy_at, within_s=ROOM_S)
        assert {tuple(states) for states in facts.ends(client).values()} == {("succeeded",)}
    assert len(ledger.lines("end")) == 2
    assert served.engines() == [engine]
    infos = [job.info().wait(5) for job in running]
    assert {(info.fence, info.losses, info.crashes) for info in infos} == {(1, 0, 0)}


def _refused(client: Any) -> int:
    """How many scripts the server refused so far."""
    return int(client.info("commandstats")["cmdstat_evalsha"]["rejected_calls"])
