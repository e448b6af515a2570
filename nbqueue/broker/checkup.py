"""What of a server keeps jobs from running or from being kept: read from what it says of itself, with the remedy."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Literal

from nbqueue.broker.address import Address
from nbqueue.broker.memory import StoreMemory

#: the oldest servers whose scripts and streams do what ours need
OLDEST = {"valkey": (7, 2), "redis": (7, 0)}
#: the first sound release of each line against CVE-2025-49844: who may run scripts could take over the server
_MENDED: dict[str, dict[tuple[int, ...], tuple[int, ...]]] = {
    "valkey": {(7, 2): (7, 2, 11), (8, 0): (8, 0, 6), (8, 1): (8, 1, 4)},
    "redis": {(7, 0): (7, 2, 11), (7, 2): (7, 2, 11), (7, 4): (7, 4, 6), (8, 0): (8, 0, 4), (8, 2): (8, 2, 2)},
}
#: the first releases that read their append-only file whatever the user `default` may do
_READS_ALL = {"valkey": (9, 1, 2)}
#: a clock that differs by more makes jobs start early or late
SKEW_S = 2.0
#: a round trip that takes longer is felt in a notebook
SLOW_S = 0.05

Mark = Literal["ok", "note", "wrong", "accepted"]


#: a hole of servers that are known by their version alone
HOLE = "CVE-2025-49844"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    #: "wrong" keeps jobs from running or from being kept; a note is worth knowing; what is accepted was one of these
    mark: Mark
    said: str


def server(info: Mapping[str, Any]) -> Iterator[Finding]:
    """Its version, and whether it is one server that takes writes."""
    yield from _version(info)
    if info.get("cluster_enabled"):
        yield Finding("server", "wrong", "it is part of a cluster, whose servers share no keys: use one without")
    if info.get("role") == "slave":
        place = f"{info.get('master_host', '?')}:{info.get('master_port', '?')}"
        yield Finding("server", "wrong", f"it is a read-only replica of {place}: name that one, or the Sentinels")


def watched(info: Mapping[str, Any], primary: str, silent: Collection[str], count: int) -> Iterator[Finding]:
    """Of a server behind so many Sentinels: where it is, its replicas, and who of the Sentinels keeps silent."""
    replicas = [each for name, each in info.items() if re.fullmatch(r"slave\d+", name) and isinstance(each, dict)]
    copies = ", ".join(f"{each.get('ip')}:{each.get('port')} ({each.get('state')})" for each in replicas)
    said = f"the primary is {primary}, its replicas: {copies or 'none'}"
    if silent:
        yield Finding("Sentinels", "note", f"{', '.join(silent)} of {count} give no answer: start them again; {said}")
    elif not copies:
        yield Finding("Sentinels", "note", f"{said}: nobody takes its place when it fails")
    else:
        yield Finding("Sentinels", "ok", f"{said}; all {count} Sentinels answer")
    if "min_slaves_good_slaves" not in info:
        todo = "set min-replicas-to-write 1 and min-replicas-max-lag 1"
        yield Finding(
            "Sentinels", "note", f"a primary that has lost its replicas goes on accepting what is lost: {todo}"
        )


def keeping(info: Mapping[str, Any]) -> Iterator[Finding]:
    """Whether what it accepted outlives its process."""
    if info.get("rdb_last_bgsave_status", "ok") != "ok":
        yield Finding(
            "persistence", "wrong", "its last snapshot failed, so it may refuse writes: make room on its disk"
        )
    if info.get("aof_enabled"):
        last = str(info.get("aof_last_write_status"))
        said = f"append-only file, last write {last}"
        yield (
            Finding("persistence", "ok", said)
            if last == "ok"
            else Finding("persistence", "wrong", f"{said}: make room on its disk, and look into its log")
        )
    else:
        said = "no append-only file, so accepted jobs are lost when the server's machine fails: set appendonly yes"
        yield Finding("persistence", "note", said)


def replay(info: Mapping[str, Any], missing: Collection[str]) -> Iterator[Finding]:
    """Whether it will read its append-only file at its next start, by what its user `default` may not do."""
    kind, found = _release(info)
    if missing and info.get("aof_enabled") and not (kind in _READS_ALL and found >= _READS_ALL[kind]):
        said = (
            f"at its next start the server reads its append-only file as the user default, who may not do all that "
            f"is in there ({', '.join(sorted(missing)[:3])}...), and ALL JOBS ARE LOST"
        )
        todo = "run ACL SETUSER default off ~* &* +@all, and have the same in its aclfile: nobody gets in by that"
        yield Finding("persistence", "wrong", f"{said}: {todo}")


def room(info: Mapping[str, Any]) -> Finding:
    """How much memory it has, and what it does when that is full."""
    used, limit, policy = info.get("used_memory", 0), info.get("maxmemory", 0), info.get("maxmemory_policy")
    if limit and policy not in (None, "noeviction"):
        said = f"{_size(used)} used; policy {policy} throws jobs away: set maxmemory-policy noeviction"
        return Finding("memory", "wrong", said)
    bound = limit or info.get("total_system_memory")
    if bound and (full := StoreMemory(used_bytes=used, limit_bytes=bound, is_limited=True).warning):
        return Finding("memory", "wrong", full)
    if limit:
        return Finding("memory", "ok", f"{_size(used)} used, limit {_size(limit)}")
    todo = "set maxmemory, or it is ended where the machine has no more"
    return Finding("memory", "note", f"{_size(used)} used, no limit: {todo}")


def clock(skew_s: float) -> Finding:
    """How far its clock is from that of this machine."""
    said = f"differs from this machine's by {skew_s:.1f} s"
    if skew_s < SKEW_S:
        return Finding("clock", "ok", said)
    return Finding("clock", "note", f"{said}: set both by NTP, or what is due at a time starts as much early or late")


def latency(round_trip_s: float) -> Finding:
    """How long it takes to answer."""
    said = f"answers in {1000 * round_trip_s:.1f} ms"
    if round_trip_s < SLOW_S:
        return Finding("latency", "ok", said)
    return Finding("latency", "note", f"{said}, which each submit waits for: run workers and notebooks closer to it")


def way(address: Address) -> Iterator[Finding]:
    """Whether others on the network could read along. Of a server that is on this machine there is nothing to say."""
    far = [host for host in _hosts(address) if not _is_here(host)]
    if far and not address.tls:
        scheme = "rediss+sentinel" if address.kind == "sentinel" else "rediss"
        said = f"what goes to {far[0]} is not encrypted, the password neither: write {scheme}://, where it has TLS"
        yield Finding("way", "note", said)
    elif address.tls and not address.check_hostname:
        said = "the name in the server's certificate is not checked: leave ssl_check_hostname=false out of NBQUEUE_URL"
        yield Finding("way", "note", said)
    elif address.tls:
        yield Finding("way", "ok", "encrypted, and the server's certificate is checked")


def _version(info: Mapping[str, Any]) -> Iterator[Finding]:
    kind, found = _release(info)
    text = str(info.get(f"{kind}_version", "0"))
    if found[:2] < OLDEST[kind]:
        least = ".".join(map(str, OLDEST[kind]))
        yield Finding("server", "wrong", f"{kind} {text}, but {least} is the oldest that does: upgrade it")
        return
    yield Finding("server", "ok", f"{kind} {text}")
    sound = _MENDED[kind].get(found[:2], found)
    if found < sound:
        wanted = ".".join(map(str, sound))
        said = f"{kind} {text} lets who may run scripts take it over: upgrade it to {wanted} or later"
        yield Finding(HOLE, "note", f"{said}; where your distribution has mended it, give --accept {HOLE}")


def _release(info: Mapping[str, Any]) -> tuple[str, tuple[int, ...]]:
    """Which server it is, and the numbers of its version."""
    kind = "valkey" if "valkey_version" in info else "redis"
    return kind, tuple(map(int, re.findall(r"\d+", str(info.get(f"{kind}_version", "0")))[:3]))


def _hosts(address: Address) -> list[str]:
    """The hosts that it is spoken to by a network: of a server that Sentinels know, theirs."""
    if address.kind == "sentinel":
        return [host for host, _ in address.sentinels]
    return [address.host] if address.kind == "tcp" else []


def _is_here(host: str) -> bool:
    try:
        return ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host in ("", "localhost") or host.endswith(".localhost")


def _size(number: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:  # noqa: PLR2004 - the step from one unit to the next
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"
