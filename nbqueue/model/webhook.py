"""Where word may be left: the URL of a webhook, and which hosts and addresses a worker allows."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any
from urllib.parse import SplitResult, urlsplit

from nbqueue.errors import ConfigurationError
from nbqueue.model.names import shown

#: characters of a URL
URL_LIMIT = 2_000
DEFAULT_PORTS = {"http": 80, "https": 443}

_ASCII = re.compile(r"[!-~]+\Z")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\Z")
#: what an old way to write an IPv4 address ends with: 127.1, 0x7f000001
_NUMBER = re.compile(r"(?:\d+|0x[0-9a-f]*)\Z")
_HOST_LIMIT = 253
_MOST_PORT = 65_535
#: kinds of addresses that no message is ever sent to, and those that `--webhook-private` allows
FAR, NEAR = ("unspecified", "multicast", "reserved"), ("private", "loopback", "link-local")
#: addresses behind these are IPv4 ones: NAT64 (RFC 6052)
_NAT64 = IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """A URL that word is left at, taken apart."""

    #: as it is requested
    url: str
    scheme: str
    #: a name in lower case, or an address without brackets
    host: str
    port: int
    #: path and query
    path: str

    @property
    def target(self) -> str:
        """Host and port, as `HostRules` compares them."""
        return f"{_bracketed(self.host)}:{self.port}"

    @property
    def host_header(self) -> str:
        """What the request's Host line says."""
        return _bracketed(self.host) if self.port == DEFAULT_PORTS[self.scheme] else self.target


def webhook(value: object) -> Webhook:
    """The URL taken apart, or one sentence about what is wrong with it."""
    shown = ascii(value)[:80]
    if not isinstance(value, str) or not _ASCII.match(value) or "\\" in value or len(value) > URL_LIMIT:
        raise ConfigurationError(
            f"The webhook {shown} cannot be used: give an http:// or https:// URL of at most {URL_LIMIT:,} ASCII "
            "characters."
        )
    try:
        parts = urlsplit(value)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise ConfigurationError(f"The webhook {shown} cannot be used: {error}.") from None
    _check_parts(parts, host, port, shown)
    port = port or DEFAULT_PORTS[parts.scheme]
    shown_port = "" if port == DEFAULT_PORTS[parts.scheme] else f":{port}"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    url = f"{parts.scheme}://{_bracketed(host)}{shown_port}{path}"
    return Webhook(url=url, scheme=parts.scheme, host=host, port=port, path=path)


def _check_parts(parts: SplitResult, host: str, port: int | None, shown: str) -> None:
    if parts.scheme not in DEFAULT_PORTS:
        raise ConfigurationError(f"The webhook {shown} cannot be used: give an http:// or https:// URL.")
    if "@" in parts.netloc:
        raise ConfigurationError(
            "A webhook's URL cannot hold a user name or password: the receiver knows us by the signature "
            "(`nbqueue webhooks secret`)."
        )
    if parts.fragment or not _is_host(host) or port == 0:
        raise ConfigurationError(
            f"The webhook {shown} cannot be used: give a host, perhaps a port and a path, and nothing behind a #."
        )


def on_done(value: object) -> tuple[Any, ...]:
    """The callables and the URL of `on_done=`: one of them, or a list with at most one URL."""
    return _told(value, "on_done", "the job")


def on_crossing(value: object) -> tuple[Any, ...]:
    """The callables of an alert's `on=`, or its one URL, which workers call and not this process."""
    found = _told(value, "on", "a Crossing")
    urls = [item for item in found if isinstance(item, str)]
    if not found or (urls and len(found) > 1):
        raise ConfigurationError(
            f"on={shown(value)} cannot be used: give one URL, which workers call, or callables of this process; for "
            "both, set two alerts."
        )
    return found


def on_group_done(value: object) -> Any:
    """The callable that is told of the end of a group, or one sentence about what is wrong with it."""
    if isinstance(value, str):
        raise ConfigurationError(
            f"group.on_done({shown(value)}) cannot be used: give a callable that takes the group. A URL belongs into "
            "options(on_done=URL), and hears of each job."
        )
    return _callable(value, "on_done", "give a callable that takes the group")


