"""What the end of an attempt means for its job: a pure decision."""

from __future__ import annotations

from random import Random
from signal import Signals
from typing import Literal, NamedTuple

from nbqueue.broker.claims import MAX_LOSSES
from nbqueue.model.options import Options
from nbqueue.model.outcome import Died, End, ErrorInfo, Raised, Returned, StopReason
from nbqueue.model.retry import RetryPolicy
from nbqueue.model.states import State

#: attempts that RetryLater may ask for where no policy says otherwise
MAX_ASKED_TRIES = 100
#: errors that the next try would end in as well
NEVER_RETRIED = frozenset({"SkipRetry", "PayloadTooLarge", "NotSendable"})


class Ended(NamedTuple):
    """The facts of an attempt's end."""

    end: End
    #: why it was asked to stop, if it was
    stopped_by: StopReason | None = None
    #: whether its time limit passed before it ended
    over_limit: bool = False
    #: it ended only because its process was killed for a neighbour
    collateral: bool = False
    #: how many other runs died with it, so that nobody knows which one was at fault
    neighbours: int = 0


class Past(NamedTuple):
    """What came before in the job's life."""

    tries: int = 0
    losses: int = 0
    crashes: int = 0


class Verdict(NamedTuple):
    """Where the job goes now."""

    state: State
    delay_s: float = 0.0
    charge: Literal["try", "crash", "loss", "none"] = "none"
    error: ErrorInfo | None = None
    #: the value to record, if there is one
    value: Returned | None = None
    stopped_by: str = ""


def decide(ended: Ended, options: Options, past: Past, chance: Random) -> Verdict:
    """The verdict over one attempt."""
    if ended.collateral or (ended.stopped_by == "shutdown" and not isinstance(ended.end, Returned)):
        return Verdict(state=State.QUEUED)
    match ended.end:
        case Returned() as value:
            return _returned(ended, value)
        case Raised(error):
            return _stopped(ended, options, error) or _raised(error, options.retry, past.tries + 1, chance)
        case Died() as died:
            error = ErrorInfo(type="JobCrashed", message=describe(died), traceback=died.stack)
            return _stopped(ended, options, error) or _died(died, error, past, alone=not ended.neighbours)


def describe(died: Died) -> str:
    """How a process died, in a sentence."""
    peak = f" Its peak was {died.peak_memory_bytes / 1e6:,.0f} MB." if died.peak_memory_bytes else ""
    if died.memory_limit_bytes is not None:
        limit = f"{died.memory_limit_bytes / 1e6:,.0f} MB"
        return f"Out of memory: its processes used more than the limit of {limit}.{peak}"
    if died.reason:
        return f"Its process was ended: {died.reason}.{peak}"
    if died.signal is not None:
        hint = " Out of memory?" if died.signal == Signals.SIGKILL else ""
        return f"Its process was ended by {_signal_name(died.signal)} (signal {died.signal}).{hint}{peak}"
    return f"Its process ended itself with exit code {died.exit_code}."


def _returned(ended: Ended, value: Returned) -> Verdict:
    if ended.stopped_by == "cancel":
        return Verdict(state=State.CANCELLED, charge="try", value=value, stopped_by="cancel")
    if ended.over_limit:
        return Verdict(state=State.TIMED_OUT, charge="try", stopped_by="timeout")
    stopped_by = "timeout" if ended.stopped_by == "timeout" else ""
    return Verdict(state=State.SUCCEEDED, charge="try", value=value, stopped_by=stopped_by)


def _stopped(ended: Ended, options: Options, error: ErrorInfo) -> Verdict | None:
    goes_on = isinstance(ended.end, Died) and ended.end.goes_on
    if ended.stopped_by == "cancel" and not goes_on:
        return Verdict(state=State.CANCELLED, charge="try", stopped_by="cancel")
    if ended.over_limit or ended.stopped_by == "timeout":
        text = f"It ran into its time limit of {options.timeout or 0:g} s."
        if goes_on:
            text += " Its code does not stop when asked to, and goes on in the process it shares."
        shown = ErrorInfo(type="JobTimeout", message=text, traceback=error.traceback)
        return Verdict(state=State.TIMED_OUT, charge="try", error=shown, stopped_by="timeout")
    return None


def _raised(error: ErrorInfo, policy: RetryPolicy, tries: int, chance: Random) -> Verdict:
    names = (error.type, *error.bases)
    if error.retry_after_s is not None:
        allowed = policy.max_tries if policy.max_tries > 1 else MAX_ASKED_TRIES
        if tries < allowed:
            return _again(error.retry_after_s, "try", error)
    elif NEVER_RETRIED.isdisjoint(names) and policy.retries(tries, names):
        return _again(policy.wait_s(tries, chance), "try", error)
    return Verdict(state=State.FAILED, charge="try", error=error)


def _died(died: Died, error: ErrorInfo, past: Past, *, alone: bool) -> Verdict:
    deaths = past.losses + past.crashes + 1
    if deaths >= MAX_LOSSES or died.memory_limit_bytes is not None:
        return Verdict(state=State.CRASHED, charge="crash", error=error)
    return _again(0.1 * 2 ** (deaths - 1), "crash" if alone else "loss", error)


def _again(delay_s: float, charge: Literal["try", "crash", "loss"], error: ErrorInfo) -> Verdict:
    state = State.SCHEDULED if delay_s > 0 else State.QUEUED
    return Verdict(state=state, delay_s=delay_s, charge=charge, error=error)


def _signal_name(number: int) -> str:
    try:
        return Signals(number).name
    except ValueError:
        return f"signal {number}"
