"""Following jobs: the durable stream of changes, and the channel of what running jobs report."""

from __future__ import annotations

import json
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from nbqueue.broker.asking import ask_one
from nbqueue.broker.envelope import open_sealed, seal
from nbqueue.broker.keys import Keys
from nbqueue.broker.signing import Keyring
from nbqueue.model.events import Event, Logged, Progressed, StateChanged
from nbqueue.model.job import moment
from nbqueue.model.progress import Progress
from nbqueue.model.states import State
from nbqueue.model.trace import finite

#: seconds a read of the stream waits; less than any socket timeout
BLOCK_S = 1.0
#: entries read at once
_ENTRIES = 200
#: of a line about a change: id, state, fence
_WORDS = 3


@dataclass(frozen=True, slots=True)
class Reading:
    """What one read of the stream gave."""

    #: where to read on
    position: bytes
    #: changes of the jobs that were asked for
    changes: list[StateChanged]
    #: whether entries may have been trimmed before they were read
    gap: bool
    #: sealed results that were told with one of those changes
    results: dict[StateChanged, bytes] = field(default_factory=dict)
    #: of each change where to read on after it; None: its entry tells of more
    positions: list[bytes | None] = field(default_factory=list)


async def newest(client: Any, keys: Keys) -> bytes:
    """The id of the newest entry of the stream ("0-0" where there is none)."""
    found = await client.xrevrange(keys.events, count=1)
    return found[0][0] if found else b"0-0"


async def changes_after(client: Any, keys: Keys, position: bytes) -> tuple[bytes, list[StateChanged]]:
    """Wait up to BLOCK_S for changes after a position; the new position and the changes."""
    entries = await _entries_after(client, keys, position)
    if not entries:
        return position, []
    return entries[-1][0], [change for entry in entries for change in _changes(*entry)]


async def read_on(client: Any, keys: Keys, position: bytes, wanted: Container[str]) -> Reading:
    """As `changes_after`, for the wanted jobs only; says whether the reader was too slow for the stream."""
    entries = await _entries_after(client, keys, position)
    if not entries:
        return Reading(position, [], gap=False)
    # a reader that entries were trimmed for is behind by more than one answer holds
    gap = len(entries) == _ENTRIES and await is_behind(client, keys, position)
    reading = Reading(entries[-1][0], [], gap)
    for entry_id, fields in entries:
        changes = _changes(entry_id, fields, wanted)
        reading.changes.extend(changes)
        reading.positions.extend([*[None] * (len(changes) - 1), entry_id] if changes else [])
        if len(changes) == 1 and b"result" in fields:
            reading.results[changes[0]] = fields[b"result"]
    return reading


async def _entries_after(client: Any, keys: Keys, position: bytes) -> list[tuple[bytes, dict[bytes, bytes]]]:
    """Wait for entries after a position; none after BLOCK_S."""
    block = (b"BLOCK", round(BLOCK_S * 1000))
    found = await ask_one(client, b"XREAD", b"COUNT", _ENTRIES, *block, b"STREAMS", keys.events, position)
    entries = found[0][1] if found else ()
    return [(entry, dict(zip(fields[::2], fields[1::2], strict=True))) for entry, fields in entries]


async def is_behind(client: Any, keys: Keys, position: bytes) -> bool:
    """Whether entries after a position may have been trimmed; "0-0" is before whatever is kept, so of it none."""
    first = await client.xrange(keys.events, count=1)
    return bool(first) and _number(first[0][0]) > _number(position) and position != b"0-0"


async def epoch(client: Any, keys: Keys, fresh: str) -> str:
    """The random mark of this store: the one it has, or `fresh` where it has none yet."""
    known: bytes | None = await client.get(keys.epoch)
    if known is None:
        pipe = client.pipeline(transaction=False)
        pipe.set(keys.epoch, fresh, nx=True)
        pipe.get(keys.epoch)
        # a store that is too full to be marked can be followed all the same
        known = (await pipe.execute(raise_on_error=False))[1]
    if isinstance(known, Exception):
        raise known
    return known.decode() if known else ""


def message(
    keyring: Keyring, keys: Keys, job_id: str, fence: int, *, progress: Mapping[str, Any] | None = None, log: str = "",
    log_after: int | None = None, elapsed_s: float = 0.0,
) -> bytes:  # fmt: skip
    """A sealed message for the job's channel.

    Args: `log_after` is how many bytes of the job's log come before `log`, if that is known; progress was reported
    `elapsed_s` after the attempt began.
    """
    body: dict[str, Any] = {}
    if progress is not None:
        body["progress"], body["at"] = progress, round(elapsed_s, 2)
    if log:
        body["log"] = log
        if log_after is not None:
            body["after"] = log_after
    header = {"kind": "message", "ns": keys.namespace, "id": job_id, "fence": fence}
    return seal(keyring, header, json.dumps(body).encode())


def read_message(keyring: Keyring, keys: Keys, job_id: str, blob: bytes) -> list[Event]:
    """The events in a message of the job's channel, verified (raises TamperedPayload)."""
    sealed = open_sealed(keyring, blob, kind="message", namespace=keys.namespace, job_id=job_id)
    body, fence = json.loads(sealed.payload), int(sealed.header["fence"])
    found: list[Event] = []
    if "log" in body:
        after = body.get("after")
        after_bytes = after if isinstance(after, int) else None
        found.append(Logged(job_id=job_id, text=body["log"], fence=fence, after_bytes=after_bytes))
    if "progress" in body:
        progress, elapsed_s = Progress.from_wire(body["progress"]), finite(body.get("at"))
        found.append(Progressed(job_id=job_id, progress=progress, fence=fence, elapsed_s=elapsed_s))
    return found


def _changes(entry_id: bytes, fields: dict[bytes, bytes], wanted: Container[str] | None = None) -> list[StateChanged]:
    """The changes an entry tells of; what none of our scripts would write is passed over."""
    text = fields.get(b"jobs", b"").decode(errors="surrogateescape")
    at = _moment(entry_id)
    if at is None or not text:
        return []
    return [change for line in text.split("\n") if (change := _change(line, at, wanted)) is not None]


def _change(line: str, at: datetime, wanted: Container[str] | None) -> StateChanged | None:
    words = line.rsplit(" ", 2)
    if len(words) != _WORDS or (wanted is not None and words[0] not in wanted):
        return None
    try:
        return StateChanged(job_id=words[0], state=State(words[1]), at=at, fence=int(words[2]))
    except ValueError:
        return None


def _moment(entry_id: bytes) -> datetime | None:
    try:
        return moment(entry_id.partition(b"-")[0])
    except (ValueError, OverflowError, OSError):
        return None


def _number(entry_id: bytes) -> tuple[int, int]:
    milliseconds, _, sequence = entry_id.partition(b"-")
    return int(milliseconds), int(sequence)
