"""Word that is to be left at webhooks, as the server keeps it: who leaves it now, how it went, what was never heard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from nbqueue.broker.asking import ask
from nbqueue.broker.hook import url_of
from nbqueue.broker.jobs import sound
from nbqueue.broker.keys import Keys
from nbqueue.broker.scripts import Call, script
from nbqueue.model.delivery import Delivery, DeliveryState
from nbqueue.model.job import moment

#: how long a worker has to leave word and say how it went; then another one does
LEASE_S = 15.0
#: how long a worker that allows its host is waited for
GIVE_UP_S = 3 * 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """Word that this worker is to leave now."""

    id: str
    #: counts how often it was given to a worker; what an older turn writes is refused
    number: int
    #: where, as a key holder wrote it
    hook: str
    #: what an alert says; empty: the job's record does
    body: str
    #: attempts before this one, since the start or since a person had it sent again
    sent: int
    #: what is known of the job
    job: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """How one attempt to leave word went."""

    state: DeliveryState
    #: seconds until it is sent again
    delay_s: float = 0.0
    #: the HTTP status; 0: there was no answer
    status: int = 0
    #: what was wrong, in a sentence
    error: str = ""


def deliver(keys: Keys, *, most: int, hosts: Sequence[str], give_up_s: float = GIVE_UP_S) -> Call[list[Turn]]:
    """Take word that is due and may be left by this worker."""
    return Call(
        script("deliver"),
        (keys.hooks, keys.unheard, keys.leases),
        (keys.prefix, most, round(LEASE_S * 1000), " ".join(hosts), round(give_up_s * 1000)),
        lambda reply: [_turn(item) for item in reply[1]],
    )


def hear(keys: Keys, turn: Turn, heard: Heard) -> Call[bool]:
    """Record how it went; whether the turn still counted."""
    args = (turn.id, turn.number, heard.state.value, round(heard.delay_s * 1000), heard.status, heard.error.encode())
    return Call(script("hear"), (keys.hooks, keys.unheard), (keys.prefix, *args), lambda reply: bool(reply[0] == 1))


def resend(keys: Keys, word_ids: Sequence[str]) -> Call[list[str]]:
    """Send again what was not heard; per id "waiting", "delivered" or "unknown"."""
    return Call(
        script("resend"), (keys.hooks, keys.unheard), (keys.prefix, *word_ids),
        lambda reply: [item.decode() for item in reply],
    )  # fmt: skip


async def deliveries(client: Any, keys: Keys, word_ids: Sequence[str]) -> list[Delivery | None]:
    """What is known of each; None where no word is to be left."""
    pipe = client.pipeline(transaction=False)
    for word_id in word_ids:
        pipe.hgetall(keys.word(word_id))
        pipe.hget(keys.record(word_id), "hook")
        pipe.zscore(keys.hooks, word_id)
    found = sound(await pipe.execute(raise_on_error=False)) if word_ids else []
    return [_delivery(word_id, *found[3 * at : 3 * at + 3]) for at, word_id in enumerate(word_ids)]


async def hooks(client: Any, keys: Keys, word_ids: Sequence[str]) -> list[str]:
    """Where each is left, as a key holder wrote it; empty where no word is to be left."""
    requests = [(("HGET", keys.word(each), "hook"), ("HGET", keys.record(each), "hook")) for each in word_ids]
    found = [_text(reply) if isinstance(reply, bytes) else "" for reply in await ask(client, *chain(*requests))]
    return [own or of_job for own, of_job in zip(found[::2], found[1::2], strict=True)]


async def pending(client: Any, keys: Keys, *, limit: int | None = 1000) -> list[str]:
    """The ids of what is to be sent, the next first; all of them without a limit."""
    return [_text(item) for item in await client.zrange(keys.hooks, 0, -1 if limit is None else limit - 1)]


async def unheard(client: Any, keys: Keys, *, limit: int = 1000) -> list[str]:
    """The ids of what was given up, the newest first."""
    return [_text(item) for item in await client.zrevrange(keys.unheard, 0, limit - 1)]


def _turn(item: list[Any]) -> Turn:
    word_id, number, hook, body, sent, job = item
    facts = {_text(name): _text(value) for name, value in zip(job[::2], job[1::2], strict=True)}
    return Turn(id=_text(word_id), number=number, hook=_text(hook), body=_text(body), sent=sent, job=facts)


def _delivery(word_id: str, word: dict[bytes, bytes] | None, hook: bytes | None, due: float | None) -> Delivery | None:
    facts = {_text(name): _text(value) for name, value in (word or {}).items()}
    text = facts.get("hook") or _text(hook or b"")
    if not text:
        return None
    try:
        status, state = facts.get("status"), DeliveryState(facts.get("state", "waiting"))
        return Delivery(
            id=word_id, url=url_of(text), state=state, attempts=int(facts.get("attempts", 0)),
            status=int(status) if status else None, error=facts.get("error", ""),
            delivered_at=moment(facts.get("delivered")),
            next_at=moment(facts.get("next") or due) if state is DeliveryState.WAITING else None,
        )  # fmt: skip
    except (ValueError, OverflowError, OSError):
        return None  # what no script of ours wrote


def _text(found: bytes) -> str:
    return found.decode(errors="replace")
