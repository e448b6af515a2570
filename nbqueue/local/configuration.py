"""The configuration the local server is started with: durable, private, no network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import psutil

from nbqueue.local.home import Home, read_if_there
from nbqueue.local.passwords import ADMIN_USER, CLIENT_USER, admin_password, client_password, fingerprint
from nbqueue.model.cgroups import CGROUPS, MEMORY_LIMITS

#: the server gets at least this much
LEAST_MEMORY_BYTES = 256 * 2**20
#: and this part of what the machine or its container has
MEMORY_SHARE = 4

#: everything but administration; looking at clients and statistics is given back, and KEYS, which stock arq uses
CLIENT_RIGHTS = "~* &* +@all -@admin -@dangerous -function -fcall -fcall_ro +info +client|list +client|kill +keys"
ADMIN_RIGHTS = "resetkeys resetchannels -@all +ping +info +shutdown"

#: bytes that a quoted word of the configuration cannot hold as they are
_SPECIAL = {*range(33), *range(127, 256), *b'"\\'}


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerPlan:
    """What a server is started with."""

    #: where its files lie
    home: Home
    #: its socket; there is no network port
    socket: Path
    #: above this it refuses to store more
    memory_bytes: int


def text(plan: ServerPlan) -> str:
    """The configuration file. Passwords are in it as hashes only."""
    lines = [
        *_access(plan),
        *_durability(plan.home),
        "daemonize no",
        "databases 1",
        f"logfile {_quoted(plan.home.server_log)}",
        "always-show-logo no",
        # the process list then says whose server it is: its arguments and environment stay as we gave them
        "set-proc-title no",
        "hide-user-data-from-log yes",
        f"maxmemory {plan.memory_bytes}",
        "maxmemory-policy noeviction",
        "hash-max-listpack-entries 64",
        "hash-max-listpack-value 128",
    ]
    return "\n".join(lines) + "\n"


def default_memory_bytes() -> int:
    """A quarter of the memory that this machine, or the container we are in, has."""
    limits = [int(psutil.virtual_memory().total)]
    for name in MEMORY_LIMITS:
        try:
            limit = read_if_there(CGROUPS / name).strip()
        except OSError:
            continue
        if limit.isdigit():
            limits.append(int(limit))
    return max(LEAST_MEMORY_BYTES, min(limits) // MEMORY_SHARE)


def _access(plan: ServerPlan) -> list[str]:
    return [
        "port 0",
        "protected-mode yes",
        f"unixsocket {_quoted(plan.socket)}",
        "unixsocketperm 700",
        "enable-debug-command no",
        "enable-module-command no",
        "enable-protected-configs no",
        # nobody gets in as this user; some servers read their append-only file with its rights, and no more
        "user default off resetpass ~* &* +@all",
        f"user {CLIENT_USER} on #{fingerprint(client_password(plan.home))} {CLIENT_RIGHTS}",
        f"user {ADMIN_USER} on #{fingerprint(admin_password(plan.home))} {ADMIN_RIGHTS}",
    ]


def _durability(home: Home) -> list[str]:
    """What was acknowledged is on the disk. A file that ends early is not loaded before we have looked at it."""
    return [
        f"dir {_quoted(home.data)}",
        'save ""',
        "appendonly yes",
        "appendfsync always",
        "no-appendfsync-on-rewrite no",
        "aof-load-truncated no",
    ]


def _quoted(path: Path) -> str:
    """A path as the server's configuration reads it, whatever bytes are in it."""
    return '"' + "".join(f"\\x{byte:02x}" if byte in _SPECIAL else chr(byte) for byte in bytes(path)) + '"'
