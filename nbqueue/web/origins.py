"""Which names this server answers to, and which pages may call it: pure checks of what a request says of itself."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlsplit

from nbqueue.errors import ConfigurationError
from nbqueue.model.names import shown

#: names of this machine that no other site can have
LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
#: what a server listens on that listens on every address; no name
EVERY = frozenset({"0.0.0.0", "::", "[::]", ""})  # noqa: S104 - told apart from names
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(?::([0-9]{1,5}))?\Z")
_PORTS = {"http": "80", "https": "443"}


def names_of(host: str, allow_hosts: Collection[str]) -> frozenset[str]:
    """The names that a request may call a server by that listens on `host`."""
    own = set() if host in EVERY else {_bracketed(host)}
    return LOOPBACK | {name.lower() for name in (*own, *(_name(each) for each in allow_hosts))}


def check_name(given: str) -> str:
    """A name of `--allow-host`; raises ConfigurationError for what no request can call a server by."""
    if _HOST.match(given):
        return given
    raise ConfigurationError(
        f"--allow-host {shown(given)} cannot be used: give a name as it stands in an address, without http:// and "
        "path, such as queue.example or queue.example:8443."
    )


def is_known(host: str, names: Collection[str]) -> bool:
    """Whether the Host that a request names is one of these, on whatever port."""
    match = _HOST.match(host)
    return match is not None and match[1].lower() in names


def is_own(origin: str, host: str, allow_hosts: Collection[str]) -> bool:
    """Whether a page of this origin is one of ours: of the host that the request names, or of a name that was given."""
    try:
        parts = urlsplit(origin)
        port = str(parts.port or _PORTS.get(parts.scheme, ""))
    except ValueError:
        return False
    match = _HOST.match(parts.netloc)
    if parts.scheme not in _PORTS or match is None:
        return False
    own = [host, *allow_hosts]
    return any(_same(match[1].lower(), port, each) for each in own)


def of_page(referer: str) -> str:
    """The origin of the page that a Referer names; "null", which is no origin of ours, where it names none."""
    try:
        parts = urlsplit(referer)
    except ValueError:
        return "null"
    return f"{parts.scheme}://{parts.netloc}"


def is_visit(scope: Mapping[str, Any]) -> bool:
    """Whether a person asks for a page, and would rather log in than be told a status."""
    accepts = b"".join(value for name, value in scope["headers"] if name == b"accept")
    return scope["method"] == "GET" and b"text/html" in accepts


def is_odd(path: str, raw: bytes) -> bool:
    """Whether a path is written as no link of ours is: with "..", "//", a backslash or control characters."""
    parts = path.split("/")
    hidden = b"%2f" in raw.lower() or b"%5c" in raw.lower()
    return (
        hidden or "\\" in path or not path.isprintable() or any(part in ("..", ".") for part in parts) or "//" in path
    )


def _same(name: str, port: str, known: str) -> bool:
    """Whether a name and port are those of `known`, which without a port stands on either usual one."""
    match = _HOST.match(known)
    if match is None or match[1].lower() != name:
        return False
    return port == match[2] if match[2] else port in _PORTS.values()


def _name(given: str) -> str:
    match = _HOST.match(given)
    return match[1] if match else given


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host
