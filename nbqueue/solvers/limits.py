"""What ends a search before a proof: limits of the user's, and the time limit of the job."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import Any

from nbqueue.errors import ConfigurationError
from nbqueue.inside.context import JobContext
from nbqueue.model import durations

#: before its time limit a job is asked to stop, and stops; should it not hear that, it ends by itself so long before
RESERVE_S = 1.0
_SHARE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Limits of one search."""

    #: seconds of this attempt
    time_limit: float | None = None
    #: seconds of all attempts of the job together
    total_limit: float | None = None
    #: a relative gap that is small enough
    gap: float | None = None
    #: seconds of this attempt that the model allows by a parameter of its own, checked by its solver
    own_limit: float | None = None

    @classmethod
    def of(cls, given: Mapping[str, Any], *, own_limit: float | None = None) -> Limits:
        """Those among the arguments of a `solve`; raises ConfigurationError for one that cannot be used."""
        check_limit("gap", given.get("gap"), "a fraction from 0, such as 0.01 for 1 %", zero=True)
        return cls(
            time_limit=_seconds("time_limit", given.get("time_limit")),
            total_limit=_seconds("total_limit", given.get("total_limit")),
            gap=given.get("gap"), own_limit=own_limit,
        )  # fmt: skip

    def left(self, spent_s: float, before_s: float, job: JobContext | None) -> tuple[float | None, str]:
        """Seconds that are left, never less than none, and the name of the limit that ends them.

        Args:
            spent_s: since this attempt's search began.
            before_s: what earlier attempts have searched.
            job: the one that it runs in.
        """
        found: list[tuple[float, str]] = []
        if self.time_limit is not None:
            found.append((self.time_limit - spent_s, "time_limit"))
        if self.own_limit is not None:
            found.append((self.own_limit - spent_s, "time_limit"))
        if self.total_limit is not None:
            found.append((self.total_limit - before_s - spent_s, "time_limit"))
        if job is not None and job.deadline is not None:
            reserve = min(RESERVE_S, (job.info.timeout_s or 0.0) / _SHARE)
            found.append((job.deadline - reserve - monotonic(), "timeout"))
        if not found:
            return None, "time_limit"
        left_s, name = min(found)
        return max(left_s, 0.0), name


def check_limit(name: str, value: object, wanted: str, *, zero: bool = False) -> None:
    """Raise ConfigurationError for anything but a number above 0 (or from 0), and None."""
    if value is None:
        return
    number = isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value)
    if not number or value < 0 or (value == 0 and not zero):  # type: ignore[operator]
        raise ConfigurationError(f"{name}={value!r} cannot be used: give {wanted}, or None for no limit.")


def _seconds(name: str, value: Any) -> float | None:
    """Seconds above 0 of a number, which may be without end, of a timedelta or of a text such as "5 min"."""
    found: float | None = durations.seconds(value, name) if isinstance(value, str | timedelta) else value
    check_limit(name, found, "seconds above 0, or text such as 90s or 5min")
    return found
