"""An error on its way: as text that needs no unpickling, and as itself where it can be rebuilt."""

from __future__ import annotations

import io
import math
import pickle
import traceback
from types import TracebackType

from nbqueue.broker.code_lines import in_cells
from nbqueue.broker.travel import TravelPickler
from nbqueue.errors import RetryLater
from nbqueue.model.outcome import ErrorInfo

MESSAGE_LENGTH = 4_000
TRACEBACK_LENGTH = 20_000
#: an error that takes more is sent as text alone
PICKLED_LIMIT_BYTES = 1_000_000
#: characters of what is quoted when it is told why
SHORT = 100

_PACKAGE = __name__.partition(".")[0]
#: rooms whose frames mean nothing to the author of the job
_OWN_ROOMS = tuple(f"{_PACKAGE}.{room}." for room in ("broker", "children", "inside", "worker", "local"))


def dump_error(error: BaseException) -> ErrorInfo:
    """The error as it travels. Never raises, whatever the error's own methods do.

    Where it cannot be rebuilt on the other side, a sentence below the traceback says why.
    """
    data, why = _pickled(error)
    return ErrorInfo(
        type=type(error).__name__,
        message=_message(error)[:MESSAGE_LENGTH],
        traceback=_shortened(_traceback(error)) + (f"\n{why}\n" if why else ""),
        bases=tuple(each.__name__ for each in type(error).__mro__ if each is not object),
        pickled=data,
        retry_after_s=_asked_s(error) if isinstance(error, RetryLater) else None,
    )


def _asked_s(error: RetryLater) -> float | None:
    """What it asks for, if that is still what it may be: its attribute can be set by anybody."""
    found: object = error.after_s
    fits = isinstance(found, int | float) and math.isfinite(found) and found >= 0
    return float(found) if fits else None  # type: ignore[arg-type]


def load_error(found: ErrorInfo | bytes) -> BaseException | None:
    """The error itself, of a verified record; None where it cannot be rebuilt here."""
    data = found.pickled if isinstance(found, ErrorInfo) else found
    if not data:
        return None
    try:
        error = pickle.loads(data)  # noqa: S301 - made here, or of a verified record
    except Exception:  # noqa: BLE001 - unpickling runs code of others; the text is there instead
        return None
    return error if isinstance(error, BaseException) else None


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as second:  # noqa: BLE001 - a broken __str__ must not hide the error
        return f"<its text cannot be had: __str__ raised {type(second).__name__}>"


def _traceback(error: BaseException) -> str:
    """The traceback with its chain of causes, from the job's own first frame on."""
    try:
        lines = traceback.format_exception(type(error), error, _job_frames(error.__traceback__))
    except Exception as second:  # noqa: BLE001 - broken errors can break their formatting
        return f"{type(error).__name__}: {_message(error)}\n(formatting its traceback raised {type(second).__name__})\n"
    return in_cells("".join(lines))


def _job_frames(found: TracebackType | None) -> TracebackType | None:
    """The traceback without the frames of nbqueue at its top."""
    while found is not None and found.tb_frame.f_globals.get("__name__", "").startswith(_OWN_ROOMS):
        found = found.tb_next
    return found


def _shortened(text: str) -> str:
    if len(text) <= TRACEBACK_LENGTH:
        return text
    half = TRACEBACK_LENGTH // 2 - 30
    return f"{text[:half]}\n... ({len(text) - 2 * half} characters left out) ...\n{text[-half:]}"


def _pickled(error: BaseException) -> tuple[bytes, str]:
    """The error's pickle where it can be loaded again, else why not; many with an __init__ of their own cannot."""
    file = io.BytesIO()
    try:
        TravelPickler(file).dump(error)
    except Exception as second:  # noqa: BLE001 - pickling runs code of others; the text is there instead
        return b"", _told(error, f"it cannot be pickled ({_in_short(second)})")
    data = file.getvalue()
    if len(data) > PICKLED_LIMIT_BYTES:
        return b"", _told(error, f"it takes {len(data):,} bytes, and the limit is {PICKLED_LIMIT_BYTES:,}")
    try:
        again = pickle.loads(data)  # noqa: S301 - made here
    except Exception as second:  # noqa: BLE001 - as above
        called = f"{type(error).__name__}{_arguments(error)}"
        return b"", _told(error, f"pickle makes it anew as {called}, which raised {_in_short(second)}", _REMEDY)
    if not isinstance(again, BaseException) or type(again).__qualname__ != type(error).__qualname__:
        return b"", _told(error, "its pickle gives something else", _REMEDY)
    return data, ""


_REMEDY = ": give it a __reduce__, or hand all arguments of its __init__ on to super().__init__"


def _told(error: BaseException, why: str, remedy: str = "") -> str:
    return f"(The {type(error).__name__} itself could not be sent, so __cause__ is None: {why}{remedy}.)"


def _arguments(error: BaseException) -> str:
    """The arguments that pickle hands to its class, in short."""
    try:
        found = ", ".join(repr(each) for each in error.args)
    except Exception:  # noqa: BLE001 - a broken __repr__
        found = "..."
    return f"({found if len(found) <= SHORT else '...'})"


def _in_short(error: BaseException) -> str:
    text = " ".join(_message(error).split())
    return f"{type(error).__name__}: {text if len(text) <= 2 * SHORT else text[: 2 * SHORT] + '...'}"
