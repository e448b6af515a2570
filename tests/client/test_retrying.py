"""Retrying many jobs at once, and moving those that can be."""

from collections.abc import Iterator

import pytest

from nbqueue.broker.keys import Keys
from nbqueue.client.queue import Queue
from nbqueue.client.selection import jobs
from nbqueue.client.submitter import options, submit, submit_map
from nbqueue.errors import JobError
from nbqueue.model.settings import Settings
from nbqueue.model.states import State
from tests.client.engine_stub import Engine
from tests.servers import Server
from tests.workers import Worker, running_worker

BY_HAND = b'{"function": "odd", "args": [1]}'


def odd(number: int) -> int:
    """Fail for even numbers."""
    if not number % 2:
        raise ValueError(f"{number} is even")
    return number


@pytest.fixture
def worker(configured: Settings) -> Iterator[Worker]:
    """A worker, which keeps the calls of what fails."""
    with running_worker(configured, "--slots", "1") as worker:
        yield worker


@pytest.mark.usefixtures("worker")
async def test_what_cannot_be_retried_stops_no_other(server: Server) -> None:
    """`retry` of a selection makes a new job of each that it can; `.refused` has the others with the reason."""
    group = await submit_map(odd, range(6))
    await group.results(return_errors=True)
    lost, forged = group.ids[0], group.ids[2]
    with server.client() as client:
        client.delete(Keys().submission(lost))
        client.set(Keys().submission(forged), BY_HAND, px=60_000)
    dead = await Queue().dead()
    again = await dead.retry()
    assert [record.retry_of for record in again.records] == [group.ids[4]]
    assert set(again.refused) == {lost, forged}
    assert "are kept no longer" in again.refused[lost]
    assert "2 jobs could not be retried: see .refused" in repr(again)


async def test_a_retry_keeps_what_was_given(worker: Worker) -> None:
    """Also how long it may wait for its start."""
    job = await options(expires=60, tags=["night"]).submit(odd, 2)
    with pytest.raises(JobError):
        await job
    worker.kill()
    again = await (await jobs.where(tag="night")).retry()
    record = again.records[0]
    assert (record.expires_s, record.tags, record.retry_of) == (60.0, ("night",), job.id)


async def test_what_was_retried_is_a_group_again(running_engine: Engine) -> None:
    """The server counts the new jobs of `retry_failed`; what is held back or let go are all of its jobs."""
    group = await submit_map(odd, range(4))
    await group.results(return_errors=True)
    running_engine.stop()
    again = await group.retry_failed()
    assert again.id != group.id
    assert {(await again[place].info()).group for place in (0, 2)} == {again.id}
    assert await again.progress() == {State.SUCCEEDED: 2, State.QUEUED: 2}
    after = await options(after=[again.id], on_parent_failure="run").submit(odd, 1)
    await again.pause()
    assert await jobs.paused() == sorted(f"g:{name}" for name in (group.id, again.id))
    await again.resume()
    assert await jobs.paused() == []
    await again.cancel()
    assert (await after.info()).reason is None
    assert await (await submit_map(odd, [1])).retry_failed() is not None


@pytest.mark.usefixtures("running_engine")
async def test_nothing_failed() -> None:
    """Where all went well `retry_failed` gives the group itself."""
    group = await submit_map(odd, [1, 3])
    assert await group == [1, 3]
    assert await group.retry_failed() is group


@pytest.mark.usefixtures("running_engine")
async def test_a_group_is_retried_whole_or_not() -> None:
    """Where a job of it is not known any more, none is submitted."""
    group = await submit_map(odd, [2, 4])
    await group.results(return_errors=True)
    await group[0].delete()
    again = await group.retry_failed()
    assert (again[0].id, again[1].id == group[1].id) == (group[0].id, False)


async def test_what_is_not_ours_is_not_moved(server: Server) -> None:
    """A submission that nobody of ours signed stays where it is; the others of the queue go."""
    ours, forged = [await submit(odd, number) for number in (1, 3)]
    with server.client() as client:
        client.set(Keys().submission(forged.id), BY_HAND)
    with pytest.raises(JobError, match="it was not signed by a holder of our key"):
        await forged.move("night")
    assert await Queue().move("night") == 1
    assert ((await ours.info()).queue, (await forged.info()).queue) == ("night", "default")
