"""The command that looks for what keeps jobs from running."""

from __future__ import annotations

import os
import platform
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import click

from nbqueue.broker import queues, retention
from nbqueue.broker.history import now_ms
from nbqueue.broker.memory import StoreMemory
from nbqueue.broker.retention import Archived
from nbqueue.cli import tables
from nbqueue.cli.reach import Server, as_json, asking, leave, running_address, with_settings
from nbqueue.errors import NbqueueError
from nbqueue.local import stack
from nbqueue.model.settings import Settings

#: the oldest servers whose scripts and streams do what ours need
OLDEST = {"valkey": (7, 2), "redis": (7, 0)}
_SKEW_S = 2.0

Mark = Literal["ok", "note", "wrong"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    #: "wrong" keeps jobs from running or from being kept; a note is worth knowing
    mark: Mark
    said: str


@click.command()
@as_json
@with_settings
def doctor(settings: Settings, *, json_wanted: bool) -> None:
    """Look for what keeps jobs from running.

    Exit code 1 if something is wrong.
    """
    found = list(_findings(settings))
    if json_wanted:
        tables.print_json(found)
    else:
        tables.print_table((), [(item.mark, item.what, item.said) for item in found])
    leave(1 if any(item.mark == "wrong" for item in found) else 0)


def _findings(settings: Settings) -> Iterator[Finding]:
    yield Finding("Python", "ok", f"{platform.python_version()} on {platform.system()}")
    yield _key(settings)
    if settings.url is None and not stack.server_is_up(settings):
        yield Finding(
            "server", "note", f"no local stack runs in {settings.home}; the first submit (or `nbqueue up`) starts it"
        )
        return
    try:
        address = running_address(settings)
        yield from asking(settings, _ask_server, address=address)
    except NbqueueError as error:
        yield Finding("server", "wrong", str(error))


def _key(settings: Settings) -> Finding:
    path = settings.signing_key_file
    if not path.exists():
        return Finding("signing key", "note", f"{path} is not there yet; the first submit makes it")
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode) or stat.S_IMODE(found.st_mode) & 0o077 or found.st_uid != os.getuid():
        return Finding(
            "signing key", "wrong", f"{path} must be a file of yours that only you can read: chmod 600 {path}"
        )
    return Finding("signing key", "ok", str(path))


async def _ask_server(server: Server) -> list[Finding]:
    info = await server.ask(lambda client: client.info())
    engines = await server.ask(lambda client: queues.engines(client, server.keys))
    stats = await server.queue_stats()
    served = {name for engine in engines for name in engine.queues}
    waiting = [item.name for item in stats if item.queued and item.name not in served]
    now_s = await now_ms(server.ask) / 1000
    skew_s = abs(now_s - time.time())
    archive = await server.ask(lambda client: retention.archived(client, server.keys))
    return [
        _version(info), _persistence(info), _memory(info),
        Finding("clock", "ok" if skew_s < _SKEW_S else "note", f"differs from this machine's by {skew_s:.1f} s"),
        Finding("workers", "ok" if engines else "note", f"{len(engines)} with a lease" + _pythons(engines)),
        _queues(stats, waiting), *_history(archive, datetime.fromtimestamp(now_s, tz=UTC)),
    ]  # fmt: skip


def _queues(stats: list[queues.QueueStats], waiting: list[str]) -> Finding:
    if waiting:
        return Finding("queues", "wrong", f"jobs wait in {', '.join(waiting)}, which no worker serves")
    return Finding("queues", "ok", f"{len(stats)} known, {sum(item.queued for item in stats):,} jobs wait")


def _history(archive: Archived | None, now: datetime) -> Iterator[Finding]:
    if archive is None:
        return
    if archive.is_late(now):
        todo = "over a day without: see what `nbqueue worker --archive` or `nbqueue history archive` says"
        yield Finding("history", "wrong", f"{archive}; {todo}")
    else:
        yield Finding("history", "ok", str(archive))


def _version(info: dict[str, Any]) -> Finding:
    kind = "valkey" if "valkey_version" in info else "redis"
    text = str(info.get(f"{kind}_version", "0"))
    new_enough = tuple(int(part) for part in text.split(".")[:2]) >= OLDEST[kind]
    least = ".".join(map(str, OLDEST[kind]))
    return Finding(
        "server",
        "ok" if new_enough else "wrong",
        f"{kind} {text}" + ("" if new_enough else f", but {least} is the oldest that does"),
    )


def _persistence(info: dict[str, Any]) -> Finding:
    if info.get("aof_enabled"):
        last = str(info.get("aof_last_write_status"))
        return Finding("persistence", "ok" if last == "ok" else "wrong", f"append-only file, last write {last}")
    return Finding("persistence", "note", "no append-only file: accepted jobs are lost when the server's machine fails")


def _memory(info: dict[str, Any]) -> Finding:
    used, policy = tables.size(info.get("used_memory")), str(info.get("maxmemory_policy", "noeviction"))
    if info.get("maxmemory") and policy != "noeviction":
        return Finding(
            "memory", "wrong", f"{used} used; policy {policy} throws jobs away: set maxmemory-policy noeviction"
        )
    limit = info.get("maxmemory") or info.get("total_system_memory")
    if limit and (full := StoreMemory(used_bytes=info["used_memory"], limit_bytes=limit, is_limited=True).warning):
        return Finding("memory", "wrong", full)
    return Finding("memory", "ok", f"{used} used, limit {tables.size(info.get('maxmemory') or None) or 'none'}")


def _pythons(engines: list[queues.EngineInfo]) -> str:
    found = sorted({engine.python for engine in engines if engine.python})
    return f", Python {', '.join(found)}" if found else ""
