"""Follows how the keys of a worker stand to those of the others, while keys are rotated."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nbqueue.broker import gates, handshake, scripts
from nbqueue.broker.keys import Keys
from nbqueue.broker.signing import Keyring
from nbqueue.errors import ConfigurationError

logger = logging.getLogger("nbqueue.worker")

#: how often it is looked whether the others have another key
LOOK_S = 1.0
#: how often it is looked whether our own was rotated, which costs the server nothing
KEEP_S = 0.1


class KeyWatch:
    """What a supervisor knows of it."""

    def __init__(self, client: Any, keys: Keys, path: Path) -> None:
        self._client, self._keys, self._path = client, keys, path
        #: the key that the others sign with and that is lacking here; empty: none
        self.lacked = ""

    async def agree(self) -> None:
        """Raise ConfigurationError where jobs are signed with another key: they would fail here."""
        self._keyring = Keyring.load(self._path)
        await handshake.agree(self._client, self._keys, self._keyring)
        if newer := await handshake.behind(self._client, self._keys, self._keyring):
            logger.warning(
                "The others here sign with key %s by now, and key %s still signs here: nbqueue signing-key rotate --to "
                "%s.", newer, self._keyring.ids[0], newer,
            )  # fmt: skip

    async def watch(self) -> None:
        """Look again and again."""
        while True:
            await asyncio.sleep(LOOK_S)
            with contextlib.suppress(*scripts.TROUBLE):
                self._tell(await handshake.lacking(self._client, self._keys, self._keyring))

    async def tell_of_left(self, names: Sequence[str]) -> None:
        """Say how many jobs of these queues are left to others, as they are signed with keys that are lacking here."""
        left: Counter[str] = Counter()
        try:
            for name in names:
                held_back = await gates.waiting(self._client, self._keys, name)
                left.update(gates.unread(held_back, self._keyring.ids))
        except scripts.TROUBLE as error:
            logger.debug("Cannot look for what is left: %s", error)
        if left:
            logger.warning(
                "%d jobs are left to other workers: they need key %s, which %s does not have. Bring it here: nbqueue "
                "signing-key export | ssh HOST nbqueue signing-key import.",
                left.total(), ", ".join(sorted(left)), self._path,
            )  # fmt: skip

    def _tell(self, lacked: str) -> None:
        """Say once what is lacking, and when it has come."""
        if lacked and lacked != self.lacked:
            logger.warning(
                "The others here sign with key %s by now, which %s does not have: what is signed with it waits for "
                "other workers. Bring it here: nbqueue signing-key export | ssh HOST nbqueue signing-key import.",
                lacked, self._path,
            )  # fmt: skip
        elif self.lacked and not lacked:
            logger.info("%s has the key of the others now.", self._path)
        self.lacked = lacked


async def keep_mark(client: Any, keys: Keys, keyring: Keyring) -> None:
    """Sign the mark anew soon after our key was rotated, until cancelled."""
    mark = handshake.Mark(keys, keyring)
    while True:
        try:
            await mark.keep(client)
            await asyncio.sleep(KEEP_S)
        except (*scripts.TROUBLE, ConfigurationError):  # of which the supervisor tells
            await asyncio.sleep(LOOK_S)
