"""What in a namespace was signed by which key, so that one is removed only when nothing needs it any more."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from nbqueue.broker import alerts, hook, words
from nbqueue.broker.asking import ask
from nbqueue.broker.envelope import key_id_of
from nbqueue.broker.keys import Keys

#: of a signed record this much holds the id of its key
_BEGINNING_BYTES = 111
_AT_ONCE = 500
#: jobs that are to run, and those that failed and may be retried
WAITING, ENDED = "jobs that wait or run", "jobs that have ended"
#: what is kept until somebody changes it, and what goes by itself as soon as it can
SCHEDULES, ALERTS, MESSAGES = "schedules", "alerts", "messages to webhooks"
_ORDER = (WAITING, SCHEDULES, ALERTS, MESSAGES, ENDED, "results", "checkpoints")


@dataclass(kw_only=True)
class Signed:
    """What is signed with one key."""

    #: what it is -> how many
    counts: Counter[str] = field(default_factory=Counter)
    #: for how much longer (ms) the server keeps what does not run any more, the last of it; None: there is none
    kept_ms: int | None = None

    def __str__(self) -> str:
        return ", ".join(f"{self.counts[what]:,} of the {what}" for what in _ORDER if self.counts[what])


async def signed(client: Any, keys: Keys, key_id: str) -> Signed:
    """What is signed with a key.

    All keys of the server are walked through, so it takes about a second for every 100,000 of them.
    """
    found = Signed()
    for what, pattern in _patterns(keys).items():
        async for names in _batches(client, pattern):
            ours = await _signed_with(client, names, key_id)
            for left_ms in await ask(client, *(("PTTL", name) for name in ours)):
                # who ends loses what was submitted, or gets a time for it
                found.counts[ENDED if what == WAITING and left_ms > 0 else what] += 1
                if left_ms > 0:
                    found.kept_ms = max(found.kept_ms or 0, left_ms)
    found.counts[ALERTS] = sum(hook.key_id_of(each.hook) == key_id for each in await alerts.stored(client, keys))
    found.counts[MESSAGES] = await _messages(client, keys, key_id)
    # without those of which there are none
    found.counts = +found.counts
    return found


async def _messages(client: Any, keys: Keys, key_id: str) -> int:
    """How much of the word that is still to be left has a hook of this key."""
    found, pending = 0, await words.pending(client, keys, limit=None)
    for start in range(0, len(pending), _AT_ONCE):
        hooks = await words.hooks(client, keys, pending[start : start + _AT_ONCE])
        found += sum(hook.key_id_of(each) == key_id for each in hooks)
    return found


def _patterns(keys: Keys) -> dict[str, str]:
    return {
        WAITING: keys.submission("*"), "results": keys.result("*"), "checkpoints": keys.checkpoint("*"),
        SCHEDULES: keys.call("*", "*"),
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


async def _signed_with(client: Any, names: Sequence[bytes], key_id: str) -> list[bytes]:
    """Those of the names whose records were signed with a key."""
    beginnings = await ask(client, *(("GETRANGE", name, 0, _BEGINNING_BYTES - 1) for name in names))
    found = zip(names, beginnings, strict=True)
    return [name for name, each in found if isinstance(each, bytes) and key_id_of(each) == key_id]
