"""The names that users rely on: `nbqueue.__all__` is exactly what is importable."""

import types

import nbqueue
from nbqueue import errors

ERRORS = {
    "NbqueueError",
    "ConfigurationError",
    "BrokerUnavailable",
    "AccessDenied",
    "StoreFull",
    "LocalStackError",
    "NotSendable",
    "PayloadTooLarge",
    "TamperedPayload",
    "WrongPython",
    "UnknownFunction",
    "UnknownSchedule",
    "NotInJob",
    "SolverUnavailable",
    "InvalidModel",
    "NotebookFailed",
    "JobError",
    "JobFailed",
    "ParentFailed",
    "JobCancelled",
    "JobTimeout",
    "JobCrashed",
    "JobExpired",
    "JobLost",
    "QueueClosed",
    "ResultExpired",
    "Retrying",
    "SkipRetry",
    "RetryLater",
}
IN_A_JOB = {
    "progress",
    "track",
    "report",
    "log",
    "checkpoint",
    "last_checkpoint",
    "should_stop",
    "stop_reason",
    "on_stop",
    "time_left",
    "cpus",
    "current_job",
}
NAMES = ERRORS | IN_A_JOB | {
    "submit",
    "run",
    "submit_map",
    "options",
    "task",
    "configure",
    "Job",
    "JobGroup",
    "Pending",
    "Queue",
    "attach",
    "jobs",
    "history",
    "export",
    "export_csv",
    "export_html",
    "export_jsonl",
    "export_parquet",
    "export_xlsx",
    "notify",
    "allow_nested",
    "dashboard",
    "RetryPolicy",
    "Settings",
    "State",
    "schedule",
    "schedules",
    "Schedule",
    "Cron",
    "Every",
}  # fmt: skip
#: found by IPython on the package; not for users to import
HOOKS = {"load_ipython_extension", "unload_ipython_extension"}


def test_all_names_the_contract() -> None:
    """`__all__` holds the promised names and no other, each once."""
    assert sorted(nbqueue.__all__) == sorted(NAMES)


def test_every_name_is_there() -> None:
    """Each name of `__all__` can be imported, and none is a module in its place."""
    assert {name for name in nbqueue.__all__ if isinstance(getattr(nbqueue, name), types.ModuleType)} == set()


def test_nothing_else_is_public() -> None:
    """What the package shows besides `__all__` is its modules and what IPython asks for."""
    shown = {name for name in {*dir(nbqueue), *vars(nbqueue)} if not name.startswith("_")}
    extra = {name for name in shown - set(nbqueue.__all__) if not isinstance(getattr(nbqueue, name), types.ModuleType)}
    assert extra - HOOKS - {"annotations"} == set()


def test_dir_shows_every_name() -> None:
    """Completion in a notebook finds each public name before it is first used."""
    assert set(nbqueue.__all__) - set(dir(nbqueue)) == set()


def test_every_error_is_public() -> None:
    """Each class of errors.py is importable from the package, and all are one tree."""
    classes = {
        name: value for name, value in vars(errors).items() if getattr(value, "__module__", "") == errors.__name__
    }
    assert set(classes) == ERRORS
    assert all(issubclass(value, errors.NbqueueError) for value in classes.values())
    assert {name for name, value in classes.items() if getattr(nbqueue, name) is not value} == set()
