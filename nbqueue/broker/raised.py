"""An error on its way: as text that needs no unpickling, and as itself where it can be rebuilt."""

from __future__ import annotations

import io
import pickle
import traceback
from types import TracebackType

from nbqueue.broker.travel import TravelPickler
from nbqueue.errors import RetryLater
from nbqueue.model.outcome import ErrorInfo

MESSAGE_LENGTH = 4_000
TRACEBACK_LENGTH = 20_000
#: an error that takes more is sent as text alone
PICKLED_LIMIT_BYTES = 1_000_000

_PACKAGE = __name__.partition(".")[0]
#: rooms whose frames mean nothing to the author of the job
_OWN_ROOMS = tuple(f"{_PACKAGE}.{room}." for room in ("broker", "inside", "worker", "local"))


def dump_error(error: BaseException) -> ErrorInfo:
    """The error as it travels. Never raises, whatever the error's own methods do."""
    return ErrorInfo(
        type=type(error).__name__,
        message=_message(error)[:MESSAGE_LENGTH],
        traceback=_shortened(_traceback(error)),
        bases=tuple(each.__name__ for each in type(error).__mro__ if each is not object),
        pickled=_pickled(error),
        retry_after_s=error.after_s if isinstance(error, RetryLater) else None,
    )


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
    return "".join(lines)


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


def _pickled(error: BaseException) -> bytes:
    """The error's pickle where it can be loaded again; many with an __init__ of their own cannot."""
    file = io.BytesIO()
    try:
        TravelPickler(file).dump(error)
    except Exception:  # noqa: BLE001 - pickling runs code of others; the text is there instead
        return b""
    data = file.getvalue()
    again = load_error(data) if len(data) <= PICKLED_LIMIT_BYTES else None
    return data if again is not None and type(again).__qualname__ == type(error).__qualname__ else b""
