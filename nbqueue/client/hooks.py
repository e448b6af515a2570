"""What the client is given from above: how to start the local stack, and how to show a job."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Protocol

from nbqueue.broker.address import Address
from nbqueue.broker.signing import Keyring
from nbqueue.errors import NotInJob
from nbqueue.model.errands import Line
from nbqueue.model.settings import Settings

log = logging.getLogger("nbqueue")


class LocalStack(Protocol):
    """Starts what does not run of the embedded server and its worker; called in a thread of its own."""

    def __call__(self, settings: Settings, /, *, wakes: bool) -> Address:
        """Where the server is. What was ended on purpose is started only for one who `wakes` it."""
        ...


class InlineWorker(Protocol):
    """Has a worker in this process for a store that is in it too; called in a thread of its own."""

    def __call__(self, address: Address, settings: Settings, keyring: Keyring) -> None:
        """Return once it works."""
        ...


class Face(Protocol):
    """Shows jobs and groups where the user looks. Called in the thread of whoever submits or waits."""

    def show(self, subject: Any) -> None:
        """Show the live card of a job or group, now, below the running cell."""
        ...

    def display(self, subject: Any) -> None:
        """Show what stands for a handle at the end of a cell."""
        ...

    def settle(self, subject: Any) -> None:
        """Publish the final card: the cell that waited has the end in its hands."""
        ...

    def say(self, words: str, /) -> None:
        """Say a line, where a person looks on."""
        ...


#: set once at the top of the package; None: NBQUEUE_URL must be set
local_stack: LocalStack | None = None
#: set once at the top of the package; None: jobs for `inline:` wait for a worker of somebody's own
inline_worker: InlineWorker | None = None
#: set once at the top of the package: the line to its worker of the job that the calling code belongs to
current_line: Callable[[], Line | None] | None = None
#: set by the notebook's extension or a terminal; None: nothing is shown
face: Face | None = None

#: set once at the top of the package: a graph of jobs as SVG; None: graphs are text
drawing: Callable[[Any], str] | None = None
#: set once at the top of the package: gives pandas frames their charts; None: they have none
charting: Callable[[], object] | None = None


def use_local_stack(ensure: LocalStack | None) -> None:
    """Start the local stack with `ensure` where no server is named."""
    global local_stack  # noqa: PLW0603 - the one place where it is set
    local_stack = ensure


def use_inline_worker(serve: InlineWorker | None) -> None:
    """Run jobs without a server with the worker that `serve` starts."""
    global inline_worker  # noqa: PLW0603 - the one place where it is set
    inline_worker = serve


def use_current_line(ask: Callable[[], Line | None]) -> None:
    """Know by `ask` whether code runs in a job, and its line to the worker."""
    global current_line  # noqa: PLW0603 - the one place where it is set
    current_line = ask


def use_face(shown_by: Face | None) -> None:
    """Show jobs and groups with this face from now on; None: show nothing."""
    global face  # noqa: PLW0603 - the one place where it is set
    face = shown_by


def use_charting(register: Callable[[], object] | None) -> None:
    """Give frames their charts with `register`, called before each is handed out."""
    global charting  # noqa: PLW0603 - the one place where it is set
    charting = register


def use_drawing(draw: Callable[[Any], str]) -> None:
    """Draw graphs of jobs with this."""
    global drawing  # noqa: PLW0603 - the one place where it is set
    drawing = draw


def line() -> Line | None:
    """The line of the job that the calling code belongs to, or None outside of jobs."""
    return None if current_line is None else current_line()


def check_may_block() -> None:
    """Refuse to block a loop that others need."""
    found = line()
    if found is not None and not found.may_block():
        raise NotInJob(
            f"Job {found.job_id} runs in an event loop with others, which .wait() would block: await it instead, or "
            "wait in a thread (asyncio.to_thread)."
        )


def show(subject: Any) -> bool:
    """Show a card, if there is a face; whether one was shown. A face that fails stops nothing; jobs have none."""
    return face is not None and line() is None and _guarded(face.show, subject)


def display(subject: Any) -> bool:
    """Show what stands for a handle, if there is a face; whether something was shown."""
    return face is not None and _guarded(face.display, subject)


def settle(subject: Any) -> None:
    """Show the end, if there is a face."""
    if face is not None:
        _guarded(face.settle, subject)


def say(words: str) -> None:
    """Say a line before something is done, if there is a face."""
    if face is not None and line() is None:
        _guarded(face.say, words)


def _guarded(act: Any, subject: Any) -> bool:
    try:
        act(subject)
    except Exception:
        log.exception("The card of %r could not be drawn.", subject)
        return False
    return True
