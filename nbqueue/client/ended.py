"""The end of a job, and what its handle makes of it: a value, or an error that says everything."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from nbqueue import errors
from nbqueue.broker import codec
from nbqueue.broker.envelope import open_sealed
from nbqueue.broker.signing import Keyring
from nbqueue.client import hooks
from nbqueue.errors import JobError, NbqueueError
from nbqueue.model import durations
from nbqueue.model.job import JobRecord, moment
from nbqueue.model.states import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a job ended. Its payload is verified, and not unpickled before somebody asks for the value."""

    job_id: str
    #: None: the server no longer knows the job
    state: State | None = None
    #: the verified header of the result; empty where the result is gone or there was none
    header: Mapping[str, Any] = field(default_factory=dict)
    payload: bytes = b""
    #: what the server still knew, asked for where there is no result
    record: JobRecord | None = None
    #: what forbids to open it
    problem: NbqueueError | None = None
    #: what the handle calls the job; empty: the function's name
    label: str = ""

    @property
    def is_over(self) -> bool:
        """Whether it has ended, as far as anybody knows; without a result its record may say otherwise."""
        return bool(self.header) or self.problem is not None or self.state is None or self.state.is_final

    @property
    def succeeded(self) -> bool:
        """Whether it handed back a value that can be read."""
        return self.state is State.SUCCEEDED and bool(self.header) and self.problem is None


def opened(keyring: Keyring, namespace: str, job_id: str, fence: int | None, blob: bytes) -> Ended:
    """The end that a sealed result tells of; nothing is believed before its signature is verified."""
    try:
        sealed = open_sealed(keyring, blob, kind="result", namespace=namespace, job_id=job_id, fence=fence or None)
        state = State(sealed.header["state"])
    except NbqueueError as refused:
        return Ended(job_id=job_id, problem=refused)
    except (KeyError, ValueError):
        nameless = errors.TamperedPayload(f"The result of job {job_id} names no state.", reason="no state")
        return Ended(job_id=job_id, problem=nameless)
    return Ended(job_id=job_id, state=state, header=sealed.header, payload=sealed.payload)


def without_result(job_id: str, record: JobRecord | None) -> Ended:
    """The end of a job whose result is not there (any more)."""
    return Ended(job_id=job_id, state=record.state if record else None, record=record)


def value_of(ended: Ended) -> Any:
    """The value of a job that succeeded; raises its error otherwise. This is where unpickling happens."""
    if ended.problem is not None:
        raise ended.problem
    if ended.succeeded:
        return _loaded(ended)
    raise error_of(ended)


def fault_of(ended: Ended) -> NbqueueError | None:
    """The error of a job that did not succeed, else None. Nothing is unpickled."""
    return None if ended.succeeded else error_of(replace(ended, payload=b""))


def error_of(ended: Ended) -> NbqueueError:
    """The error of a job that did not succeed, made anew each time (a raised one collects traceback)."""
    if ended.problem is not None:
        return ended.problem
    if ended.state is State.FAILED:
        return _failed(ended)
    if ended.state is State.CANCELLED:
        return _cancelled(ended)
    text = _sentence(ended)
    if ended.state is State.TIMED_OUT:
        return errors.JobTimeout(text, job_id=ended.job_id, partial=_partial(ended))
    return _SENTENCES.get(ended.state, _SENTENCES[State.SUCCEEDED])[0](text, job_id=ended.job_id)


def _sentence(ended: Ended) -> str:
    """What is said of an end that was neither a failure nor a cancel."""
    _, sentence = _SENTENCES.get(ended.state, _SENTENCES[State.SUCCEEDED])
    said = _said(ended)
    limit = said.removeprefix("It ") if said.startswith("It ran into") else "ran into its time limit"
    cause = f": {said.replace('Its ', 'its ', 1) if said.startswith('Its ') else said}" if said else ""
    expires_s = ended.record.expires_s if ended.record else None
    within = f"within {durations.in_words(expires_s)}" if expires_s else "in time"
    return sentence.format(about=_about(ended), times=_times(ended), limit=limit, cause=cause, within=within)


