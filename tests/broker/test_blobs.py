"""Large pieces of arguments in the server: counted by the jobs that use them, gone after the last."""

import pytest

from nbqueue.broker import blobs
from nbqueue.broker.blobs import BlobsMissing
from nbqueue.broker.bounds import BLOB_MS, CALL_BLOB_BYTES, CALL_MS
from nbqueue.model.states import State
from tests.broker.store import KEYS, Store

ONE, TWO = "aa" * 32, "bb" * 32


async def leave(store: Store, *digests: str) -> None:
    """Send blobs."""
    for digest in digests:
        await blobs.leave(store.client, KEYS, digest, digest.encode())


async def users(store: Store, digest: str = ONE) -> int | None:
    """How many jobs the server counts; None: it counts none."""
    found = await store.client.hget(KEYS.blob_users(digest), "count")
    return None if found is None else int(found)


async def left_ms(store: Store, digest: str = ONE) -> int:
    """For how long it is kept; -1: until somebody ends that, -2: it is not there."""
    return int(await store.client.pttl(KEYS.blob(digest)))


async def test_a_submit_before_its_blobs_is_not_accepted(store: Store) -> None:
    """It is told which are missing, and nothing of it is there."""
    await leave(store, ONE)
    with pytest.raises(BlobsMissing) as caught:
        await store.submit("j", own={"blobs": [ONE, TWO]})
    assert caught.value.digests == [TWO]
    assert (await store.states("j"), await users(store)) == ([None], None)
    await leave(store, TWO)
    assert await store.submit("j", own={"blobs": [ONE, TWO]}) == "queued"


async def test_one_that_nobody_came_for_is_kept_for_an_hour(store: Store) -> None:
    """A client may end between sending it and its submit."""
    await leave(store, ONE)
    assert 3_500_000 < await left_ms(store) <= blobs.KEPT_MS


async def test_a_blob_goes_after_its_last_job(store: Store) -> None:
    """It stays for a moment, in which another submit finds it still there."""
    await leave(store, ONE)
    for name in ("a", "b"):
        await store.submit(name, own={"blobs": [ONE]})
    first, second = await store.claim("a", "b")
    await store.finish(first)
    assert (await users(store), await left_ms(store)) == (1, -1)
    await store.finish(second)
    assert (await users(store), 0 < await left_ms(store) <= BLOB_MS) == (0, True)
    await store.submit("c", own={"blobs": [ONE]})
    assert (await users(store), await left_ms(store)) == (1, -1)
    await store.cancel("c")


@pytest.mark.parametrize("end", [State.FAILED, State.TIMED_OUT, State.CRASHED, State.CANCELLED], ids=str)
async def test_what_failed_keeps_it_as_long_as_it_can_be_retried(store: Store, end: State) -> None:
    """A success after it changes nothing in that."""
    await leave(store, ONE)
    for name in ("bad", "good"):
        await store.submit(name, own={"blobs": [ONE]})
    bad, good = await store.claim("bad", "good")
    await store.finish(bad, end, keep_s=3600)
    await store.finish(good)
    assert (await users(store), 3_000_000 < await left_ms(store) <= 3_600_000) == (0, True)


async def test_a_job_that_never_started_counts_no_more(store: Store) -> None:
    """Cancelled, it can be retried for a day."""
    await leave(store, ONE)
    await store.submit("j", own={"blobs": [ONE]})
    await store.cancel("j")
    assert (await users(store), CALL_MS - 60_000 < await left_ms(store) <= CALL_MS) == (0, True)


async def test_an_attempt_that_is_repeated_still_counts(store: Store) -> None:
    """Neither the next try nor a lost worker gives it up; its last end does, once."""
    await leave(store, ONE)
    await store.submit("j", own={"blobs": [ONE]})
    [claim] = await store.claim("j")
    await store.finish(claim, State.SCHEDULED, 0)
    [claim] = await store.claim("j")
    await store.reap("j")
    assert (await users(store), await left_ms(store)) == (1, -1)
    [again] = await store.claim("j")
    assert [await store.finish(claim), await store.finish(again), await store.finish(again)] == [False, True, False]
    assert await users(store) == 0


async def test_what_stands_for_another_does_not_count(store: Store) -> None:
    """Neither a known id nor one that another job stands for uses it twice; a debounced one gives it to the next."""
    await leave(store, ONE)
    await store.submit("a", own={"blobs": [ONE], "digest": "same"}, unique=60)
    assert await store.submit("a", own={"blobs": [ONE]}) == "exists"
    assert await store.submit("b", own={"blobs": [ONE], "digest": "same"}, unique=60) == "same a"
    assert await users(store) == 1
    await store.submit("c", own={"blobs": [ONE], "digest": "later"}, debounce=60)
    await store.submit("d", own={"blobs": [ONE], "digest": "later"}, debounce=60)
    assert (await store.states("c", "d"), await users(store), await left_ms(store)) == (
        [State.CANCELLED, State.SCHEDULED], 2, -1,
    )  # fmt: skip
    for name in ("a", "d"):
        await store.cancel(name)


async def test_what_failed_and_was_forgotten_keeps_it_no_longer(store: Store) -> None:
    """With the last of them it goes, in a moment; one that is there can still be retried."""
    await leave(store, ONE)
    for name in ("a", "b"):
        await store.submit(name, own={"blobs": [ONE]})
    for claim in await store.claim("a", "b"):
        await store.finish(claim, State.FAILED, keep_s=3600)
    await store.remove("a")
    assert await left_ms(store) > BLOB_MS
    await store.remove("b")
    assert 0 < await left_ms(store) <= BLOB_MS
    await store.client.delete(KEYS.blob_users(ONE))
    assert await store.client.keys("nbq:blob-users:*") == []


async def test_much_is_not_kept_for_a_retry(store: Store) -> None:
    """A job that failed with more than ten megabytes of arguments can be retried by its handle alone."""
    await blobs.leave(store.client, KEYS, ONE, bytes(CALL_BLOB_BYTES + 1))
    await store.submit("j", own={"blobs": [ONE]})
    [claim] = await store.claim("j")
    await store.finish(claim, State.FAILED, keep_s=3600)
    assert 0 < await left_ms(store) <= BLOB_MS
    assert await store.client.exists(KEYS.submission("j")) == 0


async def test_a_forgotten_job_counts_no_more(store: Store) -> None:
    """Whether it waited or had ended."""
    await leave(store, ONE)
    for name in ("a", "b"):
        await store.submit(name, own={"blobs": [ONE]})
    [first, _] = await store.claim("a", "b", room=2)
    await store.finish(first, State.FAILED)
    assert await store.remove("a") == "deleted"
    assert await users(store) == 1
    await store.reap("b")
    assert await store.remove("b") == "deleted"
    assert await users(store) == 0
