"""What the Tab key offers after %nbqueue and %%job. It starts no server, and nobody waits for it for long."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from IPython.core import completer

from nbqueue.client.filters import FILTERS
from nbqueue.client.known import jobs
from nbqueue.client.pending import Pending
from nbqueue.client.schedule_list import schedules
from nbqueue.client.session import Session, session
from nbqueue.errors import NbqueueError
from nbqueue.notebook import cell_job, magics, searching, server

#: how long an answer of the server is waited for, and for how long it counts
PATIENCE_S, FRESH_S = 0.25, 2.0

_VERBS, _CELL = "%nbqueue", f"%%{cell_job.NAME}"
_IDENTIFIER = "nbqueue"


class Offer:
    """Names that the server knows, as far as it answers soon; what comes late is there the next time."""

    def __init__(self, ask: Callable[[], Pending[Any]], read: Callable[[Any], Iterable[str]]) -> None:
        self._ask, self._read = ask, read
        self._of: Session | None = None
        self._asked: Pending[Any] | None = None
        #: questions to servers that are not asked any more: their answers are taken, so that nobody is warned of them
        self._left: list[Pending[Any]] = []
        self._names: list[str] = []
        self._at = -FRESH_S

    def __call__(self) -> list[str]:
        """The names."""
        if self._of is not session():
            # another server, which has other names
            self._left += [] if self._asked is None else [self._asked]
            self._of, self._asked, self._names, self._at = session(), None, [], -FRESH_S
        self._left = [each for each in self._left if not _is_taken(each)]
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


def _is_taken(asked: Pending[Any]) -> bool:
    if asked.done():
        with contextlib.suppress(NbqueueError):
            asked.wait()
    return asked.done()


def _ids_and_labels(found: Any) -> Iterable[str]:
    labels = (record.label for record in found.records)
    return dict.fromkeys(
        [*(record.id for record in found), *(name for name in labels if name and name.split() == [name])]
    )


_JOBS = Offer(lambda: jobs.recent(magics.NEWEST), _ids_and_labels)
_SCHEDULES = Offer(schedules.all, lambda found: [record.name for record in found.records])
_QUEUES = Offer(server.queue_names, lambda found: found)


def _jobs_or_options(verb: str, before: Sequence[str]) -> Iterable[str]:
    """Jobs and options are not meant together."""
    if not before:
        return (*_JOBS(), *searching.options(verb))
    return searching.options(verb) if before[0].startswith("-") else _JOBS()


#: what comes after a verb, by the words between
_AFTER: dict[str, Callable[[Sequence[str]], Iterable[str]]] = {
    "jobs": lambda _: searching.options("jobs"),
    **dict.fromkeys(("logs", "take"), lambda _: _JOBS()),
    **{verb: partial(_jobs_or_options, verb) for verb in searching.VERBS if verb != "jobs"},
    "schedules": lambda words: _SCHEDULES() if words else magics.OF_SCHEDULES,
    "help": lambda _: magics.VERBS,
}  # fmt: skip
#: what comes after an option of a search
_OF_FILTER: dict[str, Callable[[], Iterable[str]]] = {
    "--queue": _QUEUES,
    "--to": _QUEUES,
    "--state": lambda: FILTERS["state"].words,
}
#: what comes after an option of %%job
_OF_OPTION: dict[str, Callable[[], Iterable[str]]] = {
    "--queue": _QUEUES,
    "--priority": lambda: ("high", "normal", "low"),
}


def words(text: str, shell: Any) -> Iterable[str]:
    """What may stand at the cursor, of the line before it; nothing where the line is none of our magics."""
    command, *before = text.split() if text[-1:].isspace() else text.split()[:-1] or [""]
    if command == _VERBS:
        return _after_verb(before)
    return _after_job(before, shell) if command == _CELL else ()


def begin(shell: Any) -> None:
    """Offer names from now on; twice is once. IPython before 8.6 cannot be told, and offers none."""
    end(shell)
    if hasattr(completer, "context_matcher"):
        shell.Completer.custom_matchers.append(_matcher(shell))


def end(shell: Any) -> None:
    """Offer nothing any more."""
    matchers = getattr(shell.Completer, "custom_matchers", [])
    matchers[:] = [each for each in matchers if getattr(each, "matcher_identifier", "") != _IDENTIFIER]


def _after_verb(before: Sequence[str]) -> Iterable[str]:
    if not before:
        return magics.VERBS
    verb, *rest = before
    last = rest[-1] if rest else ""
    if verb in searching.VERBS and last in searching.options(verb) and last not in searching.SWITCHES:
        return _OF_FILTER[last]() if last in _OF_FILTER else ()
    if verb not in _AFTER or len(rest) >= magics.VERBS[verb].most:
        return ()
    return [name for name in _AFTER[verb](rest) if name not in rest or name == "--state"]


def _after_job(before: Sequence[str], shell: Any) -> Iterable[str]:
    last = before[-1] if before else ""
    if last in _OF_OPTION:
        return _OF_OPTION[last]()
    if last in ("-i", "--input"):
        hidden = shell.user_ns_hidden
        return [name for name in shell.user_ns if name not in hidden and not name.startswith("_")]
    wants_option = not last.startswith("-") or last in cell_job.SWITCHES
    return cell_job.OPTIONS if wants_option else ()


def _matcher(shell: Any) -> Any:
    """As IPython asks for it: where we offer something, nothing else is of use there."""

    def match(context: Any) -> dict[str, Any]:
        found = [name for name in words(context.text_until_cursor, shell) if name.startswith(context.token)]
        return {
            "completions": [completer.SimpleCompletion(text=name, type="magic") for name in found],
            "suppress": bool(found),
        }

    marked: Any = completer.context_matcher
    return marked(identifier=_IDENTIFIER)(match)
