"""A submission in the making: options checked, function and arguments turned into bytes, everything signed."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import FrameType
from typing import Any

from nbqueue.broker import codec
from nbqueue.broker.digest import call_digest
from nbqueue.broker.envelope import seal
from nbqueue.broker.jobs import LANE_LOOP, LANE_PROCESS, Batch, Origin
from nbqueue.broker.signing import Keyring
from nbqueue.broker.travel import staying
from nbqueue.client.batches import in_batches
from nbqueue.client.origin import origin
from nbqueue.client.outputs import parents
from nbqueue.errors import ConfigurationError, PayloadTooLarge
from nbqueue.model.backoff import Guided, at_hand_there
from nbqueue.model.errands import Form
from nbqueue.model.names import new_job_id
from nbqueue.model.options import Options, check
from nbqueue.model.output import StandIn
from nbqueue.model.settings import Settings
from nbqueue.model.task import Task, is_async

#: all jobs of a group are warned about from this many times the size of one on
MANY = 10

_PACKAGE = __name__.partition(".")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What all jobs of one call have in common."""

    options: Options
    #: the function's name as people read it
    function: str
    lane: int
    #: whether it is registered on the workers under that name, and no code travels
    by_name: bool = False
    origin: Origin
    group: str = ""
    #: jobs of the group in all
    size: int = 0
    retry_of: str = ""
    #: the job that submits it
    parent: str = ""

    def form(self) -> Form:
        """It as a job hands it to its worker, who knows where it comes from."""
        return Form(
            options=self.options, function=self.function, lane=self.lane, by_name=self.by_name, group=self.group,
            size=self.size, retry_of=self.retry_of,
        )  # fmt: skip

    def header(self, namespace: str) -> dict[str, Any]:
        """The readable, signed part of each submission, but for the job's id."""
        options = self.options
        rest = {
            "by": "name" if self.by_name else "", "opt": options.to_wire(), "label": options.label,
            "tags": list(options.tags), "group": self.group, "retry_of": self.retry_of,
            "parent": self.parent,
            "user": self.origin.user, "folder": self.origin.folder, "notebook": self.origin.notebook,
        }  # fmt: skip
        return {
            "kind": "job", "ns": namespace, "id": "", "fn": self.function, "codec": "pickle",
            **codec.header_versions(), "lane": "process" if self.lane == LANE_PROCESS else "loop",
            "queue": options.queue, **{name: value for name, value in rest.items() if value},
        }  # fmt: skip

    def batch(self, sealed: Sequence[tuple[str, bytes]], own: Mapping[str, Mapping[str, Any]], hook: str = "") -> Batch:
        """Some of its jobs, ready for the server; `own`: what is not common to all of them, by id."""
        return Batch(
            options=self.options, function=self.function, lane=self.lane, jobs=sealed,
            origin=self.origin, group=self.group, size=self.size, retry_of=self.retry_of, parent=self.parent, own=own,
            hook=hook,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Draft:
    """One job as it will be sent, not yet signed."""

    job_id: str
    order: Order
    payload: bytes
    #: the jobs whose results it takes, in order
    parents: tuple[str, ...] = ()
    #: sameness of function and arguments, where that matters
    digest: str = ""

    @property
    def own(self) -> dict[str, Any]:
        """What the server is told of this one of an order's jobs alone."""
        after = list(dict.fromkeys((*self.order.options.after, *self.parents)))
        return {name: value for name, value in (("after", after), ("digest", self.digest)) if value}

    @property
    def waits(self) -> int:
        """Jobs and groups it waits for."""
        return len(self.order.options.after) + len(self.parents)

    def sealed(self, keyring: Keyring, header: Mapping[str, Any]) -> bytes:
        """The signed submission, with the header that its order gave."""
        own: dict[str, Any] = {"id": self.job_id}
        if self.parents:
            own["inputs"] = list(self.parents)
        return seal(keyring, {**header, **own}, self.payload)


#: names a job or a group, of what its jobs have in common and their calls
Naming = Callable[[Order, Sequence[bytes]], str]


def any_name(_: Order, __: Sequence[bytes]) -> str:
    """An id that nothing else has."""
    return new_job_id()


def draft_one(
    settings: Settings,
    fn: Callable[..., Any] | str,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    given: Mapping[str, Any],
    *,
    naming: Naming = any_name,
) -> Draft:
    """The job of one call; what cannot be sent raises here, in the caller's own thread."""
    order, code = _ordered(fn, given)
    takes: list[StandIn] = []
    with staying(settings.is_inline):
        payload = codec.dump_call(_guided(code, order.options), args, kwargs, takes)
    _check_size(settings, len(payload), f"The function {order.function} with its arguments")
    own_id = order.options.job_id
    return Draft(
        own_id or naming(order, [payload]), order, payload, parents(settings, takes, own_id=own_id),
        _digest(order, code, args, kwargs),
    )  # fmt: skip


def draft_many(
    settings: Settings,
    fn: Callable[..., Any] | str,
    items: Iterable[tuple[Any, ...]],
    given: Mapping[str, Any],
    *,
    naming: Naming = any_name,
) -> list[Draft]:
    """One job an item, the function pickled once. Nothing was sent if one of them raises."""
    order, code = _ordered(fn, given)
    if order.options.job_id is not None:
        raise ConfigurationError("job_id cannot be used with submit_map, which makes many jobs: leave it out.")
    wanted = list(items)
    if order.options.batch > 1:
        code, wanted = in_batches(code, wanted, order.options.batch)
    with staying(settings.is_inline):
        calls = _calls(settings, order, code, wanted)
    order = replace(order, size=len(wanted))
    order = replace(order, group=naming(order, [payload for payload, _, _ in calls]))
    drafts = [Draft(naming(order, [payload]), order, payload, taken, digest) for payload, taken, digest in calls]
    if drafts:
        largest = max(len(draft.payload) for draft in drafts)
        _check_size(settings, largest, f"The function {order.function} with one item's arguments")
        total = sum(len(draft.payload) for draft in drafts)
        if total > MANY * settings.warn_bytes >= MANY * largest:
            _warn(f"{len(drafts)} jobs of {order.function} take {_size(total)} together")
    return drafts


def _calls(
    settings: Settings, order: Order, code: Callable[..., Any] | str, items: Sequence[tuple[Any, ...]]
) -> list[tuple[bytes, tuple[str, ...], str]]:
    """Of each item its call, the jobs whose results it takes, and its sameness."""
    shared: list[StandIn] = []
    function = codec.dump_function(_guided(code, order.options), shared)
    calls = []
    for item in items:
        takes = [*shared]
        payload = codec.join_call(function, codec.dump_arguments(item, {}, code, takes))
        calls.append((payload, parents(settings, takes) if takes else (), _digest(order, code, item, {})))
    return calls


def _digest(order: Order, code: Callable[..., Any] | str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str:
    """The sameness of a call, where its options ask for it; raises NotSendable for what cannot be compared."""
    return call_digest(code, args, kwargs) if order.options.once is not None else ""


def _ordered(fn: Callable[..., Any] | str, given: Mapping[str, Any]) -> tuple[Order, Callable[..., Any] | str]:
    """What was asked for, and the code that travels (a registered function travels itself, a name as text)."""
    options, code, name = _options(fn, given)
    by_process = not isinstance(code, str) and not is_async(code)
    if options.run_in is None and not isinstance(code, str):
        options = replace(options, run_in="process" if by_process else "async")
    lane = LANE_PROCESS if options.run_in == "process" else LANE_LOOP
    by_name = isinstance(code, str)
    return Order(options=options, function=name, lane=lane, by_name=by_name, origin=origin()), code


def _guided(code: Callable[..., Any] | str, options: Options) -> Callable[..., Any] | str:
    """The code that travels, with its retry policy's own function of waiting where there is one."""
    backoff = options.retry.backoff
    if isinstance(backoff, str) or backoff is at_hand_there:
        return code
    if isinstance(code, str):
        raise ConfigurationError(
            f"The backoff of {code!r} cannot be a function here, since no code travels with a name: give it on the "
            "worker, as in @task(retry=RetryPolicy(backoff=...))."
        )
    return Guided(code, backoff)


def _options(fn: Callable[..., Any] | str, given: Mapping[str, Any]) -> tuple[Options, Callable[..., Any] | str, str]:
    if isinstance(fn, Task):
        # together, so that a preset on either side gives way to what either side says
        return check(**{**fn.options, **given}), fn.fn, codec.function_label(fn.name)
    if isinstance(fn, str) or callable(fn):
        return check(**given), fn, codec.function_label(fn)
    raise ConfigurationError(
        f"{type(fn).__name__} {ascii(fn)[:60]} cannot be submitted: give a function, or the name of a registered one."
    )


def _check_size(settings: Settings, size: int, what: str) -> None:
    if size > settings.limit_bytes:
        raise PayloadTooLarge(
            f"{what} takes {_size(size)}, over the limit of {_size(settings.limit_bytes)} (NBQUEUE_LIMIT_BYTES): "
            "pass the path of a file instead, or load the data in the function.",
            size_bytes=size, limit_bytes=settings.limit_bytes,
        )  # fmt: skip
    if size > settings.warn_bytes:
        _warn(f"{what} takes {_size(size)}")


def _warn(fact: str) -> None:
    warnings.warn(
        f"{fact}, which is sent and stored for each job (NBQUEUE_WARN_BYTES): pass the path of a file to send less.",
        stacklevel=_user_level(),
    )


def _user_level() -> int:
    """How far up the first frame outside of this package is, for a warning that points at the user's line."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - the documented way to one's caller
    level = 0
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == _PACKAGE:
        frame, level = frame.f_back, level + 1
    return level + 1


def _size(size: int) -> str:
    return f"{size / 1_000_000:,.1f} MB" if size >= 100_000 else f"{size:,} bytes"  # noqa: PLR2004 - from here on as MB