def _told(value: object, what: str, subject: str) -> tuple[Any, ...]:
    items = tuple(value) if isinstance(value, list | tuple) else (value,)
    rule = f"give a callable that takes {subject}, a URL, or a list of them"
    found = tuple(webhook(item).url if isinstance(item, str) else _callable(item, what, rule) for item in items)
    if sum(isinstance(item, str) for item in found) > 1:
        raise ConfigurationError(f"{what}= takes one URL; leave word at others from there, or give callables.")
    return found


def _callable(item: object, what: str, rule: str) -> object:
    if inspect.iscoroutinefunction(item):
        raise ConfigurationError(
            f"{what}={ascii(item)[:60]} cannot be used: it is called in a thread, so give a plain function; in it, "
            ".wait() waits."
        )
    if callable(item):
        return item
    raise ConfigurationError(f"{what}={shown(item)} cannot be used: {rule}.")


def host_names(text: str) -> tuple[str, ...]:
    """The names of a text with commas between them."""
    return tuple(filter(None, (name.strip() for name in text.split(","))))


@dataclass(frozen=True, slots=True)
class HostRules:
    """The hosts a worker leaves word at. None are allowed where none are named."""

    #: `host:port`, where the host may be `*.domain` or `*` and the port `*`
    patterns: tuple[str, ...] = ()
    #: whether addresses of private networks and of this machine may be connected to
    private: bool = False

    @classmethod
    def of(cls, names: Iterable[str], *, private: bool = False) -> HostRules:
        """From names as people write them: `hooks.example.com`, `*.corp.example`, `host:8443`, `host:*`, `*`.

        A name without a port stands for the ports 443 and 80.
        """
        return cls(tuple(dict.fromkeys(found for name in names for found in _patterns(name))), private)

    def allows(self, hook: Webhook) -> bool:
        """Whether word may be left at this host and port."""
        return any(_fits(pattern, _bracketed(hook.host), hook.port) for pattern in self.patterns)

    def forbids(self, text: str) -> str:
        """Why an address that the host's name stands for must not be connected to; empty where it may be."""
        return "" if (kind := _kind_of(text)) in {"", *(NEAR if self.private else ())} else kind


def _kind_of(text: str) -> str:
    """What is special about an address, in a word; empty for one of the public internet."""
    found = ip_address(text.partition("%")[0])
    inner = _inner(found)
    if inner is not None:
        return _kind_of(str(inner))
    kinds = {
        "unspecified": found.is_unspecified, "loopback": found.is_loopback, "link-local": found.is_link_local,
        "multicast": found.is_multicast, "private": _is_private(found), "reserved": found.is_reserved,
    }  # fmt: skip
    return next((kind for kind, fits in kinds.items() if fits), "" if found.is_global else "private")


def _is_private(found: IPv4Address | IPv6Address) -> bool:
    return (found.is_private and not found.is_reserved) or (isinstance(found, IPv6Address) and found.is_site_local)


def _inner(found: IPv4Address | IPv6Address) -> IPv4Address | None:
    """The IPv4 address that is reached by an IPv6 one."""
    if isinstance(found, IPv4Address):
        return None
    if found in _NAT64:
        return IPv4Address(int(found) & 0xFFFFFFFF)
    return found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)


def _patterns(name: str) -> tuple[str, ...]:
    name = name.strip().lower()
    host, colon, port = name.rpartition(":")
    if not colon or name.endswith("]"):
        host, port = name, ""
    bare = host.removeprefix("*.") if host != "*" else "any"
    is_port = port in {"", "*"} or (port.isdecimal() and 0 < int(port) <= _MOST_PORT)
    if not _is_host(bare.strip("[]")) or not is_port or (colon and not port and host != name):
        raise ConfigurationError(
            f"--webhook-hosts {name!r} cannot be used: give names such as hooks.example.com, *.corp.example, host:80."
        )
    return tuple(f"{_bracketed(host.strip('[]'))}:{each}" for each in ([port] if port else ("443", "80")))


def _fits(pattern: str, host: str, port: int) -> bool:
    wanted, _, wanted_port = pattern.rpartition(":")
    if wanted_port not in {"*", str(port)}:
        return False
    return wanted in {"*", host} or (wanted.startswith("*.") and host.endswith(wanted[1:]))


def _is_host(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        labels = host.split(".")
        return len(host) <= _HOST_LIMIT and all(map(_LABEL.match, labels)) and not _NUMBER.match(labels[-1])
    return "%" not in host


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
