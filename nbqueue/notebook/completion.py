"""What the Tab key offers after %nbqueue and %%job. It starts no server, and nobody waits for it for long."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from nbqueue.client.pending import Pending
from nbqueue.client.schedule_list import schedules
from nbqueue.client.selection import jobs
from nbqueue.client.session import Session, session
from nbqueue.errors import NbqueueError
from nbqueue.notebook import cell_job, magics, server

#: how long an answer of the server is waited for, and for how long it counts
PATIENCE_S, FRESH_S = 0.25, 2.0
_HOOK = "complete_command"


class Offer:
    """Names that the server knows, as far as it answers soon; what comes late is there the next time."""

    def __init__(self, ask: Callable[[], Pending[Any]], read: Callable[[Any], Iterable[str]]) -> None:
        self._ask, self._read = ask, read
        self._of: Session | None = None
        self._asked: Pending[Any] | None = None
        self._names: list[str] = []
        self._at = -FRESH_S

    def __call__(self) -> list[str]:
        """The names."""
        if self._of is not session():
            # another server, which has other names
            self._of, self._asked, self._names, self._at = session(), None, [], -FRESH_S
        if time.monotonic() - self._at < FRESH_S:
            return self._names
        try:
            if self._asked is None:
                self._asked = self._ask() if server.is_up() else None
            self._names = [] if self._asked is None else list(self._read(self._asked.wait(PATIENCE_S)))
        except TimeoutError:
            return self._names
        except NbqueueError:
            self._names = []
        self._asked, self._at = None, time.monotonic()
        return self._names


def _ids_and_labels(found: Any) -> Iterable[str]:
    labels = (record.label for record in found.records)
    return dict.fromkeys(
        [*(record.id for record in found), *(name for name in labels if name and name.split() == [name])]
    )


_JOBS = Offer(lambda: jobs.recent(magics.NEWEST), _ids_and_labels)
_SCHEDULES = Offer(schedules.all, lambda found: [record.name for record in found.records])
_QUEUES = Offer(server.queue_names, lambda found: found)
#: what comes after a verb, by the words between
_AFTER: dict[str, Callable[[Sequence[str]], Iterable[str]]] = {
    **dict.fromkeys(("cancel", "logs", "retry", "take"), lambda _: _JOBS()),
    "schedules": lambda words: _SCHEDULES() if words else magics.OF_SCHEDULES,
}  # fmt: skip
#: what comes after an option of %%job
_OF_OPTION: dict[str, Callable[[], Iterable[str]]] = {
    "--queue": _QUEUES,
    "--priority": lambda: ("high", "normal", "low"),
}


def nbqueue(_: Any, event: Any) -> list[str]:
    """What may stand at the cursor after %nbqueue."""
    _, *words = _before(event)
    if not words:
        return list(magics.VERBS)
    verb, *rest = words
    if verb not in _AFTER or len(rest) >= magics.VERBS[verb].most:
        return []
    return [name for name in _AFTER[verb](rest) if name not in rest]


def job(shell: Any, event: Any) -> list[str]:
    """What may stand at the cursor after %%job."""
    *_, last = _before(event)
    if last in _OF_OPTION:
        return list(_OF_OPTION[last]())
    if last in ("-i", "--input"):
        hidden = shell.user_ns_hidden
        return [name for name in shell.user_ns if name not in hidden and not name.startswith("_")]
    return list(cell_job.OPTIONS) if str(event.symbol).startswith("-") or event.text_until_cursor.endswith(" ") else []


_COMPLETERS = {"%nbqueue": nbqueue, f"%%{cell_job.NAME}": job}


def begin(shell: Any) -> None:
    """Offer names from now on; twice is once."""
    end(shell)
    completers: dict[str, Any] = _COMPLETERS  # IPython has few types
    for command, completer in completers.items():
        shell.set_hook(_HOOK, completer, str_key=command)


def end(shell: Any) -> None:
    """Offer nothing any more."""
    commands = shell.strdispatchers[_HOOK].strs
    for command in _COMPLETERS:
        commands.pop(command, None)


def _before(event: Any) -> list[str]:
    """The words before the one at the cursor."""
    text = event.text_until_cursor
    words: list[str] = text.split()
    return words if text[-1:].isspace() else words[:-1]
