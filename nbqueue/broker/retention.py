"""What of the history is forgotten when: the settings of queues, and the script that goes by them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from nbqueue.broker.history import Entry
from nbqueue.broker.keys import Keys
from nbqueue.broker.scripts import Call, script
from nbqueue.model.retention import Retention

#: entries, of up to 32 attempts each, that one call looks at: the server does so in a few milliseconds
ENTRIES = 8
#: how long nobody else forgets anything after the history was archived
ARCHIVED_MS = 2 * 86_400_000
#: who archives each day may take an hour for it
_LATE = timedelta(hours=25)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What one call did."""

    #: the entry that was looked at last; empty where no others are beyond the retention
    last: str
    #: attempts and jobs that were forgotten
    attempts: int
    jobs: int
    #: entries that would be forgotten, where it was asked for them
    over: list[Entry]


@dataclass(frozen=True, slots=True, kw_only=True)
class Archived:
    """Where the history is archived."""

    folder: str
    #: when it was tried first, on the server's clock
    began_at: datetime
    #: when all that was to be moved had been, the last time; None: not once so far
    last_at: datetime | None = None

    def __str__(self) -> str:
        last = f"last at {self.last_at:%Y-%m-%d %H:%M:%S} UTC" if self.last_at else "not once so far"
        return f"archived to {self.folder}, {last}"

    def is_late(self, now: datetime) -> bool:
        """Whether nothing was archived for over a day."""
        return now - (self.last_at or self.began_at) > _LATE


async def settings(client: Any, keys: Keys) -> dict[str, Retention]:
    """The queues that have a retention of their own."""
    found: dict[str, Retention] = {}
    for name, text in (await client.hgetall(keys.retention)).items():
        with suppress(ValueError):
            found[name.decode(errors="replace")] = Retention.from_wire(text.decode(errors="replace"))
    return found


async def keep(client: Any, keys: Keys, queue: str, retention: Retention | None) -> None:
    """Set the retention of a queue from now on; None: the usual one."""
    if retention is None:
        await client.hdel(keys.retention, queue)
    else:
        await client.hset(keys.retention, queue, retention.to_wire())


def prune(
    keys: Keys, queue: str, retention: Retention, *, after: str = "",
    mode: Literal["forget", "tell", "these"] = "forget", these: Sequence[bytes] = (),
) -> Call[Pruned]:  # fmt: skip
    """Forget what of some entries is beyond the retention; "tell": only say which; "these": none but those."""

    def read(reply: Any) -> Pruned:
        last, attempts, jobs, over = reply
        entries = [(over[i], [b"records", over[i + 1]]) for i in range(0, len(over), 2)]
        return Pruned(last=last.decode(), attempts=attempts, jobs=jobs, over=entries)

    return Call(
        script("prune"), (keys.history(queue), keys.histories),
        (keys.prefix, queue, round(retention.age_s * 1000), retention.attempts, after, ENTRIES, mode, *these),
        read,
    )  # fmt: skip


async def is_my_turn(client: Any, keys: Keys, engine: str, *, length_s: float) -> bool:
    """Whether this engine forgets what is over for that long, and no other."""
    return bool(await client.set(keys.pruner, engine, nx=True, px=round(length_s * 1000)))


async def claim_for_archive(client: Any, keys: Keys, folder: str, *, is_done: bool = False) -> None:
    """From now on for two days nothing is forgotten that was not archived; `is_done`: all that was to be moved was."""
    whole, micro = await client.time()
    now_ms = int(whole) * 1000 + int(micro) // 1000
    value = {"folder": folder, "began": now_ms, "last": None}
    before = await archived(client, keys)
    if before is not None and before.folder == folder:
        value |= {"began": _ms(before.began_at), "last": before.last_at and _ms(before.last_at)}
    if is_done:
        value["last"] = now_ms
    await client.set(keys.archive, json.dumps(value), px=ARCHIVED_MS)


async def archived(client: Any, keys: Keys) -> Archived | None:
    """Where the history is archived; None where it is not, or nobody can read that."""
    with suppress(ValueError, TypeError, KeyError, OverflowError, OSError, RecursionError):
        found = json.loads(await client.get(keys.archive) or b"")
        last = found["last"]
        return Archived(
            folder=str(found["folder"]), began_at=_at(found["began"]), last_at=None if last is None else _at(last)
        )
    return None


async def is_archived(client: Any, keys: Keys) -> bool:
    """Whether somebody archives the history."""
    return bool(await client.exists(keys.archive))


def _at(milliseconds: float) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, tz=UTC)


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)
