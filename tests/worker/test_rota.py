"""Duties that any engine may do cost the server of many engines little more than that of a few."""

import asyncio
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis

from nbqueue.broker.keys import Keys
from nbqueue.worker.rota import FEW, MOST, Rota
from tests.servers import Server
from tests.waiting import until

KEYS = Keys()


def _rota(engines: int) -> Rota:
    rota = Rota(None, KEYS, chance=Random(1))
    rota.engines = engines
    return rota


@pytest.mark.parametrize("engines", [0, 1, FEW])
def test_few_engines_leave_out_no_turn(engines: int) -> None:
    """Up to a few engines each takes every turn, so that what is promised of one holds."""
    assert _rota(engines).pause_s(0.5) == 0.5


@given(engines=st.integers(FEW, 100_000), each_s=st.floats(0.1, 10.0))
def test_there_are_turns_enough(engines: int, each_s: float) -> None:
    """Together they take at least three turns in each interval, and none stays away for more than a few."""
    pause_s = _rota(engines).pause_s(each_s)
    assert engines * each_s / pause_s >= FEW * 0.79
    assert pause_s <= each_s * MOST * 1.25


def test_engines_do_not_go_in_step() -> None:
    """Engines that began at once take their turns at times of their own."""
    rota = _rota(100)
    assert len({rota.pause_s(1.0) for _ in range(100)}) > 90


async def test_engines_are_counted(server: Server) -> None:
    """The engines that hold a lease are counted, through trouble with the server."""
    async with Redis(unix_socket_path=str(server.path)) as client:
        await client.set(KEYS.leases, "of another type")
        rota = Rota(client, KEYS)
        counting = asyncio.create_task(rota.watch(each_s=0.05))
        await client.delete(KEYS.leases)
        await client.zadd(KEYS.leases, {f"engine-{number}": 1 for number in range(7)})
        await until(lambda: rota.engines == 7, 10.0)
        counting.cancel()
        await asyncio.gather(counting, return_exceptions=True)
