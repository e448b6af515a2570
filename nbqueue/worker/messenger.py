"""Leaves word at webhooks: takes what is due, sends it beside the jobs, records how it went."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Any

from nbqueue.broker import handshake, hook, scripts, words
from nbqueue.broker.keys import Keys
from nbqueue.broker.signing import Keyring
from nbqueue.broker.words import Heard, Turn
from nbqueue.errors import TamperedPayload
from nbqueue.model.delivery import DeliveryState, Patience
from nbqueue.model.webhook import HostRules
from nbqueue.worker.message import body_of, headers_of
from nbqueue.worker.posting import Answer, NotSent, Poster

logger = logging.getLogger("nbqueue.worker")

#: messages on their way at once
MOST = 8
#: how often is looked for what is due; by a worker that allows no host, which can only say so
LOOK_S, IDLE_LOOK_S = 0.5, 2.0
#: how often it is tried to record how a message went, while its lease holds
_RECORD_S = 1.0

_OK, _REDIRECT, _CLIENT_ERROR, _GONE = 200, 300, 400, 410


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """What a messenger goes by."""

    keyring: Keyring
    rules: HostRules
    patience: Patience
    poster: Poster


class Messenger:
    """One engine's share of the word that is to be left."""

    def __init__(self, client: Any, keys: Keys, post: Post, chance: Random) -> None:
        self._client, self._keys, self._post, self._chance = client, keys, post, chance
        self._under_way: set[asyncio.Task[None]] = set()
        self._is_closed = False

    async def serve(self) -> None:
        """Leave word until cancelled. What is cut off is taken up by another worker when its lease ends."""
        look_s = LOOK_S if self._post.rules.patterns else IDLE_LOOK_S
        try:
            while True:
                await asyncio.sleep(look_s)
                await self._look()
        finally:
            for task in tuple(self._under_way):
                task.cancel()

    async def finish(self, *, due: bool) -> None:
        """Wait until what is under way was left, and take no more; with `due`, leave before that all that is due."""
        self._is_closed = not due
        while True:
            if due:
                await self._look()
            if not self._under_way:
                return
            await asyncio.wait(tuple(self._under_way))

    async def _look(self) -> None:
        room = MOST - len(self._under_way)
        if room <= 0 or self._is_closed:
            return
        call = words.deliver(self._keys, most=room, hosts=self._post.rules.patterns)
        try:
            turns = await scripts.run(self._client, call)
        except scripts.TROUBLE as error:
            logger.debug("Cannot read what word is to be left: %s", error)
            return
        except Exception:
            # neither a hook nor what somebody wrote into the server ends a worker
            logger.exception("Word cannot be taken.")
            return
        for turn in turns:
            task = asyncio.create_task(self._leave(turn))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def _leave(self, turn: Turn) -> None:
        """Send a message and record how that went."""
        ends_at = asyncio.get_running_loop().time() + words.LEASE_S
        try:
            heard = await self._heard(turn)
        except Exception as error:
            logger.exception("Word of %s cannot be left.", ascii(turn.id))
            heard = self._again(turn, f"It could not be sent: {type(error).__name__}.")
        if heard is None:
            return
        if heard.error:
            logger.warning("Word of %s was not heard: %s", ascii(turn.id), heard.error)
        while asyncio.get_running_loop().time() < ends_at:
            try:
                await scripts.run(self._client, words.hear(self._keys, turn, heard))
            except scripts.TROUBLE as error:
                logger.debug("Cannot record how word was left: %s", error)
                await asyncio.sleep(_RECORD_S)
            else:
                return

    async def _heard(self, turn: Turn) -> Heard | None:
        """How it went; None where it is for a worker with a key of the others, which gets it when our lease ends."""
        try:
            webhook = hook.read(self._post.keyring, self._keys.namespace, turn.hook)
        except TamperedPayload as error:
            if await handshake.lacked_key(self._client, self._keys, self._post.keyring, error):
                return None
            return Heard(state=DeliveryState.FAILED, error=str(error))
        body = body_of(turn)
        headers = headers_of(
            turn, body, self._post.keyring, namespace=self._keys.namespace, now=datetime.now(UTC)
        )  # fmt: skip
        try:
            answer = await self._post.poster.post(webhook, headers, body)
        except NotSent as error:
            return self._again(turn, str(error))
        return self._judged(turn, answer)

    def _judged(self, turn: Turn, answer: Answer) -> Heard:
        """What a status means: 2xx is heard, 410 ends it, all else is sent again; a redirect is not followed."""
        status = answer.status
        if _OK <= status < _REDIRECT:
            return Heard(state=DeliveryState.DELIVERED, status=status)
        if status == _GONE:
            return Heard(state=DeliveryState.GONE, status=status, error="The receiver wants to hear no more (410).")
        if status < _CLIENT_ERROR:
            return self._again(turn, f"The receiver sent elsewhere ({status}), which is not followed.", status)
        return self._again(turn, f"The receiver answered {status}.", status, asked_s=answer.retry_after_s)

    def _again(self, turn: Turn, error: str, status: int = 0, *, asked_s: float = 0.0) -> Heard:
        """To be sent again later, unless it was sent often enough."""
        patience, attempt = self._post.patience, turn.sent + 1
        if attempt >= patience.tries:
            return Heard(state=DeliveryState.FAILED, status=status, error=error)
        delay_s = patience.wait_s(attempt, self._chance, asked_s=asked_s)
        return Heard(state=DeliveryState.WAITING, delay_s=delay_s, status=status, error=error)
