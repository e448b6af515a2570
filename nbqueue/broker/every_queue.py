"""The numbers of all queues, in as many round trips for hundreds of them as for one."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import Any

from nbqueue.broker import gates, queues
from nbqueue.broker.keys import Keys
from nbqueue.broker.queues import QueueStats

#: replies about a queue that `ask_stats` asks for
_QUESTIONS = 6


async def stats(client: Any, keys: Keys) -> list[QueueStats]:
    """The numbers of every queue that was ever submitted to, by their names."""
    names = await queues.names(client, keys)
    if not names:
        return []
    pipe = client.pipeline(transaction=True)
    for name in names:
        queues.ask_stats(pipe, keys, name)
    replies = iter(await pipe.execute())
    parts = [list(islice(replies, _QUESTIONS)) for _ in names]
    held_back = await gates.waiting_of(client, keys, names)
    limits = await gates.limits(client, keys)
    return [
        replace(queues.read_stats(name, part, held_back[name]), limit=limits.get(f"q:{name}"))
        for name, part in zip(names, parts, strict=True)
    ]
