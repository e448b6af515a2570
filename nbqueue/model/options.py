"""The options of a job: validated once, at submit, and carried to the worker as plain JSON."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal

from nbqueue.errors import ConfigurationError, NbqueueError
from nbqueue.model import durations, labels, names, plain_json, presets, resources, webhook
from nbqueue.model.limits import check_concurrency, check_rate, limit
from nbqueue.model.other_names import unknown_option
from nbqueue.model.presets import Preset
from nbqueue.model.retry import NO_RETRY, RetryPolicy, policy

RunIn = Literal["process", "async", "thread"]
Isolation = Literal["pool", "fresh"]
OnParentFailure = Literal["fail", "skip", "run"]
Once = Literal["unique", "debounce", "cache"]

DEFAULT_GRACE_S = 2.0
DAY_S = 86_400.0
#: items that one job of a `submit_map` may take
MOST_ITEMS = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What was asked for a job, checked. Times are seconds, sizes bytes."""

    queue: str = "default"
    #: -99 to 99, more is sooner
    priority: int = 0
    #: seconds to wait before it may start
    delay: float = 0.0
    #: the moment from which it may start (aware); wins over `delay`
    at: datetime | None = None
    #: do not start later than this many seconds after submit
    expires: float | None = None
    #: seconds of running time; None: no limit
    timeout: float | None = None
    #: seconds before the limit at which the code is asked to stop
    grace: float = DEFAULT_GRACE_S
    retry: RetryPolicy = NO_RETRY
    #: the caller's own id; the second submit of an id gives the first's job
    job_id: str | None = None
    #: None: by the function's kind ("async" for coroutine functions, else "process")
    run_in: RunIn | None = None
    isolation: Isolation = "pool"
    #: resident bytes the child's process group may use, at least 32 MB
    memory: int | None = None
    keep_result: float = DAY_S
    keep_error: float = DAY_S
    tags: tuple[str, ...] = ()
    #: what the card shows; None: the function's name
    label: str | None = None
    #: what the limits count by; None: the function
    limit_key: str | None = None
    #: what workers must have free for it, canonical: `gpu=1,memory_gb=8`
    resources: str = ""
    #: what workers must have for it that is not used up: `gpu`, `site=berlin`
    labels: tuple[str, ...] = ()
    #: starts in a time, such as "20/min", over all workers
    rate: str | None = None
    #: jobs under way at once, over all workers
    concurrency: int | None = None
    #: seconds in which the same function and arguments give the same job
    unique: float | None = None
    #: seconds to wait for another job of the same function and arguments, which then takes this one's place
    debounce: float | None = None
    #: seconds for which the result of the same function and arguments is taken
    cache: float | None = None
    #: make a new job where `unique` or `cache` would give another's
    force: bool = False
    #: ids of jobs and groups that must end first
    after: tuple[str, ...] = ()
    #: what becomes of it when one of those does not succeed
    on_parent_failure: OnParentFailure = "fail"
    #: items of a `submit_map` that one job takes
    batch: int = 1
    #: what the other options were filled in from
    preset: Preset | None = None
    #: what is told of its end: callables in the client's process, and at most one URL
    on_done: tuple[Any, ...] = field(default=(), hash=False)

    @property
    def webhook_url(self) -> str:
        """The URL that workers leave word at when it ends; empty for none."""
        return next((item for item in self.on_done if isinstance(item, str)), "")

    @property
    def grace_before_limit_s(self) -> float:
        """How long before its limit the code is asked to stop: min(grace, timeout / 4)."""
        return min(self.grace, self.timeout / 4) if self.timeout is not None else self.grace

    @property
    def once(self) -> tuple[Once, float] | None:
        """How other jobs of the same function and arguments matter, and for how many seconds; None: not at all."""
        for name in _ONCE:
            if (window := getattr(self, name)) is not None:
                return name, window
        return None

    @property
    def needs(self) -> str:
        """Resources and labels, as canonical text."""
        return labels.needed(self.resources, self.labels) if self.labels else self.resources

    def limits(self, function: str) -> dict[str, dict[str, int]]:
        """The limits it brings: scope, a key or the function, -> limit as the claiming script reads it."""
        found = limit(self.rate, self.concurrency)
        scope = f"k:{self.limit_key}" if self.limit_key is not None else f"f:{function}"
        return {} if found.is_open and self.limit_key is None else {scope: found.to_wire()}

    def to_wire(self) -> dict[str, Any]:
        """The options a worker needs, as plain JSON; defaults are left out."""
        found: dict[str, Any] = {}
        for name in _CARRIED:
            if getattr(self, name) != getattr(DEFAULTS, name):
                found[name] = getattr(self, name)
        if self.retry != NO_RETRY:
            found["retry"] = self.retry.to_wire()
        if self.webhook_url:
            found["on_done"] = self.webhook_url
        return found

    @classmethod
    def from_wire(cls, found: dict[str, Any], base: Options | None = None) -> Options:
        """The options from what `to_wire` gave, checked again (another version may have written it), else `base`'s."""
        if not found:
            return base or DEFAULTS
        return _from_wire(plain_json.encode(found), base or DEFAULTS)


@lru_cache(maxsize=256)
def _from_wire(text: str, base: Options) -> Options:
    """As `Options.from_wire`, for a text; jobs of one function come with the same."""
    found = plain_json.decode(text)
    known = {key: value for key, value in found.items() if key in _WIRE}
    if "retry" in known:
        known["retry"] = RetryPolicy.from_wire(known["retry"])
    return replace(base, **_checked(known))


