"""Submits that arrive in the order of their calls; those that wait for their turn go together, in one round trip."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

from nbqueue.client import without_server
from nbqueue.client.delivery import CHUNK_BYTES, deliver, deliver_all, deliver_together
from nbqueue.client.draft import Draft
from nbqueue.client.link import Link
from nbqueue.client.submit_line import SubmitLine, Turn
from nbqueue.errors import BrokerUnavailable, LocalStackError

#: submits of one round trip
MOST_TOGETHER = 100


async def deliver_in_turn(link: Link, draft: Draft) -> str:
    """Send one job after those that were submitted before; what `deliver` answers."""
    if link.instead is not None:
        return await deliver(link, draft)
    line = _line(link, draft)
    async with _turn(line, draft) as mine:
        if not mine.answer and len(places := line.together(MOST_TOGETHER, CHUNK_BYTES)) > 1:
            answers = await deliver_together(link, [each for _, each in places])
            for (turn, _), answer in zip(places, answers, strict=True):
                turn.answered(answer)
        return mine.answer or await deliver(link, draft)


async def deliver_all_in_turn(link: Link, drafts: Sequence[Draft]) -> list[str]:
    """Send the jobs of one order after those that were submitted before; what `deliver_all` answers."""
    if link.instead is not None or not drafts:
        return await deliver_all(link, drafts)
    async with _turn(_line(link, drafts[0])):
        return await deliver_all(link, drafts)


@asynccontextmanager
async def _turn(line: SubmitLine, draft: Draft | None = None) -> AsyncGenerator[Turn]:
    """One's turn in the line; where there is no server, all that wait are told with the one that tried."""
    async with line.turn(draft) as mine:
        if mine.error is not None and not mine.answer:
            raise type(mine.error)(str(mine.error))
        last = line.last
        try:
            yield mine
        except (BrokerUnavailable, LocalStackError) as error:
            if without_server.is_away(error):
                # they have waited as long as this one; each in turn for itself they would wait for hours
                line.give_up(last, error)
            raise


def _line(link: Link, draft: Draft) -> SubmitLine:
    options = draft.order.options
    return link.lines.setdefault((options.queue, options.priority), SubmitLine())
