"""What an error of the server or of the way to it means, in one sentence, and whether to try again."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

from redis import exceptions as redis_errors
from redis.asyncio.sentinel import MasterNotFoundError

from nbqueue.broker import tls
from nbqueue.broker.address import Address, parse_url
from nbqueue.errors import (
    AccessDenied,
    BrokerUnavailable,
    ConfigurationError,
    JobLost,
    NbqueueError,
    QueueClosed,
    StoreFull,
)


class NotWatched(redis_errors.ResponseError):
    """The Sentinels that a URL names know no such primary, or are none: no waiting mends that."""


_LONGEST_CHAIN = 10
_SHOWN = 200
#: words a server begins an answer with while it cannot serve, but soon may
_PASSING = ("LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "BUSY ", "NOREPLICAS")
_DENIED = (
    redis_errors.AuthenticationError, redis_errors.AuthorizationError, redis_errors.NoPermissionError,
    redis_errors.AuthenticationWrongNumberOfArgsError, PermissionError,
    redis_errors.InvalidResponse,
)  # fmt: skip
_GONE = (redis_errors.ConnectionError, redis_errors.TimeoutError, OSError)
#: commands that every server knows which keeps data, and no Sentinel
_OF_DATA = ("EVALSHA", "EXISTS", "GET", "HGETALL", "HMGET", "MULTI", "SCRIPT", "SET", "SMEMBERS", "TIME", "ZRANGE")
#: what helps where there is no memory left
_ROOM = "clear finished jobs (`nbqueue clear QUEUE --state succeeded`), or raise its maxmemory"
#: error types or beginnings of the answer, what we raise for them, and what we say
_ANSWERS: tuple[tuple[tuple[type[BaseException], ...], tuple[str, ...], type[NbqueueError], str], ...] = (
    (
        (redis_errors.OutOfMemoryError,), ("OOM",), StoreFull,
        f"is out of memory, and nothing was stored: {_ROOM}",
    ),
    (
        (), ("MISCONF",), StoreFull,
        "cannot write to its disk, and nothing was stored: make room there, and look into the server's log",
    ),
    (
        (redis_errors.ReadOnlyError,), ("READONLY",), BrokerUnavailable,
        "is a read-only replica: name the primary in NBQUEUE_URL, or wait for the fail-over",
    ),
    (
        (redis_errors.BusyLoadingError,), ("LOADING",), BrokerUnavailable,
        "is still loading its data: try again in a moment",
    ),
    (
        (redis_errors.AskError, redis_errors.ClusterCrossSlotError), ("MOVED", "ASK ", "CROSSSLOT"), ConfigurationError,
        "is part of a cluster, whose servers share no keys: name a server without one in NBQUEUE_URL",
    ),
    (
        (), ("DB index is out of range", "invalid DB index", "ERR DB index", "ERR invalid DB"), ConfigurationError,
        "has no database of that number: end NBQUEUE_URL with /0",
    ),
    (
        (), tuple(f"unknown command '{name}'" for name in _OF_DATA), ConfigurationError,
        "keeps no data, and is as it seems a Sentinel: write redis+sentinel://host:26379/name/0 in NBQUEUE_URL",
    ),
)  # fmt: skip
#: words that our scripts begin a refusal with, and the error it is; the sentence follows
_REFUSALS: dict[str, type[NbqueueError]] = {
    "PARENT": JobLost, "CLOSED": QueueClosed, "GONE": BrokerUnavailable, "LATE": ConfigurationError,
}  # fmt: skip
_PASSING_TYPES = (redis_errors.BusyLoadingError, redis_errors.ReadOnlyError, redis_errors.TryAgainError)


def is_connection_error(error: BaseException) -> bool:
    """Whether the way to the server failed, or it cannot serve just now: worth another try."""
    chain = list(_chain(error))
    if any(
        isinstance(each, (*_DENIED, AccessDenied, StoreFull, NotWatched)) or tls.fault(each) is not None
        for each in chain
    ):
        return False
    if isinstance(error, redis_errors.ResponseError):
        return isinstance(error, _PASSING_TYPES) or _answer(error).startswith(_PASSING)
    return isinstance(error, _GONE)


def is_read_only(error: BaseException) -> bool:
    """Whether the server is a replica, which takes no writes."""
    return isinstance(error, redis_errors.ReadOnlyError)


@contextlib.contextmanager
def full_passed_over() -> Iterator[None]:
    """A write that can be done without: where the server is out of memory or disk it is left out."""
    try:
        yield
    except redis_errors.ResponseError as error:
        if not is_full(error):
            raise


def is_full(error: BaseException) -> bool:
    """Whether the server is out of memory or disk, and takes nothing more."""
    return isinstance(explain(error, "the server"), StoreFull)


def explain(error: BaseException, address: Address | str) -> NbqueueError:
    """The error as one of ours: what came, from where, and what to do. It never holds a password."""
    if isinstance(error, NbqueueError):
        return error
    server = _server(address)
    for each in _chain(error):
        told = _denied(each, server) or _answered(each, server)
        if told is not None:
            return told
    return BrokerUnavailable(
        f"{server} cannot be reached: {_cause(error, address)}. "
        "Check that it runs, and that NBQUEUE_URL names the right place."
    )


def speaks_plain(address: Address | str) -> AccessDenied:
    """The error for TLS asked of a server that speaks none."""
    return AccessDenied(f"{_server(address)} {tls.NO_TLS}")


def speaks_tls(address: Address) -> AccessDenied:
    """The error for plain speech to a server that wants TLS."""
    return AccessDenied(f"{_server(address)} speaks TLS alone: write rediss:// instead of redis:// in NBQUEUE_URL.")


def was_hung_up(error: BaseException) -> bool:
    """Whether the server took the connection and ended it."""
    ended = any(isinstance(each, ConnectionResetError | BrokenPipeError) for each in _chain(error))
    return ended or "closed by server" in str(error)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what it came from, nearest first. redis-py hides the first cause in its own errors."""
    each: BaseException | None = error
    for _ in range(_LONGEST_CHAIN):
        if each is None:
            return
        yield each
        each = each.__cause__ or each.__context__


