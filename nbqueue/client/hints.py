"""What to write in the place of names that handles have in other libraries: a sentence for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from nbqueue.model.familiar import by_name, missing

#: of a job: what is wanted, and the names it has with concurrent.futures, asyncio, RQ, Celery and Dask
_OF_JOB = {
    "await job, or call job.wait(), for its result": "result get return_value latest_result gather",
    "await job.state() says where it stands": "status get_status current_state done finished ready running pending "
    "is_finished is_failed is_queued is_started is_done successful failed succeeded",
    "await job, or call job.wait(timeout) in sync code": "wait_for join block",
    "await job raises its error, and await job.attempts() lists those of its attempts": "exception error exc_info "
    "traceback",
    "give options(on_done=fn) when you submit it": "add_done_callback add_callback then on_done",
    "await job.cancel() stops it": "cancelled revoke abort kill stop terminate send_stop_signal",
    "give options(tags=[...]) when you submit it": "meta get_meta",
    "keep its arguments where you submit it": "args kwargs",
    "await job.info() has all that is known of it": "started_at ended_at enqueued_at created_at "
    "progress worker_name origin refresh describe",
    "await job.retry() runs it again": "requeue resubmit",
    "await job.delete() forgets it": "forget remove",
    "it is called job.id": "job_id task_id key uuid",
    "it is called job.label": "name func_name task_name",
}
OF_JOB = by_name(_OF_JOB)
_GROUP_ENDS = "await group, or call group.wait(), for all results; group.as_completed() gives jobs as they end"
OF_GROUP: Mapping[str, str] = {
    **dict.fromkeys(("result", "get", "gather", "join", "join_native", "wait_for", "join_all"), _GROUP_ENDS),
    **dict.fromkeys(
        ("status", "state", "done", "ready", "successful", "failed", "completed_count", "running"),
        "await group.progress() counts its jobs by their states",
    ),
    **dict.fromkeys(("revoke", "abort", "kill", "stop", "cancelled"), "await group.cancel() stops all of its jobs"),
    **dict.fromkeys(("add_done_callback", "then"), "group.on_done(fn) calls it when all have ended"),
    **dict.fromkeys(("retry", "requeue"), "await group.retry_failed() runs again what has failed"),
    **dict.fromkeys(("exception", "errors", "failures"), "await group.results(return_errors=True) has the errors"),
    **dict.fromkeys(("children", "jobs", "futures"), "iterate over the group itself, it holds its jobs"),
}
_SUBMIT = "await nbqueue.submit(fn, ...) makes a job"
#: of the package: names that other libraries have in such a place
_OF_PACKAGE = {
    _SUBMIT: "delay apply apply_async enqueue enqueue_job remote defer spawn background create_task",
    "await nbqueue.submit_map(fn, items) makes a job of each item": "map starmap imap map_async amap pmap apply_map",
    "await the group of submit_map, or use asyncio.gather": "gather wait join wait_all",
    "the group of submit_map has as_completed()": "as_completed",
    "use job.cancel(), or nbqueue.jobs.where(...) and then .cancel()": "cancel revoke abort kill cancel_all",
    "await nbqueue.jobs.recent() lists jobs, and %nbqueue status tells of server and workers": "status stats inspect "
    "monitor list_jobs get_jobs recent",
    "await nbqueue.attach(id) gives a job's handle": "get_job fetch get AsyncResult result job",
    "it is nbqueue.executor.Executor": "Executor ProcessPoolExecutor Pool pool",
    "set NBQUEUE_URL, or call nbqueue.configure(url=...)": "Client connect Redis broker init App Celery Arq",
    "run `nbqueue worker` in a shell": "Worker worker start_worker run_worker",
    "nbqueue.schedule(nbqueue.Every(...), fn) or a cron text makes periodic jobs": "cron every periodic repeat crontab",
}
OF_PACKAGE = by_name(_OF_PACKAGE)


class NotHere(AttributeError, TypeError):
    """What is asked of a handle too early, or is nothing it has: `hasattr` is False, and `len` a TypeError."""


class Refused:
    """A method that says what to do instead; for `hasattr` there is none."""

    def __init__(self, sentence: str) -> None:
        self._sentence = sentence

    def __get__(self, instance: object, owner: type | None = None) -> NoReturn:
        raise NotHere(self._sentence)


class ForJob:
    """What a job's handle says of names that it has not; a checker of types says so by itself."""

    __slots__ = ()

    if not TYPE_CHECKING:
        __len__ = Refused("A Job has no length: await job, or call job.wait(), and take the length of its result.")

        def __getattr__(self, name: str) -> Any:
            """Say what to write instead."""
            raise missing(self, name, OF_JOB)

    def __bool__(self) -> bool:
        return True


class ForGroup:
    """The same of a group's handle."""

    __slots__ = ()

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """Say what to write instead."""
            raise missing(self, name, OF_GROUP)


def not_in_package(package: str, name: str) -> AttributeError:
    """The error for a name that the package has not."""
    hint = OF_PACKAGE.get(name)
    return AttributeError(f"module {package!r} has no attribute {name!r}{f': {hint}.' if hint else ''}", name=name)
