"""What in a namespace was signed by which key, so that one is removed only when nothing needs it any more."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterable
from typing import Any

from nbqueue.broker.asking import ask
from nbqueue.broker.envelope import key_id_of
from nbqueue.broker.keys import Keys

#: of a signed record this much holds the id of its key
_BEGINNING_BYTES = 111
_AT_ONCE = 500


async def signed(client: Any, keys: Keys) -> dict[str, Counter[str]]:
    """Key id -> how many jobs, results, checkpoints and schedules are signed with it.

    All keys of the server are walked through, so it takes about a second for every 100,000 of them.
    """
    found: dict[str, Counter[str]] = {}
    for what, pattern in _patterns(keys).items():
        async for names in _batches(client, pattern):
            for key_id in await _key_ids(client, names):
                found.setdefault(key_id, Counter())[what] += 1
    return found


def _patterns(keys: Keys) -> dict[str, str]:
    return {
        "jobs": keys.submission("*"), "results": keys.result("*"), "checkpoints": keys.checkpoint("*"),
        "schedules": keys.call("*", "*"),
    }  # fmt: skip


async def _batches(client: Any, pattern: str) -> AsyncIterator[list[bytes]]:
    """The names of keys, some at once; one may come twice while the server grows."""
    cursor, seen = 0, set[bytes]()
    while True:
        cursor, names = await client.scan(cursor, match=pattern, count=_AT_ONCE)
        new = [name for name in names if name not in seen]
        seen.update(new)
        if new:
            yield new
        if cursor == 0:
            return


async def _key_ids(client: Any, names: Iterable[bytes]) -> list[str]:
    """The ids of the keys that records were signed with; what is no record of ours has none."""
    beginnings = await ask(client, *(("GETRANGE", name, 0, _BEGINNING_BYTES - 1) for name in names))
    return [found for each in beginnings if isinstance(each, bytes) and (found := key_id_of(each)) is not None]