def _denied(error: BaseException, server: str) -> NbqueueError | None:
    """The server refused us, and will again."""
    text = str(error)
    match error:
        case redis_errors.AuthenticationError() | redis_errors.AuthenticationWrongNumberOfArgsError():
            return AccessDenied(f"{server} {_password_fault(text)}")
        case redis_errors.NoPermissionError() | redis_errors.AuthorizationError():
            return AccessDenied(
                f"{server} does not allow this to the user of NBQUEUE_URL ({_line(text)}): "
                "set NBQUEUE_NAMESPACE to the namespace that the user is for, give it the rights, or name another one.",
                lacks_right=True,
            )  # fmt: skip
        case PermissionError():
            return AccessDenied(
                f"{server} may not be reached by this user: check owner and mode of its socket and the socket's folder."
            )
        case redis_errors.InvalidResponse():
            return AccessDenied(
                f"{server} does not speak Redis' protocol: check host and port in NBQUEUE_URL, "
                "and write rediss:// if the server wants TLS."
            )
    told = tls.fault(error)
    return AccessDenied(f"{server} {told}") if told is not None else None


def _password_fault(text: str) -> str:
    if "without any password" in text or "no password is set" in text:
        return "has no password set: take the password out of NBQUEUE_URL."
    if "required" in text.lower() or "NOAUTH" in text:
        return "asks for a password: write it into NBQUEUE_URL (redis://:password@host:port/0)."
    return "refused the password or user of NBQUEUE_URL: correct them there."


def _answered(error: BaseException, server: str) -> NbqueueError | None:
    """The server answered, and cannot do what was asked."""
    if not isinstance(error, redis_errors.ResponseError | redis_errors.BusyLoadingError):
        return None
    text = _answer(error)
    for types, marks, kind, sentence in _ANSWERS:
        if isinstance(error, types) or text.startswith(marks):
            return kind(f"{server} {sentence}.")
    word, _, sentence = text.partition(" ")
    if word in _REFUSALS:
        return _REFUSALS[word](f"{sentence[:1].upper()}{sentence[1:]}.")
    return BrokerUnavailable(f"{server} answered with an error: {_line(text)}.")


def _answer(error: BaseException) -> str:
    """What the server said; redis-py puts the command before it in a pipeline."""
    return str(error).rpartition("caused error: ")[2]


def _cause(error: BaseException, address: Address | str) -> str:
    """The first cause, in words that hold nothing of the URL but its place."""
    root = [each for each in _chain(error) if not isinstance(each, asyncio.CancelledError)][-1]
    if isinstance(root, TimeoutError | redis_errors.TimeoutError):
        return "no answer in time"
    if isinstance(root, socket.gaierror):
        return f"the name of its host is not known ({root.strerror})"
    if isinstance(root, ConnectionRefusedError):
        return "connection refused"
    if isinstance(root, FileNotFoundError):
        return "there is no socket of that name"
    if isinstance(root, MasterNotFoundError):
        return _line(str(root).partition(" : ")[0])  # what follows are objects of redis-py
    text = (root.strerror if isinstance(root, OSError) else None) or str(root) or type(root).__name__
    return _line(_without_secrets(text, address))


def _server(address: Address | str) -> str:
    """The server as a sentence may begin with it."""
    if isinstance(address, Address):
        return f"The server at {address}"
    try:
        return f"The server at {parse_url(address)}"
    except ConfigurationError:
        return "The server"


def _without_secrets(text: str, address: Address | str) -> str:
    secret = address.password if isinstance(address, Address) else None
    return text.replace(secret, "***") if secret else text


def _line(text: str) -> str:
    first = (text.strip().splitlines() or ["no text"])[0].rstrip(".")
    return first if len(first) <= _SHOWN else first[:_SHOWN] + "..."
