"""The demo: solver and evaluation jobs side by side, live bars, checked results, files to look at."""

from __future__ import annotations

import contextlib
import importlib.util
import secrets
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from rich.console import Console

import nbqueue
from nbqueue.client.portal import shutdown
from nbqueue.demo import files, jobshop, models
from nbqueue.demo.jobshop import Instance
from nbqueue.errors import BrokerUnavailable, ConfigurationError, JobError, NbqueueError
from nbqueue.local import stack
from nbqueue.model.settings import Settings
from nbqueue.notebook import terminal

#: seconds a solver may take; the hardest shop needs about three
TIME_LIMIT_S = 60.0
#: seconds that jobs get to end when the demo is interrupted
CANCEL_S = 8.0
#: seconds after which the demo gives up: ten times what it takes
PATIENCE_S = 150.0
EXIT_INTERRUPTED = 130

_NEEDED = {"ortools": "ortools", "sklearn": "scikit-learn"}


@dataclass(frozen=True, slots=True)
class Work:
    """What the demo submitted."""

    #: marks its attempts in the history
    tag: str
    solving: list[tuple[Instance, nbqueue.Job[dict[str, Any]]]]
    sweep: nbqueue.JobGroup[dict[str, Any]]


def run(settings: Settings, folder: Path, console: Console | None = None) -> int:
    """Run the demo and give its exit code. What it started it stops, also when it is interrupted."""
    console = console or Console()
    begun = time.monotonic()
    _check_libraries()
    nbqueue.configure(settings)
    try:
        with _interruptible(), _stage(settings, console):
            problems = _perform(folder, console)
    except KeyboardInterrupt:
        console.print("Interrupted: the demo's jobs are cancelled, and what it started has stopped.")
        return EXIT_INTERRUPTED
    for problem in problems:
        console.print(f"nbqueue: {problem}", style="red")
    if not problems:
        console.print(f"All optima proven and all models scored in {time.monotonic() - begun:.0f} s.", style="green")
    return 1 if problems else 0


def _perform(folder: Path, console: Console) -> list[str]:
    """Submit, watch, check and write the files; what went wrong, a sentence each."""
    with _submitted() as work:
        with terminal.show([*(job for _, job in work.solving), work.sweep], console=console):
            _wait(work)
        solved = [(instance, _result(job)) for instance, job in work.solving]
        scored = work.sweep.results(return_errors=True).wait()
    files.print_results(console, solved, scored)
    history = nbqueue.history(tag=work.tag).wait()
    for path in files.write(history, folder):
        console.print(f"wrote {path}", soft_wrap=True)
    return [*_unproven(solved), *(f"A model could not be scored: {found}" for found in scored if _failed(found))]


@contextlib.contextmanager
def _submitted() -> Iterator[Work]:
    """The demo's jobs; those that have not ended are cancelled when the block is left by an error."""
    tag = f"demo-{secrets.token_hex(4)}"
    tags = ["demo", tag]
    # the hardest first: it runs while the others come and go
    shops = sorted(jobshop.instances(), key=lambda instance: -instance.optimum)
    solving: list[tuple[Instance, nbqueue.Job[dict[str, Any]]]] = []
    sweeps: list[nbqueue.JobGroup[dict[str, Any]]] = []
    try:
        for shop in shops:
            solver = nbqueue.options(label=f"solve {shop.name}", timeout=TIME_LIMIT_S, tags=tags)
            solving.append((shop, solver.submit(jobshop.solve, shop.durations, shop.machines).wait()))
        sweeps.append(nbqueue.options(tags=tags).submit_map(models.evaluate, models.MODELS).wait())
        yield Work(tag, solving, sweeps[0])
    except BaseException:
        _cancel([job for _, job in solving], sweeps)
        raise


def _cancel(jobs: list[nbqueue.Job[Any]], groups: list[nbqueue.JobGroup[Any]]) -> None:
    """Stop what has not ended; a second Ctrl-C does not keep this from being done."""
    before = [signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)]
    try:
        pending: list[nbqueue.Pending[Any]] = [*(job.cancel() for job in jobs), *(group.cancel() for group in groups)]
        for answer in pending:
            with contextlib.suppress(NbqueueError, TimeoutError):
                answer.wait(CANCEL_S)
    finally:
        for number, handler in zip((signal.SIGINT, signal.SIGTERM), before, strict=True):
            signal.signal(number, handler)


def _wait(work: Work) -> None:
    """Until all have ended, however."""
    ends_at = time.monotonic() + PATIENCE_S
    try:
        for _, job in work.solving:
            _result(job, max(ends_at - time.monotonic(), 0))
        work.sweep.results(return_errors=True).wait(max(ends_at - time.monotonic(), 0))
    except TimeoutError:
        raise BrokerUnavailable(
            f"The demo's jobs have not ended within {PATIENCE_S:.0f} s: `nbqueue doctor` says what keeps them."
        ) from None


def _result(job: nbqueue.Job[dict[str, Any]], timeout_s: float | None = None) -> dict[str, Any] | JobError:
    try:
        return job.wait(timeout_s)
    except JobError as error:
        return error


def _unproven(solved: list[tuple[Instance, dict[str, Any] | JobError]]) -> list[str]:
    """One sentence for each shop that was not solved to its known optimum, or whose schedule breaks a rule."""
    problems = []
    for instance, found in solved:
        if isinstance(found, JobError):
            problems.append(f"{instance.name} was not solved: {found}")
        elif found["status"] != "optimal" or found["objective"] != instance.optimum:
            problems.append(
                f"{instance.name} was not proven: {found['status']}, {found['objective']}, not {instance.optimum}."
            )
        elif jobshop.check_schedule(instance, found["starts"]) != instance.optimum:
            problems.append(f"{instance.name}: the schedule does not have the makespan that the solver said.")
    return problems


def _failed(found: object) -> bool:
    return isinstance(found, BaseException)


@contextlib.contextmanager
def _stage(settings: Settings, console: Console) -> Iterator[None]:
    """A server and a worker: those given, those running, or a local stack for the time of the demo."""
    if settings.url is not None:
        _check_worker()
        yield
        return
    ours = not stack.server_is_up(settings)
    console.print("Starting the local stack ..." if ours else "Using the local stack that runs.")
    try:
        stack.ensure(settings)
        yield
    finally:
        if ours:
            _end(settings)


def _check_worker() -> None:
    if not nbqueue.Queue("default").workers().wait():
        raise ConfigurationError(
            'No worker serves the queue "default" of the given server: start one with `nbqueue worker`, or leave out '
            "--url and NBQUEUE_URL to use the local stack."
        )


def _end(settings: Settings) -> None:
    """Stop the stack, and first what would start it again as it looks for a server that is gone."""
    before = [signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)]
    try:
        shutdown()
        stack.stop(settings)
    finally:
        for number, handler in zip((signal.SIGINT, signal.SIGTERM), before, strict=True):
            signal.signal(number, handler)


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """SIGTERM ends the demo as Ctrl-C does."""
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001 - a signal handler's signature
    raise KeyboardInterrupt


def _check_libraries() -> None:
    missing = [package for module, package in _NEEDED.items() if importlib.util.find_spec(module) is None]
    if missing:
        raise ConfigurationError(
            f"The demo needs {' and '.join(missing)}: install them with pip install 'nbqueue[solvers,evaluation]'."
        )
