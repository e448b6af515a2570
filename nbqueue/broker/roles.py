"""What a user of a shared server may do at most: the rights of workers, of those who submit, and of those who look."""

from __future__ import annotations

import hashlib
from typing import Literal, get_args

from nbqueue.broker.keys import Keys
from nbqueue.errors import ConfigurationError

Role = Literal["client", "worker", "viewer"]
ROLES: tuple[Role, ...] = get_args(Role)

#: of a connection; a name that a server does not know, as `client|setinfo` before 7.2, it refuses with all the rest
_MEETING = (
    "ping", "select", "time", "info", "client|setname", "client|getname", "client|id", "multi",
    "exec", "discard", "subscribe", "unsubscribe", "acl|whoami",
)  # fmt: skip
#: scripts may do no more than their caller, but one that never ends stops the server: they are not for all
_SCRIPTS = ("evalsha", "script|load")
SCRIPTS: dict[Role, tuple[str, ...]] = {"viewer": (), "client": _SCRIPTS, "worker": _SCRIPTS}
_READING = (
    "exists", "get", "getrange", "hexists", "hget", "hgetall", "hkeys", "hlen", "hmget", "lindex", "llen", "lrange",
    "mget", "pttl", "scard", "sismember", "smembers", "smismember", "srandmember", "strlen", "type", "xlen", "xrange",
    "xrevrange", "zcard", "zcount", "zrange", "zrangebyscore", "zrank", "zrevrange", "zscore",
)  # fmt: skip
#: what jobs are written by
WRITING = (
    "del", "hdel", "hincrby", "hset", "hsetnx", "incrby", "lpop", "lpush", "lrem", "ltrim", "mset", "persist",
    "pexpire", "pexpireat", "rename", "rpush", "sadd", "set", "spop", "srem", "unlink", "xadd", "xdel", "zadd", "zrem",
    "zremrangebyscore",
)  # fmt: skip
#: commands whose first word is a key
KEYED: dict[Role, tuple[str, ...]] = {
    "viewer": _READING, "client": (*_READING, *WRITING), "worker": (*_READING, *WRITING, "blpop"),
}  # fmt: skip
#: what shows the names of all keys, those of other namespaces too: removing a signing key looks for what it signed
LOOKING: dict[Role, tuple[str, ...]] = {"viewer": (), "client": (), "worker": ("scan",)}
#: every command of a role
COMMANDS: dict[Role, tuple[str, ...]] = {
    role: (*_MEETING, *SCRIPTS[role], *LOOKING[role], "xread", *(() if role == "viewer" else ("publish",)), *keyed)
    for role, keyed in KEYED.items()
}
#: what is read ("%R~") and what is written, too ("~"), below the namespace. Who submits writes neither leases nor
#: engines, so that nobody but a worker lets workers come or go
KEYS: dict[Role, tuple[tuple[str, str], ...]] = {
    "viewer": (("%R~", "arq:*"), ("%R~", "nbq:*")),
    "client": (("~", "arq:*"), ("%R~", "nbq:*"), ("~", "nbq:[^el]*"), ("~", "nbq:e[^n]*"), ("~", "nbq:l[^e]*")),
    "worker": (("~", "arq:*"), ("~", "nbq:*")),
}
#: a namespace of such a name would share its patterns with the one that has none
_LAYOUTS = ("arq", "nbq")


def rights(role: Role, namespace: str = "") -> list[str]:
    """What the role may do in a namespace, as the words of `ACL SETUSER` that come after user and password."""
    if namespace in _LAYOUTS:
        raise ConfigurationError(
            f'The namespace "{namespace}" cannot be kept apart from the one without a name: choose another one.'
        )
    prefix = Keys(namespace).prefix
    keys = (mode + prefix + pattern for mode, pattern in KEYS[role])
    return [*keys, f"&{prefix}nbq:live:*", "-@all", *(f"+{command}" for command in COMMANDS[role])]


def hashed(password: str) -> str:
    """The word of `ACL SETUSER` that gives a user this password, and does not tell it."""
    return f"#{hashlib.sha256(password.encode()).hexdigest()}"
