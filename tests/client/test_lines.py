"""The client over a line that loses replies, or dies without a word."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from nbqueue.broker.scripts import script
from nbqueue.client.handle import Job
from nbqueue.client.session import configure, session
from nbqueue.client.submitter import options, submit, submit_map
from nbqueue.model.settings import Settings
from nbqueue.model.states import State
from tests.client.engine_stub import Engine, engine
from tests.client.relays import Relay, relay
from tests.servers import Server
from tests.waiting import SLACK, wait_until


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


def test_an_answer_from_before_an_end_is_not_taken_for_one_after_it(line: Relay) -> None:
    """Who begins to wait while the state of before is still on its way to another waiter hears of the end as well."""
    options(job_id="twice").submit(len, "abc").wait()
    link = session()._link
    assert link is not None
    first, second = ThreadPoolExecutor(1), ThreadPoolExecutor(1)
    line.hold = lambda asked: b"nbq:job:twice" in asked and b"HMGET" in asked
    with first, second, ExitStack() as held:
        held.callback(setattr, line, "hold", lambda _: False)
        early = first.submit(Job[int]("twice").wait, 20)
        wait_until(lambda: line.held)
        with engine(session().settings):
            assert early.result() == 3
        late = second.submit(Job[int]("twice").wait, 20)
        wait_until(lambda: "twice" in link.follow)
        held.close()
        assert late.result() == 3


def test_a_result_that_came_with_the_end_is_for_all_who_wait(line: Relay, running_engine: Engine) -> None:
    """Nobody has to fetch it, so that who asked to be told is told no later than a wait ends."""
    warm, told = submit(len, "warm").wait(), threading.Event()
    assert warm.wait(5) == 4
    line.hold = lambda asked: b"MGET" in asked and b"HMGET" not in asked
    with ExitStack() as held:
        held.callback(setattr, line, "hold", lambda _: False)
        job = options(on_done=lambda _: told.set(), delay=0.2).submit(len, "abc").wait()
        assert job.wait(5) == 3
        assert told.wait(5)
    assert running_engine.ran == [warm.id, job.id]


@pytest.mark.usefixtures("running_engine")
def test_an_id_that_is_used_again_has_its_own_result() -> None:
    """What came with the end of the one before is not taken for it, whoever still looks at that."""
    first = options(job_id="again", delay=0.5).submit(bytes, 3).wait()
    live = first.live()
    wait_until(lambda: live.record.state is State.SCHEDULED)
    assert first.wait(5) == bytes(3)
    first.delete().wait(5)
    # too large to come with its end
    assert options(job_id="again").submit(bytes, 200_000).wait().wait(5) == bytes(200_000)
    live.close()


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
    assert time.monotonic() - begun < 4 * SLACK
    line.stalled.clear()
    thread.join(10)
    assert (found, running_engine.ran) == ([3], [warm.id, job.id])
    wait_until(lambda: live.record.state is State.SUCCEEDED and not live.reconnecting)
    live.close()
