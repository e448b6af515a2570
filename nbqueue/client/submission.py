"""A submission in the making: options checked, function and arguments turned into bytes, everything signed."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from types import FrameType
from typing import Any

from nbqueue.broker import codec
from nbqueue.broker.digest import call_digest
from nbqueue.broker.jobs import LANE_LOOP, LANE_PROCESS
from nbqueue.broker.pieces import Cuts
from nbqueue.broker.travel import noting, staying
from nbqueue.client import hooks
from nbqueue.client.batches import in_batches
from nbqueue.client.draft import Calls, Draft, Drafts, Naming, Order, Own, any_name
from nbqueue.client.naming import mark
from nbqueue.client.origin import origin
from nbqueue.client.outputs import parents
from nbqueue.errors import ConfigurationError, PayloadTooLarge
from nbqueue.model import foresight
from nbqueue.model.backoff import Guided, at_hand_there
from nbqueue.model.families import declared
from nbqueue.model.options import Options, check
from nbqueue.model.output import StandIn
from nbqueue.model.settings import Settings
from nbqueue.model.signatures import check_call
from nbqueue.model.task import Task, function_label, is_async, lookup

#: all jobs of a group are warned about from this many times the size of one on
MANY = 10

#: options that a worker tells the server of its functions
TERMS = ("rate", "concurrency", "limit_key", "resources", "labels")

_PACKAGE = __name__.partition(".")[0]


def draft_one(
    settings: Settings,
    fn: Callable[..., Any] | str,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    given: Mapping[str, Any],
    *,
    naming: Naming = any_name,
    sharing: bool = False,
    is_later: bool = False,
) -> Draft:
    """The job of one call; what cannot be sent raises here, in the caller's own thread.

    `sharing`: large pieces of it travel apart. `is_later`: it is no job yet, but what jobs are made of by a schedule.
    """
    order, code = _ordered(fn, _told(settings, fn, given))
    check_call(code, args, kwargs)
    foresight.check(code, args, kwargs, is_here=_is_here(settings, order) and not is_later)
    order = _called(order, code, [(args, kwargs)])
    takes: list[StandIn] = []
    cuts = Cuts(settings.blob_bytes) if sharing else None
    with staying(settings.is_inline), noting() as signs:
        payload = codec.dump_call(_guided(code, order.options), args, kwargs, takes, cuts)
    order = _of_family(order, signs)
    own_id = order.options.job_id
    job_id = own_id or naming(order, _marks(naming, code, [(args, kwargs, payload)]))
    draft = Draft(
        job_id, order, payload, parents(settings, takes, own_id=own_id),
        call_digest(code, args, kwargs) if order.options.once is not None else "",
        contents=cuts.contents if cuts else {},
    )  # fmt: skip
    what = f"The function {order.function} with its arguments"
    _check_size(settings, draft.whole_size, what, in_parts=bool(draft.contents))
    return draft


def draft_many(
    settings: Settings,
    fn: Callable[..., Any] | str,
    items: Iterable[tuple[Any, ...]],
    given: Mapping[str, Any],
    *,
    naming: Naming = any_name,
    sharing: bool = False,
) -> Drafts:
    """One job an item, the function pickled once. Nothing was sent if one of them raises.

    `sharing`: large pieces of them travel apart, once for all jobs that have them.
    """
    order, code = _ordered(fn, _told(settings, fn, given))
    if order.options.job_id is not None:
        raise ConfigurationError("job_id cannot be used with submit_map, which makes many jobs: leave it out.")
    wanted = list(items)
    if wanted:
        check_call(code, wanted[0], {})  # all have as many arguments
        for item in wanted:
            foresight.check(code, item, {}, is_here=_is_here(settings, order))
        order = _called(order, code, ((item, {}) for item in wanted))
    if order.options.batch > 1:
        code, wanted = in_batches(code, wanted, order.options.batch)
    with staying(settings.is_inline), noting() as signs:
        calls = _calls(settings, order, code, wanted, Cuts(settings.blob_bytes) if sharing else None)
    order = _of_family(replace(order, size=len(wanted)), signs)
    marks = _marks(naming, code, ((item, {}, each) for item, each in zip(wanted, calls.payloads, strict=True)))
    order = replace(order, group=naming(order, marks))
    drafts = Drafts(order, calls, naming=naming, marks=marks)
    what = f"The function {order.function} with one item's arguments"
    _check_size(settings, drafts.largest, what, in_parts=bool(calls.contents))
    if drafts.size > MANY * settings.warn_bytes >= MANY * drafts.largest:
        _warn(f"{len(drafts)} jobs of {order.function} take {_size(drafts.size)} together")
    return drafts


def _marks(
    naming: Naming, code: Callable[..., Any] | str, calls: Iterable[tuple[Sequence[Any], Mapping[str, Any], bytes]]
) -> list[bytes]:
    """What names are made of, where they are made of anything; a call is arguments and payload."""
    return [] if naming is any_name else [mark(code, *call) for call in calls]


def _calls(
    settings: Settings,
    order: Order,
    code: Callable[..., Any] | str,
    items: Sequence[tuple[Any, ...]],
    cuts: Cuts | None,
) -> Calls:
    """The function once, and the arguments of each item."""
    shared: list[StandIn] = []
    of_function = cuts.another() if cuts else None
    function = codec.dump_function(_guided(code, order.options), shared, of_function)
    compared = order.options.once is not None
    arguments = []
    own = {}
    for number, item in enumerate(items):
        takes = shared.copy()
        of_item = cuts.another() if cuts else None
        arguments.append(codec.dump_arguments(item, {}, code, takes, of_item))
        pieces = of_item.before(of_function) if of_item and of_function else ()
        if takes or compared or pieces:
            digest = call_digest(code, item, {}) if compared else ""
            own[number] = Own(parents(settings, takes) if takes else (), digest, pieces)
    return Calls(function=function, arguments=arguments, own=own, contents=cuts.contents if cuts else {})


def _ordered(fn: Callable[..., Any] | str, given: Mapping[str, Any]) -> tuple[Order, Callable[..., Any] | str]:
    """What was asked for, and the code that travels (a registered function travels itself, a name as text)."""
    options, code, name = _options(fn, given)
    by_process = not isinstance(code, str) and not is_async(code)
    if options.run_in is None and not isinstance(code, str):
        options = replace(options, run_in="process" if by_process else "async")
    lane = LANE_PROCESS if options.run_in == "process" else LANE_LOOP
    by_name = isinstance(code, str)
    return Order(options=options, function=name, lane=lane, by_name=by_name, origin=origin()), code


def _called(
    order: Order, code: Callable[..., Any] | str, calls: Iterable[tuple[Sequence[Any], Mapping[str, Any]]]
) -> Order:
    """The order with the label that the function has for these calls, where none was given."""
    label = foresight.label(code, calls) if order.options.label is None else ""
    return replace(order, options=replace(order.options, label=label)) if label else order


def _is_here(settings: Settings, order: Order) -> bool:
    """Whether the job finds what is on this machine now: its own stack runs it, at once, and after no other job."""
    options = order.options
    waits = bool(options.after) or options.delay > 0 or options.at is not None
    return (settings.url is None or settings.is_inline) and hooks.line() is None and not waits


def _of_family(order: Order, signs: set[str]) -> Order:
    """The order with the family of process that its code wants, by the packages that were met in its calls."""
    family = declared(signs)
    return replace(order, family=family) if family else order


def _told(settings: Settings, fn: Callable[..., Any] | str, given: Mapping[str, Any]) -> Mapping[str, Any]:
    """The options that were given; inline, a function's own limits and resources with them, as its worker is here."""
    task = lookup(fn) if settings.is_inline and isinstance(fn, str) else None
    return {**{name: task.options[name] for name in TERMS if name in task.options}, **given} if task else given


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
        return check(**{**fn.options, **given}), fn.fn, function_label(fn.name)
    if isinstance(fn, str) or callable(fn):
        return check(**given), fn, function_label(fn)
    raise ConfigurationError(
        f"What was given, of type {type(fn).__name__}, cannot be submitted: give a function and its arguments, as in "
        "submit(fn, 3) and not submit(fn(3)), or the name of a registered one."
    )


def _check_size(settings: Settings, size: int, what: str, *, in_parts: bool) -> None:
    if size > settings.limit_bytes:
        raise PayloadTooLarge(
            f"{what} takes {_size(size)}, over the limit of {_size(settings.limit_bytes)} (NBQUEUE_LIMIT_BYTES): "
            "pass the path of a file instead, or load the data in the function.",
            size_bytes=size, limit_bytes=settings.limit_bytes,
        )  # fmt: skip
    if size > settings.warn_bytes:
        _warn(f"{what} takes {_size(size)}", ", its large parts once for all jobs that take them" if in_parts else "")


def _warn(fact: str, how: str = "") -> None:
    warnings.warn(
        f"{fact}, which is sent and stored{how} (NBQUEUE_WARN_BYTES): pass the path of a file to send less.",
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
