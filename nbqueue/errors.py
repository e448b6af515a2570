"""Every error nbqueue raises, as one tree.

NbqueueError
├── ConfigurationError            a setting, name or option that cannot be used (also ValueError)
├── BrokerUnavailable             the server cannot be reached or used (also ConnectionError)
│   ├── AccessDenied              wrong password, missing rights, TLS refused
│   └── StoreFull                 the server is out of memory or disk
├── LocalStackError               the embedded server or its worker cannot be started
├── NotSendable                   a function or argument cannot travel (also TypeError)
├── PayloadTooLarge               an argument or result is over the limit (also ValueError)
├── TamperedPayload               a record whose signature does not fit
├── WrongPython                   a record written by another Python minor version
├── UnknownFunction               no worker knows a function of that name
├── UnknownSchedule               the server has no schedule of that name (also LookupError)
├── QueueClosed                   a queue that takes no more jobs
├── SolverUnavailable             a solver that is not installed, or has no licence (also ImportError)
├── InvalidModel                  what a solver was given is no model of its (also TypeError)
├── NotInJob                      a call that is not possible where it was made
├── NotebookFailed                a notebook that did not come to its end; .run is what there is of it
├── JobError                      what a job's handle raises; has .job_id
│   ├── JobFailed                 the function raised; __cause__ is the original where it can be rebuilt
│   │   └── ParentFailed          it never ran: a job whose result it takes did not succeed
│   ├── JobCancelled              it was cancelled; .partial holds what the code handed back
│   ├── JobTimeout                it ran into its time limit; .partial as of JobCancelled
│   ├── JobCrashed                its process died
│   ├── JobExpired                it was not started in time
│   ├── JobLost                   the server does not know it, or no longer (also LookupError)
│   └── ResultExpired             it ended, and its result was kept no longer
└── Retrying                      what code in a job raises to steer its retries
    ├── SkipRetry                 fail now, whatever the policy says
    └── RetryLater                try again after a given time
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any

_PACKAGE = __name__.partition(".")[0]
_TEN_YEARS_S = 10 * 366 * 86_400.0


class NbqueueError(Exception):
    """The root of every error of nbqueue.

    A notebook shows the user's own lines and the sentence, without the frames of nbqueue below them; after
    `%xmode Verbose` it shows all.
    """

    if not TYPE_CHECKING:

        def _render_traceback_(self) -> list[str]:
            """What IPython shows; nobody else calls this, and single errors have another one."""
            formatter = sys.modules["IPython"].get_ipython().InteractiveTB
            above, cut = self._above_ours()
            if formatter.mode == "Verbose" or not cut:
                return formatter.structured_traceback(type(self), self, self.__traceback__)
            return formatter.structured_traceback(type(self), self._without_ours(), above)

    def _above_ours(self) -> tuple[TracebackType | None, bool]:
        """The traceback down to the call into nbqueue, and whether there was more below."""
        steps = list(self._steps(self.__traceback__))
        own = next((place for place, step in enumerate(steps) if self._is_ours(step)), len(steps))
        above: TracebackType | None = None
        for step in reversed(steps[:own]):
            above = TracebackType(above, step.tb_frame, step.tb_lasti, step.tb_lineno)
        return above, own < len(steps) and above is not None

    def _without_ours(self) -> NbqueueError:
        """The error as it is shown: of what led to it only what did not happen within nbqueue."""
        shown = type(self).__new__(type(self), *self.args)
        shown.__dict__.update(self.__dict__)
        for name in ("__context__", "__cause__"):
            other = getattr(self, name)
            if other is not None and not any(map(self._is_ours, self._steps(other.__traceback__))):
                setattr(shown, name, other)
        shown.__suppress_context__ = self.__suppress_context__
        return shown

    @staticmethod
    def _steps(found: TracebackType | None) -> Iterator[TracebackType]:
        while found is not None:
            yield found
            found = found.tb_next

    @staticmethod
    def _is_ours(step: TracebackType) -> bool:
        return str(step.tb_frame.f_globals.get("__name__", "")).partition(".")[0] == _PACKAGE


class ConfigurationError(NbqueueError, ValueError):
    """A setting, a name or an option that cannot be used."""


class BrokerUnavailable(NbqueueError, ConnectionError):
    """The server cannot be reached or used; says which, since when and what to do."""


class AccessDenied(BrokerUnavailable):
    """The server refused us: wrong password, missing rights or a TLS mismatch. Never retried."""

    def __init__(self, message: str, *, lacks_right: bool = False) -> None:
        super().__init__(message)
        #: whether the user is known there, and may not do this
        self.lacks_right = lacks_right


class StoreFull(BrokerUnavailable):
    """The server is out of memory or disk; nothing was stored."""


class LocalStackError(NbqueueError):
    """The embedded server or its worker cannot be started; says why in one sentence."""


class NotSendable(NbqueueError, TypeError):
    """A function or argument cannot travel to a worker; `path` names the part at fault."""

    def __init__(self, message: str, *, path: str = "") -> None:
        super().__init__(message)
        #: where it sits, for example ``args[0].model``
        self.path = path


class PayloadTooLarge(NbqueueError, ValueError):
    """An argument or a result over the size limit; nothing was sent."""

    def __init__(self, message: str, *, size_bytes: int = 0, limit_bytes: int = 0) -> None:
        super().__init__(message)
        self.size_bytes = size_bytes
        self.limit_bytes = limit_bytes


class TamperedPayload(NbqueueError):
    """A record that no holder of our key wrote for this place. It was not unpickled."""

    def __init__(self, message: str, *, reason: str = "", unknown_key: str = "") -> None:
        super().__init__(message)
        #: which check refused it, in a word or two for logs: ``bad signature``, ``wrong kind``, ...
        self.reason = reason
        #: the id of the key that it says it was signed with, where that is none of ours
        self.unknown_key = unknown_key


class WrongPython(NbqueueError):
    """A record written by another Python minor version; unpickling it could crash the process."""


class UnknownFunction(NbqueueError, LookupError):
    """No function of that name is registered on the workers."""


class UnknownSchedule(NbqueueError, LookupError):
    """The server has no schedule of that name."""


class QueueClosed(NbqueueError):
    """A queue that is being drained takes no more jobs."""


class SolverUnavailable(NbqueueError, ImportError):
    """A solver that is not installed here, or has no licence."""


class InvalidModel(NbqueueError, TypeError):
    """What a solver was given is no model of its, or one that it refuses."""


class NotInJob(NbqueueError):
    """A call that is not possible where it was made, for example a `.wait()` in the event loop that others need."""


class NotebookFailed(NbqueueError):
    """A notebook that did not come to its end: a cell raised or took too long, or its kernel died."""

    def __init__(self, message: str, run: Any = None) -> None:
        super().__init__(message)
        #: the notebook with its outputs so far, and how it ended: a `NotebookRun`
        self.run = run

    def __reduce__(self) -> tuple[type[NotebookFailed], tuple[str, Any]]:
        return type(self), (str(self), self.run)


class JobError(NbqueueError):
    """What a job's handle raises instead of a value."""

    def __init__(self, message: str, *, job_id: str = "") -> None:
        super().__init__(message)
        self.job_id = job_id