_SENTENCES: dict[State | None, tuple[type[JobError], str]] = {
    None: (errors.JobLost, "The server no longer knows {about}: its data was lost or removed. Submit it again."),
    State.TIMED_OUT: (errors.JobTimeout, "{about} {limit}{times}."),
    State.CRASHED: (errors.JobCrashed, "{about} crashed{times}{cause}."),
    State.EXPIRED: (errors.JobExpired, "{about} was not started {within}{times}."),
    State.SUCCEEDED: (
        errors.ResultExpired,
        "The result of {about} is kept no longer{times}. Ask for more with keep_result=.",
    ),
}


def _failed(ended: Ended) -> errors.JobFailed:
    about = ended.header.get("error") or {}
    record = ended.record
    kind = str(about.get("type") or (record.error_type if record else "") or "Exception")
    message = str(about.get("message") or (record.error if record else ""))
    traceback = str(about.get("traceback") or "")
    original = _original(ended)
    if kind == errors.ParentFailed.__name__:
        told = record.failed_parent if record else ""
        parent_id = original.parent_id if isinstance(original, errors.ParentFailed) else told
        barred = errors.ParentFailed(message, job_id=ended.job_id, parent_id=parent_id, remote_traceback=traceback)
        if traceback:
            barred.add_note(f"On the worker of that job:\n{traceback.rstrip()}")
        return barred
    error = errors.JobFailed(
        f"{kind}: {message}" if message else kind, job_id=ended.job_id, error_type=kind, remote_traceback=traceback
    )
    error.__cause__ = original
    _show_remote(error, _about(ended))
    return error


def _cancelled(ended: Ended) -> errors.JobCancelled:
    after_s = ended.header.get("killed_after_s")
    killed = "" if after_s is None else f". Its process did not end then, and had to be killed after {after_s:g} s"
    text = f"{_about(ended)} {_cancelled_how(ended.record, _times(ended))}{killed}."
    return errors.JobCancelled(text, job_id=ended.job_id, partial=_partial(ended))


def _partial(ended: Ended) -> Any:
    """What the code of a stopped job handed back."""
    return _loaded(ended) if ended.payload else None


def _cancelled_how(record: JobRecord | None, times: str) -> str:
    """What was done to a job that was cancelled."""
    by = record.stopped_by if record else ""
    if record and by == "parent":
        return f"was skipped{times}: {record.error.replace('It ', 'it ', 1).rstrip('.')}"
    if by == "debounce":
        return f"was replaced by a later one of the same function and arguments{times}"
    return f"was cancelled{times}"


def _original(ended: Ended) -> BaseException | None:
    """The original error where it can be rebuilt here; its text is known anyway."""
    if not ended.payload:
        return None
    try:
        found = _loaded(ended)
    except (NbqueueError, pickle.UnpicklingError):
        return None
    return found if isinstance(found, BaseException) else None


def _show_remote(error: errors.JobFailed, about: str) -> None:
    """In a notebook, show where it happened on the worker instead of where it was waited for."""
    text = error.remote_traceback.rstrip()
    if text:
        lines = [f"{about} failed on its worker:", "", text, "", f"JobFailed: {error}"]
        error._render_traceback_ = lambda: lines  # type: ignore[attr-defined]
        error.add_note(f"On the worker:\n{text}")


def _loaded(ended: Ended) -> Any:
    codec.check_versions(ended.header)
    line = hooks.line()
    plain = line is not None and line.plain
    return codec.load_plain_value(ended.payload) if plain else codec.load_value(ended.payload)


def _about(ended: Ended) -> str:
    known = ended.record
    name = ended.label or (known.label or known.function if known else "") or ended.header.get("fn")
    return f"Job {ended.job_id} ({name})" if name else f"Job {ended.job_id}"


def _said(ended: Ended) -> str:
    """What the worker said of the end, to stand within a sentence."""
    said = ended.header.get("error") or {}
    return str(said.get("message") or (ended.record.error if ended.record else "")).rstrip(".")


def _times(ended: Ended) -> str:
    """When it ran, in brackets, or nothing."""
    record = ended.record
    started = record.started_at if record else moment(ended.header.get("started_ms"))
    finished = record.finished_at if record else moment(ended.header.get("finished_ms"))
    facts = ["it succeeded"] if record is not None and record.state is State.SUCCEEDED else []
    facts += [f"{word} {at:%Y-%m-%d %H:%M:%S} UTC" for word, at in (("started", started), ("ended", finished)) if at]
    return f" ({', '.join(facts)})" if facts else ""
