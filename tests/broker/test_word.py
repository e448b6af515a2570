"""Word of an end: whichever script ends a job puts it among what is to be left, once, and no other does."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from nbqueue.broker import jobs, scripts, words
from nbqueue.broker.connection import open_redis, parse_url
from nbqueue.broker.hook import read, written
from nbqueue.broker.signing import Keyring
from nbqueue.broker.words import Heard, Turn
from nbqueue.errors import TamperedPayload
from nbqueue.model.delivery import DeliveryState
from nbqueue.model.options import check
from nbqueue.model.states import MOVES, Move
from tests.broker.store import KEYS, Store
from tests.broker.test_moves import _run
from tests.servers import Server

RING = Keyring({"k": b"1" * 32})
HOOK = written(RING, "", "http://hooks.example/x")
HOSTS = ("hooks.example:80",)


class Asking(Store):
    """As the other, and word is asked for of each job."""

    async def submit(
        self, job_id: str, *watched: str, function: str = "f", own: Mapping[str, Any] | None = None, group: str = "",
        size: int = 0, **options: Any,
    ) -> str:  # fmt: skip
        """Submit one job with a hook."""
        batch = jobs.Batch(
            options=check(**options), function=function, lane=jobs.LANE_LOOP, jobs=[(job_id, b"{}")], hook=HOOK,
            own={job_id: own} if own else {}, group=group, size=size,
        )  # fmt: skip
        [answer] = await self.call("submit", jobs.submit(KEYS, batch), job_id, *watched)
        return str(answer)

    async def take(self, *hosts: str, give_up_s: float = 60.0) -> list[Turn]:
        """Take what is due."""
        return await scripts.run(self.client, words.deliver(KEYS, most=5, hosts=hosts, give_up_s=give_up_s))

    async def hear(self, turn: Turn, state: DeliveryState, **facts: Any) -> bool:
        """Record how it went."""
        return await scripts.run(self.client, words.hear(KEYS, turn, Heard(state=state, **facts)))


@pytest.fixture
async def store(server: Server) -> AsyncIterator[Asking]:
    """The scripts on an empty server."""
    client = open_redis(parse_url(server.url))
    yield Asking(client)
    await client.aclose()


@pytest.mark.parametrize("move", MOVES, ids=lambda move: f"{move.source}-{move.target}-{move.script}")
async def test_each_end_asks_for_word(store: Asking, move: Move) -> None:
    """A move into a final state puts the job's id there, any other does not; nothing is said of what was forgotten."""
    await _run(store, move)
    states = {turn.id: turn.job["state"] for turn in await store.take(*HOSTS)}
    ends = move.target.is_final and move.script != "remove"
    assert states.get("j") == (str(move.target) if ends else None)


async def test_jobs_without_a_hook_leave_nothing(store: Asking) -> None:
    """Nothing stands there for a job that asked for no word."""
    await Store(store.client).submit("j")
    assert await store.cancel("j") == "removed"
    assert await store.client.exists(KEYS.hooks) == 0
    assert await words.deliveries(store.client, KEYS, ["j", "unknown"]) == [None, None]


async def test_word_is_given_to_one_worker_at_a_time(store: Asking) -> None:
    """Until its lease ends nobody else has it; what an older turn records afterwards is refused."""
    await store.submit("j")
    await store.cancel("j")
    [first] = await store.take(*HOSTS)
    assert await store.take(*HOSTS) == []
    await store.client.zadd(KEYS.hooks, {"j": 1})
    [second] = await store.take(*HOSTS)
    assert not await store.hear(first, DeliveryState.DELIVERED, status=200)
    assert await store.hear(second, DeliveryState.WAITING, delay_s=60.0, status=500, error="no")
    assert not await store.hear(second, DeliveryState.DELIVERED, status=200)
    [found] = await words.deliveries(store.client, KEYS, ["j"])
    assert found is not None
    assert (found.state, found.attempts, found.status, found.error) == (DeliveryState.WAITING, 1, 500, "no")


async def test_hosts_are_left_to_workers_that_allow_them(store: Asking) -> None:
    """Where one lives it is left to that one; where none does it waits, and is given up in the end."""
    await store.submit("j")
    await store.cancel("j")
    await store.client.zadd(KEYS.leases, {"other": 9e15})
    await store.client.hset(KEYS.engine("other"), "webhook_hosts", "*.example:80")
    assert await store.take("hooks.example:443", "*.hooks.example:80", "example:80") == []
    assert (await words.deliveries(store.client, KEYS, ["j"]))[0].error == ""  # type: ignore[union-attr]
    await store.client.delete(KEYS.engine("other"), KEYS.leases)
    assert await store.take() == []
    [lacking] = await words.deliveries(store.client, KEYS, ["j"])
    assert lacking is not None
    assert (lacking.state, lacking.attempts) == (DeliveryState.WAITING, 0)
    await store.client.zadd(KEYS.hooks, {"j": 1})
    assert await store.take(give_up_s=-1.0) == []
    [lost] = await words.deliveries(store.client, KEYS, ["j"])
    assert lost is not None
    assert (lost.state, lost.next_at) == (DeliveryState.FAILED, None)
    assert await words.unheard(store.client, KEYS) == ["j"]
    assert await scripts.run(store.client, words.resend(KEYS, ["j", "unknown"])) == ["waiting", "unknown"]
    assert [turn.id for turn in await store.take(*HOSTS)] == ["j"]


def test_a_hook_is_that_of_a_key_holder() -> None:
    """It is read back as it was written, and refused for another namespace, key, URL or form."""
    assert read(RING, "", HOOK).url == "http://hooks.example/x"
    stranger = Keyring({"k": b"2" * 32})
    for ring, namespace, text in (
        (stranger, "", HOOK), (RING, "other", HOOK), (RING, "", HOOK + "y"), (RING, "", ""), (RING, "", HOOK + " "),
        (RING, "", HOOK.rpartition(" ")[2]),
    ):  # fmt: skip
        with pytest.raises(TamperedPayload):
            read(ring, namespace, text)
