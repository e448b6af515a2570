"""What is recorded of an attempt's end: the sealed result of a final one, and its line of the history.

Both are JSON whose constant parts are written here as text: building a dict and encoding it takes three times as long,
and this is done for every job.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from nbqueue.broker.claims import Claim, Finish
from nbqueue.broker.envelope import seal_text
from nbqueue.broker.raised import dump_error
from nbqueue.errors import NbqueueError
from nbqueue.model import plain_json
from nbqueue.model.options import DEFAULTS
from nbqueue.model.outcome import ErrorInfo, Raised, Returned
from nbqueue.model.plain_json import quote
from nbqueue.model.states import State
from nbqueue.worker.attempt import Attempt, Here
from nbqueue.worker.verdict import Ended, Past, Verdict, decide

#: characters of an error's text that stand in the record (the whole is in the result)
ERROR_CHARS = 500
#: characters of a traceback that are kept
TRACEBACK_CHARS = 50_000
#: characters of the reason for which a job is turned away
MESSAGE_CHARS = 4_000
#: what of the submission's header the history repeats, where it is there
REPEATED = ("label", "group", "tags", "priority", "parent", "retry_of")
NOTHING: Mapping[str, Any] = MappingProxyType({})


def refusal(claim: Claim, error: NbqueueError, here: Here, *, told: Mapping[str, Any] = NOTHING) -> Finish:
    """The end of a claim that cannot be run at all; `told`: what is known of the job, as far as it can be trusted."""
    header = {"fn": "", "codec": "none", **told}
    attempt = Attempt(claim=claim, header=header, payload=b"", options=DEFAULTS, began_at=time.monotonic())
    info = ErrorInfo(type=type(error).__name__, message=str(error)[:MESSAGE_CHARS])
    return record(attempt, Verdict(state=State.FAILED, charge="try", error=info), here, facts={})


def barred(attempt: Attempt, error: NbqueueError, here: Here) -> Finish:
    """The end of an attempt that cannot begin for want of another job's result; it is not tried again."""
    info = replace(dump_error(error), traceback=getattr(error, "remote_traceback", ""))
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
    if ended.partial is not None and len(ended.partial.payload) > here.limit_bytes:
        ended = ended._replace(partial=None)
    past = Past(tries=attempt.claim.tries, losses=attempt.claim.losses, crashes=attempt.claim.crashes)
    return decide(ended, attempt.options, past, here.chance)


def record(attempt: Attempt, verdict: Verdict, here: Here, *, facts: dict[str, Any]) -> Finish:
    """What is written for an attempt: the sealed result of a final one, and a line of the history."""
    claim, error, state = attempt.claim, verdict.error, verdict.state
    final = state.is_final
    sealed = _sealed_result(attempt, verdict, here) if final else b""
    recorded = final or verdict.charge != "none"
    line = _history_line(attempt, verdict, here, len(sealed), facts) if recorded else ""
    kept_s = attempt.options.keep_result if state is State.SUCCEEDED else attempt.options.keep_error
    return Finish(
        job_id=claim.job_id,
        fence=claim.fence,
        state=state,
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
    took_ms = round((time.monotonic() - attempt.began_at) * 1000)
    text = (
        f'{{"kind":"result","ns":{quote(here.keys.namespace)},"id":{quote(claim.job_id)},"fn":{quote(attempt.function)},'
        f'"fence":{claim.fence},"attempt":{attempt.number},"state":"{verdict.state.value}",'
        f'"codec":{quote(value.codec if value else "pickle")},"started_ms":{claim.started_ms},'
        f'"finished_ms":{claim.started_ms + took_ms},{here.versions_json}'
    )
    more: dict[str, Any] = {}
    if verdict.stopped_by:
        more["stopped_by"] = verdict.stopped_by
    if error:
        more["error"] = {"type": error.type, "message": error.message, "traceback": error.traceback[-TRACEBACK_CHARS:]}
    if verdict.killed_after_s is not None:
        more["killed_after_s"] = verdict.killed_after_s
    payload = value.payload if value else error.pickled if error else b""
    return seal_text(here.keyring, _extended(text, more), payload)


def _history_line(attempt: Attempt, verdict: Verdict, here: Here, result_bytes: int, facts: dict[str, Any]) -> str:
    claim, header, error, state = attempt.claim, attempt.header, verdict.error, verdict.state
    job_id = claim.job_id if claim.job_id.isascii() else _readable(claim.job_id)
    text = (
        f'{{"job":{quote(job_id)},"attempt":{attempt.number},"state":"{state.value if state.is_final else "retried"}",'
        f'"queue":{quote(claim.queue)},"function":{quote(attempt.function)},"submitted":{claim.submitted_ms},'
        f'"due":{claim.due_ms},"started":{claim.started_ms},"tries":{claim.tries + 1},'
        f'"payload_bytes":{len(attempt.payload)},"result_bytes":{result_bytes},{here.place_json}'
    )
    more = {name: header[name] for name in REPEATED if header.get(name)}
    if error:
        more["error_type"], more["error"] = error.type, error.message[:ERROR_CHARS]
        if error.traceback and not state.is_final:
            more["traceback"] = _last_lines(error.traceback)
    if verdict.stopped_by:
        more["stopped_by"] = verdict.stopped_by
    if facts:
        more.update({name: value for name, value in facts.items() if value is not None})
    return _extended(text, more)


def _last_lines(traceback: str) -> str:
    """The whole lines at the end of a traceback: where it happened, and what."""
    last = traceback[-ERROR_CHARS:]
    return last if len(traceback) <= ERROR_CHARS else last.partition("\n")[2] or last


def _extended(text: str, more: dict[str, Any]) -> str:
    """A JSON object without its last brace, with more pairs."""
    return f"{text},{plain_json.encode(more)[1:]}" if more else text + "}"


def _readable(job_id: str) -> str:
    """An id as text that can be shown: bytes that are not UTF-8 are replaced."""
    return job_id.encode("utf-8", "surrogateescape").decode(errors="replace")
