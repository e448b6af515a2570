"""Where a server is: an address read from a URL, which never shows its password."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any, Literal, NoReturn
from urllib.parse import unquote

from nbqueue.errors import ConfigurationError, NotSendable

Kind = Literal["tcp", "tls", "unix", "sentinel", "inline"]

REDIS_PORT = 6379
SENTINEL_PORT = 26_379
_HIGHEST_PORT = 65_535
_HIGHEST_DATABASE = 2**31 - 1

_URL = re.compile(r"([a-z][a-z0-9+.-]{0,30})://([^/?#]*)([^?#]*)(?:\?([^#]*))?(#.*)?\Z", re.IGNORECASE | re.DOTALL)
_INLINE = re.compile(r"inline:([A-Za-z0-9_.-]{0,60})\Z", re.IGNORECASE)
_HOST = re.compile(r"(?:([A-Za-z0-9_](?:[A-Za-z0-9._-]{0,252}))|\[([0-9A-Fa-f:.%]+)\])(?::([0-9]{1,5}))?\Z")
_KINDS: dict[str, tuple[Kind, bool]] = {
    "redis": ("tcp", False), "rediss": ("tls", True), "unix": ("unix", False),
    "redis+sentinel": ("sentinel", False), "rediss+sentinel": ("sentinel", True),
}  # fmt: skip
_OPTIONS = ("db", "username", "password", "ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_check_hostname",
            "sentinel_username", "sentinel_password")  # fmt: skip
#: of redis-py
_FOREIGN = ("decode_responses", "encoding", "health_check_interval", "max_connections", "protocol", "retry_on_timeout",
            "socket_connect_timeout", "socket_keepalive", "socket_timeout", "ssl_cert_reqs", "timeout")  # fmt: skip
_ENCODE = 'In a user name or password, write the characters / ? # @ : % percent-encoded ("@" as "%40")'


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a server is and how to speak to it. Its text never holds the password."""

    kind: Kind = "tcp"
    host: str = ""
    port: int = REDIS_PORT
    #: the socket's path, for a unix address; the name of the server in this process, for an inline one
    path: str = ""
    database: int = 0
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    tls: bool = False
    #: certificates to trust; None: the system's
    ca_file: str | None = None
    #: certificate and key that show the server who we are
    cert_file: str | None = None
    key_file: str | None = None
    #: whether the certificate must be for the host's name
    check_hostname: bool = True
    #: host and port of every Sentinel
    sentinels: tuple[tuple[str, int], ...] = ()
    #: what the Sentinels themselves ask for
    sentinel_username: str | None = field(default=None, repr=False)
    sentinel_password: str | None = field(default=None, repr=False)
    #: the name that the Sentinels know the server by
    master: str = ""

    def __str__(self) -> str:
        scheme = "rediss" if self.tls else "redis"
        if self.kind == "inline":
            return f"inline:{self.path}"
        if self.kind == "unix":
            return f"unix://{self.path}" + (f"?db={self.database}" if self.database else "")
        if self.kind == "sentinel":
            return f"{scheme}+sentinel://{_joined(self.sentinels)}/{self.master}/{self.database}"
        return f"{scheme}://{_joined(((self.host, self.port),))}/{self.database}"

    def __repr__(self) -> str:
        return f"Address({str(self)!r})"

    def __reduce__(self) -> NoReturn:
        """A password does not go into a pickle."""
        raise NotSendable("A server's address cannot be sent: read NBQUEUE_URL where it is needed.")


def parse_url(url: str) -> Address:
    """The address of a URL. Raises ConfigurationError, which holds no part of the URL but its scheme."""
    found = _read(url)
    del url  # a traceback that shows local variables must not show this one
    if isinstance(found, Address):
        return found
    raise ConfigurationError(found)


class _Wrong(Exception):
    """Carries the sentence about what is wrong."""


def _read(url: str) -> Address | str:
    """The address, or the sentence about what is wrong; raising is left to a frame that knows no secret."""
    try:
        return _parsed(url)
    except _Wrong as wrong:
        return str(wrong)
    except UnicodeError:
        return f"NBQUEUE_URL cannot be read: its percent-encoded characters are not UTF-8. {_ENCODE}."


