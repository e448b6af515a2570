"""What the user of a connection may and may not do at the server, found out without doing any of it."""

from __future__ import annotations

from typing import Any

from redis.exceptions import NoPermissionError, ResponseError

from nbqueue.broker.asking import Command, ask
from nbqueue.broker.keys import Keys
from nbqueue.broker.roles import KEYED, LOOKING, SCRIPTS, WRITING, Role

#: how many words a command needs after its key; those that are not here need none
_WORDS = {
    **dict.fromkeys(("getrange", "hincrby", "hset", "hsetnx", "lrange", "lrem", "ltrim", "xrange", "xrevrange"), 2),
    **dict.fromkeys(("zadd", "zcount", "zrange", "zrangebyscore", "zremrangebyscore", "zrevrange"), 2),
    **dict.fromkeys(("blpop", "hdel", "hexists", "hget", "hmget", "incrby", "lindex", "lpush", "mset", "pexpire"), 1),
    **dict.fromkeys(("pexpireat", "rpush", "sadd", "set", "sismember", "smismember", "srem", "xdel", "zrank"), 1),
    **dict.fromkeys(("zrem", "zscore"), 1),
    "xadd": 3,
}
_OTHERS: dict[str, Command] = {
    "evalsha": ("EVALSHA", "0" * 40, "0"), "script|load": ("SCRIPT", "LOAD", "return 1"), "scan": ("SCAN", "0"),
}  # fmt: skip
#: names that are told of what is lacking
_FEW = 4
#: commands that nobody needs for jobs, and that change, empty or take over a server
_GREAT: dict[str, Command] = {
    "CONFIG": ("CONFIG", "GET", "x"), "FLUSHALL": ("FLUSHALL",), "FUNCTION": ("FUNCTION", "LIST"),
    "ACL": ("ACL", "LIST"), "MODULE": ("MODULE", "LIST"), "KEYS": ("KEYS", "x"),
}  # fmt: skip


async def refused(client: Any, keys: Keys, role: Role) -> list[str]:
    """The commands, keys and channels of a role in this namespace that the user is not given."""
    named = _named(keys, role)
    replies = await _checked(client, list(named.values()))
    return [name for name, reply in zip(named, replies, strict=True) if isinstance(reply, NoPermissionError)]


def between(keys: Keys, lower: Role, higher: Role) -> set[str]:
    """What the higher role may do and the lower one may not, in the names of `refused`."""
    known = _named(keys, lower)
    return {name for name, command in _named(keys, higher).items() if known.get(name) != command}


async def great_rights(client: Any) -> list[str]:
    """The commands that the user may run and no role needs."""
    replies = await _checked(client, list(_GREAT.values()))
    return [name for name, reply in zip(_GREAT, replies, strict=True) if not isinstance(reply, Exception)]


async def unreplayed(client: Any, keys: Keys) -> list[str]:
    """The commands of jobs that the user `default` is not given; none where that may not be asked."""
    asked = {name: (b"ACL", "DRYRUN", "default", name, keys.record("-"), *_words(name, keys)) for name in WRITING}
    replies = await ask(client, *asked.values())
    return [name for name, reply in zip(asked, replies, strict=True) if isinstance(reply, bytes) and reply != b"OK"]


async def user_name(client: Any) -> str:
    """The name of the user; empty where it may not be asked for."""
    [found] = await ask(client, (b"ACL", "WHOAMI"))
    return found.decode() if isinstance(found, bytes) else ""


async def _checked(client: Any, commands: list[Command]) -> list[Any]:
    """What the server says to each. Within MULTI a command is checked and put by, and DISCARD forgets it."""
    # a name in bytes has redis-py leave the reply as it came
    raw = [(str(name).encode(), *words) for name, *words in commands]
    opened, *replies, _ = await ask(client, (b"MULTI",), *raw, (b"DISCARD",))
    if isinstance(opened, ResponseError):
        raise opened
    return replies


def _named(keys: Keys, role: Role) -> dict[str, Command]:
    """What a role may do, with a command that tells."""
    named: dict[str, Command] = {name: (name.upper(), keys.record("-"), *_words(name, keys)) for name in KEYED[role]}
    named |= {name: _OTHERS[name] for name in (*SCRIPTS[role], *LOOKING[role])}
    return named | _places(keys, role)


def _words(name: str, keys: Keys) -> tuple[str, ...]:
    return (keys.record("--"),) if name == "rename" else ("0",) * _WORDS.get(name, 0)


def _places(keys: Keys, role: Role) -> dict[str, Command]:
    """A key of each kind that roles differ in, with a command that the role needs there."""
    looked_at = [keys.queue("-"), keys.leases, keys.live("-")]
    found: dict[str, Command] = {place: ("EXISTS", place) for place in looked_at[:2]}
    found[looked_at[2]] = ("SUBSCRIBE", looked_at[2])
    if role != "viewer":
        found |= {looked_at[0]: ("DEL", looked_at[0]), looked_at[2]: ("PUBLISH", looked_at[2], "x")}
    if role == "worker":
        found[looked_at[1]] = ("DEL", looked_at[1])
    return found


def some(names: list[str]) -> str:
    """The first few of what is lacking, and how many more."""
    return ", ".join(names[:_FEW]) + (f" and {len(names) - _FEW} more" if len(names) > _FEW else "")
