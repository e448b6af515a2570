"""A submission in the making: options checked, function and arguments turned into bytes, everything signed."""

from __future__ import annotations

import functools
import inspect
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import FrameType
from typing import Any

from nbqueue.broker import codec
from nbqueue.broker.envelope import seal
from nbqueue.broker.jobs import LANE_LOOP, LANE_PROCESS, Batch, Origin
from nbqueue.broker.signing import Keyring
from nbqueue.client.origin import origin
from nbqueue.errors import ConfigurationError, PayloadTooLarge
from nbqueue.model.errands import Form
from nbqueue.model.names import new_job_id
from nbqueue.model.options import Options, check
from nbqueue.model.settings import Settings
from nbqueue.model.task import Task

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
    retry_of: str = ""
    #: the job that submits it
    parent: str = ""

    def form(self) -> Form:
        """It as a job hands it to its worker, who knows where it comes from."""
        return Form(
            options=self.options, function=self.function, lane=self.lane, by_name=self.by_name, group=self.group,
            retry_of=self.retry_of,
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

    def batch(self, sealed: Sequence[tuple[str, bytes]]) -> Batch:
        """Some of its jobs, ready for the server."""
        return Batch(
            options=self.options, function=self.function, lane=self.lane, jobs=sealed,
            origin=self.origin, group=self.group, retry_of=self.retry_of, parent=self.parent,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Draft:
    """One job as it will be sent, not yet signed."""

    job_id: str
    order: Order
    payload: bytes

    def sealed(self, keyring: Keyring, header: Mapping[str, Any]) -> bytes:
        """The signed submission, with the header that its order gave."""
        return seal(keyring, {**header, "id": self.job_id}, self.payload)


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
    payload = codec.dump_call(code, args, kwargs)
    _check_size(settings, len(payload), f"The function {order.function} with its arguments")
    return Draft(order.options.job_id or naming(order, [payload]), order, payload)


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
    function = codec.dump_function(code)
    calls = [codec.join_call(function, codec.dump_arguments(item, {}, code)) for item in items]
    order = replace(order, group=naming(order, calls))
    drafts = [Draft(naming(order, [call]), order, call) for call in calls]
    if drafts:
        largest = max(len(draft.payload) for draft in drafts)
        _check_size(settings, largest, f"The function {order.function} with one item's arguments")
        total = sum(len(draft.payload) for draft in drafts)
        if total > MANY * settings.warn_bytes >= MANY * largest:
            _warn(f"{len(drafts)} jobs of {order.function} take {_size(total)} together")
    return drafts


def _ordered(fn: Callable[..., Any] | str, given: Mapping[str, Any]) -> tuple[Order, Callable[..., Any] | str]:
    """What was asked for, and the code that travels (a registered function travels itself, a name as text)."""
    options, code, name = _options(fn, given)
    by_process = not isinstance(code, str) and not is_async(code)
    if options.run_in is None and not isinstance(code, str):
        options = replace(options, run_in="process" if by_process else "async")
    lane = LANE_PROCESS if options.run_in == "process" else LANE_LOOP
    by_name = isinstance(code, str)
    return Order(options=options, function=name, lane=lane, by_name=by_name, origin=origin()), code


def _options(fn: Callable[..., Any] | str, given: Mapping[str, Any]) -> tuple[Options, Callable[..., Any] | str, str]:
    if isinstance(fn, Task):
        return check(check(**fn.options), **given), fn.fn, codec.function_label(fn.name)
    if isinstance(fn, str) or callable(fn):
        return check(**given), fn, codec.function_label(fn)
    raise ConfigurationError(
        f"{type(fn).__name__} {ascii(fn)[:60]} cannot be submitted: give a function, or the name of a registered one."
    )


def is_async(fn: Callable[..., Any]) -> bool:
    """Whether calling it gives a coroutine."""
    while isinstance(fn, functools.partial):
        fn = fn.func
    return inspect.iscoroutinefunction(fn) or inspect.iscoroutinefunction(type(fn).__call__)


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
