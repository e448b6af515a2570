"""The words of a server that a shell offers behind a command: queues, jobs, schedules, functions.

A shell waits for this with each key, so nothing is loaded that this does not need, and whatever goes wrong is silence.
"""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

import click

from nbqueue.broker import key_file
from nbqueue.broker.address import Address, parse_url
from nbqueue.broker.bounds import CLAIMED_SCORE
from nbqueue.broker.keys import Keys
from nbqueue.display import wording
from nbqueue.errors import NbqueueError
from nbqueue.local import passwords, sockets
from nbqueue.local.home import Home
from nbqueue.local.resp import Connection, ErrorReply, Reply
from nbqueue.model.settings import Settings, load_settings

#: the longest wait for an answer
ANSWER_S = 0.5
#: words that are offered; jobs that are looked through, and of how many of these the groups are asked for
MOST, JOBS, GROUPS = 200, 2_000, 300
#: queues whose jobs are looked through, and entries of their histories
QUEUES, ENTRIES = 30, 5
#: characters of what is said beside a word
SAID = 60
#: words that mean nothing else to any shell; others are not offered
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+=-]*\Z")


@click.command(hidden=True)
@click.argument("kind")
@click.argument("begin", default="")
@click.option("--url")
@click.option("--home", type=click.Path(path_type=Path))
@click.option("--namespace")
def words(kind: str, begin: str, url: str | None, home: Path | None, namespace: str | None) -> None:
    """Print words of the server that begin so, a line each, with a tab before what is said of one.

    KIND is queues, jobs, live, ended, groups, functions, schedules or keys. For shells; silent without a server.

    Example:
    nbqueue words queues de
    """
    try:
        settings = load_settings(url=url, home=home and home.expanduser().absolute(), namespace=namespace)
        if kind == "keys":
            click.echo(
                "".join(f"{each}\n" for each in key_file.read(settings.signing_key_file) if each.startswith(begin)),
                nl=False,
            )
            return
        with _connected(settings) as server:
            found = KINDS[kind](server, Keys(settings.namespace), begin)
            for word, said in islice(((word, said) for word, said in found if _PLAIN.match(word)), MOST):
                click.echo(f"{word}\t{said}" if said else word)
    except (NbqueueError, OSError, ErrorReply, ValueError, KeyError, TypeError):
        return


def _connected(settings: Settings) -> Connection:
    """A connection to the server of these settings; OSError where there is none that is reached so simply."""
    address = parse_url(settings.url) if settings.url is not None else _local(Home(settings.home))
    connection = Connection(_dialled(address), timeout_s=ANSWER_S)
    greeting: list[tuple[str, ...]] = []
    if address.password is not None:
        greeting.append(("AUTH", address.username or "default", address.password))
    if address.database:
        greeting.append(("SELECT", str(address.database)))
    try:
        connection.all_well(*greeting, ("CLIENT", "SETNAME", "nbqueue-words"))
    except BaseException:
        connection.close()
        raise
    return connection


def _local(home: Home) -> Address:
    path = sockets.find(home)
    if path is None:
        raise FileNotFoundError(home.path)
    return Address(
        kind="unix", path=str(path), username=passwords.CLIENT_USER, password=str(passwords.client_password(home))
    )


def _dialled(address: Address) -> Path | socket.socket:
    if address.kind == "unix":
        return Path(address.path)
    if address.kind not in ("tcp", "tls"):
        raise OSError(f"{address} is not asked for words")
    plain = socket.create_connection((address.host, address.port), timeout=ANSWER_S)
    if not address.tls:
        return plain
    import ssl  # much to load, and seldom needed

    context = ssl.create_default_context(cafile=address.ca_file)
    context.check_hostname = address.check_hostname
    if address.cert_file:
        context.load_cert_chain(address.cert_file, address.key_file)
    return context.wrap_socket(plain, server_hostname=address.host)


Words = Iterator[tuple[str, str]]


def _queues(server: Connection, keys: Keys, begin: str) -> Words:
    return ((name, "") for name in _names(server, keys) if name.startswith(begin))


