"""The scripts that run inside the server: loading them, and calling several in one round trip."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Generic, TypeVar

from redis.asyncio import Redis
from redis.exceptions import NoScriptError, RedisError

from nbqueue.broker import bounds
from nbqueue.broker.asking import ask, ask_one

#: what a call raises when the server is away, full or refuses
TROUBLE = (RedisError, OSError, TimeoutError)

#: what scripts may name of bounds.py
_CONSTANTS = (
    "READY_LIMIT", "PROCESS_RANK", "RANKS_A_PRIORITY", "CLAIMED_SCORE", "RECORD_MS", "CALL_BYTES", "CALL_MS",
    "CALL_BLOB_BYTES", "BLOB_MS", "DAY_MS", "HOUR_MS", "MINUTES_MS", "EVENTS", "TOLD_BYTES", "TOKENS", "TOKEN_MS",
    "PARENT_MS", "GATES", "NEEDS", "NEEDS_SCORE", "HEAD_BYTES", "OWNED", "LONG_MS",
)  # fmt: skip

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Script:
    """One file of `lua/`: its text and its SHA-1."""

    name: str
    text: bytes
    sha: str


@dataclass(frozen=True, slots=True)
class Call(Generic[T_co]):
    """One call of a script, and how its reply is read."""

    #: None for a plain command, whose words are `args`
    script: Script | None
    keys: Sequence[str]
    args: Sequence[Any]
    read: Callable[[Any], T_co]

    @property
    def command(self) -> tuple[Any, ...]:
        """The call as the server wants it."""
        if self.script is None:
            return tuple(self.args)
        return ("EVALSHA", self.script.sha, len(self.keys), *self.keys, *self.args)


#: the line of a script's header that names what it takes from `lua/shared/` besides base.lua
_WITH = re.compile(r"^-- With: (.+)$", re.MULTILINE)


@cache
def script(name: str) -> Script:
    """The script of that name: its first line, then what it shares with others, then its own."""
    first, _, own = _text(f"{name}.lua").partition("\n")
    wanted = _WITH.search(own)
    shared = ("base", *(wanted[1].split(", ") if wanted else ()))
    text = "\n".join((first, _constants(), *(_text(f"shared/{part}.lua") for part in shared), own)).encode()
    return Script(name, text, hashlib.sha1(text, usedforsecurity=False).hexdigest())


def _text(path: str) -> str:
    return resources.files("nbqueue.broker").joinpath("lua", path).read_text(encoding="utf-8")


def _constants() -> str:
    """The numbers of bounds.py that scripts go by, under the same names."""
    return "\n".join(f"local {name} = {getattr(bounds, name)}" for name in _CONSTANTS)


async def run(client: Redis, call: Call[T]) -> T:
    """Run one script, loading it where the server does not know it yet."""
    try:
        reply = await ask_one(client, *call.command)
    except NoScriptError:
        await _load(client)
        reply = await ask_one(client, *call.command)
    return call.read(reply)


async def run_all(client: Redis, calls: Sequence[Call[Any]]) -> list[Any]:
    """Run several scripts in one round trip; an error stands in its call's place in the list."""
    replies = await ask(client, *(call.command for call in calls))
    missing = [i for i, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
    if missing:
        await _load(client)
        for i, reply in zip(missing, await ask(client, *(calls[i].command for i in missing)), strict=True):
            replies[i] = reply
    return [
        reply if isinstance(reply, Exception) else call.read(reply) for call, reply in zip(calls, replies, strict=True)
    ]


async def _load(client: Redis) -> None:
    """Load all scripts. With some alone, a missing one would run after those that stand behind it in the round trip."""
    await ask(client, *(("SCRIPT LOAD", found.text) for found in _every()))


@cache
def _every() -> tuple[Script, ...]:
    folder = resources.files("nbqueue.broker").joinpath("lua")
    return tuple(script(each.name.removesuffix(".lua")) for each in folder.iterdir() if each.name.endswith(".lua"))
