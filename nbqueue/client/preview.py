"""Which of some jobs a verb would touch: said before it acts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from nbqueue.client.named import queue_named
from nbqueue.errors import ConfigurationError
from nbqueue.model.job import JobRecord
from nbqueue.model.names import shown
from nbqueue.model.shown import plain
from nbqueue.model.states import FINAL, LIVE, State

Verb = Literal["retry", "cancel", "delete", "requeue"]

#: of each verb: how it is said, and the states of what it can touch
_VERBS: Mapping[str, tuple[str, Collection[State]]] = {
    "retry": ("retrying", FINAL - {State.SUCCEEDED}),
    "cancel": ("cancelling", LIVE),
    "delete": ("deleting", frozenset(State) - {State.RUNNING}),
    "requeue": ("requeueing", frozenset(State) - {State.RUNNING, State.SUCCEEDED}),
}


def states_for(verb: Verb) -> tuple[State, ...]:
    """The states of jobs that a verb can touch."""
    return tuple(state for state in State if state in _VERBS[verb][1])


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Preview:
    """What a verb would do now, by what was known of the jobs when they were looked up. Its text says it."""

    verb: Verb
    #: the jobs that it touches
    ids: tuple[str, ...]
    #: how many it touches, and how many it leaves as they are, by their states
    touched: Mapping[State, int]
    left: Mapping[State, int]
    #: how many it leaves because they were retried before
    retried: int = 0
    #: whose jobs they are, as a sentence goes on with it
    words: str

    def __len__(self) -> int:
        return len(self.ids)

    def __str__(self) -> str:
        count, rest = len(self.ids), sum(self.left.values())
        every = count + rest + self.retried
        jobs = f"{every:,} {'job' if every == 1 else 'jobs'}"
        some = jobs if count == every else f"{count:,} of {jobs}" if count else f"none of {jobs}"
        touched = _counted(self.touched)
        left = f"{_counted(self.left)} {'is' if rest == 1 else 'are'} left" if rest else ""
        before = f"{self.retried:,} {'was' if self.retried == 1 else 'were'} retried already" if self.retried else ""
        told = "; ".join(filter(None, (touched, left, before)))
        return f"{_VERBS[self.verb][0]} {some} {plain(self.words)}{f': {told}' if told else ''}"

    def __repr__(self) -> str:
        return f"<Preview: {self}>"


def preview(
    verb: Verb, records: Sequence[JobRecord], words: str, *, queue: str = "", again: bool = True
) -> Preview:  # fmt: skip
    """What a verb would do.

    Args:
        verb: the verb.
        records: what is known of the jobs.
        words: whose jobs they are.
        queue: where `requeue` puts them, each into its own if empty.
        again: whether jobs that were retried before are retried once more.
    """
    if verb not in _VERBS:
        raise ConfigurationError(f"preview({shown(verb)}) cannot be said: give one of {', '.join(_VERBS)}.")
    queue = queue_named(queue)
    touches = _touches(verb, queue)
    fit = [record for record in records if touches(record)]
    before = not again and verb in ("retry", "requeue")
    chosen = [record for record in fit if not (before and record.retried_by)]
    left = Counter(record.state for record in records) - Counter(record.state for record in fit)
    into = f' into queue "{queue}"' if queue else ""
    return Preview(
        verb=verb, ids=tuple(record.id for record in chosen), touched=Counter(record.state for record in chosen),
        left=left, retried=len(fit) - len(chosen), words=f"of {words}{into}",
    )  # fmt: skip


def _touches(verb: Verb, queue: str) -> Callable[[JobRecord], bool]:
    states = _VERBS[verb][1]
    if verb != "requeue":
        return lambda record: record.state in states
    # what waits where it should is there already
    return lambda record: record.state in states and (record.state.is_final or queue not in ("", record.queue))


def _counted(states: Mapping[State, int]) -> str:
    words = ((state.value.replace("_", " "), states[state]) for state in State if states.get(state))
    return ", ".join(f"{count:,} {word}" for word, count in words)
