"""Background jobs for Jupyter notebooks: submit a function, watch it live, keep the result, survive a restart.

    job = await submit(solve, instance)   # any function, also one written in this notebook
    result = await job

Names are loaded when they are first used, so that importing this costs nothing.
"""

from __future__ import annotations

import typing as _typing
from importlib import import_module as _import_module

from nbqueue.client import hooks as _hooks
from nbqueue.model.errands import use_clerks as _use_clerks
from nbqueue.model.shown import use_drawing as _use_values
from nbqueue.model.submitting import use_submitting as _use_submitting
from nbqueue.notebook.face import ProcessFace as _ProcessFace
from nbqueue.notebook.values import ProcessDrawing as _ProcessDrawing

if _typing.TYPE_CHECKING:
    from nbqueue.analysis.export import export_csv, export_html, export_jsonl, export_parquet, export_xlsx
    from nbqueue.broker.address import Address as _Address
    from nbqueue.broker.signing import Keyring as _Keyring
    from nbqueue.client.group import JobGroup
    from nbqueue.client.handle import Job
    from nbqueue.client.known import attach, jobs
    from nbqueue.client.pending import Pending
    from nbqueue.client.queue import Queue
    from nbqueue.client.schedule import Schedule
    from nbqueue.client.schedule_list import schedules
    from nbqueue.client.session import configure
    from nbqueue.client.submitter import options, run, schedule, submit, submit_map
    from nbqueue.client.tasks import task
    from nbqueue.errors import (
        AccessDenied,
        BrokerUnavailable,
        ConfigurationError,
        InvalidModel,
        JobCancelled,
        JobCrashed,
        JobError,
        JobExpired,
        JobFailed,
        JobLost,
        JobTimeout,
        LocalStackError,
        NbqueueError,
        NotebookFailed,
        NotInJob,
        NotSendable,
        ParentFailed,
        PayloadTooLarge,
        QueueClosed,
        ResultExpired,
        Retrying,
        RetryLater,
        SkipRetry,
        SolverUnavailable,
        StoreFull,
        TamperedPayload,
        UnknownFunction,
        UnknownSchedule,
        WrongPython,
    )
    from nbqueue.inside import (
        checkpoint,
        cpus,
        current_job,
        last_checkpoint,
        log,
        on_stop,
        progress,
        report,
        should_stop,
        stop_reason,
        time_left,
        track,
    )
    from nbqueue.model.errands import Clerk as _Clerk
    from nbqueue.model.errands import Line as _Line
    from nbqueue.model.retry import RetryPolicy
    from nbqueue.model.settings import Settings
    from nbqueue.model.states import State
    from nbqueue.model.submitting import Handle as _Handle
    from nbqueue.model.submitting import Submitting as _Submitting
    from nbqueue.model.submitting import Undertaking as _Work
    from nbqueue.model.submitting import Waited as _Waited
    from nbqueue.model.times import Cron, Every
    from nbqueue.notebook.board.dashboard import dashboard
    from nbqueue.notebook.nesting import allow_nested
    from nbqueue.notebook.notify import notify
    from nbqueue.past import export, history

_T = _typing.TypeVar("_T")

__all__ = [
    "AccessDenied",
    "BrokerUnavailable",
    "ConfigurationError",
    "Cron",
    "Every",
    "InvalidModel",
    "Job",
    "JobCancelled",
    "JobCrashed",
    "JobError",
    "JobExpired",
    "JobFailed",
    "JobGroup",
    "JobLost",
    "JobTimeout",
    "LocalStackError",
    "NbqueueError",
    "NotInJob",
    "NotSendable",
    "NotebookFailed",
    "ParentFailed",
    "PayloadTooLarge",
    "Pending",
    "Queue",
    "QueueClosed",
    "ResultExpired",
    "RetryLater",
    "RetryPolicy",
    "Retrying",
    "Schedule",
    "Settings",
    "SkipRetry",
    "SolverUnavailable",
    "State",
    "StoreFull",
    "TamperedPayload",
    "UnknownFunction",
    "UnknownSchedule",
    "WrongPython",
    "allow_nested",
    "attach",
    "checkpoint",
    "configure",
    "cpus",
    "current_job",
    "dashboard",
    "export",
    "export_csv",
    "export_html",
    "export_jsonl",
    "export_parquet",
    "export_xlsx",
    "history",
    "jobs",
    "last_checkpoint",
    "log",
    "notify",
    "on_stop",
    "options",
    "progress",
    "report",
    "run",
    "schedule",
    "schedules",
    "should_stop",
    "stop_reason",
    "submit",
    "submit_map",
    "task",
    "time_left",
    "track",
]

