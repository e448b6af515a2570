"""What the end of an attempt means for its job."""

from dataclasses import replace
from random import Random
from typing import Any

import pytest

from nbqueue.errors import JobTimeout
from nbqueue.model.options import check
from nbqueue.model.outcome import Died, ErrorInfo, Raised, Returned
from nbqueue.model.retry import RetryPolicy
from nbqueue.model.states import State
from nbqueue.worker.verdict import Ended, Past, Verdict, decide, describe

VALUE = Returned(b"value")
BUG = Raised(ErrorInfo(type="ValueError", message="no", bases=("Exception", "BaseException")))


def _decide(ended: Ended, past: Past | None = None, **options: Any) -> Verdict:
    return decide(ended, check(**options), past or Past(), Random(1))


def test_a_value_is_a_success() -> None:
    """A function that hands back a value has succeeded."""
    assert _decide(Ended(end=VALUE)) == Verdict(state=State.SUCCEEDED, charge="try", value=VALUE)


def test_an_error_of_the_function_is_not_retried_by_default() -> None:
    """A bug fails at once."""
    assert _decide(Ended(end=BUG)).state is State.FAILED


def test_a_policy_retries_until_its_tries_are_used_up() -> None:
    """Three tries in all: two more attempts, then failed."""
    states = [_decide(Ended(end=BUG), Past(tries=tries), retry=3).state for tries in range(3)]
    assert states == [State.SCHEDULED, State.SCHEDULED, State.FAILED]


def test_only_the_named_errors_are_retried() -> None:
    """`on` names what is retried, by class or base class; `never_on` wins."""
    on_base = RetryPolicy(max_tries=3, on=("Exception",))
    never = RetryPolicy(max_tries=3, on=("Exception",), never_on=(ValueError,))
    other = RetryPolicy(max_tries=3, on=("KeyError",))
    states = [_decide(Ended(end=BUG), retry=policy).state for policy in (on_base, never, other)]
    assert states == [State.SCHEDULED, State.FAILED, State.FAILED]


def test_skip_retry_fails_at_once() -> None:
    """SkipRetry wins over any policy."""
    skip = Raised(ErrorInfo(type="SkipRetry", message="", bases=("Retrying", "NbqueueError", "Exception")))
    assert _decide(Ended(end=skip), retry=5).state is State.FAILED


def test_retry_later_waits_as_long_as_it_says() -> None:
    """RetryLater(7) asks for another attempt in seven seconds, without a policy too."""
    later = Raised(ErrorInfo(type="RetryLater", message="", retry_after_s=7.0))
    verdict = _decide(Ended(end=later))
    assert (verdict.state, verdict.delay_s, verdict.charge) == (State.SCHEDULED, 7.0, "try")


def test_a_dead_process_runs_again_uncharged_and_is_given_up_the_third_time() -> None:
    """Crashes and losses count together, apart from tries."""
    died = Ended(end=Died(signal=11))
    pasts = [Past(), Past(crashes=1), Past(losses=1, crashes=1)]
    verdicts = [_decide(died, past) for past in pasts]
    assert [verdict.state for verdict in verdicts] == [State.SCHEDULED, State.SCHEDULED, State.CRASHED]
    assert {verdict.charge for verdict in verdicts} == {"crash"}


def test_over_the_memory_limit_is_not_tried_again() -> None:
    """The next attempt would need as much."""
    died = Died(signal=9, memory_limit_bytes=50_000_000, peak_memory_bytes=61_000_000)
    verdict = _decide(Ended(end=died))
    assert verdict.state is State.CRASHED
    assert describe(died) == ("Out of memory: its processes used more than the limit of 50 MB. Its peak was 61 MB.")


@pytest.mark.parametrize(
    ("died", "said"),
    [
        (Died(signal=9, peak_memory_bytes=23_000_000),
         ("SIGKILL (signal 9). Somebody or something killed it from outside; there is no sign that memory ran out. "
         "Its peak was 23 MB.")),
        (Died(signal=9, shortage="counted", peak_memory_bytes=9_000_000_000),
         "SIGKILL (signal 9). The kernel did so as memory ran out. Its peak was 9,000 MB."),
        (Died(signal=9, shortage="likely"),
         "SIGKILL (signal 9). Perhaps memory ran out: it had most of what this machine, or its container, has."),
        (Died(signal=11), "SIGSEGV (signal 11). That is a fault of native code, as a rule in a library."),
        (Died(signal=6), "SIGABRT (signal 6). Native code gave up by itself, as a rule in a library."),
        (Died(signal=64), "SIGRTMAX (signal 64)."),
    ],
)  # fmt: skip
def test_a_signal_is_told_with_its_usual_reason(died: Died, said: str) -> None:
    """Memory is blamed only where there is a sign that it ran out."""
    assert describe(died) == f"Its process was ended by {said}"


