"""The command that looks for what keeps jobs from running, or from being kept."""

from __future__ import annotations

import os
import platform
import stat
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from statistics import median
from typing import Any

import click

from nbqueue.broker import checkup, handshake, queues, retention, rights
from nbqueue.broker.checkup import Finding
from nbqueue.broker.following import SentinelPool
from nbqueue.broker.history import now_ms
from nbqueue.broker.named_key import own_key
from nbqueue.broker.outage import full_passed_over
from nbqueue.broker.retention import Archived
from nbqueue.broker.roles import Role
from nbqueue.broker.signing import Keyring
from nbqueue.cli import lacking_keys, tables
from nbqueue.cli.reach import Server, as_json, asking, leave, running_address, with_settings
from nbqueue.cli.spoken import EXIT_FAILED
from nbqueue.cli.variables import slips
from nbqueue.errors import ConfigurationError, NbqueueError
from nbqueue.local import stack
from nbqueue.model.names import shown
from nbqueue.model.settings import Settings

_PINGS = 5
#: a lack of them is noted, and is no fault: the first one starts after a look as well
_WORKERS = "workers"
#: what a user can do at most who lacks something of a role, and the role that may do that
_LACKING: dict[Role, tuple[str, Role | None]] = {
    "viewer": ("cannot look at all that is known of jobs", None),
    "client": ("may look at jobs, and neither submit nor change any", "viewer"),
    "worker": ("may submit jobs, and run no worker", "client"),
}
#: all that is looked at
_LOOKED_AT = (
    "Python", "environment", "signing key", "server", checkup.HOLE, "way", "persistence", "memory", "clock", "latency",
    "Sentinels", "rights", _WORKERS, "queues", "history",
)  # fmt: skip


@click.command()
@click.option("--strict", is_flag=True, help="Exit code 1 for what is only noted, too; that no worker runs is none.")
@click.option("--accept", multiple=True, metavar="WHAT",
              help="What is known and may be so, by the second column; several with commas.")  # fmt: skip
@as_json
@with_settings
def doctor(settings: Settings, *, strict: bool, accept: tuple[str, ...], json_wanted: bool) -> None:
    """Look for what keeps jobs from running or being kept.

    It says what to change. Nothing is changed and no job is run. Exit code 1 if something is wrong. Before a worker
    starts, which serves the queues that jobs wait in only then:

    nbqueue doctor --strict --accept queues && nbqueue worker
    """
    accepted = _accepted(accept)
    found = [_judged(item, accepted) for item in _findings(settings)]
    if json_wanted:
        tables.print_json(found)
    else:
        tables.print_table((), [(item.mark, item.what, item.said) for item in found])
    leave(EXIT_FAILED if any(_counts(item, strict=strict) for item in found) else 0)


def _accepted(given: Collection[str]) -> set[str]:
    """The names of `--accept`, as the second column has them."""
    known = {name.lower(): name for name in _LOOKED_AT}
    words = [word.strip() for text in given for word in text.split(",") if word.strip()]
    for word in words:
        if word.lower() not in known:
            raise ConfigurationError(f"--accept {shown(word)} is not looked at: give of {', '.join(_LOOKED_AT)}.")
    return {known[word.lower()] for word in words}


def _judged(item: Finding, accepted: Collection[str]) -> Finding:
    """What is known and may be so is neither wrong nor noted."""
    return replace(item, mark="accepted") if item.what in accepted and item.mark != "ok" else item


def _counts(item: Finding, *, strict: bool) -> bool:
    """Whether it ends the command with 1."""
    return item.mark == "wrong" or (strict and item.mark == "note" and item.what != _WORKERS)


def _findings(settings: Settings) -> Iterator[Finding]:
    yield Finding("Python", "ok", f"{platform.python_version()} on {platform.system()}")
    yield from (Finding("environment", "note", slip) for slip in slips())
    key = _key(settings)
    yield key
    if settings.url is None and not stack.server_is_up(settings):
        yield Finding(
            "server", "note", f"no local stack runs in {settings.home}; the first submit (or `nbqueue up`) starts it"
        )
        return
    way: list[Finding] = []
    try:
        address = running_address(settings)
        keyring = Keyring.load(settings.signing_key_file) if key.mark == "ok" else None
        way = list(checkup.way(address))
        yield from [*way, *asking(settings, lambda server: _ask_server(server, settings, keyring), address=address)]
    except NbqueueError as error:
        # what was not gone is no good way
        yield from (item for item in way if item.mark != "ok")
        yield Finding("server", "wrong", str(error))


