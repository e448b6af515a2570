"""The server's clock, as a client knows it."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta

from nbqueue.client.clock import Clock
from nbqueue.client.session import session
from tests.waiting import SLACK

AHEAD = timedelta(minutes=5)


async def test_the_clock_is_that_of_the_middle_of_the_way() -> None:
    """An answer that is long under way, there and back, tells the time of its middle."""

    async def ask() -> tuple[int, int]:
        await asyncio.sleep(0.3)
        whole, part = divmod(time.time() + AHEAD.total_seconds(), 1)
        await asyncio.sleep(0.3)
        return int(whole), int(part * 1_000_000)

    clock = Clock()
    assert (clock.is_due, abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=1)) == (True, True)
    await clock.compare(ask)
    assert not clock.is_due
    assert abs(clock.now() - datetime.now(UTC) - AHEAD) < timedelta(seconds=0.25) * SLACK


async def test_a_session_asks_for_the_time() -> None:
    """From then on it knows it without asking."""
    here = session()
    told = await asyncio.wrap_future(here.call(lambda link: link.time()))
    assert timedelta() <= here.now() - told < timedelta(seconds=1) * SLACK