class JobFailed(JobError):
    """The function raised. `__cause__` is the original error where it can be rebuilt."""

    def __init__(self, message: str, *, job_id: str = "", error_type: str = "", remote_traceback: str = "") -> None:
        super().__init__(message, job_id=job_id)
        #: the class name of the original error, for example ``ValueError``
        self.error_type = error_type
        #: the traceback as the worker saw it, source lines included
        self.remote_traceback = remote_traceback


class ParentFailed(JobFailed):
    """The job never ran, because another one whose result it takes did not succeed; `parent_id` names that one."""

    def __init__(self, message: str, *, job_id: str = "", parent_id: str = "", remote_traceback: str = "") -> None:
        super().__init__(message, job_id=job_id, error_type="ParentFailed", remote_traceback=remote_traceback)
        self.parent_id = parent_id


class JobCancelled(JobError):
    """The job was cancelled. `partial` holds what its code handed back while stopping.

    Where it handed back nothing, because it was interrupted or had to be killed: the last `checkpoint(value,
    partial=True)` of this attempt, or the best solution of a solver so far; else None.
    """

    def __init__(self, message: str, *, job_id: str = "", partial: Any = None) -> None:
        super().__init__(message, job_id=job_id)
        self.partial = partial


class JobTimeout(JobError):
    """The job ran into its time limit (waiting too long is the builtin TimeoutError); `partial` as of JobCancelled."""

    def __init__(self, message: str, *, job_id: str = "", partial: Any = None) -> None:
        super().__init__(message, job_id=job_id)
        self.partial = partial


class JobCrashed(JobError):
    """The job's process died: a signal, an exit code, out of memory, or workers lost three times."""


class JobExpired(JobError):
    """The job was not started within its `expires`."""


class JobLost(JobError, LookupError):
    """The server does not know this job, or no longer: it had accepted it, or the id is wrong."""


class ResultExpired(JobError):
    """The job ended, and its result was kept no longer than asked for."""


class Retrying(NbqueueError):
    """What code in a job raises to steer its retries."""


class SkipRetry(Retrying):
    """Fail now, whatever the retry policy says."""


class RetryLater(Retrying):
    """Try again after `after_s` seconds (or a timedelta), for example on an HTTP 429.

    It needs no policy. Where one was given its `max_tries` and `never_on` count, and `on` need not name it.
    """

    def __init__(self, after_s: float | timedelta, message: str = "") -> None:
        seconds: object = after_s.total_seconds() if isinstance(after_s, timedelta) else after_s
        if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not 0 <= seconds <= _TEN_YEARS_S:
            raise ConfigurationError(f"RetryLater(after_s={after_s!r}): give seconds from 0 to ten years.")
        super().__init__(message or f"asked for another attempt in {seconds:g} s")
        self.after_s = float(seconds)

    def __reduce__(self) -> tuple[type[RetryLater], tuple[float, str]]:
        return type(self), (self.after_s, str(self))