def _key(settings: Settings) -> Finding:
    path = settings.signing_key_file
    if path.absolute() != own_key(settings) and not os.path.lexists(path):
        todo = "check the path, or make it with `nbqueue signing-key new` or `import`"
        return Finding("signing key", "wrong", f"{path}, which NBQUEUE_KEY_FILE names, is not there: {todo}")
    if not path.exists():
        return Finding("signing key", "note", f"{path} is not there yet; the first submit makes it")
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode) or stat.S_IMODE(found.st_mode) & 0o077 or found.st_uid != os.getuid():
        return Finding(
            "signing key", "wrong", f"{path} must be a file of yours that only you can read: chmod 600 {path}"
        )
    try:
        Keyring.load(path)
    except NbqueueError as error:
        return Finding("signing key", "wrong", str(error))
    return Finding("signing key", "ok", str(path))


async def _ask_server(server: Server, settings: Settings, keyring: Keyring | None) -> list[Finding]:
    info = await server.ask(lambda client: client.info())
    if info.get("cluster_enabled"):
        return list(checkup.server(info))
    answered_s = await server.ask(_round_trip)
    skew_s = abs(await now_ms(server.ask) / 1000 - time.time())
    found = [
        *checkup.server(info), *checkup.keeping(info), checkup.room(info), checkup.clock(skew_s),
        checkup.latency(answered_s),
    ]  # fmt: skip
    found += await server.ask(lambda client: _watched(client, info))
    missing = await server.ask(lambda client: rights.unreplayed(client, server.keys))
    found += checkup.replay(info, missing)
    found += await server.ask(lambda client: _rights(client, server, is_shared=settings.url is not None))
    if keyring is not None:
        found += await server.ask(lambda client: _mark(client, server, keyring))
    return [*found, *await _work(server)]


async def _watched(client: Any, info: Mapping[str, Any]) -> list[Finding]:
    """Of a server behind Sentinels, how it stands with them."""
    pool = client.connection_pool
    if not isinstance(pool, SentinelPool):
        return []
    primary, silent = await pool.look()
    return list(checkup.watched(info, primary, silent, pool.sentinels))


async def _work(server: Server) -> list[Finding]:
    """Workers, queues and history."""
    engines = await server.ask(lambda client: queues.engines(client, server.keys))
    stats = await server.queue_stats()
    served = {name for engine in engines for name in engine.queues}
    waiting = [item.name for item in stats if item.queued and item.name not in served]
    archive = await server.ask(lambda client: retention.archived(client, server.keys))
    now = datetime.fromtimestamp(await now_ms(server.ask) / 1000, tz=UTC)
    workers = Finding(_WORKERS, "ok" if engines else "note", f"{len(engines)} with a lease" + _pythons(engines))
    keyed = lacking_keys.findings(stats, engines)
    return [workers, _queues(stats, waiting), *keyed, *_history(archive, now)]


async def _round_trip(client: Any) -> float:
    """Seconds of a usual one."""
    took = []
    for _ in range(_PINGS):
        began = time.monotonic()
        with full_passed_over():
            await client.ping()
        took.append(time.monotonic() - began)
    return median(took)


async def _rights(client: Any, server: Server, *, is_shared: bool) -> list[Finding]:
    """Whether the user may do what a worker does, or less, or far more."""
    user = await rights.user_name(client) or "the user of NBQUEUE_URL"
    may = "may do what a worker needs"
    for role, (said, lower) in _LACKING.items():
        missing = await rights.refused(client, server.keys, role)
        if missing and lower and set(missing) == rights.between(server.keys, lower, role):
            may = f"has the role {lower}: {said}"
            break
        if missing:
            todo = f"`nbqueue acl --role {role}` prints what it lacks: {rights.some(missing)}"
            return [Finding("rights", "note" if lower else "wrong", f"{user} {said}; {todo}")]
    great = await rights.great_rights(client) if is_shared else []
    if great:
        todo = "give people and workers users of their own, with what `nbqueue acl` prints"
        return [Finding("rights", "note", f"{user} may also run {', '.join(great)}: {todo}")]
    return [Finding("rights", "ok", f"{user} {may}")]


async def _mark(client: Any, server: Server, keyring: Keyring) -> list[Finding]:
    """Whether the key here is that of the jobs there."""
    try:
        newer = await handshake.behind(client, server.keys, keyring)
    except ConfigurationError as error:
        return [Finding("signing key", "wrong", str(error))]
    if not newer:
        return []
    said = f"The others here sign with key {newer} by now, and key {keyring.ids[0]} still signs here"
    return [Finding("signing key", "note", f"{said}: nbqueue signing-key rotate --to {newer}")]


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


def _pythons(engines: list[queues.EngineInfo]) -> str:
    found = sorted({engine.python for engine in engines if engine.python})
    return f", Python {', '.join(found)}" if found else ""
