"""How long a checkpoint is kept: until its job succeeds, and for a day where it ends otherwise."""

import pytest

from nbqueue.broker import claims, scripts
from nbqueue.broker.bounds import CALL_MS
from nbqueue.broker.claims import Claim, Report
from nbqueue.model.states import State
from tests.broker.store import ENGINE, KEYS, Store


async def keep(store: Store, claim: Claim) -> None:
    """Save a checkpoint of an attempt under way."""
    report = Report(job_id=claim.job_id, fence=claim.fence, progress=None, log="", checkpoint=b"half")
    assert await scripts.run(store.client, claims.report(KEYS, ENGINE, [report])) == [True]


async def left_ms(store: Store) -> int:
    """For how long it is kept; -2: it is not there."""
    return int(await store.client.pttl(KEYS.checkpoint("j")))


async def started(store: Store) -> Claim:
    """A job with a checkpoint."""
    await store.submit("j")
    [claim] = await store.claim("j")
    await keep(store, claim)
    return claim


@pytest.mark.parametrize(
    "end", [State.SUCCEEDED, State.FAILED, State.CANCELLED, State.TIMED_OUT, State.CRASHED], ids=str
)
async def test_the_end_of_its_job_decides(store: Store, end: State) -> None:
    """A success takes it away; whoever retries a job that ended otherwise finds it for a day."""
    await store.finish(await started(store), end)
    left = await left_ms(store)
    assert left == -2 if end is State.SUCCEEDED else CALL_MS - 60_000 < left <= CALL_MS


async def test_a_cancel_between_two_tries_keeps_it(store: Store) -> None:
    """The job waits for its next try."""
    await store.finish(await started(store), State.SCHEDULED, 60)
    assert await left_ms(store) != -2
    assert await store.cancel("j") == "removed"
    assert CALL_MS - 60_000 < await left_ms(store) <= CALL_MS


async def test_a_job_whose_workers_were_lost_keeps_it(store: Store) -> None:
    """Until it is given up, and for a day from then."""
    await keep_and_lose(store, claims.MAX_LOSSES)
    assert (await store.record("j")).state is State.CRASHED
    assert CALL_MS - 60_000 < await left_ms(store) <= CALL_MS


async def keep_and_lose(store: Store, times: int) -> None:
    """Lose the worker of a job so often, each time after it saved a checkpoint."""
    await store.submit("j")
    for _ in range(times):
        [claim] = await store.claim("j")
        await keep(store, claim)
        await store.reap("j")


async def test_who_deletes_the_job_deletes_it(store: Store) -> None:
    """Nothing is left of it but its lines in the history."""
    await store.finish(await started(store), State.FAILED)
    assert await store.remove("j") == "deleted"
    assert await left_ms(store) == -2
