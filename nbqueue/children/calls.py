"""A call as it came over the wire, and its end as it goes back: load, return, raise."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from nbqueue.broker import codec, raised
from nbqueue.broker.inputs import Input
from nbqueue.children.frames import Header
from nbqueue.errors import NotSendable, PayloadTooLarge, SolverUnavailable, UnknownFunction
from nbqueue.inside.batches import of_items
from nbqueue.inside.values import encodable
from nbqueue.model import families, task
from nbqueue.model.backoff import Answer, Backoff, Guided
from nbqueue.model.retry import RetryPolicy

#: an end as the fields of a header and a payload
Ended = tuple[Header, bytes]

_MESSAGE = 4_000
_TRACEBACK = 200_000
_BASES = 50


class Loaded(NamedTuple):
    """What came over the wire."""

    #: what is to be called, with its arguments
    call: Callable[[], Any]
    #: what says how long to wait after an error; None: the engine does
    backoff: Backoff | None


def load(header: Header, payload: bytes | memoryview, inputs: Mapping[str, Input]) -> Loaded:
    """What is to be called, and what is to be asked about its error; results of other jobs take their places in it."""
    if header["codec"] == "json":
        found = json.loads(bytes(payload))
        function, args, kwargs = header["job"]["function"], found["args"], found["kwargs"]
    else:
        plain = header.get("plain", False)
        function, args, kwargs = codec.load_call(payload, plain=plain, inputs=inputs)
        if plain:
            function = header["job"]["function"]
    if isinstance(function, Guided):
        fn: Callable[..., Any] = function.func
        backoff: Backoff | None = function.backoff
    else:
        fn, backoff = _registered(function) if isinstance(function, str) else (function, None)
    if header.get("batch"):
        fn = of_items(fn)
    return Loaded(lambda: fn(*args, **kwargs), backoff)


def returned(header: Header, value: Any) -> Ended:
    """The end of a call that gave `value`; raises where the value cannot travel."""
    payload = encoded(value, header["codec"])
    check_size(payload, "result", header["limit"])
    return {"how": "returned", "codec": header["codec"]}, payload


def encoded(value: Any, by: str) -> bytes:
    """A value as it travels; raises where it cannot."""
    return _as_json(value) if by == "json" else codec.dump_value(value)


def check_size(payload: bytes, what: str, limit: int) -> None:
    """Refuse what is larger than the engine takes, with a PayloadTooLarge that names size and limit."""
    size = len(payload)
    if size > limit:
        raise PayloadTooLarge(
            f"The {what} is {size / 1e6:,.1f} MB, and {limit / 1e6:,.1f} MB are allowed: "
            "write it to a file and keep its path, or raise NBQUEUE_LIMIT_BYTES.",
            size_bytes=size, limit_bytes=limit,
        )  # fmt: skip


def failed(header: Header, error: BaseException, backoff: Backoff | None = None) -> Ended:
    """The end of a call that raised `error`; `backoff` is asked where the engine wants to know what it says."""
    answer = Answer()
    if backoff is not None and (asking := header.get("retry")) is not None:
        answer = RetryPolicy.from_wire(asking["policy"]).ask(backoff, asking["tries"], error)
    info = raised.dump_error(error)
    refused = families.unwelcome(error)
    explained = not refused or isinstance(error, SolverUnavailable)
    fields = {
        "type": encodable(info.type)[:_MESSAGE],
        "message": encodable(info.message if explained else _sorted_out(refused, info.message))[:_MESSAGE],
        "traceback": encodable(info.traceback)[-_TRACEBACK:],
        "bases": [encodable(base)[:_MESSAGE] for base in info.bases[:_BASES]],
        "retry_after_s": info.retry_after_s,
        "backoff_s": answer.wait_s,
        "final": answer.final,
    }
    ended: Header = {"how": "raised", "error": fields}
    if refused:
        ended["refused"] = refused
    return ended, info.pickled if len(info.pickled) <= header["limit"] else b""


def loaded_here() -> Header:
    """The families that this process has loaded, as what an end says of them: nothing, most times."""
    found = families.loaded()
    return {"loaded": found} if found else {}


def _sorted_out(refused: str, message: str) -> str:
    """What is to be done about libraries that cannot be in one process."""
    here = " and ".join(families.loaded())
    return (
        f"{refused} cannot be imported in a process that has loaded {here}, as each brings its own of one native "
        f"library: use them in jobs of their own. ({message})"
    )


def _registered(name: str) -> tuple[Callable[..., Any], Backoff | None]:
    found = task.lookup(name)
    if found is None:
        known = ", ".join(sorted(task.registered())) or "none"
        raise UnknownFunction(f'No function is registered here as "{name}": the names known are {known}.')
    backoff = getattr(found.options.get("retry"), "backoff", None)
    return found.fn, backoff if callable(backoff) else None


def _as_json(value: Any) -> bytes:
    try:
        return json.dumps(value, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise NotSendable(f"The result cannot be sent as JSON: {error}.") from error
