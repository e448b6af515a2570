"""What the end of an attempt means for its job: a pure decision."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from signal import Signals
from typing import Literal, NamedTuple

from nbqueue.broker.claims import MAX_LOSSES
from nbqueue.model.options import Options
from nbqueue.model.outcome import Died, End, ErrorInfo, Raised, Returned, StopReason
from nbqueue.model.retry import RetryPolicy
from nbqueue.model.states import State

#: what a policy calls the end of a time limit, and the death of a process
TIMEOUT, CRASH = "JobTimeout", "JobCrashed"

#: what is said of a process that a signal ended: where memory is known or believed to have run out ...
_SHORT = {
    "counted": " The kernel did so as memory ran out.",
    "likely": " Perhaps memory ran out: it had most of what this machine, or its container, has.",
}
#: ... and else by the signal
_USUAL: dict[int, str] = {
    Signals.SIGKILL: " Somebody or something killed it from outside; there is no sign that memory ran out.",
    Signals.SIGTERM: " Somebody or something asked it to end from outside.",
    Signals.SIGXCPU: " It passed a limit of processor time that it was started with.",
    **dict.fromkeys(
        (Signals.SIGSEGV, Signals.SIGBUS, Signals.SIGILL, Signals.SIGFPE),
        " That is a fault of native code, as a rule in a library.",
    ),
    Signals.SIGABRT: " Native code gave up by itself, as a rule in a library.",
}


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
    #: what its code had ready to be handed back, where it could not do so itself
    partial: Returned | None = None


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
    #: seconds from the stop until its process was killed; None: it was not, or for something else
    killed_after_s: float | None = None


def decide(ended: Ended, options: Options, past: Past, chance: Random) -> Verdict:
    """The verdict over one attempt."""
    if ended.collateral or (ended.stopped_by == "shutdown" and not isinstance(ended.end, Returned)):
        return Verdict(state=State.QUEUED)
    match ended.end:
        case Returned() as value:
            return _returned(ended, value) or _timed_out(ended, options, past.tries + 1, chance)
        case Raised(error):
            return _stopped(ended, options, error, past, chance) or _raised(
                error, options.retry, past.tries + 1, chance
            )
        case Died() as died:
            error = ErrorInfo(type="JobCrashed", message=describe(died), traceback=died.stack)
            return _stopped(ended, options, error, past, chance) or _died(
                died, error, options.retry, past, chance, alone=not ended.neighbours
            )


def describe(died: Died) -> str:
    """How a process died, in a sentence."""
    peak = f" Its peak was {died.peak_memory_bytes / 1e6:,.0f} MB." if died.peak_memory_bytes else ""
    if died.memory_limit_bytes is not None:
        limit = f"{died.memory_limit_bytes / 1e6:,.0f} MB"
        return f"Out of memory: its processes used more than the limit of {limit}.{peak}"
    if died.reason:
        return f"Its process was ended: {died.reason}.{peak}"
    if died.signal is not None:
        why = _SHORT.get(died.shortage) or _USUAL.get(died.signal, "")
        return f"Its process was ended by {_signal_name(died.signal)} (signal {died.signal}).{why}{peak}"
    return f"Its process ended itself with exit code {died.exit_code}."


def _returned(ended: Ended, value: Returned) -> Verdict | None:
    if ended.stopped_by == "cancel":
        return Verdict(state=State.CANCELLED, charge="try", value=value, stopped_by="cancel")
    if ended.over_limit:
        return None
    stopped_by = "timeout" if ended.stopped_by == "timeout" else ""
    return Verdict(state=State.SUCCEEDED, charge="try", value=value, stopped_by=stopped_by)


def _stopped(ended: Ended, options: Options, error: ErrorInfo, past: Past, chance: Random) -> Verdict | None:
    died = ended.end if isinstance(ended.end, Died) else None
    if ended.stopped_by == "cancel" and not (died and died.goes_on):
        killed_after_s = died.killed_after_s if died else None
        return Verdict(
            state=State.CANCELLED, charge="try", value=ended.partial, stopped_by="cancel", killed_after_s=killed_after_s
        )
    if ended.over_limit or ended.stopped_by == "timeout":
        return _timed_out(ended, options, past.tries + 1, chance, error.traceback)
    return None


def _timed_out(ended: Ended, options: Options, tries: int, chance: Random, traceback: str = "") -> Verdict:
    """Final, as the next try would take as long; but who names it in the policy knows better."""
    text = f"It ran into its time limit of {options.timeout or 0:g} s."
    died = ended.end if isinstance(ended.end, Died) else None
    if died and died.goes_on:
        text += " Its code does not stop when asked to, and goes on in the process it shares."
    if died and died.killed_after_s is not None:
        text += f" Its process did not end then, and had to be killed after {died.killed_after_s:g} s more."
    error = ErrorInfo(type=TIMEOUT, message=text, traceback=traceback)
    if options.retry.names(TIMEOUT) and tries < options.retry.max_tries:
        again = _again(options.retry.wait_s(tries, chance), "try", error)
        return again._replace(stopped_by="timeout")
    value = ended.end if isinstance(ended.end, Returned) else ended.partial
    return Verdict(state=State.TIMED_OUT, charge="try", error=error, value=value, stopped_by="timeout")


def _raised(error: ErrorInfo, policy: RetryPolicy, tries: int, chance: Random) -> Verdict:
    names = (error.type, *error.bases)
    if error.retry_after_s is not None:
        if policy.allows_asked(tries, names):
            return _again(error.retry_after_s, "try", error)
    elif not error.final and policy.retries(tries, names):
        wait_s = policy.wait_s(tries, chance) if error.backoff_s is None else error.backoff_s
        return _again(wait_s, "try", error)
    return Verdict(state=State.FAILED, charge="try", error=error)


def _died(
    died: Died, error: ErrorInfo, policy: RetryPolicy, past: Past, chance: Random, *, alone: bool
) -> Verdict:  # fmt: skip
    """Again until it died too often: the third time, or as the policy says that names it. Memory is not tried again."""
    deaths = past.losses + past.crashes + 1
    if policy.names(CRASH):
        gives_up, wait_s = past.tries + deaths >= policy.max_tries, policy.wait_s(deaths, chance)
    else:
        gives_up, wait_s = deaths >= MAX_LOSSES or policy.refuses((CRASH,)), 0.1 * 2 ** (deaths - 1)
    if gives_up or died.memory_limit_bytes is not None:
        often = _how_often(past) if died.memory_limit_bytes is None else ""
        return Verdict(state=State.CRASHED, charge="crash", error=replace(error, message=error.message + often))
    return _again(wait_s, "crash" if alone else "loss", error)


def _how_often(past: Past) -> str:
    """What came before the last death, where anything did: what is not known to be its own fault is told apart."""
    died, lost = _times(past.crashes + 1), _times(past.losses)
    if past.losses:
        return (
            f" Its process died {died}, and it was lost {lost} with a worker or a process that others shared: "
            "it is not tried again."
        )
    return f" Its process died {died}: it is not tried again." if past.crashes else ""


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _again(delay_s: float, charge: Literal["try", "crash", "loss"], error: ErrorInfo) -> Verdict:
    state = State.SCHEDULED if delay_s > 0 else State.QUEUED
    return Verdict(state=state, delay_s=delay_s, charge=charge, error=error)


def _signal_name(number: int) -> str:
    try:
        return Signals(number).name
    except ValueError:
        return f"signal {number}"
