"""What is known of word that is to be left: how often it was tried, and how that went."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from random import Random

from nbqueue.model.shown import Shown

#: the longest wait in seconds
CAP_S = 6 * 3600.0
#: what each further wait is multiplied by
FACTOR = 4.0
#: the share of a wait that chance may add or take away
JITTER = 0.2


class DeliveryState(StrEnum):
    """Where a delivery stands. Values are what the server stores."""

    #: it is under way, or will be tried (again)
    WAITING = "waiting"
    DELIVERED = "delivered"
    #: every attempt failed, or no worker allowed its host for three days
    FAILED = "failed"
    #: the receiver answered 410: it wants to hear no more
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery(Shown):
    """One message for a webhook. Times are UTC, on the server's clock."""

    #: the job that ended, or the message of an alert
    id: str
    url: str
    state: DeliveryState = DeliveryState.WAITING
    #: how often it was sent
    attempts: int = 0
    #: the last HTTP status; None: there was no answer so far
    status: int | None = None
    #: what was wrong the last time, in a sentence
    error: str = ""
    delivered_at: datetime | None = None
    #: when it is sent again
    next_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How often a message is sent, and how long is waited in between."""

    #: attempts in all
    tries: int = 8
    #: seconds before the second attempt; each further wait is four times as long
    backoff_s: float = 5.0

    def wait_s(self, attempt: int, chance: Random, *, asked_s: float = 0.0) -> float:
        """Seconds to wait after that many attempts; at least what the receiver asked for, up to the cap."""
        wait_s = self.backoff_s * FACTOR ** min(attempt - 1, 50)
        spread = 1 + JITTER * (2 * chance.random() - 1)
        return min(max(wait_s * spread, asked_s), CAP_S)
