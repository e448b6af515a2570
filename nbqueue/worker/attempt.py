"""One attempt at a job, from its claim to what is recorded of it, as named steps."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from nbqueue.broker import codec
from nbqueue.broker.claims import Claim, Finish
from nbqueue.broker.envelope import open_sealed, seal
from nbqueue.broker.keys import Keys
from nbqueue.broker.signing import Keyring
from nbqueue.errors import NbqueueError, TamperedPayload
from nbqueue.model import names, plain_json
from nbqueue.model.options import DEFAULTS, Isolation, Options
from nbqueue.model.outcome import ErrorInfo, Raised, Returned
from nbqueue.model.states import State
from nbqueue.worker.verdict import Ended, Past, Verdict, decide

#: characters of an error's text that stand in the record (the whole is in the result)
ERROR_CHARS = 500
#: how arguments may be encoded
CODECS = ("pickle", "json")
#: characters of the reason for which a job is turned away
MESSAGE_CHARS = 4_000
#: the deepest JSON that a submission by hand may hold is given by the parser; the longest is this
JSON_LIMIT_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Here:
    """Who runs attempts here, and with which keys."""

    keyring: Keyring
    keys: Keys
    engine_id: str
    host: str
    limit_bytes: int
    chance: Random
    versions: Mapping[str, str]


@dataclass(slots=True, kw_only=True)
class Attempt:
    """A claim that was opened: what is to run, and since when."""

    claim: Claim
    #: the verified header of the submission
    header: dict[str, Any]
    payload: bytes
    options: Options
    #: name of a registered function; empty: the function travels in the payload
    name: str = ""
    began_at: float = 0.0

    @property
    def function(self) -> str:
        """The function's label."""
        return str(self.header.get("fn", ""))

    @property
    def number(self) -> int:
        """Number of this attempt, from 1; what was given back without having run does not count."""
        return self.claim.tries + self.claim.losses + self.claim.crashes + 1

    def isolation(self, run_in: str) -> Isolation:
        """After a crash beside others a coroutine runs alone, so that the next crash tells whose it was."""
        if run_in != "process" and self.claim.losses + self.claim.crashes:
            return "fresh"
        return self.options.isolation


def open_attempt(claim: Claim, here: Here) -> Attempt:
    """The attempt of a claim: verified, versions compared. Raises an NbqueueError that names what is wrong."""
    names.check_job_id(claim.job_id)
    if claim.submission is None:
        raise TamperedPayload(f"Job {claim.job_id!a} has no submission in the store; it cannot run.")
    if claim.submission[:1] == b"{":
        return _by_hand(claim)
    sealed = open_sealed(here.keyring, claim.submission, kind="job", namespace=here.keys.namespace, job_id=claim.job_id)
    header = sealed.header
    _check_submitted(claim, header)
    if header["codec"] not in CODECS:
        raise TamperedPayload(f"Job {claim.job_id!a} is encoded as {header['codec']!a}, which is not known here.")
    codec.check_versions(header)
    return Attempt(
        claim=claim,
        header=header,
        payload=sealed.payload,
        options=Options.from_wire(header.get("opt", {})),
        name=header["fn"] if header.get("by") == "name" else "",
        began_at=time.monotonic(),
    )


def _check_submitted(claim: Claim, header: Mapping[str, Any]) -> None:
    """Refuse a signed record that was moved to another queue, or put there again after its job had ended."""
    where = header.get("queue", claim.queue)
    if where != claim.queue:
        raise TamperedPayload(
            f"The record of job {claim.job_id!a} was refused: it was signed for queue {where!a}, "
            f"not for {claim.queue!a}.",
            reason="wrong queue",
        )
    if claim.adopted:
        raise TamperedPayload(
            f"The record of job {claim.job_id!a} was refused: it was never submitted here, or what was known of the "
            "job is gone. Submit it again.",
            reason="not submitted",
        )


def _by_hand(claim: Claim) -> Attempt:
    """A submission as plain JSON, put in without a key: a registered function and JSON arguments, nothing else."""
    try:
        found = json.loads(claim.submission or b"") if len(claim.submission or b"") <= JSON_LIMIT_BYTES else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("function"), str) or not found["function"]:
        raise TamperedPayload(
            f'Job {claim.job_id!a} is neither signed nor plain JSON: {{"function": name, "args": [], "kwargs": {{}}}}.'
        )
    args, kwargs = found.get("args", []), found.get("kwargs", {})
    if not isinstance(args, list) or not isinstance(kwargs, dict) or set(found) - {"function", "args", "kwargs"}:
        raise TamperedPayload(
            f'Job {claim.job_id!a}: "args" must be a list, "kwargs" an object, and there is nothing else.'
        )
    payload = json.dumps({"args": args, "kwargs": kwargs}).encode()
    header = {"fn": found["function"], "codec": "json", "label": found["function"]}
    return Attempt(
        claim=claim, header=header, payload=payload, options=DEFAULTS, name=found["function"], began_at=time.monotonic()
    )


