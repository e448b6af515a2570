"""How one attempt ended: a small union, matched wherever an end is handled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: whether memory ran out: the kernel has counted a kill for it, or nearly all was in use; empty: no sign of it
Shortage = Literal["", "counted", "likely"]
StopReason = Literal["cancel", "timeout", "shutdown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorInfo:
    """An error as text, readable without unpickling anything."""

    #: class name
    type: str
    #: str(error), first 4,000 characters
    message: str
    #: the formatted traceback, source lines included
    traceback: str = ""
    #: class names of its bases, for retry policies
    bases: tuple[str, ...] = ()
    #: the error itself, cloudpickled; empty where it could not be
    pickled: bytes = b""
    #: seconds after which RetryLater asked for another attempt
    retry_after_s: float | None = None
    #: seconds before the next attempt that its policy's own function answered; None: it was not asked
    backoff_s: float | None = None
    #: whether that function wants no next attempt
    final: bool = False


@dataclass(frozen=True, slots=True)
class Returned:
    """The code handed back a value (its payload, encoded)."""

    payload: bytes
    codec: str = "pickle"


@dataclass(frozen=True, slots=True)
class Raised:
    """The code raised."""

    error: ErrorInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Died:
    """The process that ran the code is gone."""

    #: the exit code, or None if a signal ended it
    exit_code: int | None = None
    #: the signal's number, or None
    signal: int | None = None
    #: what faulthandler wrote, if anything
    stack: str = ""
    #: peak resident bytes of the process, where known
    peak_memory_bytes: int | None = None
    #: set when the memory limit ended it: the limit in bytes
    memory_limit_bytes: int | None = None
    #: whether the machine's memory had run out
    shortage: Shortage = ""
    #: why, where it is known and neither a stop nor a limit; empty: it is not
    reason: str = ""
    #: set when it was killed because it did not end when it was stopped: seconds after that
    killed_after_s: float | None = None
    #: it ran in no process of its own and was let go: the code goes on
    goes_on: bool = False


#: what a child (or the engine's loop) reports of a run, before policy decides what it means
End = Returned | Raised | Died