_HOMES = {
    "nbqueue.analysis.export": ("export_csv", "export_html", "export_jsonl", "export_parquet", "export_xlsx"),
    "nbqueue.client.group": ("JobGroup",),
    "nbqueue.client.handle": ("Job",),
    "nbqueue.client.pending": ("Pending",),
    "nbqueue.client.queue": ("Queue",),
    "nbqueue.client.schedule": ("Schedule",),
    "nbqueue.client.schedule_list": ("schedules",),
    "nbqueue.client.known": ("attach", "jobs"),
    "nbqueue.client.session": ("configure",),
    "nbqueue.client.submitter": ("options", "run", "schedule", "submit", "submit_map"),
    "nbqueue.client.tasks": ("task",),
    "nbqueue.inside": (
        "checkpoint", "cpus", "current_job", "last_checkpoint", "log", "on_stop", "progress", "report", "should_stop",
        "stop_reason", "time_left", "track",
    ),
    "nbqueue.model.retry": ("RetryPolicy",),
    "nbqueue.model.settings": ("Settings",),
    "nbqueue.model.states": ("State",),
    "nbqueue.model.times": ("Cron", "Every"),
    "nbqueue.notebook.nesting": ("allow_nested",),
    "nbqueue.notebook.board.dashboard": ("dashboard",),
    "nbqueue.notebook.notify": ("notify",),
    "nbqueue.past": ("export", "history"),
}  # fmt: skip
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def load_ipython_extension(shell: _typing.Any) -> None:
    """Bring the names, the magic and the live cards into a notebook: `%load_ext nbqueue`."""
    _import_module("nbqueue.notebook.extension").load_ipython_extension(shell)


def unload_ipython_extension(shell: _typing.Any) -> None:
    """Take them away and close the connections; jobs go on."""
    _import_module("nbqueue.notebook.extension").unload_ipython_extension(shell)
    _import_module("nbqueue.client.portal").shutdown()


def _ensure(settings: Settings, *, wakes: bool) -> _Address:
    """Start the local stack; what starts it is loaded when it is needed."""
    address: _Address = _import_module("nbqueue.local.stack").ensure(settings, wakes=wakes)
    return address


def _serve_inline(address: _Address, settings: Settings, keyring: _Keyring) -> None:
    """Have a worker in this process; it is loaded when it is needed."""
    _import_module("nbqueue.inline").serve(address, settings, keyring)


def _current_line() -> _Line | None:
    line: _Line | None = _import_module("nbqueue.inside.context").current_line()
    return line


class _Clerks:
    """The clerks of engines, made of the client's parts."""

    def load(self) -> None:
        """Import what they need."""
        _import_module("nbqueue.client.clerk")

    def make(self, address: _typing.Any, keyring: _typing.Any, namespace: str) -> _Clerk:
        """A clerk for a server, with a key."""
        clerk: _Clerk = _import_module("nbqueue.client.clerk").LinkClerk(address, keyring, namespace)
        return clerk


class _Door:
    """The client, for rooms that do not know it; loaded when something is submitted."""

    def options(self, given: _typing.Mapping[str, _typing.Any], /) -> _Submitting:
        """What submits with these options."""
        return _typing.cast("_Submitting", _import_module("nbqueue.client.submitter").options(**given))

    def attach(self, job_id: str, /) -> _Waited[_Handle[_typing.Any]]:
        """The handle of a job by its id."""
        return _typing.cast("_Waited[_Handle[_typing.Any]]", _import_module("nbqueue.client.known").attach(job_id))

    def kept(self, job_id: str, /, *, beside: str | None = None) -> _Waited[_typing.Any]:
        """What a job kept last."""
        return _typing.cast("_Waited[_typing.Any]", _import_module("nbqueue.client.kept").kept(job_id, beside=beside))

    def digest(self, fn: _typing.Callable[..., _typing.Any], /, *args: _typing.Any) -> str:
        """Tells the same calls from others."""
        return str(_import_module("nbqueue.broker.digest").call_digest(fn, args, {}))

    def begin(self, act: _typing.Callable[[], _T], what: str, /, *, cancel: _typing.Callable[[], object]) -> _Work[_T]:
        """What takes long, in a thread of its own."""
        return _typing.cast("_Work[_T]", _import_module("nbqueue.client.background").begin(act, what, cancel=cancel))

    def show(self, subject: _typing.Any, /) -> None:
        """Show a live card."""
        _hooks.show(subject)


def _drawn(graph: _typing.Any) -> str:
    """A graph of jobs as SVG; what draws is loaded when something is drawn."""
    drawn: str = _import_module("nbqueue.notebook.picture").svg(graph)
    return drawn


_hooks.use_local_stack(_ensure)
_hooks.use_drawing(_drawn)
_hooks.use_charting(lambda: _import_module("nbqueue.analysis.accessor"))
_hooks.use_inline_worker(_serve_inline)
_hooks.use_current_line(_current_line)
_use_clerks(_Clerks())
_use_submitting(_Door())
_hooks.use_face(_ProcessFace())
_use_values(_ProcessDrawing())


def __getattr__(name: str) -> _typing.Any:
    if name == "charts":
        return _import_module("nbqueue.charts")
    if name == "__version__":
        return _import_module("nbqueue.broker.codec").header_versions()["v"]
    home = "nbqueue.errors" if name in __all__ and name not in _HOME_OF else _HOME_OF.get(name)
    if home is None:
        raise _import_module("nbqueue.client.hints").not_in_package(__name__, name)
    value = getattr(_import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "charts"})