def test_who_is_given_up_is_told_how_often_it_died() -> None:
    """The third death in a row says so; the first of a policy that allows no other does not."""
    died, never = Ended(end=Died(exit_code=3)), RetryPolicy(never_on=("JobCrashed",))
    verdicts = [_decide(died, Past(crashes=1)), _decide(died, Past(crashes=2)), _decide(died, retry=never)]
    once = "Its process ended itself with exit code 3."
    often = f"{once} Its process died 3 times: it is not tried again."
    assert [verdict.error.message for verdict in verdicts if verdict.error] == [once, often, once]


def test_a_loss_is_not_told_as_a_death_of_its_own() -> None:
    """Lost workers are named apart; of what came before a memory limit nothing is said: the limit alone decides."""
    segfault, limit = Died(signal=11), Died(signal=9, memory_limit_bytes=50_000_000)
    verdicts = [
        _decide(Ended(end=segfault), Past(losses=2)),
        _decide(Ended(end=segfault), Past(losses=1, crashes=1)),
        _decide(Ended(end=limit), Past(losses=1)),
    ]
    shared = "with a worker or a process that others shared: it is not tried again."
    assert [verdict.error.message for verdict in verdicts if verdict.error] == [
        f"{describe(segfault)} Its process died once, and it was lost 2 times {shared}",
        f"{describe(segfault)} Its process died 2 times, and it was lost once {shared}",
        describe(limit),
    ]


@pytest.mark.parametrize("end", [BUG, Died(signal=9)], ids=["raised", "killed"])
def test_a_cancelled_job_is_cancelled_however_it_ended(end: Raised | Died) -> None:
    """After a cancel neither its error nor its death is a failure."""
    assert _decide(Ended(end=end, stopped_by="cancel"), retry=5).state is State.CANCELLED


def test_what_a_cancelled_job_hands_back_is_kept() -> None:
    """The value becomes the cancel's partial result."""
    verdict = _decide(Ended(end=VALUE, stopped_by="cancel"))
    assert (verdict.state, verdict.value, verdict.stopped_by) == (State.CANCELLED, VALUE, "cancel")


@pytest.mark.parametrize("end", [BUG, Died(signal=9)], ids=["raised", "killed"])
def test_what_was_ready_is_kept_where_nothing_was_handed_back(end: Raised | Died) -> None:
    """After a cancel and at a time limit, but not where the job is tried again or was not stopped."""
    verdicts = [
        _decide(Ended(end=end, stopped_by=reason, over_limit=reason == "timeout", partial=VALUE), timeout=10)
        for reason in ("cancel", "timeout", "shutdown", None)
    ]
    assert [verdict.value for verdict in verdicts] == [VALUE, VALUE, None, None]


def test_a_kill_at_the_end_of_a_stop_is_told() -> None:
    """By the seconds from the stop: in the verdict of a cancel, in the sentence of a time limit."""
    killed = Died(signal=9, killed_after_s=2.0)
    assert _decide(Ended(end=killed, stopped_by="cancel")).killed_after_s == 2.0
    error = _decide(Ended(end=killed, stopped_by="timeout", over_limit=True), timeout=10).error
    assert error is not None
    assert error.message == (
        "It ran into its time limit of 10 s. Its process did not end then, and had to be killed after 2 s more."
    )


def test_a_value_within_the_grace_is_a_success() -> None:
    """Asked to stop before its limit, it handed back what it had."""
    verdict = _decide(Ended(end=VALUE, stopped_by="timeout"), timeout=10)
    assert (verdict.state, verdict.stopped_by) == (State.SUCCEEDED, "timeout")


@pytest.mark.parametrize("end", [VALUE, BUG, Died(signal=9)], ids=["returned", "raised", "killed"])
def test_past_its_limit_a_job_has_timed_out(end: Returned | Raised | Died) -> None:
    """Whatever comes after the limit, the job ran into it."""
    assert _decide(Ended(end=end, stopped_by="timeout", over_limit=True), timeout=10).state is State.TIMED_OUT