def _parsed(url: str) -> Address:
    if inline := _INLINE.match(url.strip()):
        return Address(kind="inline", path=inline[1], port=0)
    match = _URL.match(url.strip())
    if match is None:
        raise _Wrong(f"NBQUEUE_URL is no server's URL: write {_EXAMPLES}.")
    scheme, authority, path, query, fragment = match.groups()
    if scheme.lower() not in _KINDS:
        raise _Wrong(f'NBQUEUE_URL begins with "{scheme}://", which is not known: write {_EXAMPLES}.')
    kind, tls = _KINDS[scheme.lower()]
    if fragment or (kind != "unix" and "@" in path):
        raise _Wrong(f"NBQUEUE_URL cannot be read behind its host. {_ENCODE}.")
    userinfo, _, hosts = authority.rpartition("@")
    user, _, password = userinfo.partition(":")
    base = Address(kind=kind, tls=tls, username=_text(user), password=_text(password))
    return _with_options(_PLACES[kind](base, hosts, path), query or "")


_EXAMPLES = (
    "redis://host:6379/0, rediss://host:6379/0, unix:///path/to/socket, redis+sentinel://host:26379/name/0, "
    "or inline: to use none"
)


def _server(base: Address, hosts: str, path: str) -> Address:
    host, port = _host(hosts or "localhost", REDIS_PORT)
    return replace(base, host=host, port=port, database=_database(path.removeprefix("/")))


def _socket(base: Address, hosts: str, path: str) -> Address:
    if hosts or not path.startswith("/"):
        raise _Wrong("NBQUEUE_URL needs the socket's absolute path: write unix:///path/to/socket, with three slashes.")
    return replace(base, path=unquote(path, errors="strict"), port=0)


def _sentinel(base: Address, hosts: str, path: str) -> Address:
    found = tuple(_host(each, SENTINEL_PORT) for each in hosts.split(","))
    master, _, database = path.removeprefix("/").partition("/")
    if not master:
        raise _Wrong(
            "NBQUEUE_URL needs the name of the master behind the Sentinels: redis+sentinel://host:26379/name/0."
        )
    host, port = found[0]
    return replace(
        base,
        sentinels=found,
        host=host,
        port=port,
        master=unquote(master, errors="strict"),
        database=_database(database),
    )


_PLACES: dict[str, Callable[[Address, str, str], Address]] = {
    "tcp": _server, "tls": _server, "unix": _socket, "sentinel": _sentinel,
}  # fmt: skip


def _host(text: str, default_port: int) -> tuple[str, int]:
    match = _HOST.match(text)
    if match is None or not 0 < int(match[3] or default_port) <= _HIGHEST_PORT:
        raise _Wrong(f"NBQUEUE_URL has no usable host and port: write host:port, the port from 1 to 65535. {_ENCODE}.")
    return match[1] or match[2], int(match[3] or default_port)


def _database(text: str) -> int:
    if not text:
        return 0
    if re.fullmatch("[0-9]{1,10}", text) and int(text) <= _HIGHEST_DATABASE:
        return int(text)
    raise _Wrong(f"NBQUEUE_URL names a database that is no number from 0 up: end it with /0. {_ENCODE}.")


def _with_options(address: Address, query: str) -> Address:
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    changes: dict[str, Any] = {}
    for name, _, value in pairs:
        if name not in _OPTIONS:
            raise _Wrong(f"NBQUEUE_URL has {_unknown(name)}: the options are {', '.join(_OPTIONS)}. {_ENCODE}.")
        changes.update(_option(name, unquote(value, errors="strict")))
    return replace(address, **changes)


def _unknown(name: str) -> str:
    """An option in words; one that is like none that is known is not named: it may be part of a password."""
    meant = get_close_matches(name, _OPTIONS, n=1, cutoff=0.8)
    if meant:
        return f'the option "{name}", which is not known (is {meant[0]} meant?)'
    return f'the option "{name}", which is another library\'s' if name in _FOREIGN else "an unknown option"


def _option(name: str, value: str) -> dict[str, Any]:
    if name == "db":
        return {"database": _database(value)}
    if name == "ssl_check_hostname":
        if value.lower() not in ("true", "false", "1", "0"):
            raise _Wrong("NBQUEUE_URL has an unknown value for ssl_check_hostname: write true or false.")
        return {"check_hostname": value.lower() in ("true", "1")}
    fields = {"ssl_ca_certs": "ca_file", "ssl_certfile": "cert_file", "ssl_keyfile": "key_file"}
    return {fields.get(name, name): value or None}


def _text(encoded: str) -> str | None:
    return unquote(encoded, errors="strict") or None


def _joined(places: tuple[tuple[str, int], ...]) -> str:
    return ",".join(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in places)