def _schedules(server: Connection, keys: Keys, begin: str) -> Words:
    found = _texts(server.call("SMEMBERS", keys.schedule_names))
    return ((name, "") for name in sorted(found) if name.startswith(begin))


def _functions(server: Connection, keys: Keys, begin: str) -> Words:
    engines = _texts(server.call("ZRANGE", keys.leases, "0", "-1"))
    asked = [("HGET", keys.engine(name), "functions") for name in engines]
    found = {each for text in _texts(server.all_well(*asked)) for each in json.loads(text)}
    return ((name, "") for name in sorted(found) if name.startswith(begin))


def _live(server: Connection, keys: Keys, begin: str) -> Words:
    return _told(server, keys, _live_ids(server, keys), begin)


def _ended(server: Connection, keys: Keys, begin: str) -> Words:
    return _told(server, keys, _ended_ids(server, keys), begin)


def _jobs(server: Connection, keys: Keys, begin: str) -> Words:
    return _told(server, keys, [*_live_ids(server, keys), *_ended_ids(server, keys)], begin)


def _groups(server: Connection, keys: Keys, begin: str) -> Words:
    return ((word, said) for word, said in _jobs(server, keys, begin) if said.startswith("group "))


#: what can be asked for
KINDS: Mapping[str, Callable[[Connection, Keys, str], Words]] = {
    "queues": _queues, "schedules": _schedules, "functions": _functions, "live": _live, "ended": _ended, "jobs": _jobs,
    "groups": _groups,
}  # fmt: skip


def _live_ids(server: Connection, keys: Keys) -> list[str]:
    """Jobs that run or wait, those that run first."""
    queues = _names(server, keys)[:QUEUES]
    running = [("ZRANGEBYSCORE", keys.queue(each), str(CLAIMED_SCORE), "+inf", "LIMIT", "0", str(JOBS))
               for each in queues]  # fmt: skip
    waiting = [("ZRANGE", keys.queue(each), "0", str(JOBS)) for each in queues]
    return [job_id for part in server.all_well(*running, *waiting) for job_id in _texts(part)]


def _ended_ids(server: Connection, keys: Keys) -> list[str]:
    """The jobs that ended last."""
    asked = [("XREVRANGE", keys.history(each), "+", "-", "COUNT", str(ENTRIES)) for each in _names(server, keys)]
    found = []
    for entries in server.all_well(*asked[:QUEUES]):
        for entry in entries if isinstance(entries, list) else ():
            fields = entry[1] if isinstance(entry, list) else []
            given = _texts(fields)
            lines = dict(zip(given[::2], given[1::2], strict=True)).get("records", "").splitlines()
            found += [str(json.loads(line)["job"]) for line in reversed(lines)]
    return found


def _told(server: Connection, keys: Keys, ids: Sequence[str], begin: str) -> Words:
    """Jobs that begin so, each with its state and name; and the groups of jobs that do."""
    distinct = list(dict.fromkeys(ids))[:JOBS]
    fitting = [job_id for job_id in distinct if job_id.startswith(begin)][:MOST]
    some = list(dict.fromkeys((*fitting, *distinct[:GROUPS])))
    asked = [("HMGET", keys.record(job_id), "state", "label", "function", "group") for job_id in some]
    groups: dict[str, str] = {}
    for place, fields in enumerate(server.all_well(*asked)):
        state, label, function, group = _texts(fields)
        name = wording.line(label or function, SAID)
        if group:
            groups.setdefault(group, f"group {name}")
        if state and place < len(fitting):
            yield some[place], f"{wording.line(state, SAID)} {name}"
    yield from ((group, said) for group, said in groups.items() if group.startswith(begin))


def _names(server: Connection, keys: Keys) -> list[str]:
    return sorted(_texts(server.call("SMEMBERS", keys.queues)))


def _texts(reply: Reply) -> list[str]:
    """The texts of a list; what is missing is empty."""
    found = reply if isinstance(reply, list) else []
    return [each.decode(errors="replace") if isinstance(each, bytes) else "" for each in found]