@pytest.mark.parametrize("end", [VALUE, BUG, Died(signal=9)], ids=["returned", "raised", "killed"])
def test_a_time_limit_is_retried_where_the_policy_names_it(end: Returned | Raised | Died) -> None:
    """By name or class, not by a base class or an empty `on`; each is charged as a try, until none is left."""
    ended = Ended(end=end, stopped_by="timeout", over_limit=True)
    named, second = RetryPolicy(on=(JobTimeout,), base=1, jitter=0), Past(tries=1)
    verdicts = [_decide(ended, Past(tries=tries), retry=named, timeout=10) for tries in range(3)]
    assert [verdict.state for verdict in verdicts] == [State.SCHEDULED, State.SCHEDULED, State.TIMED_OUT]
    assert [(verdict.delay_s, verdict.charge) for verdict in verdicts[:2]] == [(1.0, "try"), (2.0, "try")]
    assert [verdict.error.type for verdict in verdicts if verdict.error] == ["JobTimeout"] * 3
    others = [RetryPolicy(), RetryPolicy(on=("JobError", "Exception")), replace(named, never_on=("JobTimeout",))]
    assert {_decide(ended, second, retry=other, timeout=10).state for other in others} == {State.TIMED_OUT}


def test_a_cancel_is_final_though_the_policy_names_the_limit() -> None:
    """A job that was cancelled past its limit is cancelled."""
    ended = Ended(end=BUG, stopped_by="cancel", over_limit=True)
    assert _decide(ended, retry=RetryPolicy(on=("JobTimeout",)), timeout=10).state is State.CANCELLED


def test_a_policy_that_names_crashes_says_how_often() -> None:
    """In all, attempts that raised included, with the policy's waits; `never_on` makes the first one final."""
    died = Ended(end=Died(signal=11))
    named = RetryPolicy(max_tries=5, on=("JobCrashed",), base=1, jitter=0)
    pasts = [Past(), Past(crashes=3), Past(crashes=2, tries=2)]
    verdicts = [_decide(died, past, retry=named) for past in pasts]
    assert [(verdict.state, verdict.delay_s) for verdict in verdicts] == [
        (State.SCHEDULED, 1.0), (State.SCHEDULED, 8.0), (State.CRASHED, 0.0),
    ]  # fmt: skip
    assert _decide(died, retry=RetryPolicy(never_on=("JobCrashed",))).state is State.CRASHED
    assert _decide(Ended(end=Died(signal=9, memory_limit_bytes=1)), retry=named).state is State.CRASHED
    assert _decide(Ended(end=BUG), retry=named).state is State.FAILED


def test_what_a_function_of_waiting_answered_counts() -> None:
    """Its seconds, or its no; where it could not be asked, the exponential wait."""
    own = RetryPolicy(backoff=lambda _attempt, _error: 1, base=3, jitter=0)
    errors = [replace(BUG.error, backoff_s=40.0), replace(BUG.error, final=True), BUG.error]
    verdicts = [_decide(Ended(end=Raised(error)), retry=own) for error in errors]
    assert [(verdict.state, verdict.delay_s) for verdict in verdicts] == [
        (State.SCHEDULED, 40.0), (State.FAILED, 0.0), (State.SCHEDULED, 3.0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("retry", "state"),
    [(None, State.SCHEDULED), (1, State.FAILED), (2, State.SCHEDULED),
     (RetryPolicy(never_on=("Retrying",)), State.FAILED)],
    ids=["no policy", "one try", "two tries", "never"],
)  # fmt: skip
def test_retry_later_is_bound_by_a_policy_that_was_given(retry: Any, state: State) -> None:
    """By its tries and by `never_on`."""
    later = Raised(ErrorInfo(type="RetryLater", message="", bases=("RetryLater", "Retrying"), retry_after_s=7.0))
    assert _decide(Ended(end=later), retry=retry).state is state


@pytest.mark.parametrize(
    "ended",
    [Ended(end=Died(signal=9), collateral=True), Ended(end=BUG, stopped_by="shutdown")],
    ids=["neighbour", "shutdown"],
)
def test_what_was_not_the_jobs_doing_is_free(ended: Ended) -> None:
    """A job that died for a neighbour or a shutdown goes back uncharged."""
    assert _decide(ended) == Verdict(state=State.QUEUED)
