"""What was counted of the history, kept in the server so that every process tells the same, whoever counted it."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from redis.exceptions import NoPermissionError

from nbqueue.broker.asking import ask
from nbqueue.broker.bounds import RECORD_MS
from nbqueue.broker.jobs import sound
from nbqueue.broker.keys import Keys
from nbqueue.broker.scripts import Call, run, script

#: the field that says up to which entry was counted
TO = b"to"

#: what the server adds up has no more
MOST_DIGITS = 19

#: a measure, a queue, a function, and a part of the measure: a state, the number of a bucket, `sum` or `at`
Name = tuple[str, str, str, str | int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tallies:
    """All tallies at one moment."""

    #: the entry of the history up to which was counted; empty: nothing was
    to: str = ""
    counts: Mapping[Name, int] = field(default_factory=dict)


async def read(client: Any, keys: Keys) -> Tallies:
    """The tallies as they stand; what none of ours wrote is left out."""
    [fields] = sound(await ask(client, (b"HGETALL", keys.tallies)))
    found = dict(zip((fields or [])[::2], (fields or [])[1::2], strict=True))
    to = found.pop(TO, b"").decode(errors="replace")
    named = ((_name(text), count) for text, count in found.items())
    return Tallies(to=to, counts={name: int(count) for name, count in named if name and _is_count(count)})


async def keep(
    client: Any, keys: Keys, more: Mapping[Name, int], *, gone: Collection[Name] = (), before: str, to: str
) -> Literal["kept", "overtaken", "refused"]:
    """Add what was counted from one entry to another, and forget what is gone.

    Unless somebody else did so first, or we may only look.
    """
    words = [word for name, count in more.items() for word in (json.dumps(name), count)]
    given = (before, to, RECORD_MS, len(gone), *map(json.dumps, gone), *words)
    added = Call(script("tally"), (keys.tallies,), given, lambda reply: bool(reply == 1))
    try:
        return "kept" if await run(client, added) else "overtaken"
    except NoPermissionError:
        return "refused"


def _is_count(text: bytes) -> bool:
    return text.isdigit() and len(text) <= MOST_DIGITS


def _name(text: bytes) -> Name | None:
    try:
        measure, queue, function, part = json.loads(text)
        name = (str(measure), str(queue), str(function), part if isinstance(part, int) else str(part))
        "".join(map(str, name)).encode()
    except (ValueError, TypeError, RecursionError):
        return None  # half a character, as JSON may have it, is an error of the first kind
    return name
