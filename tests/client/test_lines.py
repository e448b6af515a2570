"""The client over a line that loses replies, or dies without a word."""

import threading
import time
from collections.abc import Iterator

import pytest

from nbqueue.broker.scripts import script
from nbqueue.client.session import configure
from nbqueue.client.submitter import options, submit, submit_map
from nbqueue.model.settings import Settings
from nbqueue.model.states import State
from tests.client.engine_stub import Engine
from tests.client.relays import Relay, relay
from tests.servers import Server
from tests.waiting import wait_until


@pytest.fixture
def line(server: Server, settings: Settings) -> Iterator[Relay]:
    """A relay that the client's session goes through; engines speak to the server itself."""
    with relay(server) as found:
        configure(Settings(url=f"unix://{found.path}", home=settings.home, connect_timeout_s=2.0))
        yield found


def test_a_lost_answer_is_asked_for_again(line: Relay, running_engine: Engine) -> None:
    """Where the answer to a submit is lost, it is sent again with the same id: one job, which runs once."""
    submit(len, "warm").wait().wait(5)
    line.drop = lambda asked: script("submit").sha.encode() in asked and line.dropped < 3
    job = submit(len, "abc").wait()
    assert (job.wait(5), line.dropped, job.existed) == (3, 3, True)
    assert running_engine.ran.count(job.id) == 1
    line.drop = lambda asked: script("submit").sha.encode() in asked and line.dropped < 5
    group = submit_map(len, ["x" * size for size in range(1200)]).wait()
    assert group.wait(10) == list(range(1200))
    assert len(running_engine.ran) == 1202


def test_a_dead_line_is_noticed(line: Relay, running_engine: Engine) -> None:
    """A line that carries nothing any more, without having been closed, is noticed within seconds and made anew."""
    warm = submit(len, "warm").wait()
    assert warm.wait(5) == 4
    job = options(delay=1.0).submit(len, "abc").wait()
    live = job.live()
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(job.wait(20)))
    thread.start()
    wait_until(lambda: live.record.submitted_at)
    line.stalled.set()
    begun = time.monotonic()
    wait_until(lambda: live.reconnecting, timeout_s=10)
    assert time.monotonic() - begun < 4
    line.stalled.clear()
    thread.join(10)
    assert (found, running_engine.ran) == ([3], [warm.id, job.id])
    wait_until(lambda: live.record.state is State.SUCCEEDED and not live.reconnecting)
    live.close()
