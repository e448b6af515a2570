"""Alerts on a queue: what is watched, what is remembered of it, and when it is over a limit or no longer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from nbqueue.errors import ConfigurationError
from nbqueue.model import durations, names

#: how often the ends of a window are noted
SAMPLES = 60
#: ends within the window from which on a share of failures says something
LEAST_ENDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What an alert is on: each given value is a limit of its own."""

    queue: str
    #: more jobs than this wait
    depth: int | None = None
    #: the oldest waits longer than this many seconds
    oldest_s: float | None = None
    #: a larger share than this of the jobs that ended within the window did not end well, 0 to 1
    failure_rate: float | None = None
    #: the length of the window in seconds
    window_s: float = 300.0

    @property
    def given(self) -> dict[str, float]:
        """The limits by name."""
        values = {"depth": self.depth, "oldest_s": self.oldest_s, "failure_rate": self.failure_rate}
        return {name: float(value) for name, value in values.items() if value is not None}

    def to_wire(self) -> dict[str, Any]:
        """As plain JSON."""
        return {"queue": self.queue, **self.given, "window_s": self.window_s}

    def id_with(self, url: str) -> str:
        """Names the alert: the same limits and URL are the same alert."""
        text = json.dumps([self.to_wire(), url], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """How a queue stands, on the server's clock."""

    at: datetime
    #: jobs that wait and are due
    depth: int = 0
    #: since how many seconds the oldest of them is due
    oldest_s: float = 0.0
    #: jobs that ended so far, the cancelled ones left out, and those of them that did not end well
    ended: int = 0
    bad: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossing:
    """A limit that a queue went over, or came back from."""

    queue: str
    #: "firing" or "resolved"
    state: str
    #: "depth", "oldest_s" or "failure_rate"
    measure: str
    value: float
    limit: float
    at: datetime
    #: when it went over the limit
    since: datetime

    def to_wire(self) -> dict[str, Any]:
        """As plain JSON: what a webhook is sent."""
        times = {"at": self.at.isoformat(), "since": self.since.isoformat()}
        return {
            "type": f"queue.alert.{self.state}", "timestamp": times["at"], "queue": self.queue, "state": self.state,
            "measure": self.measure, "value": self.value, "limit": self.limit, **times,
        }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What an alert remembers from one look to the next."""

    #: limit -> since when the queue is over it
    firing: dict[str, datetime] = field(default_factory=dict)
    #: (when, ended, ended badly), the oldest first
    samples: tuple[tuple[datetime, int, int], ...] = ()

    def to_wire(self) -> dict[str, Any]:
        """As plain JSON."""
        return {
            "firing": {name: at.isoformat() for name, at in self.firing.items()},
            "samples": [[at.isoformat(), ended, bad] for at, ended, bad in self.samples],
        }

    @classmethod
    def from_wire(cls, found: dict[str, Any]) -> Memory:
        """From what `to_wire` gave."""
        return cls(
            firing={name: datetime.fromisoformat(at) for name, at in found["firing"].items()},
            samples=tuple((datetime.fromisoformat(at), int(ended), int(bad)) for at, ended, bad in found["samples"]),
        )


def check(
    queue: str, *, depth: object, oldest_s: object, failure_rate: object, window_s: object
) -> Limits:  # fmt: skip
    """The limits, each checked; the first wrong one raises ConfigurationError."""
    if depth is oldest_s is failure_rate is None:
        raise ConfigurationError("An alert needs a limit: give depth=, oldest_s= or failure_rate=.")
    if depth is not None and (not isinstance(depth, int) or isinstance(depth, bool) or depth < 0):
        raise ConfigurationError(f"depth={depth!r} cannot be used: give a number of jobs, 0 or more.")
    share = failure_rate
    if share is not None and (not isinstance(share, int | float) or isinstance(share, bool) or not 0 <= share < 1):
        raise ConfigurationError(f"failure_rate={share!r} cannot be used: give a share from 0 to below 1.")
    return Limits(
        queue=names.check_queue(queue), depth=depth,
        oldest_s=None if oldest_s is None else durations.seconds(oldest_s, "oldest_s"),
        failure_rate=None if share is None else float(share),
        window_s=durations.seconds(window_s, "window_s", least=1.0),
    )  # fmt: skip


def judge(limits: Limits, memory: Memory, measure: Measure) -> tuple[Memory, list[Crossing]]:
    """What is to be remembered after a look, and what has changed by it: each crossing is told once."""
    samples = _sampled(memory.samples, measure, limits.window_s)
    values = {"depth": float(measure.depth), "oldest_s": measure.oldest_s, "failure_rate": _rate(samples, measure)}
    firing, found = dict(memory.firing), []
    for name, limit in limits.given.items():
        over, since = values[name] > limit, firing.get(name)
        if over == (since is not None):
            continue
        found.append(
            Crossing(
                queue=limits.queue,
                state="firing" if over else "resolved",
                measure=name,
                value=round(values[name], 3),
                limit=limit,
                at=measure.at,
                since=since or measure.at,
            )
        )
        if over:
            firing[name] = measure.at
        else:
            del firing[name]
    return replace(memory, firing=firing, samples=samples if limits.failure_rate is not None else ()), found


Samples = tuple[tuple[datetime, int, int], ...]


def _sampled(samples: Samples, measure: Measure, window_s: float) -> Samples:
    """The samples with this one, down to the last one at or before the beginning of the window."""
    if samples and (samples[-1][1] > measure.ended or samples[-1][2] > measure.bad or samples[-1][0] > measure.at):
        samples = ()  # the counters, or the server's clock, began anew
    begin = measure.at - timedelta(seconds=window_s)
    kept = list(samples)
    while len(kept) > 1 and kept[1][0] <= begin:
        kept.pop(0)
    if not kept or (measure.at - kept[-1][0]).total_seconds() >= window_s / SAMPLES:
        kept.append((measure.at, measure.ended, measure.bad))
    return tuple(kept)


def _rate(samples: Samples, measure: Measure) -> float:
    """The share of bad ends since the oldest sample; 0 where too few jobs ended to say."""
    _, ended, bad = samples[0]
    many = measure.ended - ended
    return (measure.bad - bad) / many if many >= LEAST_ENDS else 0.0


def described(limits: Limits) -> Iterator[str]:
    """The limits in words."""
    for name, limit in limits.given.items():
        yield f"{name} over {limit:g}" + (f" within {limits.window_s:g} s" if name == "failure_rate" else "")