DEFAULTS = Options()
_CARRIED = (
    "timeout", "grace", "run_in", "isolation", "memory", "keep_result", "keep_error", "on_parent_failure", "resources",
    "labels", "limit_key", "rate", "concurrency", "preset", "batch",
)  # fmt: skip
_WIRE = frozenset({*_CARRIED, "retry", "on_done"})
_ONCE: tuple[Once, ...] = ("unique", "debounce", "cache")
_NAMES = tuple(item.name for item in fields(Options))


def check(base: Options = DEFAULTS, **given: Any) -> Options:
    """`base` with the given options, each checked; the first wrong one raises ConfigurationError.

    A preset fills in what was not given.
    """
    unknown = [name for name in given if name not in _NAMES]
    if unknown:
        raise unknown_option("Option {} is not known", unknown[0], _NAMES)
    checked = _checked(given)
    if "preset" in checked:
        checked = presets.expand(checked["preset"], checked.get("priority", base.priority)) | checked
    return _consistent(replace(base, **checked))


def _checked(given: dict[str, Any]) -> dict[str, Any]:
    return {name: _checked_one(name, value) for name, value in given.items() if value is not None}


def _checked_one(name: str, value: object) -> object:
    """A value of an option, checked; what a value's own code raises meanwhile is told as what is wrong with it."""
    try:
        return _CHECKS[name](value)
    except NbqueueError:
        raise
    except Exception as error:
        raise ConfigurationError(
            f"{name}={names.shown(value)} cannot be used: looking at it raises {type(error).__name__}."
        ) from error


def _consistent(found: Options) -> Options:
    """The options, where they do not contradict one another; a cached result is kept as long as it may be taken."""
    once = [name for name in _ONCE if getattr(found, name) is not None]
    if len(once) > 1 or (once and found.job_id is not None):
        both = " and ".join([*once, "job_id"][:2])
        raise ConfigurationError(f"{both} cannot be used together: each says in its own way which jobs are the same.")
    if found.job_id is not None and found.job_id in found.after:
        raise ConfigurationError(f"Job {found.job_id!r} cannot wait for itself: leave it out of after=[...].")
    _check_in_time(found)
    if found.cache is not None and found.keep_result < found.cache:
        return replace(found, keep_result=found.cache)
    return found


def _check_in_time(found: Options) -> None:
    """Refuse a job that would be too late before it may start; where `at` is given, `delay` does not count."""
    waits = {"delay": found.delay if found.at is None else 0.0, "debounce": found.debounce or 0.0}
    name, wait = max(waits.items(), key=lambda item: item[1])
    if found.expires is not None and wait >= found.expires:
        raise ConfigurationError(
            f"{name}={wait:.12g} and expires={found.expires:.12g} cannot be used together: both count from the submit, "
            f"and the job would be too late before it may start. Give expires= more than {name}=."
        )


def _choice(name: str, *allowed: str) -> Any:
    def checked(value: object) -> object:
        if value in allowed:
            return value
        raise ConfigurationError(
            f"{name}={names.shown(value)} cannot be used: give one of {', '.join(map(repr, allowed))}."
        )

    return checked


def _seconds(name: str, least: float = 0.0) -> Any:
    return lambda value: durations.seconds(value, name, least=least)


def _moment(value: object) -> datetime:
    if isinstance(value, datetime) and value.tzinfo is not None:
        if abs(value - datetime.now(UTC)) > timedelta(days=3660):
            raise ConfigurationError(f"at={value.isoformat()} is out of range: give a moment within ten years.")
        return value
    raise ConfigurationError(
        f"at={names.shown(value)} cannot be used: give an aware datetime, for example with tzinfo=UTC."
    )


def _flag(name: str) -> Any:
    def checked(value: object) -> bool:
        if isinstance(value, bool):
            return value
        raise ConfigurationError(f"{name}={names.shown(value)} cannot be used: give True or False.")

    return checked


def _after(value: object) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, list | tuple | set | frozenset):
        raise ConfigurationError(
            f"after={names.shown(value)} cannot be used: give a list of jobs, groups or their ids."
        )
    return tuple(dict.fromkeys(names.check_job_id(each) for each in value))


def _batch(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST_ITEMS:
        return value
    raise ConfigurationError(
        f"batch={names.shown(value)} cannot be used: give a whole number of items from 1 to {MOST_ITEMS:,}."
    )


def _tags(value: object) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, list | tuple | set | frozenset):
        raise ConfigurationError(f"tags={names.shown(value)} cannot be used: give a list of strings.")
    return tuple(names.check_text(tag, "tag", 64, least=1) for tag in value)


_CHECKS: dict[str, Any] = {
    "queue": names.check_queue,
    "priority": durations.priority,
    "delay": _seconds("delay"),
    "at": _moment,
    "expires": _seconds("expires", 0.001),
    "timeout": _seconds("timeout", 0.001),
    "grace": _seconds("grace"),
    "retry": policy,
    "job_id": names.check_job_id,
    "run_in": _choice("run_in", "process", "async", "thread"),
    "isolation": _choice("isolation", "pool", "fresh"),
    "memory": durations.process_bytes,
    "keep_result": _seconds("keep_result"),
    "keep_error": _seconds("keep_error"),
    "tags": _tags,
    "label": lambda value: names.check_text(value, "label"),
    "limit_key": lambda value: names.check_text(value, "limit_key", least=1),
    "resources": lambda value: resources.canonical(
        resources.parse(value) if isinstance(value, str) else resources.check(value)
    ),
    "labels": labels.check,
    "rate": check_rate,
    "concurrency": check_concurrency,
    "unique": _seconds("unique", 0.001),
    "debounce": _seconds("debounce", 0.001),
    "cache": _seconds("cache", 0.001),
    "force": _flag("force"),
    "after": _after,
    "on_parent_failure": _choice("on_parent_failure", "fail", "skip", "run"),
    "batch": _batch,
    "preset": _choice("preset", *presets.PRESETS),
    "on_done": webhook.on_done,
}
