"""Whether an error says "not now": an HTTP 429, a Retry-After, or RetryLater; and for how long."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from nbqueue.errors import RetryLater

_TOO_MANY = 429
#: answers that are such a refusal only where they come with a Retry-After
_BUSY = {503, 529}
_LONGEST_S = 86_400.0
_FIRST_S = 1.0
_CAP_S = 60.0
#: a chain of causes is looked at so far
_DEPTH = 5


def asked_wait_s(error: BaseException, times: int, now: datetime | None = None) -> float | None:
    """Seconds for which whoever raised it wants to be left alone; None where the error is one of the item's own.

    Where nothing is said of how long, it is 1 s, and twice that for each of the `times` before, up to a minute.

    Args:
        error: what the function raised: of requests, httpx, aiohttp, urllib, openai, anthropic, or alike.
        times: how many refusals in a row came before this one.
        now: the time, for a Retry-After that is a date.
    """
    for each in _chain(error):
        if isinstance(each, RetryLater):
            return each.after_s
        status, after = _status(each), _retry_after(each)
        if status == _TOO_MANY or (status in _BUSY and after is not None):
            said_s = _seconds(after, now or datetime.now(UTC))
            return min(_CAP_S, _FIRST_S * 2 ** min(times, 10)) if said_s is None else said_s
    return None


def _chain(error: BaseException) -> list[BaseException]:
    """The error and what it was raised from: clients wrap one another."""
    found: list[BaseException] = []
    each: BaseException | None = error
    while each is not None and len(found) < _DEPTH:
        found.append(each)
        each = each.__cause__
    return found


def _status(error: BaseException) -> int | None:
    for holder in (error, getattr(error, "response", None)):
        for name in ("status_code", "status", "code"):
            found = getattr(holder, name, None)
            if isinstance(found, int) and not isinstance(found, bool):
                return found
    return None


def _retry_after(error: BaseException) -> Any:
    own = getattr(error, "retry_after", None)
    if own is not None:
        return own
    for holder in (error, getattr(error, "response", None)):
        headers: Any = getattr(holder, "headers", None)
        found = _header(headers) if headers is not None else None
        if found is not None:
            return found
    return None


def _header(headers: Any) -> Any:
    """Plain dicts know no case, and the classes of libraries do."""
    if isinstance(headers, Mapping):
        return next((value for name, value in headers.items() if str(name).lower() == "retry-after"), None)
    get = getattr(headers, "get", None)
    return get("Retry-After") if callable(get) else None


def _seconds(value: Any, now: datetime) -> float | None:
    """The seconds of a number, or of a date as HTTP has it; None for what is neither."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        found = _until(value, now)
    return min(max(found, 0.0), _LONGEST_S) if math.isfinite(found) else None


def _until(value: Any, now: datetime) -> float:
    try:
        moment = parsedate_to_datetime(str(value))
    except (TypeError, ValueError):
        return math.nan
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now.timestamp()