def refusal(claim: Claim, error: NbqueueError, here: Here, *, function: str = "") -> Finish:
    """The end of a claim that cannot be run at all; `function` is its label, where the record can be trusted."""
    header = {"fn": function, "codec": "none"}
    attempt = Attempt(claim=claim, header=header, payload=b"", options=DEFAULTS, began_at=time.monotonic())
    info = ErrorInfo(type=type(error).__name__, message=str(error)[:MESSAGE_CHARS])
    return record(attempt, Verdict(state=State.FAILED, charge="try", error=info), here, facts={})


def judge(attempt: Attempt, ended: Ended, here: Here) -> Verdict:
    """What the end of an attempt means; a value that is too large to record is an error."""
    value = ended.end
    if isinstance(value, Returned) and len(value.payload) > here.limit_bytes:
        text = (
            f"The result has {len(value.payload):,} bytes; {here.limit_bytes:,} are allowed "
            "(NBQUEUE_LIMIT_BYTES). Return less, or write it to a file and return its path."
        )
        ended = Ended(end=Raised(ErrorInfo(type="PayloadTooLarge", message=text, bases=("SkipRetry",))))
    past = Past(tries=attempt.claim.tries, losses=attempt.claim.losses, crashes=attempt.claim.crashes)
    return decide(ended, attempt.options, past, here.chance)


def record(attempt: Attempt, verdict: Verdict, here: Here, *, facts: dict[str, Any]) -> Finish:
    """What is written for an attempt: the sealed result of a final one, and a line of the history."""
    claim, error = attempt.claim, verdict.error
    final = verdict.state.is_final
    sealed = _sealed_result(attempt, verdict, here) if final else b""
    recorded = final or verdict.charge != "none"
    line = _history_line(attempt, verdict, here, len(sealed), facts) if recorded else ""
    kept_s = attempt.options.keep_result if verdict.state is State.SUCCEEDED else attempt.options.keep_error
    return Finish(
        job_id=claim.job_id,
        fence=claim.fence,
        state=verdict.state,
        delay_s=verdict.delay_s,
        charge=verdict.charge,
        result=sealed,
        keep_s=kept_s,
        error_type=error.type if error else "",
        error=error.message[:ERROR_CHARS] if error else "",
        stopped_by=verdict.stopped_by,
        record=line,
    )


def _sealed_result(attempt: Attempt, verdict: Verdict, here: Here) -> bytes:
    claim, value, error = attempt.claim, verdict.value, verdict.error
    header: dict[str, Any] = {
        "kind": "result",
        "ns": here.keys.namespace,
        "id": claim.job_id,
        "fn": attempt.function,
        "fence": claim.fence,
        "attempt": attempt.number,
        "state": verdict.state.value,
        "codec": value.codec if value else "pickle",
        **here.versions,
        "started_ms": claim.started_ms,
        "finished_ms": claim.started_ms + round((time.monotonic() - attempt.began_at) * 1000),
    }
    payload = value.payload if value else b""
    if verdict.stopped_by:
        header["stopped_by"] = verdict.stopped_by
    if error:
        header["error"] = {"type": error.type, "message": error.message, "traceback": error.traceback[-50_000:]}
        payload = error.pickled
    return seal(here.keyring, header, payload)


def _history_line(attempt: Attempt, verdict: Verdict, here: Here, result_bytes: int, facts: dict[str, Any]) -> str:
    claim, header, error = attempt.claim, attempt.header, verdict.error
    found: dict[str, Any] = {
        "job": claim.job_id if claim.job_id.isascii() else _readable(claim.job_id),
        "attempt": attempt.number,
        "state": verdict.state.value if verdict.state.is_final else "retried",
        "queue": claim.queue,
        "function": attempt.function,
        "submitted": claim.submitted_ms,
        "due": claim.due_ms,
        "started": claim.started_ms,
        "worker": here.engine_id,
        "host": here.host,
        "tries": claim.tries + 1,
        "payload_bytes": len(attempt.payload),
        "result_bytes": result_bytes,
    }
    for name in ("label", "group", "tags", "priority"):
        if header.get(name):
            found[name] = header[name]
    if error:
        found["error_type"], found["error"] = error.type, error.message[:ERROR_CHARS]
    if verdict.stopped_by:
        found["stopped_by"] = verdict.stopped_by
    if facts:
        found.update({name: value for name, value in facts.items() if value is not None})
    return plain_json.encode(found)


def _readable(job_id: str) -> str:
    """An id as text that can be shown: bytes that are not UTF-8 are replaced."""
    return job_id.encode("utf-8", "surrogateescape").decode(errors="replace")
